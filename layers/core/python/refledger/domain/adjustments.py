"""What people correct by hand, with a reason: money given or taken, and debt that is forgiven.

Above a program's limit one person asks and another one posts it. Nobody does either about their own money.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from refledger.domain.currencies import MAX_AMOUNT
from refledger.domain.duties import Act, check_apart, check_stranger
from refledger.domain.errors import (
    AlreadyDecided,
    CurrencyNotTaken,
    Invalid,
    NoDebt,
)
from refledger.domain.journal import Balance, EntryKind
from refledger.domain.partners import Partner
from refledger.domain.programs import Program

REASON_LIMIT = 500
CHAIN = re.compile("[0-9a-f]{64}")


class AdjustmentKind(StrEnum):
    """What a correction by hand is for."""

    ADJUSTMENT = "ADJUSTMENT"  # a credit or a debit, for a reason
    WRITE_OFF = "WRITE_OFF"  # of debt: gives no more than is owed
    ANCHOR = "ANCHOR"  # moves no money: says that a journal's hashes are broken up to an entry; always takes two


class AdjustmentStatus(StrEnum):
    """Whether a correction counts."""

    WAITING = "WAITING"  # for a second person
    POSTED = "POSTED"  # in the balance and in the journal
    REJECTED = "REJECTED"  # a second person said no: it never counts


@dataclass(frozen=True)
class AdjustmentRequest:
    """What somebody wants corrected. `amount` in minor units: above zero it is given, below zero it is taken.

    Of an ANCHOR: how many entries it names, and their `journal.chain`; its amount is 0.
    """

    partner_id: str
    currency: str
    amount: int
    kind: AdjustmentKind
    reason: str
    entries: int = 0
    chain: str = ""

    def __post_init__(self) -> None:
        if self.kind is AdjustmentKind.ANCHOR:
            if self.amount or self.entries < 1 or not CHAIN.fullmatch(self.chain):
                raise Invalid("an anchor has no amount, and names entries and their chain, as `refledger anchor` does")
        elif self.entries or self.chain:
            raise Invalid("entries, chain: of an anchor alone")
        elif not 0 < abs(self.amount) <= MAX_AMOUNT:
            raise Invalid("amount: not zero, and not more than any amount may be")
        if self.kind is AdjustmentKind.WRITE_OFF and self.amount < 0:
            raise Invalid("amount: a write-off forgives debt, so it is above zero")
        if not 1 <= len(self.reason) <= REASON_LIMIT:
            raise Invalid(f"reason: 1 to {REASON_LIMIT} characters")


@dataclass(frozen=True)
class Adjustment:
    """Whom it concerns, what was asked and by whom, and what became of it. Actors are keyed hashes of their `sub`."""

    id: str
    asked: AdjustmentRequest
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


def movement(asked: AdjustmentRequest) -> tuple[EntryKind, int]:
    """Return how the journal says it: the kind of entry, and an amount above zero.

    Minor units; 0 for an ANCHOR.
    """
    match asked.kind:
        case AdjustmentKind.ANCHOR:
            return EntryKind.ANCHOR, 0
        case AdjustmentKind.WRITE_OFF:
            return EntryKind.WRITE_OFF, asked.amount
        case AdjustmentKind.ADJUSTMENT:
            return (EntryKind.CREDIT if asked.amount > 0 else EntryKind.DEBIT), abs(asked.amount)


def check_possible(asked: AdjustmentRequest, balance: Balance) -> None:
    """Raise NoDebt or Invalid for what cannot be done to this balance.

    Only debt that is there is forgiven, and only entries that are there are named; everything else is possible, also
    what makes debt.
    """
    if asked.entries > balance.version:
        raise Invalid(f"entries: the partner's journal in this currency has {balance.version}")
    if asked.kind is AdjustmentKind.WRITE_OFF and asked.amount > -balance.available:
        raise NoDebt("the partner owes less than that in this currency")


def check_currency(program: Program, balance: Balance) -> None:
    """Raise CurrencyNotTaken where a balance in another currency would be begun by an adjustment."""
    if not balance.version and not program.takes(balance.currency):
        raise CurrencyNotTaken(f"the partner has nothing in {balance.currency}, and their program does not take it")


def act(asked: AdjustmentRequest) -> Act:
    """Return which act of the table asking for it is."""
    match asked.kind:
        case AdjustmentKind.ANCHOR:
            return Act.ANCHOR
        case AdjustmentKind.WRITE_OFF:
            return Act.WRITE_OFF
        case AdjustmentKind.ADJUSTMENT:
            return Act.ADJUST


def credits(asked: AdjustmentRequest) -> bool:
    """Return whether it makes money that the partner can withdraw; a debit makes nobody a maker."""
    return asked.amount > 0


def check_decision(adjustment: Adjustment, partner: Partner, status: AdjustmentStatus, actor: str) -> None:
    """Check that the actor may bring it to this status.

    Who asked may take it back, and never post it; nor may anybody where who asked is the partner by now.

    Raises OwnAdjustment, AlreadyDecided, SecondPersonNeeded.
    """
    posts = status is AdjustmentStatus.POSTED
    kind = Act.APPROVE_ADJUSTMENT if posts else Act.REJECT_ADJUSTMENT
    check_stranger(kind, actor, partner.customer)
    if adjustment.status is not AdjustmentStatus.WAITING:
        raise AlreadyDecided(f"the adjustment is {adjustment.status}")
    check_stranger(kind, actor, requester=adjustment.requester)
    if posts:
        why = "who asked for it is the partner now: reject it, and ask for it anew"
        check_apart(kind, partner.customer, [adjustment.requester], why)
