/** One program: its terms in words, what they earn whom, what waits for a second admin, and every version before. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { api, done, Problem, type Schema, write } from "../shared/api";
import { digitsOf } from "../shared/currencies";
import { Dialog } from "../shared/forms";
import { Listed } from "../shared/listed";
import { decimalOf, money } from "../shared/money";
import { may, session } from "../shared/session";
import { number, t, word } from "../shared/texts";
import {
  Badge,
  Button,
  type Column,
  Copy,
  Empty,
  Facts,
  Part,
  Show,
  Status,
  Table,
  Title,
  tell,
  useLoad,
  usePages,
  When,
} from "../shared/ui";
import { type Action, Actions, note, reason } from "./act";
import { Crumbs } from "./common";
import { differences, LIMITS, NUMBERS, PORTAL, type Program, type Terms, TICKS, termsOf } from "./terms";
import { Editor, payText, Preview } from "./terms-form";

type Change = Schema["ProgramChangeView"];
type Changed = Schema["ChangedProgramView"];
const PATH = "/console/programs";

const amount = (minor: number | null, currency: string): string =>
  minor === null ? "–" : money(decimalOf(BigInt(minor), digitsOf(currency)), currency);

export default function Screen() {
  const { id = "" } = useRoute().params;
  const { query } = useLocation();
  const version = query.version ?? "";
  const read = () =>
    version
      ? done(
          api.GET("/api/v1/programs/{programId}/versions/{version}", { params: { path: { programId: id, version } } }),
        )
      : done(api.GET("/api/v1/programs/{programId}", { params: { path: { programId: id } } }));
  const it = useLoad(read, [id, version]);
  return <Show of={it}>{(data) => <Shown it={data} isOld={version !== ""} reload={it.reload} />}</Show>;
}

function Shown({ it, isOld, reload }: { it: Program; isOld: boolean; reload: () => void }) {
  const [isEdited, setEdited] = useState(false);
  const params = (key: string) => ({ params: { path: { programId: it.id }, header: { "Idempotency-Key": key } } });
  const become = (what: "pause" | "resume" | "archive"): Action => ({
    name: word("BECOME", what),
    ...(what === "resume" && { kind: "primary" as const }),
    ...(what === "archive" && { kind: "danger" as const }),
    about: <p>{word("BECOME_ABOUT", what)}</p>,
    fields: [reason()],
    act: async ({ reason: why = "" }, key) => {
      // each of these takes a reason and answers with the program
      const route = `/api/v1/programs/{programId}/${what}` as "/api/v1/programs/{programId}/pause";
      const told = await write(api.POST(route, { ...params(key), body: { reason: why } }));
      tell(t(told.pendingChange ? "someWait" : "saved"));
    },
  });
  const codes = it.currencies.map((each) => each.currency);
  const crumbs = <Crumbs to={isOld ? `${PATH}/${it.id}` : PATH} name={isOld ? it.name : t("programs")} id={it.id} />;
  if (isEdited)
    return (
      <>
        {crumbs}
        <Title text={t("changeTerms", { name: it.name })} />
        <Change
          of={it}
          onClose={() => setEdited(false)}
          onDone={(told) => {
            setEdited(false);
            tell(t(told.pendingChange ? "someWait" : "saved"));
            reload();
          }}
        />
      </>
    );
  return (
    <>
      {crumbs}
      <Title text={isOld ? t("versionOf", { name: it.name, version: number(it.version) }) : it.name}>
        <Status of={it.status} text={word("PROGRAM", it.status)} />
        <Badge>{t("versionIs", { version: number(it.version) })}</Badge>
      </Title>
      {it.statusReason && <p class="notice">{it.statusReason}</p>}
      {!isOld && it.status !== "ARCHIVED" && (
        <div class="buttons start">
          {may("PUT /api/v1/programs/{programId}") && (
            <Button kind="primary" onClick={() => setEdited(true)}>
              {t("change")} …
            </Button>
          )}
          <Actions
            inTitle
            onDone={reload}
            of={[
              it.status === "PAUSED" && may("POST /api/v1/programs/{programId}/resume") && become("resume"),
              it.status === "ACTIVE" && may("POST /api/v1/programs/{programId}/pause") && become("pause"),
              may("POST /api/v1/programs/{programId}/archive") && become("archive"),
            ]}
          />
        </div>
      )}
      <div class="columns">
        <div>
          {!isOld && <Changes key={it.version} of={it} reload={reload} />}
          <Part title={t("whoEarns")}>
            <Rules of={it} />
          </Part>
          <Part title={t("currencies")}>
            {it.currencies.map((each) => (
              <section key={each.currency} aria-label={each.currency}>
                <h3>{each.currency}</h3>
                <Facts
                  of={[
                    ...LIMITS.map((limit): [string, ComponentChildren] => [
                      word("TERM", limit),
                      amount(each[limit], each.currency),
                    ]),
                    [
                      word("TERM", "cap"),
                      amount(
                        it.monthlyCaps.find((cap) => cap.currency === each.currency)?.amount ?? null,
                        each.currency,
                      ),
                    ],
                  ]}
                />
              </section>
            ))}
          </Part>
          {!isOld && <Versions of={it} />}
        </div>
        <div>
          <Preview of={termsOf(it)} codes={codes} products={it.productRules} />
          <Part title={t("timesAndChecks")}>
            <Facts
              of={[
                ...NUMBERS.map((each): [string, ComponentChildren] => [
                  word("TERM", each),
                  it[each] === null ? "–" : number(it[each] ?? 0),
                ]),
                ...TICKS.map((each): [string, ComponentChildren] => [word("TERM", each), t(it[each] ? "yes" : "no")]),
                [t("made"), <When key="m" at={it.createdAt} />],
                [t("changed"), <When key="c" at={it.changedAt} />],
                [t("by"), it.changedByName ?? it.changedBy],
              ]}
            />
          </Part>
          {it.links && (
            <Part title={t("shareLinks")}>
              <Facts
                of={[
                  [word("TERM", "defaultUrl"), it.links.defaultUrl],
                  [word("TERM", "allowedDomains"), it.links.allowedDomains.join(", ")],
                  [word("TERM", "parameter"), it.links.parameter],
                  [word("TERM", "cookieDays"), number(it.links.cookieDays)],
                  [word("TERM", "campaigns"), it.links.campaigns.join(", ") || "–"],
                ]}
              />
            </Part>
          )}
          {it.portal && (
            <Part title={t("portal")}>
              <Facts
                of={PORTAL.map((each): [string, ComponentChildren] => [
                  word("PORTAL", each),
                  [it.portal?.[each]].flat().join(", ") || "–",
                ])}
              />
              {!isOld && it.portal.allowedOrigins.length > 0 && <Snippet program={it.id} />}
            </Part>
          )}
        </div>
      </div>
    </>
  );
}

/** What goes into a page of the owner's to show the portal there. */
function Snippet({ program }: { program: string }) {
  const script = `<script src="${location.origin}/embed.js" data-program="${program}" data-token-url="/partner-token" data-into="#portal"></script>`;
  const text = `<div id="portal"></div>\n${script}`;
  return (
    <>
      <blockquote>{text}</blockquote>
      <Copy text={text} label="copySnippet" />
    </>
  );
}

/** What each tier earns, in words. */
function Rules({ of }: { of: Schema["RuleSetView"] }) {
  const limits = (rule: Schema["RuleView"]) =>
    [
      rule.limitMonths && t("forMonths", { count: number(rule.limitMonths) }),
      rule.limitPayments && t("forPayments", { count: number(rule.limitPayments) }),
    ]
      .filter(Boolean)
      .join(", ");
  const rule = (name: string, each: Schema["RuleView"]) => (
    <li key={name}>
      <strong>{name}</strong>: {each.tiers.map(payText).join(" · ")}
      {each.firstPayment && (
        <small class="muted block">
          {t("firstPayment")}: {each.firstPayment.tiers.map(payText).join(" · ")}
        </small>
      )}
      {limits(each) && <small class="muted block">{limits(each)}</small>}
    </li>
  );
  return (
    <ul class="plain">
      {rule(t("anyProduct"), of.rules)}
      {of.productRules.map((each) => rule(each.productId, each))}
      {of.monthlyCaps.map((each) => (
        <li key={each.currency}>{t("atMost", { amount: amount(each.amount, each.currency) })}</li>
      ))}
    </ul>
  );
}

type Value = Schema["TermChangeView"]["from"];

/** A term as it was or shall be: an amount, a number, a yes, or rules in words. */
function Term({ of, currency, field }: { of: Value; currency: string | null; field: string }) {
  if (of === null) return <>{t("noLimit")}</>;
  if (typeof of === "boolean") return <>{t(of ? "yes" : "no")}</>;
  if (typeof of === "number") return <>{currency ? amount(of, currency) : number(of)}</>;
  if (typeof of === "string") return <>{field === "status" ? word("PROGRAM", of) : of}</>;
  if ("rules" in of) return <Rules of={of} />;
  return (
    <>
      {of.currency}: {of.weights.map((each) => `${each.currency} ${number(each.perThousand)}`).join(", ") || "–"}
    </>
  );
}

/** What waits for another admin, and what became of it before. */
function Changes({ of, reload }: { of: Program; reload: () => void }) {
  const list = useLoad(
    () =>
      done(
        api.GET("/api/v1/programs/{programId}/changes", {
          params: { path: { programId: of.id }, query: { limit: 10 } },
        }),
      ),
    [of.id, of.version],
  );
  const me = session.value?.id;
  const path = (change: Change, key: string) => ({
    params: { path: { programId: of.id, changeId: change.id }, header: { "Idempotency-Key": key } },
  });
  const again = () => {
    list.reload();
    reload();
  };
  const decide = (change: Change): (Action | false)[] => [
    change.askedBy !== me &&
      may("POST /api/v1/programs/{programId}/changes/{changeId}/confirm") && {
        name: t("confirmChange"),
        kind: "primary",
        about: <p>{t("confirmChangeAbout")}</p>,
        done: t("saved"),
        fields: [note()],
        act: ({ note: told = "" }, key) =>
          write(
            api.POST("/api/v1/programs/{programId}/changes/{changeId}/confirm", {
              ...path(change, key),
              body: { note: told },
            }),
          ),
      },
    may("POST /api/v1/programs/{programId}/changes/{changeId}/reject") && {
      name: change.askedBy === me ? t("withdrawChange") : t("reject"),
      kind: "danger",
      about: <p>{t("rejectChangeAbout")}</p>,
      done: t("saved"),
      fields: [note(true)],
      act: ({ note: told = "" }, key) =>
        write(
          api.POST("/api/v1/programs/{programId}/changes/{changeId}/reject", {
            ...path(change, key),
            body: { note: told },
          }),
        ),
    },
  ];
  const columns: Column<Change["terms"][number]>[] = [
    { title: t("term"), cell: (row) => word("TERM", row.field) + (row.currency ? ` (${row.currency})` : "") },
    { title: t("was"), cell: (row) => <Term of={row.from} currency={row.currency} field={row.field} /> },
    { title: t("becomes"), cell: (row) => <Term of={row.to} currency={row.currency} field={row.field} /> },
  ];
  return (
    <Part title={t("pendingChanges")}>
      <Show of={list}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title={t("noChanges")}>{t("noChangesAbout")}</Empty>
          ) : (
            <ul class="plain">
              {data.map((each) => (
                <li key={each.id}>
                  <p>
                    <Status
                      of={each.status === "PENDING" ? "REQUESTED" : each.status}
                      text={word("CHANGE", each.status)}
                    />{" "}
                    {t("askedByAt", { name: each.askedByName ?? each.askedBy })} <When at={each.askedAt} relative />
                    {each.decidedBy && (
                      <>
                        {" · "}
                        {each.decidedByName ?? each.decidedBy}
                      </>
                    )}
                    {each.note && <q> {each.note}</q>}
                  </p>
                  <Table
                    caption={word("CHANGE", each.status)}
                    columns={columns}
                    rows={each.terms}
                    id={(row) => row.field + (row.currency ?? "")}
                  />
                  {each.status === "PENDING" && <Actions of={decide(each)} onDone={again} />}
                </li>
              ))}
            </ul>
          )
        }
      </Show>
    </Part>
  );
}

function Versions({ of }: { of: Program }) {
  const list = usePages<Program>(
    (cursor) => {
      const query = { limit: 5, ...(cursor && { cursor }) };
      return done(api.GET("/api/v1/programs/{programId}/versions", { params: { path: { programId: of.id }, query } }));
    },
    [of.id, of.version],
  );
  const href = (row: Program) => `${PATH}/${of.id}?version=${row.version}`;
  const columns: Column<Program>[] = [
    { title: t("version"), cell: (row) => <a href={href(row)}>{number(row.version)}</a> },
    { title: t("changed"), cell: (row) => <When at={row.changedAt} /> },
    { title: t("by"), cell: (row) => row.changedByName ?? row.changedBy },
    { title: t("whoEarns"), cell: (row) => row.rules.tiers.map(payText).join(" · ") },
  ];
  return (
    <Part title={t("versions")}>
      <Listed
        caption={t("versions")}
        list={list}
        columns={columns}
        id={(row) => String(row.version)}
        href={href}
        empty={{ title: t("noneSuch") }}
      />
    </Part>
  );
}

/** The editor of what was read: where somebody was faster, both versions are shown before anything is written. */
function Change(props: { of: Program; onClose: () => void; onDone: (told: Changed) => void }) {
  const [base, setBase] = useState(props.of);
  const [terms, setTerms] = useState(() => termsOf(props.of));
  const [conflict, setConflict] = useState<{ theirs: Program; mine: Terms }>();
  const path = { programId: props.of.id };
  const save = async (body: Terms) => {
    try {
      const header = { "If-Match": `"${base.version}"` };
      props.onDone(await write(api.PUT("/api/v1/programs/{programId}", { params: { path, header }, body })));
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 412) throw error;
      const theirs = await done(api.GET("/api/v1/programs/{programId}", { params: { path } }));
      setConflict({ theirs, mine: body });
    }
  };
  const goOn = (keep: boolean) => {
    if (!conflict) return;
    const now = termsOf(conflict.theirs);
    const changed = differences(termsOf(base), conflict.mine).map((each) => each.field);
    const kept = Object.entries(conflict.mine).filter(([field]) => keep && changed.includes(field));
    setTerms({ ...now, ...Object.fromEntries(kept) });
    setBase(conflict.theirs);
    setConflict(undefined);
  };
  const differ = conflict ? differences(termsOf(conflict.theirs), conflict.mine) : [];
  const columns: Column<(typeof differ)[number]>[] = [
    { title: t("term"), cell: (row) => word("TERM", row.field) },
    { title: t("theirs"), cell: (row) => <code>{row.theirs}</code> },
    { title: t("yours"), cell: (row) => <code>{row.mine}</code> },
  ];
  return (
    <>
      <p class="notice">{t("changeAbout")}</p>
      <Editor key={base.version} terms={terms} input={base.version} save={save} onCancel={props.onClose} />
      {conflict && (
        <Dialog title={t("conflict")} onClose={() => goOn(true)}>
          <p>{t("conflictAbout")}</p>
          <Table caption={t("conflict")} columns={columns} rows={differ} id={(row) => row.field} />
          <footer class="buttons">
            <Button onClick={() => goOn(false)}>{t("takeTheirs")}</Button>
            <Button kind="primary" onClick={() => goOn(true)}>
              {t("keepYours")}
            </Button>
          </footer>
        </Dialog>
      )}
    </>
  );
}
