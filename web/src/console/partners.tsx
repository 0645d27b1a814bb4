/** Partners: found as one types. */
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { api, done, type Schema, write } from "../shared/api";
import { may } from "../shared/session";
import { t, word } from "../shared/texts";
import { Field, Select } from "../shared/forms";
import { Listed } from "../shared/listed";
import { Badge, type Column, Status, Title, useLoad, usePages, When } from "../shared/ui";
import { Actions } from "./act";
import { given, ProgramFilter, programs, useFilters, words } from "./common";

type Partner = Schema["PartnerView"];
const STATUSES = ["ACTIVE", "INACTIVE", "SUSPENDED", "TERMINATED"] as const;
const MOST_PROGRAMS = 20; // searched at once
const PAUSE_MS = 250; // in typing, until it is asked for

/** A search is of one program in the API: without one, of all of them at once, the first page of each. */
async function find(of: { q: string; status: string; programId: string; cursor: string | undefined }) {
  const ask = (programId: string, cursor?: string) => {
    const status = of.status ? { status: of.status as (typeof STATUSES)[number] } : {};
    const query = { ...status, ...(of.q && { q: of.q }), ...(programId && { programId }), ...(cursor && { cursor }) };
    return done(api.GET("/api/v1/partners", { params: { query } }));
  };
  if (!of.q || of.programId) return ask(of.programId, of.cursor);
  const all = (await programs()).data.map((each) => each.id);
  const only = all.length === 1 ? all[0] : undefined;
  if (only) return ask(only, of.cursor);
  const found = await Promise.all(all.slice(0, MOST_PROGRAMS).map((each) => ask(each)));
  return { data: found.flatMap((each) => each.data), nextCursor: null };
}

export default function Partners() {
  const [filters, setFilter] = useFilters("/console/partners", { q: "", status: "", programId: "" });
  const { q, status, programId } = filters;
  const [typed, setTyped] = useState(q);
  useEffect(() => {
    if (typed === q) return;
    const pause = setTimeout(() => setFilter("q", typed), PAUSE_MS);
    return () => clearTimeout(pause);
  }, [typed]);
  const list = usePages<Partner>((cursor) => find({ q, status, programId, cursor }), [q, status, programId]);
  const columns: Column<Partner>[] = [
    {
      title: t("partner"),
      cell: (row) => (
        <a href={`/console/partners/${row.id}`} class="who">
          {row.companyName || `${row.firstName} ${row.lastName}`.trim() || row.referralCode}
          <small class="muted">{row.companyName && `${row.firstName} ${row.lastName}`.trim()}</small>
        </a>
      ),
    },
    { title: t("email"), cell: (row) => row.email || "–" },
    { title: t("code"), cell: (row) => <code>{row.referralCode}</code> },
    { title: t("program"), cell: (row) => row.programId },
    { title: t("tier"), cell: (row) => (row.tier ? <Badge>{row.tier}</Badge> : "–") },
    { title: t("since"), cell: (row) => <When at={row.createdAt} relative /> },
    { title: t("status"), cell: (row) => <Status of={row.status} /> },
  ];
  return (
    <>
      <Title text={t("partners")}>{may("POST /api/v1/partners") && <New />}</Title>
      <div class="filters">
        <Field label={t("search")} hint={t("searchHint")}>
          {(id, hint) => (
            <input
              id={id}
              type="search"
              aria-describedby={hint}
              value={typed}
              onInput={(event) => setTyped(event.currentTarget.value)}
            />
          )}
        </Field>
        <Select
          label={t("status")}
          value={status}
          options={[["", t("all")], ...STATUSES.map((each): [string, string] => [each, word("STATUS", each)])]}
          onChange={(value) => setFilter("status", value)}
        />
        <ProgramFilter value={programId} onChange={(value) => setFilter("programId", value)} />
      </div>
      <Listed
        caption={t("partners")}
        list={list}
        columns={columns}
        id={(row) => row.id}
        href={(row) => `/console/partners/${row.id}`}
        empty={{
          title: t(q ? "nobodyFound" : "noPartners"),
          about: t(q ? "nobodyFoundAbout" : "noPartnersAbout"),
        }}
      />
    </>
  );
}

/** Onboards somebody, who may have no user yet. */
function New() {
  const { route } = useLocation();
  const known = useLoad(programs, []);
  const all = known.data?.data ?? [];
  const name = (field: string) => ({ name: field, label: word("FIELD", field), maxLength: 100 });
  return (
    <Actions
      inTitle
      onDone={() => undefined}
      of={[
        {
          name: t("newPartner"),
          kind: "primary",
          about: <p>{t("newPartnerAbout")}</p>,
          done: t("saved"),
          fields: [
            { ...name("firstName"), required: true },
            { ...name("lastName"), required: true },
            { name: "email", label: t("email"), required: true, maxLength: 254 },
            name("companyName"),
            name("phone"),
            ...(all.length > 1
              ? [
                  {
                    name: "programId",
                    label: t("program"),
                    kind: "select" as const,
                    options: all.map((each): [string, string] => [each.id, each.name]),
                  },
                ]
              : []),
            name("tier"),
            { name: "tags", label: t("tags"), hint: t("tagsHint") },
            { name: "sub", label: t("linkUserSub"), hint: t("newPartnerSub"), maxLength: 100 },
          ],
          act: async ({ firstName = "", lastName = "", email = "", tags = "", ...rest }, key) => {
            const body = { ...given(rest), firstName, lastName, email, tags: words(tags) };
            const params = { header: { "Idempotency-Key": key } };
            route(`/console/partners/${(await write(api.POST("/api/v1/partners", { params, body }))).id}`);
          },
        },
      ]}
    />
  );
}
