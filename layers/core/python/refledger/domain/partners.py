"""Partners: anyone who refers. Only ACTIVE earns; what was earned stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from refledger.domain.errors import Conflict
from refledger.domain.owner_data import Metadata
from refledger.domain.rules import ANY_PRODUCT, Own


class PartnerStatus(StrEnum):
    """Whether a partner earns, and is paid."""

    ACTIVE = "ACTIVE"  # earns and is paid
    INACTIVE = "INACTIVE"  # earns nothing new, and is paid what was earned
    SUSPENDED = "SUSPENDED"  # earns nothing new, and is not paid, until somebody lifts it
    TERMINATED = "TERMINATED"  # earns nothing for good


MAX_TAGS = 20
# Of each the till looks for what is not paid out yet. What is paid out first is the oldest, so that the newest matter.
REJECTED_KEPT = 20

# from → to; TERMINATED is the end
TRANSITIONS: dict[PartnerStatus, frozenset[PartnerStatus]] = {
    PartnerStatus.ACTIVE: frozenset({PartnerStatus.INACTIVE, PartnerStatus.SUSPENDED, PartnerStatus.TERMINATED}),
    PartnerStatus.INACTIVE: frozenset({PartnerStatus.ACTIVE, PartnerStatus.SUSPENDED, PartnerStatus.TERMINATED}),
    PartnerStatus.SUSPENDED: frozenset({PartnerStatus.ACTIVE, PartnerStatus.INACTIVE, PartnerStatus.TERMINATED}),
    PartnerStatus.TERMINATED: frozenset(),
}


@dataclass(frozen=True)
class Idle:
    """A time in which a partner was not ACTIVE and earned nothing; `until_ms` is None while it lasts."""

    since_ms: int
    until_ms: int | None = None

    def covers(self, at_ms: int) -> bool:
        return self.since_ms <= at_ms and (self.until_ms is None or at_ms < self.until_ms)


@dataclass(frozen=True)
class Partner:
    id: str
    program_id: str  # the home program: its rules hold for the partner's withdrawals
    code: str
    status: PartnerStatus
    customer: str  # keyed hash of the user's `sub`; empty for a partner who never signs in
    created_at_ms: int
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    company_name: str = ""
    idle: tuple[Idle, ...] = ()
    version: int = 1
    updated_at_ms: int = field(default=0, compare=False)  # when it was changed last
    own_rates: Own = ()  # what customers whom they refer from now on bring them in tier 1, instead of the program's pay
    tier: str = ""  # a label such as GOLD; what they earn is said by the rates
    tags: tuple[str, ...] = ()
    codes: int = 0  # how many codes they have had beside the main one; each is an item of its own
    linked_at_ms: int = 0  # when staff said who signs in as them; 0: nobody did, or the user was there from the start
    notices: tuple[str, ...] = ()  # of what they want to be told
    rejected: tuple[str, ...] = ()  # ids of referrals that were rejected or closed, the newest last: see REJECTED_KEPT
    external_id: str = ""  # what the owner calls them
    metadata: Metadata = ()
    forgotten_at_ms: int = 0  # when all that said who they are was taken away; 0: it was not

    @property
    def name(self) -> str:
        """First and last name; "" where neither is known."""
        return f"{self.first_name} {self.last_name}".strip()

    def rates_bps(self, program: Sequence[int]) -> list[int]:
        """Return what tier 1, 2, … earn of a payment for which no product has a rule, in basis points.

        0 where it is a flat amount.
        """
        own = dict(self.own_rates).get(ANY_PRODUCT)
        return [own.rate_bps, *program[1:]] if own else list(program)

    def check_known(self) -> None:
        """Raise Conflict for somebody who was forgotten: nothing about them is written any more."""
        if self.forgotten_at_ms:
            raise Conflict("this partner was forgotten")

    def with_rejected(self, referral_id: str) -> tuple[str, ...]:
        """Return the ids of `rejected` with one more, as many as are kept."""
        return (*(each for each in self.rejected if each != referral_id), referral_id)[-REJECTED_KEPT:]

    def earns_at(self, at_ms: int) -> bool:
        """Return whether money that came in at that moment earns this partner anything."""
        return not any(idle.covers(at_ms) for idle in self.idle)


def next_idle(partner: Partner, status: PartnerStatus, now_ms: int) -> tuple[Idle, ...]:
    """Return the idle times after a change of status at `now_ms`."""
    open_now = bool(partner.idle) and partner.idle[-1].until_ms is None
    if status is PartnerStatus.ACTIVE:
        return (*partner.idle[:-1], Idle(partner.idle[-1].since_ms, now_ms)) if open_now else partner.idle
    return partner.idle if open_now else (*partner.idle, Idle(now_ms))


@dataclass(frozen=True)
class PartnerNote:
    """What staff wrote about a partner, who does not see it. `author`: keyed hash of the user."""

    id: str
    text: str
    author: str
    at_ms: int
