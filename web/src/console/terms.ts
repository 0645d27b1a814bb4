/** The terms of a program as they are typed, and as the API takes them. Amounts and rates are texts until then. */
import type { Schema } from "../shared/api";
import { digitsOf } from "../shared/currencies";
import { decimalOf, minorOf } from "../shared/money";

export type Program = Schema["ProgramView"];
export type Terms = Schema["ProgramBody"];
type Rule = Schema["RuleBody"];
type Pay = Schema["PayBody"];

export type PayDraft = { isFlat: boolean; rate: string; flat: Record<string, string> };
export type RuleDraft = {
  productId: string;
  tiers: PayDraft[];
  first: PayDraft[] | null;
  limitMonths: string;
  limitPayments: string;
};
export const LIMITS = [
  "payoutMinimum",
  "autoApproveLimit",
  "secondApprovalLimit",
  "adjustmentLimit",
  "conversionLimit",
  "salesLimit",
] as const;
export type CurrencyDraft = { currency: string; cap: string } & Record<(typeof LIMITS)[number], string>;
export const NUMBERS = [
  "holdDays",
  "attributionDays",
  "coolingHours",
  "bindWithinHours",
  "makerWindowDays",
  "approvalTimeoutSeconds",
] as const;
export const TICKS = ["reviewRewards", "newCustomersOnly", "commissionOnShipping"] as const;
export const LINKS = ["defaultUrl", "allowedDomains", "parameter", "cookieDays", "cookieDomain", "campaigns"] as const;
export const PORTAL = ["allowedOrigins", "name", "logoUrl", "accent", "termsUrl", "helpUrl"] as const;
export type Draft = {
  name: string;
  currency: string;
  rule: RuleDraft;
  products: RuleDraft[];
  currencies: CurrencyDraft[];
  numbers: Record<(typeof NUMBERS)[number], string>;
  ticks: Record<(typeof TICKS)[number], boolean>;
  links: Record<(typeof LINKS)[number], string> | null;
  portal: Record<(typeof PORTAL)[number], string>;
  exposure: { currency: string; weights: Record<string, string> } | null;
  /** What this page does not know of, kept as it is. */
  others: Partial<Terms>;
};

const VIEW_ONLY = [
  "id",
  "tierRatesBps",
  "payoutMinimum",
  "autoApproveLimit",
  "status",
  "statusReason",
  "idle",
  "version",
  "createdAt",
  "changedAt",
  "changedBy",
  "changedByName",
  "pendingChange",
];

/** A view without what only views have: amounts in major units, and what is no term. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  const kept = Object.entries(value).filter(([name, each]) => !name.endsWith("Decimal") && each !== undefined);
  return Object.fromEntries(kept.map(([name, each]) => [name, plain(each)]));
}

/** A pay is a rate or an amount, never both: what is null of the two is left out. */
function payOf(value: Schema["PayView"]): Pay {
  return value.flat
    ? { flat: value.flat.map(({ amount, currency }) => ({ amount, currency })) }
    : { rateBps: value.rateBps ?? 0 };
}
const ruleOf = <T extends Schema["RuleView"]>(of: T): T & Rule => ({
  ...of,
  tiers: of.tiers.map(payOf),
  firstPayment: of.firstPayment && { tiers: of.firstPayment.tiers.map(payOf) },
});

/** The terms that a program has, as somebody would have sent them. */
export function termsOf(program: Program): Terms {
  const terms = Object.fromEntries(Object.entries(program).filter(([name]) => !VIEW_ONLY.includes(name)));
  return {
    ...(plain(terms) as Terms),
    rules: ruleOf(plain(program.rules) as Schema["RuleView"]),
    productRules: program.productRules.map((each) => ruleOf(plain(each) as typeof each)),
  };
}

const typed = (minor: number | null | undefined, currency: string): string =>
  minor === null || minor === undefined ? "" : decimalOf(BigInt(minor), digitsOf(currency));
const percent = (bps: number): string => decimalOf(BigInt(bps), 2).replace(/\.?0+$/, "");

export const newPay = (): PayDraft => ({ isFlat: false, rate: "", flat: {} });
export const newRule = (): RuleDraft => ({
  productId: "",
  tiers: [newPay()],
  first: null,
  limitMonths: "",
  limitPayments: "",
});
export const newCurrency = (currency: string): CurrencyDraft => ({
  currency,
  cap: "",
  payoutMinimum: "",
  autoApproveLimit: "",
  secondApprovalLimit: "",
  adjustmentLimit: "",
  conversionLimit: "",
  salesLimit: "",
});

/** What a new program begins with: the values that protect. */
export const newTerms = (): Terms => ({
  name: "",
  currency: "EUR",
  rules: { tiers: [{ rateBps: 2000 }] },
  currencies: [{ currency: "EUR", payoutMinimum: 1000, secondApprovalLimit: 50_000, adjustmentLimit: 50_000 }],
  holdDays: 30,
  attributionDays: 90,
  coolingHours: 72,
  bindWithinHours: 24,
  makerWindowDays: 30,
  approvalTimeoutSeconds: 604_800,
  reviewRewards: false,
  newCustomersOnly: true,
  commissionOnShipping: true,
});

export function draftOf(terms: Terms): Draft {
  const { name, currency, rules, productRules, monthlyCaps, currencies, links, portal, exposure, ...rest } = terms;
  const pay = (of: Pay): PayDraft => ({
    isFlat: Boolean(of.flat),
    rate: of.flat ? "" : percent(of.rateBps ?? 0),
    flat: Object.fromEntries((of.flat ?? []).map((each) => [each.currency, typed(each.amount, each.currency)])),
  });
  const rule = (of: Rule, productId = ""): RuleDraft => ({
    productId,
    tiers: of.tiers.map(pay),
    first: of.firstPayment ? of.firstPayment.tiers.map(pay) : null,
    limitMonths: String(of.limitMonths ?? ""),
    limitPayments: String(of.limitPayments ?? ""),
  });
  const given = rest as Record<string, unknown>;
  const others = Object.entries(given).filter(([each]) => ![...NUMBERS, ...TICKS].includes(each as "holdDays"));
  return {
    name,
    currency,
    rule: rule(rules ?? { tiers: [{ rateBps: 0 }] }),
    products: (productRules ?? []).map((each) => rule(each, each.productId)),
    currencies: (currencies ?? []).map((each) => ({
      ...newCurrency(each.currency),
      ...Object.fromEntries(LIMITS.map((limit) => [limit, typed(each[limit], each.currency)])),
      cap: typed(monthlyCaps?.find((cap) => cap.currency === each.currency)?.amount, each.currency),
    })),
    numbers: Object.fromEntries(NUMBERS.map((each) => [each, String(given[each] ?? "")])) as Draft["numbers"],
    ticks: Object.fromEntries(TICKS.map((each) => [each, Boolean(given[each])])) as Draft["ticks"],
    links: links
      ? {
          defaultUrl: links.defaultUrl,
          allowedDomains: links.allowedDomains.join(", "),
          parameter: links.parameter ?? "ref",
          cookieDays: String(links.cookieDays ?? 0),
          cookieDomain: links.cookieDomain ?? "",
          campaigns: (links.campaigns ?? []).join(", "),
        }
      : null,
    portal: {
      allowedOrigins: (portal?.allowedOrigins ?? []).join(", "),
      name: portal?.name ?? "",
      logoUrl: portal?.logoUrl ?? "",
      accent: portal?.accent ?? "",
      termsUrl: portal?.termsUrl ?? "",
      helpUrl: portal?.helpUrl ?? "",
    },
    exposure: exposure
      ? {
          currency: exposure.currency,
          weights: Object.fromEntries(exposure.weights.map((each) => [each.currency, String(each.perThousand)])),
        }
      : null,
    others: Object.fromEntries(others) as Partial<Terms>,
  };
}

/** What is wrong in a draft, by the field's name. */
export class Wrong extends Error {}

const list = (text: string): string[] =>
  text
    .split(",")
    .map((each) => each.trim())
    .filter(Boolean);

/** What was typed as the API takes it. Throws `Wrong` with the name of the field that is no number or amount. */
export function bodyOf(draft: Draft): Terms {
  const amount = (text: string, currency: string, field: string): number => {
    const minor = minorOf(text, digitsOf(currency));
    if (minor === null) throw new Wrong(field);
    return minor;
  };
  const whole = (text: string, field: string): number | null => (text.trim() ? amount(text, "JPY", field) : null);
  const pay = (of: PayDraft): Pay => {
    if (!of.isFlat) {
      const bps = minorOf(of.rate, 2);
      if (bps === null) throw new Wrong("rate");
      return { rateBps: bps };
    }
    const said = Object.entries(of.flat).filter(([, text]) => text.trim());
    if (said.length === 0) throw new Wrong("flat");
    return { flat: said.map(([currency, text]) => ({ currency, amount: amount(text, currency, "flat") })) };
  };
  const rule = (of: RuleDraft): Rule => ({
    tiers: of.tiers.map(pay),
    ...(of.first && { firstPayment: { tiers: of.first.map(pay) } }),
    limitMonths: whole(of.limitMonths, "limitMonths"),
    limitPayments: whole(of.limitPayments, "limitPayments"),
  });
  const numbers = NUMBERS.map((each) => {
    const number = whole(draft.numbers[each], each);
    if (number === null && each !== "attributionDays") throw new Wrong(each);
    return [each, number];
  });
  const { links, portal, exposure } = draft;
  return {
    ...draft.others,
    name: draft.name.trim(),
    currency: draft.currency,
    rules: rule(draft.rule),
    productRules: draft.products.map((each) => ({ ...rule(each), productId: each.productId.trim() })),
    monthlyCaps: draft.currencies
      .filter((each) => each.cap.trim())
      .map(({ currency, cap }) => ({ currency, amount: amount(cap, currency, "cap") })),
    currencies: draft.currencies.map((each) => ({
      currency: each.currency,
      ...Object.fromEntries(
        LIMITS.map((limit) => [
          limit,
          each[limit].trim() ? amount(each[limit], each.currency, limit) : limit === "payoutMinimum" ? 0 : null,
        ]),
      ),
    })),
    ...(Object.fromEntries(numbers) as Partial<Terms>),
    ...draft.ticks,
    links: links && {
      defaultUrl: links.defaultUrl.trim(),
      allowedDomains: list(links.allowedDomains),
      parameter: links.parameter.trim(),
      cookieDays: whole(links.cookieDays, "cookieDays") ?? 0,
      cookieDomain: links.cookieDomain.trim(),
      campaigns: list(links.campaigns),
    },
    portal: PORTAL.some((each) => portal[each].trim())
      ? {
          // as browsers write an origin, where somebody copied the address of a page
          allowedOrigins: list(portal.allowedOrigins).map((each) => each.toLowerCase().replace(/\/$/, "")),
          name: portal.name.trim(),
          logoUrl: portal.logoUrl.trim(),
          accent: portal.accent.trim().toLowerCase(),
          termsUrl: portal.termsUrl.trim(),
          helpUrl: portal.helpUrl.trim(),
        }
      : null,
    exposure: exposure && {
      currency: exposure.currency,
      weights: Object.entries(exposure.weights)
        .filter(([currency, text]) => currency !== exposure.currency && text.trim())
        .map(([currency, text]) => ({ currency, perThousand: whole(text, "perThousand") ?? 0 })),
    },
  };
}

/** Which terms differ, by name, as texts that can be put side by side. */
export function differences(theirs: Terms, mine: Terms): { field: string; theirs: string; mine: string }[] {
  const names = [...new Set([...Object.keys(theirs), ...Object.keys(mine)])] as (keyof Terms)[];
  const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value ?? null));
  return names
    .map((field) => ({ field, theirs: text(theirs[field]), mine: text(mine[field]) }))
    .filter((each) => each.theirs !== each.mine);
}
