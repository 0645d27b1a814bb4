/** API keys: what a server calls with. Made and shown once, confirmed by another admin, rotated, revoked. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useRoute } from "preact-iso";
import { api, done, type Schema, write } from "../shared/api";
import { Dialog, Form, TextField } from "../shared/forms";
import { Listed } from "../shared/listed";
import { may, session } from "../shared/session";
import { t, word } from "../shared/texts";
import { Button, type Column, Copy, Facts, Part, Show, Status, Title, useLoad, usePages, When } from "../shared/ui";
import { Actions } from "./act";
import { Crumbs } from "./common";

type Key = Schema["ApiKeyView"];
type ShownKey = Schema["ShownApiKeyView"];

const PATH = "/console/api-keys";
const BELIEVED = "events:write"; // a key with it waits for another admin
const OVERLAP_HOURS = 24;
const MOST_HOURS = 168;
const MOST_DAYS = 3650;
// Those of `entry/access.py`: a test compares them
const SCOPES = [
  "programs:read",
  "partners:read",
  "partners:write",
  "referrals:read",
  "referrals:write",
  "rewards:read",
  "withdrawals:read",
  "payments:read",
  "ledger:read",
  "statistics:read",
  "audit:read",
  "portal:write",
  BELIEVED,
];

export default function Screen() {
  const { id } = useRoute().params;
  return id ? <One id={id} /> : <Keys />;
}

/** A whole number from `least` to `most`; null for anything else that was typed. */
function whole(typed: string, least: number, most: number): number | null {
  const value = /^\d{1,4}$/.test(typed.trim()) ? Number(typed) : Number.NaN;
  return value >= least && value <= most ? value : null;
}

const Ends = ({ of }: { of: Key }) => <code>{`${of.prefix}…${of.lastFour}`}</code>;
const State = ({ of }: { of: Key }) => <Status of={of.status} text={word("APIKEY", of.status)} />;
const maker = (of: Key): string => of.createdByName ?? of.createdBy;

function Keys() {
  const list = usePages<Key>(
    (cursor) => done(api.GET("/api/v1/api-keys", { params: { query: cursor ? { cursor } : {} } })),
    [],
  );
  const [isMaking, setMaking] = useState(false);
  const [told, setTold] = useState<ShownKey>(); // apart from the form: what closes that, even late, leaves this open
  const columns: Column<Key>[] = [
    { title: t("apiKeyName"), cell: (row) => <a href={`${PATH}/${row.id}`}>{row.name}</a> },
    { title: t("status"), cell: (row) => <State of={row} /> },
    { title: t("apiKeyText"), cell: (row) => <Ends of={row} /> },
    { title: t("apiKeyScopes"), cell: (row) => row.scopes.join(", ") },
    { title: t("apiKeyMaker"), cell: maker },
    {
      title: t("apiKeyUsed"),
      cell: (row) => (row.lastUsedAt ? <When at={row.lastUsedAt} relative /> : t("apiKeyNever")),
    },
    { title: t("apiKeyExpires"), cell: (row) => (row.expiresAt ? <When at={row.expiresAt} /> : t("apiKeyNever")) },
  ];
  return (
    <>
      <Title text={t("apiKeys")}>
        {may("POST /api/v1/api-keys") && (
          <div class="buttons aside">
            <Button kind="primary" onClick={() => setMaking(true)}>
              {t("makeApiKey")} …
            </Button>
          </div>
        )}
      </Title>
      <p class="muted">{t("apiKeysAbout")}</p>
      <Listed
        caption={t("apiKeys")}
        list={list}
        columns={columns}
        id={(row) => row.id}
        href={(row) => `${PATH}/${row.id}`}
        empty={{ title: t("noApiKeys"), about: t("noApiKeysAbout") }}
      />
      {isMaking && (
        <Make
          onClose={() => setMaking(false)}
          onDone={(made) => {
            setMaking(false);
            setTold(made);
            list.reload();
          }}
        />
      )}
      {told && <Told of={told} onClose={() => setTold(undefined)} />}
    </>
  );
}

/** The text of a key, which nobody can show again. */
function Told({ of, onClose }: { of: ShownKey; onClose: () => void }) {
  return (
    <Dialog title={t("apiKeyTold", { name: of.name })} onClose={onClose}>
      {of.key ? (
        <>
          <p class="notice">{t("apiKeyOnce")}</p>
          <p>
            <output aria-label={t("apiKeyText")}>{of.key}</output>
          </p>
          <p>
            <Copy text={of.key} />
          </p>
          <p class="muted">{t("apiKeyHow")}</p>
        </>
      ) : (
        <p class="notice">{t("apiKeyLost")}</p>
      )}
      {of.status === "WAITING" && <p>{t("apiKeyWaitsForAnother")}</p>}
      <footer class="buttons">
        <Button kind="primary" onClick={onClose}>
          {t(of.key ? "apiKeyKept" : "close")}
        </Button>
      </footer>
    </Dialog>
  );
}

function Make({ onClose, onDone }: { onClose: () => void; onDone: (made: ShownKey) => void }) {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<string[]>([]);
  const [days, setDays] = useState("365");
  const validDays = days.trim() ? whole(days, 1, MOST_DAYS) : null;
  const isWrong = scopes.length === 0 || (days.trim() !== "" && validDays === null);
  const act = async (key: string) => {
    const params = { header: { "Idempotency-Key": key } };
    const body = { name: name.trim(), scopes, validDays };
    onDone(await write(api.POST("/api/v1/api-keys", { params, body })));
  };
  return (
    <Dialog title={t("makeApiKey")} onClose={onClose}>
      <p class="muted">{t("makeApiKeyAbout")}</p>
      <Form submit={t("makeApiKey")} input={[name, scopes, days]} act={act} onCancel={onClose} disabled={isWrong}>
        <TextField
          label={t("apiKeyName")}
          hint={t("apiKeyNameHint")}
          value={name}
          onInput={setName}
          required
          maxLength={100}
        />
        <fieldset>
          <legend>{t("apiKeyScopes")}</legend>
          {SCOPES.map((each) => (
            <label key={each} class="check">
              <input
                type="checkbox"
                checked={scopes.includes(each)}
                onChange={(event) =>
                  setScopes(event.currentTarget.checked ? [...scopes, each] : scopes.filter((other) => other !== each))
                }
              />
              <span>
                <code>{each}</code>
                <small class="muted block">{word("SCOPE", each)}</small>
              </span>
            </label>
          ))}
        </fieldset>
        <TextField
          label={t("apiKeyDays")}
          hint={t("apiKeyDaysHint", { most: MOST_DAYS })}
          value={days}
          onInput={setDays}
          inputMode="decimal"
        />
        {scopes.includes(BELIEVED) && <p class="notice">{t("apiKeyWillWait")}</p>}
      </Form>
    </Dialog>
  );
}

function One({ id }: { id: string }) {
  const found = useLoad(
    () => done(api.GET("/api/v1/api-keys/{apiKeyId}", { params: { path: { apiKeyId: id } } })),
    [id],
  );
  return <Show of={found}>{(it) => <Shown it={it} reload={found.reload} />}</Show>;
}

function Shown({ it, reload }: { it: Key; reload: () => void }) {
  const [rotated, setRotated] = useState<ShownKey>();
  const [isRotating, setRotating] = useState(false);
  const isMine = it.createdBy === session.value?.id;
  const waits = it.status === "WAITING";
  const isOver = it.status === "REVOKED" || it.status === "EXPIRED";
  const path = { apiKeyId: it.id };
  const moment = (title: string, at: string | null, by?: string | null): [string, ComponentChildren][] =>
    at
      ? [
          [
            title,
            <>
              <When at={at} />
              {by && ` · ${by}`}
            </>,
          ],
        ]
      : [];
  return (
    <>
      <Crumbs to={PATH} name={t("apiKeys")} id={it.id} />
      <Title text={it.name}>
        <State of={it} />
      </Title>
      {waits && (
        <p class="notice">{isMine ? t("apiKeyWaitsForAnother") : t("apiKeyWaitsForYou", { name: maker(it) })}</p>
      )}
      <Actions
        onDone={reload}
        of={[
          waits &&
            !isMine &&
            may("POST /api/v1/api-keys/{apiKeyId}/confirm") && {
              name: t("confirmApiKey"),
              kind: "primary",
              about: <p>{t("confirmApiKeyAbout", { name: maker(it) })}</p>,
              done: t("apiKeyConfirmed"),
              act: (_, key) =>
                write(
                  api.POST("/api/v1/api-keys/{apiKeyId}/confirm", {
                    params: { path, header: { "Idempotency-Key": key } },
                  }),
                ),
            },
          it.status !== "REVOKED" &&
            may("DELETE /api/v1/api-keys/{apiKeyId}") && {
              name: t("revokeApiKey"),
              kind: "danger",
              about: (
                <>
                  <p class="sum">{it.name}</p>
                  <p>{t("revokeApiKeyAbout")}</p>
                </>
              ),
              done: t("apiKeyRevoked"),
              act: () => write(api.DELETE("/api/v1/api-keys/{apiKeyId}", { params: { path } })),
            },
        ]}
      />
      <Part
        title={t("apiKey")}
        aside={
          isMine &&
          !isOver &&
          may("POST /api/v1/api-keys/{apiKeyId}/rotate") && (
            <Button onClick={() => setRotating(true)}>{t("rotateApiKey")} …</Button>
          )
        }
      >
        <Facts
          of={[
            [t("apiKeyText"), <Ends key="t" of={it} />],
            [t("apiKeyMode"), t(it.livemode ? "apiKeyLive" : "apiKeyTest")],
            [t("apiKeyMaker"), maker(it)],
            ...moment(t("apiKeyMade"), it.createdAt),
            ...moment(t("apiKeyConfirmedAt"), it.confirmedAt, it.confirmedByName ?? it.confirmedBy),
            ...moment(t("apiKeyRotatedAt"), it.rotatedAt),
            [t("apiKeyUsed"), it.lastUsedAt ? <When key="u" at={it.lastUsedAt} relative /> : t("apiKeyNever")],
            [t("apiKeyExpires"), it.expiresAt ? <When key="e" at={it.expiresAt} /> : t("apiKeyNever")],
            ...moment(t("apiKeyRevokedAt"), it.revokedAt, it.revokedByName ?? it.revokedBy),
          ]}
        />
        {!isMine && !isOver && <p class="muted">{t("apiKeyOnlyMaker")}</p>}
      </Part>
      {!isOver && it.formerSecrets.length > 0 && (
        <Part title={t("apiKeyFormer")}>
          <Facts
            of={it.formerSecrets.map((each) => [
              `…${each.lastFour}`,
              <span key={each.lastFour}>
                {t("apiKeyUntil")} <When at={each.expiresAt} />
              </span>,
            ])}
          />
        </Part>
      )}
      <Part title={t("apiKeyScopes")}>
        <dl class="facts">
          {it.scopes.map((each) => (
            <div key={each}>
              <dt>
                <code>{each}</code>
              </dt>
              <dd>{word("SCOPE", each)}</dd>
            </div>
          ))}
        </dl>
      </Part>
      {isRotating && (
        <Rotate
          it={it}
          onClose={() => setRotating(false)}
          onDone={(told) => {
            setRotating(false);
            setRotated(told);
            reload();
          }}
        />
      )}
      {rotated && <Told of={rotated} onClose={() => setRotated(undefined)} />}
    </>
  );
}

function Rotate({ it, onClose, onDone }: { it: Key; onClose: () => void; onDone: (told: ShownKey) => void }) {
  const [hours, setHours] = useState(String(OVERLAP_HOURS));
  const overlapHours = whole(hours, 0, MOST_HOURS);
  const act = async (key: string) => {
    const params = { path: { apiKeyId: it.id }, header: { "Idempotency-Key": key } };
    const body = { overlapHours: overlapHours ?? OVERLAP_HOURS };
    onDone(await write(api.POST("/api/v1/api-keys/{apiKeyId}/rotate", { params, body })));
  };
  return (
    <Dialog title={t("rotateApiKey")} onClose={onClose}>
      <p class="sum">{it.name}</p>
      <p>{t("rotateApiKeyAbout")}</p>
      <Form submit={t("rotateApiKey")} input={hours} act={act} onCancel={onClose} disabled={overlapHours === null}>
        <TextField
          label={t("apiKeyOverlap")}
          hint={t("apiKeyOverlapHint", { most: MOST_HOURS })}
          value={hours}
          onInput={setHours}
          inputMode="decimal"
          required
        />
      </Form>
    </Dialog>
  );
}
