/** What a partner comes for: the link to share, what it brought, and when the money is theirs. */
import { lazy } from "preact-iso";
import { useState } from "preact/hooks";
import { api, done, type Schema } from "../shared/api";
import { calendarDay } from "../shared/dates";
import { decimalOf, money, places } from "../shared/money";
import { many, number, t, word } from "../shared/texts";
import { Button, Copy, Empty, Money, Part, Show, Sums, Title, useLoad } from "../shared/ui";
import { to } from "./places";
import { Rewards } from "./rewards";

import { payOf } from "./offer";

type Link = Schema["LinkView"];
type Balance = Schema["BalanceView"];
type Program = Schema["OwnProgramView"];
type Upcoming = Schema["UpcomingView"];
const LATEST = 5;
const Qr = lazy(() => import("./qr").then((it) => it.Qr));

export default function Home() {
  const links = useLoad(() => done(api.GET("/api/v1/me/links")), []);
  const balance = useLoad(() => done(api.GET("/api/v1/me/balance")), []);
  const upcoming = useLoad(() => done(api.GET("/api/v1/me/upcoming")), []);
  const program = useLoad(() => done(api.GET("/api/v1/me/program")), []);
  return (
    <>
      <Title text={t("home")} />
      {program.data && program.data.status !== "ACTIVE" && <p class="notice">{t("programClosed")}</p>}
      <Part title={t("yourLink")} aside={<a {...to("share")}>{t("moreToShare")}</a>}>
        <Show of={links}>{({ data }) => <Share links={data} />}</Show>
        {program.data && <Offer program={program.data} />}
      </Part>
      <Part title={t("yourMoney")} aside={<a {...to("earnings")}>{t("allEarnings")}</a>}>
        <Show of={balance}>
          {({ data }) =>
            data.length === 0 ? (
              <Empty title={t("nothingEarned")}>{t("nothingEarnedAbout")}</Empty>
            ) : (
              data.map((each) => (
                <Steps key={each.currency} of={each} program={program.data} upcoming={upcoming.data} />
              ))
            )
          }
        </Show>
      </Part>
      <Brought links={links.data?.data ?? []} />
      <Latest />
    </>
  );
}

function Share({ links }: { links: Link[] }) {
  const [isShown, setShown] = useState(false);
  const main = links.find((each) => each.status === "ACTIVE");
  if (!main) return <Empty title={t("noLink")} />;
  return (
    <>
      <div class="share">
        <output class="link">{main.url ?? main.code}</output>
        <Copy text={main.url ?? main.code} label={main.url ? "copyLink" : "copyCode"} />
        {main.url && (
          <Button aria-expanded={isShown} onClick={() => setShown(!isShown)}>
            {t("qrCode")}
          </Button>
        )}
      </div>
      {!main.url && <p class="muted">{t("codeOnly")}</p>}
      {isShown && main.url && <Qr text={main.url} />}
    </>
  );
}

/** What is earned of whom, for how long, and when it is available. */
function Offer({ program }: { program: Program }) {
  const { rules, ownRates } = program;
  const own = ownRates.find((each) => each.productId === null);
  const pay = own ?? rules.firstPayment?.tiers[0] ?? rules.tiers[0];
  const told = (of: typeof pay) => (of ? payOf(of, program) : "");
  const later = rules.tiers[0];
  const isOnce = !own && rules.firstPayment && told(pay) !== told(later);
  return (
    <p class="muted offer">
      {t(isOnce ? "earnFirst" : "earn", { pay: told(pay), later: told(later), program: program.name })}{" "}
      {rules.limitMonths !== null && many("forMonths", rules.limitMonths)}{" "}
      {rules.limitPayments !== null && many("forPayments", rules.limitPayments)}{" "}
      {program.holdDays > 0 && many("holdFor", program.holdDays)}
    </p>
  );
}

/** Money on its way to the partner: when the next of it is available, and what is missing for a payout. */
function Steps(props: { of: Balance; program: Program | undefined; upcoming: Upcoming | undefined }) {
  const { of, program } = props;
  const least = program?.currencies.find((each) => each.currency === of.currency);
  const missing = Math.max(0, (least?.payoutMinimum ?? 0) - of.available);
  const tell = (minor: number) => money(decimalOf(BigInt(minor), places(of.availableDecimal)), of.currency);
  const next = props.upcoming?.data.find((each) => each.currency === of.currency);
  return (
    <>
      <ol class="steps flow">
        {(["pending", "available", "reserved", "paid"] as const).map((step) => (
          <li key={step} class={step}>
            <span>{word("STEP", step)}</span>
            <strong>
              <Money decimal={of[`${step}Decimal`]} currency={of.currency} />
            </strong>
            {step === "pending" && next && of.pending > 0 && (
              <small>
                {t("nextAvailable", { amount: money(next.amountDecimal, of.currency), day: calendarDay(next.date) })}
              </small>
            )}
            {step === "reserved" && of.reserved > 0 && (
              <small>
                <a {...to("withdraw")}>{t("howItStands")}</a>
              </small>
            )}
          </li>
        ))}
      </ol>
      {of.available < 0 ? (
        <p>{t("inDebt", { amount: tell(-of.available) })}</p>
      ) : missing > 0 ? (
        <p>
          {t("notEnough", { least: money(least?.payoutMinimumDecimal ?? "0", of.currency), missing: tell(missing) })}
        </p>
      ) : (
        of.available > 0 && (
          <p>
            <a class="button primary" {...to(`withdraw?currency=${of.currency}`)}>
              {t("withdrawIt", { amount: money(of.availableDecimal, of.currency) })}
            </a>
          </p>
        )
      )}
    </>
  );
}

/** From a click to money: of all time. */
function Brought({ links }: { links: Link[] }) {
  const found = useLoad(() => done(api.GET("/api/v1/me/performance")), []);
  const clicks = links.reduce((sum, each) => sum + each.clicks.total, 0);
  return (
    <Part title={t("whatItBrought")} aside={<a {...to("referrals")}>{t("allReferrals")}</a>}>
      <Show of={found}>
        {({ allTime }) => (
          <ol class="steps flow">
            <li>
              <span>{t("clicks")}</span>
              <strong>{number(clicks)}</strong>
            </li>
            <li>
              <span>{t("leads")}</span>
              <strong>{number(allTime.referrals)}</strong>
            </li>
            <li>
              <span>{t("customers")}</span>
              <strong>{number(allTime.conversions)}</strong>
            </li>
            <li>
              <span>{t("revenue")}</span>
              <strong>
                {allTime.revenue.length === 0 && "–"}
                <Sums of={allTime.revenue.map((each) => ({ currency: each.currency, decimal: each.amountDecimal }))} />
              </strong>
            </li>
          </ol>
        )}
      </Show>
    </Part>
  );
}

function Latest() {
  const rewards = useLoad(() => done(api.GET("/api/v1/me/rewards", { params: { query: { limit: LATEST } } })), []);
  return (
    <Part title={t("latest")}>
      <Show of={rewards}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title={t("noRewards")}>{t("noRewardsAbout")}</Empty>
          ) : (
            <Rewards caption={t("latest")} rows={data} />
          )
        }
      </Show>
    </Part>
  );
}
