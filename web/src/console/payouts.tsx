/** Pay runs: what is approved goes into a file for the bank, and what the bank did is said of each transfer. */
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { api, done, type Schema, write } from "../shared/api";
import { may } from "../shared/session";
import { many, number, t } from "../shared/texts";
import { Dialog, Form, Select } from "../shared/forms";
import { Listed } from "../shared/listed";
import { Button, type Column, Empty, Part, Sums, Title, useLoad, usePages, When } from "../shared/ui";

type Batch = Schema["BatchView"];

const sumsOf = (of: { currency: string; amountDecimal: string }[]) =>
  of.map(({ currency, amountDecimal }) => ({ currency, decimal: amountDecimal }));

export default function Payouts() {
  const list = usePages<Batch>(
    (cursor) => done(api.GET("/api/v1/payout-batches", { params: { query: cursor ? { cursor } : {} } })),
    [],
  );
  const inbox = useLoad(() => done(api.GET("/api/v1/inbox")), []);
  const [isAsked, setAsked] = useState(false);
  const waiting = inbox.data?.data.find((each) => each.kind === "WITHDRAWALS_TO_PAY");
  const { route } = useLocation();
  const columns: Column<Batch>[] = [
    {
      title: t("made"),
      cell: (row) => (
        <a href={`/console/payouts/${row.id}`}>
          <When at={row.createdAt} />
        </a>
      ),
    },
    { title: t("by"), cell: (row) => row.createdByName ?? row.createdBy },
    { title: t("transfers"), kind: "number", cell: (row) => number(row.count) },
    { title: t("sum"), kind: "number", cell: (row) => <Sums of={sumsOf(row.totals)} /> },
  ];
  return (
    <>
      <Title text={t("payouts")} />
      <Part title={t("toBePaid")}>
        {waiting && waiting.count > 0 ? (
          <div class="chosen">
            <span>
              {many("transfersWait", waiting.count)} <Sums of={sumsOf(waiting.sums)} />
            </span>
            {may("POST /api/v1/payout-batches") && (
              <Button kind="primary" onClick={() => setAsked(true)}>
                {t("makeBatch")} …
              </Button>
            )}
          </div>
        ) : (
          <Empty title={t("nothingToPay")}>{t("nothingToPayAbout")}</Empty>
        )}
      </Part>
      <Part title={t("batches")}>
        <Listed
          caption={t("batches")}
          list={list}
          columns={columns}
          id={(row) => row.id}
          href={(row) => `/console/payouts/${row.id}`}
          empty={{ title: t("noBatches"), about: t("noBatchesAbout") }}
        />
      </Part>
      {isAsked && waiting && (
        <Make
          currencies={waiting.sums.map((each) => each.currency)}
          onClose={() => setAsked(false)}
          onDone={(batch) => route(`/console/payouts/${batch.id}`)}
        />
      )}
    </>
  );
}

function Make(props: { currencies: string[]; onClose: () => void; onDone: (batch: Batch) => void }) {
  const [currency, setCurrency] = useState("");
  const act = async (key: string) => {
    const params = { header: { "Idempotency-Key": key } };
    props.onDone(await write(api.POST("/api/v1/payout-batches", { params, body: currency ? { currency } : {} })));
  };
  return (
    <Dialog title={t("makeBatch")} onClose={props.onClose}>
      <p>{t("makeBatchAbout")}</p>
      <Form submit={t("makeBatch")} input={[currency]} act={act} onCancel={props.onClose}>
        {props.currencies.length > 1 && (
          <Select
            label={t("currency")}
            value={currency}
            options={[["", t("all")], ...props.currencies.map((each): [string, string] => [each, each])]}
            onChange={setCurrency}
          />
        )}
      </Form>
    </Dialog>
  );
}
