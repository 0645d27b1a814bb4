/** Everything that was earned, and why. */
import { useState } from "preact/hooks";
import { api, done, type Schema } from "../shared/api";
import { Select } from "../shared/forms";
import { t, word } from "../shared/texts";
import { Empty, More, Part, Show, Title, usePages } from "../shared/ui";
import { Rewards } from "./rewards";

type Reward = Schema["RewardView"];
const STATUSES = ["PENDING", "CALCULATED", "APPROVED", "PAID", "CANCELLED"] as const;

export default function Earnings() {
  const [status, setStatus] = useState<(typeof STATUSES)[number] | "">("");
  const list = usePages<Reward>(
    (cursor) =>
      done(
        api.GET("/api/v1/me/rewards", {
          params: { query: { ...(status ? { status } : {}), ...(cursor ? { cursor } : {}) } },
        }),
      ),
    [status],
  );
  return (
    <>
      <Title text={t("earnings")} />
      <Part title={t("everyReward")}>
        <div class="filters">
          <Select
            label={t("status")}
            value={status}
            options={[["", t("all")], ...STATUSES.map((each): [string, string] => [each, word("REWARD", each)])]}
            onChange={(value) => setStatus(value as typeof status)}
          />
        </div>
        <Show of={list}>
          {(data) =>
            data.length === 0 ? (
              <Empty title={t(status ? "noneOfThese" : "noRewards")}>{!status && t("noRewardsAbout")}</Empty>
            ) : (
              <>
                <Rewards caption={t("everyReward")} rows={data} />
                <More load={list.more} />
              </>
            )
          }
        </Show>
      </Part>
    </>
  );
}
