"""What people correct by hand, with a reason: money given or taken, and debt that is forgiven.

Above a program's limit one person asks and another one posts it. Nobody does either about their own money.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from refledger.domain.currencies import MAX_AMOUNT
from refledger.domain.errors import (
    AlreadyDecided,
    CurrencyNotTaken,
    Invalid,
    NoDebt,
    OwnAdjustment,
    SecondPersonNeeded,
)
from refledger.domain.journal import Balance, Kind
from refledger.domain.partners import Partner
from refledger.domain.programs import Program

REASON_LIMIT = 500


class AdjustmentKind(StrEnum):
    ADJUSTMENT = "ADJUSTMENT"
    WRITE_OFF = "WRITE_OFF"  # of debt: gives no more than is owed


class AdjustmentStatus(StrEnum):
    WAITING = "WAITING"  # for a second person
    POSTED = "POSTED"  # in the balance and in the journal
    REJECTED = "REJECTED"


@dataclass(frozen=True)
class Asked:
    """What somebody wants corrected. `amount` in minor units: above zero it is given, below zero it is taken."""

    partner_id: str
    currency: str
    amount: int
    kind: AdjustmentKind
    reason: str

    def __post_init__(self) -> None:
        if not 0 < abs(self.amount) <= MAX_AMOUNT:
            raise Invalid("amount: not zero, and not more than any amount may be")
        if self.kind is AdjustmentKind.WRITE_OFF and self.amount < 0:
            raise Invalid("amount: a write-off forgives debt, so it is above zero")
        if not 1 <= len(self.reason) <= REASON_LIMIT:
            raise Invalid(f"reason: 1 to {REASON_LIMIT} characters")


@dataclass(frozen=True)
class Adjustment:
    """Whom it concerns, what was asked and by whom, and what became of it. Actors are keyed hashes of their `sub`."""

    id: str
    asked: Asked
    program_id: str  # the partner's home program, whose limit counted
    status: AdjustmentStatus
    requester: str
    created_at_ms: int
    body: str  # hash of the request's body
    approver: str = ""  # the second person, who posted or rejected it
    decided_at_ms: int = 0
    note: str = ""  # what the second person said
    request: str = ""  # hash of the request that decided, so that its repeat is recognised
    entry: int = 0  # version of the journal entry that booked it


def movement(asked: Asked) -> tuple[Kind, int]:
    """How the journal says it: the kind of entry, and an amount above zero."""
    if asked.kind is AdjustmentKind.WRITE_OFF:
        return Kind.WRITE_OFF, asked.amount
    return (Kind.CREDIT if asked.amount > 0 else Kind.DEBIT), abs(asked.amount)


def check_possible(asked: Asked, balance: Balance) -> None:
    """Only debt that is there is forgiven; everything else is possible, also what makes debt. Raises NoDebt."""
    if asked.kind is AdjustmentKind.WRITE_OFF and asked.amount > -balance.available:
        raise NoDebt("the partner owes less than that in this currency")


def check_currency(program: Program, balance: Balance) -> None:
    """A balance in another currency is not begun by an adjustment. Raises CurrencyNotTaken."""
    if not balance.version and not program.takes(balance.currency):
        raise CurrencyNotTaken(f"the partner has nothing in {balance.currency}, and their program does not take it")


def needs_second_person(asked: Asked, program: Program) -> bool:
    """Whether it is above the program's limit. A currency that the program does not take has no limit to keep below."""
    if not program.takes(asked.currency):
        return True
    limit = program.terms(asked.currency).adjustment_limit
    return limit is not None and abs(asked.amount) > limit


def check_stranger(partner: Partner, actor: str) -> None:
    """Raises OwnAdjustment where the partner is the actor."""
    if partner.customer and partner.customer == actor:
        raise OwnAdjustment("somebody else must see to this partner's money")


def check_decision(adjustment: Adjustment, partner: Partner, status: AdjustmentStatus, actor: str) -> None:
    """Who asked may take it back, and never post it; nor may anybody where who asked is the partner by now.

    Raises OwnAdjustment, AlreadyDecided, SecondPersonNeeded.
    """
    check_stranger(partner, actor)
    if adjustment.status is not AdjustmentStatus.WAITING:
        raise AlreadyDecided(f"the adjustment is {adjustment.status}")
    if status is AdjustmentStatus.POSTED and actor == adjustment.requester:
        raise SecondPersonNeeded("somebody else than who asked for it must post it")
    if status is AdjustmentStatus.POSTED and partner.customer == adjustment.requester:
        raise OwnAdjustment("who asked for it is the partner now: reject it, and ask for it anew")
