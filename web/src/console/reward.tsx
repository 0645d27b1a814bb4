/** One reward: how it came to its amount, step by step, what happens next, and what can be done about it. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useRoute } from "preact-iso";
import { api, done, type Schema, write } from "../shared/api";
import { month } from "../shared/dates";
import { decimalOf, money, places } from "../shared/money";
import { may } from "../shared/session";
import { number, t, word } from "../shared/texts";
import { Badge, Button, Facts, Part, Show, Status, Title, tell, useLoad, When } from "../shared/ui";
import { TextField } from "../shared/forms";
import { Actions, note, reason } from "./act";
import { Crumbs, nameOf, PartnerLink } from "./common";
import { Edit } from "./edit";
import { canApprove, canCancel, Held, paidBody, paidFields } from "./rewards";

type Explained = Schema["ExplanationView"];

export default function Screen() {
  const { id = "" } = useRoute().params;
  const path = { params: { path: { rewardId: id } } };
  const read = async () => {
    const [explained, reward] = await Promise.all([
      done(api.GET("/api/v1/rewards/{rewardId}/explain", path)),
      done(api.GET("/api/v1/rewards/{rewardId}", path)), // with names
    ]);
    return { ...explained, reward };
  };
  const explained = useLoad(read, [id]);
  return <Show of={explained}>{(data) => <Shown of={data} reload={explained.reload} />}</Show>;
}

function Shown({ of, reload }: { of: Explained; reload: () => void }) {
  const it = of.reward;
  const [isEdited, setEdited] = useState(false);
  const path = { rewardId: it.id };
  const params = (key: string) => ({ params: { path, header: { "Idempotency-Key": key } } });
  const waits = ["PENDING", "CALCULATED"].includes(it.status);
  return (
    <>
      <Crumbs to="/console/rewards" name={t("rewards")} id={it.id} />
      <Title text={t("rewardOf", { amount: money(it.netDecimal, it.currency), name: nameOf(it) })}>
        <Status of={it.status} text={word("REWARD", it.status)} />
        {it.cancelled && <Badge>{word("CANCELLED", it.cancelled)}</Badge>}
        <Held of={it.held} />
      </Title>
      <Actions
        onDone={reload}
        of={[
          canApprove(it) &&
            may("POST /api/v1/rewards/{rewardId}/approve") && {
              name: t("approve"),
              kind: "primary",
              about: <p>{t("approveAbout")}</p>,
              done: t("saved"),
              fields: [note()],
              act: ({ note: told = "" }, key) =>
                write(api.POST("/api/v1/rewards/{rewardId}/approve", { ...params(key), body: { note: told } })),
            },
          it.held.some((each) => each !== "DISPUTE") &&
            may("POST /api/v1/rewards/{rewardId}/release") && {
              name: t("release"),
              kind: "primary",
              about: <p>{t("releaseAbout")}</p>,
              done: t("released"),
              fields: [note()],
              act: ({ note: told = "" }, key) =>
                write(api.POST("/api/v1/rewards/{rewardId}/release", { ...params(key), body: { note: told } })),
            },
          waits &&
            may("POST /api/v1/rewards/{rewardId}/hold") && {
              name: t("hold"),
              about: <p>{t("holdAbout")}</p>,
              done: t("saved"),
              fields: [reason(t("holdHint"), 100)],
              act: ({ reason: why = "" }, key) =>
                write(api.POST("/api/v1/rewards/{rewardId}/hold", { ...params(key), body: { reason: why } })),
            },
          it.status === "APPROVED" &&
            may("POST /api/v1/rewards/{rewardId}/process-payment") && {
              name: t("pay"),
              about: <p>{t("payAbout")}</p>,
              done: t("saved"),
              fields: paidFields() ?? [],
              act: (values, key) =>
                write(
                  api.POST("/api/v1/rewards/{rewardId}/process-payment", { ...params(key), body: paidBody(values) }),
                ),
            },
          canCancel(it) &&
            may("POST /api/v1/rewards/{rewardId}/cancel") && {
              name: t("cancelReward"),
              kind: "danger",
              about: <p>{t("cancelAbout")}</p>,
              done: t("saved"),
              fields: [note(true)],
              act: ({ note: told = "" }, key) =>
                write(api.POST("/api/v1/rewards/{rewardId}/cancel", { ...params(key), body: { note: told } })),
            },
        ]}
      />
      <div class="columns">
        <div>
          <Part title={t("whyThis")}>
            <Waterfall of={of} />
          </Part>
          <Part title={t("next")}>
            <ul class="plain">
              {of.next.map((each) => (
                <li key={each.what}>
                  {word("NEXT", each.what)} {each.at && <When at={each.at} />}
                </li>
              ))}
            </ul>
          </Part>
        </div>
        <Part
          title={t("reward")}
          aside={
            may("PATCH /api/v1/rewards/{rewardId}") && <Button onClick={() => setEdited(true)}>{t("note")} …</Button>
          }
        >
          <Facts
            of={[
              [t("partner"), <PartnerLink key="p" of={it} />],
              [t("tierOf"), it.tier ? number(it.tier) : "–"],
              [t("rule"), of.rule.source === "by-hand" ? t("byHand") : word("RATE", of.rule.source)],
              [
                t("program"),
                <a key="v" href={`/console/programs/${it.programId}?version=${of.rule.version}`}>
                  {t("programVersion", { id: it.programId, version: number(of.rule.version) })}
                </a>,
              ],
              [
                t("payment"),
                <a key="y" href={`/console/payments/${it.paymentId}`}>
                  {it.externalPaymentId ?? it.paymentId}
                </a>,
              ],
              ...(it.referralId
                ? [
                    [
                      t("customer"),
                      <a key="r" href={`/console/referrals/${it.referralId}`}>
                        {it.customerId ?? t("openReferral")}
                      </a>,
                    ] as [string, ComponentChildren],
                  ]
                : []),
              [t("earned"), <When key="e" at={it.earnedAt} />],
              [t("matures"), <When key="m" at={it.maturesAt} />],
              ...(of.paidBy
                ? [
                    [
                      t("paidBy"),
                      <a key="w" href={`/console/withdrawals/${of.paidBy}`}>
                        {of.payoutStatus ? word("STATUS", of.payoutStatus) : of.paidBy}
                      </a>,
                    ] as [string, ComponentChildren],
                  ]
                : []),
              [t("note"), it.note ? `${it.note}${it.byName ? ` (${it.byName})` : ""}` : "–"],
            ]}
          />
        </Part>
      </div>
      {isEdited && (
        <Edit
          title={t("note")}
          of={it}
          fields={(now) => ({ note: now.note ?? "" })}
          read={() => done(api.GET("/api/v1/rewards/{rewardId}", { params: { path } }))}
          save={(_changed, { note: told }, version) => {
            const header = { "If-Match": `"${version}"` };
            return write(api.PATCH("/api/v1/rewards/{rewardId}", { params: { path, header }, body: { note: told } }));
          }}
          onClose={() => setEdited(false)}
          onDone={() => {
            setEdited(false);
            tell(t("saved"));
            reload();
          }}
        >
          {(values, set) => (
            <TextField
              long
              label={t("note")}
              value={values.note}
              onInput={(value) => set("note", value)}
              maxLength={500}
            />
          )}
        </Edit>
      )}
    </>
  );
}

type Line = { name: string; about?: ComponentChildren; change?: number; total?: number };

/** From the payment to what is granted: each step is what it adds or takes, and the steps add up. */
function Waterfall({ of }: { of: Explained }) {
  const { reward, earned, takenBack, cap } = of;
  const digits = places(reward.amountDecimal);
  const show = (minor: number) => money(decimalOf(BigInt(minor), digits), reward.currency);
  const lines: Line[] = [];
  if (earned.rateBps !== null) {
    const rate = `${number(earned.rateBps / 100)} %`;
    lines.push({
      name: t("shareOf", { rate, base: show(earned.base) }),
      about:
        earned.shipping > 0 && !earned.shippingEarns
          ? t("withoutShipping", { amount: show(earned.shipping) })
          : earned.exact !== decimalOf(BigInt(earned.roundedDown), digits) && t("roundedDown", { exact: earned.exact }),
      change: earned.roundedDown,
    });
    if (earned.amount !== earned.roundedDown)
      lines.push({
        name: t("nearerTiers"),
        about: t("nearerTiersAbout", { amount: show(earned.nearerTiers) }),
        change: earned.amount - earned.roundedDown,
      });
  } else
    lines.push({
      name: of.rule.source === "by-hand" ? t("byHand") : word("RATE", of.rule.source),
      about: earned.base ? t("flatOf", { base: show(earned.base) }) : undefined,
      change: earned.amount,
    });
  if (takenBack.reversed)
    lines.push({
      name: t("takenBack"),
      about: t("takenBackAbout", { gone: show(takenBack.gone), paid: show(takenBack.paid) }),
      change: -takenBack.reversed,
    });
  if (of.granted !== takenBack.net)
    lines.push({
      name: t("overCap"),
      about: cap ? t("capAbout", { cap: show(cap.cap) }) : undefined,
      change: of.granted - takenBack.net,
    });
  lines.push({ name: t("granted"), total: of.granted });
  const most = Math.max(1, ...lines.map((each) => Math.abs(each.change ?? each.total ?? 0)));
  let running = 0;
  return (
    <>
      <ol class="waterfall">
        {lines.map((each) => {
          const from = each.total === undefined ? running : 0;
          const to = each.total ?? running + (each.change ?? 0);
          running = to;
          const tone = each.total !== undefined ? "total" : to < from ? "less" : "more";
          return (
            <li key={each.name} class={tone}>
              <span>
                {each.name}
                {each.about && <small class="muted block">{each.about}</small>}
              </span>
              <strong class="money">
                {each.total === undefined && each.change !== undefined && each.change > 0 && lines.indexOf(each) > 0
                  ? "+"
                  : ""}
                {show(each.total ?? each.change ?? 0)}
              </strong>
              <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
                <rect x={(Math.min(from, to) / most) * 100} width={(Math.abs(to - from) / most) * 100} height="4" />
              </svg>
            </li>
          );
        })}
      </ol>
      {of.ratedAgain && <p class="muted">{t("ratedAgain", { amount: show(of.ratedAgain.firstAmount) })}</p>}
      {cap && of.granted === takenBack.net && (
        <p class="muted">
          {t("capSoFar", { cap: show(cap.cap), month: month(`${cap.month}-01`), kept: show(cap.kept) })}
        </p>
      )}
      <p>
        {of.worth > 0 ? t("inBalance", { amount: show(of.worth) }) : t("notInBalance")}{" "}
        {of.booked && (
          <a href={`/console/books/journal?partnerId=${reward.partnerId}&currency=${of.booked.currency}`}>
            {t("entry", { place: number(of.booked.version) })}
          </a>
        )}
      </p>
    </>
  );
}
