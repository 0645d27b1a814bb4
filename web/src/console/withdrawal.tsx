/** One withdrawal: what speaks against it and why, what happened, what can be done now. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useRoute } from "preact-iso";
import { api, done, type Schema, write } from "../shared/api";
import { ago } from "../shared/dates";
import { money } from "../shared/money";
import { session } from "../shared/session";
import { many, t, word } from "../shared/texts";
import { Dialog, Form, TextField } from "../shared/forms";
import {
  asProblem,
  Badge,
  Button,
  Empty,
  Facts,
  Money,
  Part,
  Show,
  Status,
  Title,
  tell,
  Trouble,
  useLoad,
  When,
} from "../shared/ui";
import type { Problem } from "../shared/api";
import { Crumbs, nameOf, PartnerLink, type Withdrawal } from "./common";

type Action = NonNullable<Withdrawal["actions"]>[number];
type Happening = Schema["HappeningView"];
type Whole = {
  it: Withdrawal;
  events: Happening[];
  methods: Schema["StaffMethodView"][];
  signals: Schema["SignalView"][];
};

async function load(id: string): Promise<Whole> {
  const params = { path: { withdrawalId: id } };
  const [it, timeline] = await Promise.all([
    done(api.GET("/api/v1/withdrawals/{withdrawalId}", { params: { ...params, query: { account: false } } })),
    done(api.GET("/api/v1/withdrawals/{withdrawalId}/timeline", { params })),
  ]);
  const partner = { params: { path: { partnerId: it.partnerId } } };
  const [methods, signals] = await Promise.all([
    done(api.GET("/api/v1/partners/{partnerId}/payout-methods", partner)),
    it.risks?.length ? done(api.GET("/api/v1/partners/{partnerId}/signals", partner)) : { data: [] },
  ]);
  return { it, events: timeline.events, methods: methods.data, signals: signals.data };
}

export default function Screen() {
  const { id = "" } = useRoute().params;
  const whole = useLoad(() => load(id), [id]);
  return <Show of={whole}>{(data) => <Shown {...data} reload={whole.reload} />}</Show>;
}

function Shown({ it, events, methods, signals, reload }: Whole & { reload: () => void }) {
  const [action, setAction] = useState<Action>();
  const me = session.value?.id;
  const mine = it.approvals.find((each) => each.by === me && each.to === "APPROVED");
  const actions = (it.actions ?? []).filter((each) => !(each === "APPROVE" && it.status === "REQUESTED" && mine));
  return (
    <>
      <Crumbs to="/console/withdrawals" name={t("withdrawals")} id={it.id} />
      <Title text={t("withdrawalOf", { amount: money(it.amountDecimal, it.currency), name: nameOf(it) })}>
        <Status of={it.status} />
        {it.problem && <Badge tone="bad">{word("PROBLEM_OF", it.problem)}</Badge>}
      </Title>
      {it.problem && <p class="notice bad">{word("PROBLEM_ABOUT", it.problem)}</p>}
      {mine && it.status === "REQUESTED" && <p class="notice">{t("youSaidYes")}</p>}
      {!mine && it.status === "REQUESTED" && it.approvals[0] && (
        <p class="notice">{t("saidYes", { name: it.approvals[0].byName ?? it.approvals[0].by })}</p>
      )}
      {actions.length > 0 && (
        <div class="buttons start">
          {actions.map((each) => (
            <Button
              key={each}
              kind={["REJECT", "MARK_FAILED", "MARK_RETURNED"].includes(each) ? "danger" : "primary"}
              onClick={() => setAction(each)}
            >
              {word("ACTION", each)} …
            </Button>
          ))}
        </div>
      )}
      <div class="columns">
        <div>
          <Against of={it} />
          <Part title={t("risks")}>
            <RiskList it={it} methods={methods} signals={signals} />
          </Part>
          <Part title={t("whatHappened")}>
            <ol class="timeline">
              {events.map((each, place) => (
                <li key={`${each.at}-${place}`}>
                  <When at={each.at} />
                  <Sentence of={each} it={it} />
                </li>
              ))}
            </ol>
          </Part>
        </div>
        <div>
          <Part title={t("payment")}>
            <Facts
              of={[
                [t("partner"), <PartnerLink key="p" of={it} />],
                [t("amount"), <Money key="m" decimal={it.amountDecimal} currency={it.currency} />],
                [t("asked"), <When key="a" at={it.createdAt} />],
                ...(it.status === "REQUESTED"
                  ? [[t("expires"), <When key="e" at={it.expiresAt} relative />] as [string, ComponentChildren]]
                  : []),
                [t("program"), it.programId],
                [t("holder"), it.payoutMethod.accountHolder || "–"],
                [t("account"), it.payoutMethod.account || it.payoutMethod.type],
                ...(it.transactionId ? [[t("transactionId"), it.transactionId] as [string, ComponentChildren]] : []),
                ...(it.batchId
                  ? [
                      [
                        t("batch"),
                        <a key="b" href={`/console/payouts/${it.batchId}`}>
                          {t("openBatch")}
                        </a>,
                      ] as [string, ComponentChildren],
                    ]
                  : []),
              ]}
            />
            <Account of={it} />
          </Part>
        </div>
      </div>
      {action && (
        <Act
          action={action}
          it={it}
          onClose={() => setAction(undefined)}
          onDone={(now) => {
            setAction(undefined);
            tell(t("nowIs", { status: word("STATUS", now.status) }));
            reload();
          }}
        />
      )}
    </>
  );
}

/** What stands against paying it now, and who can let it go in spite of that. */
function Against({ of }: { of: Withdrawal }) {
  if (!of.blockers?.length) return null;
  return (
    <Part title={t("against")}>
      <ul class="risks">
        {of.blockers.map((each) => (
          <li key={each.code + (each.referralId ?? "")}>
            <Badge tone="bad">{word("BLOCKER", each.code)}</Badge> {each.text}
            <small class="muted">{word("WEIGHT", each.weight)}</small>
          </li>
        ))}
      </ul>
    </Part>
  );
}

/** Each risk with what it was seen by. */
function RiskList({ it, methods, signals }: Pick<Whole, "it" | "methods" | "signals">) {
  if (it.risks === null) return <Empty title={t("assessing")}>{t("assessingAbout")}</Empty>;
  if (it.risks.length === 0) return <Empty title={t("noRisks")} />;
  const method = methods.find((each) => each.id === it.payoutMethod.id && !each.disabledAt);
  const seen = (risk: string): ComponentChildren => {
    switch (risk) {
      case "NEW_PAYOUT_METHOD":
        return method && t("seenMethod", { account: method.account, when: ago(method.createdAt) });
      case "UNVERIFIED_PAYOUT_METHOD":
        return method && t(method.verifiedAt ? "seenVerified" : "seenUnverified", { account: method.account });
      case "SHARED_ACCOUNT":
      case "TWIN":
      case "SELF_REFERRAL":
        return signals
          .filter((each) => each.type === risk)
          .flatMap((each) => each.partners.map((other) => ({ other, of: each.of })))
          .map(({ other, of }) => (
            <span key={other.partnerId + of}>
              {word("SHARED", of)}:{" "}
              <a href={`/console/partners/${other.partnerId}`}>
                {other.companyName || `${other.firstName} ${other.lastName}`.trim() || other.partnerId}
              </a>{" "}
            </span>
          ));
      case "DEBT":
      case "CUSTOMER_REJECTED":
        return it.blockers
          ?.filter((each) => each.code === risk)
          .map(
            (each) =>
              each.amountDecimal &&
              each.currency && <Money key={each.currency} decimal={each.amountDecimal} currency={each.currency} />,
          );
      default:
        return null;
    }
  };
  return (
    <ul class="risks">
      {it.risks.map((risk) => (
        <li key={risk}>
          <Badge tone="wait">{word("RISK", risk)}</Badge> {word("RISK_ABOUT", risk)}
          <small class="muted">{seen(risk)}</small>
        </li>
      ))}
    </ul>
  );
}

const who = (of: Happening): string => (of.by === "system" ? t("system") : (of.byName ?? of.by ?? t("system")));

function Sentence({ of, it }: { of: Happening; it: Withdrawal }) {
  const key = of.what === "STATUS" ? `HAPPENED_${of.status}` : `HAPPENED_${of.what}`;
  const values = { name: who(of), amount: money(it.amountDecimal, it.currency) };
  return (
    <div>
      {t(key as Parameters<typeof t>[0], values)}
      {of.note && <q>{of.note}</q>}
      {of.debit && of.credit && (
        <small class="muted">
          {values.amount}: {word("LEG", of.debit)} → {word("LEG", of.credit)}
        </small>
      )}
    </div>
  );
}

/** The whole account, for whoever asks for it: the API writes down who did. */
function Account({ of }: { of: Withdrawal }) {
  const [account, setAccount] = useState<Schema["BankAccountView"]>();
  const [problem, setProblem] = useState<Problem>();
  const roles = session.value?.roles ?? [];
  const canSee = ["APPROVED", "PAYING"].includes(of.status) && roles.some((role) => role !== "support");
  if (!canSee || !of.payoutMethod.id) return null;
  const show = () =>
    done(api.GET("/api/v1/withdrawals/{withdrawalId}", { params: { path: { withdrawalId: of.id } } })).then(
      (whole) => setAccount(whole.account ?? undefined),
      (error) => setProblem(asProblem(error)),
    );
  if (problem) return <Trouble problem={problem} retry={show} />;
  if (!account)
    return (
      <>
        <Button onClick={show}>{t("showAccount")}</Button> <small class="muted">{t("showAccountAbout")}</small>
      </>
    );
  const told: [string, string | null | undefined][] = [
    [t("holder"), account.accountHolder],
    ["IBAN", account.iban],
    ["BIC", account.bic],
    [t("number"), account.accountNumber],
    [t("bankCode"), account.bankCode],
    [t("country"), account.country],
    ["Stripe", account.stripeAccountId],
  ];
  return (
    <Facts of={told.filter(([, value]) => value).map(([name, value]) => [name, <code key={name}>{value}</code>])} />
  );
}

const ROUTES = {
  APPROVE: "approve",
  REJECT: "reject",
  MARK_PAID: "mark-paid",
  MARK_FAILED: "mark-failed",
  RETRY: "retry",
  MARK_RETURNED: "mark-returned",
  RESOLVE: "resolve",
} as const;

function Act(props: { action: Action; it: Withdrawal; onClose: () => void; onDone: (now: Withdrawal) => void }) {
  const { action, it } = props;
  const [note, setNote] = useState("");
  const [transactionId, setTransactionId] = useState("");
  const asksTransaction = ["MARK_PAID", "MARK_FAILED", "MARK_RETURNED"].includes(action);
  const needsTransaction =
    action === "MARK_PAID" || action === "MARK_RETURNED" || (action === "MARK_FAILED" && it.batchId !== null);
  const needsNote =
    ["REJECT", "MARK_RETURNED", "RESOLVE"].includes(action) ||
    (action === "MARK_FAILED" && needsTransaction) ||
    (["APPROVE", "MARK_PAID"].includes(action) && Boolean(it.blockers?.length));
  const act = async (key: string) => {
    const params = { path: { withdrawalId: it.id }, header: { "Idempotency-Key": key } };
    const body = { note, ...(asksTransaction && transactionId && { transactionId }) };
    // each of these takes a note and, of those where it is asked for, the bank's reference
    const path =
      `/api/v1/withdrawals/{withdrawalId}/${ROUTES[action]}` as "/api/v1/withdrawals/{withdrawalId}/mark-paid";
    props.onDone(await write(api.POST(path, { params, body: body as Schema["TransactionBody"] })));
  };
  return (
    <Dialog title={word("ACTION", action)} onClose={props.onClose}>
      <p class="sum">
        {nameOf(it)} · <Money decimal={it.amountDecimal} currency={it.currency} />
      </p>
      <p>{word("ACTION_ABOUT", action)}</p>
      {it.risks && it.risks.length > 0 && action === "APPROVE" && (
        <p class="notice">
          {many("risksToTake", it.risks.length)} {it.risks.map((each) => word("RISK", each)).join(", ")}
        </p>
      )}
      <Form
        submit={word("ACTION", action)}
        kind={["REJECT", "MARK_FAILED", "MARK_RETURNED"].includes(action) ? "danger" : "primary"}
        input={[action, note, transactionId]}
        act={act}
        onCancel={props.onClose}
      >
        {asksTransaction && (
          <TextField
            label={t("transactionId")}
            value={transactionId}
            onInput={setTransactionId}
            required={needsTransaction}
            hint={t("transactionHint")}
            maxLength={140}
          />
        )}
        <TextField
          long
          label={t("note")}
          value={note}
          onInput={setNote}
          required={needsNote}
          hint={t("noteHint")}
          maxLength={500}
        />
      </Form>
    </Dialog>
  );
}
