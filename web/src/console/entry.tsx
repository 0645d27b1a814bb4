/** One entry of the journal: what moved from where to where, what was there after it, and whether its hashes are right. */
import { useRoute } from "preact-iso";
import { api, done, type Schema } from "../shared/api";
import { number, t, word } from "../shared/texts";
import { Badge, type Column, Facts, Money, Part, Show, Status, Table, Title, useLoad, When } from "../shared/ui";
import { Crumbs, nameOf, PartnerLink } from "./common";

type Found = Schema["EntryInPlaceView"];
type Entry = Found["entry"];
type Reward = Schema["RewardView"];

const PAGES = 10; // of a partner's rewards, looked through for those of an entry
const AT_ONCE = 100;

/** What an entry says of itself, and the screen that has more of it. */
export function Reference({ of }: { of: Entry }) {
  const [id = ""] = of.reference.split(" ");
  if (["RESERVE", "RELEASE", "SETTLE", "RETURN", "PAY"].includes(of.kind))
    return <a href={`/console/withdrawals/${id}`}>{of.transactionId ?? t("withdrawal")}</a>;
  if (["CREDIT", "DEBIT", "WRITE_OFF", "ANCHOR"].includes(of.kind))
    return <a href={`/console/adjustments/${id}`}>{t("adjustment")}</a>;
  if (id === "maturity") return <a href={`/console/books/${of.id}`}>{t("severalDue")}</a>;
  return <a href={`/console/payments/${id}`}>{of.externalPaymentId ?? t("payment")}</a>;
}

/** The rewards of a partner from one to another by when they were due; not `all`, where they are too far back. */
async function rewardsOf({ partnerId, currency, firstReward, lastReward }: Entry) {
  const data: Reward[] = [];
  let cursor: string | undefined;
  if (!firstReward || !lastReward) return { data, all: true };
  const isIn = (of: Reward) => firstReward <= of.id && of.id <= lastReward && of.currency === currency;
  for (let page = 0; page < PAGES; page++) {
    const query = { partnerId, limit: AT_ONCE, ...(cursor && { cursor }) };
    const found = await done(api.GET("/api/v1/rewards", { params: { query } }));
    data.push(...found.data.filter(isIn));
    const last = found.data.at(-1);
    cursor = found.nextCursor ?? undefined;
    if (!cursor || (last && last.id < firstReward)) return { data, all: true };
  }
  return { data, all: false };
}

export default function Screen() {
  const { id = "" } = useRoute().params;
  const found = useLoad(
    () => done(api.GET("/api/v1/ledger/entries/{entryId}", { params: { path: { entryId: id } } })),
    [id],
  );
  return <Show of={found}>{(data) => <Shown of={data} />}</Show>;
}

function Shown({ of: { entry, after, previousId, nextId, intact } }: { of: Found }) {
  return (
    <>
      <Crumbs
        to={`/console/books/journal?partnerId=${entry.partnerId}&currency=${entry.currency}`}
        name={`${t("journal")} · ${nameOf(entry)}`}
      />
      <Title text={`${word("ENTRY", entry.kind)} · ${t("entry", { place: number(entry.version) })}`}>
        <Badge>{entry.currency}</Badge>
        <Badge tone={intact ? "good" : "bad"}>{t(intact ? "intact" : "notIntact")}</Badge>
      </Title>
      <nav class="buttons start" aria-label={t("neighbours")}>
        {previousId && (
          <a class="button" href={`/console/books/${previousId}`}>
            ← {t("previousEntry")}
          </a>
        )}
        {nextId && (
          <a class="button" href={`/console/books/${nextId}`}>
            {t("nextEntry")} →
          </a>
        )}
      </nav>
      <div class="columns">
        <div>
          <Part title={t("movement")}>
            <p class="sum">
              <Money decimal={entry.amountDecimal} currency={entry.currency} />
            </p>
            <Facts
              of={[
                [t("debit"), word("LEG", entry.debit)],
                [t("credit"), word("LEG", entry.credit)],
                [t("partner"), <PartnerLink key="p" of={entry} />],
                [t("booked"), <When key="w" at={entry.at} />],
                [t("inUtc"), <code key="u">{entry.at}</code>],
                [t("reference"), <Reference key="r" of={entry} />],
              ]}
            />
          </Part>
          {after && (
            <Part title={t("afterIt")}>
              <dl class="steps">
                {(["available", "reserved", "paid"] as const).map((step) => (
                  <div key={step}>
                    <dt>{word("LEG", step)}</dt>
                    <dd>
                      <Money decimal={after[`${step}Decimal`]} currency={after.currency} />
                    </dd>
                  </div>
                ))}
              </dl>
            </Part>
          )}
          {entry.firstReward && <Rewards of={entry} />}
        </div>
        <Part title={t("chain")}>
          <p>{t(intact ? "intactAbout" : "notIntactAbout")}</p>
          <Facts
            of={[
              [t("hash"), <code key="h">{entry.hash}</code>],
              [t("previousHash"), <code key="p">{entry.previousHash || "–"}</code>],
            ]}
          />
        </Part>
      </div>
    </>
  );
}

/** What an entry sums up, reward by reward: from here it goes on to the payment and its event. */
function Rewards({ of }: { of: Entry }) {
  const found = useLoad(() => rewardsOf(of), [of.id]);
  const columns: Column<Reward>[] = [
    {
      title: t("reward"),
      cell: (row) => (
        <a href={`/console/rewards/${row.id}`}>
          <Money decimal={row.amountDecimal} currency={row.currency} />
        </a>
      ),
    },
    {
      title: t("payment"),
      cell: (row) => <a href={`/console/payments/${row.paymentId}`}>{row.externalPaymentId ?? row.paymentId}</a>,
    },
    { title: t("due"), cell: (row) => <When at={row.maturesAt} /> },
    {
      title: t("takenBackSince"),
      kind: "number",
      cell: (row) => <Money decimal={row.reversedDecimal} currency={row.currency} />,
    },
    { title: t("status"), cell: (row) => <Status of={row.status} /> },
  ];
  return (
    <Part title={t("rewardsInIt")}>
      <Show of={found}>
        {({ data, all }) => (
          <>
            <Table caption={t("rewardsInIt")} columns={columns} rows={data} id={(row) => row.id} />
            <p class="muted">{t(all ? "rewardsInItAbout" : "rewardsTooFarBack")}</p>
          </>
        )}
      </Show>
    </Part>
  );
}
