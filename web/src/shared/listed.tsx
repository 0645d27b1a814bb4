/** A list as every screen has it: filled, empty, failed or on its way; page by page; by mouse, finger and keyboard. */
import type { ComponentChildren } from "preact";
import { useLocation } from "preact-iso";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { number, t } from "./texts";
import { type Column, Empty, type Loaded, More, Show, Table } from "./ui";

const AT_ONCE = 50; // in one request of the API

/** Rows that can be chosen, and what is done with the chosen ones. */
export type Ticks<T> = {
  label: (row: T) => string;
  /** Whether a row can be chosen: all, if it is left out. */
  can?: (row: T) => boolean;
  /** What is offered for those that are chosen; `clear` forgets the choice, once it was acted on. */
  actions: (chosen: T[], clear: () => void) => ComponentChildren;
};

/**
 * `list`: what `useLoad` or `usePages` gave. `empty`: what to say, and what to do, where there is nothing.
 * Keys: j, k and the arrows go from row to row, Enter opens `href`, x chooses.
 */
export function Listed<T>(props: {
  caption: string;
  list: Loaded<T[]> & { more?: (() => Promise<void>) | undefined };
  columns: Column<T>[];
  id: (row: T) => string;
  href?: (row: T) => string;
  empty: { title: string; about?: ComponentChildren };
  ticks?: Ticks<T> | false | undefined;
}) {
  const { list, id, href, ticks } = props;
  const [ticked, setTicked] = useState<string[]>([]);
  const [at, setAt] = useState({ key: "", place: 0 }); // the row that has the focus, or had it last
  const box = useRef<HTMLDivElement>(null);
  const { route } = useLocation();
  const rows = list.data ?? [];
  const free = ticks ? rows.filter((row) => ticks.can?.(row) ?? true).slice(0, AT_ONCE) : [];
  const chosen = free.filter((row) => ticked.includes(id(row)));
  const tick = (row: T) => {
    const key = id(row);
    if (free.includes(row))
      setTicked((before) => (before.includes(key) ? before.filter((each) => each !== key) : [...before, key]));
  };
  // rows come, go and change places when a list is read again: a row is known by its id, and a place serves only where
  // the row itself is gone
  const known = rows.findIndex((row) => id(row) === at.key);
  const shown = known >= 0 ? known : Math.min(at.place, rows.length - 1);
  const press = (event: KeyboardEvent) => {
    const where = event.target as HTMLElement;
    const elements = [...(box.current?.querySelectorAll<HTMLElement>("tbody tr") ?? [])];
    const element = where.closest?.<HTMLElement>("tbody tr");
    const place = element ? elements.indexOf(element) : -1;
    const isMine = place >= 0;
    // from anywhere else the keys lead into the screen's first list
    const isFree = !element && document.querySelector(".listed") === box.current;
    if (event.ctrlKey || event.metaKey || event.altKey || !(isMine || isFree)) return;
    if (document.querySelector("dialog[open]") || where.matches?.("input:not([type=checkbox]), select, textarea"))
      return;
    const go = (to: number) => elements[Math.max(0, Math.min(elements.length - 1, to))]?.focus();
    const here = rows.find((row) => id(row) === element?.dataset.id);
    if (event.key === "j" || (isMine && event.key === "ArrowDown")) go(isMine ? place + 1 : shown);
    else if (event.key === "k" || (isMine && event.key === "ArrowUp")) go(isMine ? place - 1 : shown);
    else if (isMine && event.key === "x" && here) tick(here);
    else if (isMine && event.key === "Enter" && where === element && href && here) route(href(here));
    else return;
    event.preventDefault();
  };
  // before the next key can come
  useLayoutEffect(() => {
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
  const columns: Column<T>[] =
    ticks && free.length > 0
      ? [
          {
            title: t("chosen"),
            kind: "tick",
            cell: (row) =>
              free.includes(row) && (
                <input
                  type="checkbox"
                  aria-label={ticks.label(row)}
                  checked={ticked.includes(id(row))}
                  onChange={() => tick(row)}
                />
              ),
          },
          ...props.columns,
        ]
      : props.columns;
  return (
    <div class="listed" ref={box}>
      <Show of={list}>
        {(data) =>
          data.length === 0 ? (
            <Empty title={props.empty.title}>{props.empty.about}</Empty>
          ) : (
            <>
              {ticks && free.length > 0 && (
                <div class="chosen">
                  <label>
                    <input
                      type="checkbox"
                      checked={chosen.length === free.length}
                      onChange={() => setTicked(chosen.length === free.length ? [] : free.map(id))}
                    />{" "}
                    {t("chooseAll", { count: number(free.length) })}
                  </label>
                  {chosen.length > 0 && ticks.actions(chosen, () => setTicked([]))}
                </div>
              )}
              <Table
                caption={props.caption}
                columns={columns}
                rows={data}
                id={id}
                row={(row, place) => ({
                  "data-id": id(row),
                  tabIndex: place === shown ? 0 : -1,
                  onFocus: () => setAt({ key: id(row), place }),
                  ...(ticked.includes(id(row)) && { class: "chosen-row" }),
                })}
              />
              <p class="keys" aria-hidden="true">
                <kbd>j</kbd> <kbd>k</kbd> {t("keyMove")}
                {href && (
                  <>
                    {" "}
                    · <kbd>Enter</kbd> {t("keyOpen")}
                  </>
                )}
                {ticks && (
                  <>
                    {" "}
                    · <kbd>x</kbd> {t("keyChoose")}
                  </>
                )}
              </p>
              <More load={list.more} />
            </>
          )
        }
      </Show>
    </div>
  );
}

/** An account as it may be shown: masked, with whose it is where that is known. */
export function accountColumn<T>(
  of: (row: T) => { account?: string | null; type?: string; accountHolder?: string | null },
): Column<T> {
  return {
    title: t("account"),
    cell: (row) => {
      const { account, type, accountHolder } = of(row);
      return (
        <span class="who">
          {account || type || "–"}
          {accountHolder && <small class="muted">{accountHolder}</small>}
        </span>
      );
    },
  };
}
