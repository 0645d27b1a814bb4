/** The pieces that both apps are made of. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Problem } from "./api";
import { signIn } from "./auth";
import { ago, moment } from "./dates";
import { money, type Sum } from "./money";
import { isEmbedded } from "./settings";
import { state } from "./state";
import { type Text, t, word } from "./texts";

// ---------------------------------------------------------------- loading

export type Loaded<T> = { data: T | undefined; problem: Problem | undefined; reload: () => void; isLoading: boolean };

/** What `load` answers, and again when one of `inputs` is another or somebody asks for it. */
export function useLoad<T>(load: () => Promise<T>, inputs: unknown[]): Loaded<T> {
  const [state, setState] = useState<{ data?: T; problem?: Problem; isLoading: boolean }>({ isLoading: true });
  const [round, setRound] = useState(0);
  useEffect(() => {
    let isCurrent = true;
    setState((before) => ({ ...before, isLoading: true }));
    load().then(
      (data) => isCurrent && setState({ data, isLoading: false }),
      (problem) => isCurrent && setState({ problem: asProblem(problem), isLoading: false }),
    );
    return () => {
      isCurrent = false;
    };
  }, [...inputs, round]);
  const reload = () => setRound((before) => before + 1);
  return { data: state.data, problem: state.problem, isLoading: state.isLoading, reload };
}

export const asProblem = (error: unknown): Problem =>
  error instanceof Problem ? error : new Problem(0, "UNEXPECTED", String(error), "", false);

/** A list whose next pages are asked for one by one. */
export function usePages<T>(
  load: (cursor: string | undefined) => Promise<{ data: T[]; nextCursor?: string | null }>,
  inputs: unknown[],
): Loaded<T[]> & { more: (() => Promise<void>) | undefined } {
  const first = useLoad(() => load(undefined), inputs);
  const [rest, setRest] = useState<{ of: unknown; data: T[]; next: string | null; problem?: Problem }>();
  const known = rest && rest.of === first.data ? rest : undefined;
  const next = known ? known.next : (first.data?.nextCursor ?? null);
  const data = first.data && [...first.data.data, ...(known?.data ?? [])];
  const more = async () => {
    if (!next) return;
    const of = first.data;
    const before = known?.data ?? [];
    try {
      const page = await load(next);
      setRest({ of, data: [...before, ...page.data], next: page.nextCursor ?? null });
    } catch (error) {
      setRest({ of, data: before, next, problem: asProblem(error) });
    }
  };
  return { ...first, data, problem: first.problem ?? known?.problem, more: next ? more : undefined };
}

/** What was loaded, or why not, or that it is on its way. */
export function Show<T>({ of, children }: { of: Loaded<T>; children: (data: T) => ComponentChildren }) {
  if (of.data !== undefined)
    return (
      <div aria-busy={of.isLoading}>
        {of.problem && <Trouble problem={of.problem} retry={of.reload} />}
        {children(of.data)}
      </div>
    );
  if (of.problem) return <Trouble problem={of.problem} retry={of.reload} />;
  return (
    <div class="skeleton" role="status">
      <span class="visually-hidden">{t("loading")}</span>
      <i />
      <i />
      <i />
    </div>
  );
}

// ---------------------------------------------------------------- what went wrong, what was done

/** What happened, whether anything was changed, and what to do. */
export function Trouble({ problem, retry }: { problem: Problem; retry?: (() => void) | undefined }) {
  const isOld = problem.code === "FRESH_SIGN_IN_NEEDED";
  const isOut = problem.status === 401 && !isOld;
  const key = `PROBLEM_${problem.code}`;
  const known = word("PROBLEM", problem.code);
  const title = problem.status === 429 ? t("PROBLEM_RATE_LIMITED") : known === problem.code ? t("problem") : known;
  return (
    <div class="trouble" role="alert" data-code={key}>
      <strong>{title}</strong>
      {problem.message && !isOld && !isOut && <p>{problem.message}</p>}
      {problem.fields.length > 1 && (
        <ul>
          {problem.fields.map((each) => (
            <li key={each.field}>
              <code>{each.field}</code>: {each.message}
            </li>
          ))}
        </ul>
      )}
      <p class="muted">
        {t(problem.mayHaveHappened ? "mayHaveHappened" : "nothingChanged")}
        {problem.requestId && (
          <>
            {" "}
            {t("requestId")} <code>{problem.requestId}</code>
          </>
        )}
      </p>
      {(isOld || isOut) && !isEmbedded && (
        <Button onClick={() => signIn(problem.maxAgeSeconds)}>{t("signInAgain")}</Button>
      )}
      {retry && (isEmbedded || (!isOld && !isOut)) && <Button onClick={retry}>{t("tryAgain")}</Button>}
    </div>
  );
}

const told = state("");

/** Say what was done, for eyes and for readers of the screen. */
export function tell(text: string): void {
  told.value = "";
  requestAnimationFrame(() => {
    told.value = text;
  });
  clearTimeout(silence);
  silence = setTimeout(() => {
    told.value = "";
  }, 8000);
}
let silence: ReturnType<typeof setTimeout> | undefined;

export function Told() {
  const text = told.use();
  return (
    <div class={text ? "toast" : "visually-hidden"} role="status">
      {text}
    </div>
  );
}

// ---------------------------------------------------------------- small pieces

type ButtonProps = Omit<JSX.IntrinsicElements["button"], "type"> & { kind?: "primary" | "danger" };

export const Button = ({ kind, class: more, ...rest }: ButtonProps) => (
  <button type="button" class={`button ${kind ?? ""} ${more ?? ""}`} {...rest} />
);

export const Money = ({ decimal, currency }: { decimal: string; currency: string }) => (
  <span class="money">{money(decimal, currency)}</span>
);

export const Sums = ({ of }: { of: Sum[] }) => (
  <>
    {of.map(({ currency, decimal }, place) => (
      <span key={currency}>
        {place > 0 && " + "}
        <Money decimal={decimal} currency={currency} />
      </span>
    ))}
  </>
);

export const When = ({ at, relative }: { at: string; relative?: boolean }) => (
  <time dateTime={at} title={relative ? `${moment(at)} (${at})` : `${at.slice(0, 16).replace("T", " ")} UTC`}>
    {relative ? ago(at) : moment(at)}
  </time>
);

const TONES: Record<string, string> = {
  REQUESTED: "wait",
  APPROVED: "go",
  PAYING: "go",
  PAID: "good",
  REJECTED: "bad",
  FAILED: "bad",
  RETURNED: "bad",
  CANCELLED: "off",
  EXPIRED: "off",
  ACTIVE: "good",
  INACTIVE: "off",
  SUSPENDED: "bad",
  TERMINATED: "bad",
  PENDING: "wait",
  CALCULATED: "wait",
  ACCEPTED: "go",
  CONVERTED: "good",
  WAITING: "wait",
  POSTED: "good",
  COUNTS: "good",
  OPEN: "wait",
  WON: "good",
  LOST: "bad",
  PAUSED: "wait",
  CONFIRMED: "good",
};

export const Status = ({ of, text }: { of: string; text?: string }) => (
  <span class={`badge ${TONES[of] ?? "off"}`}>{text ?? word("STATUS", of)}</span>
);

export const Badge = ({
  tone,
  title,
  children,
}: {
  tone?: string;
  title?: string | undefined;
  children: ComponentChildren;
}) => (
  <span class={`badge ${tone ?? "off"}`} title={title}>
    {children}
  </span>
);

export const Empty = ({ title, children }: { title: string; children?: ComponentChildren }) => (
  <div class="empty">
    <strong>{title}</strong>
    {children && <p>{children}</p>}
  </div>
);

export function More({ load }: { load: (() => Promise<void>) | undefined }) {
  const [isBusy, setBusy] = useState(false);
  if (!load) return null;
  const ask = () => {
    setBusy(true);
    load().finally(() => setBusy(false));
  };
  return (
    <p class="center">
      <Button disabled={isBusy} onClick={ask}>
        {t(isBusy ? "loading" : "more")}
      </Button>
    </p>
  );
}

/** A heading that takes the focus when its screen comes, so that readers begin where eyes do. */
export function Title({ children, text }: { children?: ComponentChildren; text: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${text} · refledger`;
    if (isEmbedded && !document.hasFocus()) return; // the page around it has it
    heading.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [text]);
  return (
    <header class="title">
      <h1 tabIndex={-1} ref={heading}>
        {text}
      </h1>
      {children}
    </header>
  );
}

export const Part = ({
  title,
  children,
  aside,
}: {
  title: string;
  children: ComponentChildren;
  aside?: ComponentChildren;
}) => {
  const id = useId();
  return (
    <section class="part" aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
};

/** A table that becomes a list of cards where there is no room for it. Each column: its heading, and its cell of a row. */
export type Column<T> = { title: string; cell: (row: T) => ComponentChildren; kind?: "number" | "tick" };

export function Table<T>(props: {
  caption: string;
  columns: Column<T>[];
  rows: T[];
  id: (row: T) => string;
  /** What a row's element has besides. */
  row?: (row: T, place: number) => JSX.IntrinsicElements["tr"];
}) {
  return (
    <div class="table">
      <table>
        <caption class="visually-hidden">{props.caption}</caption>
        <thead>
          <tr>
            {props.columns.map((column) => (
              <th key={column.title} scope="col" class={column.kind}>
                {column.kind === "tick" ? <span class="visually-hidden">{column.title}</span> : column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row, place) => (
            <tr key={props.id(row)} {...props.row?.(row, place)}>
              {props.columns.map((column) => (
                <td key={column.title} class={column.kind} data-title={column.title}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export const Facts = ({ of }: { of: [string, ComponentChildren][] }) => (
  <dl class="facts">
    {of.map(([name, value]) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
);

/** Copies a text, and says so. */
export const Copy = ({ text, label }: { text: string; label?: Text }) => (
  <Button
    onClick={() =>
      navigator.clipboard.writeText(text).then(
        () => tell(t("copied")),
        () => tell(t("notCopied")),
      )
    }
  >
    {t(label ?? "copy")}
  </Button>
);
