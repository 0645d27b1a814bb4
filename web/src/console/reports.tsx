/** Reports: one under each address, each with its filters in it, as a chart, as a table and as a file of what is seen. */
import type { ComponentChildren } from "preact";
import { useRoute } from "preact-iso";
import { api, done, type Schema } from "../shared/api";
import { digitsOf } from "../shared/currencies";
import { calendarDay, dayIn, monthsAgo, shortMonth } from "../shared/dates";
import { Bars, Chart, CsvButton, type Figure, type Figures, FigureTable, percent, shown } from "../shared/figures";
import { DateField, Select } from "../shared/forms";
import { decimalOf } from "../shared/money";
import { many, type Text, t, word } from "../shared/texts";
import { Empty, Part, Show, Title, useLoad, When } from "../shared/ui";
import { nameOf, programs, useFilters } from "./common";

type Money = Schema["SumView"];
type Program = { id: string; name: string; currency: string };
type Filters = Record<keyof typeof DEFAULTS, string>;
type Set = (name: keyof typeof DEFAULTS, value: string) => void;
type Asked = { filters: Filters; set: Set; currency: string; choice: ComponentChildren };

const DEFAULTS = {
  programId: "",
  from: "",
  to: "",
  interval: "MONTH",
  currency: "",
  year: "",
  month: "ALL",
  by: "REVENUE",
};
const INTERVALS = ["DAY", "WEEK", "MONTH"] as const;
const RANKED = ["REVENUE", "CONVERSIONS", "REWARDS"] as const;
const YEARS = 6; // that can be chosen; any other is in the address
const MONTHS = 13;

/** What there is of a currency; nothing is nothing of it. */
const of = (sums: Money[], currency: string): Figure => {
  const found = sums.find((each) => each.currency === currency);
  return { decimal: found?.amountDecimal ?? decimalOf(0n, digitsOf(currency)), currency };
};

const period = ({ from, to }: Filters) => (dayIn(from) && dayIn(to) ? { from, to } : {});
const ofProgram = ({ programId }: Filters) => (programId ? { programId } : {});

// ---------------------------------------------------------------- pieces

const Period = ({ filters, set, ever }: { filters: Filters; set: Set; ever?: boolean }) => (
  <>
    <DateField label={t("from")} value={filters.from} onInput={(value) => set("from", value)} />
    <DateField label={t("to")} value={filters.to} onInput={(value) => set("to", value)} />
    {(filters.from !== "") !== (filters.to !== "") && <p class="muted hint">{t("bothDays")}</p>}
    {ever && !filters.from && !filters.to && <p class="muted hint">{t("allTime")}</p>}
  </>
);

/** A report's own part: what it says of itself, and the file of what is seen. */
function Report(props: { title: string; about: string; name: string; file: Figures; children: ComponentChildren }) {
  return (
    <Part title={props.title} aside={<CsvButton of={props.file} name={`refledger-${props.name}`} />}>
      <p class="muted">{props.about}</p>
      {props.file.rows.length === 0 ? <Empty title={t("noFigures")}>{t("noFiguresAbout")}</Empty> : props.children}
    </Part>
  );
}

// ---------------------------------------------------------------- the reports

function Overview({ filters, currency, choice }: Asked) {
  const query = ofProgram(filters);
  const found = useLoad(() => done(api.GET("/api/v1/analytics/overview", { params: { query } })), [filters.programId]);
  return (
    <>
      {choice && <div class="filters">{choice}</div>}
      <Show of={found}>
        {({ allTime, last30Days }) => {
          const both = [allTime, last30Days] as const;
          const count = (name: Text, read: (each: typeof allTime) => Figure): Figure[] => [t(name), ...both.map(read)];
          const file: Figures = {
            head: [t("figure"), t("allTime"), t("last30Days")],
            rows: [
              count("partners", (each) => each.partners.total),
              count("referralsMade", (each) => each.referrals.total),
              count("convertedCount", (each) => each.referrals.converted),
              count("payments", (each) => each.payments.count),
              count("revenue", (each) => of(each.payments.net, currency)),
              count("refunded", (each) => of(each.payments.gone, currency)),
              ...["PENDING", "CALCULATED", "APPROVED", "PAID"].map((status): Figure[] => [
                t("rewardsThat", { status: word("STATUS", status) }),
                ...both.map((each) => of(each.rewards.byStatus[status]?.amounts ?? [], currency)),
              ]),
              count("heldRewards", (each) => of(each.rewards.held.amounts, currency)),
              count("givenByHandSum", (each) => of(each.rewards.byHand.amounts, currency)),
            ],
          };
          return (
            <Report title={t("REPORT_overview")} about={t("REPORT_ABOUT_overview")} name="overview" file={file}>
              <FigureTable caption={t("REPORT_overview")} of={file} />
            </Report>
          );
        }}
      </Show>
    </>
  );
}

function Trends({ filters, set, currency, choice }: Asked) {
  const interval = filters.interval as (typeof INTERVALS)[number];
  const query = { ...ofProgram(filters), ...period(filters), interval };
  const inputs = [filters.programId, filters.from, filters.to, interval];
  const referrals = useLoad(() => done(api.GET("/api/v1/referrals/trends", { params: { query } })), inputs);
  const rewards = useLoad(() => done(api.GET("/api/v1/rewards/trends", { params: { query } })), inputs);
  const point = ({ from, to }: { from: string; to: string }): string =>
    interval === "MONTH" ? shortMonth(from) : from === to ? calendarDay(from) : `${calendarDay(from)} –`;
  return (
    <>
      <div class="filters">
        {choice}
        <Select
          label={t("interval")}
          value={interval}
          options={INTERVALS.map((each): [string, string] => [each, word("INTERVAL", each)])}
          onChange={(value) => set("interval", value)}
        />
        <Period filters={filters} set={set} />
      </div>
      <Show of={referrals}>
        {({ data }) => {
          const file: Figures = {
            head: [t("time"), t("referralsMade"), t("convertedCount"), t("rejected"), t("expiredCount")],
            rows: data.map((each) => [point(each), each.created, each.converted, each.rejected, each.expired]),
          };
          return (
            <Report title={t("referralTrend")} about={t("referralTrendAbout")} name="referral-trend" file={file}>
              <Chart caption={t("referralTrend")} of={file} />
              {data.some((each) => each.cut) && <p class="muted">{t("cut")}</p>}
            </Report>
          );
        }}
      </Show>
      <Show of={rewards}>
        {({ data }) => {
          const file: Figures = {
            head: [t("time"), t("earned"), t("approved"), t("paid")],
            rows: data.map((each) => [
              point(each),
              of(each.earned, currency),
              of(each.approved, currency),
              of(each.paid, currency),
            ]),
          };
          return (
            <Report title={t("rewardTrend")} about={t("rewardTrendAbout")} name="reward-trend" file={file}>
              <Chart caption={`${t("rewardTrend")} · ${currency}`} of={file} />
            </Report>
          );
        }}
      </Show>
    </>
  );
}

function Funnel({ filters, set, choice }: Asked) {
  const query = { ...ofProgram(filters), ...period(filters) };
  const inputs = [filters.programId, filters.from, filters.to];
  const found = useLoad(() => done(api.GET("/api/v1/referrals/funnel", { params: { query } })), inputs);
  const speed = useLoad(() => done(api.GET("/api/v1/analytics/time-to-convert", { params: { query } })), inputs);
  return (
    <>
      <div class="filters">
        {choice}
        <Period filters={filters} set={set} ever />
      </div>
      <Show of={found}>
        {({ steps, rejected, expired }) => {
          const file: Figures = {
            head: [t("step"), t("count"), t("ofFirst"), t("ofPrevious")],
            rows: steps.map((each) => [
              word("STEP", each.step),
              each.count,
              percent(each.ofFirstBps),
              percent(each.ofPreviousBps),
            ]),
          };
          return (
            <Report title={t("REPORT_funnel")} about={t("REPORT_ABOUT_funnel")} name="funnel" file={file}>
              <Bars
                caption={t("REPORT_funnel")}
                of={steps.map((each, place) => ({
                  name: word("STEP", each.step),
                  value: each.count,
                  note: place === 0 ? "" : t("ofBefore", { share: percent(each.ofPreviousBps) }),
                }))}
              />
              <p class="muted">{t("leftOnTheWay", { rejected, expired })}</p>
            </Report>
          );
        }}
      </Show>
      <Show of={speed}>
        {({ data, averageHours }) => {
          const name = ({ fromDays, toDays }: (typeof data)[number]) =>
            toDays === null
              ? t("daysOrMore", { from: fromDays })
              : fromDays === toDays
                ? many("daysExactly", fromDays)
                : t("daysBetween", { from: fromDays, to: toDays });
          const file: Figures = {
            head: [t("days"), t("count"), t("share")],
            rows: data.map((each) => [name(each), each.count, percent(each.shareBps)]),
          };
          return (
            <Report title={t("speed")} about={t("speedAbout")} name="time-to-convert" file={file}>
              {averageHours !== null && <p>{t("averageHours", { hours: averageHours })}</p>}
              <Chart
                caption={t("speed")}
                of={{ head: file.head.slice(0, 2), rows: file.rows.map((r) => r.slice(0, 2)) }}
              />
            </Report>
          );
        }}
      </Show>
    </>
  );
}

function Sources({ filters, set, choice }: Asked) {
  const query = { ...ofProgram(filters), ...period(filters) };
  const inputs = [filters.programId, filters.from, filters.to];
  const found = useLoad(() => done(api.GET("/api/v1/referrals/sources", { params: { query } })), inputs);
  return (
    <>
      <div class="filters">
        {choice}
        <Period filters={filters} set={set} ever />
      </div>
      <Show of={found}>
        {({ data }) => {
          const file: Figures = {
            head: [t("source"), t("referralsMade"), t("share"), t("convertedCount"), t("conversionRate")],
            rows: data.map((each) => [
              word("SOURCE", each.source),
              each.referrals,
              percent(each.shareBps),
              each.converted,
              percent(each.conversionRateBps),
            ]),
          };
          return (
            <Report title={t("REPORT_sources")} about={t("REPORT_ABOUT_sources")} name="sources" file={file}>
              <Bars
                caption={t("REPORT_sources")}
                of={data.map((each) => ({
                  name: word("SOURCE", each.source),
                  value: each.referrals,
                  note: percent(each.shareBps),
                }))}
              />
              <FigureTable caption={t("REPORT_sources")} of={file} />
            </Report>
          );
        }}
      </Show>
    </>
  );
}

function Cohorts({ filters, set, currency, choice }: Asked) {
  const now = new Date().getUTCFullYear();
  const year = Number(filters.year) || now;
  const years = Array.from({ length: YEARS }, (_, place) => String(now - place));
  const query = { ...ofProgram(filters), year };
  const found = useLoad(
    () => done(api.GET("/api/v1/analytics/cohorts", { params: { query } })),
    [filters.programId, year],
  );
  return (
    <>
      <div class="filters">
        {choice}
        <Select
          label={t("year")}
          value={String(year)}
          options={[...new Set([...years, String(year)])].map((each): [string, string] => [each, each])}
          onChange={(value) => set("year", value === String(now) ? "" : value)}
        />
      </div>
      <Show of={found}>
        {({ data }) => {
          const last = Math.max(0, ...data.flatMap((each) => each.months.map((month) => month.month)));
          const after = Array.from({ length: last + 1 }, (_, place) => place);
          const file: Figures = {
            head: [
              t("referredIn"),
              t("referralsMade"),
              t("convertedCount"),
              t("conversionRate"),
              ...after.map((each) => (each === 12 ? t("laterMonths") : t("monthAfter", { month: each }))),
            ],
            rows: data.map((each) => [
              shortMonth(each.month),
              each.referrals,
              each.converted,
              percent(each.conversionRateBps),
              ...after.map((month) => {
                const there = each.months.find((one) => one.month === month);
                return there ? of(there.revenue, currency) : "–";
              }),
            ]),
          };
          return (
            <Report title={t("REPORT_cohorts")} about={t("REPORT_ABOUT_cohorts")} name={`cohorts-${year}`} file={file}>
              <FigureTable caption={t("REPORT_cohorts")} of={file} />
            </Report>
          );
        }}
      </Show>
    </>
  );
}

function Forecast({ filters, currency, choice }: Asked) {
  const query = ofProgram(filters);
  const found = useLoad(() => done(api.GET("/api/v1/analytics/forecast", { params: { query } })), [filters.programId]);
  return (
    <>
      {choice && <div class="filters">{choice}</div>}
      <Show of={found}>
        {({ data, overdue, total }) => {
          const file: Figures = {
            head: [t("dueOn"), t("amount")],
            rows: data.map((each) => [calendarDay(each.date), of(each.amounts, currency)]),
          };
          const sums: Figures = {
            head: [t("figure"), t("amount")],
            rows: [
              [t("overdue"), of(overdue, currency)],
              [t("totalWaiting"), of(total, currency)],
            ],
          };
          return (
            <Report
              title={t("REPORT_forecast")}
              about={t("REPORT_ABOUT_forecast")}
              name="forecast"
              file={{ head: file.head, rows: [...file.rows, ...(total.length ? sums.rows : [])] }}
            >
              <Chart caption={`${t("REPORT_forecast")} · ${currency}`} of={file} />
              <FigureTable caption={t("totalWaiting")} of={sums} />
            </Report>
          );
        }}
      </Show>
    </>
  );
}

function Leaderboard({ filters, set, currency, choice }: Asked) {
  const by = filters.by as (typeof RANKED)[number];
  const query = { ...ofProgram(filters), by, month: filters.month, currency, limit: 100 };
  const found = useLoad(
    () => done(api.GET("/api/v1/partners/top", { params: { query } })),
    [filters.programId, by, filters.month, currency],
  );
  const months = Array.from({ length: MONTHS }, (_, place) => monthsAgo(place));
  return (
    <>
      <div class="filters">
        {choice}
        <Select
          label={t("rankedBy")}
          value={by}
          options={RANKED.map((each): [string, string] => [each, word("RANKED", each)])}
          onChange={(value) => set("by", value)}
        />
        <Select
          label={t("monthOf")}
          value={filters.month}
          options={[["ALL", t("allTime")], ...months.map((each): [string, string] => [each, shortMonth(each)])]}
          onChange={(value) => set("month", value)}
        />
      </div>
      <Show of={found}>
        {({ data, updatedAt }) => {
          const value = (each: (typeof data)[number]): Figure =>
            each.valueDecimal !== null && each.currency
              ? { decimal: each.valueDecimal, currency: each.currency }
              : each.value;
          const file: Figures = {
            head: [t("rank"), t("partner"), word("RANKED", by)],
            rows: data.map((each) => [each.rank, nameOf(each), value(each)]),
          };
          return (
            <Report
              title={t("REPORT_leaderboard")}
              about={t("REPORT_ABOUT_leaderboard")}
              name="leaderboard"
              file={file}
            >
              <Board of={data.map((each) => ({ ...each, value: value(each) }))} caption={t("REPORT_leaderboard")} />
              {updatedAt && (
                <p class="muted">
                  {t("asOf")} <When at={updatedAt} />
                </p>
              )}
            </Report>
          );
        }}
      </Show>
    </>
  );
}

/** The board, each name a link to who it is. */
function Board(props: {
  caption: string;
  of: { rank: number; partnerId: string; partnerName?: string | null; partnerCompany?: string | null; value: Figure }[];
}) {
  return (
    <ol class="board" aria-label={props.caption}>
      {props.of.map((each) => (
        <li key={each.partnerId}>
          <a href={`/console/partners/${each.partnerId}`}>{nameOf(each)}</a>
          <strong>{shown(each.value)}</strong>
        </li>
      ))}
    </ol>
  );
}

function Payouts({ filters, set }: Asked) {
  const query = period(filters);
  const found = useLoad(
    () => done(api.GET("/api/v1/payouts/summary", { params: { query } })),
    [filters.from, filters.to],
  );
  const STEPS = ["requested", "released", "settled", "paidDirectly", "returned", "paid"] as const;
  return (
    <>
      <div class="filters">
        <Period filters={filters} set={set} ever />
      </div>
      <Show of={found}>
        {({ data }) => {
          const file: Figures = {
            head: [t("currency"), ...STEPS.map((each) => word("PAYOUT", each))],
            rows: data.map((each) => [
              each.currency,
              ...STEPS.map((step): Figure => ({ decimal: each[`${step}Decimal`], currency: each.currency })),
            ]),
          };
          const byStatus: Figures = {
            head: [t("currency"), t("status"), t("count"), t("amount")],
            rows: data.flatMap((each) =>
              each.withdrawals.map((one): Figure[] => [
                each.currency,
                word("STATUS", one.status),
                one.count,
                { decimal: one.amountDecimal, currency: each.currency },
              ]),
            ),
          };
          return (
            <>
              <Report title={t("REPORT_payouts")} about={t("REPORT_ABOUT_payouts")} name="payouts" file={file}>
                <FigureTable caption={t("REPORT_payouts")} of={file} />
              </Report>
              <Report
                title={t("withdrawalsByStatus")}
                about={t("withdrawalsByStatusAbout")}
                name="withdrawals-by-status"
                file={byStatus}
              >
                <FigureTable caption={t("withdrawalsByStatus")} of={byStatus} />
              </Report>
            </>
          );
        }}
      </Show>
    </>
  );
}

const REPORTS = {
  overview: Overview,
  trends: Trends,
  funnel: Funnel,
  sources: Sources,
  cohorts: Cohorts,
  forecast: Forecast,
  leaderboard: Leaderboard,
  payouts: Payouts,
};
const OF_MONEY = ["overview", "trends", "cohorts", "forecast", "leaderboard"];
type Name = keyof typeof REPORTS;

export default function Screen() {
  const { report = "overview" } = useRoute().params;
  const name: Name = report in REPORTS ? (report as Name) : "overview";
  const path = name === "overview" ? "/console/reports" : `/console/reports/${name}`;
  const [filters, set] = useFilters(path, DEFAULTS);
  const known = useLoad(programs, []);
  return (
    <>
      <Title text={t("reports")} />
      <nav class="tabs" aria-label={t("reports")}>
        {Object.keys(REPORTS).map((each) => (
          <a
            key={each}
            href={each === "overview" ? "/console/reports" : `/console/reports/${each}`}
            aria-current={each === name ? "page" : undefined}
          >
            {word("REPORT", each)}
          </a>
        ))}
      </nav>
      <Show of={known}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title={t("noProgramYet")}>{t("noProgramYetAbout")}</Empty>
          ) : (
            <Chosen name={name} of={data} filters={filters} set={set} />
          )
        }
      </Show>
      <p class="muted">{t("behind")}</p>
    </>
  );
}

function Chosen({ name, of: all, filters, set }: { name: Name; of: Program[]; filters: Filters; set: Set }) {
  const chosen = filters.programId || all.find((each) => each.id === "default")?.id || all[0]?.id || "";
  const main = all.find((each) => each.id === chosen)?.currency ?? "";
  const currencies = [...new Set([main, ...all.map((each) => each.currency), filters.currency])].filter(Boolean);
  const currency = filters.currency || main;
  const Report = REPORTS[name];
  const choice = name !== "payouts" && (
    <>
      {all.length > 1 && (
        <Select
          label={t("program")}
          value={chosen}
          options={all.map((each): [string, string] => [each.id, each.name])}
          onChange={(value) => set("programId", value)}
        />
      )}
      {OF_MONEY.includes(name) && currencies.length > 1 && (
        <Select
          label={t("currency")}
          value={currency}
          options={currencies.map((each): [string, string] => [each, each])}
          onChange={(value) => set("currency", value === main ? "" : value)}
        />
      )}
    </>
  );
  return (
    <Report key={name} filters={{ ...filters, programId: chosen }} set={set} currency={currency} choice={choice} />
  );
}
