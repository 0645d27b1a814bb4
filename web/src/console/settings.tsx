/** Settings: what this stack was told by its parameters, and whether it books and pays. Changed by a deployment alone. */
import { api, done } from "../shared/api";
import { may, session } from "../shared/session";
import { number, t, word } from "../shared/texts";
import { Badge, Facts, Part, Show, Title, useLoad, When } from "../shared/ui";

const Is = ({ on }: { on: boolean }) => <Badge tone={on ? "good" : "off"}>{t(on ? "isSetUp" : "isNotSetUp")}</Badge>;

export default function Settings() {
  const found = useLoad(() => done(api.GET("/api/v1/settings")), []);
  return (
    <>
      <Title text={t("settings")} />
      <p class="muted">{t("settingsAbout")}</p>
      <Show of={found}>
        {(it) => (
          <>
            <Part title={t("running")}>
              {it.stopped ? (
                <>
                  <p class="standing bad" role="status">
                    <strong>{t(it.stopped.onlyPayouts ? "payoutsStopped" : "stopped")}</strong>
                  </p>
                  <Facts
                    of={[
                      [t("reason"), it.stopped.reason || "–"],
                      [t("by"), it.stopped.by],
                      [t("since"), <When key="s" at={it.stopped.since} />],
                    ]}
                  />
                </>
              ) : (
                <p class="standing good" role="status">
                  <strong>✓ {t("goes")}</strong>
                </p>
              )}
            </Part>
            <div class="columns">
              <Part title={t("setUp")}>
                <Facts
                  of={[
                    [t("stage"), it.stage],
                    [t("linkBase"), it.linkBase ?? t("sameAddress")],
                    [t("stripePayouts"), <Is key="p" on={it.stripePayouts} />],
                    [t("stripeMode"), word("MODE", it.stripeMode)],
                    [t("leadWebhooks"), <Is key="l" on={it.leadWebhooks} />],
                    [t("cdn"), <Is key="c" on={it.cdn} />],
                    [t("customerIdsSealed"), t(it.customerIdsSealed ? "isSo" : "isNotSo")],
                    [t("notices"), word("NOTICES", it.notices)],
                    [t("manifestDays"), t("daysCount", { count: number(it.manifestRetentionDays) })],
                    [
                      t("signInMinutes"),
                      it.signInMinutes === null ? t("anyAge") : t("minutesCount", { count: number(it.signInMinutes) }),
                    ],
                  ]}
                />
              </Part>
              <Part title={t("limits")}>
                <Facts
                  of={Object.entries(it.limits).map(([kind, each]): [string, string] => [
                    word("LIMIT", kind),
                    number(each),
                  ])}
                />
                <p class="muted">{t("limitsAbout")}</p>
              </Part>
            </div>
            {may("GET /api/v1/api-keys") && (
              <Part title={t("apiKeys")}>
                <p>{t("apiKeysWhere")}</p>
                <p class="buttons start">
                  <a class="button" href="/console/api-keys">
                    {t("apiKeys")}
                  </a>
                </p>
              </Part>
            )}
            <Part title={t("yourRights")}>
              <p>{session.value?.roles.map((each) => word("ROLE", each)).join(", ")}</p>
              <p class="muted">{t("yourRightsAbout")}</p>
            </Part>
          </>
        )}
      </Show>
    </>
  );
}
