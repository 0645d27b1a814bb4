/** Withdrawals: found by status, program and day; decided many at a time. */
import { useState } from "preact/hooks";
import { api, done } from "../shared/api";
import { sums } from "../shared/money";
import { may } from "../shared/session";
import { many, t, word } from "../shared/texts";
import { Dialog, Select, DateField } from "../shared/forms";
import {
  Button,
  type Column,
  Empty,
  Money,
  More,
  Show,
  Status,
  Sums,
  Table,
  Title,
  useLoad,
  usePages,
  When,
} from "../shared/ui";
import {
  type BulkResult,
  Decide,
  nameOf,
  PartnerLink,
  programs,
  Results,
  Risks,
  useFilters,
  type Withdrawal,
} from "./common";

const STATUSES = [
  "REQUESTED",
  "APPROVED",
  "PAYING",
  "PAID",
  "REJECTED",
  "CANCELLED",
  "EXPIRED",
  "FAILED",
  "RETURNED",
] as const;
const AT_ONCE = 50; // in one request
type Asked = { what: "approve" | "reject"; of: Withdrawal[] };

export default function Withdrawals() {
  const [filters, setFilter] = useFilters("/console/withdrawals", {
    status: "REQUESTED",
    programId: "",
    from: "",
    to: "",
  });
  const { status, programId, from, to } = filters;
  const known = useLoad(programs, []);
  const query = {
    ...(status === "PROBLEM" ? { problem: true } : { status: status as (typeof STATUSES)[number] | "ALL" }),
    ...(programId && { programId }),
    ...(from && { from }),
    ...(to && { to }),
  };
  const list = usePages<Withdrawal>(
    (cursor) => done(api.GET("/api/v1/withdrawals", { params: { query: { ...query, ...(cursor && { cursor }) } } })),
    [status, programId, from, to],
  );
  const [ticked, setTicked] = useState<string[]>([]);
  const [asked, setAsked] = useState<Asked>();
  const [note, setNote] = useState("");
  const [results, setResults] = useState<{ results: BulkResult[]; of: Withdrawal[] }>();

  const canDecide = may("POST /api/v1/withdrawals/bulk-approve") && status === "REQUESTED";
  const rows = list.data ?? [];
  const chosen = rows.filter((each) => ticked.includes(each.id)).slice(0, AT_ONCE);
  const isAll = rows.length > 0 && rows.slice(0, AT_ONCE).every((each) => ticked.includes(each.id));
  const tick = (id: string, isOn: boolean) => setTicked(isOn ? [...ticked, id] : ticked.filter((each) => each !== id));

  const columns: Column<Withdrawal>[] = [
    ...(canDecide
      ? [
          {
            title: t("chosen"),
            kind: "tick" as const,
            cell: (row: Withdrawal) => (
              <input
                type="checkbox"
                aria-label={t("choose", { name: nameOf(row) })}
                checked={ticked.includes(row.id)}
                onChange={(event) => tick(row.id, event.currentTarget.checked)}
              />
            ),
          },
        ]
      : []),
    { title: t("partner"), cell: (row) => <PartnerLink of={row} /> },
    {
      title: t("amount"),
      kind: "number",
      cell: (row) => (
        <a href={`/console/withdrawals/${row.id}`}>
          <Money decimal={row.amountDecimal} currency={row.currency} />
        </a>
      ),
    },
    { title: t("asked"), cell: (row) => <When at={row.createdAt} relative /> },
    {
      title: t("account"),
      cell: (row) => <span class="muted">{row.payoutMethod.account || row.payoutMethod.type}</span>,
    },
    { title: t("risks"), cell: (row) => <Risks of={row} /> },
    {
      title: t("status"),
      cell: (row) => (
        <>
          <Status of={row.status} />
          {row.problem && <span class="badge bad">{word("PROBLEM_OF", row.problem)}</span>}
          {row.status === "REQUESTED" && row.approvals.length > 0 && <span class="badge wait">{t("oneOfTwo")}</span>}
        </>
      ),
    },
  ];

  return (
    <>
      <Title text={t("withdrawals")} />
      <div class="filters">
        <Select
          label={t("status")}
          value={status}
          options={[
            ...STATUSES.map((each): [string, string] => [each, word("STATUS", each)]),
            ["PROBLEM", t("withProblem")],
            ["ALL", t("all")],
          ]}
          onChange={(value) => {
            setTicked([]);
            setFilter("status", value);
          }}
        />
        {(known.data?.data.length ?? 0) > 1 && (
          <Select
            label={t("program")}
            value={programId}
            options={[
              ["", t("all")],
              ...(known.data?.data ?? []).map((each): [string, string] => [each.id, each.name]),
            ]}
            onChange={(value) => setFilter("programId", value)}
          />
        )}
        <DateField label={t("from")} value={from} onInput={(value) => setFilter("from", value)} />
        <DateField label={t("to")} value={to} onInput={(value) => setFilter("to", value)} />
      </div>

      <Show of={list}>
        {(data) =>
          data.length === 0 ? (
            <Empty title={t(status === "REQUESTED" ? "noneToDecide" : "noneSuch")}>{t("otherFilters")}</Empty>
          ) : (
            <>
              {canDecide && (
                <div class="chosen">
                  <label>
                    <input
                      type="checkbox"
                      checked={isAll}
                      onChange={() => setTicked(isAll ? [] : rows.slice(0, AT_ONCE).map((each) => each.id))}
                    />{" "}
                    {t("chooseAll")}
                  </label>
                  {chosen.length > 0 && (
                    <>
                      <span aria-live="polite">
                        {many("chosen", chosen.length)} · <Sums of={sums(chosen)} />
                      </span>
                      <Button kind="primary" onClick={() => setAsked({ what: "approve", of: chosen })}>
                        {t("approve")} …
                      </Button>
                      <Button kind="danger" onClick={() => setAsked({ what: "reject", of: chosen })}>
                        {t("reject")} …
                      </Button>
                    </>
                  )}
                </div>
              )}
              <Table caption={t("withdrawals")} columns={columns} rows={data} id={(row) => row.id} />
              <More load={list.more} />
            </>
          )
        }
      </Show>

      {asked && (
        <Decide
          {...asked}
          note={note}
          onNote={setNote}
          onClose={() => setAsked(undefined)}
          onDone={(told) => {
            setResults({ results: told, of: asked.of });
            setAsked(undefined);
            setTicked([]);
            setNote("");
            list.reload();
          }}
        />
      )}
      {results && (
        <Dialog title={t("result")} onClose={() => setResults(undefined)}>
          <Results results={results.results} of={results.of.map((each) => ({ id: each.id, name: nameOf(each) }))} />
          <footer class="buttons">
            <Button kind="primary" onClick={() => setResults(undefined)}>
              {t("close")}
            </Button>
          </footer>
        </Dialog>
      )}
    </>
  );
}
