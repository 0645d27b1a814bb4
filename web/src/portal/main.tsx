import "../shared/style.css";
import { Route, Router } from "preact-iso";
import { session } from "../shared/session";
import { lazily, Outside, Screens, screens, start } from "../shared/shell";
import Home from "./home";
import { keepInvitation } from "./invitation";

const Join = lazily(() => import("./join"), "portal/join");

// One line for each screen: the navigation and the addresses follow from it
const SCREENS = screens([
  { path: "/portal", title: "home", screen: Home },
  { path: "/portal/join", screen: Home },
  { path: "/portal/share", title: "shareTitle", texts: "portal/share", load: () => import("./share") },
  { path: "/portal/referrals", title: "referrals", texts: "portal/lists", load: () => import("./referrals") },
  { path: "/portal/earnings", title: "earnings", texts: "portal/lists", load: () => import("./earnings") },
  { path: "/portal/withdraw", title: "withdraw", texts: "portal/payout", load: () => import("./withdraw") },
  { path: "/portal/accounts", title: "accounts", texts: "portal/payout", load: () => import("./accounts") },
  { path: "/portal/statements", title: "statements", texts: "portal/statements", load: () => import("./statements") },
  { path: "/portal/notices", title: "notices", texts: "portal/me", load: () => import("./notices") },
  { path: "/portal/profile", title: "profile", texts: "portal/me", load: () => import("./profile") },
]);

const NobodyYet = () => (
  <Outside>
    <Router>
      <Route path="/portal" component={Join} />
      <Route default component={Join} />
    </Router>
  </Outside>
);

keepInvitation();
start(
  () => (session.value?.partner ? <Screens of={SCREENS} /> : <NobodyYet />),
  import.meta.glob(["../texts/shared.*.json", "../texts/portal.*.json", "../texts/portal/*.json"]),
);
