/**
 * Signing in by OpenID Connect: a code with PKCE, tokens in this tab's storage, renewed by the refresh token.
 *
 * The library is loaded where somebody signs in, out, or has to be renewed; a page that has a token reads it itself.
 */
import type { User, UserManager } from "oidc-client-ts";
import { app, settings } from "./settings";

const BACK = `${location.origin}/${app}/signed-in`;
const STORED = `oidc.user:${settings.authority}:${settings.clientId}`;
const EARLY_SECONDS = 60;

let manager: Promise<UserManager> | undefined;
let renewal: Promise<string | null> | undefined;

function load(): Promise<UserManager> {
  manager ??= import("oidc-client-ts").then(({ UserManager, WebStorageStateStore }) => {
    const store = new WebStorageStateStore({ store: sessionStorage });
    return new UserManager({
      authority: settings.authority,
      client_id: settings.clientId,
      redirect_uri: BACK,
      response_type: "code",
      scope: "openid email",
      userStore: store,
      stateStore: store,
      automaticSilentRenew: false,
    });
  });
  return manager;
}

function stored(): User | null {
  try {
    return JSON.parse(sessionStorage.getItem(STORED) ?? "null");
  } catch {
    return null;
  }
}

/** Whether somebody has signed in in this tab; whether their token is still good shows when it is used. */
export const isSignedIn = (): boolean => stored() !== null;

/** The name or address that the identity token has; the API's own word for it comes with the session. */
export const nameInToken = (): string => stored()?.profile?.name ?? stored()?.profile?.email ?? "";

/** An access token, renewed where it ends soon; null where nobody is signed in, or cannot be any more. */
export async function token(): Promise<string | null> {
  const user = stored();
  if (!user) return null;
  if ((user.expires_at ?? 0) - EARLY_SECONDS > Date.now() / 1000) return user.access_token;
  renewal ??= renew().finally(() => {
    renewal = undefined;
  });
  return renewal;
}

async function renew(): Promise<string | null> {
  const it = await load();
  try {
    return (await it.signinSilent())?.access_token ?? null;
  } catch (error) {
    if (error instanceof TypeError) throw error; // no answer: that says nothing of whether they are signed in
    await it.removeUser();
    return null;
  }
}

/** Go to the issuer's page, and come back to where this was. `maxAgeSeconds`: how old the sign-in may be. */
export async function signIn(maxAgeSeconds?: number): Promise<void> {
  const it = await load();
  const back = location.pathname.endsWith("/signed-in") ? `/${app}` : location.pathname + location.search;
  const again = maxAgeSeconds === undefined ? {} : { max_age: maxAgeSeconds, prompt: "login" };
  await it.signinRedirect({ state: { back }, ...again });
}

/** Take the code that the issuer sent. Returns the address to go on with. */
export async function signedIn(): Promise<string> {
  if (!new URLSearchParams(location.search).has("state")) return `/${app}`; // from signing out
  const user = await (await load()).signinCallback();
  const state = user?.state as { back?: string } | undefined;
  return state?.back?.startsWith(`/${app}`) ? state.back : `/${app}`;
}

/** Forget the tokens, and end what the issuer remembers (Cognito's `logout_uri` is its own name for it). */
export async function signOut(): Promise<void> {
  const it = await load();
  await it.removeUser();
  const end = await it.metadataService.getEndSessionEndpoint().catch(() => undefined);
  if (!end) return location.assign(`/${app}`);
  const told = { client_id: settings.clientId, logout_uri: BACK, post_logout_redirect_uri: BACK };
  location.assign(`${end}?${new URLSearchParams(told)}`);
}
