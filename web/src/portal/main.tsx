import "../shared/style.css";
import { lazy, Route, Router } from "preact-iso";
import { session } from "../shared/session";
import { Frame, NotHere, start } from "../shared/shell";
import { t } from "../shared/texts";
import Home from "./home";

const Join = lazy(() => import("./join"));
const Withdraw = lazy(() => import("./withdraw"));
const Accounts = lazy(() => import("./accounts"));
const Statements = lazy(() => import("./statements"));

const places = () => [
  { path: "/portal", label: t("home") },
  { path: "/portal/withdraw", label: t("withdraw") },
  { path: "/portal/accounts", label: t("accounts") },
  { path: "/portal/statements", label: t("statements") },
];

const Screens = () =>
  session.value?.partner ? (
    <Frame places={places()}>
      <Router key="partner">
        <Route path="/portal" component={Home} />
        <Route path="/portal/withdraw" component={Withdraw} />
        <Route path="/portal/accounts" component={Accounts} />
        <Route path="/portal/statements" component={Statements} />
        <Route default component={NotHere} />
      </Router>
    </Frame>
  ) : (
    <Frame places={[]}>
      <Router key="nobody yet">
        <Route path="/portal" component={Join} />
        <Route default component={Join} />
      </Router>
    </Frame>
  );

start(() => <Screens />);
