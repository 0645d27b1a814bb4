"""An item, wherever it was met, as the record of its kind; and the records that it was on the days before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from refledger.domain.caps import CappedMonth
from refledger.domain.journal import JournalEntry
from refledger.domain.partners import Partner
from refledger.domain.payments import Payment, TakenBack
from refledger.domain.referrals import CLOSED, Referral, ReferralStatus
from refledger.domain.rewards import Reward
from refledger.domain.times import day
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.store import caps, keys, ledger, partners, payments, referrals, rewards, trails, withdrawals
from refledger.store.transaction import Item

Entity = Partner | Referral | Payment | Reward | CappedMonth | Withdrawal | JournalEntry
# A day on which it changed, such as 20261231, and what it was at the end of it: what figures are made of, of that day
Day = tuple[str, Entity]


def read(item: Item) -> Entity | None:
    """Return what the item is; None for {}, and for all that is none of these."""
    match keys.kind_of(item) if item else "":
        case "REWARD":
            return rewards.from_item(item)
        case "REFERRAL":
            return referrals.from_item(item)
        case "PAYMENT" if keys.is_root(item):
            return payments.from_item(item)
        case "PARTNER" if keys.is_root(item):
            return partners.from_item(item)
        case "PARTNER" if keys.is_capped_month(item):
            return caps.from_item(item)
        case "WITHDRAWAL" if keys.is_root(item):
            return withdrawals.from_item(item)
        case "JOURNAL":
            return ledger.entry_from(item)
        case _:
            return None


def days(item: Item) -> Iterator[Day]:
    """Yield each day on which the item changed, the day of its creation first."""
    return days_of(item, read(item))


def days_of(item: Item, now: Entity | None) -> Iterator[Day]:
    """Yield the same where the item has been read, as `now`."""
    match now:
        case None:
            return
        case JournalEntry():
            yield day(now.at_ms), now
        case Withdrawal():
            yield day(now.created_at_ms), replace(now, status=WithdrawalStatus.REQUESTED) if now.steps else now
            for step in now.steps:
                yield day(step.at_ms), replace(now, status=step.status)
        case Partner() | Referral() | Payment() | Reward() | CappedMonth():
            (first, state), *later = trails.states(item, now.created_at_ms)
            created = _of_a_day(state) if later else now
            if isinstance(created, Referral):
                yield from _from_before_trails(first, created)
            else:
                yield first, created
            yield from ((when, _of_a_day(state)) for when, state in later)


def _of_a_day(state: Item) -> Entity:
    """The same from an item of a day before: there one number stands for all that says what of it is gone, or over."""
    entity = read(state)
    assert entity is not None
    match entity:
        case Payment() if "gone" in state:
            return replace(entity, back=TakenBack(total=state["gone"]))
        case CappedMonth() if "over" in state:
            return replace(entity, used=0, kept={0: state["over"]}, covered={})
        case _:
            return entity


def _from_before_trails(first: str, referral: Referral) -> Iterator[Day]:
    """A referral that went on before items kept trails has the time of it: until then it waited."""
    moved = day(referral.closed_at_ms if referral.status in CLOSED else referral.converted_at_ms)
    if not referral.is_open and moved > first:
        yield first, replace(referral, status=ReferralStatus.PENDING)
        yield moved, referral
    else:
        yield first, referral
