/** One partner: who they are, what they have, where it goes. */
import { useState } from "preact/hooks";
import { useRoute } from "preact-iso";
import { api, done, type Schema, write } from "../shared/api";
import { digitsOf } from "../shared/currencies";
import { may } from "../shared/session";
import { number, t, word } from "../shared/texts";
import { Dialog, Form, TextField } from "../shared/forms";
import { accountColumn, Listed } from "../shared/listed";
import {
  Badge,
  Button,
  type Column,
  Copy,
  Empty,
  Facts,
  Money,
  Part,
  Show,
  Status,
  Title,
  tell,
  useLoad,
  usePages,
  When,
} from "../shared/ui";
import { type Action, type ActionField, Actions, reason } from "./act";
import type { Withdrawal } from "./common";
import { Edit } from "./edit";

type Partner = Schema["PartnerView"];
type Method = Schema["StaffMethodView"];

export default function Screen() {
  const { id = "" } = useRoute().params;
  const path = { params: { path: { partnerId: id } } };
  const partner = useLoad(() => done(api.GET("/api/v1/partners/{partnerId}", path)), [id]);
  return <Show of={partner}>{(data) => <Shown it={data} reload={partner.reload} />}</Show>;
}

function Shown({ it, reload }: { it: Partner; reload: () => void }) {
  const [isEdited, setEdited] = useState(false);
  const person = `${it.firstName} ${it.lastName}`.trim();
  const name = it.companyName || person || it.referralCode;
  return (
    <>
      <p class="crumbs">
        <a href="/console/partners">{t("partners")}</a>
      </p>
      <Title text={name}>
        <Status of={it.status} />
        {it.tier && <Badge>{it.tier}</Badge>}
        {it.tags.map((each) => (
          <Badge key={each}>{each}</Badge>
        ))}
      </Title>
      <Decisions it={it} reload={reload} />
      <div class="columns">
        <div>
          <Balance id={it.id} />
          <Withdrawals id={it.id} />
          <Methods id={it.id} />
        </div>
        <div>
          <Part
            title={t("profile")}
            aside={
              may("PATCH /api/v1/partners/{partnerId}") && (
                <Button onClick={() => setEdited(true)}>{t("change")} …</Button>
              )
            }
          >
            <Facts
              of={[
                [t("person"), person || "–"],
                [t("email"), it.email || "–"],
                [t("phone"), it.phone || "–"],
                [t("company"), it.companyName || "–"],
                [t("program"), it.programId],
                [t("rates"), it.commissionRates.map((each) => `${number(each / 100)} %`).join(", ") || "–"],
                [t("since"), <When key="s" at={it.createdAt} />],
              ]}
            />
          </Part>
          <Part title={t("moreOf")}>
            <ul class="plain">
              {(["referrals", "rewards", "adjustments"] as const).map((each) => (
                <li key={each}>
                  <a href={`/console/${each}?partnerId=${it.id}${each === "rewards" ? "&status=ALL" : ""}`}>
                    {t(each)}
                  </a>
                </li>
              ))}
            </ul>
          </Part>
          <Links id={it.id} />
          <Signals id={it.id} />
        </div>
      </div>
      {isEdited && (
        <Editor
          it={it}
          onClose={() => setEdited(false)}
          onDone={() => {
            setEdited(false);
            tell(t("saved"));
            reload();
          }}
        />
      )}
    </>
  );
}

/** What can be decided about the partner, and given to or taken from them. */
function Decisions({ it, reload }: { it: Partner; reload: () => void }) {
  const path = { partnerId: it.id };
  const params = (key: string) => ({ params: { path, header: { "Idempotency-Key": key } } });
  const program = useLoad(
    () => done(api.GET("/api/v1/programs/{programId}", { params: { path: { programId: it.programId } } })),
    [it.programId],
  );
  const [first = "", ...others] = program.data?.currencies.map((each) => each.currency) ?? [];
  const money: ActionField[] = [
    ...(others.length > 0
      ? [
          {
            name: "currency",
            label: t("currency"),
            kind: "select" as const,
            options: [first, ...others].map((each): [string, string] => [each, each]),
          },
        ]
      : []),
    {
      name: "amount",
      label: others.length > 0 ? t("amount") : t("amountIn", { currency: first }),
      digits: (values) => digitsOf(values.currency || first),
      required: true,
      when: (values) => values.kind !== "ANCHOR",
    },
  ];
  const hasEnded = it.status === "TERMINATED";
  const become = (what: "activate" | "deactivate" | "suspend" | "terminate"): Action => ({
    name: word("BECOME", what),
    ...(what === "activate" && { kind: "primary" as const }),
    ...(what === "terminate" && { kind: "danger" as const }),
    about: <p>{word("BECOME_ABOUT", what)}</p>,
    done: t("saved"),
    fields: [reason()],
    act: ({ reason: why = "" }, key) => {
      // each of these takes a reason and answers with the partner
      const route = `/api/v1/partners/{partnerId}/${what}` as "/api/v1/partners/{partnerId}/suspend";
      return write(api.POST(route, { ...params(key), body: { reason: why } }));
    },
  });
  return (
    <Actions
      onDone={reload}
      of={[
        it.status !== "ACTIVE" && !hasEnded && may("POST /api/v1/partners/{partnerId}/activate") && become("activate"),
        first !== "" &&
          may("POST /api/v1/rewards") && {
            name: t("giveReward"),
            about: <p>{t("giveRewardAbout")}</p>,
            done: t("saved"),
            fields: [...money, reason()],
            act: ({ amount, currency, reason: why = "" }, key) => {
              const body = { partnerId: it.id, amount: Number(amount), currency: currency || first, reason: why };
              return write(api.POST("/api/v1/rewards", { params: { header: { "Idempotency-Key": key } }, body }));
            },
          },
        first !== "" &&
          may("POST /api/v1/adjustments") && {
            name: t("adjust"),
            about: <p>{t("adjustAbout")}</p>,
            fields: [
              {
                name: "kind",
                label: t("adjustKind"),
                kind: "select",
                options: (["GIVE", "TAKE", "WRITE_OFF", "ANCHOR"] as const).map((each): [string, string] => [
                  each,
                  word("ADJUST", each),
                ]),
              },
              ...money,
              {
                name: "entries",
                label: t("brokenEntries"),
                digits: 0,
                required: true,
                when: (its) => its.kind === "ANCHOR",
              },
              {
                name: "chain",
                label: t("chainNow"),
                hint: t("chainHint"),
                required: true,
                when: (its) => its.kind === "ANCHOR",
              },
              reason(),
            ],
            act: async ({ kind, amount, currency, entries, chain = "", reason: why = "" }, key) => {
              const body = {
                partnerId: it.id,
                currency: currency || first,
                reason: why,
                ...(kind === "ANCHOR"
                  ? { kind: "ANCHOR" as const, amount: 0, entries: Number(entries), chain }
                  : {
                      kind: kind === "WRITE_OFF" ? ("WRITE_OFF" as const) : ("ADJUSTMENT" as const),
                      amount: kind === "TAKE" ? -Number(amount) : Number(amount),
                    }),
              };
              const told = await write(
                api.POST("/api/v1/adjustments", { params: { header: { "Idempotency-Key": key } }, body }),
              );
              if (told.status === "WAITING") tell(t("waitsForSecond"));
            },
          },
        it.status === "ACTIVE" && may("POST /api/v1/partners/{partnerId}/deactivate") && become("deactivate"),
        ["ACTIVE", "INACTIVE"].includes(it.status) &&
          may("POST /api/v1/partners/{partnerId}/suspend") &&
          become("suspend"),
        !hasEnded && may("POST /api/v1/partners/{partnerId}/terminate") && become("terminate"),
      ]}
    />
  );
}

function Balance({ id }: { id: string }) {
  const balance = useLoad(
    () => done(api.GET("/api/v1/partners/{partnerId}/balance", { params: { path: { partnerId: id } } })),
    [id],
  );
  return (
    <Part title={t("money")}>
      <Show of={balance}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title={t("noMoney")} />
          ) : (
            data.map((each) => (
              <dl class="steps" key={each.currency}>
                {(["available", "reserved", "paid"] as const).map((step) => (
                  <div key={step}>
                    <dt>{word("LEG", step)}</dt>
                    <dd>
                      <Money decimal={each[`${step}Decimal`]} currency={each.currency} />
                    </dd>
                  </div>
                ))}
              </dl>
            ))
          )
        }
      </Show>
    </Part>
  );
}

function Withdrawals({ id }: { id: string }) {
  const list = usePages<Withdrawal>(
    (cursor) => {
      const query = { limit: 10, ...(cursor && { cursor }) };
      return done(api.GET("/api/v1/partners/{partnerId}/withdrawals", { params: { path: { partnerId: id }, query } }));
    },
    [id],
  );
  const columns: Column<Withdrawal>[] = [
    {
      title: t("asked"),
      cell: (row) => (
        <a href={`/console/withdrawals/${row.id}`}>
          <When at={row.createdAt} />
        </a>
      ),
    },
    {
      title: t("amount"),
      kind: "number",
      cell: (row) => <Money decimal={row.amountDecimal} currency={row.currency} />,
    },
    accountColumn((row) => ({ account: row.payoutMethod.account, type: row.payoutMethod.type })),
    { title: t("status"), cell: (row) => <Status of={row.status} /> },
  ];
  return (
    <Part title={t("withdrawals")}>
      <Listed
        caption={t("withdrawals")}
        list={list}
        columns={columns}
        id={(row) => row.id}
        href={(row) => `/console/withdrawals/${row.id}`}
        empty={{ title: t("noWithdrawals") }}
      />
    </Part>
  );
}

function Methods({ id }: { id: string }) {
  const list = useLoad(
    () => done(api.GET("/api/v1/partners/{partnerId}/payout-methods", { params: { path: { partnerId: id } } })),
    [id],
  );
  const [asked, setAsked] = useState<Method>();
  const columns: Column<Method>[] = [
    accountColumn((row) => row),
    { title: t("since"), cell: (row) => <When at={row.createdAt} relative /> },
    {
      title: t("verified"),
      cell: (row) =>
        row.disabledAt ? (
          <Badge>{t("outOfUse")}</Badge>
        ) : row.verifiedAt ? (
          <>
            ✓ {row.verifiedByName} <When at={row.verifiedAt} relative />
          </>
        ) : may("POST /api/v1/partners/{partnerId}/payout-methods/{methodId}/verify") ? (
          <Button onClick={() => setAsked(row)}>{t("verify")} …</Button>
        ) : (
          t("notVerified")
        ),
    },
  ];
  const act = async (key: string) => {
    const path = { partnerId: id, methodId: asked?.id ?? "" };
    const params = { path, header: { "Idempotency-Key": key } };
    await write(api.POST("/api/v1/partners/{partnerId}/payout-methods/{methodId}/verify", { params }));
    setAsked(undefined);
    tell(t("saved"));
    list.reload();
  };
  return (
    <Part title={t("accounts")}>
      <Listed
        caption={t("accounts")}
        list={{ ...list, data: list.data?.data }}
        columns={columns}
        id={(row) => `${row.id}-${row.version}`}
        empty={{ title: t("noAccounts") }}
      />
      {asked && (
        <Dialog title={t("verify")} onClose={() => setAsked(undefined)}>
          <p class="sum">
            {asked.accountHolder} · {asked.account}
          </p>
          <p>{t("verifyAbout")}</p>
          <Form submit={t("verify")} input={asked.id} act={act} onCancel={() => setAsked(undefined)} />
        </Dialog>
      )}
    </Part>
  );
}

function Links({ id }: { id: string }) {
  const links = useLoad(
    () => done(api.GET("/api/v1/partners/{partnerId}/links", { params: { path: { partnerId: id } } })),
    [id],
  );
  return (
    <Part title={t("links")}>
      <Show of={links}>
        {({ data }) => (
          <ul class="plain">
            {data.map((each) => (
              <li key={each.code} class="link">
                <code>{each.code}</code> {each.label && <span class="muted">{each.label}</span>}
                {each.url && <Copy text={each.url} label="copyLink" />}
                <small class="muted">
                  {t("linkFigures", {
                    clicks: number(each.clicks.total),
                    referrals: number(each.referrals),
                    converted: number(each.converted),
                  })}
                </small>
              </li>
            ))}
          </ul>
        )}
      </Show>
    </Part>
  );
}

function Signals({ id }: { id: string }) {
  const signals = useLoad(
    () => done(api.GET("/api/v1/partners/{partnerId}/signals", { params: { path: { partnerId: id } } })),
    [id],
  );
  if (signals.data?.data.length === 0) return null;
  return (
    <Part title={t("signals")}>
      <Show of={signals}>
        {({ data }) => (
          <ul class="risks">
            {data.map((each) => (
              <li key={each.type + each.of + (each.methodId ?? "")}>
                <Badge tone="wait">{word("RISK", each.type)}</Badge> {word("SHARED", each.of)}{" "}
                {each.partners.map((other) => (
                  <a key={other.partnerId} href={`/console/partners/${other.partnerId}`}>
                    {other.companyName || `${other.firstName} ${other.lastName}`.trim() || other.partnerId}{" "}
                  </a>
                ))}
              </li>
            ))}
          </ul>
        )}
      </Show>
    </Part>
  );
}

const EDITED = ["firstName", "lastName", "companyName", "phone", "tier"] as const;
type Edited = Record<(typeof EDITED)[number], string>;
const editedOf = (of: Partner): Edited => ({
  firstName: of.firstName,
  lastName: of.lastName,
  companyName: of.companyName,
  phone: of.phone,
  tier: of.tier,
});

const Editor = (props: { it: Partner; onClose: () => void; onDone: () => void }) => {
  const path = { partnerId: props.it.id };
  return (
    <Edit
      title={t("profile")}
      of={props.it}
      fields={editedOf}
      read={() => done(api.GET("/api/v1/partners/{partnerId}", { params: { path } }))}
      save={(changed, _all, version) => {
        const header = { "If-Match": `"${version}"` };
        return write(api.PATCH("/api/v1/partners/{partnerId}", { params: { path, header }, body: changed }));
      }}
      onClose={props.onClose}
      onDone={props.onDone}
    >
      {(values, set) =>
        EDITED.map((each) => (
          <TextField
            key={each}
            label={word("FIELD", each)}
            value={values[each]}
            onInput={(value) => set(each, value)}
            maxLength={100}
          />
        ))
      }
    </Edit>
  );
};
