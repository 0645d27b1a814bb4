/** Figures as people look at them: a chart for eyes, the same as a table for everybody, and as a file of what is seen. */
import { useState } from "preact/hooks";
import { money } from "./money";
import { number, t } from "./texts";
import { Button, type Column, Table } from "./ui";

/** A word, a count, or an amount of the API's. */
export type Figure = string | number | { decimal: string; currency: string };

export const shown = (of: Figure): string =>
  typeof of === "string" ? of : typeof of === "number" ? number(of) : money(of.decimal, of.currency);

/** As a file has it: no marks of any language. What a spreadsheet would take for a formula is marked as a text. */
const plain = (of: Figure): string =>
  typeof of === "object" ? of.decimal : typeof of === "number" ? String(of) : /^[=+\-@\t\r]/.test(of) ? `'${of}` : of;

/** Hundredths of a per cent, all of them: the API has rounded down already. */
export const percent = (bps: number | null): string => (bps === null ? "–" : `${number(bps / 100)} %`);

export type Figures = { head: string[]; rows: Figure[][] };

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** RFC 4180, in UTF-8 with the mark by which spreadsheets know it. */
export const csvOf = ({ head, rows }: Figures): string =>
  `\ufeff${[head, ...rows.map((row) => row.map(plain))].map((row) => `${row.map(quoted).join(",")}\r\n`).join("")}`;

export function CsvButton({ of, name }: { of: Figures; name: string }) {
  const give = () => {
    const address = URL.createObjectURL(new Blob([csvOf(of)], { type: "text/csv" }));
    Object.assign(document.createElement("a"), { href: address, download: `${name}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  };
  return (
    <Button onClick={give} disabled={of.rows.length === 0}>
      {t("csv")}
    </Button>
  );
}

const isNumber = (of: Figure | undefined): boolean => (typeof of === "string" ? of.endsWith(" %") : of !== undefined);

export function FigureTable({ caption, of }: { caption: string; of: Figures }) {
  const columns: Column<[Figure[], number]>[] = of.head.map((title, place) => ({
    title,
    cell: ([row]) => shown(row[place] ?? ""),
    ...(of.rows.some((row) => isNumber(row[place])) && { kind: "number" as const }),
  }));
  const rows = of.rows.map((row, place): [Figure[], number] => [row, place]);
  return <Table caption={caption} columns={columns} rows={rows} id={([, place]) => String(place)} />;
}

const HEIGHT = 200;
const WIDTH = 1000; // of the drawing, which is stretched to whatever there is

/** Where a figure is on the drawing. Only there an amount is a number of JavaScript's: for pixels, never for sums. */
const size = (of: Figure | undefined): number =>
  typeof of === "object" ? Number(of.decimal) : typeof of === "number" ? of : 0;

/**
 * Bars for one series, lines for several. The first column of `of` names the points, each other one is a series; all of
 * them in one unit. `cut`: points that are not whole yet.
 */
export function Chart({ caption, of, cut }: { caption: string; of: Figures; cut?: boolean[] }) {
  const [at, setAt] = useState<number>();
  const series = of.head.slice(1);
  const all = of.rows.flatMap((row) => row.slice(1).map(size));
  const top = Math.max(0, ...all);
  const low = Math.min(0, ...all);
  const y = (value: number) => ((top - value) / (top - low || 1)) * HEIGHT;
  const step = WIDTH / Math.max(1, of.rows.length);
  const highest = of.rows.flatMap((row) => row.slice(1)).find((each) => size(each) === top);
  const here = at === undefined ? undefined : of.rows[at];
  if (of.rows.length === 0) return null;
  return (
    <figure class="chart">
      <figcaption>
        <strong>{caption}</strong>
        <span class="legend">
          {series.map((each, place) => (
            <span key={each} class={`series-${place}`}>
              <i />
              {each}
              {here && <b> {shown(here[place + 1] ?? 0)}</b>}
            </span>
          ))}
        </span>
      </figcaption>
      <div class="plot">
        <span class="axis">{top > 0 && highest !== undefined ? shown(highest) : ""}</span>
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          aria-hidden="true"
          onPointerMove={(event) => {
            const box = event.currentTarget.getBoundingClientRect();
            const place = Math.floor(((event.clientX - box.left) / box.width) * of.rows.length);
            setAt(Math.max(0, Math.min(of.rows.length - 1, place)));
          }}
          onPointerLeave={() => setAt(undefined)}
        >
          {[0.25, 0.5, 0.75].map((part) => (
            <line key={part} class="grid" x1="0" x2={WIDTH} y1={HEIGHT * part} y2={HEIGHT * part} />
          ))}
          <line class="zero" x1="0" x2={WIDTH} y1={y(0)} y2={y(0)} />
          {at !== undefined && <rect class="here" x={at * step} width={step} y="0" height={HEIGHT} />}
          {series.length === 1
            ? of.rows.map((row, place) => {
                const value = size(row[1]);
                return (
                  <rect
                    key={String(row[0])}
                    class={`bar series-0 ${cut?.[place] ? "cut" : ""}`}
                    x={place * step + step * 0.12}
                    width={step * 0.76}
                    y={Math.min(y(0), y(value))}
                    height={Math.max(value === 0 ? 0 : 1.5, Math.abs(y(value) - y(0)))}
                  />
                );
              })
            : series.map((each, line) => (
                <polyline
                  key={each}
                  class={`line series-${line}`}
                  points={of.rows.map((row, place) => `${(place + 0.5) * step},${y(size(row[line + 1]))}`).join(" ")}
                />
              ))}
        </svg>
        <p class="ends" aria-hidden="true">
          <span>{shown(of.rows[0]?.[0] ?? "")}</span>
          {here && <strong>{shown(here[0] ?? "")}</strong>}
          <span>{of.rows.length > 1 ? shown(of.rows.at(-1)?.[0] ?? "") : ""}</span>
        </p>
      </div>
      <details>
        <summary>{t("asTable")}</summary>
        <FigureTable caption={caption} of={of} />
      </details>
    </figure>
  );
}

/** Parts of a whole, one under another, each as long as it is large. */
export function Bars(props: { caption: string; of: { name: string; value: number; note: string }[] }) {
  const top = Math.max(1, ...props.of.map((each) => each.value));
  return (
    <ul class="bars" aria-label={props.caption}>
      {props.of.map((each) => (
        <li key={each.name}>
          <span>{each.name}</span>
          <strong>{number(each.value)}</strong>
          <meter min={0} max={top} value={Math.max(0, each.value)} aria-hidden="true" />
          <small class="muted">{each.note}</small>
        </li>
      ))}
    </ul>
  );
}
