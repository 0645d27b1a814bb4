/** Texts by language: one catalog each, loaded when it is needed. `make check` and a test know of a missing one. */
import type consoleTexts from "../texts/console.en.json";
import type portalTexts from "../texts/portal.en.json";
import type sharedTexts from "../texts/shared.en.json";
import { app } from "./settings";
import { state } from "./state";

export type Text = keyof typeof consoleTexts | keyof typeof portalTexts | keyof typeof sharedTexts;
type Catalog = Record<string, string>;

const LANGUAGES = ["en", "de"] as const;
export type Language = (typeof LANGUAGES)[number];

const CATALOGS: Record<"console" | "portal", Record<Language, () => Promise<{ default: Catalog }[]>>> = {
  console: {
    en: () => Promise.all([import("../texts/shared.en.json"), import("../texts/console.en.json")]),
    de: () => Promise.all([import("../texts/shared.de.json"), import("../texts/console.de.json")]),
  },
  portal: {
    en: () => Promise.all([import("../texts/shared.en.json"), import("../texts/portal.en.json")]),
    de: () => Promise.all([import("../texts/shared.de.json"), import("../texts/portal.de.json")]),
  },
};

export const language = state<Language>("en");
let catalog: Catalog = {};

/** Speak the language that was chosen here, or the first of the browser's that there is. */
export async function loadTexts(chosen?: Language): Promise<void> {
  const wanted = [chosen, localStorage.getItem("language"), ...navigator.languages.map((each) => each.slice(0, 2))];
  const found = wanted.find((each): each is Language => LANGUAGES.includes(each as Language)) ?? "en";
  if (chosen) localStorage.setItem("language", chosen);
  catalog = Object.assign({}, ...(await CATALOGS[app][found]()).map((each) => each.default));
  document.documentElement.lang = found;
  language.value = found;
}

/** A text in the language, its `{names}` filled in. The whole app is shown anew in another language. */
export function t(key: Text, values: Record<string, string | number> = {}): string {
  return (catalog[key] ?? key).replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** A text for one or many: `key_one`, `key_other`, with `{count}`. */
export function many<K extends string>(
  key: `${K}_other` extends Text ? K : never,
  count: number,
  values: Record<string, string | number> = {},
): string {
  const form = new Intl.PluralRules(language.value).select(count) === "one" ? "one" : "other";
  return t(`${key}_${form}` as Text, { count: number(count), ...values });
}

/** What a word of the API means: `STATUS_REQUESTED`; the word itself where no text is there. */
export const word = (kind: string, value: string): string => {
  const key = `${kind}_${value}`;
  const told = t(key as Text);
  return told === key ? value : told;
};

export const number = (value: number): string => new Intl.NumberFormat(language.value).format(value);
