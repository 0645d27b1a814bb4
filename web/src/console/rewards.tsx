/** Rewards: what is due and waits for a person, what is held, and all others; decided many at a time. */
import { useState } from "preact/hooks";
import { api, done, type Schema, write } from "../shared/api";
import { DateField, Select } from "../shared/forms";
import { Listed } from "../shared/listed";
import { sums } from "../shared/money";
import { may } from "../shared/session";
import { many, t, word } from "../shared/texts";
import { Badge, Button, type Column, Money, Status, Sums, Title, usePages, When } from "../shared/ui";
import { type Action, Asked, note } from "./act";
import { given, nameOf, OfPartner, PartnerLink, ProgramChoice, programOf, ResultsDialog, useFilters } from "./common";

export type Reward = Schema["RewardView"];
type Result = Schema["RewardResult"];
const PATH = "/console/rewards";
const STATES = ["REVIEW", "HELD", "CANCELLED"] as const; // what a program's list is kept of, apart from statuses
const STATUSES = ["PENDING", "CALCULATED", "APPROVED", "PAID"] as const;
const OWN_REASONS = ["DISPUTE", "SECOND_PERSON", "POSSIBLE_DUPLICATE"];

/** Why it is held: the system's reasons by name, people's in their words. */
export const Held = ({ of }: { of: string[] }) => (
  <>
    {of.map((each) => (
      <Badge key={each} tone="wait">
        {OWN_REASONS.includes(each) ? word("HELD", each) : each}
      </Badge>
    ))}
  </>
);

export const canApprove = (of: Reward): boolean =>
  ["PENDING", "CALCULATED"].includes(of.status) && of.held.length === 0;
export const canCancel = (of: Reward): boolean => !["PAID", "CANCELLED"].includes(of.status);
const sumOf = (of: Reward[]) =>
  sums(of.map((each) => ({ amount: each.net, currency: each.currency, amountDecimal: each.netDecimal })));

/** How it was paid outside of withdrawals. */
export const paidFields = (): Action["fields"] => [
  { name: "paymentMethod", label: t("paymentMethod"), value: "BANK_TRANSFER", required: true, maxLength: 40 },
  { name: "transactionId", label: t("transactionId"), required: true, maxLength: 140 },
  note(false, t("paidNoteHint")),
];
export const paidBody = ({ paymentMethod = "", transactionId = "", note: told = "" }: Record<string, string>) => ({
  paymentMethod: paymentMethod.toUpperCase(),
  transactionId,
  note: told,
});

export default function Rewards() {
  const [filters, setFilter] = useFilters(PATH, { status: "REVIEW", programId: "", partnerId: "", from: "", to: "" });
  const { status, programId, partnerId, from, to } = filters;
  const isState = !partnerId && STATES.includes(status as "HELD");
  const list = usePages<Reward>(async (cursor) => {
    const stands = status && !["ALL", "REVIEW", "HELD"].includes(status) ? { status: status as Reward["status"] } : {};
    const more = cursor ? { cursor } : {};
    const period = given({ from, to });
    const query = partnerId
      ? { partnerId, ...stands, ...period, ...more }
      : isState
        ? { programId: await programOf(programId), state: status as "HELD", ...more }
        : { programId: await programOf(programId), ...stands, ...period, ...more };
    return done(api.GET("/api/v1/rewards", { params: { query } }));
  }, Object.values(filters));
  const [asked, setAsked] = useState<Action>();
  const [results, setResults] = useState<{ results: Result[]; of: Reward[] }>();
  const columns: Column<Reward>[] = [
    { title: t("partner"), cell: (row) => <PartnerLink of={row} /> },
    {
      title: t("amount"),
      kind: "number",
      cell: (row) => (
        <a href={`${PATH}/${row.id}`}>
          <Money decimal={row.netDecimal} currency={row.currency} />
        </a>
      ),
    },
    { title: t("tierOf"), kind: "number", cell: (row) => row.tier || "–" },
    { title: t("customer"), cell: (row) => row.customerId ?? row.externalPaymentId ?? "–" },
    { title: t("earned"), cell: (row) => <When at={row.earnedAt} relative /> },
    {
      title: t("matures"),
      cell: (row) => (["PENDING", "CALCULATED"].includes(row.status) ? <When at={row.maturesAt} relative /> : "–"),
    },
    {
      title: t("status"),
      cell: (row) => (
        <>
          <Status of={row.status} text={word("REWARD", row.status)} />
          {row.cancelled && <Badge>{word("CANCELLED", row.cancelled)}</Badge>}
          <Held of={row.held} />
        </>
      ),
    },
  ];
  const bulk = (
    of: Reward[],
    clear: () => void,
    action: Omit<Action, "act">,
    call: (ids: string[], values: Record<string, string>, key: string) => Promise<{ results: Result[] }>,
  ) =>
    setAsked({
      ...action,
      about: (
        <>
          <p class="sum">
            <Sums of={sumOf(of)} />
          </p>
          {action.about}
          <ul class="names">
            {of.map((each) => (
              <li key={each.id}>
                {nameOf(each)} <Money decimal={each.netDecimal} currency={each.currency} />
              </li>
            ))}
          </ul>
        </>
      ),
      act: async (values, key) => {
        setResults({
          results: (
            await call(
              of.map((each) => each.id),
              values,
              key,
            )
          ).results,
          of,
        });
        clear();
      },
    });
  const params = (key: string) => ({ params: { header: { "Idempotency-Key": key } } });
  const statusOptions: [string, string][] = [
    ...(partnerId ? [] : STATES.slice(0, 2).map((each): [string, string] => [each, word("STATE", each)])),
    ...STATUSES.map((each): [string, string] => [each, word("REWARD", each)]),
    ["CANCELLED", word("REWARD", "CANCELLED")],
    ["ALL", t("all")],
  ];
  const mayDecide = may("POST /api/v1/rewards/bulk-approve");
  return (
    <>
      <Title text={t("rewards")} />
      <OfPartner id={partnerId} back={PATH} />
      <div class="filters">
        <Select
          label={t("status")}
          value={status}
          options={statusOptions}
          onChange={(value) => setFilter("status", value)}
        />
        {!partnerId && <ProgramChoice value={programId} onChange={(value) => setFilter("programId", value)} />}
        {!isState && (
          <>
            <DateField label={t("from")} value={from} onInput={(value) => setFilter("from", value)} />
            <DateField label={t("to")} value={to} onInput={(value) => setFilter("to", value)} />
          </>
        )}
      </div>
      <Listed
        caption={t("rewards")}
        list={list}
        columns={columns}
        id={(row) => row.id}
        href={(row) => `${PATH}/${row.id}`}
        empty={{ title: t(status === "REVIEW" ? "noneToReview" : "noneSuch"), about: t("otherFilters") }}
        ticks={
          mayDecide && {
            label: (row) => t("chooseReward", { name: nameOf(row) }),
            can: (row) => canCancel(row),
            actions: (chosen, clear) => (
              <>
                <span aria-live="polite">
                  {many("chosen", chosen.length)} · <Sums of={sumOf(chosen)} />
                </span>
                {chosen.every(canApprove) && (
                  <Button
                    kind="primary"
                    onClick={() =>
                      bulk(
                        chosen,
                        clear,
                        { name: t("approve"), about: <p>{t("approveAbout")}</p>, fields: [note()] },
                        (rewardIds, { note: told = "" }, key) =>
                          write(
                            api.POST("/api/v1/rewards/bulk-approve", {
                              ...params(key),
                              body: { rewardIds, note: told },
                            }),
                          ),
                      )
                    }
                  >
                    {t("approve")} …
                  </Button>
                )}
                {chosen.every((each) => each.status === "APPROVED") && (
                  <Button
                    onClick={() =>
                      bulk(
                        chosen,
                        clear,
                        { name: t("pay"), about: <p>{t("payAbout")}</p>, fields: paidFields() ?? [] },
                        (rewardIds, values, key) =>
                          write(
                            api.POST("/api/v1/rewards/bulk-pay", {
                              ...params(key),
                              body: { rewardIds, ...paidBody(values) },
                            }),
                          ),
                      )
                    }
                  >
                    {t("pay")} …
                  </Button>
                )}
                <Button
                  kind="danger"
                  onClick={() =>
                    bulk(
                      chosen,
                      clear,
                      {
                        name: t("cancelReward"),
                        kind: "danger",
                        about: <p>{t("cancelAbout")}</p>,
                        fields: [note(true)],
                      },
                      (rewardIds, { note: told = "" }, key) =>
                        write(
                          api.POST("/api/v1/rewards/bulk-cancel", { ...params(key), body: { rewardIds, note: told } }),
                        ),
                    )
                  }
                >
                  {t("cancelReward")} …
                </Button>
              </>
            ),
          }
        }
      />
      <Asked of={asked} close={() => setAsked(undefined)} reload={list.reload} />
      {results && (
        <ResultsDialog
          results={results.results}
          of={results.of.map((each) => ({ id: each.id, name: nameOf(each) }))}
          path={PATH}
          onClose={() => setResults(undefined)}
        />
      )}
    </>
  );
}
