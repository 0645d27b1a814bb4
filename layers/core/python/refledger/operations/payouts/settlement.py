"""Which rewards a payout covered: those whose money has left are marked as paid, the oldest approval first.

How much has left follows from the sums, not from the order of events: what the approved rewards are worth, less what is
still available or reserved. So a debt that a later reward works off marks that one as paid, too. A reward under a
monthly cap needs what is left of its month then: one that is over the cap is covered with the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice

from refledger.domain.caps import CappedMonth, month_of
from refledger.domain.journal import Account, Balance, EntryKind
from refledger.domain.rewards import Reward, owed, paid
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.earning.rewards import REWARDS_AT_ONCE
from refledger.store import caps, ledger, rewards

ENTRIES = 10  # read at a time
LOOKED_THROUGH = 500  # newest entries, for what covered a reward


@dataclass
class _Found:
    """`left`: of what has left, what covers nothing yet. `cursor`: the sort key of the last entry all of whose rewards
    are marked, or worth nothing any more.
    """

    left: int
    cursor: str
    marked: list[Reward] = field(default_factory=list)
    months: dict[str, tuple[CappedMonth, CappedMonth]] = field(default_factory=dict)  # as they are, and as they will be

    def take(self, context: Context, balance: Balance, reward: Reward) -> bool:
        """Mark one more. False where too little is left for it, or the transaction is full."""
        if len(self.marked) + len(self.months) >= REWARDS_AT_ONCE:
            return False
        needs, month, moved = owed(reward), month_of(reward), {}
        if month:
            if month.name not in self.months:
                read = caps.of_rewards(context.table, balance, [reward])[month.name]
                self.months[month.name] = read, read
            first, now = self.months[month.name]
            after = now.moved(reward, paid(reward, ""))
            needs = now.owed - after.owed
            moved = {month.name: (first, after)}
        if needs > self.left:
            return False
        self.months |= moved
        self.marked.append(reward)
        self.left -= needs
        return True


def cover_all(context: Context, partner_id: str, currency: str, withdrawal_id: str = "") -> int:
    """Mark what has left, batch after batch; returns how many rewards.

    Idempotent; may be left and begun anew.

    `withdrawal_id`: the payout after which this was asked, kept on the rewards; "" for what made the rest of it covered
    (a refund, an adjustment): then it is the last payout, or, where there was none, what took the money.
    """
    total = 0
    while marked := _cover(context, partner_id, currency, withdrawal_id):
        total += marked
    return total


def room(balance: Balance) -> int:
    """Return the worth of approved rewards whose money has left."""
    return balance.unpaid - max(0, balance.available) - balance.reserved


@retry_on_conflict
def _cover(context: Context, partner_id: str, currency: str, withdrawal_id: str) -> int:
    balance = ledger.find_balance(context.table, partner_id, currency)
    has_left = room(balance)
    found = _look(context, balance, has_left)
    if not found.marked and found.cursor == balance.cover:
        return 0
    by = withdrawal_id or (_last_taken(context, balance) if found.marked else "")
    after = replace(balance, unpaid=balance.unpaid - (has_left - found.left), cover=found.cursor)
    now_ms = context.now_ms()
    context.table.commit(
        *[rewards.move(old, paid(old, by), now_ms) for old in found.marked],
        *[caps.move(old, new, now_ms) for old, new in found.months.values() if new != old],
        ledger.cover(balance, after),
    )
    return len(found.marked)


def _last_taken(context: Context, balance: Balance) -> str:
    """What covered rewards without being asked to: the last payout, or the last entry that took money away."""
    last = ""
    newest = ledger.newest_entries(context.table, balance.partner_id, balance.currency, ENTRIES)
    for entry in islice(newest, LOOKED_THROUGH):
        if entry.kind in (EntryKind.SETTLE, EntryKind.PAY):
            return entry.reference
        if entry.debit is Account.AVAILABLE and entry.kind is not EntryKind.RESERVE:
            last = last or entry.reference
    return last


def _look(context: Context, balance: Balance, has_left: int) -> _Found:
    """What is next in the order of approval, as far as there is room, and up to one batch."""
    found = _Found(has_left, balance.cover)
    if has_left <= 0:
        return found
    partner_id, currency = balance.partner_id, balance.currency
    partitions = context.reward_partitions(partner_id)
    for place, entry in ledger.entries(context.table, partner_id, currency, balance.cover, ENTRIES):
        if entry.kind is EntryKind.EARN:
            for reward in rewards.between(context.table, partitions, entry.first, entry.last):
                if reward.entry != entry.version or reward.currency != currency or not owed(reward):
                    continue
                if not found.take(context, balance, reward):
                    return found
        found.cursor = place
    return found
