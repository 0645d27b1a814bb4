"""What may be asked for in the list of a partner's referrals, by staff for anybody and by partners for themselves."""

from __future__ import annotations

from typing import Annotated

from refledger.domain.referrals import ReferralSource, ReferralStatus
from refledger.entry.models.common import Capitals, PeriodQuery, Tag
from refledger.entry.models.ids import ProgramId
from refledger.operations.referring.referral_lists import ReferralFilter


class OwnReferralsQuery(PeriodQuery):
    """`from`, `to`: days in UTC, both included, on which they came. `cursor`: the `nextCursor` of the page before.
    Where the filters fit few of many, a page may be short and has one nevertheless.
    """

    program_id: ProgramId | None = None
    status: Annotated[ReferralStatus, Capitals] | None = None
    source: Annotated[ReferralSource, Capitals] | None = None

    def to_wanted(self) -> ReferralFilter:
        return ReferralFilter(self.program_id, self.status, self.source, None, self.from_ms, self.until_ms)


class PartnerReferralsQuery(OwnReferralsQuery):
    """`from`, `to`: days in UTC, both included, on which they came. `cursor`: the `nextCursor` of the page before.
    Where the filters fit few of many, a page may be short and has one nevertheless.
    """

    tag: Tag | None = None

    def to_wanted(self) -> ReferralFilter:
        return ReferralFilter(self.program_id, self.status, self.source, self.tag, self.from_ms, self.until_ms)
