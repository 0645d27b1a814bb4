"""Roll-ups from the table's stream, and what partners read of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from refledger.domain.journal import Balance
from refledger.domain.rewards import RewardStatus
from refledger.domain.times import DAY_MS, day
from refledger.operations.context import Context
from refledger.store import generations, keys, ledger, partners, statistics
from refledger.store.transaction import Item

CLOSED_AFTER_MS = 3 * DAY_MS  # a stream keeps a day, so a day that ended two days ago gets no more records
Effect = tuple[str, str, int]  # partner, counter, amount
STAMPED = "stamped"  # counter: items that a rebuild told the stream of


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
    known = generations.of(context.table, sorted({id for record in records for id in partners_of(record)}))
    for record in records:
        number = statistics.comparable(record.sequence_number)
        for generation in sorted({each for id in partners_of(record) for each in known[id].counted}):
            for partner_id, counter, amount in effects_in(generation, record):
                if amount and generation in known[partner_id].counted:
                    part = keys.statistics(partner_id, generation), day(record.at_ms)
                    parts[part].append((number, counter, amount))
    closed = day(context.now_ms() - CLOSED_AFTER_MS)
    for (dimension, when), changes in parts.items():
        if statistics.add(context.table, dimension, when, shard, changes):
            statistics.fold(context.table, dimension, closed)  # once a day: by the first record of a new one


def partners_of(record: Record) -> set[str]:
    """Everybody in whose figures the item is."""
    return {partner_id for partner_id, _, _ in effects({}, record.new or record.old)}


def effects_in(generation: int, record: Record) -> Iterator[Effect]:
    """What a record adds in one generation: an item that does not count there yet is as good as not there."""
    old, new = (image if generations.counts_in(image, generation) else {} for image in (record.old, record.new))
    if old or new:
        yield from effects(old, new)
    if record.old and new and not old:
        yield from ((partner_id, STAMPED, 1) for partner_id in partners_of(record))


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
    sums = current_totals(context, partner_id)
    tiers: dict[int, Tier] = {}
    pending: dict[str, int] = {}
    for counter, amount in sorted(sums.items()):
        head, _, tail = counter.partition("_")
        if head == "pending":
            pending[tail] = amount
        if head in ("pending", STAMPED):
            continue
        tier = int(head.removeprefix("t"))
        was = tiers.get(tier, Tier(0, {}))
        tiers[tier] = Tier(amount, was.earnings) if tail == "n" else Tier(was.referrals, {**was.earnings, tail: amount})
    return PartnerStatistics(tiers, pending, ledger.balances(context.table, partner_id))


def current_totals(context: Context, partner_id: str) -> Counter[str]:
    """A partner's counters, in the generation that counts."""
    first = keys.statistics(partner_id)
    pointer, known = context.table.get_many(
        [keys.statistics_generations(partner_id), keys.statistics_totals(first)], strong=False
    )
    current = generations.from_item(pointer).current
    if current:
        return statistics.totals(context.table, keys.statistics(partner_id, current))
    return statistics.totals_since(context.table, first, known or {})


def _earned(reward: Item) -> int:
    if not reward or reward["status"] == RewardStatus.CANCELLED:
        return 0
    net = int(reward["amount"] - reward["reversed"])
    return min(net, int(reward.get("limit", net)))


def _pending(reward: Item) -> int:
    waiting = reward and reward["status"] in (RewardStatus.PENDING, RewardStatus.CALCULATED)
    return _earned(reward) if waiting else 0
