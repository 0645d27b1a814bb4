/** What stands around every screen: signing in, where one can go, who one is. */
import { type ComponentChildren, render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ErrorBoundary, LocationProvider, useLocation } from "preact-iso";
import type { Problem } from "./api";
import { isSignedIn, nameInToken, signedIn, signIn, signOut } from "./auth";
import { loadSession, session } from "./session";
import { app } from "./settings";
import { language, loadTexts, t, word } from "./texts";
import { asProblem, Button, Told, Trouble } from "./ui";

export type Place = { path: string; label: string };

const Language = () => (
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
  return (
    <nav aria-label={t("navigation")}>
      {places.map((each) => {
        const isHere = each.path === `/${app}` ? path === each.path : path.startsWith(each.path);
        return (
          <a key={each.path} href={each.path} aria-current={isHere ? "page" : undefined}>
            {each.label}
          </a>
        );
      })}
    </nav>
  );
}

export function Frame({ places, children }: { places: Place[]; children: ComponentChildren }) {
  const who = session.value;
  const roles = who?.roles.map((each) => word("ROLE", each)).join(", ");
  const [isOpen, setOpen] = useState(false);
  const name = who?.partner?.name || who?.name || nameInToken() || who?.id;
  return (
    <>
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
    </>
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

/** Show an app in the reader's language. */
export async function start(screens: () => ComponentChildren): Promise<void> {
  await loadTexts();
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
