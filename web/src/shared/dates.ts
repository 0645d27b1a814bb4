/** Moments in the reader's zone and language. */
import { language } from "./texts";

const MINUTE = 60_000;
const STEPS = [
  ["day", 24 * 60 * MINUTE],
  ["hour", 60 * MINUTE],
  ["minute", MINUTE],
] as const;

export const moment = (at: string): string =>
  new Intl.DateTimeFormat(language.value, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));

export const day = (at: string): string =>
  new Intl.DateTimeFormat(language.value, { dateStyle: "medium" }).format(new Date(at));

export const month = (at: string): string =>
  new Intl.DateTimeFormat(language.value, { month: "long", year: "numeric", timeZone: "UTC" }).format(new Date(at));

/** The months from one moment until now, newest first: `2026-11`. */
export function monthsSince(since: string, now = new Date()): string[] {
  const found: string[] = [];
  const first = new Date(since);
  for (
    let at = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1));
    at >= new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth(), 1));
    at = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - 1, 1))
  )
    found.push(at.toISOString().slice(0, 7));
  return found;
}

/** `3 days ago`, `in 2 hours`. */
export function ago(at: string, now = Date.now()): string {
  const passed = new Date(at).getTime() - now;
  const [unit, size] = STEPS.find(([, step]) => Math.abs(passed) >= step) ?? STEPS[2];
  return new Intl.RelativeTimeFormat(language.value, { numeric: "auto" }).format(Math.trunc(passed / size), unit);
}

/** A day of UTC's, `2026-12-31`: it is the same for every reader. */
export const calendarDay = (date: string): string =>
  new Intl.DateTimeFormat(language.value, { dateStyle: "medium", timeZone: "UTC" }).format(new Date(date));

/** A calendar month, `2026-11`, as short as there is room for in a table. */
export const shortMonth = (of: string): string =>
  new Intl.DateTimeFormat(language.value, { month: "short", year: "numeric", timeZone: "UTC" }).format(new Date(of));

/** The month so many before this one, as the API writes them. */
export const monthsAgo = (count: number, now = new Date()): string =>
  new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - count, 1)).toISOString().slice(0, 7);

/** A day as an address has it, and nothing for what is none. */
export const dayIn = (text: string): string => (/^\d{4}-\d{2}-\d{2}$/.test(text) && Date.parse(text) ? text : "");

const shifted = (date: string, days: number): string =>
  new Date(Date.parse(date) + days * 24 * 60 * MINUTE).toISOString().slice(0, 10);

export const dayBefore = (date: string): string => shifted(date, -1);
export const dayAfter = (date: string): string => shifted(date, 1);
