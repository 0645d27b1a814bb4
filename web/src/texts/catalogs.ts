/** The catalogs that there are, one line each, for the types alone: each is loaded with the screen that names it. */
export interface Catalogs {
  "console/adjustments": typeof import("./console/adjustments.en.json");
  "console/applications": typeof import("./console/applications.en.json");
  "console/api-keys": typeof import("./console/api-keys.en.json");
  "console/partners": typeof import("./console/partners.en.json");
  "console/payments": typeof import("./console/payments.en.json");
  "console/payouts": typeof import("./console/payouts.en.json");
  "console/programs": typeof import("./console/programs.en.json");
  "console/referrals": typeof import("./console/referrals.en.json");
  "console/rewards": typeof import("./console/rewards.en.json");
  "console/withdrawals": typeof import("./console/withdrawals.en.json");
  console: typeof import("./console.en.json");
  portal: typeof import("./portal.en.json");
  shared: typeof import("./shared.en.json");
  "portal/why": typeof import("./portal/why.en.json");
  "portal/share": typeof import("./portal/share.en.json");
  "portal/lists": typeof import("./portal/lists.en.json");
  "portal/payout": typeof import("./portal/payout.en.json");
  "portal/statements": typeof import("./portal/statements.en.json");
  "portal/me": typeof import("./portal/me.en.json");
  "portal/join": typeof import("./portal/join.en.json");
  "console/audit": typeof import("./console/audit.en.json");
  "console/books": typeof import("./console/books.en.json");
  "console/files": typeof import("./console/files.en.json");
  "console/people": typeof import("./console/people.en.json");
  "console/reports": typeof import("./console/reports.en.json");
  "console/search": typeof import("./console/search.en.json");
  "console/settings": typeof import("./console/settings.en.json");
}
