/** What several screens of the console share. */
import { useLocation } from "preact-iso";
import { api, done, type Schema, write } from "../shared/api";
import { sums } from "../shared/money";
import { many, t, word } from "../shared/texts";
import { Dialog, Form, TextField } from "../shared/forms";
import { Badge, Sums } from "../shared/ui";

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

export const Risks = ({ of }: { of: Withdrawal }) => {
  if (of.risks === null) return <span class="muted">{t("assessing")}</span>;
  if (of.risks.length === 0) return <span class="muted">{t("noRisks")}</span>;
  const [first, ...others] = of.risks;
  return (
    <>
      <Badge tone="wait" title={first && word("RISK_ABOUT", first)}>
        {first && word("RISK", first)}
      </Badge>
      {others.length > 0 && (
        <Badge title={others.map((each) => word("RISK", each)).join(", ")}>{`+${others.length}`}</Badge>
      )}
    </>
  );
};

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

/** Decide about the withdrawals that are ticked: one note for all, each by itself. */
export function Decide(props: {
  what: "approve" | "reject";
  of: Withdrawal[];
  note: string;
  onNote: (note: string) => void;
  onDone: (results: BulkResult[]) => void;
  onClose: () => void;
}) {
  const { what, of, note } = props;
  const withdrawalIds = of.map((each) => each.id);
  const act = async (key: string) => {
    const params = { header: { "Idempotency-Key": key } };
    const body = { withdrawalIds, note };
    const call =
      what === "approve"
        ? api.POST("/api/v1/withdrawals/bulk-approve", { params, body })
        : api.POST("/api/v1/withdrawals/bulk-reject", { params, body });
    props.onDone((await write(call)).results);
  };
  return (
    <Dialog title={many(what === "approve" ? "approveMany" : "rejectMany", of.length)} onClose={props.onClose}>
      <p class="sum">
        <Sums of={sums(of)} />
      </p>
      <ul class="names">
        {of.map((each) => (
          <li key={each.id}>
            {nameOf(each)} <Sums of={sums([each])} />
          </li>
        ))}
      </ul>
      <Form
        submit={t(what === "approve" ? "approve" : "reject")}
        kind={what === "approve" ? "primary" : "danger"}
        input={[what, withdrawalIds, note]}
        act={act}
        onCancel={props.onClose}
      >
        <TextField
          long
          label={t("note")}
          value={note}
          onInput={props.onNote}
          required={what === "reject"}
          hint={t(what === "approve" ? "approveHint" : "rejectHint")}
          maxLength={500}
        />
      </Form>
    </Dialog>
  );
}

export const programs = () => done(api.GET("/api/v1/programs", { params: { query: { limit: 100 } } }));
