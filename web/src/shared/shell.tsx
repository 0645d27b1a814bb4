/** What stands around every screen: signing in, where one can go, who one is. */
import { type ComponentChildren, type ComponentType, Fragment, render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ErrorBoundary, LocationProvider, lazy, Route, Router, useLocation } from "preact-iso";
import { Problem } from "./api";
import { isSignedIn, nameInToken, signedIn, signIn, signOut } from "./auth";
import { loadSession, may, type RouteKey, session } from "./session";
import { app } from "./settings";
import { addTexts, type CatalogFiles, type CatalogName, language, loadTexts, type Text, t, word } from "./texts";
import { asProblem, Button, Told, Trouble } from "./ui";

/**
 * One line of an app's table of screens. `title`: how the navigation calls it, which leaves out those without one;
 * `texts`: its catalog; `right`: the route without which nobody is shown it; `group`: the heading that it stands under.
 */
export type Screen = { path: string; title?: Text; group?: Text; texts?: CatalogName; right?: RouteKey } & (
  | { load: () => Promise<{ default: ComponentType }> }
  | { screen: ComponentType }
);
type Place = Screen & { title: Text };
type Ready = Screen & { screen: ComponentType };

/** In place of a screen that did not come. */
const Missed = () => <Trouble problem={new Problem(0, "OFFLINE", "", "", false)} retry={() => location.reload()} />;

/** What is loaded once it is looked at, its texts with it. */
export const lazily = <P,>(load: () => Promise<{ default: ComponentType<P> }>, texts?: CatalogName) =>
  lazy(() =>
    Promise.all([load(), texts ? addTexts(texts) : undefined]).then(
      ([{ default: it }]) => ({ default: it }),
      () => ({ default: Missed as ComponentType<P> }),
    ),
  );

/** The table with its screens, each of which is loaded then. */
export const screens = (table: Screen[]): Ready[] =>
  table.map((each) => ("screen" in each ? each : { ...each, screen: lazily(each.load, each.texts) }));

/** The app as who is signed in may see it. */
export function Screens({ of, tools }: { of: Ready[]; tools?: ComponentChildren }) {
  const open = of.filter((each) => !each.right || may(each.right));
  return (
    <Frame places={open.filter((each): each is Ready & Place => Boolean(each.title))} tools={tools}>
      <Router>
        {open.map((each) => (
          <Route key={each.path} path={each.path} component={each.screen} />
        ))}
        <Route default component={NotHere} />
      </Router>
    </Frame>
  );
}

/** Instead of the app: for who has no use for it. */
export const Outside = ({ children }: { children: ComponentChildren }) => <Frame places={[]}>{children}</Frame>;

export const Language = () => (
  <div class="language">
    {(["en", "de"] as const).map((each) => (
      <button
        type="button"
        key={each}
        lang={each}
        aria-pressed={language.value === each}
        onClick={() => loadTexts(each)}
      >
        {each === "en" ? "English" : "Deutsch"}
      </button>
    ))}
  </div>
);

function Welcome({ problem }: { problem: Problem | undefined }) {
  const [trouble, setTrouble] = useState(problem);
  useEffect(() => {
    document.title = `${t("signIn")} · refledger`;
  }, []);
  return (
    <main class="welcome">
      <Mark />
      <h1>{t(app === "console" ? "welcomeConsole" : "welcomePortal")}</h1>
      <p>{t(app === "console" ? "aboutConsole" : "aboutPortal")}</p>
      {trouble && <Trouble problem={trouble} />}
      <Button kind="primary" onClick={() => signIn().catch((error) => setTrouble(asProblem(error)))}>
        {t("signIn")}
      </Button>
      <p class="muted">
        <a href={app === "console" ? "/portal" : "/console"}>{t(app === "console" ? "toPortal" : "toConsole")}</a>
        {" · "}
        <a href="/docs">{t("apiReference")}</a>
      </p>
      <Language />
    </main>
  );
}

const Mark = () => (
  <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="7" />
    <path d="M9 10h14M9 16h9M9 22h5" />
    <path class="tick" d="m19 21 3 3 5-6" />
  </svg>
);

function Navigation({ places }: { places: Place[] }) {
  const { path } = useLocation();
  const [isOpen, setOpen] = useState(false);
  useEffect(() => setOpen(false), [path]);
  const isHere = (each: Place) => (each.path === `/${app}` ? path === each.path : path.startsWith(each.path));
  const here = places.find(isHere);
  return (
    <>
      {places.length > 0 && (
        <button type="button" class="places" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {here ? t(here.title) : t("navigation")}
        </button>
      )}
      <nav aria-label={t("navigation")} class={isOpen ? "open" : ""}>
        {places.map((each, place) => (
          <Fragment key={each.path}>
            {each.group && each.group !== places[place - 1]?.group && <span class="group">{t(each.group)}</span>}
            <a href={each.path} aria-current={each === here ? "page" : undefined}>
              {t(each.title)}
            </a>
          </Fragment>
        ))}
      </nav>
    </>
  );
}

function Frame(props: { places: Place[]; tools?: ComponentChildren; children: ComponentChildren }) {
  const { places, tools, children } = props;
  const who = session.value;
  const roles = who?.roles.map((each) => word("ROLE", each)).join(", ");
  const [isOpen, setOpen] = useState(false);
  const name = who?.partner?.name || who?.name || nameInToken() || who?.id;
  return (
    <div class={places.some((each) => each.group) ? "frame beside" : "frame"}>
      <a class="skip" href="#main">
        {t("skip")}
      </a>
      <header class="top">
        <a class="home" href={`/${app}`}>
          <Mark />
          <span>refledger</span>
          {who && who.stage !== "prod" && <span class="badge wait">{who.stage}</span>}
        </a>
        <Navigation places={places} />
        {tools}
        <div class="me">
          <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            {app === "console" ? (who?.name ?? name) : name}
          </button>
          {isOpen && (
            <div class="menu">
              <p>
                <strong>{who?.name ?? name}</strong>
                <small class="muted">{roles || t("partner")}</small>
              </p>
              <Language />
              <a href={app === "console" ? "/portal" : "/console"}>{t(app === "console" ? "toPortal" : "toConsole")}</a>
              <a href="/docs">{t("apiReference")}</a>
              <Button onClick={() => signOut()}>{t("signOut")}</Button>
            </div>
          )}
        </div>
      </header>
      <main id="main">{children}</main>
      <Told />
    </div>
  );
}

function Gate({ children }: { children: ComponentChildren }) {
  const { path, route } = useLocation();
  const [problem, setProblem] = useState<Problem>();
  const isBack = path === `/${app}/signed-in`;
  useEffect(() => {
    if (isBack)
      signedIn().then(
        (address) => route(address, true),
        (error) => {
          setProblem(asProblem(error));
          route(`/${app}`, true);
        },
      );
    else if (isSignedIn() && !session.value) loadSession().catch((error) => setProblem(asProblem(error)));
  }, [isBack, route]);
  if (isBack) return <p class="welcome muted">{t("loading")}</p>;
  if (!isSignedIn()) return <Welcome problem={problem} />;
  if (problem)
    return (
      <main class="welcome">
        <Trouble problem={problem} retry={() => location.reload()} />
        <Button onClick={() => signOut()}>{t("signOut")}</Button>
      </main>
    );
  return <>{session.value ? children : <p class="welcome muted">{t("loading")}</p>}</>;
}

/** Show an app in the reader's language, of which there are these catalogs. */
export async function start(screens: () => ComponentChildren, catalogs: CatalogFiles): Promise<void> {
  await loadTexts(undefined, catalogs);
  const All = () => {
    language.use();
    session.use();
    return (
      <LocationProvider scope={new RegExp(`^/${app}(/|$)`)}>
        <ErrorBoundary>
          <Gate>{session.value && screens()}</Gate>
        </ErrorBoundary>
      </LocationProvider>
    );
  };
  const root = document.getElementById("app");
  if (root) render(<All />, root);
}

export const NotHere = () => (
  <div class="empty">
    <h1>{t("notHere")}</h1>
    <p>
      <a href={`/${app}`}>{t("toStart")}</a>
    </p>
  </div>
);
