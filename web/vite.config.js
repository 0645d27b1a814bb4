import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig } from "vite";

const site = resolve(import.meta.dirname, "../functions/web/site");
const embedded = resolve(import.meta.dirname, "../functions/embed/site"); // the page that a program's origins may show

/** A file beside itself in two packed forms: nothing is packed when it is asked for. */
export const pack = (path) => {
  const plain = readFileSync(path);
  writeFileSync(`${path}.gz`, gzipSync(plain, { level: 9 }));
  writeFileSync(`${path}.br`, brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
};

const packed = {
  name: "packed",
  closeBundle() {
    mkdirSync(embedded, { recursive: true });
    renameSync(join(site, "embed.html"), join(embedded, "embed.html"));
    const assets = join(site, "assets");
    for (const name of readdirSync(assets)) if (/\.(js|css|svg)$/.test(name)) pack(join(assets, name));
  },
};

export default defineConfig({
  root: import.meta.dirname,
  appType: "mpa",
  logLevel: "warn",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: site,
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // the policy of the pages allows no data: scripts, and an icon has a name of its own
    rollupOptions: {
      input: ["console.html", "portal.html", "embed.html"].map((name) => resolve(import.meta.dirname, name)),
      output: { hashCharacters: "base36" },
    },
  },
  plugins: [packed],
});
