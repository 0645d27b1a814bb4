/** Asking to be paid, and what became of it. */
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { api, done, type Schema, write } from "../shared/api";
import { moment } from "../shared/dates";
import { decimalOf, minorOf, money, places } from "../shared/money";
import { t } from "../shared/texts";
import { Dialog, Form, Select, TextField } from "../shared/forms";
import {
  Button,
  type Column,
  Empty,
  Money,
  More,
  Part,
  Show,
  Status,
  Table,
  Title,
  tell,
  useLoad,
  usePages,
  When,
} from "../shared/ui";

type Own = Schema["WithdrawalView"];
type Balance = Schema["BalanceView"];

async function load() {
  const [balances, methods, program] = await Promise.all([
    done(api.GET("/api/v1/me/balance")),
    done(api.GET("/api/v1/me/payout-methods")),
    done(api.GET("/api/v1/me/program")),
  ]);
  return { balances: balances.data, methods: methods.data.filter((each) => each.usable), program };
}

export default function Withdraw() {
  const all = useLoad(load, []);
  const list = usePages<Own>(
    (cursor) => done(api.GET("/api/v1/me/withdrawals", { params: { query: cursor ? { cursor } : {} } })),
    [],
  );
  const reload = () => {
    all.reload();
    list.reload();
  };
  const [asked, setAsked] = useState<Own>();
  const columns: Column<Own>[] = [
    { title: t("asked"), cell: (row) => <When at={row.createdAt} /> },
    {
      title: t("amount"),
      kind: "number",
      cell: (row) => <Money decimal={row.amountDecimal} currency={row.currency} />,
    },
    {
      title: t("account"),
      cell: (row) => <span class="muted">{row.payoutMethod.account || row.payoutMethod.type}</span>,
    },
    {
      title: t("status"),
      cell: (row) => (
        <>
          <Status of={row.status} />
          <small class="muted">
            {row.status === "REQUESTED" ? (
              <>
                {t("expires")} <When at={row.expiresAt} relative />
              </>
            ) : (
              row.history.at(-1) && <When at={row.history.at(-1)?.at ?? row.createdAt} relative />
            )}
          </small>
        </>
      ),
    },
    {
      title: t("action"),
      cell: (row) =>
        row.status === "REQUESTED" ? (
          <Button onClick={() => setAsked(row)}>{t("takeBack")} …</Button>
        ) : (
          <small class="muted">{row.transactionId && `${t("transactionId")} ${row.transactionId}`}</small>
        ),
    },
  ];
  const cancel = async (key: string) => {
    const params = { path: { withdrawalId: asked?.id ?? "" }, header: { "Idempotency-Key": key } };
    await write(api.POST("/api/v1/referrals/withdrawals/{withdrawalId}/cancel", { params }));
    setAsked(undefined);
    tell(t("takenBack"));
    reload();
  };
  return (
    <>
      <Title text={t("withdraw")} />
      <Part title={t("newWithdrawal")}>
        <Show of={all}>{(data) => <Ask {...data} onDone={reload} />}</Show>
      </Part>
      <Part title={t("yourWithdrawals")}>
        <Show of={list}>
          {(data) =>
            data.length === 0 ? (
              <Empty title={t("noWithdrawals")} />
            ) : (
              <>
                <Table caption={t("yourWithdrawals")} columns={columns} rows={data} id={(row) => row.id} />
                <More load={list.more} />
              </>
            )
          }
        </Show>
      </Part>
      {asked && (
        <Dialog title={t("takeBack")} onClose={() => setAsked(undefined)}>
          <p class="sum">
            <Money decimal={asked.amountDecimal} currency={asked.currency} />
          </p>
          <p>{t("takeBackAbout")}</p>
          <Form submit={t("takeBack")} input={asked.id} act={cancel} onCancel={() => setAsked(undefined)} />
        </Dialog>
      )}
    </>
  );
}

function Ask(props: Awaited<ReturnType<typeof load>> & { onDone: () => void }) {
  const { balances, methods, program } = props;
  const { query } = useLocation();
  const having = balances.filter((each) => each.available > 0);
  const [currency, setCurrency] = useState(query.currency ?? "");
  const [methodId, setMethodId] = useState("");
  const [typed, setTyped] = useState<string>();
  const balance: Balance | undefined = having.find((each) => each.currency === currency) ?? having[0];
  if (!balance) return <Empty title={t("nothingAvailable")}>{t("nothingAvailableAbout")}</Empty>;
  if (methods.length === 0)
    return (
      <Empty title={t("noAccounts")}>
        <a class="button primary" href="/portal/accounts">
          {t("addAccount")}
        </a>
      </Empty>
    );
  const digits = places(balance.availableDecimal);
  const text = typed ?? balance.availableDecimal;
  const amount = minorOf(text, digits);
  const least = program.currencies.find((each) => each.currency === balance.currency);
  const method = methods.find((each) => each.id === methodId) ?? methods[0];
  const isFit = amount !== null && amount > 0 && amount <= balance.available && amount >= (least?.payoutMinimum ?? 0);
  const cools = method ? new Date(method.createdAt).getTime() + program.coolingHours * 3_600_000 : 0;
  const act = async (key: string) => {
    const body = { amount: amount ?? 0, currency: balance.currency, payoutMethodId: method?.id ?? "" };
    await write(api.POST("/api/v1/referrals/withdraw", { params: { header: { "Idempotency-Key": key } }, body }));
    setTyped(undefined);
    tell(t("asksForMoney"));
    props.onDone();
  };
  return (
    <Form submit={t("askForIt")} input={[text, balance.currency, method?.id]} act={act} disabled={!isFit}>
      {having.length > 1 && (
        <Select
          label={t("currency")}
          value={balance.currency}
          options={having.map((each): [string, string] => [each.currency, money(each.availableDecimal, each.currency)])}
          onChange={(value) => {
            setCurrency(value);
            setTyped(undefined);
          }}
        />
      )}
      <TextField
        label={t("amountIn", { currency: balance.currency })}
        value={text}
        onInput={setTyped}
        inputMode="decimal"
        required
        hint={t("amountHint", {
          most: money(balance.availableDecimal, balance.currency),
          least: least ? money(least.payoutMinimumDecimal, balance.currency) : "0",
        })}
      />
      <Select
        label={t("account")}
        value={method?.id ?? ""}
        options={methods.map((each): [string, string] => [each.id, `${each.account} · ${each.accountHolder}`])}
        onChange={setMethodId}
      />
      {isFit && (
        <p class="sum">{t("noFee", { amount: money(decimalOf(BigInt(amount ?? 0), digits), balance.currency) })}</p>
      )}
      <p class="muted">
        {t("whenPaid")} {cools > Date.now() && t("coolsUntil", { moment: moment(new Date(cools).toISOString()) })}
      </p>
    </Form>
  );
}
