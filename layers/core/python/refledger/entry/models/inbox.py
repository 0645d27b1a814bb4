"""What waits for the staff, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from refledger.domain.times import iso
from refledger.entry.models.common import SumView, View
from refledger.operations.inbox import InboxItem, InboxKind


class InboxItemView(View):
    """`count`: how many wait, up to 100; `more`: whether there are others. `oldestAt`: since when the one that waits
    longest does; null where nothing waits. `sums`: of those that are counted, one for each currency.
    """

    kind: InboxKind
    count: int
    more: bool
    oldest_at: str | None
    sums: list[SumView]

    @classmethod
    def of(cls, item: InboxItem) -> Self:
        return cls(
            kind=item.kind,
            count=item.count,
            more=item.more,
            oldest_at=None if item.oldest_ms is None else iso(item.oldest_ms),
            sums=[SumView(currency=currency, amount=amount) for currency, amount in item.sums.items()],
        )


class InboxView(View):
    """One of each kind, also of those of which nothing waits."""

    data: list[InboxItemView]

    @classmethod
    def all_of(cls, items: Sequence[InboxItem]) -> Self:
        return cls(data=[InboxItemView.of(each) for each in items])
