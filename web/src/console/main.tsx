import "../shared/style.css";
import { may } from "../shared/session";
import { Outside, Screens, screens, start } from "../shared/shell";
import { t } from "../shared/texts";

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
  () => (may("GET /api/v1/inbox") ? <Screens of={SCREENS} /> : <NotStaff />),
  import.meta.glob(["../texts/shared.*.json", "../texts/console.*.json", "../texts/console/*.json"]),
);
