/** Files: exports of whatever lists show, a month's pack, journals for accounting software, and partners from a file. */
import { useEffect, useState } from "preact/hooks";
import { api, done, type Schema, write } from "../shared/api";
import { monthsAgo, shortMonth } from "../shared/dates";
import { DateField, Dialog, Field, Form, Select, TextField } from "../shared/forms";
import { Listed } from "../shared/listed";
import { may } from "../shared/session";
import { number, t, word } from "../shared/texts";
import { Badge, Button, type Column, Part, Title, tell, usePages, When } from "../shared/ui";
import { ProgramFilter } from "./common";

type Export = Schema["ExportView"];
type Import = Schema["ImportView"];
type Job = Pick<Export, "status" | "done" | "total" | "problem">;
type Filter =
  | "programId"
  | "partnerId"
  | "status"
  | "source"
  | "currency"
  | "entity"
  | "actor"
  | "month"
  | "from"
  | "to";

const AGAIN_MS = 2_000; // between two looks at what is being made
const CLOSED_MONTHS = 24;
// What each can be narrowed by, as the API knows it
const KINDS: Record<Schema["ExportSubject"], Filter[]> = {
  MONTH_END: ["month"],
  PARTNERS: ["programId", "status", "from", "to"],
  REFERRALS: ["programId", "partnerId", "status", "source", "from", "to"],
  REWARDS: ["programId", "partnerId", "status", "from", "to"],
  PAYMENTS: ["programId", "from", "to"],
  WITHDRAWALS: ["programId", "partnerId", "status", "from", "to"],
  LEDGER: ["partnerId", "currency", "from", "to"],
  JOURNAL: ["partnerId", "currency", "from", "to"],
  AUDIT: ["entity", "actor", "from", "to"],
};
const STATUSES: Partial<Record<Schema["ExportSubject"], string[]>> = {
  PARTNERS: ["ACTIVE", "INACTIVE", "SUSPENDED", "TERMINATED"],
  REFERRALS: ["PENDING", "ACCEPTED", "CONVERTED", "PAID", "REJECTED", "EXPIRED"],
  REWARDS: ["PENDING", "CALCULATED", "APPROVED", "PAID", "CANCELLED"],
  WITHDRAWALS: ["REQUESTED", "APPROVED", "PAYING", "PAID", "REJECTED", "CANCELLED", "EXPIRED", "FAILED", "RETURNED"],
};
const SOURCES = ["WEBSITE", "MOBILE_APP", "EMAIL", "PHONE", "IN_PERSON", "SOCIAL_MEDIA", "OTHER", "UNKNOWN"];
const FORMATS = ["CSV", "QUICKBOOKS", "XERO", "DATEV"] as const;
const ACCOUNTS = ["rewards", "adjustments", "writeOffs", "available", "reserved", "paid"] as const;
const TONES: Record<string, string> = { DONE: "good", FAILED: "bad", QUEUED: "wait", RUNNING: "go" };
const isOpen = (of: Job) => of.status === "QUEUED" || of.status === "RUNNING";

export default function Files() {
  return (
    <>
      <Title text={t("files")} />
      {may("GET /api/v1/exports") && <Exports />}
      {may("GET /api/v1/imports") && <Imports />}
    </>
  );
}

/** How far it is, said to readers of the screen as well. */
export function Progress({ of }: { of: Job }) {
  return (
    <span class="progress" role="status">
      <Badge tone={TONES[of.status] ?? "off"}>{word("JOB", of.status)}</Badge>
      {of.status === "RUNNING" && of.total !== null && (
        <progress value={of.done} max={Math.max(1, of.total)} aria-label={t("linesDone")} />
      )}
      {of.done > 0 && <small class="muted">{t("lines", { count: number(of.done) })}</small>}
      {of.problem && <small class="muted">{of.problem}</small>}
    </span>
  );
}

/** Looks again and again as long as something is being made. */
export function useAgain(is: boolean, reload: () => void) {
  useEffect(() => {
    if (!is) return;
    const again = setInterval(reload, AGAIN_MS);
    return () => clearInterval(again);
  }, [is]);
}

// ---------------------------------------------------------------- exports

function Exports() {
  const list = usePages<Export>(
    (cursor) => done(api.GET("/api/v1/exports", { params: { query: cursor ? { cursor } : {} } })),
    [],
  );
  const [asked, setAsked] = useState<Schema["ExportSubject"]>();
  useAgain(list.data?.some(isOpen) ?? false, list.reload);
  // a link is good for ten minutes and made when it is asked for
  const give = async (row: Export) => {
    const path = { exportId: row.id };
    const { link } = await done(api.GET("/api/v1/exports/{exportId}", { params: { path } }));
    if (link) Object.assign(document.createElement("a"), { href: link, download: "" }).click();
    else tell(t("fileGone"));
  };
  const stop = async (row: Export) => {
    await write(api.DELETE("/api/v1/exports/{exportId}", { params: { path: { exportId: row.id } } }));
    list.reload();
  };
  const failed = () => tell(t("problem"));
  const columns: Column<Export>[] = [
    { title: t("askedAt"), cell: (row) => <When at={row.createdAt} /> },
    {
      title: t("what"),
      cell: (row) => (
        <span class="who">
          {word("EXPORT", row.what)}
          <small class="muted">
            {Object.entries(row.filters)
              .map(([name, value]) => `${word("FILTER", name)}: ${value}`)
              .join(", ")}
          </small>
        </span>
      ),
    },
    { title: t("status"), cell: (row) => <Progress of={row} /> },
    {
      title: t("file"),
      cell: (row) =>
        row.status === "DONE" ? (
          <Button onClick={() => give(row).catch(failed)}>{t("download")}</Button>
        ) : isOpen(row) && may("DELETE /api/v1/exports/{exportId}") ? (
          <Button onClick={() => stop(row).catch(failed)}>{t("stop")}</Button>
        ) : (
          "–"
        ),
    },
  ];
  return (
    <Part
      title={t("exports")}
      aside={
        may("POST /api/v1/exports") && (
          <span class="buttons">
            <Button kind="primary" onClick={() => setAsked("MONTH_END")}>
              {t("monthsPack")} …
            </Button>
            <Button onClick={() => setAsked("PARTNERS")}>{t("newExport")} …</Button>
          </span>
        )
      }
    >
      <Listed
        caption={t("exports")}
        list={list}
        columns={columns}
        id={(row) => row.id}
        empty={{ title: t("noExports"), about: t("noExportsAbout") }}
      />
      <p class="muted">{t("exportsAbout")}</p>
      {asked && (
        <NewExport
          what={asked}
          onClose={() => setAsked(undefined)}
          onDone={() => {
            setAsked(undefined);
            tell(t("exportAsked"));
            list.reload();
          }}
        />
      )}
    </Part>
  );
}

const NONE: Record<Filter, string> = {
  programId: "",
  partnerId: "",
  status: "",
  source: "",
  currency: "",
  entity: "",
  actor: "",
  month: "",
  from: "",
  to: "",
};

function NewExport(props: { what: Schema["ExportSubject"]; onClose: () => void; onDone: () => void }) {
  const [what, setWhat] = useState(props.what);
  const [filters, setFilters] = useState({ ...NONE, month: monthsAgo(1) });
  const [format, setFormat] = useState<(typeof FORMATS)[number]>("CSV");
  const [books, setBooks] = useState<Record<string, string>>({});
  const known = KINDS[what];
  const set = (name: Filter) => (value: string) => setFilters({ ...filters, [name]: value });
  const told = Object.fromEntries(known.filter((each) => filters[each]).map((each) => [each, filters[each]]));
  const ofBooks = (name: string) => (value: string) => setBooks({ ...books, [name]: value });
  const act = async (key: string) => {
    const accounts = Object.fromEntries(ACCOUNTS.filter((each) => books[each]).map((each) => [each, books[each]]));
    const own = {
      accounts,
      ...(format === "XERO" && books.taxRate ? { taxRate: books.taxRate } : {}),
      ...(format === "DATEV" && {
        consultant: Number(books.consultant),
        client: Number(books.client),
        fiscalYearStart: books.fiscalYearStart ?? "",
      }),
    };
    const journal = what === "JOURNAL" ? { format, ...(format !== "CSV" && { books: own }) } : {};
    const params = { header: { "Idempotency-Key": key } };
    await write(api.POST("/api/v1/exports", { params, body: { what, filters: told, ...journal } }));
    props.onDone();
  };
  const months = Array.from({ length: CLOSED_MONTHS }, (_, place) => monthsAgo(place + 1));
  const select = (name: "status" | "source", values: string[], kind: "STATUS" | "SOURCE" | "REFERRAL") => (
    <Select
      label={word("FILTER", name)}
      value={filters[name]}
      options={[["", t("all")], ...values.map((each): [string, string] => [each, word(kind, each)])]}
      onChange={set(name)}
    />
  );
  return (
    <Dialog title={t(what === "MONTH_END" ? "monthsPack" : "newExport")} onClose={props.onClose}>
      <Form submit={t("makeFile")} input={[what, told, format, books]} act={act} onCancel={props.onClose}>
        <Select
          label={t("what")}
          value={what}
          options={Object.keys(KINDS).map((each): [string, string] => [each, word("EXPORT", each)])}
          onChange={(value) => setWhat(value as Schema["ExportSubject"])}
        />
        <p class="muted">{word("EXPORT_ABOUT", what)}</p>
        {known.includes("month") && (
          <Select
            label={t("month")}
            value={filters.month}
            options={months.map((each): [string, string] => [each, shortMonth(each)])}
            onChange={set("month")}
          />
        )}
        {known.includes("programId") && <ProgramFilter value={filters.programId} onChange={set("programId")} />}
        {known.includes("status") &&
          select("status", STATUSES[what] ?? [], what === "REFERRALS" ? "REFERRAL" : "STATUS")}
        {known.includes("source") && select("source", SOURCES, "SOURCE")}
        {(["partnerId", "currency", "entity", "actor"] as const)
          .filter((each) => known.includes(each))
          .map((each) => (
            <TextField
              key={each}
              label={word("FILTER", each)}
              value={filters[each]}
              onInput={set(each)}
              maxLength={64}
              {...(what === "AUDIT" ? { hint: t("auditOfOne") } : {})}
            />
          ))}
        {known.includes("from") && (
          <div class="filters">
            <DateField label={t("from")} value={filters.from} onInput={set("from")} />
            <DateField label={t("to")} value={filters.to} onInput={set("to")} />
          </div>
        )}
        {what === "JOURNAL" && (
          <>
            <Select
              label={t("format")}
              value={format}
              options={FORMATS.map((each): [string, string] => [each, word("FORMAT", each)])}
              onChange={(value) => setFormat(value as (typeof FORMATS)[number])}
            />
            {format !== "CSV" &&
              ACCOUNTS.map((each) => (
                <TextField
                  key={each}
                  label={t("accountFor", { account: word("BOOK", each) })}
                  value={books[each] ?? ""}
                  onInput={ofBooks(each)}
                  maxLength={100}
                />
              ))}
            {format === "XERO" && (
              <TextField
                label={t("taxRate")}
                value={books.taxRate ?? ""}
                onInput={ofBooks("taxRate")}
                maxLength={100}
              />
            )}
            {format === "DATEV" && (
              <>
                <TextField label={t("consultant")} value={books.consultant ?? ""} onInput={ofBooks("consultant")} />
                <TextField label={t("client")} value={books.client ?? ""} onInput={ofBooks("client")} />
                <DateField
                  label={t("fiscalYearStart")}
                  value={books.fiscalYearStart ?? ""}
                  onInput={ofBooks("fiscalYearStart")}
                />
              </>
            )}
          </>
        )}
      </Form>
    </Dialog>
  );
}

// ---------------------------------------------------------------- imports

function Imports() {
  const list = usePages<Import>(
    (cursor) => done(api.GET("/api/v1/imports", { params: { query: cursor ? { cursor } : {} } })),
    [],
  );
  const [isAsked, setAsked] = useState(false);
  useAgain(list.data?.some(isOpen) ?? false, list.reload);
  const columns: Column<Import>[] = [
    {
      title: t("askedAt"),
      cell: (row) => (
        <a href={`/console/imports/${row.id}`}>
          <When at={row.createdAt} />
        </a>
      ),
    },
    { title: t("kindOf"), cell: (row) => <Badge>{t(row.dryRun ? "trial" : "forReal")}</Badge> },
    { title: t("status"), cell: (row) => <Progress of={row} /> },
    {
      title: t("result"),
      cell: (row) =>
        (["created", "wouldCreate", "duplicate", "invalid"] as const)
          .filter((each) => row.counts[each] > 0)
          .map((each) => `${word("COUNT", each)}: ${number(row.counts[each])}`)
          .join(", ") || "–",
    },
  ];
  return (
    <Part
      title={t("imports")}
      aside={
        may("POST /api/v1/imports/partners") && (
          <Button kind="primary" onClick={() => setAsked(true)}>
            {t("newImport")} …
          </Button>
        )
      }
    >
      <Listed
        caption={t("imports")}
        list={list}
        columns={columns}
        id={(row) => row.id}
        href={(row) => `/console/imports/${row.id}`}
        empty={{ title: t("noImports"), about: t("noImportsAbout") }}
      />
      {isAsked && (
        <NewImport
          onClose={() => setAsked(false)}
          onDone={() => {
            setAsked(false);
            tell(t("importAsked"));
            list.reload();
          }}
        />
      )}
    </Part>
  );
}

function NewImport(props: { onClose: () => void; onDone: () => void }) {
  const [file, setFile] = useState<File>();
  const [isTrial, setTrial] = useState(true);
  const act = async (key: string) => {
    const text = (await file?.text()) ?? "";
    await write(
      api.POST("/api/v1/imports/partners", {
        params: { query: { dryRun: isTrial }, header: { "Idempotency-Key": key } },
        headers: { "content-type": "text/csv" },
        body: text,
        bodySerializer: (body) => body,
      }),
    );
    props.onDone();
  };
  return (
    <Dialog title={t("newImport")} onClose={props.onClose}>
      <p>{t("importAbout")}</p>
      <p>
        <code>firstName,lastName,email,phone,companyName,programId</code>
      </p>
      <Form
        submit={t(isTrial ? "tryIt" : "importNow")}
        input={[file?.name, file?.size, file?.lastModified, isTrial]}
        act={act}
        onCancel={props.onClose}
        disabled={!file}
      >
        <Field label={t("csvFile")}>
          {(id) => (
            <input
              id={id}
              type="file"
              accept=".csv,text/csv"
              required
              onChange={(event) => setFile(event.currentTarget.files?.[0])}
            />
          )}
        </Field>
        <label>
          <input type="checkbox" checked={isTrial} onChange={(event) => setTrial(event.currentTarget.checked)} />{" "}
          {t("onlyTry")}
        </label>
      </Form>
    </Dialog>
  );
}
