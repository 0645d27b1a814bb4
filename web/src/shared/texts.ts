/** Texts by language: a catalog for each screen, loaded with it. `make check` and a test know of a missing one. */
import type { Catalogs } from "../texts/catalogs";
import { app, memory } from "./settings";
import { state } from "./state";

export type CatalogName = keyof Catalogs;
export type Text = { [K in CatalogName]: keyof Catalogs[K] }[CatalogName] & string;
type Catalog = Record<string, string>;
/** Where an app's catalogs are: what `import.meta.glob` gives. */
export type CatalogFiles = Record<string, () => Promise<unknown>>;

const LANGUAGES = ["en", "de"] as const;
export type Language = (typeof LANGUAGES)[number];

export const language = state<Language>("en");
const inUse = new Set<CatalogName>(["shared", app]);
let files: CatalogFiles = {};
let catalog: Catalog = {};

async function read(names: Iterable<CatalogName>, of: Language): Promise<Catalog> {
  const loads = [...names].map((name) => files[`../texts/${name}.${of}.json`]?.() as Promise<{ default: Catalog }>);
  return Object.assign({}, ...(await Promise.all(loads)).map((each) => each.default));
}

/** Speak the language that was chosen here, or the first of the browser's that there is. */
export async function loadTexts(chosen?: Language, from = files): Promise<void> {
  files = from;
  const wanted = [chosen, memory.get("language"), ...navigator.languages.map((each) => each.slice(0, 2))];
  const found = wanted.find((each): each is Language => LANGUAGES.includes(each as Language)) ?? "en";
  if (chosen) memory.set("language", chosen);
  let size: number; // a screen may come meanwhile, with texts of its own
  do {
    size = inUse.size;
    catalog = await read(inUse, found);
  } while (inUse.size > size);
  document.documentElement.lang = found;
  language.value = found;
}

/** Have a screen's texts as well, from now on and in each language that is chosen. */
export async function addTexts(name: CatalogName): Promise<void> {
  inUse.add(name);
  let of: Language;
  do {
    of = language.value;
    Object.assign(catalog, await read([name], of));
  } while (of !== language.value);
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
