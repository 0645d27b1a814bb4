/** What sends: tokens, repeats with one key, pages, errors. No dependency; `fetch` and WebCrypto of Node 20, Deno, edge. */

export type Token = string | (() => string | Promise<string>);

export interface Options {
  retries?: number;
  timeoutMs?: number;
  fetch?: typeof fetch;
  pause?: (milliseconds: number) => Promise<void>;
}

export interface Sent {
  body?: unknown;
  content?: [string, string];
  query?: Record<string, unknown>;
  ifMatch?: number;
  key?: string;
  raw?: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: each call says what it gets
export type Send = (verb: string, path: string, sent: Sent) => Promise<any>;

/** A refusal, as RFC 9457 tells it. `code` is what to compare. */
export class ApiError extends Error {
  readonly code: string;
  constructor(
    readonly status: number,
    readonly problem: Record<string, unknown>,
  ) {
    super(`${status} ${problem.code ?? ""}: ${problem.detail ?? problem.message ?? ""}`);
    this.code = String(problem.code ?? "");
  }
}

/** The calls of one resource. */
export class Group {
  constructor(protected readonly send: Send) {}
}

export const newKey = (): string => crypto.randomUUID();

export const pick = (from: object, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));

type Page<T> = { data: T[]; nextCursor?: string | null };

/** What all pages list. A page may be empty and have another one behind it. */
export async function* pages<T>(get: (cursor: string | null) => Promise<Page<T>>): AsyncGenerator<T> {
  let cursor: string | null = null;
  do {
    const page: Page<T> = await get(cursor);
    yield* page.data;
    cursor = page.nextCursor ?? null;
  } while (cursor !== null);
}

const pauseMs = (attempt: number, wait: string | null): number =>
  wait && /^\d+$/.test(wait) ? Math.min(Number(wait) * 1000, 20_000) : (0.5 + Math.random() / 2) * 250 * 2 ** attempt;

/** Sends a call, and again what may be sent again: reads, and whatever has a key. */
export const sender = (url: string, token: Token, options: Options = {}): Send => {
  const { retries = 4, timeoutMs = 30_000 } = options;
  const ask = options.fetch ?? fetch;
  const pause = options.pause ?? ((ms: number) => new Promise<void>((done) => setTimeout(done, ms)));
  return async (verb, path, sent) => {
    const query = Object.entries(sent.query ?? {}).filter(([, value]) => value !== undefined && value !== null);
    const headers: Record<string, string> = { accept: sent.raw ? "*/*" : "application/json" };
    let body: string | undefined;
    if (sent.content) [body, headers["content-type"]] = sent.content;
    else if (verb !== "GET" && (sent.body !== undefined || verb !== "DELETE")) {
      body = JSON.stringify(sent.body ?? {});
      headers["content-type"] = "application/json";
    }
    if (sent.ifMatch !== undefined) headers["if-match"] = `"${sent.ifMatch}"`;
    if (sent.key) headers["idempotency-key"] = sent.key;
    const repeatable = verb === "GET" || !!sent.key;
    for (let attempt = 0; ; attempt++) {
      const bearer = typeof token === "string" ? token : await token();
      headers.authorization = `Bearer ${bearer}`;
      const keyed = bearer.startsWith("rl_") ? "/keyed" : ""; // where API keys are taken
      const to = new URL(url.replace(/\/$/, "") + keyed + path);
      for (const [name, value] of query) to.searchParams.set(name, String(value));
      let answer: Response;
      try {
        const signal = AbortSignal.timeout(timeoutMs);
        answer = await ask(to, { method: verb, headers, signal, ...(body === undefined ? {} : { body }) });
        if (answer.ok) return sent.raw ? new Uint8Array(await answer.arrayBuffer()) : await answer.json();
      } catch (error) {
        if (!repeatable || attempt >= retries) throw error;
        await pause(pauseMs(attempt, null));
        continue;
      }
      const again = answer.status === 429 || (answer.status >= 500 && repeatable);
      if (!again || attempt >= retries) throw new ApiError(answer.status, await answer.json().catch(() => ({})));
      await pause(pauseMs(attempt, answer.headers.get("retry-after")));
    }
  };
};

/** Tokens of a service: asked for when they are needed, and again a minute before they end. */
export const clientCredentials = (tokenUrl: string, id: string, secret: string, scope = ""): (() => Promise<string>) => {
  let token = "";
  let ends = 0;
  return async () => {
    if (Date.now() >= ends) {
      const headers = { authorization: `Basic ${btoa(`${id}:${secret}`)}` };
      const body = new URLSearchParams({ grant_type: "client_credentials", ...(scope ? { scope } : {}) });
      const answer = await fetch(tokenUrl, { method: "POST", headers, body });
      if (!answer.ok) throw new ApiError(answer.status, {});
      const told = (await answer.json()) as { access_token: string; expires_in: number };
      token = told.access_token;
      ends = Date.now() + Math.max(0, told.expires_in - 60) * 1000;
    }
    return token;
  };
};
