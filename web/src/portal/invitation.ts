/**
 * The token of an invitation, from the part of a link behind `#`, which no server sees: kept in this tab over the sign-in,
 * and out of the address at once.
 */
const NAME = "invitation";

export function keepInvitation(): void {
  const given = location.hash.slice(1);
  if (location.pathname !== "/portal/join" || !given) return;
  sessionStorage.setItem(NAME, given);
  history.replaceState(null, "", location.pathname);
}

export const invitation = (): string => sessionStorage.getItem(NAME) ?? "";

export const forgetInvitation = (): void => sessionStorage.removeItem(NAME);
