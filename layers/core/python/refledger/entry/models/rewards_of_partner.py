"""What may be asked for in the list of a partner's rewards, by staff for anybody and by partners for themselves."""

from __future__ import annotations

from typing import Annotated

from refledger.domain.rewards import Reward, RewardStatus
from refledger.entry.models.common import Capitals, PeriodQuery
from refledger.entry.models.ids import ProgramId


class PartnerRewardsQuery(PeriodQuery):
    """`from`, `to`: days in UTC, both included, on which they were written down. `cursor`: the `nextCursor` of the page
    before. Where the filters fit few of many, a page may be short and has one nevertheless.
    """

    program_id: ProgramId | None = None
    status: Annotated[RewardStatus, Capitals] | None = None

    def takes(self, reward: Reward) -> bool:
        return (
            self.status in (None, reward.status)
            and self.program_id in (None, reward.program_id)
            and (self.from_ms is None or self.from_ms <= reward.created_at_ms)
            and (self.until_ms is None or reward.created_at_ms < self.until_ms)
        )
