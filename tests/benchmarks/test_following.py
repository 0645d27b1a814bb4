"""What it costs to follow the stream for the audit, search rows, referrals and notices."""

from __future__ import annotations

from decimal import Decimal

import pytest

from benchmarks.bench import Bench
from refledger.store.audit_actor import acting
from tests.support.changes import Follower

HALF = Decimal("0.5")


@pytest.fixture
def bench(dynamodb_endpoint: str) -> Bench:
    """Alice referred Bob, and Bob thirty customers, each of whom has paid once."""
    return Bench(dynamodb_endpoint, [], {})


@pytest.fixture
def follower(bench: Bench) -> Follower:
    books = bench.books
    books.chain("alice", "bob")
    for number in range(30):
        books.apply(f"customer {number}", "bob")
        books.pay(f"customer {number}", f"first {number}", 1_000)
    made = Follower(books)
    made.catch_up()
    return made


def test_a_payment_is_followed_by_a_read(bench: Bench, follower: Follower) -> None:
    """Alone or with others, a payment of somebody who has paid before takes half a unit to look, and writes nothing."""
    for count in (1, 25):
        for number in range(count):
            bench.books.pay(f"customer {number}", f"of {count}: {number}", 1_000)
        records = follower.records()
        with bench.measure("…", per=count):
            follower.follow(records)
        row = bench.rows[-1]
        assert (row.used.reads, row.used.writes) == (1, 0)
        assert row.rru <= HALF


def test_a_first_payment_moves_its_referral(bench: Bench, follower: Follower) -> None:
    """The referral and its place among what waits, and the entry that tells of it: 3 units, once in its life."""
    bench.books.apply("customer", "bob")
    follower.catch_up()
    bench.books.pay("customer", "p1", 1_000)
    with bench.measure("first"):
        follower.catch_up()
    assert bench.rows[-1].wru <= 3
    assert bench.rows[-1].rru <= 1


def test_what_somebody_does_costs_two_units_to_write_down(bench: Bench, follower: Follower) -> None:
    """The entry, and its place in the list of what they did."""
    with acting("ann", "admin", "192.0.2.1", "r1", "POST /something"):
        bench.books.hold(bench.books.rewards("bob")[0])
    records = follower.records()
    with bench.measure("audit"):
        follower.follow(records)
    assert (bench.rows[-1].used.writes, bench.rows[-1].wru) == (1, Decimal(2))
