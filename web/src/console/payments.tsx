/** Payments: from which somebody earned, whose customer nobody referred, and what waits for a person. */
import { useState } from "preact/hooks";
import { api, done, type Schema, write } from "../shared/api";
import { DateField, Select } from "../shared/forms";
import { Listed } from "../shared/listed";
import { may } from "../shared/session";
import { many, t, word } from "../shared/texts";
import { Badge, Button, type Column, Money, Status, Title, usePages, When } from "../shared/ui";
import { type Action, Asked, note } from "./act";
import { given, PartnerLink, ProgramChoice, programOf, type Source, sourceOptions, useFilters } from "./common";

type Line = Schema["PaymentLineView"];
type Parked = Schema["ParkedView"];
type Pair = Schema["PossibleDuplicateView"];
type Dispute = Schema["DisputeView"];
const PATH = "/console/payments";
const VIEWS = ["EARNED", "UNREFERRED", "PARKED", "DUPLICATES", "DISPUTES"] as const;
const ORIGINS = ["PAYMENT", "CONVERSION", "BY_HAND"] as const;

export const header = (key: string) => ({ header: { "Idempotency-Key": key } });

/** What somebody at the other side calls the payment, with ours where nobody does. */
export const Name = ({ of }: { of: { id: string; externalId?: string | null; toldBy?: string | null } }) => (
  <a href={`${PATH}/${of.id}`} class="who">
    {of.externalId ?? of.id}
    {of.toldBy && <small class="muted">{of.toldBy}</small>}
  </a>
);

export const accept = (of: { id: string }): Action => ({
  name: t("acceptPayment"),
  kind: "primary",
  about: <p>{t("acceptPaymentAbout")}</p>,
  done: t("saved"),
  fields: [note()],
  act: ({ note: told = "" }, key) => {
    const params = { path: { paymentId: of.id }, ...header(key) };
    return write(api.POST("/api/v1/payments/{paymentId}/accept", { params, body: { note: told } }));
  },
});

export const dismiss = (of: { id: string }): Action => ({
  name: t("dismiss"),
  kind: "danger",
  about: <p>{t("dismissAbout")}</p>,
  done: t("saved"),
  fields: [note(true)],
  act: ({ note: told = "" }, key) => {
    const params = { path: { paymentId: of.id }, ...header(key) };
    return write(api.POST("/api/v1/payments/{paymentId}/dismiss", { params, body: { note: told } }));
  },
});

/** Says who referred the customer of a payment, and lets the payment earn for them. */
export const nameReferrer = (of: { id: string; customerId: string | null }): Action => ({
  name: t("nameReferrer"),
  kind: "primary",
  about: <p>{t("nameReferrerAbout")}</p>,
  done: t("saved"),
  fields: [
    { name: "referralCode", label: t("partnerCode"), required: true, maxLength: 40 },
    { name: "source", label: t("source"), kind: "select", options: sourceOptions() },
    note(),
  ],
  act: async ({ referralCode = "", source = "", note: told = "" }, key) => {
    const body = {
      referralCode,
      source: source as Source,
      customerId: of.customerId ?? "",
      note: told,
    };
    await write(api.POST("/api/v1/referrals", { params: header(key), body }));
    // told twice, it stays accepted: a second try ends what the first one left
    const params = { path: { paymentId: of.id }, ...header(`${key}-2`) };
    await write(api.POST("/api/v1/payments/{paymentId}/accept", { params, body: { note: told } }));
  },
});

export const verdict = (of: { id: string }, what: "ANOTHER" | "SAME"): Action => ({
  name: word("VERDICT", what),
  kind: what === "SAME" ? "danger" : "primary",
  about: <p>{word("VERDICT_ABOUT", what)}</p>,
  done: t("saved"),
  fields: [note(true, t("verdictHint"))],
  act: ({ note: told = "" }, key) => {
    const params = { path: { paymentId: of.id }, ...header(key) };
    return write(api.POST("/api/v1/payments/{paymentId}/duplicate", { params, body: { verdict: what, note: told } }));
  },
});

export default function Payments() {
  const [filters, setFilter] = useFilters(PATH, { view: "EARNED", programId: "", origin: "", from: "", to: "" });
  const { view, programId, origin } = filters;
  const isOfProgram = view === "EARNED" || view === "UNREFERRED";
  return (
    <>
      <Title text={t("payments")} />
      <div class="filters">
        <Select
          label={t("view")}
          value={view}
          options={VIEWS.map((each): [string, string] => [each, word("VIEW", each)])}
          onChange={(value) => setFilter("view", value)}
        />
        {isOfProgram && (
          <>
            <ProgramChoice value={programId} onChange={(value) => setFilter("programId", value)} />
            {view === "EARNED" && (
              <Select
                label={t("origin")}
                value={origin}
                options={[["", t("all")], ...ORIGINS.map((each): [string, string] => [each, word("ORIGIN", each)])]}
                onChange={(value) => setFilter("origin", value)}
              />
            )}
            <DateField label={t("from")} value={filters.from} onInput={(value) => setFilter("from", value)} />
            <DateField label={t("to")} value={filters.to} onInput={(value) => setFilter("to", value)} />
          </>
        )}
      </div>
      <p class="muted">{word("VIEW_ABOUT", view)}</p>
      {isOfProgram && <OfProgram key={view} of={filters} />}
      {view === "PARKED" && <ParkedList />}
      {view === "DUPLICATES" && <Duplicates />}
      {view === "DISPUTES" && <Disputes />}
    </>
  );
}

function OfProgram({ of }: { of: Record<"view" | "programId" | "origin" | "from" | "to", string> }) {
  const { view, origin } = of;
  const list = usePages<Line>(async (cursor) => {
    const query = {
      programId: await programOf(of.programId),
      state: view as "EARNED" | "UNREFERRED",
      ...(origin && { origin: origin as Line["origin"] }),
      ...given({ from: of.from, to: of.to, cursor: cursor ?? "" }),
    };
    return done(api.GET("/api/v1/payments", { params: { query } }));
  }, Object.values(of));
  const columns: Column<Line>[] = [
    { title: t("payment"), cell: (row) => <Name of={row} /> },
    {
      title: t("amount"),
      kind: "number",
      cell: (row) => (
        <>
          <Money decimal={row.amountDecimal} currency={row.currency} />
          {row.gone > 0 && (
            <small class="muted">
              {t("goneOf")} <Money decimal={row.goneDecimal} currency={row.currency} />
            </small>
          )}
        </>
      ),
    },
    { title: t("customer"), cell: (row) => row.customerId ?? "–" },
    {
      title: t("partner"),
      cell: (row) => (row.partnerId ? <PartnerLink of={{ ...row, partnerId: row.partnerId }} /> : "–"),
    },
    { title: t("origin"), cell: (row) => word("ORIGIN", row.origin) },
    { title: t("paidOn"), cell: (row) => <When at={row.occurredAt} relative /> },
    {
      title: t("rewards"),
      cell: (row) =>
        row.shares.length > 0 ? many("rewardCount", row.shares.length) : <span class="muted">{t("none")}</span>,
    },
  ];
  return (
    <Listed
      caption={t("payments")}
      list={list}
      columns={columns}
      id={(row) => row.id}
      href={(row) => `${PATH}/${row.id}`}
      empty={{ title: t("noneSuch"), about: t(view === "UNREFERRED" ? "noUnreferred" : "noPayments") }}
    />
  );
}

function ParkedList() {
  const list = usePages<Parked>(
    (cursor) => done(api.GET("/api/v1/payments/parked", { params: { query: cursor ? { cursor } : {} } })),
    [],
  );
  const [asked, setAsked] = useState<Action>();
  const columns: Column<Parked>[] = [
    { title: t("payment"), cell: (row) => <Name of={row} /> },
    {
      title: t("amount"),
      kind: "number",
      cell: (row) => (row.amountDecimal ? <Money decimal={row.amountDecimal} currency={row.currency} /> : "–"),
    },
    { title: t("kind"), cell: (row) => <Badge tone="wait">{word("KIND", row.kind)}</Badge> },
    {
      title: t("goneOf"),
      kind: "number",
      cell: (row) => (
        <>
          {row.refunded > 0 && <Money decimal={row.refundedDecimal} currency={row.currency} />}
          {row.disputed > 0 && (
            <>
              {" "}
              {t("disputed")} <Money decimal={row.disputedDecimal} currency={row.currency} />
            </>
          )}
          {row.refunded + row.disputed === 0 && "–"}
        </>
      ),
    },
    { title: t("waits"), cell: (row) => <When at={row.parkedAt} relative /> },
    {
      title: t("action"),
      cell: (row) => (
        <div class="buttons start">
          {row.actions.includes("accept") && may("POST /api/v1/payments/{paymentId}/accept") && (
            <Button onClick={() => setAsked(accept(row))}>{t("acceptPayment")} …</Button>
          )}
          {row.actions.includes("dismiss") && may("POST /api/v1/payments/{paymentId}/dismiss") && (
            <Button onClick={() => setAsked(dismiss(row))}>{t("dismiss")} …</Button>
          )}
        </div>
      ),
    },
  ];
  return (
    <>
      <Listed
        caption={word("VIEW", "PARKED")}
        list={list}
        columns={columns}
        id={(row) => row.id}
        href={(row) => `${PATH}/${row.id}`}
        empty={{ title: t("noParked"), about: t("noParkedAbout") }}
      />
      <Asked of={asked} close={() => setAsked(undefined)} reload={list.reload} />
    </>
  );
}

function Duplicates() {
  const list = usePages<Pair>(
    (cursor) => done(api.GET("/api/v1/payments/duplicates", { params: { query: cursor ? { cursor } : {} } })),
    [],
  );
  const [asked, setAsked] = useState<Action>();
  const side = (of: Line) => (
    <>
      <Name of={of} />
      <small class="muted">
        <Money decimal={of.amountDecimal} currency={of.currency} /> · <When at={of.occurredAt} />
      </small>
    </>
  );
  const columns: Column<Pair>[] = [
    { title: t("payment"), cell: (row) => side(row.payment) },
    { title: t("mayBe"), cell: (row) => side(row.mayBe) },
    { title: t("customer"), cell: (row) => row.payment.customerId ?? "–" },
    {
      title: t("action"),
      cell: (row) =>
        may("POST /api/v1/payments/{paymentId}/duplicate") && (
          <div class="buttons start">
            {(["ANOTHER", "SAME"] as const).map((each) => (
              <Button key={each} onClick={() => setAsked(verdict(row.payment, each))}>
                {word("VERDICT", each)} …
              </Button>
            ))}
          </div>
        ),
    },
  ];
  return (
    <>
      <Listed
        caption={word("VIEW", "DUPLICATES")}
        list={list}
        columns={columns}
        id={(row) => row.payment.id}
        href={(row) => `${PATH}/${row.payment.id}`}
        empty={{ title: t("noDuplicates"), about: t("noDuplicatesAbout") }}
      />
      <Asked of={asked} close={() => setAsked(undefined)} reload={list.reload} />
    </>
  );
}

function Disputes() {
  const list = usePages<Dispute>(
    (cursor) => done(api.GET("/api/v1/disputes", { params: { query: cursor ? { cursor } : {} } })),
    [],
  );
  const columns: Column<Dispute>[] = [
    { title: t("payment"), cell: (row) => <Name of={{ id: row.paymentId }} /> },
    {
      title: t("amount"),
      kind: "number",
      cell: (row) => (row.amount ? <Money decimal={row.amountDecimal} currency={row.currency} /> : "–"),
    },
    { title: t("since"), cell: (row) => <When at={row.at} relative /> },
    { title: t("status"), cell: (row) => <Status of={row.status} text={word("DISPUTE", row.status)} /> },
  ];
  return (
    <Listed
      caption={word("VIEW", "DISPUTES")}
      list={list}
      columns={columns}
      id={(row) => `${row.paymentId}-${row.at}`}
      href={(row) => `${PATH}/${row.paymentId}`}
      empty={{ title: t("noDisputes"), about: t("noDisputesAbout") }}
    />
  );
}
