/** One payment: who earned of it and who did not, what went back, and what a person can say about it. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useRoute } from "preact-iso";
import { api, done, type Schema, write } from "../shared/api";
import { digitsOf } from "../shared/currencies";
import { money } from "../shared/money";
import { may, session } from "../shared/session";
import { t, word } from "../shared/texts";
import {
  Badge,
  Button,
  type Column,
  Empty,
  Facts,
  Money,
  Part,
  Show,
  Status,
  Table,
  Title,
  useLoad,
  When,
} from "../shared/ui";
import { type Action, Actions, Asked, note, reason } from "./act";
import { Crumbs, PartnerLink } from "./common";
import { accept, dismiss, header, nameReferrer, verdict } from "./payments";

type Payment = Schema["PaymentView"];
type Refund = Schema["PaymentRefundView"];
type Fact = [string, ComponentChildren];

export default function Screen() {
  const { id = "" } = useRoute().params;
  const read = async () => {
    const path = { params: { path: { paymentId: id } } };
    const [it, refunds] = await Promise.all([
      done(api.GET("/api/v1/payments/{paymentId}", path)),
      done(api.GET("/api/v1/payments/{paymentId}/refunds", path)),
    ]);
    // what is told of a payment names ids alone
    const named = it.rewards.map((each) =>
      done(api.GET("/api/v1/rewards/{rewardId}", { params: { path: { rewardId: each.id } } })),
    );
    return { it: { ...it, rewards: await Promise.all(named) }, refunds: refunds.data };
  };
  const whole = useLoad(read, [id]);
  return <Show of={whole}>{(data) => <Shown {...data} reload={whole.reload} />}</Show>;
}

function Shown({ it, refunds, reload }: { it: Payment; refunds: Refund[]; reload: () => void }) {
  const isNobodys = it.kind === "IGNORED" && it.reason === "UNREFERRED";
  const isParked = it.kind === "EARLY" || it.kind === "FOREIGN";
  const mayAccept = may("POST /api/v1/payments/{paymentId}/accept");
  return (
    <>
      <Crumbs to="/console/payments" name={t("payments")} id={it.id} />
      <Title
        text={t("paymentOf", {
          amount: money(it.amountDecimal, it.currency),
          name: it.customerId ?? it.externalId ?? it.id,
        })}
      >
        <Badge tone={it.kind === "PAYMENT" ? "good" : isParked ? "wait" : "off"}>{word("KIND", it.kind)}</Badge>
        {it.possibleDuplicateOf && <Badge tone="wait">{t("mayBeDouble")}</Badge>}
      </Title>
      {it.kind === "IGNORED" && it.reason && <p class="notice">{word("IGNORED", it.reason)}</p>}
      {it.possibleDuplicateOf && (
        <p class="notice">
          {t("mayBe")} <a href={`/console/payments/${it.possibleDuplicateOf}`}>{it.possibleDuplicateOf}</a>
        </p>
      )}
      <Actions
        onDone={reload}
        of={[
          isNobodys && it.customerId !== null && may("POST /api/v1/referrals") && mayAccept && nameReferrer(it),
          (it.kind === "FOREIGN" || isNobodys) && mayAccept && accept(it),
          ...(it.possibleDuplicateOf && may("POST /api/v1/payments/{paymentId}/duplicate")
            ? [verdict(it, "ANOTHER"), verdict(it, "SAME")]
            : []),
          it.kind === "PAYMENT" && may("POST /api/v1/payments/{paymentId}/refunds") && refund(it),
          (isParked || refunds.some((each) => each.status === "OTHER_CURRENCY")) &&
            may("POST /api/v1/payments/{paymentId}/dismiss") &&
            dismiss(it),
        ]}
      />
      <div class="columns">
        <div>
          <Earned of={it} />
          <Refunds of={it} refunds={refunds} reload={reload} />
          {it.disputes.length > 0 && <Disputes of={it} />}
        </div>
        <Part title={t("payment")}>
          <Facts
            of={[
              [t("amount"), <Money key="a" decimal={it.amountDecimal} currency={it.currency} />],
              [t("base"), <Money key="b" decimal={it.baseDecimal} currency={it.currency} />],
              ...(it.shipping
                ? [[t("shipping"), <Money key="s" decimal={it.shippingDecimal} currency={it.currency} />] as Fact]
                : []),
              ...(it.gone
                ? [[t("goneOf"), <Money key="g" decimal={it.goneDecimal} currency={it.currency} />] as Fact]
                : []),
              [t("paidOn"), it.occurredAt ? <When key="o" at={it.occurredAt} /> : "–"],
              [t("recorded"), <When key="r" at={it.recordedAt} />],
              [t("toldBy"), it.toldBy ?? "–"],
              [t("externalId"), it.externalId ? <code key="x">{it.externalId}</code> : "–"],
              [t("customerId"), it.customerId ?? "–"],
              [t("product"), it.productId ?? "–"],
              [t("program"), it.programId ?? "–"],
              [
                t("referral"),
                it.referralId ? (
                  <a key="f" href={`/console/referrals/${it.referralId}`}>
                    {t("open")}
                  </a>
                ) : (
                  "–"
                ),
              ],
              [t("origin"), word("ORIGIN", it.origin)],
              ...(it.note ? [[t("note"), `${it.note}${it.byName ? ` (${it.byName})` : ""}`] as Fact] : []),
              ...(it.clearedBy ? [[t("cleared"), it.clearedByName ?? it.clearedBy] as Fact] : []),
            ]}
          />
        </Part>
      </div>
    </>
  );
}

function Earned({ of }: { of: Payment }) {
  const columns: Column<Payment["rewards"][number]>[] = [
    { title: t("tierOf"), cell: (row) => row.tier || "–" },
    { title: t("partner"), cell: (row) => <PartnerLink of={row} /> },
    {
      title: t("amount"),
      kind: "number",
      cell: (row) => (
        <a href={`/console/rewards/${row.id}`}>
          <Money decimal={row.netDecimal} currency={row.currency} />
        </a>
      ),
    },
    { title: t("status"), cell: (row) => <Status of={row.status} text={word("REWARD", row.status)} /> },
  ];
  return (
    <Part title={t("rewards")}>
      {of.rewards.length === 0 ? (
        <Empty title={t("noRewards")} />
      ) : (
        <Table caption={t("rewards")} columns={columns} rows={of.rewards} id={(row) => row.id} />
      )}
      {of.unearned.length > 0 && (
        <ul class="plain muted">
          {of.unearned.map((each) => (
            <li key={each.tier}>{t("unearned", { tier: each.tier, why: word("ZERO", each.why) })}</li>
          ))}
        </ul>
      )}
    </Part>
  );
}

const refund = (of: Payment): Action => ({
  name: t("enterRefund"),
  about: <p>{t("enterRefundAbout")}</p>,
  done: t("saved"),
  fields: [
    { name: "amount", label: t("amountIn", { currency: of.currency }), digits: digitsOf(of.currency), required: true },
    { name: "occurredAt", label: t("wentBackOn"), kind: "date" },
    { name: "reference", label: t("reference"), hint: t("referenceHint"), maxLength: 140 },
    reason(),
  ],
  act: ({ amount, occurredAt, reference, reason: why = "" }, key) => {
    const body = {
      amount: Number(amount),
      currency: of.currency,
      reason: why,
      ...(reference && { reference }),
      ...(occurredAt && { occurredAt: `${occurredAt}T00:00:00Z` }),
    };
    const params = { path: { paymentId: of.id }, ...header(key) };
    return write(api.POST("/api/v1/payments/{paymentId}/refunds", { params, body }));
  },
});

function Refunds({ of, refunds, reload }: { of: Payment; refunds: Refund[]; reload: () => void }) {
  const [asked, setAsked] = useState<Action>();
  const path = (row: Refund, key: string) => ({
    params: { path: { paymentId: of.id, refundId: row.id }, ...header(key) },
  });
  const confirm = (row: Refund): Action => ({
    name: t("confirm"),
    about: <p>{t("confirmRefundAbout")}</p>,
    done: t("saved"),
    act: (_, key) => write(api.POST("/api/v1/payments/{paymentId}/refunds/{refundId}/confirm", path(row, key))),
  });
  const undo = (row: Refund): Action => ({
    name: t("undo"),
    kind: "danger",
    about: <p>{t("undoAbout")}</p>,
    done: t("saved"),
    fields: [note(true)],
    act: ({ note: told = "" }, key) =>
      write(
        api.POST("/api/v1/payments/{paymentId}/refunds/{refundId}/undo", { ...path(row, key), body: { note: told } }),
      ),
  });
  const me = session.value?.id;
  const columns: Column<Refund>[] = [
    {
      title: t("amount"),
      kind: "number",
      cell: (row) => <Money decimal={row.amountDecimal} currency={row.currency} />,
    },
    { title: t("wentBackOn"), cell: (row) => <When at={row.at} /> },
    {
      title: t("why"),
      cell: (row) => (
        <>
          {row.reason ?? row.reference ?? "–"}
          {row.by && <small class="muted">{row.byName ?? row.by}</small>}
        </>
      ),
    },
    {
      title: t("status"),
      cell: (row) => (
        <>
          <Status of={row.status} text={word("REFUND", row.status)} />
          {row.undoAskedBy && (
            <Badge tone="wait">{t("undoAsked", { name: row.undoAskedByName ?? row.undoAskedBy })}</Badge>
          )}
        </>
      ),
    },
    {
      title: t("action"),
      cell: (row) => (
        <div class="buttons start">
          {row.status === "WAITING" &&
            row.by !== me &&
            may("POST /api/v1/payments/{paymentId}/refunds/{refundId}/confirm") && (
              <Button kind="primary" onClick={() => setAsked(confirm(row))}>
                {t("confirm")} …
              </Button>
            )}
          {row.by &&
            ["COUNTS", "WAITING"].includes(row.status) &&
            may("POST /api/v1/payments/{paymentId}/refunds/{refundId}/undo") && (
              <Button onClick={() => setAsked(undo(row))}>{t("undo")} …</Button>
            )}
        </div>
      ),
    },
  ];
  return (
    <Part title={t("refunds")}>
      {refunds.length === 0 ? (
        <Empty title={t("noRefunds")} />
      ) : (
        <Table caption={t("refunds")} columns={columns} rows={refunds} id={(row) => row.id} />
      )}
      <Asked of={asked} close={() => setAsked(undefined)} reload={reload} />
    </Part>
  );
}

function Disputes({ of }: { of: Payment }) {
  const columns: Column<Payment["disputes"][number]>[] = [
    {
      title: t("amount"),
      kind: "number",
      cell: (row) => (row.amount ? <Money decimal={row.amountDecimal} currency={row.currency} /> : "–"),
    },
    { title: t("since"), cell: (row) => <When at={row.at} /> },
    { title: t("status"), cell: (row) => <Status of={row.status} text={word("DISPUTE", row.status)} /> },
  ];
  return (
    <Part title={t("disputes")}>
      <Table caption={t("disputes")} columns={columns} rows={of.disputes} id={(row) => row.at} />
    </Part>
  );
}
