/** Why a reward is what it is: from what the customer paid to what is the partner's, in steps that add up. */
import { api, done, type Schema } from "../shared/api";
import { day } from "../shared/dates";
import { Dialog } from "../shared/forms";
import { decimalOf, money, places } from "../shared/money";
import { number, t, word } from "../shared/texts";
import { Show, useLoad } from "../shared/ui";

type Explained = Schema["ExplanationView"];
/** `from`, `to`: of its bar, in minor units; what only leads there has none. */
type Step = { name: string; note?: string | undefined; amount: number; from?: number; to?: number; kind: string };

/** The steps; the amounts of all `plus` less all `minus` are that of `total`. */
export function stepsOf(it: Explained): Step[] {
  const { earned, takenBack: taken, granted, reward } = it;
  const tell = (minor: number) => money(decimalOf(BigInt(minor), places(reward.amountDecimal)), reward.currency);
  const share = earned.rateBps === null ? earned.amount : earned.roundedDown;
  const steps: Step[] = [];
  if (earned.rateBps !== null)
    steps.push({
      name: t("customerPaid"),
      note: earned.shipping > 0 && !earned.shippingEarns ? t("withoutShipping") : t("withoutTax"),
      amount: earned.base,
      kind: "base",
    });
  steps.push({
    name: earned.rateBps === null ? t("flatAmount") : t("yourShare", { rate: number(earned.rateBps / 100) }),
    note: word("RULE", it.rule.source),
    amount: share,
    from: 0,
    to: share,
    kind: "plus",
  });
  let left = share;
  const less = (name: string, amount: number, note?: string) => {
    if (amount <= 0) return;
    steps.push({ name, note, amount, from: left - amount, to: left, kind: "minus" });
    left -= amount;
  };
  less(t("nearerTiers"), share - earned.amount, t("nearerTiersAbout"));
  less(t("takenBackBy"), taken.reversed, t("wentBack", { gone: tell(taken.gone), paid: tell(taken.paid) }));
  less(t("monthlyCap"), taken.net - granted, it.cap ? t("capAbout", { cap: tell(it.cap.cap) }) : undefined);
  return [...steps, { name: t("isYours"), amount: granted, from: 0, to: granted, kind: "total" }];
}

export default function Why({ id, onClose }: { id: string; onClose: () => void }) {
  const explained = useLoad(
    () => done(api.GET("/api/v1/rewards/{rewardId}/explain", { params: { path: { rewardId: id } } })),
    [id],
  );
  return (
    <Dialog title={t("whyTitle")} onClose={onClose}>
      <Show of={explained}>{(it) => <Explanation of={it} />}</Show>
    </Dialog>
  );
}

function Explanation({ of: it }: { of: Explained }) {
  const steps = stepsOf(it);
  const most = Math.max(1, ...steps.map((each) => each.to ?? 0));
  const { currency, amountDecimal } = it.reward;
  return (
    <>
      <table class="adds-up">
        <caption class="visually-hidden">{t("whyTitle")}</caption>
        <tbody>
          {steps.map(({ name, note, amount, from, to, kind }) => (
            <tr key={name} class={kind}>
              <th scope="row">
                {name}
                {note && <small class="muted">{note}</small>}
              </th>
              <td class="bar" aria-hidden="true">
                {to !== undefined && (
                  <i
                    style={{
                      marginInlineStart: `${(100 * (from ?? 0)) / most}%`,
                      inlineSize: `${(100 * (to - (from ?? 0))) / most}%`,
                    }}
                  />
                )}
              </td>
              <td class="number">
                {kind === "minus" && "−"}
                {money(decimalOf(BigInt(amount), places(amountDecimal)), currency)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {it.ratedAgain && <p class="muted">{t("ratedAgain")}</p>}
      {it.cap && it.cap.over > 0 && <p class="muted">{t("capShared")}</p>}
      <h3>{t("whatNext")}</h3>
      <ul class="why">
        {it.next.map((each) => (
          <li key={each.what}>
            {word("NEXT", each.what)} {each.at && <strong>{day(each.at)}</strong>}
          </li>
        ))}
      </ul>
    </>
  );
}
