/** What is at hand on every screen of the console: the search (`/`), and the keys (`?`). */
import { useLocation } from "preact-iso";
import { useEffect, useRef, useState } from "preact/hooks";
import { Dialog } from "../shared/forms";
import { t, word } from "../shared/texts";

const KEYS = [
  ["search", "/"],
  ["help", "?"],
  ["next", "j ↓"],
  ["previous", "k ↑"],
  ["open", "Enter"],
  ["choose", "x"],
  ["close", "Esc"],
] as const;

// of an API key only what leads to it: the rest opens, and belongs in no address
const withoutSecret = (q: string): string => q.replace(/^(rl_(?:live|test)_[0-9a-v]{16})[0-9a-v]+$/, "$1");

export function Tools() {
  const { query, path, route } = useLocation();
  const asked = path === "/console/search" ? (query.q ?? "") : "";
  const [typed, setTyped] = useState(asked);
  const [isHelp, setHelp] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => setTyped(asked), [asked]);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const at = event.target as HTMLElement;
      const isTyping = at.matches?.("input:not([type=checkbox]):not([type=radio]), select, textarea");
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping || document.querySelector("dialog[open]")) return;
      if (event.key === "/") input.current?.focus();
      else if (event.key === "?") setHelp(true);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    const q = withoutSecret(typed.trim());
    if (q) route(`/console/search?${new URLSearchParams({ q })}`);
  };
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: not every browser knows <search> */}
      <form class="search" role="search" onSubmit={submit}>
        <input
          ref={input}
          type="search"
          aria-label={t("searchAll")}
          placeholder={t("search")}
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        <button type="button" class="button" aria-label={t("keys")} title={t("keys")} onClick={() => setHelp(true)}>
          ?
        </button>
      </form>
      {isHelp && (
        <Dialog title={t("keys")} onClose={() => setHelp(false)}>
          <dl class="facts">
            {KEYS.map(([name, keys]) => (
              <div key={name}>
                <dt>
                  {keys.split(" ").map((each) => (
                    <kbd key={each}>{each}</kbd>
                  ))}
                </dt>
                <dd>{word("KEY", name)}</dd>
              </div>
            ))}
          </dl>
        </Dialog>
      )}
    </>
  );
}
