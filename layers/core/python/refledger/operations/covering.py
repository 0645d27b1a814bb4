"""Which rewards a payout covered: those whose money has left are marked as paid, the oldest approval first.

How much has left follows from the sums, not from the order of events: what the approved rewards are worth, less what is
still available or reserved. So a debt that a later reward works off marks that one as paid, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from refledger.domain.journal import Balance, Kind
from refledger.domain.rewards import Reward, owed, paid
from refledger.operations.context import Context
from refledger.store import ledger, rewards

BATCH = 95
ENTRIES = 10  # read at a time


@dataclass
class _Found:
    """`cursor`: the sort key of the last entry all of whose rewards are marked, or worth nothing any more."""

    cursor: str
    marked: list[Reward] = field(default_factory=list)


def cover_all(context: Context, partner_id: str, currency: str, withdrawal_id: str = "") -> int:
    """Mark what has left, batch after batch; returns how many rewards. Idempotent; may be left and begun anew.

    `withdrawal_id`: the payout after which this was asked, kept on the rewards.
    """
    total = 0
    while marked := context.repeat(lambda: _cover(context, partner_id, currency, withdrawal_id)):
        total += marked
    return total


def room(balance: Balance) -> int:
    """The worth of approved rewards whose money has left."""
    return balance.unpaid - max(0, balance.available) - balance.reserved


def _cover(context: Context, partner_id: str, currency: str, withdrawal_id: str) -> int:
    balance = ledger.find_balance(context.table, partner_id, currency)
    found = _look(context, balance)
    if not found.marked and found.cursor == balance.cover:
        return 0
    covered = sum(map(owed, found.marked))
    after = replace(balance, unpaid=balance.unpaid - covered, cover=found.cursor)
    now_ms = context.now_ms()
    context.table.commit(
        *[rewards.move(old, paid(old, withdrawal_id), now_ms) for old in found.marked],
        ledger.cover(balance, after),
    )
    return len(found.marked)


def _look(context: Context, balance: Balance) -> _Found:
    """What is next in the order of approval, as far as there is room, and up to one batch."""
    left, found = room(balance), _Found(balance.cover)
    if left <= 0:
        return found
    partner_id, currency = balance.partner_id, balance.currency
    for place, entry in ledger.entries(context.table, partner_id, currency, balance.cover, ENTRIES):
        if entry.kind is Kind.EARN:
            for reward in rewards.between(context.table, partner_id, entry.first, entry.last):
                if reward.entry != entry.version or reward.currency != currency or not owed(reward):
                    continue
                if owed(reward) > left or len(found.marked) == BATCH:
                    return found
                found.marked.append(reward)
                left -= owed(reward)
        found.cursor = place
    return found
