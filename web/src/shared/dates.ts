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

/** `3 days ago`, `in 2 hours`. */
export function ago(at: string, now = Date.now()): string {
  const passed = new Date(at).getTime() - now;
  const [unit, size] = STEPS.find(([, step]) => Math.abs(passed) >= step) ?? STEPS[2];
  return new Intl.RelativeTimeFormat(language.value, { numeric: "auto" }).format(Math.trunc(passed / size), unit);
}

/** A day of UTC's, `2026-12-31`: it is the same for every reader. */
export const calendarDay = (date: string): string =>
  new Intl.DateTimeFormat(language.value, { dateStyle: "medium", timeZone: "UTC" }).format(new Date(date));
