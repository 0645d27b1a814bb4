"""Indexes that are behind their table by half an hour: money comes later, and all of it comes, once.

DynamoDB's indexes follow in milliseconds and promise nothing. DynamoDB Local's are there at once, so that what relies
on a fresh one is found by no other test.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from refledger.domain.errors import Conflict
from refledger.domain.maturity import MaturityMessage
from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.domain.withdrawals import Withdrawal
from refledger.domain.withdrawals import WithdrawalStatus as S
from refledger.operations.earning import due_scan, maturity
from refledger.operations.payouts import batches, transitions
from refledger.operations.payouts.sweeper import Swept, cover_again, sweep
from refledger.store import withdrawals as stored
from tests.support.books import Books, Clock
from tests.support.stepfunctions import StepFunctions

LAG_MS, TICK_MS = 30 * MINUTE_MS, 10 * MINUTE_MS


class Late:
    """A DynamoDB client whose indexes show nothing of an item that was written within `LAG_MS`."""

    def __init__(self, client: Any, clock: Clock) -> None:
        self._client, self._clock, self._written, self.hidden = client, clock, dict[tuple[str, str], int](), 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(**arguments: Any) -> Any:
            for key in _keys_of(name, arguments):
                self._written[key] = self._clock()
            answer = method(**arguments)
            if name == "query" and "IndexName" in arguments:
                seen = [item for item in answer["Items"] if not self._is_fresh(item)]
                self.hidden += len(answer["Items"]) - len(seen)
                answer = {**answer, "Items": seen}
            return answer

        return call

    def _is_fresh(self, item: dict[str, Any]) -> bool:
        return self._clock() - self._written.get((item["pk"]["S"], item["sk"]["S"]), -LAG_MS) < LAG_MS


def _keys_of(name: str, arguments: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What a call writes."""
    actions = [{name: arguments}] if name in ("put_item", "update_item") else arguments.get("TransactItems", [])
    for action in actions:
        for kind, each in action.items():
            if kind != "ConditionCheck":
                key = each["Item"] if kind in ("Put", "put_item") else each["Key"]
                yield key["pk"]["S"], key["sk"]["S"]


@pytest.fixture
def late(books: Books) -> Late:
    """Alice refers Bob, Bob refers Carol; rewards are held for 30 days. Whoever looks sees late indexes."""
    books.program(hold_days=30, payout_minimum=1_000)
    books.chain("alice", "bob", "carol")
    client = Late(books.client, books.clock)
    books.context = books.behind(client)
    return client


def tick(books: Books, machine: StepFunctions) -> Swept:
    """The schedules of ten minutes, and the worker of what they send."""
    sent: list[MaturityMessage] = []
    due_scan.find_due(books.context, sent.extend, lambda: True)
    for message in sent:
        maturity.mature_all(books.context, message.partner_id, message.currency, message.since)
    swept = sweep(books.context, machine.workflow, machine.waker, lambda: True)
    cover_again(books.context, swept, lambda: True)
    books.clock.forward(TICK_MS)
    return swept


def test_what_is_due_becomes_money(books: Books, late: Late) -> None:
    """A payment that was told after its hold, seen by the index half an hour after both looks began to pass it."""
    books.pay("carol", "p1", 10_000)
    books.clock.forward(30 * DAY_MS)
    books.pay("carol", "p2", 10_000, occurred_at_ms=books.clock() - 30 * DAY_MS)
    machine = StepFunctions()
    for _ in range(12):
        tick(books, machine)
    assert late.hidden > 0
    assert books.balance("bob") == (4_000, 0, 0)
    assert books.balance("alice") == (2_000, 0, 0)


def test_withdrawals_are_seen_through_to_their_end(books: Books, late: Late) -> None:
    """Nobody started their workflow, and the index does not know them yet: each is started once, paid in one batch."""
    books.pay("carol", "p1", 100_000)
    books.clock.forward(31 * DAY_MS)
    machine = StepFunctions()
    for _ in range(8):
        tick(books, machine)
    asked: list[Withdrawal] = []
    for _ in range(3):
        asked.append(books.withdraw("bob", 2_000))
        tick(books, machine)
    for _ in range(6):
        tick(books, machine)
    assert {each["withdrawalId"] for each in machine.inputs} == {made.id for made in asked}
    assert len(machine.executions) == len(asked)
    for made in asked:
        transitions.step(books.context, made.id, S.APPROVED, "ann")
        transitions.step(books.context, made.id, S.PAYING, "ann")
        books.clock.forward(TICK_MS)
    exported: list[str] = []
    for _ in range(5):
        with suppress(Conflict):
            exported += [line.withdrawal_id for line in batches.create(books.context, "ann", None, "", 90, None).lines]
        books.clock.forward(TICK_MS)
    assert late.hidden > 0
    assert sorted(exported) == sorted(made.id for made in asked)
    assert {stored.find(books.table, made.id).status for made in asked} == {S.PAYING}
    assert books.balance("bob") == (14_000, 6_000, 0)
