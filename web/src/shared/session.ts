/** Who is signed in, as the API says it. */
import { api, done, type Schema } from "./api";
import type { paths } from "./schema";
import { state } from "./state";

export type Session = Schema["SessionView"];
type Method = "get" | "post" | "put" | "patch" | "delete";
/** Routes as `session.may` has them; one that the document does not have is an error at build time. */
export type RouteKey = {
  [P in keyof paths]: { [M in Method]: paths[P][M] extends object ? `${Uppercase<M>} ${P & string}` : never }[Method];
}[keyof paths];

export const session = state<Session | null>(null);

export async function loadSession(): Promise<Session> {
  session.value = await done(api.GET("/api/v1/session"));
  return session.value;
}

/** Whether who is signed in may use a route: what they may not is not shown. */
export const may = (route: RouteKey): boolean => session.value?.may.includes(route) ?? false;
