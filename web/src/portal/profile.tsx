/** Who a partner is to the program, how this page speaks to them, and what is kept of them. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { api, done, type Schema, write } from "../shared/api";
import { day } from "../shared/dates";
import { Form, TextField } from "../shared/forms";
import { money } from "../shared/money";
import { many, t, word } from "../shared/texts";
import { Facts, Part, Show, Status, Title, tell, useLoad } from "../shared/ui";
import { Language } from "../shared/shell";

type Me = Schema["MeView"];
const FIELDS = ["firstName", "lastName", "companyName", "phone"] as const;

const load = () => Promise.all([done(api.GET("/api/v1/me")), done(api.GET("/api/v1/me/program"))]);

const link = (name: string, address: string): [string, JSX.Element] => [
  name,
  <a key={address} href={address} target="_blank" rel="noopener noreferrer">
    {address.replace(/^https:\/\//, "")}
  </a>,
];

export default function Profile() {
  const all = useLoad(load, []);
  return (
    <>
      <Title text={t("profile")} />
      <Show of={all}>
        {([me, program]) => (
          <div class="columns">
            <div>
              <Part title={t("you")}>
                <Change key={me.version} of={me} onDone={all.reload} />
              </Part>
              <Part title={t("privacy")}>
                <p>{t("privacyAbout")}</p>
                <p>{t("closeAbout")}</p>
              </Part>
            </div>
            <div>
              <Part title={t("language")}>
                <Language />
              </Part>
              <Part title={t("theProgram")}>
                <Facts
                  of={[
                    [t("program"), program.name],
                    ...(program.termsUrl ? [link(t("terms"), program.termsUrl)] : []),
                    ...(program.helpUrl ? [link(t("help"), program.helpUrl)] : []),
                    [t("status"), <Status key="status" of={me.status} text={word("STATUS", me.status)} />],
                    [t("since"), day(me.createdAt)],
                    [t("hold"), program.holdDays > 0 ? many("days", program.holdDays) : t("none")],
                    [
                      t("payoutFrom"),
                      program.currencies.map((each) => money(each.payoutMinimumDecimal, each.currency)).join(", "),
                    ],
                    [t("expiry"), program.attributionDays ? many("days", program.attributionDays) : t("never")],
                  ]}
                />
              </Part>
            </div>
          </div>
        )}
      </Show>
    </>
  );
}

function Change({ of: me, onDone }: { of: Me; onDone: () => void }) {
  const [given, setGiven] = useState(Object.fromEntries(FIELDS.map((each) => [each, me[each]])));
  const changed = Object.fromEntries(Object.entries(given).filter(([name, text]) => text !== me[name as keyof Me]));
  const act = async () => {
    const params = { header: { "If-Match": `"${me.version}"` } };
    await write(api.PATCH("/api/v1/me", { params, body: changed }));
    tell(t("saved"));
    onDone();
  };
  return (
    <Form submit={t("save")} input={changed} act={act} disabled={Object.keys(changed).length === 0}>
      {FIELDS.map((each) => (
        <TextField
          key={each}
          label={word("FIELD", each)}
          value={given[each] ?? ""}
          onInput={(text) => setGiven({ ...given, [each]: text })}
          required={each === "firstName" || each === "lastName"}
          autoComplete={
            { firstName: "given-name", lastName: "family-name", companyName: "organization", phone: "tel" }[each]
          }
        />
      ))}
      <Facts of={[[t("email"), me.email || "–"]]} />
      <p class="muted">{t("emailAbout")}</p>
    </Form>
  );
}
