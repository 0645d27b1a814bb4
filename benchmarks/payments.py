"""What payments and their maturity take."""

from __future__ import annotations

from benchmarks.bench import Bench, design, model, today
from benchmarks.people import CUSTOMERS
from refledger.domain.times import DAY_MS
from refledger.operations.earning import due_scan
from refledger.operations.earning.maturity import mature, mature_all
from refledger.operations.earning.payments import RecordOutcome
from refledger.store import keys

BASE = 10_000


def paying(bench: Bench) -> None:
    """One payment after another of a customer with two tiers; rewards wait a day."""
    books = bench.books
    with bench.measure("payment, two tiers, first of a cold worker", today(2, 1, 10, 2)):
        assert books.pay("customer", "p1", BASE).outcome is RecordOutcome.RECORDED
    with bench.measure("payment, two tiers", design(1, 1, 10, 1)):
        assert books.pay("customer", "p2", BASE).outcome is RecordOutcome.RECORDED
    with bench.measure("… repeated", design(1, 0, 0, 1)):
        assert books.pay("customer", "p2", BASE).outcome is RecordOutcome.REPEATED
    with bench.measure("… again with another amount", design(1, 0, 0, 1)):
        assert books.pay("customer", "p2", BASE + 1).outcome is RecordOutcome.DIFFERENT
    # an item of the customer, by which a referral finds it; its place in the list; and one look more, for a referral
    # that was made meanwhile: decision 48
    with bench.measure("… of a customer whom nobody referred", today(2, 2, 3, 2)):
        assert books.pay("nobody", "p3", BASE).outcome is RecordOutcome.UNREFERRED
    with bench.measure("… and whose event names no program", today(3, 2, 3, "2.5")):
        assert books.pay("nobody", "p4", BASE, program_said=False).outcome is RecordOutcome.UNREFERRED


def maturing(bench: Bench) -> None:
    """Rewards of one partner that fall due together."""
    books = bench.books
    bob = books.partner("bob").id
    budgets = {95: model(2, 1, "2.2", "0.1"), 20: model(2, 1, "2.2", "0.2"), 2: today(2, 1, 4, "1.5")}
    for count, budget in budgets.items():
        start = _paid(bench, count)
        with bench.measure(f"maturity of {count} rewards of a partner, per reward", budget, per=count):
            mature(books.context, bob, "USD", start)
    mature_all(books.context, bob, "USD")  # what was paid before; from here on there is a cursor
    _paid(bench, 20)
    with bench.measure("… of all that is due since the last look, 20 rewards", today(3, 2, "2.25", "0.25"), per=20):
        mature_all(books.context, bob, "USD")
    with bench.measure("schedule: find the partners of 139 payments that are due", today(38, 3, 3, 146)):
        assert due_scan.find_due(books.context, lambda _: None, lambda: True, due_scan.LOOKS[:1]).sent == {"DUE": 1}


def _paid(bench: Bench, count: int) -> str:
    """So many payments for Bob, and two days gone by. Where the rewards begin."""
    books = bench.books
    begun_ms = books.clock()
    for number in range(count):
        books.pay(f"customer {number % CUSTOMERS}", f"{begun_ms}-{number}", BASE)
    books.clock.forward(2 * DAY_MS)
    books.context.program("default")  # which a worker reads once a minute
    books.context.program_version("default", books.rewards("bob")[-1].rule_version)  # and this once: it never changes
    return keys.due_from(begun_ms + DAY_MS)
