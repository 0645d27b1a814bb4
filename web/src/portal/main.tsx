import "../shared/style.css";
import { lazy, Route, Router } from "preact-iso";
import { session } from "../shared/session";
import { Outside, Screens, screens, start } from "../shared/shell";
import Home from "./home";

const Join = lazy(() => import("./join"));

// One line for each screen: the navigation and the addresses follow from it
const SCREENS = screens([
  { path: "/portal", title: "home", screen: Home },
  { path: "/portal/withdraw", title: "withdraw", load: () => import("./withdraw") },
  { path: "/portal/accounts", title: "accounts", load: () => import("./accounts") },
  { path: "/portal/statements", title: "statements", load: () => import("./statements") },
]);

const NobodyYet = () => (
  <Outside>
    <Router>
      <Route path="/portal" component={Join} />
      <Route default component={Join} />
    </Router>
  </Outside>
);

start(
  () => (session.value?.partner ? <Screens of={SCREENS} /> : <NobodyYet />),
  import.meta.glob(["../texts/shared.*.json", "../texts/portal.*.json", "../texts/portal/*.json"]),
);
