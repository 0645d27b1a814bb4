"""Rewards and payments a page at a time: of a partner by when they are due, of a program by when its payments came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from refledger.domain.payments import Payment
from refledger.domain.rewards import Reward, RewardStatus, net
from refledger.domain.times import iso
from refledger.operations import pages
from refledger.operations.context import Context
from refledger.store import keys, payments, rewards

Fits = Callable[[Reward], bool]
MOST_UPCOMING = 200  # rewards that are read of those that become available next
Place = list[Any]  # position of a payment, and which of its rewards was the last


def of_partner(
    context: Context, partner_id: str, fits: Fits, before: str, limit: int
) -> tuple[list[Reward], str | None]:
    """Latest due first, from below the position `before`; and the position of the next page."""
    found = rewards.of_partner(context.table, context.reward_partitions(partner_id), before, limit + 1)
    return pages.page(found, fits, limit)


def upcoming(context: Context, partner_id: str) -> tuple[Counter[tuple[str, str]], bool]:
    """Sum up what becomes available on which day, soonest first, from the next rewards that are due.

    By (day in UTC as `2026-12-31`, currency), in minor units. What is held or due already waits for somebody, and is
    not among it; what a monthly cap will take is. Also returns whether more follows than was read.
    """
    found = rewards.since(context.table, context.reward_partitions(partner_id), keys.due_from(context.now_ms()))
    days: Counter[tuple[str, str]] = Counter()
    read = 0
    for read, each in enumerate(islice(found, MOST_UPCOMING + 1)):
        if read < MOST_UPCOMING and each.status is RewardStatus.PENDING and not each.held and net(each):
            days[iso(each.matures_at_ms)[:10], each.currency] += net(each)
    return days, read == MOST_UPCOMING


def of_program(
    context: Context, program_id: str, from_ms: int | None, until_ms: int | None, fits: Fits, after: Place | None,
    limit: int,
) -> tuple[list[Reward], Place | None]:  # fmt: skip
    """List those of a program, of the newest payment first, from behind the place `after`."""
    low, high = keys.positions(from_ms, until_ms)
    begun, number = after or (high, -1)

    def rows() -> Iterator[tuple[Place, str]]:
        found = payments.newest(
            context.table, program_id, context.shards(), begun, low, limit // 2 + 1
        )  # most have two tiers
        for position, _, ids in found:
            for place, id in enumerate(ids):
                if position != begun or place > number:
                    yield [position, place], id

    def read(ids: list[str]) -> list[Reward]:
        return rewards.many(context.table, ids, strong=False)

    return pages.page(pages.loaded(rows(), read, limit + 1), fits, limit)


def payments_of(
    context: Context, program_id: str, from_ms: int | None, until_ms: int | None, fits: Callable[[Payment], bool],
    before: str | None, limit: int, *, unreferred: bool = False,
) -> tuple[list[Payment], str | None]:  # fmt: skip
    """List payments of a program that earned, or were nobody's, newest first, from below `before`."""
    low, high = keys.positions(from_ms, until_ms)
    found = payments.newest(
        context.table, program_id, context.shards(), before or high, low, limit + 1, unreferred=unreferred
    )
    rows = ((position, id) for position, id, _ in found if position != before)

    def read(ids: list[str]) -> list[Payment]:
        return payments.many(context.table, ids, strong=False)

    return pages.page(pages.loaded(rows, read, limit + 1), fits, limit)
