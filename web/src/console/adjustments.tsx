/** Adjustments: what one person asked for and another decides, and what was corrected of one partner. */
import { api, done, type Schema } from "../shared/api";
import { Listed } from "../shared/listed";
import { t, word } from "../shared/texts";
import { type Column, Money, Status, Title, usePages, When } from "../shared/ui";
import { OfPartner, PartnerLink, useFilters } from "./common";

export type Adjustment = Schema["AdjustmentView"];
const PATH = "/console/adjustments";

export default function Adjustments() {
  const [{ partnerId }] = useFilters(PATH, { partnerId: "" });
  const list = usePages<Adjustment>(
    (cursor) => {
      const query = { ...(partnerId ? { partnerId } : { status: "WAITING" as const }), ...(cursor && { cursor }) };
      return done(api.GET("/api/v1/adjustments", { params: { query } }));
    },
    [partnerId],
  );
  const columns: Column<Adjustment>[] = [
    { title: t("partner"), cell: (row) => <PartnerLink of={row} /> },
    {
      title: t("amount"),
      kind: "number",
      cell: (row) => (
        <a href={`${PATH}/${row.id}`}>
          <Money decimal={row.amountDecimal} currency={row.currency} />
        </a>
      ),
    },
    { title: t("kind"), cell: (row) => word("ADJUSTMENT", row.kind) },
    { title: t("reason"), cell: (row) => row.reason },
    { title: t("askedBy"), cell: (row) => row.requesterName ?? row.requester },
    { title: t("since"), cell: (row) => <When at={row.createdAt} relative /> },
    { title: t("status"), cell: (row) => <Status of={row.status} text={word("DECISION", row.status)} /> },
  ];
  return (
    <>
      <Title text={t("adjustments")} />
      <OfPartner id={partnerId} back={PATH} />
      {!partnerId && <p class="muted">{t("waitingAbout")}</p>}
      <Listed
        caption={t("adjustments")}
        list={list}
        columns={columns}
        id={(row) => row.id}
        href={(row) => `${PATH}/${row.id}`}
        empty={{ title: t(partnerId ? "noneSuch" : "noneWaits"), about: t("noneWaitsAbout") }}
      />
    </>
  );
}
