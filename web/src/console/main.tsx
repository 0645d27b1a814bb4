import "../shared/style.css";
import { lazy, Route, Router } from "preact-iso";
import { may } from "../shared/session";
import { Frame, NotHere, start } from "../shared/shell";
import { t } from "../shared/texts";

const Inbox = lazy(() => import("./inbox"));
const Withdrawals = lazy(() => import("./withdrawals"));
const Withdrawal = lazy(() => import("./withdrawal"));
const Payouts = lazy(() => import("./payouts"));
const Batch = lazy(() => import("./batch"));
const Partners = lazy(() => import("./partners"));
const Partner = lazy(() => import("./partner"));

function places() {
  const all = [
    { path: "/console", label: t("inbox"), open: may("GET /api/v1/inbox") },
    { path: "/console/withdrawals", label: t("withdrawals"), open: may("GET /api/v1/withdrawals") },
    { path: "/console/payouts", label: t("payouts"), open: may("GET /api/v1/payout-batches") },
    { path: "/console/partners", label: t("partners"), open: may("GET /api/v1/partners") },
  ];
  return all.filter((each) => each.open);
}

const Screens = () =>
  may("GET /api/v1/inbox") ? (
    <Frame places={places()}>
      <Router>
        <Route path="/console" component={Inbox} />
        <Route path="/console/withdrawals" component={Withdrawals} />
        <Route path="/console/withdrawals/:id" component={Withdrawal} />
        <Route path="/console/payouts" component={Payouts} />
        <Route path="/console/payouts/:id" component={Batch} />
        <Route path="/console/partners" component={Partners} />
        <Route path="/console/partners/:id" component={Partner} />
        <Route default component={NotHere} />
      </Router>
    </Frame>
  ) : (
    <Frame places={[]}>
      <div class="empty">
        <h1>{t("notStaff")}</h1>
        <p>
          <a href="/portal">{t("toPortal")}</a>
        </p>
      </div>
    </Frame>
  );

start(() => <Screens />);
