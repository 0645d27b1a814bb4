/**
 * For the owner's own pages, as `/embed.js`: puts the partner's portal into an element, and hands it its token.
 *
 *     <div id="portal"></div>
 *     <script src="https://API/embed.js" data-program="default" data-token-url="/partner-token" data-into="#portal"></script>
 *
 * `data-token-url`: of the page's own server, which answers `{"token": …}`; asked for again before it ends. A script of
 * one's own calls `refledgerPortal(element, {program, token: async () => "rlp_…", language})`, which returns the frame.
 */
(() => {
  const script = document.currentScript as HTMLScriptElement;
  const api = new URL(script.src).origin;
  type Options = { program: string; token: () => Promise<string>; language?: string | undefined };

  const show = (into: Element, { program, token, language }: Options): HTMLIFrameElement => {
    const frame = document.createElement("iframe");
    const told = new URLSearchParams({ origin: location.origin, ...(language ? { language } : {}) });
    frame.src = `${api}/embed/${encodeURIComponent(program)}#${told}`;
    frame.title = script.dataset.title || "Partner portal";
    frame.allow = "clipboard-write";
    frame.style.cssText = "display:block;width:100%;height:40rem;border:0";
    addEventListener("message", async ({ origin, source, data }) => {
      if (origin !== api || source !== frame.contentWindow || data?.refledger !== 1) return;
      if (data.height > 0) frame.style.height = `${Math.ceil(data.height)}px`;
      if (data.wants !== "token") return;
      const answer = await token().then(
        (given) => ({ token: given }),
        () => ({ failed: true }),
      );
      frame.contentWindow?.postMessage({ refledger: 1, ...answer }, api);
    });
    into.replaceChildren(frame);
    return frame;
  };

  const { program, tokenUrl, into, language } = script.dataset;
  const ask = async (): Promise<string> => {
    const answer = await fetch(tokenUrl as string, { method: "POST", headers: { accept: "application/json" } });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return (await answer.json()).token;
  };
  const begin = () => {
    const place = document.querySelector(into as string);
    if (place) show(place, { program: program as string, token: ask, language });
  };
  Object.assign(window, { refledgerPortal: show });
  if (program && tokenUrl && into)
    document.readyState === "loading" ? addEventListener("DOMContentLoaded", begin) : begin();
})();
