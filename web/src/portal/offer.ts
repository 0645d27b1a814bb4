/** What a program promises, in words. */
import type { Schema } from "../shared/api";
import { decimalOf, money, places } from "../shared/money";
import { number } from "../shared/texts";

type Pay = Schema["PayView"];

/** `20 %`, or an amount in each currency: those that the program takes, whose places their minimum has. */
export function payOf(pay: Pay, program: Schema["OwnProgramView"]): string {
  if (!pay.flat) return `${number((pay.rateBps ?? 0) / 100)} %`;
  return pay.flat
    .map(({ currency, amount }) => {
      const least = program.currencies.find((each) => each.currency === currency)?.payoutMinimumDecimal ?? "0.00";
      return money(decimalOf(BigInt(amount), places(least)), currency);
    })
    .join(" / ");
}
