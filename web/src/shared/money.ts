/** Money as the API says it: whole minor units and a decimal text with all its places. Nothing is divided here. */
import { language } from "./texts";

export type Sum = { currency: string; decimal: string };

/** How many places a currency's decimals have in the API, which goes by ISO 4217. */
export const places = (decimal: string): number => decimal.split(".")[1]?.length ?? 0;

/** `1234.50` in the reader's language. The text goes in as it is: no number of JavaScript's comes between. */
export function money(decimal: string, currency: string): string {
  const digits = places(decimal);
  const options = {
    style: "currency",
    currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  } as const;
  return new Intl.NumberFormat(language.value, options).format(decimal as unknown as number);
}

/** Minor units as a decimal text. */
export function decimalOf(minor: bigint, digits: number): string {
  const text = (minor < 0n ? -minor : minor).toString().padStart(digits + 1, "0");
  const whole = text.slice(0, text.length - digits);
  return (minor < 0n ? "-" : "") + (digits ? `${whole}.${text.slice(-digits)}` : whole);
}

/** What somebody typed as minor units; null for what is no amount, or has more places than the currency. */
export function minorOf(typed: string, digits: number): number | null {
  const found = /^(\d{1,15})(?:[.,](\d*))?$/.exec(typed.trim().replace(/[\s']/g, ""));
  const fraction = found?.[2] ?? "";
  if (!found || fraction.length > digits) return null;
  const minor = BigInt(found[1] + fraction.padEnd(digits, "0"));
  return minor <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(minor) : null;
}

/** The sums of some amounts, one for each currency. */
export function sums(amounts: { amount: number; currency: string; amountDecimal: string }[]): Sum[] {
  const found = new Map<string, { minor: bigint; digits: number }>();
  for (const { amount, currency, amountDecimal } of amounts) {
    const known = found.get(currency) ?? { minor: 0n, digits: places(amountDecimal) };
    found.set(currency, { ...known, minor: known.minor + BigInt(amount) });
  }
  return [...found].map(([currency, { minor, digits }]) => ({ currency, decimal: decimalOf(minor, digits) }));
}
