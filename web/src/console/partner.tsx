/** One partner: who they are, what they have, where it goes. */
import { useState } from "preact/hooks";
import { useRoute } from "preact-iso";
import { api, done, Problem, type Schema, write } from "../shared/api";
import { may } from "../shared/session";
import { number, t, word } from "../shared/texts";
import { Dialog, Form, TextField } from "../shared/forms";
import { accountColumn, Listed } from "../shared/listed";
import {
  Badge,
  Button,
  type Column,
  Copy,
  Empty,
  Facts,
  Money,
  Part,
  Show,
  Status,
  Table,
  Title,
  tell,
  useLoad,
  usePages,
  When,
} from "../shared/ui";
import type { Withdrawal } from "./common";

type Partner = Schema["PartnerView"];
type Method = Schema["StaffMethodView"];

export default function Screen() {
  const { id = "" } = useRoute().params;
  const path = { params: { path: { partnerId: id } } };
  const partner = useLoad(() => done(api.GET("/api/v1/partners/{partnerId}", path)), [id]);
  return <Show of={partner}>{(data) => <Shown it={data} reload={partner.reload} />}</Show>;
}

function Shown({ it, reload }: { it: Partner; reload: () => void }) {
  const [isEdited, setEdited] = useState(false);
  const person = `${it.firstName} ${it.lastName}`.trim();
  const name = it.companyName || person || it.referralCode;
  return (
    <>
      <p class="crumbs">
        <a href="/console/partners">{t("partners")}</a>
      </p>
      <Title text={name}>
        <Status of={it.status} />
        {it.tier && <Badge>{it.tier}</Badge>}
        {it.tags.map((each) => (
          <Badge key={each}>{each}</Badge>
        ))}
      </Title>
      <div class="columns">
        <div>
          <Balance id={it.id} />
          <Withdrawals id={it.id} />
          <Methods id={it.id} />
        </div>
        <div>
          <Part
            title={t("profile")}
            aside={
              may("PATCH /api/v1/partners/{partnerId}") && (
                <Button onClick={() => setEdited(true)}>{t("change")} …</Button>
              )
            }
          >
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
          </Part>
          <Links id={it.id} />
          <Signals id={it.id} />
        </div>
      </div>
      {isEdited && (
        <Edit
          it={it}
          onClose={() => setEdited(false)}
          onDone={() => {
            setEdited(false);
            tell(t("saved"));
            reload();
          }}
        />
      )}
    </>
  );
}

function Balance({ id }: { id: string }) {
  const balance = useLoad(
    () => done(api.GET("/api/v1/partners/{partnerId}/balance", { params: { path: { partnerId: id } } })),
    [id],
  );
  return (
    <Part title={t("money")}>
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

function Links({ id }: { id: string }) {
  const links = useLoad(
    () => done(api.GET("/api/v1/partners/{partnerId}/links", { params: { path: { partnerId: id } } })),
    [id],
  );
  return (
    <Part title={t("links")}>
      <Show of={links}>
        {({ data }) => (
          <ul class="plain">
            {data.map((each) => (
              <li key={each.code} class="link">
                <code>{each.code}</code> {each.label && <span class="muted">{each.label}</span>}
                {each.url && <Copy text={each.url} label="copyLink" />}
                <small class="muted">
                  {t("linkFigures", {
                    clicks: number(each.clicks.total),
                    referrals: number(each.referrals),
                    converted: number(each.converted),
                  })}
                </small>
              </li>
            ))}
          </ul>
        )}
      </Show>
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

const EDITED = ["firstName", "lastName", "companyName", "phone", "tier"] as const;
type Edited = Record<(typeof EDITED)[number], string>;
const editedOf = (of: Partner): Edited => ({
  firstName: of.firstName,
  lastName: of.lastName,
  companyName: of.companyName,
  phone: of.phone,
  tier: of.tier,
});

/** Changes what was read: where somebody was faster both versions are shown, and nothing is written over unseen. */
function Edit(props: { it: Partner; onClose: () => void; onDone: () => void }) {
  const [base, setBase] = useState(props.it);
  const [mine, setMine] = useState(editedOf(props.it));
  const [theirs, setTheirs] = useState<Partner>();
  const before = editedOf(base);
  const path = { partnerId: props.it.id };
  const act = async () => {
    const changes = Object.fromEntries(
      EDITED.filter((each) => mine[each] !== before[each]).map((each) => [each, mine[each]]),
    );
    const header = { "If-Match": `"${base.version}"` };
    try {
      await write(api.PATCH("/api/v1/partners/{partnerId}", { params: { path, header }, body: changes }));
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 412) throw error;
      setTheirs(await done(api.GET("/api/v1/partners/{partnerId}", { params: { path } })));
      return;
    }
    props.onDone();
  };
  const goOn = (their: Partner, keep: boolean) => {
    // what only they changed is theirs either way; of what both changed it is as was chosen
    const now = editedOf(their);
    if (!keep) setMine(now);
    else
      setMine(
        Object.fromEntries(
          EDITED.map((each) => [each, mine[each] !== before[each] ? mine[each] : now[each]]),
        ) as Edited,
      );
    setBase(their);
    setTheirs(undefined);
  };
  if (theirs) {
    const now = editedOf(theirs);
    const columns: Column<keyof Edited>[] = [
      { title: "", cell: (row) => word("FIELD", row) },
      { title: t("theirs"), cell: (row) => now[row] || "–" },
      { title: t("yours"), cell: (row) => mine[row] || "–" },
    ];
    return (
      <Dialog title={t("conflict")} onClose={props.onClose}>
        <p>{t("conflictAbout")}</p>
        <Table
          caption={t("conflict")}
          columns={columns}
          rows={EDITED.filter((each) => now[each] !== mine[each])}
          id={(row) => row}
        />
        <footer class="buttons">
          <Button onClick={() => goOn(theirs, false)}>{t("takeTheirs")}</Button>
          <Button kind="primary" onClick={() => goOn(theirs, true)}>
            {t("keepYours")}
          </Button>
        </footer>
      </Dialog>
    );
  }
  return (
    <Dialog title={t("profile")} onClose={props.onClose}>
      <Form submit={t("save")} input={[base.version, mine]} act={act} onCancel={props.onClose}>
        {EDITED.map((each) => (
          <TextField
            key={each}
            label={word("FIELD", each)}
            value={mine[each]}
            onInput={(value) => setMine({ ...mine, [each]: value })}
            maxLength={100}
          />
        ))}
      </Form>
    </Dialog>
  );
}
