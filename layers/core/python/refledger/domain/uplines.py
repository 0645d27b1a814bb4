"""The chain of partners above a customer, nearest first, frozen when the customer is bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from refledger.domain.rules import Own

KEPT_LINKS = 10  # the deepest program there can be
REJECTED, EXPIRED = "REJECTED", "EXPIRED"  # why a binding is closed
ENDED = "ENDED"  # why a payment of later earns nothing, though the referral has converted


@dataclass(frozen=True)
class Link:
    """One partner above a customer. `customer` is the partner's own customer hash, "" where there is none.

    What a tier earns is said by the rules of the version under which the customer was bound; the nearest partner may
    have pays of their own, frozen here.
    """

    partner_id: str
    customer: str
    own: Own = ()


@dataclass(frozen=True)
class Binding:
    """Who earns from a customer: the fact that payments read, and nothing else."""

    program_id: str
    customer: str
    referral_id: str
    upline: tuple[Link, ...]
    depth: int  # how many tiers of the upline the program paid when the customer was bound
    rule_version: int
    bound_at_ms: int
    count: int = 0  # payments of the customer, as far as the rules need them counted
    first_at_ms: int = 0  # when the customer made the first of them
    until_ms: int = 0  # what is first paid then or later earns nothing; 0: no such time, or something was paid in time
    closed: str = ""  # REJECTED or EXPIRED, with the referral; "" while it is open
    ended_ms: int = 0  # what is paid then or later earns nothing, whatever was paid before; 0: no such time
    converted_at_ms: int = 0  # when what was paid in time was paid, where there was such a time

    @property
    def own(self) -> Own:
        """What the nearest partner earns instead of tier 1's pay."""
        return self.upline[0].own

    def why_not(self, paid_at_ms: int) -> str:
        """Why a payment of that moment earns nothing: REJECTED, ENDED or EXPIRED; "" where it earns.

        What was paid in time earns, however late it is told: whether it came before or after the expiry was noticed.
        """
        if self.closed == REJECTED:
            return REJECTED
        if self.ended_ms and paid_at_ms >= self.ended_ms:
            return ENDED
        return EXPIRED if self.until_ms and paid_at_ms >= self.until_ms else ""

    def is_over(self, now_ms: int) -> bool:
        """Whether it is no link of a chain any more."""
        return bool(self.closed or self.why_not(now_ms))

    def converted(self, paid_at_ms: int) -> Binding:
        """After something was paid in time: it does not expire any more."""
        return replace(self, until_ms=0, closed="", converted_at_ms=paid_at_ms) if self.until_ms else self

    def counted(self, paid_at_ms: int) -> Binding:
        """With one payment more."""
        return replace(self, count=self.count + 1, first_at_ms=self.first_at_ms if self.count else paid_at_ms)


def freeze(nearest: Link, above: Sequence[Link]) -> tuple[Link, ...]:
    """The upline of somebody whom `nearest` referred. Own pays are for tier 1: what others earned there stays there.

    Links beyond the program's depth are kept: they do not earn, but circles are found through them.
    """
    return (nearest, *(replace(link, own=()) for link in above[: KEPT_LINKS - 1]))
