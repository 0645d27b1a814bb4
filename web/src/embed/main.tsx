/** The portal on the owner's own page: what a partner reads and shares. What moves money opens the whole portal. */
import "../shared/style.css";
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ErrorBoundary } from "preact-iso";
import { calls } from "../shared/api";
import { settings } from "../shared/settings";
import { lazily } from "../shared/shell";
import { language, type Language, loadTexts, t } from "../shared/texts";
import { Told } from "../shared/ui";
import Home from "../portal/home";
import { dress } from "./theme";
import { isFramed, portalToken, say, wantedLanguage } from "./token";

const SCREENS = [
  { name: "home", title: "home", screen: Home },
  { name: "share", title: "shareTitle", screen: lazily(() => import("../portal/share"), "portal/share") },
  { name: "referrals", title: "referrals", screen: lazily(() => import("../portal/referrals"), "portal/lists") },
  { name: "earnings", title: "earnings", screen: lazily(() => import("../portal/earnings"), "portal/lists") },
] as const;

calls.token = portalToken;
calls.path = (path) => path.replace(/^\/api\/v1\/(?:me\/)?/, "/api/v1/embed/");

const here = () => SCREENS.find((each) => `#${each.name}` === location.hash) ?? SCREENS[0];

function Portal() {
  language.use();
  const [shown, setShown] = useState(here);
  useEffect(() => {
    const change = () => setShown(here());
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  const Screen = shown.screen;
  return (
    <div class="frame">
      <header class="top">
        <span class="home">
          {settings.logoUrl && <img class="logo" src={settings.logoUrl} alt="" />}
          <span>{settings.name}</span>
        </span>
        <nav aria-label={t("navigation")} class="open">
          {SCREENS.map((each) => (
            <a key={each.name} href={`#${each.name}`} aria-current={each === shown ? "page" : undefined}>
              {t(each.title)}
            </a>
          ))}
        </nav>
        <a class="whole" href="/portal" target="_blank" rel="noopener">
          {t("wholePortal")} ↗
        </a>
      </header>
      <main id="main">
        <ErrorBoundary>
          <Screen key={shown.name} />
        </ErrorBoundary>
      </main>
      <Told />
    </div>
  );
}

/** What opens over the page opens where it was clicked: the frame is as tall as what is in it. */
function follow(): void {
  const root = document.documentElement;
  root.dataset.embedded = "";
  const at = (event: Event) => {
    const y = (event.target as Element).getBoundingClientRect?.().top ?? 0;
    root.style.setProperty("--clicked", `${Math.max(0, y - 120)}px`);
  };
  for (const name of ["pointerdown", "focusin"]) addEventListener(name, at);
  new ResizeObserver(() => say({ height: document.body.offsetHeight })).observe(document.body);
}

async function start(): Promise<void> {
  const catalogs = import.meta.glob(["../texts/shared.*.json", "../texts/portal.*.json", "../texts/portal/*.json"]);
  await loadTexts(wantedLanguage as Language | undefined, catalogs);
  if (settings.accent) dress(settings.accent);
  follow();
  const root = document.getElementById("app");
  if (!root) return;
  const notHere = (
    <p class="welcome">
      {t("onlyEmbedded")} <a href="/portal">{t("wholePortal")}</a>
    </p>
  );
  render(isFramed ? <Portal /> : notHere, root);
}

start();
