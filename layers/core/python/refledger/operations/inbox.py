"""What waits for the staff, by kind: how much of it, since when, and for which sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import merge
from itertools import islice
from typing import Final

from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations.context import Context
from refledger.store import keys, withdrawals

LOOKED_AT: Final = 100  # of each kind: one read of the index, and for sums one of the items


class InboxKind(StrEnum):
    """What somebody has to do."""

    WITHDRAWALS_TO_DECIDE = "WITHDRAWALS_TO_DECIDE"  # to be approved or rejected
    WITHDRAWALS_TO_PAY = "WITHDRAWALS_TO_PAY"  # approved bank transfers that are in no batch yet
    WITHDRAWALS_TO_CONFIRM = "WITHDRAWALS_TO_CONFIRM"  # bank transfers in a batch, of which the bank has not been heard
    WITHDRAWALS_WITH_PROBLEM = "WITHDRAWALS_WITH_PROBLEM"  # to be looked at, whatever their status
    APPLICATIONS = "APPLICATIONS"  # people who want to be partners
    ADJUSTMENTS = "ADJUSTMENTS"  # corrections that wait for a second person
    PARKED_PAYMENTS = "PARKED_PAYMENTS"  # what cannot be booked without a person
    DISPUTES = "DISPUTES"  # open chargebacks
    HELD_REWARDS = "HELD_REWARDS"  # to be released or cancelled, most of them by a second person


@dataclass(frozen=True)
class InboxItem:
    """`count`: up to LOOKED_AT; `more`: whether there are others. `oldest_ms`: None where nothing waits.

    `sums`: minor units by currency, of those that are counted; of what is no money, none.
    """

    kind: InboxKind
    count: int = 0
    more: bool = False
    oldest_ms: int | None = None
    sums: dict[str, int] = field(default_factory=dict)


def all_of(context: Context) -> list[InboxItem]:
    """Count what waits, the oldest first where there are too many to be counted; a moment behind."""
    return [*_withdrawals(context), *_others(context)]


def _withdrawals(context: Context) -> Iterator[InboxItem]:
    table = context.table

    def oldest(rows: Iterator[tuple[str, str]]) -> tuple[list[Withdrawal], bool]:
        ids = [id for _, id in islice(rows, LOOKED_AT + 1)]
        return withdrawals.many(table, ids[:LOOKED_AT], strong=False), len(ids) > LOOKED_AT

    def of(kind: InboxKind, some: Iterable[Withdrawal], *, more: bool) -> InboxItem:
        taken, sums = list(some), Counter[str]()
        for each in taken:
            sums[each.currency] += each.amount
        since = min((each.entered_at_ms for each in taken), default=None)
        return InboxItem(kind, len(taken), more, since, dict(sorted(sums.items())))

    waiting, more = oldest(withdrawals.oldest_with_status(table, WithdrawalStatus.REQUESTED, ""))
    yield of(InboxKind.WITHDRAWALS_TO_DECIDE, waiting, more=more)
    decided, more_approved = oldest(withdrawals.oldest_with_status(table, WithdrawalStatus.APPROVED, ""))
    begun, more_begun = oldest(withdrawals.oldest_with_status(table, WithdrawalStatus.PAYING, ""))
    by_person = [each for each in (*decided, *begun) if not each.is_sent]
    more = more_approved or more_begun
    yield of(InboxKind.WITHDRAWALS_TO_PAY, (each for each in by_person if not each.batch_id), more=more)
    yield of(InboxKind.WITHDRAWALS_TO_CONFIRM, (each for each in by_person if each.batch_id), more=more)
    wrong, more = oldest(withdrawals.with_problem(table, "", LOOKED_AT + 1))
    yield of(InboxKind.WITHDRAWALS_WITH_PROBLEM, wrong, more=more)


def _others(context: Context) -> Iterator[InboxItem]:
    """What is told by its place in the index alone."""
    from refledger.domain.invitations import ApplicationStatus  # one screen asks
    from refledger.store import adjustments, applications, payments, programs, rewards

    table, page = context.table, LOOKED_AT + 1
    held = [rewards.held(table, id, page) for id, _ in programs.after(table, "")]
    lists: dict[InboxKind, Iterator[tuple[str, object]]] = {
        InboxKind.APPLICATIONS: iter(applications.newest(table, ApplicationStatus.WAITING, "", page)),
        InboxKind.ADJUSTMENTS: iter(adjustments.waiting(table, "", page)),
        InboxKind.PARKED_PAYMENTS: iter(payments.parked(table, "", page)),
        InboxKind.DISPUTES: iter(payments.open_disputes(table, "", page)),
        InboxKind.HELD_REWARDS: merge(*held),
    }
    for kind, rows in lists.items():
        since = [keys.waits_since(position) for position, _ in islice(rows, page)]
        counted = since[:LOOKED_AT]
        yield InboxItem(kind, len(counted), len(since) > LOOKED_AT, min(counted, default=None))
