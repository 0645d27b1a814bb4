/**
 * Remembers by which share link somebody came, for a site of its own: no third party, nothing but one cookie of the
 * site. What it is told stands at its own tag; docs/site.md says how.
 */

type Came = { code: string; clickId: string };

const COOKIE = "refledger";
const CODE = /^[\w-]{4,32}$/;
const CLICK = /^clk_[0-9a-v]{40,176}$/;

const tag = document.currentScript?.dataset ?? {};
const parameter = tag.parameter || "ref";
const days = Number(tag.days ?? 30) || 0;
let allowed = tag.consent !== "wait";
let isNew = false;

const read = (code: string | null | undefined, clickId: string | null | undefined): Came | null =>
  code && CODE.test(code) ? { code, clickId: clickId && CLICK.test(clickId) ? clickId : "" } : null;

const inAddress = (): Came | null => {
  const asked = new URLSearchParams(location.search);
  return read(asked.get(parameter), asked.get(`${parameter}_id`));
};

const kept = (): Came | null => {
  const [, value = ""] = new RegExp(`(?:^|; )${COOKIE}=([^;]*)`).exec(document.cookie) ?? [];
  const [code, clickId] = value.split(".");
  return read(code, clickId);
};

const write = (value: string, seconds: number): void => {
  const domain = tag.domain ? `; Domain=${tag.domain}` : "";
  const secure = location.protocol === "https:" ? "; Secure" : "";
  // biome-ignore lint/suspicious/noDocumentCookie: the other way to set one is not in every browser
  document.cookie = `${COOKIE}=${value}; Max-Age=${seconds}; Path=/${domain}; SameSite=Lax${secure}`;
};

let came = inAddress();
if (came) isNew = true;
else came = kept();

/** The site's own server sets the cookie where it can, for browsers keep a script's for a week; else this does. */
const keep = (): void => {
  if (!came || !isNew || !allowed || days <= 0) return;
  isNew = false;
  const { code, clickId } = came;
  const byScript = () => allowed && write(`${code}.${clickId}`, days * 86400);
  if (!tag.server) return void byScript();
  const body = JSON.stringify({ code, clickId });
  const headers = { "content-type": "application/json" };
  // an address of another site is none of the site's own server
  const to = new URL(tag.server, location.href);
  if (to.origin !== location.origin) return void byScript();
  fetch(to, { method: "POST", headers, body, keepalive: true }).then((answer) => answer.ok || byScript(), byScript);
};

const fill = (): void => {
  if (!came) return;
  const { code, clickId } = came;
  for (const each of document.querySelectorAll<HTMLElement>("[data-refledger]")) {
    if (each instanceof HTMLInputElement) each.value = each.dataset.refledger === "click" ? clickId : code;
    else if (each instanceof HTMLAnchorElement) {
      const to = new URL(each.href);
      to.searchParams.set("client_reference_id", clickId || code);
      each.href = to.href;
    }
  }
};

Object.assign(window, {
  refledger: {
    code: () => came?.code ?? "",
    clickId: () => came?.clickId ?? "",
    /** Whether it may be kept; false takes out what is there. */
    consent: (given: boolean) => {
      allowed = given;
      if (given) return keep();
      isNew = !!came;
      write("", 0);
    },
    fill,
  },
});
keep();
// a form that comes later is filled when it is sent, a link when it is followed
for (const kind of ["DOMContentLoaded", "submit", "click"]) document.addEventListener(kind, fill, true);
fill();
