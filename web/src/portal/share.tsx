/** Everything to share: links by place and campaign, codes to be scanned, texts to paste, and what each link brought. */
import { useState } from "preact/hooks";
import { api, done, type Schema } from "../shared/api";
import { Select } from "../shared/forms";
import { number, t, word } from "../shared/texts";
import { type Column, Copy, Empty, Part, Show, Table, Title, useLoad } from "../shared/ui";
import { Qr } from "./qr";

type Link = Schema["LinkView"];
const SOURCES = ["EMAIL", "SOCIAL_MEDIA", "WEBSITE", "MOBILE_APP", "PHONE", "IN_PERSON"] as const;
const TEXTS = [
  ["titleShort", "textShort"],
  ["titlePost", "textPost"],
  ["titleMail", "textMail"],
] as const;

const load = () => Promise.all([done(api.GET("/api/v1/me/links")), done(api.GET("/api/v1/me/program"))]);

export default function ShareScreen() {
  const all = useLoad(load, []);
  return (
    <>
      <Title text={t("shareTitle")} />
      <Show of={all}>
        {([{ data }, program]) => {
          const active = data.filter((each) => each.status === "ACTIVE");
          return active.length === 0 ? (
            <Empty title={t("noLink")} />
          ) : (
            <>
              <Make links={active} program={program} />
              <Brought links={data} />
            </>
          );
        }}
      </Show>
    </>
  );
}

/** A link that says from where it was followed, so that its clicks are counted apart. */
function Make({ links, program }: { links: Link[]; program: Schema["OwnProgramView"] }) {
  const [code, setCode] = useState(links[0]?.code ?? "");
  const [source, setSource] = useState("");
  const [campaign, setCampaign] = useState("");
  const link = links.find((each) => each.code === code) ?? links[0];
  if (!link) return null;
  if (!link.url)
    return (
      <Part title={t("yourCode")}>
        <div class="share">
          <output class="link">{link.code}</output>
          <Copy text={link.code} label="copyCode" />
        </div>
        <p class="muted">{t("codeOnly")}</p>
      </Part>
    );
  const query = new URLSearchParams({
    ...(source ? { source: source.toLowerCase() } : {}),
    ...(campaign ? { campaign } : {}),
  }).toString();
  const url = query ? `${link.url}?${query}` : link.url;
  return (
    <>
      <Part title={t("makeLink")}>
        <p class="muted">{t("makeLinkAbout")}</p>
        <div class="filters">
          {links.length > 1 && (
            <Select
              label={t("code")}
              value={link.code}
              options={links.map((each): [string, string] => [
                each.code,
                [each.code, each.label || each.campaign].filter(Boolean).join(" · "),
              ])}
              onChange={setCode}
            />
          )}
          <Select
            label={t("whereItStands")}
            value={source}
            options={[["", t("anywhere")], ...SOURCES.map((each): [string, string] => [each, word("SOURCE", each)])]}
            onChange={setSource}
          />
          {program.campaigns.length > 0 && (
            <Select
              label={t("campaign")}
              value={campaign}
              options={[["", t("noCampaign")], ...program.campaigns.map((each): [string, string] => [each, each])]}
              onChange={setCampaign}
            />
          )}
        </div>
        <div class="share">
          <output class="link">{url}</output>
          <Copy text={url} label="copyLink" />
        </div>
        <Qr text={url} />
      </Part>
      <Part title={t("readyTexts")}>
        <ul class="texts">
          {TEXTS.map(([title, body]) => {
            const text = t(body, { link: url });
            return (
              <li key={title}>
                <h3>{t(title)}</h3>
                <blockquote>{text}</blockquote>
                <Copy text={text} label="copyText" />
              </li>
            );
          })}
        </ul>
      </Part>
    </>
  );
}

function Brought({ links }: { links: Link[] }) {
  const rate = (bps: number | null) => (bps === null ? "–" : `${number(bps / 100)} %`);
  const columns: Column<Link>[] = [
    {
      title: t("code"),
      cell: (row) => (
        <span class="who">
          <code>{row.code}</code>
          <small class="muted">
            {[row.label, row.campaign, row.status !== "ACTIVE" && word("STATUS", row.status)]
              .filter(Boolean)
              .join(" · ")}
          </small>
        </span>
      ),
    },
    { title: t("clicks"), kind: "number", cell: (row) => number(row.clicks.total) },
    { title: t("leads"), kind: "number", cell: (row) => number(row.referrals) },
    { title: t("customers"), kind: "number", cell: (row) => number(row.converted) },
    { title: t("ofClicks"), kind: "number", cell: (row) => rate(row.paidRateBps) },
  ];
  const bySource = counted(links.map((each) => each.clicks.bySource));
  const byCampaign = counted(links.map((each) => each.clicks.byCampaign));
  return (
    <Part title={t("whatEachBrought")}>
      <Table caption={t("whatEachBrought")} columns={columns} rows={links} id={(row) => row.code} />
      {bySource.length > 0 && (
        <p class="muted">
          {t("clicksBySource")}{" "}
          {bySource.map(([name, count]) => `${word("SOURCE", name)} ${number(count)}`).join(" · ")}
        </p>
      )}
      {byCampaign.length > 0 && (
        <p class="muted">
          {t("clicksByCampaign")} {byCampaign.map(([name, count]) => `${name} ${number(count)}`).join(" · ")}
        </p>
      )}
    </Part>
  );
}

/** The sums of all links, the most first. */
function counted(all: Record<string, number>[]): [string, number][] {
  const sums = new Map<string, number>();
  for (const each of all)
    for (const [name, count] of Object.entries(each)) sums.set(name, (sums.get(name) ?? 0) + count);
  return [...sums].filter(([, count]) => count > 0).sort((one, other) => other[1] - one[1]);
}
