"""The due index and what lies behind it, in memory: enough of the table for the schedule, at any size and any hour."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from refledger.adapters.ids import Ids
from refledger.domain.maturity import MaturityMessage
from refledger.domain.times import MINUTE_MS
from refledger.operations.context import Context
from refledger.operations.earning import due_scan
from refledger.store import keys
from refledger.store.transaction import ConditionFailed, Item, Write
from tests.support.books import SECRET, START_MS, Clock


class Killed(BaseException):
    """The worker is gone, in the middle of whatever it was doing."""


@dataclass
class Index:
    """Stands in for `Table`. `dies_after`: so many calls from now on."""

    items: dict[tuple[str, str], Item] = field(default_factory=dict)
    due: dict[str, list[tuple[str, Item]]] = field(default_factory=dict)  # by shard, sorted
    calls: Counter[str] = field(default_factory=Counter)
    dies_after: int | None = None

    def _called(self, what: str) -> None:
        self.calls[what] += 1
        if self.dies_after is not None:
            self.dies_after -= 1
            if self.dies_after < 0:
                raise Killed

    def get(self, key: keys.Key, **_: Any) -> Item | None:
        self._called("get")
        return self.items.get((key["pk"], key["sk"]))

    def get_many(self, wanted: Sequence[keys.Key], **_: Any) -> list[Item | None]:
        assert len(wanted) <= 100
        self._called("get_many")
        return [self.items.get((key["pk"], key["sk"])) for key in wanted]

    def query(self, partition: str, low: str, high: str, *, page_size: int, **_: Any) -> Iterator[Item]:
        """Fetched a page at a time as the caller goes on, as the service does."""
        listed = self.due.get(partition, [])
        start = bisect_left(listed, low, key=lambda entry: entry[0])
        end = bisect_right(listed, high, key=lambda entry: entry[0])
        while True:
            self._called("query")
            page = listed[start : min(end, start + page_size)]
            yield from (item for _, item in page)
            start += page_size
            if start > end:
                return

    def commit(self, write: Write) -> None:
        self._called("commit")
        key = (write.target["pk"], write.target["sk"])
        old = self.items.get(key, {})
        if not all(_holds(part, old, write.values) for part in write.condition.split(" AND ")):
            raise ConditionFailed({write.name: old})
        self.items[key] = {
            **old,
            **{name: write.values[to] for name, to in re.findall(r"#(\w+) = :(\w+)", write.change)},
        }


def _holds(part: str, item: Item, values: dict[str, Any]) -> bool:
    """The two kinds of conditions that places are kept under."""
    if absent := re.fullmatch(r"attribute_not_exists\(#(\w+)\)", part):
        return absent[1] not in item
    same = re.fullmatch(r"#(\w+) = :(\w+)", part)
    assert same, part
    return bool(item.get(same[1]) == values[same[2]])


@dataclass
class Shop:
    """Payments that are due, partners who earned from them, and the worker that does what it is sent.

    `waits`: reward ids that are no money yet, by partner; `looked`: how often the schedule read each of them.
    """

    index: Index = field(default_factory=Index)
    clock: Clock = field(default_factory=lambda: Clock(START_MS))
    waits: dict[str, set[str]] = field(default_factory=dict)
    looked: Counter[str] = field(default_factory=Counter)
    woken: list[MaturityMessage] = field(default_factory=list)
    order: list[int] = field(default_factory=list)  # when what a message was about was due
    worker_is_well: bool = True
    waiting: int = 0
    _payments: int = 0

    def __post_init__(self) -> None:
        self.context = Context(self.index, Ids(SECRET), self.clock, pause=lambda _: None)  # type: ignore[arg-type]
        self._read = self.index.get_many
        self.index.get_many = self._count  # type: ignore[method-assign]

    def _count(self, wanted: Sequence[keys.Key], **given: Any) -> list[Item | None]:
        self.looked.update(
            key["pk"].removeprefix("REWARD#") + key["sk"] for key in wanted if key["pk"].startswith("REWARD#")
        )
        return self._read(wanted, **given)

    def pay(self, partner: int, due_ms: int, shards: int = keys.DUE_SHARDS) -> str:
        """A payment from which one partner earns; the id of their reward."""
        self._payments += 1
        partner_id, payment = f"{partner:016d}", self.context.ids.payment("payments", str(self._payments))
        reward_id = keys.reward_id(partner_id, due_ms, "USD", payment, 1)
        place = keys.waiting(keys.due_shard(keys.payment_shard(payment, shards)), due_ms, payment)
        item: Item = {**keys.payment(payment), **place, "rewards": [[reward_id, 1]]}
        insort(self.index.due.setdefault(place["waits_in"], []), (place["waits_at"], item), key=lambda entry: entry[0])
        key = keys.reward(reward_id)
        self.index.items[key["pk"], key["sk"]] = {**key, "status": "PENDING", "held": []}
        self.waits.setdefault(partner_id, set()).add(reward_id)
        self.waiting += 1
        return reward_id

    def tick(self, time_for: Callable[[], bool]) -> due_scan.ScanResult:
        return due_scan.find_due(self.context, self._send, time_for)

    def _send(self, messages: Sequence[MaturityMessage]) -> None:
        self.woken += messages
        self.order += [keys.due_at(message.since) for message in messages]

    def work(self) -> None:
        """The queue is emptied: whoever was woken gets all that is due."""
        woken, self.woken = self.woken, []
        for message in woken if self.worker_is_well else ():
            for reward_id in sorted(self.waits[message.partner_id]):
                if keys.due_at(keys.reward(reward_id)["sk"]) <= self.clock():
                    self.waits[message.partner_id].discard(reward_id)
                    self.waiting -= 1
                    key = keys.reward(reward_id)
                    self.index.items[key["pk"], key["sk"]]["status"] = "APPROVED"

    @property
    def overdue(self) -> list[str]:
        """Rewards that wait although their time is past."""
        until = self.clock() - MINUTE_MS
        return [id for those in self.waits.values() for id in those if keys.due_at(keys.reward(id)["sk"]) <= until]
