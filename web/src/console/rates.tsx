/** What a partner earns in tier 1 instead of what the program pays: of all products, or of single ones. */
import { useState } from "preact/hooks";
import { api, done, type Schema, write } from "../shared/api";
import { digitsOf } from "../shared/currencies";
import { Select, TextField } from "../shared/forms";
import { decimalOf, minorOf } from "../shared/money";
import { t } from "../shared/texts";
import { Button } from "../shared/ui";
import { Edit } from "./edit";

type Partner = Schema["PartnerView"];
type Flat = { amount: number; currency: string };
/** `others`: flat amounts in further currencies, which are kept as they are as long as the row is a flat one. */
type Row = { productId: string; isFlat: boolean; rate: string; amount: string; currency: string; others: Flat[] };

const PERCENT = 2; // places of a share: in hundredths of a per cent
const rowOf = (of: Partner["ownRates"][number], first: string): Row => {
  const flat = of.flat?.[0];
  return {
    productId: of.productId ?? "",
    isFlat: Boolean(flat),
    rate: flat ? "" : decimalOf(BigInt(of.rateBps ?? 0), PERCENT),
    amount: flat ? decimalOf(BigInt(flat.amount), digitsOf(flat.currency)) : "",
    currency: flat?.currency ?? first,
    others: (of.flat ?? []).slice(1).map(({ amount, currency }) => ({ amount, currency })),
  };
};
const minorOfRow = (of: Row) => (of.isFlat ? minorOf(of.amount, digitsOf(of.currency)) : minorOf(of.rate, PERCENT));

const said = (row: Row) =>
  `${row.productId ? `${row.productId}: ` : ""}${row.isFlat ? `${row.amount} ${row.currency}` : `${row.rate} %`}${
    row.isFlat
      ? row.others
          .map((each) => ` + ${decimalOf(BigInt(each.amount), digitsOf(each.currency))} ${each.currency}`)
          .join("")
      : ""
  }`;

/** Rows go through the editor as one text, so that two versions of them can be put side by side. */
const toText = (rows: Row[]) => JSON.stringify(rows);
const toRows = (text: string): Row[] => JSON.parse(text || "[]");

export function Rates(props: { it: Partner; currencies: string[]; onClose: () => void; onDone: () => void }) {
  const { it, currencies } = props;
  const path = { partnerId: it.id };
  const first = currencies[0] ?? "";
  const [isWrong, setWrong] = useState(false);
  return (
    <Edit
      title={t("ownRates")}
      of={it}
      fields={(of) => ({ rates: toText(of.ownRates.map((each) => rowOf(each, first))), reason: "" })}
      show={(name, value) => (name === "rates" ? toRows(value).map(said).join(", ") : value)}
      isWrong={isWrong}
      read={() => done(api.GET("/api/v1/partners/{partnerId}", { params: { path } }))}
      save={(_changed, all, version) => {
        const rates = toRows(all.rates).map((row) => {
          const minor = minorOfRow(row) ?? 0;
          return {
            ...(row.isFlat
              ? {
                  flat: [
                    { amount: minor, currency: row.currency },
                    ...row.others.filter((each) => each.currency !== row.currency),
                  ],
                }
              : { rateBps: minor }),
            ...(row.productId.trim() && { productId: row.productId.trim() }),
          };
        });
        const header = { "If-Match": `"${version}"` };
        const body = { rates, reason: all.reason };
        return write(api.PUT("/api/v1/partners/{partnerId}/commission", { params: { path, header }, body }));
      }}
      onClose={props.onClose}
      onDone={props.onDone}
    >
      {(values, set) => {
        const rows = toRows(values.rates);
        const put = (next: Row[]) => {
          setWrong(next.some((each) => minorOfRow(each) === null));
          set("rates", toText(next));
        };
        const change = (place: number, changes: Partial<Row>) =>
          put(rows.map((each, at) => (at === place ? { ...each, ...changes } : each)));
        return (
          <>
            <p>{t("ownRatesAbout")}</p>
            <ol class="tiers">
              {rows.map((row, place) => (
                <li key={place}>
                  <TextField
                    label={t("productOrAll")}
                    value={row.productId}
                    maxLength={100}
                    onInput={(productId) => change(place, { productId })}
                  />
                  <Select
                    label={t("rateKind")}
                    value={row.isFlat ? row.currency : "%"}
                    options={[["%", "%"], ...currencies.map((each): [string, string] => [each, each])]}
                    onChange={(kind) =>
                      change(place, kind === "%" ? { isFlat: false } : { isFlat: true, currency: kind })
                    }
                  />
                  <TextField
                    label={t("ownRate")}
                    value={row.isFlat ? row.amount : row.rate}
                    inputMode="decimal"
                    required
                    onInput={(typed) => change(place, row.isFlat ? { amount: typed } : { rate: typed })}
                  />
                  {row.isFlat && row.others.length > 0 && <small class="muted">{said(row)}</small>}
                  <Button onClick={() => put(rows.filter((_, at) => at !== place))}>{t("removeRate")}</Button>
                </li>
              ))}
            </ol>
            <p>
              <Button
                onClick={() =>
                  put([...rows, { productId: "", isFlat: false, rate: "", amount: "", currency: first, others: [] }])
                }
              >
                {t("addRate")}
              </Button>
            </p>
            <TextField
              long
              label={t("reason")}
              value={values.reason}
              required
              maxLength={500}
              onInput={(value) => set("reason", value)}
            />
          </>
        );
      }}
    </Edit>
  );
}
