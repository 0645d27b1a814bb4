"""What came of a partner's links: clicks, the customers they brought, and those of them who paid."""

from __future__ import annotations

from dataclasses import dataclass

from refledger.domain.codes import PartnerCode
from refledger.domain.partners import Partner
from refledger.operations.context import Context
from refledger.operations.figures import rollups
from refledger.operations.figures.availability import check_partner_counted
from refledger.operations.figures.counter_names import Counts
from refledger.store import clicks, codes
from refledger.store.clicks import Clicks


@dataclass(frozen=True)
class LinkFigures:
    """`referrals`: customers who came with the code and are not rejected or expired; `converted`: those who have paid.

    Clicks count at once, the others follow within a second or so.
    """

    code: PartnerCode
    clicks: Clicks
    referrals: int
    converted: int


def of_partner(context: Context, partner: Partner) -> list[LinkFigures]:
    """Return the figures of each code of a partner, the main one first.

    Four reads, and two for each code, whatever was counted. Raises NotCounted.
    """
    check_partner_counted(context, partner.id, partner.program_id)
    sums = rollups.current_totals(context, partner.id)
    return [
        LinkFigures(
            code,
            clicks.of_code(context.table, code.code),
            sums[Counts.CODE_REFERRALS.named(key=code.code)],
            sums[Counts.CODE_CONVERSIONS.named(key=code.code)],
        )
        for code in codes.of_partner(context.table, partner)
    ]
