/** Links from one screen of the portal to another: where it is embedded, to a tab, or to the whole portal beside it. */
import { isEmbedded } from "../shared/settings";

const EMBEDDED = ["share", "referrals", "earnings"];

export function to(screen: string): { href: string; target?: string; rel?: string } {
  if (!isEmbedded) return { href: `/portal/${screen}` };
  return EMBEDDED.includes(screen.split("?")[0] ?? "")
    ? { href: `#${screen}` }
    : { href: `/portal/${screen}`, target: "_blank", rel: "noopener" };
}
