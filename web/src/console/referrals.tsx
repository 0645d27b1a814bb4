/** Referrals and leads: who was referred by whom, and how far each has got. */
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { api, done, Problem, type Schema, write } from "../shared/api";
import { DateField, Select, TextField } from "../shared/forms";
import { Listed } from "../shared/listed";
import { may } from "../shared/session";
import { many, t, word } from "../shared/texts";
import { Button, type Column, Status, Title, usePages, When } from "../shared/ui";
import { type Action, Actions, Asked, note, reason } from "./act";
import {
  given,
  OfPartner,
  PartnerLink,
  ProgramFilter,
  ResultsDialog,
  sourceOptions,
  useFilters,
  words,
} from "./common";

export type Referral = Schema["ReferralView"];
type Result = Schema["ReferralResult"];
const STATUSES = ["PENDING", "ACCEPTED", "CONVERTED", "PAID", "REJECTED", "EXPIRED"] as const;
export const OPEN: string[] = ["PENDING", "ACCEPTED"];
const PATH = "/console/referrals";

/** What a referral is called in a list: its customer or lead where they are known, else when it came. */
export const customerOf = (of: Referral): string => of.customerId || of.leadId || t("unknownCustomer");

export default function Referrals() {
  const [filters, setFilter] = useFilters(PATH, {
    status: "",
    source: "",
    tag: "",
    programId: "",
    partnerId: "",
    from: "",
    to: "",
  });
  const { status, source, tag, programId, partnerId, from, to } = filters;
  const list = usePages<Referral>((cursor) => {
    const query = {
      ...given({ tag, programId, partnerId, from, to, cursor: cursor ?? "" }),
      ...(status && { status: status as Referral["status"] }),
      ...(source && { source: source as Referral["source"] }),
    };
    return done(api.GET("/api/v1/referrals", { params: { query } }));
  }, Object.values(filters));
  const [asked, setAsked] = useState<Action>();
  const [results, setResults] = useState<{ results: Result[]; of: Referral[] }>();

  const bulk = (
    name: string,
    of: Referral[],
    clear: () => void,
    more: Partial<Action>,
    body: (values: Record<string, string>) => Schema["ReferralsBody"],
  ) =>
    setAsked({
      ...more,
      name,
      about: (
        <ul class="names">
          {of.map((each) => (
            <li key={each.id}>{customerOf(each)}</li>
          ))}
        </ul>
      ),
      act: async (values, key) => {
        const params = { header: { "Idempotency-Key": key } };
        const told = await write(api.POST("/api/v1/referrals/bulk", { params, body: body(values) }));
        setResults({ results: told.results, of });
        clear();
      },
    });
  const columns: Column<Referral>[] = [
    {
      title: t("customer"),
      cell: (row) => (
        <a href={`${PATH}/${row.id}`} class="who">
          {customerOf(row)}
          {row.customerId && row.leadId && <small class="muted">{t("leadIs", { id: row.leadId })}</small>}
        </a>
      ),
    },
    { title: t("partner"), cell: (row) => <PartnerLink of={row} /> },
    { title: t("source"), cell: (row) => word("SOURCE", row.source) + (row.campaign ? ` · ${row.campaign}` : "") },
    { title: t("since"), cell: (row) => <When at={row.createdAt} relative /> },
    { title: t("ends"), cell: (row) => (row.expiresAt ? <When at={row.expiresAt} relative /> : "–") },
    { title: t("status"), cell: (row) => <ReferralStatus of={row} /> },
  ];
  const params = (key: string) => ({ params: { header: { "Idempotency-Key": key } } });
  return (
    <>
      <Title text={t("referrals")}>
        <Actions
          inTitle
          onDone={list.reload}
          of={[
            may("POST /api/v1/referrals") && {
              name: t("newReferral"),
              kind: "primary",
              about: <p>{t("newReferralAbout")}</p>,
              done: t("saved"),
              fields: [
                { name: "referralCode", label: t("partnerCode"), required: true, maxLength: 40 },
                { name: "source", label: t("source"), kind: "select", options: sourceOptions() },
                { name: "customerId", label: t("customerId"), hint: t("customerIdHint"), maxLength: 200 },
                { name: "leadId", label: t("leadId"), hint: t("leadIdHint"), maxLength: 200 },
                { name: "campaign", label: t("campaign"), maxLength: 100 },
                { name: "tags", label: t("tags"), hint: t("tagsHint") },
                note(),
              ],
              act: ({ tags = "", source: from = "", ...rest }, key) => {
                const body = { ...given(rest), source: from as Referral["source"], tags: words(tags) };
                return write(api.POST("/api/v1/referrals", { ...params(key), body }));
              },
            },
            may("POST /api/v1/referrals/check-expired") && {
              name: t("checkExpired"),
              about: <p>{t("checkExpiredAbout")}</p>,
              done: t("checked"),
              act: (_, key) => write(api.POST("/api/v1/referrals/check-expired", params(key))),
            },
          ]}
        />
      </Title>
      <OfPartner id={partnerId} back={PATH} />
      <div class="filters">
        <Select
          label={t("status")}
          value={status}
          options={[["", t("all")], ...STATUSES.map((each): [string, string] => [each, word("REFERRAL", each)])]}
          onChange={(value) => setFilter("status", value)}
        />
        <Select
          label={t("source")}
          value={source}
          options={[["", t("all")], ...sourceOptions()]}
          onChange={(value) => setFilter("source", value)}
        />
        {!partnerId && <ProgramFilter value={programId} onChange={(value) => setFilter("programId", value)} />}
        <DateField label={t("from")} value={from} onInput={(value) => setFilter("from", value)} />
        <DateField label={t("to")} value={to} onInput={(value) => setFilter("to", value)} />
        <Find />
      </div>
      <Listed
        caption={t("referrals")}
        list={list}
        columns={columns}
        id={(row) => row.id}
        href={(row) => `${PATH}/${row.id}`}
        empty={{
          title: t(status || source || tag || from || to ? "noneSuch" : "noReferrals"),
          about: t(status || source || tag || from || to ? "otherFilters" : "noReferralsAbout"),
        }}
        ticks={
          may("POST /api/v1/referrals/bulk") && {
            label: (row) => t("chooseReferral", { name: customerOf(row) }),
            can: (row) => OPEN.includes(row.status),
            actions: (chosen, clear) => {
              const ids = chosen.map((each) => each.id);
              return (
                <>
                  <span aria-live="polite">{many("chosen", chosen.length)}</span>
                  <Button kind="primary" onClick={() => bulk(t("accept"), chosen, clear, {}, () => ({ accept: ids }))}>
                    {t("accept")} …
                  </Button>
                  <Button onClick={() => bulk(t("expire"), chosen, clear, {}, () => ({ expire: ids }))}>
                    {t("expire")} …
                  </Button>
                  <Button
                    kind="danger"
                    onClick={() =>
                      bulk(
                        t("reject"),
                        chosen,
                        clear,
                        { kind: "danger", fields: [reason()] },
                        ({ reason: why = "" }) => ({
                          reject: ids.map((id) => ({ id, reason: why })),
                        }),
                      )
                    }
                  >
                    {t("reject")} …
                  </Button>
                </>
              );
            },
          }
        }
      />
      <Asked of={asked} close={() => setAsked(undefined)} reload={list.reload} />
      {results && (
        <ResultsDialog
          results={results.results}
          of={results.of.map((each) => ({ id: each.id, name: customerOf(each) }))}
          path={PATH}
          onClose={() => setResults(undefined)}
        />
      )}
    </>
  );
}

export const ReferralStatus = ({ of }: { of: Referral }) => (
  <>
    <Status of={of.status} text={word("REFERRAL", of.status)} />
    {of.closedFrom && <span class="badge off">{t("closed")}</span>}
  </>
);

/** One by what the CRM or the shop calls it. */
function Find() {
  const [typed, setTyped] = useState("");
  const [isMissed, setMissed] = useState(false);
  const { route } = useLocation();
  const find = async (event: Event) => {
    event.preventDefault();
    const id = typed.trim();
    if (!id) return;
    const path = { params: { path: { leadId: id } } };
    const customer = { params: { path: { customerId: id } } };
    const found = await done(api.GET("/api/v1/referrals/by-lead/{leadId}", path))
      .catch((error) => {
        if (!(error instanceof Problem) || error.status !== 404) throw error;
        return done(api.GET("/api/v1/referrals/by-customer/{customerId}", customer));
      })
      .catch(() => undefined);
    if (found) route(`${PATH}/${found.id}`);
    else setMissed(true);
  };
  return (
    <form class="find" onSubmit={find}>
      <TextField
        label={t("findReferral")}
        value={typed}
        inputMode="search"
        hint={isMissed ? t("nobodySuch") : t("findReferralHint")}
        onInput={(value) => {
          setTyped(value);
          setMissed(false);
        }}
      />
    </form>
  );
}
