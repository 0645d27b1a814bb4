/** A statement of each month, as it was booked. */
import { useState } from "preact/hooks";
import { api, done, download, type Problem } from "../shared/api";
import { month, monthsSince } from "../shared/dates";
import { t } from "../shared/texts";
import { asProblem, Button, type Column, Part, Show, Table, Title, tell, Trouble, useLoad } from "../shared/ui";

export default function Statements() {
  const me = useLoad(() => done(api.GET("/api/v1/me")), []);
  const [problem, setProblem] = useState<Problem>();
  const get = (of: string, format: "pdf" | "csv") =>
    download(`/api/v1/me/statements/${of}?format=${format}`, `statement-${of}.${format}`).then(
      () => {
        setProblem(undefined);
        tell(t("downloaded"));
      },
      (error) => setProblem(asProblem(error)),
    );
  const columns: Column<string>[] = [
    { title: t("month"), cell: (row) => month(`${row}-01T00:00:00Z`) },
    {
      title: t("file"),
      cell: (row) => (
        <span class="buttons start">
          {(["pdf", "csv"] as const).map((format) => (
            <Button
              key={format}
              aria-label={t("statementOf", { month: month(`${row}-01T00:00:00Z`), format: format.toUpperCase() })}
              onClick={() => get(row, format)}
            >
              {format.toUpperCase()}
            </Button>
          ))}
        </span>
      ),
    },
  ];
  return (
    <>
      <Title text={t("statements")} />
      <Part title={t("byMonth")}>
        <p class="muted">{t("statementsAbout")}</p>
        {problem && <Trouble problem={problem} />}
        <Show of={me}>
          {(it) => (
            <Table caption={t("statements")} columns={columns} rows={monthsSince(it.createdAt)} id={(row) => row} />
          )}
        </Show>
      </Part>
    </>
  );
}
