/** Where the money goes: accounts are added and taken out of use, and never shown whole again. */
import { useState } from "preact/hooks";
import { api, done, type Schema, write } from "../shared/api";
import { t, word } from "../shared/texts";
import { Dialog, Form, Select, TextField } from "../shared/forms";
import { Badge, Button, type Column, Empty, Part, Show, Table, Title, tell, useLoad, When } from "../shared/ui";

type Method = Schema["OwnMethodView"];
type Kind = "IBAN" | "NUMBER" | "STRIPE";
const FIELDS: Record<Kind, (keyof typeof EMPTY)[]> = {
  IBAN: ["accountHolder", "iban", "bic"],
  NUMBER: ["accountHolder", "country", "bankCode", "accountNumber", "bic"],
  STRIPE: ["accountHolder", "stripeAccountId"],
};
const EMPTY = {
  accountHolder: "",
  iban: "",
  bic: "",
  country: "",
  bankCode: "",
  accountNumber: "",
  stripeAccountId: "",
};
const OPTIONAL = ["bic", "country"];

export default function Accounts() {
  const list = useLoad(() => done(api.GET("/api/v1/me/payout-methods")), []);
  const [isAdded, setAdded] = useState(false);
  const [gone, setGone] = useState<Method>();
  const columns: Column<Method>[] = [
    {
      title: t("account"),
      cell: (row) => (
        <span class="who">
          {row.account}
          <small class="muted">{row.accountHolder}</small>
        </span>
      ),
    },
    { title: t("since"), cell: (row) => <When at={row.createdAt} relative /> },
    {
      title: t("status"),
      cell: (row) => (
        <>
          <Badge tone={row.verified ? "good" : "off"}>{t(row.verified ? "verified" : "notVerified")}</Badge>
          {!row.usable && <Badge tone="bad">{t("notUsable")}</Badge>}
        </>
      ),
    },
    { title: t("action"), cell: (row) => <Button onClick={() => setGone(row)}>{t("remove")} …</Button> },
  ];
  const remove = async () => {
    const params = { path: { methodId: gone?.id ?? "" } };
    await write(api.DELETE("/api/v1/payout-methods/{methodId}", { params }));
    setGone(undefined);
    tell(t("removed"));
    list.reload();
  };
  return (
    <>
      <Title text={t("accounts")}>
        <Button kind="primary" onClick={() => setAdded(true)}>
          {t("addAccount")} …
        </Button>
      </Title>
      <Part title={t("yourAccounts")}>
        <Show of={list}>
          {({ data }) =>
            data.length === 0 ? (
              <Empty title={t("noAccounts")}>{t("noAccountsAbout")}</Empty>
            ) : (
              <Table caption={t("yourAccounts")} columns={columns} rows={data} id={(row) => row.id} />
            )
          }
        </Show>
      </Part>
      {isAdded && (
        <Add
          onClose={() => setAdded(false)}
          onDone={() => {
            setAdded(false);
            tell(t("added"));
            list.reload();
          }}
        />
      )}
      {gone && (
        <Dialog title={t("removeAccount")} onClose={() => setGone(undefined)}>
          <p class="sum">
            {gone.account} · {gone.accountHolder}
          </p>
          <p>{t("removeAbout")}</p>
          <Form submit={t("remove")} kind="danger" input={gone.id} act={remove} onCancel={() => setGone(undefined)} />
        </Dialog>
      )}
    </>
  );
}

function Add(props: { onClose: () => void; onDone: () => void }) {
  const [kind, setKind] = useState<Kind>("IBAN");
  const [given, setGiven] = useState(EMPTY);
  const act = async (key: string) => {
    const said = Object.fromEntries(
      FIELDS[kind].flatMap((each) => (given[each].trim() ? [[each, given[each].trim()]] : [])),
    );
    const body = { type: kind === "STRIPE" ? ("STRIPE" as const) : ("BANK_TRANSFER" as const), ...said };
    await write(api.POST("/api/v1/payout-methods", { params: { header: { "Idempotency-Key": key } }, body }));
    props.onDone();
  };
  return (
    <Dialog title={t("addAccount")} onClose={props.onClose}>
      <Form submit={t("addAccount")} input={[kind, given]} act={act} onCancel={props.onClose}>
        <Select
          label={t("kind")}
          value={kind}
          options={(["IBAN", "NUMBER", "STRIPE"] as const).map((each): [string, string] => [
            each,
            word("ACCOUNT", each),
          ])}
          onChange={(value) => setKind(value as Kind)}
        />
        {FIELDS[kind].map((each) => (
          <TextField
            key={each}
            label={word("FIELD", each)}
            value={given[each]}
            onInput={(value) => setGiven({ ...given, [each]: value })}
            required={!OPTIONAL.includes(each) && !(kind === "STRIPE" && each === "accountHolder")}
            {...(each === "accountHolder" ? { hint: t("holderHint"), autoComplete: "name" } : {})}
          />
        ))}
      </Form>
    </Dialog>
  );
}
