/** The books: whether they are right and since when, what all accounts come to, and the journal, entry by entry. */
import { useLocation } from "preact-iso";
import { api, done, type Schema } from "../shared/api";
import { calendarDay, dayBefore, dayIn, monthsAgo } from "../shared/dates";
import { CsvButton, type Figure, type Figures, FigureTable } from "../shared/figures";
import { DateField, Select } from "../shared/forms";
import { Listed } from "../shared/listed";
import { may } from "../shared/session";
import { many, t, word } from "../shared/texts";
import {
  Badge,
  Button,
  type Column,
  Empty,
  Facts,
  Money,
  Part,
  Show,
  Title,
  useLoad,
  usePages,
  When,
} from "../shared/ui";
import { given, OfPartner, PartnerLink, programs, useFilters } from "./common";
import { Reference } from "./entry";

type Entry = Schema["EntryView"];
type Verification = Schema["VerificationView"];

export default function Books() {
  const { path } = useLocation();
  const isJournal = path.endsWith("/journal");
  return (
    <>
      <Title text={t("books")} />
      <nav class="tabs" aria-label={t("books")}>
        <a href="/console/books" aria-current={isJournal ? undefined : "page"}>
          {t("balances")}
        </a>
        <a href="/console/books/journal" aria-current={isJournal ? "page" : undefined}>
          {t("journal")}
        </a>
      </nav>
      {isJournal ? (
        <Journal />
      ) : (
        <>
          {may("GET /api/v1/ledger/verification") && <Standing />}
          <Balances />
        </>
      )}
    </>
  );
}

// ---------------------------------------------------------------- whether they are right

function Standing() {
  const found = useLoad(() => done(api.GET("/api/v1/ledger/verification")), []);
  return (
    <Part title={t("verification")}>
      <Show of={found}>{(data) => <Told of={data} />}</Show>
    </Part>
  );
}

function Told({ of }: { of: Verification }) {
  const isGreen = of.faults === 0 && of.sweptAt !== null && of.cleanSince !== null;
  const columns: Column<Verification["data"][number]>[] = [
    { title: t("fault"), cell: (row) => row.reason },
    {
      title: t("partner"),
      cell: (row) => (row.partnerId ? <a href={`/console/partners/${row.partnerId}`}>{row.partnerId}</a> : "–"),
    },
    { title: t("seenSince"), cell: (row) => <When at={row.since} relative /> },
    {
      title: t("status"),
      cell: (row) => <Badge tone={row.counts ? "bad" : "wait"}>{t(row.counts ? "sure" : "seenOnce")}</Badge>,
    },
  ];
  return (
    <>
      <p class={`standing ${isGreen ? "good" : of.faults ? "bad" : "wait"}`} role="status">
        {isGreen && of.cleanSince ? (
          <>
            <strong>✓ {t("green")}</strong> {t("greenSince")} <When at={of.cleanSince} />
          </>
        ) : of.faults ? (
          <strong>{many("faults", of.faults)}</strong>
        ) : (
          <strong>{t("notYetSwept")}</strong>
        )}
      </p>
      <Facts
        of={[
          [t("sweptAt"), of.sweptAt ? <When key="a" at={of.sweptAt} /> : t("notYet")],
          ...(of.sweepingSince
            ? [[t("sweeping"), <When key="b" at={of.sweepingSince} />] as [string, preact.VNode]]
            : []),
          [t("changesUntil"), of.changesUntil ? <When key="c" at={of.changesUntil} relative /> : t("notYet")],
          [
            t("manifest"),
            of.manifestDay && of.signedAt ? (
              <>
                {calendarDay(of.manifestDay)}, {t("signed")} <When at={of.signedAt} />
              </>
            ) : (
              t("noManifest")
            ),
          ],
        ]}
      />
      {of.data.length > 0 && (
        <Listed
          caption={t("faultList")}
          list={{ data: of.data, problem: undefined, isLoading: false, reload: () => {} }}
          columns={columns}
          id={(row) => row.kind + row.id + row.reason}
          empty={{ title: t("noFaults") }}
        />
      )}
      {of.leftOut.length > 0 && (
        <p class="muted">
          {many("leftOut", of.leftOut.length)}{" "}
          {of.leftOut.map((each) => (
            <a key={each} href={`/console/partners/${each}`}>
              {each}{" "}
            </a>
          ))}
        </p>
      )}
      <p class="muted">{t("verificationAbout")}</p>
    </>
  );
}

// ---------------------------------------------------------------- what all come to

function Balances() {
  const [filters, set] = useFilters("/console/books", { asOf: "" });
  const asOf = dayIn(filters.asOf);
  const monthEnd = dayBefore(`${monthsAgo(0)}-01`);
  const query = asOf ? { asOf } : {};
  const found = useLoad(() => done(api.GET("/api/v1/ledger/trial-balance", { params: { query } })), [asOf]);
  return (
    <>
      <div class="filters">
        <DateField label={t("asOfDay")} value={asOf} onInput={(value) => set("asOf", value)} />
        <Button onClick={() => set("asOf", monthEnd)} aria-pressed={asOf === monthEnd}>
          {calendarDay(monthEnd)}
        </Button>
        <Button onClick={() => set("asOf", "")} aria-pressed={asOf === ""}>
          {t("now")}
        </Button>
        {may("POST /api/v1/exports") && (
          <a class="button" href="/console/files">
            {t("closeMonth")} →
          </a>
        )}
      </div>
      <Show of={found}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title={t("nothingBooked")}>{t("nothingBookedAbout")}</Empty>
          ) : (
            data.map((each) => <OfCurrency key={each.currency} it={each} asOf={asOf} />)
          )
        }
      </Show>
      <p class="muted">{asOf ? t("asOfEnd", { day: calendarDay(asOf) }) : t("asOfNow")}</p>
    </>
  );
}

function OfCurrency({ it, asOf }: { it: Schema["TrialBalanceView"]; asOf: string }) {
  const amount = (decimal: string): Figure => ({ decimal, currency: it.currency });
  const accounts: Figures = {
    head: [t("bookAccount"), t("debit"), t("credit"), t("balance")],
    rows: [
      ...it.accounts.map((each): Figure[] => [
        word("LEG", each.account),
        amount(each.debitDecimal),
        amount(each.creditDecimal),
        amount(each.balanceDecimal),
      ]),
      [t("together"), amount(it.debitDecimal), amount(it.creditDecimal), ""],
    ],
  };
  const kinds: Figures = {
    head: [t("kindOfEntry"), t("entries"), t("amount")],
    rows: it.kinds.map((each) => [word("ENTRY", each.kind), each.entries, amount(each.amountDecimal)]),
  };
  const name = `trial-balance-${it.currency}${asOf && `-${asOf}`}`;
  return (
    <Part title={`${t("trialBalance")} · ${it.currency}`} aside={<CsvButton of={accounts} name={name} />}>
      <p class="split">
        <Badge tone={it.balanced ? "good" : "bad"}>{t(it.balanced ? "balanced" : "notBalanced")}</Badge>
        <a href={`/console/books/journal?currency=${it.currency}`}>{t("itsJournal", { currency: it.currency })} →</a>
      </p>
      <FigureTable caption={t("trialBalance")} of={accounts} />
      <header>
        <h3>{t("byKind")}</h3>
        <CsvButton of={kinds} name={`${name}-kinds`} />
      </header>
      <FigureTable caption={t("byKind")} of={kinds} />
    </Part>
  );
}

// ---------------------------------------------------------------- the journal

function Journal() {
  const [filters, set] = useFilters("/console/books/journal", { partnerId: "", currency: "" });
  const query = given(filters);
  const list = usePages<Entry>(
    (cursor) => done(api.GET("/api/v1/ledger/entries", { params: { query: { ...query, ...(cursor && { cursor }) } } })),
    [filters.partnerId, filters.currency],
  );
  const all = useLoad(programs, []);
  const taken = all.data?.data.flatMap((each) => each.currencies.map((one) => one.currency)) ?? [];
  const currencies = [...new Set([...taken, filters.currency].filter(Boolean))].sort();
  const columns: Column<Entry>[] = [
    {
      title: t("booked"),
      cell: (row) => (
        <a href={`/console/books/${row.id}`}>
          <When at={row.at} />
        </a>
      ),
    },
    { title: t("partner"), cell: (row) => <PartnerLink of={row} /> },
    {
      title: t("kindOfEntry"),
      cell: (row) => (
        <span class="who">
          {word("ENTRY", row.kind)}
          <small class="muted">
            {word("LEG", row.debit)} → {word("LEG", row.credit)}
          </small>
        </span>
      ),
    },
    {
      title: t("amount"),
      kind: "number",
      cell: (row) => <Money decimal={row.amountDecimal} currency={row.currency} />,
    },
    { title: t("reference"), cell: (row) => <Reference of={row} /> },
  ];
  const file: Figures = {
    head: ["at", "partnerId", "currency", "version", "kind", "debit", "credit", "amount", "reference", "hash"],
    rows: (list.data ?? []).map((each) => [
      each.at,
      each.partnerId,
      each.currency,
      each.version,
      each.kind,
      each.debit,
      each.credit,
      { decimal: each.amountDecimal, currency: each.currency },
      each.reference,
      each.hash,
    ]),
  };
  return (
    <>
      <OfPartner id={filters.partnerId} back="/console/books/journal" />
      <div class="filters">
        <Select
          label={t("currency")}
          value={filters.currency}
          options={[["", t("all")], ...currencies.map((each): [string, string] => [each, each])]}
          onChange={(value) => set("currency", value)}
        />
        <CsvButton of={file} name="journal" />
      </div>
      <Listed
        caption={t("journal")}
        list={list}
        columns={columns}
        id={(row) => row.id}
        href={(row) => `/console/books/${row.id}`}
        empty={{ title: t("noEntries"), about: t("noEntriesAbout") }}
      />
      <p class="muted">
        {!filters.partnerId && t("journalOrder")}{" "}
        {may("POST /api/v1/exports") && <a href="/console/files">{t("journalFile")}</a>}
      </p>
    </>
  );
}
