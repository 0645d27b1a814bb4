import { join, resolve } from "node:path";
import { defineConfig } from "vite";
import { pack } from "./vite.config.js";

const site = resolve(import.meta.dirname, "../functions/web/site");

/** The script that puts a portal on the owner's own pages. */
export default defineConfig({
  root: import.meta.dirname,
  logLevel: "warn",
  build: {
    outDir: site,
    emptyOutDir: false,
    target: "es2020",
    lib: { entry: "src/embed/host.ts", formats: ["iife"], name: "unused", fileName: () => "embed.js" },
  },
  plugins: [{ name: "packed", closeBundle: () => pack(join(site, "embed.js")) }],
});
