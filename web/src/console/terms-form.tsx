/** The editor of a program's terms, beside what they would earn whom: the API says so while one types. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { api, done, type Problem, type Schema } from "../shared/api";
import { digitsOf } from "../shared/currencies";
import { Form, Select, TextField } from "../shared/forms";
import { decimalOf, minorOf, money } from "../shared/money";
import { number, t, word } from "../shared/texts";
import { asProblem, Button, type Column, Money, Part, Table, Trouble } from "../shared/ui";
import {
  bodyOf,
  type Draft,
  draftOf,
  LIMITS,
  LINKS,
  newCurrency,
  newPay,
  newRule,
  NUMBERS,
  type PayDraft,
  PORTAL,
  type RuleDraft,
  TICKS,
  type Terms,
  Wrong,
} from "./terms";

const PAUSE_MS = 400; // in typing, until the API is asked

/** `20 %`, or `€5.00 / $6.00`. */
export const payText = (of: Schema["PayView"]): string =>
  of.flat
    ? of.flat.map((each) => money(decimalOf(BigInt(each.amount), digitsOf(each.currency)), each.currency)).join(" / ")
    : `${number((of.rateBps ?? 0) / 100)} %`;

/** What the draft comes to, or the field that keeps it from it. */
function read(draft: Draft): { body: Terms } | { wrong: string } {
  try {
    return { body: bodyOf(draft) };
  } catch (error) {
    if (error instanceof Wrong) return { wrong: error.message };
    throw error;
  }
}

export function Editor(props: {
  terms: Terms;
  /** What else is sent, so that another input is another intention. */
  input?: unknown;
  save: (body: Terms, key: string) => Promise<unknown>;
  onCancel: () => void;
  children?: ComponentChildren;
}) {
  const [draft, setDraft] = useState(() => draftOf(props.terms));
  const set = (changes: Partial<Draft>) => setDraft({ ...draft, ...changes });
  const told = read(draft);
  const codes = draft.currencies.map((each) => each.currency);
  return (
    <div class="columns">
      <Form
        submit={t("save")}
        input={[props.input, draft]}
        disabled={"wrong" in told}
        onCancel={props.onCancel}
        act={async (key) => {
          if ("body" in told) await props.save(told.body, key);
        }}
      >
        <Part title={t("program")}>
          {props.children}
          <TextField label={t("name")} value={draft.name} onInput={(name) => set({ name })} required maxLength={100} />
          <Select
            label={t("mainCurrency")}
            value={draft.currency}
            options={codes.map((each): [string, string] => [each, each])}
            onChange={(currency) => set({ currency })}
          />
        </Part>
        <Part title={t("whoEarns")}>
          <RuleEditor of={draft.rule} codes={codes} onChange={(rule) => set({ rule })} />
          {draft.products.map((each, place) => (
            <fieldset key={place}>
              <legend>{t("ofProduct")}</legend>
              <TextField
                label={t("productId")}
                value={each.productId}
                required
                maxLength={100}
                onInput={(productId) =>
                  set({ products: draft.products.map((one, at) => (at === place ? { ...each, productId } : one)) })
                }
              />
              <RuleEditor
                of={each}
                codes={codes}
                onChange={(rule) => set({ products: draft.products.map((one, at) => (at === place ? rule : one)) })}
              />
              <Button onClick={() => set({ products: draft.products.filter((_, at) => at !== place) })}>
                {t("removeProduct")}
              </Button>
            </fieldset>
          ))}
          <Button onClick={() => set({ products: [...draft.products, newRule()] })}>{t("addProduct")}</Button>
        </Part>
        <Part title={t("currencies")}>
          <p class="muted">{t("currenciesAbout")}</p>
          <Currencies of={draft} set={set} />
        </Part>
        <Part title={t("timesAndChecks")}>
          <div class="grid">
            {NUMBERS.map((each) => (
              <TextField
                key={each}
                label={word("TERM", each)}
                hint={word("TERM_ABOUT", each)}
                value={draft.numbers[each]}
                inputMode="decimal"
                onInput={(value) => set({ numbers: { ...draft.numbers, [each]: value } })}
              />
            ))}
          </div>
          {TICKS.map((each) => (
            <p key={each}>
              <label>
                <input
                  type="checkbox"
                  checked={draft.ticks[each]}
                  onChange={(event) => set({ ticks: { ...draft.ticks, [each]: event.currentTarget.checked } })}
                />{" "}
                {word("TERM", each)}
              </label>
            </p>
          ))}
        </Part>
        <Part title={t("shareLinks")}>
          <p>
            <label>
              <input
                type="checkbox"
                checked={draft.links !== null}
                onChange={(event) => set({ links: event.currentTarget.checked ? emptyLinks() : null })}
              />{" "}
              {t("hasLinks")}
            </label>
          </p>
          {draft.links && (
            <div class="grid">
              {LINKS.map((each) => (
                <TextField
                  key={each}
                  label={word("TERM", each)}
                  value={draft.links?.[each] ?? ""}
                  required={each === "defaultUrl" || each === "allowedDomains"}
                  onInput={(value) => draft.links && set({ links: { ...draft.links, [each]: value } })}
                />
              ))}
            </div>
          )}
        </Part>
        <Part title={t("portal")}>
          <p class="muted">{t("portalAbout")}</p>
          <div class="grid">
            {PORTAL.map((each) => (
              <TextField
                key={each}
                label={word("PORTAL", each)}
                hint={word("PORTAL_ABOUT", each)}
                value={draft.portal[each]}
                onInput={(value) => set({ portal: { ...draft.portal, [each]: value } })}
              />
            ))}
          </div>
        </Part>
        {codes.length > 1 && (
          <Part title={word("TERM", "exposure")}>
            <p class="muted">{t("exposureAbout")}</p>
            <p>
              <label>
                <input
                  type="checkbox"
                  checked={draft.exposure !== null}
                  onChange={(event) =>
                    set({ exposure: event.currentTarget.checked ? { currency: draft.currency, weights: {} } : null })
                  }
                />{" "}
                {t("hasExposure")}
              </label>
            </p>
            {draft.exposure && (
              <Exposure of={draft.exposure} codes={codes} onChange={(exposure) => set({ exposure })} />
            )}
          </Part>
        )}
        {"wrong" in told && <p class="notice">{t("wrongIn", { field: word("TERM", told.wrong) })}</p>}
      </Form>
      <div class="preview">
        <Preview of={"body" in told ? told.body : undefined} codes={codes} products={draft.products} />
      </div>
    </div>
  );
}

const emptyLinks = (): NonNullable<Draft["links"]> => ({
  defaultUrl: "",
  allowedDomains: "",
  parameter: "ref",
  cookieDays: "0",
  cookieDomain: "",
  campaigns: "",
});

function Exposure(props: {
  of: NonNullable<Draft["exposure"]>;
  codes: string[];
  onChange: (of: NonNullable<Draft["exposure"]>) => void;
}) {
  const { of } = props;
  return (
    <div class="grid">
      <Select
        label={t("currency")}
        value={of.currency}
        options={props.codes.map((each): [string, string] => [each, each])}
        onChange={(currency) => props.onChange({ ...of, currency })}
      />
      {props.codes
        .filter((each) => each !== of.currency)
        .map((each) => (
          <TextField
            key={each}
            label={t("perThousandOf", { currency: each })}
            hint={t("perThousandHint", { currency: of.currency })}
            value={of.weights[each] ?? ""}
            inputMode="decimal"
            onInput={(value) => props.onChange({ ...of, weights: { ...of.weights, [each]: value } })}
          />
        ))}
    </div>
  );
}

function RuleEditor(props: { of: RuleDraft; codes: string[]; onChange: (of: RuleDraft) => void }) {
  const { of, codes } = props;
  const change = (changes: Partial<RuleDraft>) => props.onChange({ ...of, ...changes });
  return (
    <>
      <Tiers of={of.tiers} codes={codes} onChange={(tiers) => change({ tiers })} />
      <p>
        <label>
          <input
            type="checkbox"
            checked={of.first !== null}
            onChange={(event) => change({ first: event.currentTarget.checked ? [newPay()] : null })}
          />{" "}
          {t("hasFirst")}
        </label>
      </p>
      {of.first && <Tiers of={of.first} codes={codes} onChange={(first) => change({ first })} />}
      <div class="grid">
        {(["limitMonths", "limitPayments"] as const).map((each) => (
          <TextField
            key={each}
            label={word("TERM", each)}
            hint={t("emptyAlways")}
            value={of[each]}
            inputMode="decimal"
            onInput={(value) => change({ [each]: value })}
          />
        ))}
      </div>
    </>
  );
}

function Tiers(props: { of: PayDraft[]; codes: string[]; onChange: (of: PayDraft[]) => void }) {
  const { of, codes } = props;
  const change = (place: number, changes: Partial<PayDraft>) =>
    props.onChange(of.map((each, at) => (at === place ? { ...each, ...changes } : each)));
  return (
    <ol class="tiers">
      {of.map((each, place) => (
        <li key={place}>
          <Select
            label={t("tierNumber", { tier: number(place + 1) })}
            value={each.isFlat ? "flat" : "rate"}
            options={[
              ["rate", t("rate")],
              ["flat", t("flat")],
            ]}
            onChange={(value) => change(place, { isFlat: value === "flat" })}
          />
          {each.isFlat ? (
            codes.map((code) => (
              <TextField
                key={code}
                label={t("flatIn", { currency: code })}
                value={each.flat[code] ?? ""}
                inputMode="decimal"
                onInput={(value) => change(place, { flat: { ...each.flat, [code]: value } })}
              />
            ))
          ) : (
            <TextField
              label={t("rateIn")}
              value={each.rate}
              inputMode="decimal"
              required
              onInput={(rate) => change(place, { rate })}
            />
          )}
          {of.length > 1 && place === of.length - 1 && (
            <Button onClick={() => props.onChange(of.slice(0, -1))}>{t("removeTier")}</Button>
          )}
        </li>
      ))}
      <li>
        <Button onClick={() => props.onChange([...of, newPay()])}>{t("addTier")}</Button>
      </li>
    </ol>
  );
}

function Currencies({ of, set }: { of: Draft; set: (changes: Partial<Draft>) => void }) {
  const [code, setCode] = useState("");
  const change = (place: number, changes: Record<string, string>) =>
    set({ currencies: of.currencies.map((each, at) => (at === place ? { ...each, ...changes } : each)) });
  return (
    <>
      {of.currencies.map((each, place) => (
        <fieldset key={each.currency}>
          <legend>{each.currency}</legend>
          <div class="grid">
            {[...LIMITS, "cap" as const].map((limit) => (
              <TextField
                key={limit}
                label={word("TERM", limit)}
                hint={word("TERM_ABOUT", limit)}
                value={each[limit]}
                inputMode="decimal"
                onInput={(value) => change(place, { [limit]: value })}
              />
            ))}
          </div>
          {of.currencies.length > 1 && each.currency !== of.currency && (
            <Button onClick={() => set({ currencies: of.currencies.filter((_, at) => at !== place) })}>
              {t("removeCurrency", { currency: each.currency })}
            </Button>
          )}
        </fieldset>
      ))}
      <div class="filters">
        <TextField
          label={t("addCurrency")}
          value={code}
          maxLength={3}
          hint={t("addCurrencyHint")}
          onInput={(value) => setCode(value.toUpperCase())}
        />
        <Button
          disabled={!/^[A-Z]{3}$/.test(code) || of.currencies.some((each) => each.currency === code)}
          onClick={() => {
            set({ currencies: [...of.currencies, newCurrency(code)] });
            setCode("");
          }}
        >
          {t("add")}
        </Button>
      </div>
    </>
  );
}

type Row = { tier: number; first: Share | undefined; later: Share | undefined };
type Share = Schema["PreviewShareView"];

/** What a payment would earn whom by these terms, as the API works it out. */
export function Preview(props: { of: Terms | undefined; codes: string[]; products: { productId: string }[] }) {
  const [amount, setAmount] = useState("100");
  const [chosen, setCode] = useState("");
  const [product, setProduct] = useState("");
  const [told, setTold] = useState<Schema["PreviewView"]>();
  const [problem, setProblem] = useState<Problem>();
  const code = props.codes.includes(chosen) ? chosen : (props.of?.currency ?? props.codes[0] ?? "");
  const minor = minorOf(amount, digitsOf(code));
  const asked =
    props.of && minor
      ? {
          terms: { ...props.of, name: props.of.name || "–" },
          amount: minor,
          currency: code,
          productId: product || null,
        }
      : null;
  const input = JSON.stringify(asked);
  useEffect(() => {
    if (!asked) return setTold(undefined);
    let isCurrent = true;
    const pause = setTimeout(() => {
      const params = { header: { "Idempotency-Key": crypto.randomUUID() } };
      done(api.POST("/api/v1/programs/preview", { params, body: asked })).then(
        (answer) => {
          if (!isCurrent) return;
          setTold(answer);
          setProblem(undefined);
        },
        (error) => {
          if (!isCurrent) return;
          setTold(undefined);
          setProblem(asProblem(error));
        },
      );
    }, PAUSE_MS);
    return () => {
      isCurrent = false;
      clearTimeout(pause);
    };
  }, [input]);
  const products = props.products.map((each) => each.productId.trim()).filter(Boolean);
  const tiers = Math.max(told?.first.length ?? 0, told?.later.length ?? 0);
  const rows: Row[] = Array.from({ length: tiers }, (_, place) => ({
    tier: place + 1,
    first: told?.first[place],
    later: told?.later[place],
  }));
  const cell = (of: Share | undefined) =>
    of ? (
      <>
        <Money decimal={of.amountDecimal} currency={of.currency} />
        {of.nothing && <small class="muted">{word("ZERO", of.nothing)}</small>}
      </>
    ) : (
      "–"
    );
  const differs = JSON.stringify(told?.first) !== JSON.stringify(told?.later);
  const columns: Column<Row>[] = [
    { title: t("tierOf"), cell: (row) => number(row.tier) },
    ...(differs ? [{ title: t("firstPayment"), kind: "number" as const, cell: (row: Row) => cell(row.first) }] : []),
    { title: t(differs ? "laterPayments" : "earns"), kind: "number", cell: (row) => cell(row.later) },
  ];
  return (
    <Part title={t("preview")}>
      <div class="filters">
        <TextField label={t("customerPays")} value={amount} inputMode="decimal" onInput={setAmount} />
        {props.codes.length > 1 && (
          <Select
            label={t("currency")}
            value={code}
            options={props.codes.map((each): [string, string] => [each, each])}
            onChange={setCode}
          />
        )}
        {products.length > 0 && (
          <Select
            label={t("productId")}
            value={product}
            options={[["", t("anyProduct")], ...products.map((each): [string, string] => [each, each])]}
            onChange={setProduct}
          />
        )}
      </div>
      <div aria-live="polite">
        {problem && <Trouble problem={problem} />}
        {told && <Table caption={t("preview")} columns={columns} rows={rows} id={(row) => String(row.tier)} />}
        {told?.cap !== null && told?.cap !== undefined && (
          <p class="muted">
            {t("atMost", { amount: money(decimalOf(BigInt(told.cap), digitsOf(told.currency)), told.currency) })}
          </p>
        )}
      </div>
    </Part>
  );
}
