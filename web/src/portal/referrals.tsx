/** Whom a partner referred, without saying who they are: when each came, from where, and how far it got. */
import { useState } from "preact/hooks";
import { api, done, type Schema } from "../shared/api";
import { Select } from "../shared/forms";
import { t, word } from "../shared/texts";
import { type Column, Empty, More, Part, Show, Status, Table, Title, usePages, When } from "../shared/ui";

type Referral = Schema["ReferralView"];
const STATUSES = ["PENDING", "ACCEPTED", "CONVERTED", "PAID", "EXPIRED", "REJECTED"] as const;
const TONES: Record<string, string> = { ACCEPTED: "PAYING", CONVERTED: "PAID", PAID: "PAID" };

export default function Referrals() {
  const [status, setStatus] = useState<(typeof STATUSES)[number] | "">("");
  const list = usePages<Referral>(
    (cursor) =>
      done(
        api.GET("/api/v1/me/referrals", {
          params: { query: { ...(status ? { status } : {}), ...(cursor ? { cursor } : {}) } },
        }),
      ),
    [status],
  );
  const columns: Column<Referral>[] = [
    { title: t("came"), cell: (row) => <When at={row.createdAt} /> },
    {
      title: t("from"),
      cell: (row) => (
        <span class="who">
          {row.source === "UNKNOWN" && !row.campaign ? "–" : word("SOURCE", row.source)}
          {row.campaign && <small class="muted">{row.campaign}</small>}
        </span>
      ),
    },
    { title: t("code"), cell: (row) => (row.referralCode ? <code>{row.referralCode}</code> : "–") },
    {
      title: t("status"),
      cell: (row) => (
        <>
          <Status of={TONES[row.status] ?? row.status} text={word("REFERRAL", row.status)} />
          {row.expiresAt && (
            <small class="muted">
              {t("until")} <When at={row.expiresAt} relative />
            </small>
          )}
          {row.reason && <small class="muted">{row.reason}</small>}
        </>
      ),
    },
    { title: t("firstPaid"), cell: (row) => (row.convertedAt ? <When at={row.convertedAt} relative /> : "–") },
  ];
  return (
    <>
      <Title text={t("referrals")} />
      <Part title={t("everyReferral")}>
        <p class="muted">{t("referralsAbout")}</p>
        <div class="filters">
          <Select
            label={t("status")}
            value={status}
            options={[["", t("all")], ...STATUSES.map((each): [string, string] => [each, word("REFERRAL", each)])]}
            onChange={(value) => setStatus(value as typeof status)}
          />
        </div>
        <Show of={list}>
          {(data) =>
            data.length === 0 ? (
              <Empty title={t(status ? "noneOfThese" : "noReferrals")}>{!status && t("noReferralsAbout")}</Empty>
            ) : (
              <>
                <Table caption={t("everyReferral")} columns={columns} rows={data} id={(row) => row.id} />
                <More load={list.more} />
              </>
            )
          }
        </Show>
      </Part>
    </>
  );
}
