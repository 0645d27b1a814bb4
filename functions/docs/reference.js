// What the page can do beyond being read: search, samples in one's language, and trying a call on this very stack.
// A token that is typed here stays in this page's memory, and goes nowhere but to this stack.
"use strict";
(() => {
  const LANGUAGES = ["curl", "Python", "TypeScript"];
  const KEPT = "refledger.docs.language";
  const root = document.documentElement;
  let token = "";

  const make = (tag, fields = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), fields);
    made.append(...children);
    return made;
  };

  // ------------------------------------------------------------ search and deep links
  const search = document.querySelector(".search");
  const found = document.querySelector(".found");
  const groups = [...document.querySelectorAll("nav details details")];
  search.hidden = false;
  const find = () => {
    const words = search.querySelector("input").value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const group of groups) {
      let here = 0;
      for (const item of group.querySelectorAll("li")) {
        const link = item.firstChild;
        const text = `${link.textContent} ${link.dataset.words} ${link.hash}`.toLowerCase();
        item.hidden = !words.every((word) => text.includes(word));
        here += item.hidden ? 0 : 1;
      }
      group.hidden = !here;
      group.open = words.length > 0 && here > 0;
      count += here;
    }
    found.textContent = words.length ? `${count} found` : "";
  };
  search.addEventListener("input", find);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/INPUT|TEXTAREA/.test(document.activeElement.tagName)) {
      event.preventDefault();
      search.querySelector("input").focus();
    }
  });
  const go = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target?.matches("details")) target.open = true;
    requestAnimationFrame(() => target?.scrollIntoView());
  };
  addEventListener("hashchange", go);
  if (matchMedia("(max-width: 62rem)").matches) document.querySelector(".menu").open = false;

  // ------------------------------------------------------------ samples
  const remembered = (value) => {
    try {
      if (value) localStorage.setItem(KEPT, value);
      return localStorage.getItem(KEPT);
    } catch {
      return value; // storage may be forbidden
    }
  };
  const show = (language) => {
    root.dataset.show = language;
    for (const each of document.querySelectorAll(".languages button"))
      each.setAttribute("aria-pressed", String(each.textContent === language));
  };
  const copies = (pre) => {
    const copy = make("button", { type: "button", textContent: "Copy" });
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(pre().textContent);
      copy.textContent = "Copied";
      setTimeout(() => (copy.textContent = "Copy"), 1500);
    });
    return copy;
  };

  // ------------------------------------------------------------ trying
  // Inside a page that the console opened, its sign-in is at hand.
  const consoles = () => {
    const key = Object.keys(sessionStorage).find((each) => each.startsWith("oidc.user:"));
    return key ? (JSON.parse(sessionStorage.getItem(key)).access_token ?? "") : "";
  };
  const field = (name, fields) => make("label", {}, name, make(fields.rows ? "textarea" : "input", fields));

  const form = (operation) => {
    const { method, path } = operation.dataset;
    const made = make("form", { className: "try", autocomplete: "off" }, make("h4", { textContent: "Try it on this stack" }));
    const given = [...operation.querySelectorAll("tr[data-in]")].map((row) => ({ ...row.dataset }));
    if (operation.dataset.open === undefined)
      made.append(field("Access token", { name: "token", type: "password", value: token || consoles() }));
    for (const each of given) made.append(field(`${each.name} (${each.in})`, { name: `${each.in}:${each.name}`, value: each.example }));
    const sample = operation.querySelector("[data-role=body]");
    if (sample) made.append(field("Body", { name: "body", rows: 8, value: sample.textContent }));
    if (method !== "get")
      made.append(make("label", { className: "sure" }, make("input", { type: "checkbox", required: true }), "This may change the data of this stack"));
    const output = make("pre", { tabIndex: 0, hidden: true });
    output.setAttribute("role", "status");
    made.append(make("button", { textContent: `Send ${method.toUpperCase()}` }), output);
    made.addEventListener("submit", async (event) => {
      event.preventDefault();
      const values = new FormData(made);
      token = values.get("token") ?? token;
      const headers = token && operation.dataset.open === undefined ? { Authorization: `Bearer ${token}` } : {};
      const query = new URLSearchParams();
      let to = path;
      for (const each of given) {
        const value = values.get(`${each.in}:${each.name}`);
        if (each.in === "path") to = to.replace(`{${each.name}}`, encodeURIComponent(value));
        else if (value && each.in === "query") query.append(each.name, value);
        else if (value) headers[each.name] = value;
      }
      if (sample) headers["Content-Type"] = sample.dataset.kind;
      output.hidden = false;
      output.textContent = "…";
      try {
        const url = new URL(to.slice(1) + (query.size ? `?${query}` : ""), document.baseURI.replace(/docs.*$/, ""));
        const answer = await fetch(url, { method: method.toUpperCase(), headers, body: sample ? values.get("body") : undefined });
        const text = await answer.text();
        const told = ["etag", "location", "retry-after", "ratelimit"].filter((name) => answer.headers.has(name));
        const head = [`${answer.status} ${answer.statusText}`, ...told.map((name) => `${name}: ${answer.headers.get(name)}`)];
        output.textContent = `${head.join("\n")}\n\n${pretty(text)}`;
      } catch (error) {
        output.textContent = `No answer: ${error.message}. Whether it was done is not known.`;
      }
    });
    return made;
  };
  const pretty = (text) => {
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  };

  const enrich = (operation) => {
    const first = operation.querySelector("[data-language]");
    const bar = make("div", { className: "languages" });
    for (const language of LANGUAGES) {
      const choose = make("button", { type: "button", textContent: language });
      choose.addEventListener("click", () => show(remembered(language) ?? language));
      bar.append(choose);
    }
    bar.append(copies(() => operation.querySelector(`[data-language=${root.dataset.show}]`)));
    first.before(bar);
    for (const pre of operation.querySelectorAll("pre")) pre.tabIndex = 0;
    operation.querySelector(".in").append(form(operation));
    show(root.dataset.show);
  };
  for (const operation of document.querySelectorAll(".operation"))
    operation.addEventListener("toggle", () => enrich(operation), { once: true });
  show(LANGUAGES.includes(remembered()) ? remembered() : "curl");
  go();
})();
