/** Withdrawals: found by status, program and day; decided many at a time. */
import { useState } from "preact/hooks";
import { api, done, write } from "../shared/api";
import { DateField, Dialog, Form, Select, TextField } from "../shared/forms";
import { accountColumn, Listed } from "../shared/listed";
import { sums } from "../shared/money";
import { may } from "../shared/session";
import { many, t, word } from "../shared/texts";
import { Badge, Button, type Column, Money, Status, Sums, Title, usePages, When } from "../shared/ui";
import {
  type BulkResult,
  nameOf,
  PartnerLink,
  ProgramFilter,
  ResultsDialog,
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
type Asked = { what: "approve" | "reject"; of: Withdrawal[]; clear: () => void };

export default function Withdrawals() {
  const [filters, setFilter] = useFilters("/console/withdrawals", {
    status: "REQUESTED",
    programId: "",
    from: "",
    to: "",
  });
  const { status, programId, from, to } = filters;
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
  const [asked, setAsked] = useState<Asked>();
  const [note, setNote] = useState("");
  const [results, setResults] = useState<{ results: BulkResult[]; of: Withdrawal[] }>();

  const canDecide = may("POST /api/v1/withdrawals/bulk-approve") && status === "REQUESTED";
  const columns: Column<Withdrawal>[] = [
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
    accountColumn((row) => ({ account: row.payoutMethod.account, type: row.payoutMethod.type })),
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
          onChange={(value) => setFilter("status", value)}
        />
        <ProgramFilter value={programId} onChange={(value) => setFilter("programId", value)} />
        <DateField label={t("from")} value={from} onInput={(value) => setFilter("from", value)} />
        <DateField label={t("to")} value={to} onInput={(value) => setFilter("to", value)} />
      </div>

      <Listed
        caption={t("withdrawals")}
        list={list}
        columns={columns}
        id={(row) => row.id}
        href={(row) => `/console/withdrawals/${row.id}`}
        empty={{ title: t(status === "REQUESTED" ? "noneToDecide" : "noneSuch"), about: t("otherFilters") }}
        ticks={
          canDecide && {
            label: (row) => t("choose", { name: nameOf(row) }),
            actions: (chosen, clear) => (
              <>
                <span aria-live="polite">
                  {many("chosen", chosen.length)} · <Sums of={sums(chosen)} />
                </span>
                <Button kind="primary" onClick={() => setAsked({ what: "approve", of: chosen, clear })}>
                  {t("approve")} …
                </Button>
                <Button kind="danger" onClick={() => setAsked({ what: "reject", of: chosen, clear })}>
                  {t("reject")} …
                </Button>
              </>
            ),
          }
        }
      />

      {asked && (
        <Decide
          {...asked}
          note={note}
          onNote={setNote}
          onClose={() => setAsked(undefined)}
          onDone={(told) => {
            setResults({ results: told, of: asked.of });
            setAsked(undefined);
            asked.clear();
            setNote("");
            list.reload();
          }}
        />
      )}
      {results && (
        <ResultsDialog
          results={results.results}
          of={results.of.map((each) => ({ id: each.id, name: nameOf(each) }))}
          onClose={() => setResults(undefined)}
        />
      )}
    </>
  );
}

const Risks = ({ of }: { of: Withdrawal }) => {
  if (of.risks === null) return <span class="muted">{t("assessing")}</span>;
  if (of.risks.length === 0) return <span class="muted">{t("noRisks")}</span>;
  const [first, ...others] = of.risks;
  return (
    <>
      <Badge tone="wait" title={first && word("RISK_ABOUT", first)}>
        {first && word("RISK", first)}
      </Badge>
      {others.length > 0 && (
        <Badge title={others.map((each) => word("RISK", each)).join(", ")}>{`+${others.length}`}</Badge>
      )}
    </>
  );
};

/** Decide about the withdrawals that are ticked: one note for all, each by itself. */
function Decide(props: {
  what: "approve" | "reject";
  of: Withdrawal[];
  note: string;
  onNote: (note: string) => void;
  onDone: (results: BulkResult[]) => void;
  onClose: () => void;
}) {
  const { what, of, note } = props;
  const withdrawalIds = of.map((each) => each.id);
  const act = async (key: string) => {
    const params = { header: { "Idempotency-Key": key } };
    const body = { withdrawalIds, note };
    const call =
      what === "approve"
        ? api.POST("/api/v1/withdrawals/bulk-approve", { params, body })
        : api.POST("/api/v1/withdrawals/bulk-reject", { params, body });
    props.onDone((await write(call)).results);
  };
  return (
    <Dialog title={many(what === "approve" ? "approveMany" : "rejectMany", of.length)} onClose={props.onClose}>
      <p class="sum">
        <Sums of={sums(of)} />
      </p>
      <ul class="names">
        {of.map((each) => (
          <li key={each.id}>
            {nameOf(each)} <Sums of={sums([each])} />
          </li>
        ))}
      </ul>
      <Form
        submit={t(what === "approve" ? "approve" : "reject")}
        kind={what === "approve" ? "primary" : "danger"}
        input={[what, withdrawalIds, note]}
        act={act}
        onCancel={props.onClose}
      >
        <TextField
          long
          label={t("note")}
          value={note}
          onInput={props.onNote}
          required={what === "reject"}
          hint={t(what === "approve" ? "approveHint" : "rejectHint")}
          maxLength={500}
        />
      </Form>
    </Dialog>
  );
}
