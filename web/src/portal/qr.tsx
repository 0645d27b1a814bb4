/** A link as a code to be scanned: drawn here, and by nobody else. */
import { t } from "../shared/texts";
import { Button, Show, useLoad } from "../shared/ui";

const path = (rows: boolean[][]): string =>
  rows.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : ""))).join("");

/** A picture that a printer can use at any size. */
function save(rows: boolean[][], name: string): void {
  const size = rows.length;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h${size}v${size}H0z"/><path d="${path(rows)}"/></svg>`;
  const address = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export function Qr({ text }: { text: string }) {
  const code = useLoad(() => import("uqr").then(({ encode }) => encode(text, { border: 2 })), [text]);
  return (
    <Show of={code}>
      {({ data, size }) => (
        <figure class="qr">
          <svg viewBox={`0 0 ${size} ${size}`} role="img" aria-label={t("qrOf", { link: text })}>
            <rect width={size} height={size} fill="#fff" />
            <path fill="#000" d={path(data)} />
          </svg>
          <Button onClick={() => save(data, "qr.svg")}>{t("saveQr")}</Button>
        </figure>
      )}
    </Show>
  );
}
