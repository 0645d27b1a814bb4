/** People: who stands behind the ids by which everything says who did it; a name is forgotten here. */
import { useState } from "preact/hooks";
import { useRoute } from "preact-iso";
import { api, done, type Schema, write } from "../shared/api";
import { Dialog, Form } from "../shared/forms";
import { Listed } from "../shared/listed";
import { may, session } from "../shared/session";
import { t, word } from "../shared/texts";
import { Badge, Button, type Column, Facts, Part, Show, Title, tell, useLoad, usePages, When } from "../shared/ui";

type Person = Schema["PersonView"];

export default function Screen() {
  const { id } = useRoute().params;
  return id ? <One id={id} /> : <People />;
}

const nameOf = (of: Person): string => of.name ?? t(of.forgottenAt ? "forgotten" : "nameless");

function People() {
  const list = usePages<Person>(
    (cursor) => done(api.GET("/api/v1/people", { params: { query: cursor ? { cursor } : {} } })),
    [],
  );
  const columns: Column<Person>[] = [
    { title: t("nameOf"), cell: (row) => <a href={`/console/people/${row.id}`}>{nameOf(row)}</a> },
    { title: t("kindOf"), cell: (row) => <Badge>{word("PERSON", row.kind)}</Badge> },
    { title: t("namedSince"), cell: (row) => <When at={row.namedAt} relative /> },
    { title: t("id"), cell: (row) => <code>{row.id}</code> },
  ];
  return (
    <>
      <Title text={t("people")} />
      <p class="muted">{t("peopleAbout")}</p>
      <Listed
        caption={t("people")}
        list={list}
        columns={columns}
        id={(row) => row.id}
        href={(row) => `/console/people/${row.id}`}
        empty={{ title: t("nobodyYet"), about: t("nobodyYetAbout") }}
      />
    </>
  );
}

function One({ id }: { id: string }) {
  const path = { params: { path: { personId: id } } };
  const found = useLoad(() => done(api.GET("/api/v1/people/{personId}", path)), [id]);
  const [isAsked, setAsked] = useState(false);
  const act = async () => {
    await write(api.DELETE("/api/v1/people/{personId}", path));
    setAsked(false);
    tell(t("nameForgotten"));
    found.reload();
  };
  return (
    <>
      <p class="crumbs">
        <a href="/console/people">{t("people")}</a>
      </p>
      <Show of={found}>
        {(it) => (
          <>
            <Title text={nameOf(it)}>
              <Badge>{word("PERSON", it.kind)}</Badge>
              {it.id === session.value?.id && <Badge tone="go">{t("you")}</Badge>}
            </Title>
            <Part title={t("profileOf")}>
              <Facts
                of={[
                  [t("id"), <code key="i">{it.id}</code>],
                  [t("namedSince"), <When key="n" at={it.namedAt} />],
                  ...(it.forgottenAt
                    ? [[t("forgotten"), <When key="f" at={it.forgottenAt} />] as [string, preact.VNode]]
                    : []),
                ]}
              />
              <p class="buttons start">
                {may("GET /api/v1/audit") && (
                  <a class="button" href={`/console/audit?actor=${it.id}`}>
                    {t("whatTheyDid")}
                  </a>
                )}
                {it.name && may("DELETE /api/v1/people/{personId}") && (
                  <Button kind="danger" onClick={() => setAsked(true)}>
                    {t("forget")} …
                  </Button>
                )}
              </p>
            </Part>
            {isAsked && (
              <Dialog title={t("forget")} onClose={() => setAsked(false)}>
                <p class="sum">{it.name}</p>
                <p>{t("forgetAbout")}</p>
                <Form submit={t("forget")} kind="danger" input={it.id} act={act} onCancel={() => setAsked(false)} />
              </Dialog>
            )}
          </>
        )}
      </Show>
    </>
  );
}
