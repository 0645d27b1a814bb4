/** What a partner comes for: the link to share, what it brought, and when the money is theirs. */
import { useState } from "preact/hooks";
import { api, done, type Schema } from "../shared/api";
import { money } from "../shared/money";
import { many, number, t, word } from "../shared/texts";
import {
  asProblem,
  Badge,
  Button,
  type Column,
  Copy,
  Empty,
  Money,
  Part,
  Show,
  Status,
  Table,
  Title,
  Trouble,
  useLoad,
  When,
} from "../shared/ui";

type Link = Schema["LinkView"];
type Balance = Schema["BalanceView"];
type Reward = Schema["RewardView"];
type Program = Schema["OwnProgramView"];

export default function Home() {
  const links = useLoad(() => done(api.GET("/api/v1/me/links")), []);
  const balance = useLoad(() => done(api.GET("/api/v1/me/balance")), []);
  const program = useLoad(() => done(api.GET("/api/v1/me/program")), []);
  const me = useLoad(() => done(api.GET("/api/v1/me")), []);
  const rates = me.data?.commissionRates ?? [];
  return (
    <>
      <Title text={t("home")} />
      {program.data && program.data.status !== "ACTIVE" && <p class="notice">{t("programClosed")}</p>}
      <Part title={t("yourLink")}>
        <Show of={links}>{({ data }) => <Share links={data} />}</Show>
        {program.data && (
          <p class="muted">
            {(rates[0] ?? 0) > 0 && t("earnRate", { rate: number((rates[0] ?? 0) / 100), program: program.data.name })}{" "}
            {program.data.holdDays > 0 && many("holdFor", program.data.holdDays)}
          </p>
        )}
      </Part>
      <Part title={t("yourMoney")}>
        <Show of={balance}>
          {({ data }) =>
            data.length === 0 ? (
              <Empty title={t("nothingEarned")}>{t("nothingEarnedAbout")}</Empty>
            ) : (
              data.map((each) => <Steps key={each.currency} of={each} program={program.data} />)
            )
          }
        </Show>
      </Part>
      <Latest />
    </>
  );
}

function Share({ links }: { links: Link[] }) {
  const active = links.filter((each) => each.status === "ACTIVE");
  const [isShown, setShown] = useState(false);
  const main = active[0];
  if (!main) return <Empty title={t("noLink")} />;
  const told = main.url ?? main.code;
  return (
    <>
      <div class="share">
        <output class="link">{told}</output>
        <Copy text={told} label={main.url ? "copyLink" : "copyCode"} />
        {main.url && (
          <Button aria-expanded={isShown} onClick={() => setShown(!isShown)}>
            {t("qrCode")}
          </Button>
        )}
      </div>
      {!main.url && <p class="muted">{t("codeOnly")}</p>}
      {isShown && main.url && <Qr text={main.url} />}
      <dl class="steps">
        {(
          [
            ["clicks", main.clicks.total],
            ["customers", main.referrals],
            ["payingCustomers", main.converted],
          ] as const
        ).map(([name, count]) => (
          <div key={name}>
            <dt>{t(name)}</dt>
            <dd>{number(count)}</dd>
          </div>
        ))}
      </dl>
      {active.length > 1 && (
        <ul class="plain">
          {active.slice(1).map((each) => (
            <li key={each.code} class="link">
              <code>{each.code}</code> <span class="muted">{each.label || each.campaign}</span>
              <Copy text={each.url ?? each.code} label={each.url ? "copyLink" : "copyCode"} />
              <small class="muted">
                {t("linkFigures", {
                  clicks: number(each.clicks.total),
                  referrals: number(each.referrals),
                  converted: number(each.converted),
                })}
              </small>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Qr({ text }: { text: string }) {
  const code = useLoad(() => import("uqr").then(({ encode }) => encode(text, { border: 2 })), [text]);
  return (
    <Show of={code}>
      {({ data, size }) => (
        <svg class="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={t("qrOf", { link: text })}>
          <rect width={size} height={size} fill="#fff" />
          <path
            fill="#000"
            d={data.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : ""))).join("")}
          />
        </svg>
      )}
    </Show>
  );
}

/** Money on its way to the partner, and what is missing for the next payout. */
function Steps({ of, program }: { of: Balance; program: Program | undefined }) {
  const least = program?.currencies.find((each) => each.currency === of.currency);
  const missing = least && of.available < least.payoutMinimum;
  return (
    <>
      <ol class="steps">
        {(["pending", "available", "reserved", "paid"] as const).map((step) => (
          <li key={step} class={step}>
            <span>{word("STEP", step)}</span>
            <strong>
              <Money decimal={of[`${step}Decimal`]} currency={of.currency} />
            </strong>
          </li>
        ))}
      </ol>
      <p>
        {of.available <= 0 ? null : missing ? (
          t("notEnough", { least: money(least.payoutMinimumDecimal, of.currency) })
        ) : (
          <a class="button primary" href={`/portal/withdraw?currency=${of.currency}`}>
            {t("withdrawIt", { amount: money(of.availableDecimal, of.currency) })}
          </a>
        )}
      </p>
    </>
  );
}

function Latest() {
  const rewards = useLoad(() => done(api.GET("/api/v1/me/rewards", { params: { query: { limit: 10 } } })), []);
  const [open, setOpen] = useState<string>();
  const columns: Column<Reward>[] = [
    { title: t("earned"), cell: (row) => <When at={row.earnedAt ?? row.createdAt} relative /> },
    { title: t("amount"), kind: "number", cell: (row) => <Money decimal={row.netDecimal} currency={row.currency} /> },
    {
      title: t("status"),
      cell: (row) => (
        <>
          <Status of={row.status} text={word("REWARD", row.status)} />
          {row.status === "PENDING" && row.maturesAt && (
            <small class="muted">
              {t("availableOn")} <When at={row.maturesAt} relative />
            </small>
          )}
          {row.held.length > 0 && <Badge tone="wait">{t("held")}</Badge>}
        </>
      ),
    },
    {
      title: t("why"),
      cell: (row) => (
        <>
          <Button aria-expanded={open === row.id} onClick={() => setOpen(open === row.id ? undefined : row.id)}>
            {t("why")}
          </Button>
          {open === row.id && <Why id={row.id} />}
        </>
      ),
    },
  ];
  return (
    <Part title={t("latest")}>
      <Show of={rewards}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title={t("noRewards")}>{t("noRewardsAbout")}</Empty>
          ) : (
            <Table caption={t("latest")} columns={columns} rows={data} id={(row) => row.id} />
          )
        }
      </Show>
    </Part>
  );
}

/** Why a reward is what it is, in the API's sentences. */
function Why({ id }: { id: string }) {
  const explained = useLoad(
    () => done(api.GET("/api/v1/rewards/{rewardId}/explain", { params: { path: { rewardId: id } } })),
    [id],
  );
  if (explained.problem) return <Trouble problem={asProblem(explained.problem)} retry={explained.reload} />;
  return (
    <Show of={explained}>
      {(it) => (
        <ul class="why">
          {[it.rule.text, it.earned.text, it.takenBack.text, it.cap?.text, ...it.next.map((each) => each.text)]
            .filter((each): each is string => Boolean(each))
            .map((each) => (
              <li key={each}>{each}</li>
            ))}
        </ul>
      )}
    </Show>
  );
}
