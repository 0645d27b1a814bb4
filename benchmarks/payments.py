"""What payments and their maturity take."""

from __future__ import annotations

from benchmarks.bench import Bench, design, model, today
from benchmarks.people import CUSTOMERS
from refledger.domain.times import DAY_MS
from refledger.operations import rewards
from refledger.operations.payments import Outcome

BASE = 10_000
TEN_RATES = (1000, 900, 800, 700, 600, 500, 400, 300, 200, 100)


def paying(bench: Bench) -> None:
    """One payment after another of a customer with two tiers; rewards wait a day."""
    books = bench.books
    with bench.measure("payment, two tiers, first of a cold worker", today(2, 1, 10, 2)):
        assert books.pay("customer", "p1", BASE).outcome is Outcome.RECORDED
    with bench.measure("payment, two tiers", design(1, 1, 10, 1)):
        assert books.pay("customer", "p2", BASE).outcome is Outcome.RECORDED
    with bench.measure("… repeated", design(1, 0, 0, 1)):
        assert books.pay("customer", "p2", BASE).outcome is Outcome.REPEATED
    with bench.measure("… again with another amount", design(1, 0, 0, 1)):
        assert books.pay("customer", "p2", BASE + 1).outcome is Outcome.DIFFERENT
    with bench.measure("… of a customer whom nobody referred", model(1, 1, 1, 1)):
        assert books.pay("nobody", "p3", BASE).outcome is Outcome.UNREFERRED


def paying_ten_tiers(bench: Bench) -> None:
    """A program as deep as there can be, a chain as long as is remembered."""
    books = bench.books
    names = [f"link {number}" for number in range(12)]
    books.chain(*names[:-1])
    with bench.measure("apply a code, ten tiers, circle check", today(6, 1, 9, 8)):
        books.apply(names[-1], names[-2])
    books.pay(names[-1], "warm", BASE)
    with bench.measure("payment, ten tiers", model(1, 1, 2 * 10 + 4, 1)):
        assert books.pay(names[-1], "p1", BASE).outcome is Outcome.RECORDED
    partner = books.partner(names[5])
    books.clock.forward(2 * DAY_MS)
    rewards.mature_all(books.context, partner.id, "USD")


def maturing(bench: Bench) -> None:
    """Rewards of one partner that fall due together."""
    books = bench.books
    bob = books.partner("bob").id
    rewards.mature_all(books.context, bob, "USD")
    for count, budget in ((95, model(3, 1, "2.2", "0.2")), (20, model(3, 1, "2.2", "0.3")), (2, today(3, 1, 4, 2))):
        for number in range(count):
            books.pay(f"customer {number % CUSTOMERS}", f"m{count}-{number}", BASE)
        books.clock.forward(2 * DAY_MS)
        with bench.measure(f"maturity of {count} rewards of a partner, per reward", budget, per=count):
            rewards.mature(books.context, bob, "USD")
    with bench.measure("schedule: find the partners of 119 payments that are due", today(5, 0, 0, 5)):
        assert len(rewards.find_due(books.context)) == 2
    rewards.mature_all(books.context, books.partner("alice").id, "USD")
