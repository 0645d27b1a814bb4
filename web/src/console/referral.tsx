/** One referral: whose it is, how far it has got, and what can be done about it now. */
import { useState } from "preact/hooks";
import { useRoute } from "preact-iso";
import { api, done, type Schema, write } from "../shared/api";
import { digitsOf } from "../shared/currencies";
import { Select, TextField } from "../shared/forms";
import { may } from "../shared/session";
import { many, t, word } from "../shared/texts";
import { Badge, Button, Facts, Part, Show, Title, tell, useLoad, When } from "../shared/ui";
import { Actions, note, reason } from "./act";
import { Crumbs, PartnerLink, sourceOptions, words } from "./common";
import { Edit } from "./edit";
import { customerOf, OPEN, type Referral, ReferralStatus } from "./referrals";

const at = (moment: string | null) => (moment ? <When at={moment} /> : "–");

export default function Screen() {
  const { id = "" } = useRoute().params;
  const read = async () => {
    const it = await done(api.GET("/api/v1/referrals/{referralId}", { params: { path: { referralId: id } } }));
    const path = { params: { path: { programId: it.programId } } };
    return { it, program: await done(api.GET("/api/v1/programs/{programId}", path)) };
  };
  const whole = useLoad(read, [id]);
  return <Show of={whole}>{(data) => <Shown {...data} reload={whole.reload} />}</Show>;
}

function Shown({ it, program, reload }: { it: Referral; program: Schema["ProgramView"]; reload: () => void }) {
  const [isEdited, setEdited] = useState(false);
  const path = { referralId: it.id };
  const params = (key: string) => ({ params: { path, header: { "Idempotency-Key": key } } });
  const isOpen = OPEN.includes(it.status);
  const hasConverted = ["CONVERTED", "PAID"].includes(it.status);
  const currencies = program.currencies.map((each) => each.currency);
  return (
    <>
      <Crumbs to="/console/referrals" name={t("referrals")} id={it.id} />
      <Title text={t("referralOf", { name: customerOf(it) })}>
        <ReferralStatus of={it} />
        {it.tags?.map((each) => (
          <Badge key={each}>{each}</Badge>
        ))}
      </Title>
      {it.reason && <p class="notice">{it.reason}</p>}
      <Actions
        onDone={reload}
        of={[
          it.status === "PENDING" &&
            may("POST /api/v1/referrals/{referralId}/accept") && {
              name: t("accept"),
              kind: "primary",
              about: <p>{t("acceptAbout")}</p>,
              done: t("accepted"),
              act: (_, key) => write(api.POST("/api/v1/referrals/{referralId}/accept", params(key))),
            },
          it.status !== "REJECTED" &&
            may("POST /api/v1/referrals/{referralId}/process-conversion") && {
              name: t("convert"),
              ...(isOpen && { kind: "primary" as const }),
              about: <p>{t("convertAbout")}</p>,
              done: t("converted"),
              fields: [
                {
                  name: "currency",
                  label: t("currency"),
                  kind: "select",
                  options: currencies.map((each): [string, string] => [each, each]),
                  value: program.currency,
                },
                {
                  name: "amount",
                  label: t("conversionValue"),
                  required: true,
                  digits: (values) => digitsOf(values.currency ?? program.currency),
                },
              ],
              act: async ({ amount, currency = "" }, key) => {
                const body = { conversionValue: { amount: Number(amount), currency } };
                const told = await write(
                  api.POST("/api/v1/referrals/{referralId}/process-conversion", { ...params(key), body }),
                );
                tell(many("rewardsMade", told.rewards.length));
              },
            },
          !it.leadId &&
            it.status !== "REJECTED" &&
            may("POST /api/v1/referrals/{referralId}/link-to-lead") && {
              name: t("linkLead"),
              about: <p>{t("linkLeadAbout")}</p>,
              done: t("saved"),
              fields: [
                { name: "leadId", label: t("leadId"), required: true, maxLength: 200 },
                ...(it.customerKnown
                  ? []
                  : [{ name: "customerId", label: t("customerId"), hint: t("customerIdHint"), maxLength: 200 }]),
              ],
              act: ({ leadId = "", customerId }, key) => {
                const body = { leadId, ...(customerId && { customerId }) };
                return write(api.POST("/api/v1/referrals/{referralId}/link-to-lead", { ...params(key), body }));
              },
            },
          isOpen &&
            may("POST /api/v1/referrals/{referralId}/expire") && {
              name: t("expire"),
              about: <p>{t("expireAbout")}</p>,
              done: t("expired"),
              fields: [{ ...note(false), name: "reason", label: t("reason") }],
              act: ({ reason: why = "" }, key) =>
                write(
                  api.POST("/api/v1/referrals/{referralId}/expire", {
                    ...params(key),
                    body: why ? { reason: why } : {},
                  }),
                ),
            },
          isOpen &&
            may("POST /api/v1/referrals/{referralId}/reject") && {
              name: t("reject"),
              kind: "danger",
              about: <p>{t("rejectAbout")}</p>,
              done: t("rejected"),
              fields: [reason()],
              act: ({ reason: why = "" }, key) =>
                write(api.POST("/api/v1/referrals/{referralId}/reject", { ...params(key), body: { reason: why } })),
            },
          isOpen &&
            may("DELETE /api/v1/referrals/{referralId}") && {
              name: t("takeOut"),
              kind: "danger",
              about: <p>{t("takeOutAbout")}</p>,
              done: t("rejected"),
              act: () => write(api.DELETE("/api/v1/referrals/{referralId}", { params: { path } })),
            },
          hasConverted &&
            may("POST /api/v1/referrals/{referralId}/close") && {
              name: t("closeReferral"),
              kind: "danger",
              about: <p>{t("closeAbout")}</p>,
              fields: [
                { name: "from", label: t("closeFrom"), kind: "date" },
                { name: "cancelUnpaid", label: t("cancelUnpaid"), kind: "tick", hint: t("cancelUnpaidHint") },
                reason(),
              ],
              act: async ({ from, cancelUnpaid, reason: why = "" }, key) => {
                const body = {
                  reason: why,
                  cancelUnpaid: cancelUnpaid === "yes",
                  ...(from && { from: `${from}T00:00:00Z` }),
                };
                const told = await write(api.POST("/api/v1/referrals/{referralId}/close", { ...params(key), body }));
                tell(told.complete ? many("rewardsCancelled", told.cancelled) : t("closeAgain"));
              },
            },
        ]}
      />
      <div class="columns">
        <Part
          title={t("customer")}
          aside={
            may("PATCH /api/v1/referrals/{referralId}") && (
              <Button onClick={() => setEdited(true)}>{t("change")} …</Button>
            )
          }
        >
          <Facts
            of={[
              [t("partner"), <PartnerLink key="p" of={it} />],
              [t("customerId"), it.customerId ?? (it.customerKnown ? t("sealed") : "–")],
              [t("leadId"), it.leadId ?? "–"],
              [t("program"), program.name],
              [t("source"), word("SOURCE", it.source)],
              [t("campaign"), it.campaign || "–"],
              [t("code"), it.referralCode ?? "–"],
              [t("note"), it.note || "–"],
            ]}
          />
        </Part>
        <Part title={t("whatHappened")}>
          <Facts
            of={[
              [t("made"), at(it.createdAt)],
              [t("ends"), at(it.expiresAt)],
              [t("convertedAt"), at(it.convertedAt)],
              [t("paidAt"), at(it.paidAt)],
              [t("closedAt"), at(it.closedAt)],
              ...(it.closedFrom ? [[t("closedFrom"), at(it.closedFrom)] as [string, ReturnType<typeof at>]] : []),
            ]}
          />
          <p>
            <a href={`/console/rewards?partnerId=${it.partnerId}&status=ALL`}>{t("rewardsOfPartner")}</a>
          </p>
        </Part>
      </div>
      {isEdited && (
        <Edit
          title={t("change")}
          of={it}
          fields={(of) => ({
            source: of.source as string,
            campaign: of.campaign,
            customerId: of.customerId ?? "",
            tags: (of.tags ?? []).join(", "),
            note: of.note ?? "",
          })}
          read={() => done(api.GET("/api/v1/referrals/{referralId}", { params: { path } }))}
          save={({ tags, source, ...rest }, _all, version) => {
            const body = {
              ...rest,
              ...(source && { source: source as Referral["source"] }),
              ...(tags !== undefined && { tags: words(tags) }),
            };
            const header = { "If-Match": `"${version}"` };
            return write(api.PATCH("/api/v1/referrals/{referralId}", { params: { path, header }, body }));
          }}
          onClose={() => setEdited(false)}
          onDone={() => {
            setEdited(false);
            tell(t("saved"));
            reload();
          }}
        >
          {(values, set) => (
            <>
              <Select
                label={word("FIELD", "source")}
                value={values.source}
                options={sourceOptions()}
                onChange={(value) => set("source", value)}
              />
              <TextField
                label={word("FIELD", "campaign")}
                value={values.campaign}
                onInput={(value) => set("campaign", value)}
                maxLength={100}
              />
              {!it.customerKnown && (
                <TextField
                  label={word("FIELD", "customerId")}
                  value={values.customerId}
                  onInput={(value) => set("customerId", value)}
                  hint={t("customerIdHint")}
                />
              )}
              <TextField
                label={word("FIELD", "tags")}
                value={values.tags}
                onInput={(value) => set("tags", value)}
                hint={t("tagsHint")}
              />
              <TextField
                long
                label={word("FIELD", "note")}
                value={values.note}
                onInput={(value) => set("note", value)}
                maxLength={500}
              />
            </>
          )}
        </Edit>
      )}
    </>
  );
}
