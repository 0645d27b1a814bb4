/** The audit: who did what and when, with what was there before and after. */
import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";
import { api, done, type Schema } from "../shared/api";
import { dayAfter, dayIn } from "../shared/dates";
import { CsvButton, type Figures } from "../shared/figures";
import { DateField, Select, TextField } from "../shared/forms";
import { may } from "../shared/session";
import { t, word } from "../shared/texts";
import { Badge, Empty, More, Part, Show, Title, useLoad, usePages, When } from "../shared/ui";
import { useFilters } from "./common";

type Entry = Schema["AuditView"];
const PLACES: Record<string, string> = {
  PARTNER: "/console/partners/",
  WITHDRAWAL: "/console/withdrawals/",
  BATCH: "/console/payouts/",
  REFERRAL: "/console/referrals/",
  REWARD: "/console/rewards/",
  PAYMENT: "/console/payments/",
  PROGRAM: "/console/programs/",
  ADJUSTMENT: "/console/adjustments/",
  PERSON: "/console/people/",
  PAYOUT_METHOD: "/console/partners/",
  CODE: "/console/partners/",
  ACCOUNT: "/console/withdrawals/",
  DOWNLOAD: "/console/payouts/",
  PROGRAM_CHANGE: "/console/programs/",
};
const ID = /^[A-Za-z0-9_-]{1,64}$/;

export default function Audit() {
  const [filters, set] = useFilters("/console/audit", { entity: "", actor: "", from: "", to: "" });
  const { entity, actor } = filters;
  const [from, to] = [dayIn(filters.from), dayIn(filters.to)];
  const isAsked = (entity !== "") !== (actor !== "");
  const list = usePages<Entry>(
    (cursor) => {
      const query = {
        ...(entity ? { entity } : { actor }),
        ...(from && { from: `${from}T00:00:00Z` }),
        ...(to && { to: `${dayAfter(to)}T00:00:00Z` }),
        ...(cursor && { cursor }),
      };
      return isAsked ? done(api.GET("/api/v1/audit", { params: { query } })) : Promise.resolve({ data: [] });
    },
    [entity, actor, from, to],
  );
  return (
    <>
      <Title text={t("audit")} />
      <Ask key={`${entity} ${actor}`} entity={entity} actor={actor} />
      {isAsked ? (
        <>
          <div class="filters">
            <DateField label={t("from")} value={from} onInput={(value) => set("from", value)} />
            <DateField label={t("to")} value={to} onInput={(value) => set("to", value)} />
            <CsvButton of={fileOf(list.data ?? [])} name="audit" />
          </div>
          <Show of={list}>
            {(data) =>
              data.length === 0 ? (
                <Empty title={t("noAudit")}>{t("noAuditAbout")}</Empty>
              ) : (
                <>
                  <ol class="audit">
                    {data.map((each) => (
                      <Line key={each.at + each.request + each.entity + each.part} of={each} />
                    ))}
                  </ol>
                  <More load={list.more} />
                </>
              )
            }
          </Show>
        </>
      ) : (
        <>
          <Empty title={t(entity ? "oneOfBoth" : "askAudit")}>{t("askAuditAbout")}</Empty>
          {may("GET /api/v1/people") && <Actors />}
        </>
      )}
    </>
  );
}

/** Who has acted: where an audit begins that begins with nobody. */
function Actors() {
  const found = useLoad(() => done(api.GET("/api/v1/people", { params: { query: { limit: 100 } } })), []);
  return (
    <Show of={found}>
      {({ data }) =>
        data.length > 0 && (
          <Part title={t("whoActed")} aside={<a href="/console/people">{t("people")} →</a>}>
            <ul class="plain">
              {data.map((each) => (
                <li key={each.id}>
                  <a href={`/console/audit?actor=${each.id}`}>{each.name ?? each.id}</a>
                </li>
              ))}
            </ul>
          </Part>
        )
      }
    </Show>
  );
}

/** One line for each value that is another since. */
const fileOf = (entries: Entry[]): Figures => ({
  head: "at actor name role from operation request action type entity part field before after".split(" "),
  rows: entries.flatMap((each) =>
    each.changes.map((change) => [
      each.at,
      each.actor.id ?? "",
      each.actor.name ?? "",
      each.actor.kind,
      each.actor.from ?? "",
      each.operation ?? "",
      each.request ?? "",
      each.action,
      each.type,
      each.entity,
      each.part ?? "",
      change.field,
      change.masked ? t("masked") : written(change.before),
      change.masked ? t("masked") : written(change.after),
    ]),
  ),
});

/** What is asked for goes when it is sent, not with each letter. */
function Ask({ entity, actor }: { entity: string; actor: string }) {
  const [by, setBy] = useState(actor ? "actor" : "entity");
  const [typed, setTyped] = useState(actor || entity);
  const { route } = useLocation();
  const submit = (event: Event) => {
    event.preventDefault();
    route(`/console/audit?${new URLSearchParams({ [by]: typed.trim() })}`);
  };
  return (
    <form class="filters" onSubmit={submit}>
      <Select
        label={t("askBy")}
        value={by}
        options={[
          ["entity", t("byThing")],
          ["actor", t("byPerson")],
        ]}
        onChange={setBy}
      />
      <TextField label={t("id")} value={typed} onInput={setTyped} hint={t("auditHint")} maxLength={64} />
      <button type="submit" class="button primary" disabled={!ID.test(typed.trim())}>
        {t("show")}
      </button>
      {(entity || actor) && (
        <a class="button" href="/console/audit">
          {t("clear")}
        </a>
      )}
    </form>
  );
}

function Line({ of }: { of: Entry }) {
  const place = PLACES[of.type];
  const who = of.actor.name ?? (of.actor.kind === "system" ? t("system") : (of.actor.id ?? of.actor.kind));
  return (
    <li>
      <header>
        <When at={of.at} />
        <Badge tone={of.action === "DELETED" ? "bad" : of.action === "CREATED" ? "good" : "go"}>
          {word("DID", of.action)}
        </Badge>
        <span>
          {word("TYPE", of.type)} {place ? <a href={place + of.entity}>{of.entity}</a> : <code>{of.entity}</code>}
          {of.part && (
            <>
              {" "}
              · <code>{of.part}</code>
            </>
          )}
        </span>
      </header>
      <p class="muted">
        {of.actor.id ? <a href={`/console/audit?actor=${of.actor.id}`}>{who}</a> : who}
        {of.actor.name && ` (${word("ROLE", of.actor.kind)})`}
        {of.actor.from && ` · ${of.actor.from}`}
        {of.operation && (
          <>
            {" "}
            · <code>{of.operation}</code>
          </>
        )}
      </p>
      <dl class="changes">
        {of.changes
          .filter((each) => each.masked || !(isNothing(each.before) && isNothing(each.after)))
          .map((each) => (
            <div key={each.field}>
              <dt>{each.field}</dt>
              <dd>
                {each.masked ? (
                  <i>{t("masked")}</i>
                ) : (
                  <>
                    {of.action !== "CREATED" && (
                      <>
                        <del>{written(each.before)}</del> <span aria-hidden="true">→</span>{" "}
                      </>
                    )}
                    {of.action !== "DELETED" && <ins>{written(each.after)}</ins>}
                  </>
                )}
              </dd>
            </div>
          ))}
      </dl>
    </li>
  );
}

const isNothing = (value: unknown): boolean =>
  value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0);

const written = (value: unknown): string =>
  isNothing(value) ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value);
