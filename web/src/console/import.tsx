/** One import: how far it is, and what became of each line of the file. */
import { useRoute } from "preact-iso";
import { api, done, download, type Schema } from "../shared/api";
import { Listed } from "../shared/listed";
import { may } from "../shared/session";
import { number, t, word } from "../shared/texts";
import { Badge, Button, type Column, Part, Show, Title, tell, useLoad, usePages, When } from "../shared/ui";
import { Progress, useAgain } from "./files";

type Line = Schema["ImportLineView"];
const TONES: Record<string, string> = { CREATED: "good", WOULD_CREATE: "go", DUPLICATE: "wait", INVALID: "bad" };

export default function Screen() {
  const { id = "" } = useRoute().params;
  const path = { params: { path: { importId: id } } };
  const found = useLoad(() => done(api.GET("/api/v1/imports/{importId}", path)), [id]);
  const status = found.data?.status;
  useAgain(status === "QUEUED" || status === "RUNNING", found.reload);
  const lines = usePages<Line>(
    (cursor) => {
      const query = { limit: 100, ...(cursor && { cursor }) };
      return done(api.GET("/api/v1/imports/{importId}/report", { params: { path: { importId: id }, query } }));
    },
    [id, status, found.data?.done],
  );
  const columns: Column<Line>[] = [
    { title: t("line"), kind: "number", cell: (row) => number(row.line) },
    {
      title: t("result"),
      cell: (row) => <Badge tone={TONES[row.status] ?? "off"}>{word("LINE", row.status)}</Badge>,
    },
    {
      title: t("partner"),
      cell: (row) => (row.id ? <a href={`/console/partners/${row.id}`}>{row.code ?? row.id}</a> : "–"),
    },
    { title: t("why"), cell: (row) => row.message ?? "–" },
  ];
  return (
    <>
      <p class="crumbs">
        <a href="/console/files">{t("files")}</a>
      </p>
      <Title text={t("importOf")}>{found.data && <Progress of={found.data} />}</Title>
      <Show of={found}>
        {(it) => (
          <Part
            title={t(it.dryRun ? "trial" : "forReal")}
            aside={
              may("GET /api/v1/imports/{importId}/report/file") && (
                <Button
                  onClick={() =>
                    download(`/api/v1/imports/${id}/report/file`, `import-${id}.csv`).catch(() => tell(t("problem")))
                  }
                >
                  {t("download")}
                </Button>
              )
            }
          >
            <dl class="steps">
              {(["created", "wouldCreate", "duplicate", "invalid"] as const).map((each) => (
                <div key={each}>
                  <dt>{word("COUNT", each)}</dt>
                  <dd>{number(it.counts[each])}</dd>
                </div>
              ))}
            </dl>
            <p class="muted">
              {t("askedAt")} <When at={it.createdAt} />
            </p>
          </Part>
        )}
      </Show>
      <Listed
        caption={t("linesOf")}
        list={lines}
        columns={columns}
        id={(row) => String(row.line)}
        empty={{ title: t("noLines"), about: t("noLinesAbout") }}
      />
    </>
  );
}
