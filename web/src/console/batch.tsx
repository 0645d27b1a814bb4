/** One pay run: its file, its transfers, and what the bank did with each. */
import { useState } from "preact/hooks";
import { useRoute } from "preact-iso";
import { api, done, download, type Problem, type Schema, write } from "../shared/api";
import { moment } from "../shared/dates";
import { sums } from "../shared/money";
import { may } from "../shared/session";
import { many, t } from "../shared/texts";
import { Form } from "../shared/forms";
import {
  asProblem,
  Button,
  type Column,
  Money,
  Part,
  Show,
  Status,
  Sums,
  Table,
  Title,
  tell,
  Trouble,
  useLoad,
  When,
} from "../shared/ui";
import { Crumbs, type BulkResult, nameOf, PartnerLink, Results } from "./common";

type Whole = Schema["WholeBatchView"];
type Line = Schema["TransferLineView"];
const OPEN = ["APPROVED", "PAYING"];
const AT_ONCE = 50;

export default function Screen() {
  const { id = "" } = useRoute().params;
  const load = () => done(api.GET("/api/v1/payout-batches/{batchId}", { params: { path: { batchId: id } } }));
  const whole = useLoad(load, [id]);
  return <Show of={whole}>{(data) => <Shown it={data} reload={whole.reload} />}</Show>;
}

function Shown({ it, reload }: { it: Whole; reload: () => void }) {
  const [ids, setIds] = useState<Record<string, string>>({});
  const [all, setAll] = useState("");
  const [problem, setProblem] = useState<Problem>();
  const [results, setResults] = useState<BulkResult[]>();
  const open = it.lines.filter((each) => OPEN.includes(each.status));
  const canSay = may("POST /api/v1/withdrawals/bulk-mark-paid") && open.length > 0;
  const idOf = (line: Line) => (ids[line.withdrawalId] ?? all).trim();
  const items = open
    .filter((each) => idOf(each))
    .slice(0, AT_ONCE)
    .map((each) => ({ withdrawalId: each.withdrawalId, transactionId: idOf(each) }));
  const paid = open.filter((each) => items.some((item) => item.withdrawalId === each.withdrawalId));
  const file = () =>
    download(`/api/v1/payout-batches/${it.id}/file`, `payout-batch-${it.id}.csv`).then(
      () => {
        setProblem(undefined);
        tell(t("downloaded"));
        reload();
      },
      (error) => setProblem(asProblem(error)),
    );
  const act = async (key: string) => {
    const params = { header: { "Idempotency-Key": key } };
    setResults((await write(api.POST("/api/v1/withdrawals/bulk-mark-paid", { params, body: { items } }))).results);
    setIds({});
    setAll("");
    reload();
  };
  const columns: Column<Line>[] = [
    { title: t("partner"), cell: (row) => <PartnerLink of={row} /> },
    {
      title: t("amount"),
      kind: "number",
      cell: (row) => (
        <a href={`/console/withdrawals/${row.withdrawalId}`}>
          <Money decimal={row.amountDecimal} currency={row.currency} />
        </a>
      ),
    },
    { title: t("holder"), cell: (row) => row.accountHolder },
    { title: t("account"), cell: (row) => <span class="muted">{row.account}</span> },
    { title: t("status"), cell: (row) => <Status of={row.status} /> },
    {
      title: t("transactionId"),
      cell: (row) =>
        canSay && OPEN.includes(row.status) ? (
          <input
            aria-label={t("transactionOf", { name: nameOf(row) })}
            value={ids[row.withdrawalId] ?? ""}
            placeholder={all}
            maxLength={140}
            onInput={(event) => setIds({ ...ids, [row.withdrawalId]: event.currentTarget.value })}
          />
        ) : (
          (row.transactionId ?? "–")
        ),
    },
  ];
  return (
    <>
      <Crumbs to="/console/payouts" name={t("payouts")} id={it.id} />
      <Title text={t("batchOf", { when: moment(it.createdAt) })} />
      <p class="sum">
        {many("transfersOf", it.count)} <Sums of={sums(it.lines)} />
      </p>
      <Part title={t("file")}>
        <p>{t("fileAbout")}</p>
        {may("GET /api/v1/payout-batches/{batchId}/file") && <Button onClick={file}>{t("downloadFile")}</Button>}
        {problem && <Trouble problem={problem} />}
        {it.downloads.length > 0 && (
          <ul class="plain muted">
            {it.downloads.map((each) => (
              <li key={each.at}>
                {t("fileGiven", { name: each.byName ?? each.by })} <When at={each.at} />
              </li>
            ))}
          </ul>
        )}
      </Part>
      <Part title={t("transfersTitle")}>
        {results && (
          <Results results={results} of={it.lines.map((each) => ({ id: each.withdrawalId, name: nameOf(each) }))} />
        )}
        <Table caption={t("transfersTitle")} columns={columns} rows={it.lines} id={(row) => row.withdrawalId} />
        {canSay && (
          <Form submit={many("markPaid", items.length)} input={items} act={act} disabled={items.length === 0}>
            <div class="field">
              <label for="all-of-them">{t("oneForAll")}</label>
              <input
                id="all-of-them"
                value={all}
                maxLength={140}
                onInput={(event) => setAll(event.currentTarget.value)}
              />
              <small class="muted">{t("oneForAllHint")}</small>
            </div>
            {paid.length > 0 && (
              <p>
                {many("saysPaid", paid.length)} <Sums of={sums(paid)} />
              </p>
            )}
          </Form>
        )}
      </Part>
    </>
  );
}
