/** What the function that served this page says of its stack. */
type Settings = { authority: string; clientId: string };

const element = document.getElementById("settings");

export const settings: Settings = JSON.parse(element?.textContent || "{}");

/** Which of the two apps this is: the first part of its addresses. */
export const app = location.pathname.split("/")[1] === "portal" ? "portal" : "console";
