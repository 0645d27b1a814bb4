/** What waits for the staff, the most pressing first. */
import { api, done, type Schema } from "../shared/api";
import { many, number, t, word } from "../shared/texts";
import { Empty, Show, Sums, Title, useLoad, When } from "../shared/ui";

type Item = Schema["InboxItemView"];

const LEADS: Record<Item["kind"], string> = {
  WITHDRAWALS_TO_DECIDE: "/console/withdrawals",
  WITHDRAWALS_TO_PAY: "/console/payouts",
  WITHDRAWALS_TO_CONFIRM: "/console/payouts",
  WITHDRAWALS_WITH_PROBLEM: "/console/withdrawals?status=PROBLEM",
  APPLICATIONS: "/console/applications",
  ADJUSTMENTS: "/console/adjustments",
  PARKED_PAYMENTS: "/console/payments?view=PARKED",
  DISPUTES: "/console/payments?view=DISPUTES",
  HELD_REWARDS: "/console/rewards?status=HELD",
};

function Card({ of }: { of: Item }) {
  const to = LEADS[of.kind];
  const inside = (
    <>
      <span class="count">{number(of.count) + (of.more ? "+" : "")}</span>
      <span class="what">
        <strong>{word("INBOX", of.kind)}</strong>
        <small>{word("INBOX_ABOUT", of.kind)}</small>
      </span>
      {of.sums.length > 0 && (
        <span class="sum">
          <Sums of={of.sums.map((each) => ({ currency: each.currency, decimal: each.amountDecimal }))} />
        </span>
      )}
      {of.oldestAt && (
        <small class="muted">
          {t("oldest")} <When at={of.oldestAt} relative />
        </small>
      )}
    </>
  );
  return (
    <li>
      <a href={to}>{inside}</a>
    </li>
  );
}

export default function Inbox() {
  const inbox = useLoad(() => done(api.GET("/api/v1/inbox")), []);
  return (
    <>
      <Title text={t("inbox")} />
      <Show of={inbox}>
        {({ data }) => {
          const waiting = data.filter((each) => each.count > 0);
          const calm = data.filter((each) => each.count === 0);
          return (
            <>
              {waiting.length === 0 && <Empty title={t("nothingWaits")}>{t("nothingWaitsAbout")}</Empty>}
              <ul class="cards">
                {waiting.map((each) => (
                  <Card key={each.kind} of={each} />
                ))}
              </ul>
              {waiting.length > 0 && calm.length > 0 && (
                <p class="muted">
                  {many("calm", calm.length)} {calm.map((each) => word("INBOX", each.kind)).join(", ")}
                </p>
              )}
            </>
          );
        }}
      </Show>
    </>
  );
}
