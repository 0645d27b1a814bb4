/** What several screens of the console share. */
import { useLocation } from "preact-iso";
import { api, done, type Schema } from "../shared/api";
import { Dialog, Select } from "../shared/forms";
import { may } from "../shared/session";
import { many, t, word } from "../shared/texts";
import { Button, useLoad } from "../shared/ui";

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

/** The way back to the list of which this is one, and to what the audit knows of it. */
export const Crumbs = (props: { to: string; name: string; id?: string }) => (
  <p class="crumbs">
    <a href={props.to}>{props.name}</a>
    {props.id && may("GET /api/v1/audit") && <a href={`/console/audit?entity=${props.id}`}>{t("whoDidWhat")}</a>}
  </p>
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
export function Results(props: {
  results: { id: string | null; code: string | null; detail: string | null }[];
  of: { id: string; name: string }[];
  /** Where each of them is shown: withdrawals, unless it is said. */
  path?: string;
}) {
  const names = new Map(props.of.map((each) => [each.id, each.name]));
  const refused = props.results.filter((each) => each.code);
  const waiting = props.results.filter((each) => !each.code && each.detail);
  const finished = props.results.length - refused.length - waiting.length;
  return (
    <div role="status">
      {finished > 0 && <p>✓ {many("decided", finished)}</p>}
      {waiting.length > 0 && (
        <p>
          {many("waitForSecond", waiting.length)} {waiting.map((each) => names.get(each.id ?? "")).join(", ")}
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
                <a href={`${props.path ?? "/console/withdrawals"}/${each.id}`}>{names.get(each.id ?? "") ?? each.id}</a>
                : {each.detail}
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

/** The same in a dialog, once many were decided at a time. */
export const ResultsDialog = (props: Parameters<typeof Results>[0] & { onClose: () => void }) => (
  <Dialog title={t("result")} onClose={props.onClose}>
    <Results {...props} />
    <footer class="buttons">
      <Button kind="primary" onClick={props.onClose}>
        {t("close")}
      </Button>
    </footer>
  </Dialog>
);

/** Of which program, where there are several. */
export function ProgramFilter(props: { value: string; onChange: (id: string) => void }) {
  const known = useLoad(programs, []);
  const all = known.data?.data ?? [];
  if (all.length < 2) return null;
  const options = all.map((each): [string, string] => [each.id, each.name]);
  return <Select label={t("program")} {...props} options={[["", t("all")], ...options]} />;
}

/** The program that is looked at: the one that was chosen, else `default` or the first there is. */
export async function programOf(chosen: string): Promise<string> {
  if (chosen) return chosen;
  const all = (await programs()).data.map((each) => each.id);
  return all.includes("default") ? "default" : (all[0] ?? "default");
}

/** Of which program, where there are several and it has to be one. */
export function ProgramChoice(props: { value: string; onChange: (id: string) => void }) {
  const known = useLoad(async () => ({ all: (await programs()).data, first: await programOf("") }), []);
  if (!known.data || known.data.all.length < 2) return null;
  const options = known.data.all.map((each): [string, string] => [each.id, each.name]);
  return (
    <Select label={t("program")} value={props.value || known.data.first} options={options} onChange={props.onChange} />
  );
}

/** That only what is one partner's is shown, and the way back to all. */
export function OfPartner({ id, back }: { id: string; back: string }) {
  const partner = useLoad(
    async () => (id ? done(api.GET("/api/v1/partners/{partnerId}", { params: { path: { partnerId: id } } })) : null),
    [id],
  );
  if (!id || !partner.data) return null;
  const { companyName, firstName, lastName, referralCode } = partner.data;
  return (
    <p class="muted">
      {t("onlyOf")}{" "}
      <a href={`/console/partners/${id}`}>{companyName || `${firstName} ${lastName}`.trim() || referralCode}</a> ·{" "}
      <a href={back}>{t("showAll")}</a>
    </p>
  );
}

/** What is given, without what is empty. */
export const given = <T extends Record<string, string>>(of: T): Partial<T> =>
  Object.fromEntries(Object.entries(of).filter(([, value]) => value)) as Partial<T>;

/** A list of words that was typed with commas between them. */
export const words = (typed: string): string[] =>
  typed
    .split(",")
    .map((each) => each.trim())
    .filter(Boolean);

export const programs = () => done(api.GET("/api/v1/programs", { params: { query: { limit: 100 } } }));

const SOURCES = ["WEBSITE", "MOBILE_APP", "EMAIL", "PHONE", "IN_PERSON", "SOCIAL_MEDIA", "OTHER", "UNKNOWN"] as const;

export type Source = (typeof SOURCES)[number];

export const sourceOptions = (): [string, string][] => SOURCES.map((each) => [each, word("SOURCE", each)]);
