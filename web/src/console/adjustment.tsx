/** One adjustment: what was asked for and why, and the second person's decision. */
import type { ComponentChildren } from "preact";
import { useRoute } from "preact-iso";
import { api, done, write } from "../shared/api";
import { money } from "../shared/money";
import { may, session } from "../shared/session";
import { number, t, word } from "../shared/texts";
import { Facts, Part, Show, Status, Title, useLoad, When } from "../shared/ui";
import { Actions, note } from "./act";
import type { Adjustment } from "./adjustments";
import { Crumbs, nameOf, PartnerLink } from "./common";

export default function Screen() {
  const { id = "" } = useRoute().params;
  const path = { params: { path: { adjustmentId: id } } };
  const it = useLoad(() => done(api.GET("/api/v1/adjustments/{adjustmentId}", path)), [id]);
  return <Show of={it}>{(data) => <Shown it={data} reload={it.reload} />}</Show>;
}

function Shown({ it, reload }: { it: Adjustment; reload: () => void }) {
  const params = (key: string) => ({
    params: { path: { adjustmentId: it.id }, header: { "Idempotency-Key": key } },
  });
  const isMine = it.requester === session.value?.id;
  const isAnchor = it.kind === "ANCHOR";
  const waits = it.status === "WAITING";
  return (
    <>
      <Crumbs to="/console/adjustments" name={t("adjustments")} id={it.id} />
      <Title
        text={
          isAnchor
            ? t("anchorOf", { name: nameOf(it) })
            : t("adjustmentOf", { amount: money(it.amountDecimal, it.currency), name: nameOf(it) })
        }
      >
        <Status of={it.status} text={word("DECISION", it.status)} />
      </Title>
      {waits && (
        <p class="notice">{isMine ? t("yourOwn") : t("secondPerson", { name: it.requesterName ?? it.requester })}</p>
      )}
      <Actions
        onDone={reload}
        of={[
          waits &&
            !isMine &&
            may("POST /api/v1/adjustments/{adjustmentId}/approve") && {
              name: t("approve"),
              kind: "primary",
              about: <p>{word("ADJUSTMENT_ABOUT", it.kind)}</p>,
              done: t("posted"),
              fields: [note()],
              act: ({ note: told = "" }, key) =>
                write(api.POST("/api/v1/adjustments/{adjustmentId}/approve", { ...params(key), body: { note: told } })),
            },
          waits &&
            may("POST /api/v1/adjustments/{adjustmentId}/reject") && {
              name: isMine ? t("takeBack") : t("reject"),
              kind: "danger",
              about: <p>{t("noMoneyMoves")}</p>,
              done: t("saved"),
              fields: [note()],
              act: ({ note: told = "" }, key) =>
                write(api.POST("/api/v1/adjustments/{adjustmentId}/reject", { ...params(key), body: { note: told } })),
            },
        ]}
      />
      <Part title={t("adjustment")}>
        <Facts
          of={[
            [t("partner"), <PartnerLink key="p" of={it} />],
            [t("kind"), word("ADJUSTMENT", it.kind)],
            [t("reason"), it.reason],
            [t("askedBy"), it.requesterName ?? it.requester],
            [t("made"), <When key="m" at={it.createdAt} />],
            [t("program"), it.programId],
            ...(isAnchor
              ? ([
                  [t("entries"), number(it.entries ?? 0)],
                  [t("chain"), <code key="c">{it.chain}</code>],
                ] as [string, ComponentChildren][])
              : []),
            [t("decidedBy"), it.approver ? (it.approverName ?? it.approver) : "–"],
            [t("decidedAt"), it.decidedAt ? <When key="d" at={it.decidedAt} /> : "–"],
            [t("note"), it.note || "–"],
            [t("entryOf"), it.entry === null ? "–" : number(it.entry)],
          ]}
        />
      </Part>
    </>
  );
}
