/** What else there is of a partner: codes, notes, who is above and below them, and their statements. */
import { useState } from "preact/hooks";
import { api, done, download, type Problem, type Schema, write } from "../shared/api";
import { digitsOf } from "../shared/currencies";
import { day, month, monthsSince } from "../shared/dates";
import { Listed } from "../shared/listed";
import { decimalOf } from "../shared/money";
import { may } from "../shared/session";
import { number, t, word } from "../shared/texts";
import {
  asProblem,
  Badge,
  Button,
  type Column,
  Copy,
  Part,
  Sums,
  Table,
  tell,
  Trouble,
  useLoad,
  usePages,
  When,
} from "../shared/ui";
import { type Action, Actions, Asked } from "./act";
import { given } from "./common";

type Partner = Schema["PartnerView"];
type Code = Schema["PartnerCodeView"];
type Day = Schema["PartnerDayView"];
type Link = Schema["LinksOfPartner"]["data"][number];

const header = (key: string) => ({ header: { "Idempotency-Key": key } });

export function Codes({ it, reload }: { it: Partner; reload: () => void }) {
  const path = { partnerId: it.id };
  const list = useLoad(async () => {
    const [codes, links] = await Promise.all([
      done(api.GET("/api/v1/partners/{partnerId}/codes", { params: { path } })),
      done(api.GET("/api/v1/partners/{partnerId}/links", { params: { path } })),
    ]);
    const figures = new Map(links.data.map((each) => [each.code, each]));
    return codes.data.map((each) => ({ ...each, figures: figures.get(each.code) }));
  }, [it.id, it.version]);
  const [asked, setAsked] = useState<Action>();
  const turn = (row: Code): Action => {
    const end = row.status === "ACTIVE" ? "disable" : "enable";
    return {
      name: word("CODE", end),
      about: <p>{word("CODE_ABOUT", end)}</p>,
      done: t("saved"),
      ...(end === "disable" && { kind: "danger" as const }),
      act: (_, key) => {
        // both answer with the code
        const route =
          `/api/v1/partners/{partnerId}/codes/{code}/${end}` as "/api/v1/partners/{partnerId}/codes/{code}/disable";
        return write(api.POST(route, { params: { path: { ...path, code: row.code }, ...header(key) } }));
      },
    };
  };
  const columns: Column<Code & { figures: Link | undefined }>[] = [
    {
      title: t("code"),
      cell: (row) => (
        <span class="who">
          <code>{row.code}</code>
          {row.label && <small class="muted">{row.label}</small>}
        </span>
      ),
    },
    { title: t("campaign"), cell: (row) => row.campaign || "–" },
    {
      title: t("figures"),
      cell: (row) =>
        row.figures
          ? t("linkFigures", {
              clicks: number(row.figures.clicks.total),
              referrals: number(row.figures.referrals),
              converted: number(row.figures.converted),
            })
          : "–",
    },
    {
      title: t("status"),
      cell: (row) => (
        <>
          <Badge tone={row.status === "ACTIVE" ? "good" : "off"}>{word("CODE", row.status)}</Badge>
          {row.main && <Badge>{t("mainCode")}</Badge>}
        </>
      ),
    },
    {
      title: t("action"),
      cell: (row) => (
        <div class="buttons start">
          {row.figures?.url && <Copy text={row.figures.url} label="copyLink" />}
          {may("POST /api/v1/partners/{partnerId}/codes/{code}/disable") && (
            <Button onClick={() => setAsked(turn(row))}>
              {word("CODE", row.status === "ACTIVE" ? "disable" : "enable")} …
            </Button>
          )}
        </div>
      ),
    },
  ];
  const wished = { name: "code", label: t("wishedCode"), hint: t("wishedCodeHint"), maxLength: 40 };
  return (
    <>
      <Actions
        onDone={list.reload}
        of={[
          may("POST /api/v1/partners/{partnerId}/codes") && {
            name: t("newCode"),
            kind: "primary",
            done: t("saved"),
            fields: [
              wished,
              { name: "label", label: t("codeLabel"), maxLength: 100 },
              { name: "campaign", label: t("campaign"), maxLength: 100 },
            ],
            act: (values, key) => {
              const params = { path, ...header(key) };
              return write(api.POST("/api/v1/partners/{partnerId}/codes", { params, body: given(values) }));
            },
          },
          may("POST /api/v1/partners/{partnerId}/codes/rotate") && {
            name: t("rotateCode"),
            about: <p>{t("rotateCodeAbout")}</p>,
            done: t("saved"),
            fields: [wished],
            act: async (values, key) => {
              const params = { path, ...header(key) };
              await write(api.POST("/api/v1/partners/{partnerId}/codes/rotate", { params, body: given(values) }));
              reload();
            },
          },
        ]}
      />
      <Part title={t("links")}>
        <Listed
          caption={t("links")}
          list={list}
          columns={columns}
          id={(row) => row.code}
          empty={{ title: t("noneSuch") }}
        />
      </Part>
      <Asked of={asked} close={() => setAsked(undefined)} reload={list.reload} />
    </>
  );
}

export function Notes({ it }: { it: Partner }) {
  const path = { partnerId: it.id };
  const list = usePages<Schema["PartnerNoteView"]>(
    (cursor) =>
      done(api.GET("/api/v1/partners/{partnerId}/notes", { params: { path, query: cursor ? { cursor } : {} } })),
    [it.id],
  );
  return (
    <>
      <Actions
        onDone={list.reload}
        of={[
          may("POST /api/v1/partners/{partnerId}/notes") && {
            name: t("writeNote"),
            kind: "primary",
            about: <p>{t("writeNoteAbout")}</p>,
            done: t("saved"),
            fields: [{ name: "text", label: t("note"), kind: "long", required: true, maxLength: 500 }],
            act: ({ text = "" }, key) => {
              const params = { path, ...header(key) };
              return write(api.POST("/api/v1/partners/{partnerId}/notes", { params, body: { text } }));
            },
          },
        ]}
      />
      <Part title={t("notes")}>
        <Listed
          caption={t("notes")}
          list={list}
          id={(row) => row.id}
          empty={{ title: t("noNotes"), about: t("writeNoteAbout") }}
          columns={[
            { title: t("note"), cell: (row) => row.text },
            { title: t("by"), cell: (row) => row.authorName ?? row.author },
            { title: t("made"), cell: (row) => <When at={row.at} relative /> },
          ]}
        />
      </Part>
    </>
  );
}

export function Lines({ it }: { it: Partner }) {
  const path = { partnerId: it.id };
  const above = useLoad(
    async () => (await done(api.GET("/api/v1/partners/{partnerId}/upline", { params: { path } }))).data,
    [it.id],
  );
  const below = usePages<Schema["BelowView"]>(
    (cursor) =>
      done(api.GET("/api/v1/partners/{partnerId}/downline", { params: { path, query: cursor ? { cursor } : {} } })),
    [it.id],
  );
  return (
    <>
      <Part title={t("above")}>
        <p class="muted">{t("aboveAbout")}</p>
        <Listed
          caption={t("above")}
          list={above}
          id={(row) => row.partnerId}
          href={(row) => `/console/partners/${row.partnerId}`}
          empty={{ title: t("nobodyAbove") }}
          columns={[
            { title: t("tierOf"), cell: (row) => number(row.tier) },
            {
              title: t("partner"),
              cell: (row) => <a href={`/console/partners/${row.partnerId}`}>{row.partnerId}</a>,
            },
            { title: t("earnsNow"), cell: (row) => t(row.earns ? "yes" : "no") },
          ]}
        />
      </Part>
      <Part title={t("below")}>
        <Listed
          caption={t("below")}
          list={below}
          id={(row) => row.referralId}
          href={(row) => `/console/referrals/${row.referralId}`}
          empty={{ title: t("nobodyBelow") }}
          columns={[
            {
              title: t("referredOn"),
              cell: (row) => (
                <a href={`/console/referrals/${row.referralId}`}>
                  <When at={row.referredAt} />
                </a>
              ),
            },
            {
              title: t("partner"),
              cell: (row) =>
                row.partnerId ? <a href={`/console/partners/${row.partnerId}`}>{row.partnerId}</a> : t("customerOnly"),
            },
            { title: t("status"), cell: (row) => word("REFERRAL", row.status) },
          ]}
        />
      </Part>
    </>
  );
}

export function Statements({ it }: { it: Partner }) {
  const [problem, setProblem] = useState<Problem>();
  const get = (of: string, format: "pdf" | "csv") =>
    download(`/api/v1/partners/${it.id}/statements/${of}?format=${format}`, `statement-${it.id}-${of}.${format}`).then(
      () => {
        setProblem(undefined);
        tell(t("downloaded"));
      },
      (error) => setProblem(asProblem(error)),
    );
  const name = (of: string) => month(`${of}-01T00:00:00Z`);
  return (
    <Part title={t("statements")}>
      {problem && <Trouble problem={problem} />}
      <Table
        caption={t("statements")}
        rows={monthsSince(it.createdAt)}
        id={(row) => row}
        columns={[
          { title: t("month"), cell: name },
          {
            title: t("file"),
            cell: (row) => (
              <span class="buttons start">
                {(["pdf", "csv"] as const).map((format) => (
                  <Button
                    key={format}
                    aria-label={t("statementOf", { month: name(row), format: format.toUpperCase() })}
                    onClick={() => get(row, format)}
                  >
                    {format.toUpperCase()}
                  </Button>
                ))}
              </span>
            ),
          },
        ]}
      />
    </Part>
  );
}

const Amounts = ({ of }: { of: { amount: number; currency: string }[] }) =>
  of.length === 0 ? (
    <>–</>
  ) : (
    <Sums
      of={of.map(({ amount, currency }) => ({
        currency,
        decimal: decimalOf(BigInt(amount), digitsOf(currency)),
      }))}
    />
  );

/** What the partner brought in the last days, and in all. */
export function Figures({ it }: { it: Partner }) {
  const path = { partnerId: it.id };
  const figures = useLoad(
    () => done(api.GET("/api/v1/partners/{partnerId}/statistics", { params: { path } })),
    [it.id],
  );
  const isBusy = (of: Day) => of.referrals + of.conversions + of.payments + of.earned.length > 0;
  const days = { ...figures, data: figures.data?.days.filter(isBusy).reverse() };
  const all = figures.data?.allTime;
  return (
    <Part title={t("figures")}>
      {all && (
        <dl class="steps">
          <div>
            <dt>{t("referrals")}</dt>
            <dd>{number(all.referrals)}</dd>
          </div>
          <div>
            <dt>{t("conversions")}</dt>
            <dd>{number(all.conversions)}</dd>
          </div>
          <div>
            <dt>{t("revenue")}</dt>
            <dd>
              <Amounts of={all.revenue} />
            </dd>
          </div>
          <div>
            <dt>{t("earned")}</dt>
            <dd>
              <Amounts of={all.earned} />
            </dd>
          </div>
        </dl>
      )}
      <Listed
        caption={t("figures")}
        list={days}
        id={(row) => row.date}
        empty={{ title: t("quietDays") }}
        columns={[
          { title: t("date"), cell: (row) => day(`${row.date}T12:00:00Z`) },
          { title: t("referrals"), kind: "number", cell: (row) => number(row.referrals) },
          { title: t("conversions"), kind: "number", cell: (row) => number(row.conversions) },
          { title: t("revenue"), kind: "number", cell: (row) => <Amounts of={row.revenue} /> },
          { title: t("earned"), kind: "number", cell: (row) => <Amounts of={row.earned} /> },
        ]}
      />
    </Part>
  );
}
