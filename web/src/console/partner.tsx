/** One partner: who they are, what they have, where it goes. */
import { useState } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { api, done, type Schema, write } from "../shared/api";
import { digitsOf } from "../shared/currencies";
import { may } from "../shared/session";
import { number, t, word } from "../shared/texts";
import { Dialog, Form, TextField } from "../shared/forms";
import { accountColumn, Listed } from "../shared/listed";
import {
  Badge,
  Button,
  type Column,
  Empty,
  Facts,
  Money,
  Part,
  Show,
  Status,
  Title,
  tell,
  useLoad,
  usePages,
  When,
} from "../shared/ui";
import { type Action, type ActionField, Actions, reason } from "./act";
import { Crumbs, type Withdrawal, words } from "./common";
import { Edit } from "./edit";
import { Codes, Figures, Lines, Notes, Statements } from "./partner-tabs";
import { Rates } from "./rates";

type Partner = Schema["PartnerView"];
const TABS = ["overview", "codes", "notes", "lines", "figures", "statements"] as const;
type Method = Schema["StaffMethodView"];

export default function Screen() {
  const { id = "" } = useRoute().params;
  const path = { params: { path: { partnerId: id } } };
  const partner = useLoad(() => done(api.GET("/api/v1/partners/{partnerId}", path)), [id]);
  return <Show of={partner}>{(data) => <Shown it={data} reload={partner.reload} />}</Show>;
}

function Shown({ it, reload }: { it: Partner; reload: () => void }) {
  const [edited, setEdited] = useState<"profile" | "tags" | "rates">();
  const { query } = useLocation();
  const tab = TABS.find((each) => each === query.tab) ?? "overview";
  const program = useLoad(
    () => done(api.GET("/api/v1/programs/{programId}", { params: { path: { programId: it.programId } } })),
    [it.programId],
  );
  const currencies = program.data?.currencies.map((each) => each.currency) ?? [];
  const saved = () => {
    setEdited(undefined);
    tell(t("saved"));
    reload();
  };
  const person = `${it.firstName} ${it.lastName}`.trim();
  const name = it.companyName || person || it.referralCode;
  return (
    <>
      <Crumbs to="/console/partners" name={t("partners")} id={it.id} />
      <Title text={name}>
        <Status of={it.status} />
        {it.tier && <Badge>{it.tier}</Badge>}
        {it.tags.map((each) => (
          <Badge key={each}>{each}</Badge>
        ))}
      </Title>
      <nav class="tabs" aria-label={t("aboutPartner")}>
        {TABS.map((each) => (
          <a
            key={each}
            href={`/console/partners/${it.id}${each === "overview" ? "" : `?tab=${each}`}`}
            aria-current={each === tab ? "page" : undefined}
          >
            {word("TAB", each)}
          </a>
        ))}
        {(["referrals", "rewards", "adjustments"] as const).map((each) => (
          <a key={each} href={`/console/${each}?partnerId=${it.id}${each === "rewards" ? "&status=ALL" : ""}`}>
            {t(each)} →
          </a>
        ))}
      </nav>
      {tab === "overview" && <Decisions it={it} currencies={currencies} reload={reload} />}
      {tab === "codes" && <Codes it={it} reload={reload} />}
      {tab === "notes" && <Notes it={it} />}
      {tab === "lines" && <Lines it={it} />}
      {tab === "figures" && <Figures it={it} />}
      {tab === "statements" && <Statements it={it} />}
      {tab === "overview" && (
        <div class="columns">
          <div>
            <Balance id={it.id} />
            <Withdrawals id={it.id} />
            <Methods id={it.id} />
          </div>
          <div>
            <Part title={t("profile")}>
              <Facts
                of={[
                  [t("person"), person || "–"],
                  [t("email"), it.email || "–"],
                  [t("phone"), it.phone || "–"],
                  [t("company"), it.companyName || "–"],
                  [t("program"), it.programId],
                  [t("rates"), it.commissionRates.map((each) => `${number(each / 100)} %`).join(", ") || "–"],
                  [t("since"), <When key="s" at={it.createdAt} />],
                ]}
              />
              {may("PATCH /api/v1/partners/{partnerId}") && (
                <div class="buttons start">
                  <Button onClick={() => setEdited("profile")}>{t("change")} …</Button>
                  <Button onClick={() => setEdited("tags")}>{t("tags")} …</Button>
                  {may("PUT /api/v1/partners/{partnerId}/commission") && currencies.length > 0 && (
                    <Button onClick={() => setEdited("rates")}>{t("rates")} …</Button>
                  )}
                </div>
              )}
            </Part>
            <Signals id={it.id} />
          </div>
        </div>
      )}
      {edited === "profile" && <Editor it={it} onClose={() => setEdited(undefined)} onDone={saved} />}
      {edited === "tags" && <Tags it={it} onClose={() => setEdited(undefined)} onDone={saved} />}
      {edited === "rates" && (
        <Rates it={it} currencies={currencies} onClose={() => setEdited(undefined)} onDone={saved} />
      )}
    </>
  );
}

/** What can be decided about the partner, and given to or taken from them. */
function Decisions({ it, currencies, reload }: { it: Partner; currencies: string[]; reload: () => void }) {
  const path = { partnerId: it.id };
  const params = (key: string) => ({ params: { path, header: { "Idempotency-Key": key } } });
  const [first = "", ...others] = currencies;
  const money: ActionField[] = [
    ...(others.length > 0
      ? [
          {
            name: "currency",
            label: t("currency"),
            kind: "select" as const,
            options: [first, ...others].map((each): [string, string] => [each, each]),
          },
        ]
      : []),
    {
      name: "amount",
      label: others.length > 0 ? t("amount") : t("amountIn", { currency: first }),
      digits: (values) => digitsOf(values.currency || first),
      required: true,
      when: (values) => values.kind !== "ANCHOR",
    },
  ];
  const hasEnded = it.status === "TERMINATED";
  const become = (what: "activate" | "deactivate" | "suspend" | "terminate"): Action => ({
    name: word("BECOME", what),
    ...(what === "activate" && { kind: "primary" as const }),
    ...(what === "terminate" && { kind: "danger" as const }),
    about: <p>{word("BECOME_ABOUT", what)}</p>,
    done: t("saved"),
    fields: [reason()],
    act: ({ reason: why = "" }, key) => {
      // each of these takes a reason and answers with the partner
      const route = `/api/v1/partners/{partnerId}/${what}` as "/api/v1/partners/{partnerId}/suspend";
      return write(api.POST(route, { ...params(key), body: { reason: why } }));
    },
  });
  return (
    <Actions
      onDone={reload}
      of={[
        it.status !== "ACTIVE" && !hasEnded && may("POST /api/v1/partners/{partnerId}/activate") && become("activate"),
        first !== "" &&
          may("POST /api/v1/rewards") && {
            name: t("giveReward"),
            about: <p>{t("giveRewardAbout")}</p>,
            done: t("saved"),
            fields: [...money, reason()],
            act: ({ amount, currency, reason: why = "" }, key) => {
              const body = { partnerId: it.id, amount: Number(amount), currency: currency || first, reason: why };
              return write(api.POST("/api/v1/rewards", { params: { header: { "Idempotency-Key": key } }, body }));
            },
          },
        first !== "" &&
          may("POST /api/v1/adjustments") && {
            name: t("adjust"),
            about: <p>{t("adjustAbout")}</p>,
            fields: [
              {
                name: "kind",
                label: t("adjustKind"),
                kind: "select",
                options: (["GIVE", "TAKE", "WRITE_OFF", "ANCHOR"] as const).map((each): [string, string] => [
                  each,
                  word("ADJUST", each),
                ]),
              },
              ...money,
              {
                name: "entries",
                label: t("brokenEntries"),
                digits: 0,
                required: true,
                when: (its) => its.kind === "ANCHOR",
              },
              {
                name: "chain",
                label: t("chainNow"),
                hint: t("chainHint"),
                required: true,
                when: (its) => its.kind === "ANCHOR",
              },
              reason(),
            ],
            act: async ({ kind, amount, currency, entries, chain = "", reason: why = "" }, key) => {
              const body = {
                partnerId: it.id,
                currency: currency || first,
                reason: why,
                ...(kind === "ANCHOR"
                  ? { kind: "ANCHOR" as const, amount: 0, entries: Number(entries), chain }
                  : {
                      kind: kind === "WRITE_OFF" ? ("WRITE_OFF" as const) : ("ADJUSTMENT" as const),
                      amount: kind === "TAKE" ? -Number(amount) : Number(amount),
                    }),
              };
              const told = await write(
                api.POST("/api/v1/adjustments", { params: { header: { "Idempotency-Key": key } }, body }),
              );
              if (told.status === "WAITING") tell(t("waitsForSecond"));
            },
          },
        it.status === "ACTIVE" && may("POST /api/v1/partners/{partnerId}/deactivate") && become("deactivate"),
        ["ACTIVE", "INACTIVE"].includes(it.status) &&
          may("POST /api/v1/partners/{partnerId}/suspend") &&
          become("suspend"),
        !hasEnded &&
          may("POST /api/v1/partners/{partnerId}/link-user") && {
            name: t("linkUser"),
            about: <p>{t("linkUserAbout")}</p>,
            done: t("saved"),
            fields: [{ name: "sub", label: t("linkUserSub"), required: true, maxLength: 100 }],
            act: ({ sub = "" }, key) =>
              write(api.POST("/api/v1/partners/{partnerId}/link-user", { ...params(key), body: { sub } })),
          },
        !hasEnded && may("POST /api/v1/partners/{partnerId}/terminate") && become("terminate"),
      ]}
    />
  );
}

function Balance({ id }: { id: string }) {
  const balance = useLoad(
    () => done(api.GET("/api/v1/partners/{partnerId}/balance", { params: { path: { partnerId: id } } })),
    [id],
  );
  const journal = may("GET /api/v1/ledger/entries") && (
    <a href={`/console/books/journal?partnerId=${id}`}>{t("journal")} →</a>
  );
  return (
    <Part title={t("money")} aside={journal}>
      <Show of={balance}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title={t("noMoney")} />
          ) : (
            data.map((each) => (
              <dl class="steps" key={each.currency}>
                {(["available", "reserved", "paid"] as const).map((step) => (
                  <div key={step}>
                    <dt>{word("LEG", step)}</dt>
                    <dd>
                      <Money decimal={each[`${step}Decimal`]} currency={each.currency} />
                    </dd>
                  </div>
                ))}
              </dl>
            ))
          )
        }
      </Show>
    </Part>
  );
}

function Withdrawals({ id }: { id: string }) {
  const list = usePages<Withdrawal>(
    (cursor) => {
      const query = { limit: 10, ...(cursor && { cursor }) };
      return done(api.GET("/api/v1/partners/{partnerId}/withdrawals", { params: { path: { partnerId: id }, query } }));
    },
    [id],
  );
  const columns: Column<Withdrawal>[] = [
    {
      title: t("asked"),
      cell: (row) => (
        <a href={`/console/withdrawals/${row.id}`}>
          <When at={row.createdAt} />
        </a>
      ),
    },
    {
      title: t("amount"),
      kind: "number",
      cell: (row) => <Money decimal={row.amountDecimal} currency={row.currency} />,
    },
    accountColumn((row) => ({ account: row.payoutMethod.account, type: row.payoutMethod.type })),
    { title: t("status"), cell: (row) => <Status of={row.status} /> },
  ];
  return (
    <Part title={t("withdrawals")}>
      <Listed
        caption={t("withdrawals")}
        list={list}
        columns={columns}
        id={(row) => row.id}
        href={(row) => `/console/withdrawals/${row.id}`}
        empty={{ title: t("noWithdrawals") }}
      />
    </Part>
  );
}

function Methods({ id }: { id: string }) {
  const list = useLoad(
    () => done(api.GET("/api/v1/partners/{partnerId}/payout-methods", { params: { path: { partnerId: id } } })),
    [id],
  );
  const [asked, setAsked] = useState<Method>();
  const columns: Column<Method>[] = [
    accountColumn((row) => row),
    { title: t("since"), cell: (row) => <When at={row.createdAt} relative /> },
    {
      title: t("verified"),
      cell: (row) =>
        row.disabledAt ? (
          <Badge>{t("outOfUse")}</Badge>
        ) : row.verifiedAt ? (
          <>
            ✓ {row.verifiedByName} <When at={row.verifiedAt} relative />
          </>
        ) : may("POST /api/v1/partners/{partnerId}/payout-methods/{methodId}/verify") ? (
          <Button onClick={() => setAsked(row)}>{t("verify")} …</Button>
        ) : (
          t("notVerified")
        ),
    },
  ];
  const act = async (key: string) => {
    const path = { partnerId: id, methodId: asked?.id ?? "" };
    const params = { path, header: { "Idempotency-Key": key } };
    await write(api.POST("/api/v1/partners/{partnerId}/payout-methods/{methodId}/verify", { params }));
    setAsked(undefined);
    tell(t("saved"));
    list.reload();
  };
  return (
    <Part title={t("accounts")}>
      <Listed
        caption={t("accounts")}
        list={{ ...list, data: list.data?.data }}
        columns={columns}
        id={(row) => `${row.id}-${row.version}`}
        empty={{ title: t("noAccounts") }}
      />
      {asked && (
        <Dialog title={t("verify")} onClose={() => setAsked(undefined)}>
          <p class="sum">
            {asked.accountHolder} · {asked.account}
          </p>
          <p>{t("verifyAbout")}</p>
          <Form submit={t("verify")} input={asked.id} act={act} onCancel={() => setAsked(undefined)} />
        </Dialog>
      )}
    </Part>
  );
}

function Signals({ id }: { id: string }) {
  const signals = useLoad(
    () => done(api.GET("/api/v1/partners/{partnerId}/signals", { params: { path: { partnerId: id } } })),
    [id],
  );
  if (signals.data?.data.length === 0) return null;
  return (
    <Part title={t("signals")}>
      <Show of={signals}>
        {({ data }) => (
          <ul class="risks">
            {data.map((each) => (
              <li key={each.type + each.of + (each.methodId ?? "")}>
                <Badge tone="wait">{word("RISK", each.type)}</Badge> {word("SHARED", each.of)}{" "}
                {each.partners.map((other) => (
                  <a key={other.partnerId} href={`/console/partners/${other.partnerId}`}>
                    {other.companyName || `${other.firstName} ${other.lastName}`.trim() || other.partnerId}{" "}
                  </a>
                ))}
              </li>
            ))}
          </ul>
        )}
      </Show>
    </Part>
  );
}

const Tags = (props: { it: Partner; onClose: () => void; onDone: () => void }) => {
  const path = { partnerId: props.it.id };
  return (
    <Edit
      title={t("tags")}
      of={props.it}
      fields={(of) => ({ tags: of.tags.join(", ") })}
      read={() => done(api.GET("/api/v1/partners/{partnerId}", { params: { path } }))}
      save={(_changed, { tags }, version) => {
        const header = { "If-Match": `"${version}"` };
        const body = { tags: words(tags) };
        return write(api.PUT("/api/v1/partners/{partnerId}/tags", { params: { path, header }, body }));
      }}
      onClose={props.onClose}
      onDone={props.onDone}
    >
      {(values, set) => (
        <TextField label={t("tags")} hint={t("tagsHint")} value={values.tags} onInput={(value) => set("tags", value)} />
      )}
    </Edit>
  );
};

const EDITED = ["firstName", "lastName", "companyName", "phone", "tier"] as const;
type Edited = Record<(typeof EDITED)[number], string>;
const editedOf = (of: Partner): Edited => ({
  firstName: of.firstName,
  lastName: of.lastName,
  companyName: of.companyName,
  phone: of.phone,
  tier: of.tier,
});

const Editor = (props: { it: Partner; onClose: () => void; onDone: () => void }) => {
  const path = { partnerId: props.it.id };
  return (
    <Edit
      title={t("profile")}
      of={props.it}
      fields={editedOf}
      read={() => done(api.GET("/api/v1/partners/{partnerId}", { params: { path } }))}
      save={(changed, _all, version) => {
        const header = { "If-Match": `"${version}"` };
        return write(api.PATCH("/api/v1/partners/{partnerId}", { params: { path, header }, body: changed }));
      }}
      onClose={props.onClose}
      onDone={props.onDone}
    >
      {(values, set) =>
        EDITED.map((each) => (
          <TextField
            key={each}
            label={word("FIELD", each)}
            value={values[each]}
            onInput={(value) => set(each, value)}
            maxLength={100}
          />
        ))
      }
    </Edit>
  );
};
