/** The catalogs that there are, one line each, for the types alone: each is loaded with the screen that names it. */
export interface Catalogs {
  shared: typeof import("./shared.en.json");
  portal: typeof import("./portal.en.json");
  console: typeof import("./console.en.json");
  "console/partners": typeof import("./console/partners.en.json");
  "console/payouts": typeof import("./console/payouts.en.json");
  "console/withdrawals": typeof import("./console/withdrawals.en.json");
}
