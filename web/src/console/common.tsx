/** What several screens of the console share. */
import { useLocation } from "preact-iso";
import { api, done, type Schema } from "../shared/api";
import { Select } from "../shared/forms";
import { many, t } from "../shared/texts";
import { useLoad } from "../shared/ui";

export type Withdrawal = Schema["StaffWithdrawalView"];
export type BulkResult = Schema["WithdrawalBulkResult"];

export const nameOf = (of: {
  partnerName?: string | null;
  partnerCompany?: string | null;
  partnerId: string;
}): string => of.partnerCompany || of.partnerName || of.partnerId;

/** A partner by name, with the person behind a company. */
export const PartnerLink = ({ of }: { of: Parameters<typeof nameOf>[0] }) => (
  <a href={`/console/partners/${of.partnerId}`} class="who">
    {nameOf(of)}
    {of.partnerCompany && of.partnerName && <small class="muted">{of.partnerName}</small>}
  </a>
);

/** The filters of a list, kept in its address: deep links and the browser's back do what they should. */
export function useFilters<K extends string>(path: string, defaults: Record<K, string>) {
  const { query, route } = useLocation();
  const values = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, query[name] ?? value]),
  ) as Record<K, string>;
  const set = (name: K, value: string) => {
    const wanted = Object.entries<string>({ ...values, [name]: value });
    const said = wanted.filter(([each, told]) => told !== defaults[each as K]);
    const text = new URLSearchParams(said).toString();
    route(text ? `${path}?${text}` : path);
  };
  return [values, set] as const;
}

/** What became of each of many: what was done, and by name what was not, and why. */
export function Results(props: { results: BulkResult[]; of: { id: string; name: string }[] }) {
  const names = new Map(props.of.map((each) => [each.id, each.name]));
  const refused = props.results.filter((each) => each.code);
  const waiting = props.results.filter((each) => !each.code && each.detail);
  const finished = props.results.length - refused.length - waiting.length;
  return (
    <div role="status">
      {finished > 0 && <p>✓ {many("decided", finished)}</p>}
      {waiting.length > 0 && (
        <p>
          {many("waitForSecond", waiting.length)} {waiting.map((each) => names.get(each.id)).join(", ")}
        </p>
      )}
      {refused.length > 0 && (
        <>
          <p>
            <strong>{many("notDone", refused.length)}</strong>
          </p>
          <ul>
            {refused.map((each) => (
              <li key={each.id}>
                <a href={`/console/withdrawals/${each.id}`}>{names.get(each.id)}</a>: {each.detail}
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

/** Of which program, where there are several. */
export function ProgramFilter(props: { value: string; onChange: (id: string) => void }) {
  const known = useLoad(programs, []);
  const all = known.data?.data ?? [];
  if (all.length < 2) return null;
  const options = all.map((each): [string, string] => [each.id, each.name]);
  return <Select label={t("program")} {...props} options={[["", t("all")], ...options]} />;
}

export const programs = () => done(api.GET("/api/v1/programs", { params: { query: { limit: 100 } } }));
