/**
 * The token of a portal on somebody else's page: from behind the `#` of its address, or from that page, which is asked
 * again before it ends. It is kept in this page's memory alone.
 *
 * Messages go to one origin, which is among those that the program names, and are taken from there alone.
 */
import { Problem } from "../shared/api";
import { settings } from "../shared/settings";

const EARLY_MS = 60_000;
const PATIENCE_MS = 20_000;
const given = new URLSearchParams(location.hash.slice(1));
history.replaceState(null, "", location.pathname);

/** The page around this one, if it may be: by its own word, the browser's, or the address it came from. */
const host = ((): string => {
  const told = [
    given.get("origin"),
    location.ancestorOrigins?.[0],
    document.referrer && new URL(document.referrer).origin,
  ];
  return told.find((each): each is string => Boolean(each) && settings.origins.includes(each as string)) ?? "";
})();

export const wantedLanguage = given.get("language") ?? undefined;
export const isFramed = window.parent !== window && host !== "";

let token = given.get("token") ?? "";
let pending: Promise<string> | undefined;

/** When it ends, as it says itself; the API looks, too. */
const endsAt = (text: string): number => Number(text.split("_")[2]) || 0;

export const say = (what: Record<string, unknown>): void => {
  if (isFramed) window.parent.postMessage({ refledger: 1, ...what }, host);
};

function ask(): Promise<string> {
  return new Promise((resolve, reject) => {
    const failed = () => end(() => reject(new Problem(401, "UNAUTHENTICATED", "", "", false)));
    const timer = setTimeout(failed, PATIENCE_MS);
    const end = (then: () => void) => {
      clearTimeout(timer);
      removeEventListener("message", listen);
      then();
    };
    const listen = ({ origin, source, data }: MessageEvent) => {
      if (origin !== host || source !== window.parent || data?.refledger !== 1) return;
      if (data.failed === true) failed();
      if (typeof data.token !== "string") return;
      end(() => {
        token = data.token;
        resolve(token);
      });
    };
    addEventListener("message", listen);
    say({ wants: "token" });
  });
}

export async function portalToken(): Promise<string> {
  if (endsAt(token) - EARLY_MS > Date.now()) return token;
  if (!isFramed) throw new Problem(401, "UNAUTHENTICATED", "", "", false);
  pending ??= ask().finally(() => {
    pending = undefined;
  });
  return pending;
}
