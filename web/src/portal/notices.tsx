/** Of what a partner is told, by the owner's systems. */
import { useState } from "preact/hooks";
import { api, done, type Schema, write } from "../shared/api";
import { Form } from "../shared/forms";
import { t, word } from "../shared/texts";
import { Part, Show, Title, tell, useLoad } from "../shared/ui";

type Notices = Schema["NotificationsView"];

export default function NoticesScreen() {
  const chosen = useLoad(() => done(api.GET("/api/v1/me/notifications")), []);
  return (
    <div class="narrow">
      <Title text={t("notices")} />
      <Part title={t("tellMe")}>
        <Show of={chosen}>{(it) => <Choose key={it.version} of={it} onDone={chosen.reload} />}</Show>
      </Part>
    </div>
  );
}

function Choose({ of, onDone }: { of: Notices; onDone: () => void }) {
  const [events, setEvents] = useState(of.events);
  const act = async () => {
    const params = { header: { "If-Match": `"${of.version}"` } };
    await write(api.PUT("/api/v1/me/notifications", { params, body: { events } }));
    tell(t("saved"));
    onDone();
  };
  return (
    <Form submit={t("save")} input={events} act={act}>
      <fieldset>
        <legend class="muted">{t("tellMeAbout")}</legend>
        {of.available.map((each) => (
          <label key={each} class="check">
            <input
              type="checkbox"
              checked={events.includes(each)}
              onChange={(event) =>
                setEvents(event.currentTarget.checked ? [...events, each] : events.filter((other) => other !== each))
              }
            />
            {word("NOTICE", each)}
          </label>
        ))}
      </fieldset>
    </Form>
  );
}
