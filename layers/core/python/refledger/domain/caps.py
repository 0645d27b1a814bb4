"""Monthly caps: what a partner earns from a program's payments of one month is at most so much of what was kept.

No reward carries what a cap left of it. One item for each partner, program, currency and month of payments sums the
rewards in the balance, and what they are worth together follows from the sums alone, in whatever order they came:

    worth = min(cap, kept)        over = kept - worth

Customers keep the caps under which they were bound, so one month may know several. Each is kept for its own rewards,
and for those of all smaller caps with them: w0 = 0, w[i] = min(cap[i], w[i-1] + kept[i]), the smallest cap first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from refledger.domain.rewards import Reward, RewardStatus, cap_key, worth


@dataclass(frozen=True)
class CappedMonth:
    """The rewards of one month that are under a cap. Minor units.

    `kept`: by cap, what refunds and disputes left of those in the balance. `covered`: of that, the ones that are PAID.
    `used`: what rewards took of the caps that were approved when a cap was still shared out for good.
    """

    partner_id: str
    currency: str
    program_id: str
    month: str  # of payments, in UTC: `202611`
    used: int = 0
    kept: Mapping[int, int] = field(default_factory=dict)
    covered: Mapping[int, int] = field(default_factory=dict)
    revision: int = 0  # counts its changes: each is made under the one that was read
    created_at_ms: int = field(default=0, compare=False)

    @property
    def name(self) -> str:
        """As a balance names it (`cap_key`): `default 202611`."""
        return f"{self.program_id} {self.month}"

    @property
    def worth(self) -> int:
        """What the partner gets of it."""
        return _worth(self.kept, self.used)

    @property
    def over(self) -> int:
        """What the caps take of it."""
        return sum(self.kept.values()) - self.worth

    @property
    def owed(self) -> int:
        """What of it no payout has covered yet, in minor units.

        Rewards that are PAID use up the caps before those that are not.
        """
        return self.worth - _worth(self.covered, self.used)

    def moved(self, old: Reward, new: Reward) -> CappedMonth:
        """Return the month after one of its rewards has changed."""
        cap, paid = new.cap or 0, RewardStatus.PAID
        before, after = (worth(reward) if reward.status is paid else 0 for reward in (old, new))
        return replace(
            self,
            kept=_plus(self.kept, cap, worth(new) - worth(old)),
            covered=_plus(self.covered, cap, after - before),
        )


def month_of(reward: Reward) -> CappedMonth | None:
    """Return the month that counts it, as if nothing were in it yet; None where no cap does.

    A reward with a `limit` was granted a part of a cap for good, and stands for itself.
    """
    if reward.cap is None or reward.limit is not None:
        return None
    program_id, month = cap_key(reward).split(" ")
    return CappedMonth(reward.partner_id, reward.currency, program_id, month)


def _worth(by_cap: Mapping[int, int], used: int) -> int:
    total = 0
    for cap, amount in sorted(by_cap.items()):
        total = min(max(0, cap - used), total + amount)
    return total


def _plus(by_cap: Mapping[int, int], cap: int, amount: int) -> dict[int, int]:
    changed = {**by_cap, cap: by_cap.get(cap, 0) + amount}
    return {each: total for each, total in changed.items() if total}
