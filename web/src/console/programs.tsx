/** Programs: what each pays whom, and whether it runs. */
import { useLocation } from "preact-iso";
import { api, done, type Schema, write } from "../shared/api";
import { Select, TextField } from "../shared/forms";
import { Listed } from "../shared/listed";
import { may } from "../shared/session";
import { number, t, word } from "../shared/texts";
import { Button, type Column, Status, Title, tell, usePages, When } from "../shared/ui";
import { useState } from "preact/hooks";
import { useFilters } from "./common";
import { newTerms, type Program } from "./terms";
import { Editor, payText } from "./terms-form";

const PATH = "/console/programs";
const STATUSES = ["ACTIVE", "PAUSED", "ARCHIVED"] as const;

export default function Programs() {
  const [{ status, make }, setFilter] = useFilters(PATH, { status: "", make: "" });
  const list = usePages<Program>(
    (cursor) => {
      const query = { ...(status && { status: status as Program["status"] }), ...(cursor && { cursor }) };
      return done(api.GET("/api/v1/programs", { params: { query } }));
    },
    [status],
  );
  if (make && may("POST /api/v1/programs")) return <New />;
  const columns: Column<Program>[] = [
    {
      title: t("program"),
      cell: (row) => (
        <a href={`${PATH}/${row.id}`} class="who">
          {row.name}
          <small class="muted">{row.id}</small>
        </a>
      ),
    },
    { title: t("whoEarns"), cell: (row) => row.rules.tiers.map(payText).join(" · ") },
    { title: t("currencies"), cell: (row) => row.currencies.map((each) => each.currency).join(", ") },
    { title: t("version"), kind: "number", cell: (row) => number(row.version) },
    { title: t("changed"), cell: (row) => <When at={row.changedAt} relative /> },
    { title: t("status"), cell: (row) => <Status of={row.status} text={word("PROGRAM", row.status)} /> },
  ];
  return (
    <>
      <Title text={t("programs")}>
        {may("POST /api/v1/programs") && (
          <Button kind="primary" onClick={() => setFilter("make", "yes")}>
            {t("newProgram")} …
          </Button>
        )}
      </Title>
      <div class="filters">
        <Select
          label={t("status")}
          value={status}
          options={[["", t("all")], ...STATUSES.map((each): [string, string] => [each, word("PROGRAM", each)])]}
          onChange={(value) => setFilter("status", value)}
        />
      </div>
      <Listed
        caption={t("programs")}
        list={list}
        columns={columns}
        id={(row) => row.id}
        href={(row) => `${PATH}/${row.id}`}
        empty={{ title: t(status ? "noneSuch" : "noPrograms"), about: t("noProgramsAbout") }}
      />
    </>
  );
}

function New() {
  const { route } = useLocation();
  const [id, setId] = useState("");
  const save = async (body: Schema["ProgramBody"], key: string) => {
    const params = { header: { "Idempotency-Key": key } };
    const made = await write(api.POST("/api/v1/programs", { params, body: { ...body, id: id.trim() } }));
    if (made.pendingChange) tell(t("someWait"));
    route(`${PATH}/${made.id}`);
  };
  return (
    <>
      <p class="crumbs">
        <a href={PATH}>{t("programs")}</a>
      </p>
      <Title text={t("newProgram")} />
      <Editor terms={newTerms()} input={id} save={save} onCancel={() => route(PATH)}>
        <TextField
          label={t("programId")}
          value={id}
          onInput={setId}
          required
          hint={t("programIdHint")}
          maxLength={40}
        />
      </Editor>
    </>
  );
}
