"""Re-derives every balance from the journal, and the journal from rewards and withdrawals. Reads everything."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from refledger.domain.journal import Account, Balance, Entry, Kind, faults
from refledger.domain.rewards import Reward, worth
from refledger.domain.withdrawals import OPEN, Withdrawal, WithdrawalStatus
from refledger.operations.context import Context
from refledger.store import ledger, partners, rewards, withdrawals

READS = 6  # of books that keep moving; what is wrong stays wrong
PAUSE_MS = 200


@dataclass(frozen=True)
class Fault:
    partner_id: str
    currency: str
    reason: str


@dataclass
class Checked:
    """How much was read."""

    partners: int = 0
    balances: int = 0
    entries: int = 0
    rewards: int = 0
    withdrawals: int = 0


def verify(context: Context, checked: Checked) -> Iterator[Fault]:
    """Every fault in the books of every partner; nothing where all is right."""
    for _, partner_id in partners.newest(context.table, "", 100):
        checked.partners += 1
        yield from verify_partner(context, partner_id, checked)


def verify_partner(context: Context, partner_id: str, checked: Checked) -> Iterator[Fault]:
    """The books of one partner, currency by currency. Read again where they moved while they were read."""
    for _ in range(READS):
        before = ledger.balances(context.table, partner_id)
        books = _read(context, partner_id, before)
        found = list(_faults(books))
        if not found:
            break
        context.pause(PAUSE_MS)  # an index may be behind
    if found and before != ledger.balances(context.table, partner_id):
        found = [Fault(partner_id, "", "moved all the time while it was read: verify again")]
    checked.balances += len(before)
    checked.entries += sum(map(len, books.entries.values()))
    checked.rewards += sum(map(len, books.rewards.values()))
    checked.withdrawals += sum(map(len, books.withdrawals.values()))
    yield from found


@dataclass(frozen=True)
class _Books:
    """All of a partner, by currency."""

    partner_id: str
    balances: dict[str, Balance]
    entries: dict[str, list[Entry]]
    rewards: dict[str, list[Reward]]
    withdrawals: dict[str, list[Withdrawal]]


def _read(context: Context, partner_id: str, balances: list[Balance]) -> _Books:
    books = _Books(partner_id, {b.currency: b for b in balances}, {}, defaultdict(list), defaultdict(list))
    for reward in rewards.all_of(context.table, partner_id):
        books.rewards[reward.currency].append(reward)
    ids = [id for _, id in withdrawals.of_partner(context.table, partner_id, "", 100)]
    for start in range(0, len(ids), 100):
        for withdrawal in withdrawals.many(context.table, ids[start : start + 100]):
            books.withdrawals[withdrawal.currency].append(withdrawal)
    for currency in {*books.balances, *books.rewards, *books.withdrawals}:
        books.entries[currency] = [entry for _, entry in ledger.entries(context.table, partner_id, currency)]
    return books


def _faults(books: _Books) -> Iterator[Fault]:
    for currency in sorted(books.entries):
        balance = books.balances.get(currency) or Balance(books.partner_id, currency)
        entries, earned = books.entries[currency], books.rewards[currency]
        total = sum(map(worth, earned))
        reasons = [
            *faults(entries, balance),
            *_reward_faults(entries, earned),
            *_withdrawal_faults(entries, books.withdrawals[currency], balance.reserved, balance.paid),
        ]
        if total != balance.available + balance.reserved + balance.paid:
            reasons.append(f"rewards are worth {total}, the balance holds something else")
        if total != balance.unpaid:
            reasons.append(f"unpaid is {balance.unpaid}, the approved rewards are worth {total}")
        yield from (Fault(books.partner_id, currency, reason) for reason in reasons)


def _reward_faults(entries: list[Entry], earned: list[Reward]) -> Iterator[str]:
    """Each credit from rewards is the sum of the rewards that name its entry."""
    by_entry: Counter[int] = Counter()
    for reward in earned:
        if worth(reward):
            by_entry[reward.entry] += worth(reward)
    credits = {
        entry.version: entry.amount
        for entry in entries
        if entry.credit is Account.AVAILABLE and entry.kind is Kind.EARN
    }
    for version in sorted({*by_entry, *credits}):
        if by_entry[version] != credits.get(version, 0):
            yield f"entry {version}: credits {credits.get(version, 0)}, its rewards are worth {by_entry[version]}"


def _withdrawal_faults(entries: list[Entry], asked: list[Withdrawal], reserved: int, paid: int) -> Iterator[str]:
    """Reserved is what is open, paid what is PAID; every withdrawal was reserved once and ended at most once."""
    if reserved != sum(w.amount for w in asked if w.status in OPEN):
        yield f"balance: reserved is {reserved}, the open withdrawals say otherwise"
    if paid != sum(w.amount for w in asked if w.status is WithdrawalStatus.PAID):
        yield f"balance: paid is {paid}, the paid withdrawals say otherwise"
    booked = Counter((entry.reference, entry.kind, entry.amount) for entry in entries)
    for w in asked:
        end = {WithdrawalStatus.PAID: Kind.SETTLE}.get(w.status, None if w.status in OPEN else Kind.RELEASE)
        wanted = {
            Kind.RESERVE: 1,
            Kind.SETTLE: int(end is Kind.SETTLE),
            Kind.RELEASE: int(end is Kind.RELEASE),
        }
        for kind, times in wanted.items():
            if booked[w.id, kind, w.amount] != times:
                yield f"withdrawal {w.id}: {w.status}, but {kind} is booked {booked[w.id, kind, w.amount]} times"
