/** Whoever is signed in and no partner yet becomes one by asking for a code. */
import { api, done } from "../shared/api";
import { loadSession } from "../shared/session";
import { t } from "../shared/texts";
import { Form } from "../shared/forms";
import { Title } from "../shared/ui";

export default function Join() {
  const act = async () => {
    await done(api.GET("/api/v1/referrals/code"));
    await loadSession();
  };
  return (
    <div class="narrow">
      <Title text={t("join")} />
      <p>{t("joinAbout")}</p>
      <Form submit={t("getLink")} input={null} act={act} />
    </div>
  );
}
