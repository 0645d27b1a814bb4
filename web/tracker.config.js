import { join, resolve } from "node:path";
import { defineConfig } from "vite";
import { pack } from "./vite.config.js";

const site = resolve(import.meta.dirname, "../functions/web/site");

/** One script for other sites' pages, under a name that stays. */
export default defineConfig({
  root: import.meta.dirname,
  logLevel: "warn",
  build: {
    outDir: site,
    emptyOutDir: false,
    target: "es2020",
    lib: { entry: "src/tracker.ts", formats: ["iife"], name: "unused", fileName: () => "t.js" },
  },
  plugins: [{ name: "packed", closeBundle: () => pack(join(site, "t.js")) }],
});
