/** Calls of the API, typed by its own document: a path or field that it does not have is an error at build time. */
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";
import { token } from "./auth";

export type Schema = components["schemas"];
type Answer<T> = { data?: T; error?: unknown; response: Response };

/** What went wrong, in the API's words. `mayHaveHappened`: whether it is not known that nothing was done. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly requestId: string,
    readonly mayHaveHappened: boolean,
    readonly fields: { field: string; message: string }[] = [],
    readonly maxAgeSeconds?: number,
  ) {
    super(detail);
  }
}

/** Whose token calls have, and where they go: an embedded portal has its own of both. */
export const calls = { token: () => token().catch(() => null), path: (path: string) => path };

export const api = createClient<paths>({
  baseUrl: location.origin,
  fetch: async (request) => {
    const address = new URL(request.url);
    address.pathname = calls.path(address.pathname);
    const sent = address.href === request.url ? request : new Request(address, request);
    const bearer = await calls.token();
    if (bearer) sent.headers.set("authorization", `Bearer ${bearer}`);
    return fetch(sent);
  },
});

/** What was answered. Throws a Problem for a refusal, and where nothing was answered. */
export async function done<T>(call: Promise<Answer<T>>, isWrite = false): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch (error) {
    throw error instanceof Problem ? error : new Problem(0, "OFFLINE", "", "", isWrite);
  }
  const { response } = answer;
  if (response.ok) return answer.data as T;
  const told = (answer.error ?? {}) as Partial<Schema["Problem"]> & { message?: string; maxAgeSeconds?: number };
  const fields = told.errors ?? [];
  throw new Problem(
    response.status,
    told.code ?? (response.status === 401 ? "UNAUTHENTICATED" : ""),
    told.detail ?? told.message ?? "",
    response.headers.get("apigw-requestid") ?? "",
    isWrite && response.status >= 500,
    fields,
    told.maxAgeSeconds,
  );
}

/** The same for what changes something. */
export const write = <T>(call: Promise<Answer<T>>): Promise<T> => done(call, true);

/** A key for one intention: kept while the same thing is tried again, so that it is done once. */
export const newKey = (): string => crypto.randomUUID();

/** Give a file of the API to whoever is signed in. */
export async function download(path: string, name: string): Promise<void> {
  const call = async () => {
    const bearer = await token();
    const response = await fetch(path, { headers: bearer ? { authorization: `Bearer ${bearer}` } : {} });
    return response.ok
      ? { data: await response.blob(), response }
      : { error: await response.json().catch(() => undefined), response };
  };
  const address = URL.createObjectURL(await done(call()));
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
