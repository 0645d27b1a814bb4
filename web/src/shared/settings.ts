/** What the function that served this page says of its stack; of an embedded portal, what its program says. */
type Settings = {
  authority: string;
  clientId: string;
  program?: string;
  name: string;
  logoUrl: string;
  accent: string;
  origins: string[];
};

const element = document.getElementById("settings");

export const settings: Settings = JSON.parse(element?.textContent || "{}");

/** Whether this is the portal on somebody else's page: it reads and shares, and nobody signs in to it. */
export const isEmbedded = settings.program !== undefined;

/** Which of the apps this is: the first part of its addresses. */
export const app = location.pathname.split("/")[1] === "console" ? "console" : "portal";

/** A word that this browser keeps for the next visit; nothing where it keeps none, as in a frame of another site. */
export const memory = {
  get(name: string): string | null {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  },
  set(name: string, text: string): void {
    try {
      localStorage.setItem(name, text);
    } catch {
      // it is chosen again next time
    }
  },
};
