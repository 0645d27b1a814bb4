"""A partner's figures, as they are read and as they must be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from refledger.domain.rewards import RewardStatus
from refledger.operations.figures import rollups
from refledger.operations.figures.rollups import PartnerStatistics, Tier
from refledger.store import keys
from tests.support.books import Books


def figures(books: Books, name: str) -> PartnerStatistics:
    return rollups.of_user(books.context, books.user(name))


def truth(books: Books, name: str, members: Sequence[str]) -> tuple[dict[int, Tier], dict[str, int]]:
    """The same figures, counted from the rewards and bindings themselves. `members`: all who may have been referred."""
    id = books.partner(name).id
    counts: Counter[int] = Counter()
    earned: dict[int, Counter[str]] = {}
    pending: Counter[str] = Counter()
    for lower in members:
        item = books.table.get(keys.binding("default", books.user(lower)))
        for tier, (partner_id, _, _) in enumerate(item["up"][: item["depth"]] if item else [], start=1):
            counts[tier] += partner_id == id
    for reward in books.rewards(name):
        if reward.status is not RewardStatus.CANCELLED:
            earned.setdefault(reward.tier, Counter())[reward.currency] += reward.amount
        if reward.status is RewardStatus.PENDING:
            pending[reward.currency] += reward.amount
    tiers = {
        tier: Tier(counts[tier], dict(earned.get(tier, {}))) for tier in {*earned, *(t for t, n in counts.items() if n)}
    }
    return tiers, dict(pending)


def told(found: PartnerStatistics) -> tuple[dict[int, Tier], dict[str, int]]:
    """Figures without the zeros."""
    tiers = {
        tier: Tier(each.referrals, {c: n for c, n in each.earnings.items() if n}) for tier, each in found.tiers.items()
    }
    return {t: each for t, each in tiers.items() if each.referrals or each.earnings}, {
        c: n for c, n in found.pending.items() if n
    }
