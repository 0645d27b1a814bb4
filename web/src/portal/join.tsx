/** Whoever is signed in and no partner yet becomes one: by an invitation, at once by a code, or by applying. */
import { useState } from "preact/hooks";
import { api, done, write } from "../shared/api";
import { Form, TextField } from "../shared/forms";
import { money } from "../shared/money";
import { loadSession } from "../shared/session";
import { many, t, word } from "../shared/texts";
import { Button, Part, Show, Title, tell, useLoad, When } from "../shared/ui";
import { payOf } from "./offer";
import { forgetInvitation, invitation } from "./invitation";

const MESSAGE_LIMIT = 2000;

const load = () => Promise.all([done(api.GET("/api/v1/me/program")), done(api.GET("/api/v1/me/applications"))]);

export default function Join() {
  const all = useLoad(load, []);
  const [token, setToken] = useState(invitation());
  return (
    <div class="narrow">
      <Title text={t("join")} />
      {token ? (
        <Accept
          token={token}
          onForget={() => {
            forgetInvitation();
            setToken("");
          }}
        />
      ) : (
        <Show of={all}>
          {([
            program,
            {
              data: [waiting],
            },
          ]) =>
            waiting ? (
              <Part title={t("applicationWaits")}>
                <p>
                  {t("appliedOn")} <When at={waiting.createdAt} />
                </p>
                <p class="muted">{t("applicationWaitsAbout")}</p>
                {waiting.message && <blockquote>{waiting.message}</blockquote>}
              </Part>
            ) : (
              <>
                <Part title={program.name}>
                  <p>{t("joinAbout")}</p>
                  <ul class="offered">
                    {program.rules.tiers[0] && <li>{t("earn", { pay: payOf(program.rules.tiers[0], program) })}</li>}
                    {program.rules.limitMonths !== null && <li>{many("forMonths", program.rules.limitMonths)}</li>}
                    {program.holdDays > 0 && <li>{many("holdFor", program.holdDays)}</li>}
                    {program.currencies.map((each) => (
                      <li key={each.currency}>
                        {t("paidFrom", { least: money(each.payoutMinimumDecimal, each.currency) })}
                      </li>
                    ))}
                  </ul>
                  {program.termsUrl && (
                    <p>
                      <a href={program.termsUrl} target="_blank" rel="noopener noreferrer">
                        {t("terms")} ↗
                      </a>
                    </p>
                  )}
                  {program.status === "ACTIVE" ? (
                    <Form submit={t("getLink")} input={null} act={start} />
                  ) : (
                    <p class="notice">{t("programClosed")}</p>
                  )}
                </Part>
                {program.status === "ACTIVE" && <Apply program={program.id} onDone={all.reload} />}
              </>
            )
          }
        </Show>
      )}
    </div>
  );
}

async function start(): Promise<void> {
  await done(api.GET("/api/v1/referrals/code"));
  await loadSession();
}

const PERSON = { firstName: "", lastName: "", email: "", phone: "", companyName: "" };
type Person = typeof PERSON;
const FILLED: Record<keyof Person, string> = {
  firstName: "given-name",
  lastName: "family-name",
  email: "email",
  phone: "tel",
  companyName: "organization",
};

function Fields(props: { of: Person; required: (keyof Person)[]; onInput: (person: Person) => void }) {
  return (
    <>
      {(Object.keys(PERSON) as (keyof Person)[]).map((each) => (
        <TextField
          key={each}
          label={word("FIELD", each)}
          value={props.of[each]}
          onInput={(text) => props.onInput({ ...props.of, [each]: text })}
          required={props.required.includes(each)}
          autoComplete={FILLED[each]}
        />
      ))}
    </>
  );
}

/** Those of a form that were filled in. */
const given = (person: Person): Partial<Person> =>
  Object.fromEntries(Object.entries(person).flatMap(([name, text]) => (text.trim() ? [[name, text.trim()]] : [])));

function Accept({ token, onForget }: { token: string; onForget: () => void }) {
  const [person, setPerson] = useState(PERSON);
  const act = async () => {
    await write(api.POST("/api/v1/invitations/{token}/accept", { params: { path: { token } }, body: given(person) }));
    forgetInvitation();
    tell(t("welcome"));
    await loadSession();
  };
  return (
    <Part title={t("youAreInvited")} aside={<Button onClick={onForget}>{t("withoutInvitation")}</Button>}>
      <p>{t("youAreInvitedAbout")}</p>
      <Form submit={t("accept")} input={person} act={act}>
        <Fields of={person} required={[]} onInput={setPerson} />
      </Form>
    </Part>
  );
}

function Apply({ program, onDone }: { program: string; onDone: () => void }) {
  const [isOpen, setOpen] = useState(false);
  const [person, setPerson] = useState(PERSON);
  const [message, setMessage] = useState("");
  const act = async () => {
    const { firstName, lastName, email, ...rest } = { ...PERSON, ...given(person) };
    const body = { ...rest, firstName, lastName, email, programId: program, message: message.trim() };
    await write(api.POST("/api/v1/applications", { body }));
    onDone();
  };
  return (
    <Part title={t("applyTitle")}>
      <p>{t("applyAbout")}</p>
      {isOpen ? (
        <Form submit={t("apply")} input={[person, message]} act={act} onCancel={() => setOpen(false)}>
          <Fields of={person} required={["firstName", "lastName", "email"]} onInput={setPerson} />
          <TextField label={t("yourMessage")} value={message} onInput={setMessage} long maxLength={MESSAGE_LIMIT} />
        </Form>
      ) : (
        <Button onClick={() => setOpen(true)}>{t("apply")} …</Button>
      )}
    </Part>
  );
}
