import "../shared/style.css";
import { may } from "../shared/session";
import { Outside, Screens, screens, start } from "../shared/shell";
import { t } from "../shared/texts";
import { Tools } from "./tools";

// One line for each screen: the navigation, the addresses and the rights follow from it
const SCREENS = screens([
  { path: "/console", title: "inbox", group: "work", load: () => import("./inbox"), right: "GET /api/v1/inbox" },
  {
    path: "/console/withdrawals",
    title: "withdrawals",
    group: "work",
    texts: "console/withdrawals",
    load: () => import("./withdrawals"),
    right: "GET /api/v1/withdrawals",
  },
  {
    path: "/console/withdrawals/:id",
    texts: "console/withdrawals",
    load: () => import("./withdrawal"),
    right: "GET /api/v1/withdrawals/{withdrawalId}",
  },
  {
    path: "/console/payouts",
    title: "payouts",
    group: "work",
    texts: "console/payouts",
    load: () => import("./payouts"),
    right: "GET /api/v1/payout-batches",
  },
  {
    path: "/console/payouts/:id",
    texts: "console/payouts",
    load: () => import("./batch"),
    right: "GET /api/v1/payout-batches/{batchId}",
  },
  {
    path: "/console/partners",
    title: "partners",
    group: "people",
    texts: "console/partners",
    load: () => import("./partners"),
    right: "GET /api/v1/partners",
  },
  {
    path: "/console/partners/:id",
    texts: "console/partners",
    load: () => import("./partner"),
    right: "GET /api/v1/partners/{partnerId}",
  },
  {
    path: "/console/applications",
    title: "applications",
    group: "people",
    texts: "console/applications",
    load: () => import("./applications"),
    right: "GET /api/v1/applications",
  },
  {
    path: "/console/referrals",
    title: "referrals",
    group: "earning",
    texts: "console/referrals",
    load: () => import("./referrals"),
    right: "GET /api/v1/referrals",
  },
  {
    path: "/console/referrals/:id",
    texts: "console/referrals",
    load: () => import("./referral"),
    right: "GET /api/v1/referrals",
  },
  {
    path: "/console/rewards",
    title: "rewards",
    group: "earning",
    texts: "console/rewards",
    load: () => import("./rewards"),
    right: "GET /api/v1/rewards",
  },
  {
    path: "/console/rewards/:id",
    texts: "console/rewards",
    load: () => import("./reward"),
    right: "GET /api/v1/rewards",
  },
  {
    path: "/console/payments",
    title: "payments",
    group: "earning",
    texts: "console/payments",
    load: () => import("./payments"),
    right: "GET /api/v1/payments",
  },
  {
    path: "/console/payments/:id",
    texts: "console/payments",
    load: () => import("./payment"),
    right: "GET /api/v1/payments/{paymentId}",
  },
  {
    path: "/console/adjustments",
    title: "adjustments",
    group: "earning",
    texts: "console/adjustments",
    load: () => import("./adjustments"),
    right: "GET /api/v1/adjustments",
  },
  {
    path: "/console/adjustments/:id",
    texts: "console/adjustments",
    load: () => import("./adjustment"),
    right: "GET /api/v1/adjustments/{adjustmentId}",
  },
  {
    path: "/console/programs",
    title: "programs",
    group: "earning",
    texts: "console/programs",
    load: () => import("./programs"),
    right: "GET /api/v1/programs",
  },
  {
    path: "/console/programs/:id",
    texts: "console/programs",
    load: () => import("./program"),
    right: "GET /api/v1/programs/{programId}",
  },
  {
    path: "/console/reports",
    title: "reports",
    group: "figures",
    texts: "console/reports",
    load: () => import("./reports"),
    right: "GET /api/v1/analytics/overview",
  },
  {
    path: "/console/reports/:report",
    texts: "console/reports",
    load: () => import("./reports"),
    right: "GET /api/v1/analytics/overview",
  },
  {
    path: "/console/books",
    title: "books",
    group: "figures",
    texts: "console/books",
    load: () => import("./books"),
    right: "GET /api/v1/ledger/trial-balance",
  },
  {
    path: "/console/books/journal",
    texts: "console/books",
    load: () => import("./books"),
    right: "GET /api/v1/ledger/entries",
  },
  {
    path: "/console/books/:id",
    texts: "console/books",
    load: () => import("./entry"),
    right: "GET /api/v1/ledger/entries/{entryId}",
  },
  {
    path: "/console/audit",
    title: "audit",
    group: "figures",
    texts: "console/audit",
    load: () => import("./audit"),
    right: "GET /api/v1/audit",
  },
  {
    path: "/console/files",
    title: "files",
    group: "figures",
    texts: "console/files",
    load: () => import("./files"),
    right: "GET /api/v1/exports",
  },
  {
    path: "/console/imports/:id",
    texts: "console/files",
    load: () => import("./import"),
    right: "GET /api/v1/imports/{importId}",
  },
  {
    path: "/console/people",
    title: "people",
    group: "setup",
    texts: "console/people",
    load: () => import("./people"),
    right: "GET /api/v1/people",
  },
  {
    path: "/console/people/:id",
    texts: "console/people",
    load: () => import("./people"),
    right: "GET /api/v1/people/{personId}",
  },
  {
    path: "/console/api-keys",
    title: "apiKeys",
    group: "setup",
    texts: "console/api-keys",
    load: () => import("./api-keys"),
    right: "GET /api/v1/api-keys",
  },
  {
    path: "/console/api-keys/:id",
    texts: "console/api-keys",
    load: () => import("./api-keys"),
    right: "GET /api/v1/api-keys/{apiKeyId}",
  },
  {
    path: "/console/settings",
    title: "settings",
    group: "setup",
    texts: "console/settings",
    load: () => import("./settings"),
    right: "GET /api/v1/settings",
  },
  {
    path: "/console/search",
    texts: "console/search",
    load: () => import("./search"),
    right: "GET /api/v1/partners",
  },
]);

const NotStaff = () => (
  <Outside>
    <div class="empty">
      <h1>{t("notStaff")}</h1>
      <p>
        <a href="/portal">{t("toPortal")}</a>
      </p>
    </div>
  </Outside>
);

start(
  () => (may("GET /api/v1/inbox") ? <Screens of={SCREENS} tools={<Tools />} /> : <NotStaff />),
  import.meta.glob(["../texts/shared.*.json", "../texts/console.*.json", "../texts/console/*.json"]),
);
