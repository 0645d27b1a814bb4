"""Roll-ups from the table's stream, and what partners read of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from refledger.domain.journal import Balance
from refledger.domain.rewards import RewardStatus
from refledger.domain.times import DAY_MS, day
from refledger.operations.context import Context
from refledger.store import keys, ledger, partners, statistics
from refledger.store.transaction import Item

CLOSED_AFTER_MS = 3 * DAY_MS  # a stream keeps a day, so a day that ended two days ago gets no more records
Effect = tuple[str, str, int]  # partner, counter, amount


@dataclass(frozen=True)
class Record:
    """One change of an item, as the stream tells it."""

    sequence_number: str
    at_ms: int
    old: Item
    new: Item


@dataclass(frozen=True)
class Tier:
    """How many customers a partner has in a tier, and what they earned from them, by currency, in minor units."""

    referrals: int
    earnings: dict[str, int]


@dataclass(frozen=True)
class PartnerStatistics:
    tiers: dict[int, Tier]
    pending: dict[str, int]
    balances: list[Balance]


def project(context: Context, shard: str, records: Sequence[Record]) -> None:
    """Add a batch to the roll-ups. Idempotent: each part remembers how far it has counted this shard."""
    parts: dict[tuple[str, str], list[tuple[str, str, int]]] = defaultdict(list)
    for record in records:
        number = statistics.comparable(record.sequence_number)
        for partner_id, counter, amount in effects(record.old, record.new):
            if amount:
                parts[partner_id, day(record.at_ms)].append((number, counter, amount))
    closed = day(context.now_ms() - CLOSED_AFTER_MS)
    for (partner_id, when), changes in parts.items():
        dimension = keys.statistics(partner_id)
        if statistics.add(context.table, dimension, when, shard, changes):
            statistics.fold(context.table, dimension, closed)  # once a day: by the first record of a new one


def effects(old: Item, new: Item) -> Iterator[Effect]:
    """What one change adds to whose counters."""
    item = new or old
    match keys.kind_of(item):
        case "R":
            yield keys.owner_of(item), f"t{item['tier']}_{item['currency']}", _earned(new) - _earned(old)
            yield keys.owner_of(item), f"pending_{item['currency']}", _pending(new) - _pending(old)
        case "F" if new and not old:
            for tier, (partner_id, _, _) in enumerate(new["up"][: new["depth"]], start=1):
                yield partner_id, f"t{tier}_n", 1


def of_user(context: Context, user: str) -> PartnerStatistics:
    """The caller's own figures; zeros for somebody who is no partner yet."""
    partner_id = partners.id_of_user(context.table, user)
    if partner_id is None:
        return PartnerStatistics({}, {}, [])
    sums = statistics.totals(context.table, keys.statistics(partner_id))
    tiers: dict[int, Tier] = {}
    pending: dict[str, int] = {}
    for counter, amount in sorted(sums.items()):
        head, _, tail = counter.partition("_")
        if head == "pending":
            pending[tail] = amount
            continue
        tier = int(head.removeprefix("t"))
        was = tiers.get(tier, Tier(0, {}))
        tiers[tier] = Tier(amount, was.earnings) if tail == "n" else Tier(was.referrals, {**was.earnings, tail: amount})
    return PartnerStatistics(tiers, pending, ledger.balances(context.table, partner_id))


def _earned(reward: Item) -> int:
    if not reward or reward["status"] == RewardStatus.CANCELLED:
        return 0
    return int(reward["amount"] - reward["reversed"])


def _pending(reward: Item) -> int:
    return _earned(reward) if reward and reward["status"] == RewardStatus.PENDING else 0
