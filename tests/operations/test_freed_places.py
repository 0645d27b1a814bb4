"""A duplicate that leaves frees its place: whoever was beyond what the rule counts has it, in any order of arrival."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import pytest

from refledger.domain import uplines
from refledger.domain.errors import Busy
from refledger.domain.rules import Pay, RuleSet
from refledger.domain.times import DAY_MS
from refledger.operations.earning import rating
from tests.support import dynamodb, reference
from tests.support.books import Books
from tests.support.programs import a_rule
from tests.support.reference import Paid

ORDERS = int(os.environ.get("ORDER_PERMUTATIONS", "12"))
CHAINS = {"ben": ["ann"], "cat": ["ben", "ann"]}
RULES = {
    "first": RuleSet(a_rule(1000, first=(5000,))),
    "one": RuleSet(a_rule(1000, 500, payments=1)),
    "two": RuleSet(a_rule(1000, 700, payments=2)),
    "two after a first": RuleSet(a_rule(1000, 700, first=(Pay.amounts({"USD": 900}),), payments=2)),
    "a month": RuleSet(a_rule(1000, months=1)),
    "two within a month": RuleSet(a_rule(1000, 500, first=(3000,), payments=2, months=1)),
    "two of gold": RuleSet(a_rule(1000, 500), (("gold", a_rule(3000, payments=2)),)),
}
# (name, day, amount, product): c and g are what a and e are, by the other ids of the same money
PAYMENTS = (
    ("a", 0, 10_000, "gold"), ("c", 0, 10_000, "gold"), ("b", 3, 20_000, "gold"), ("d", 20, 30_000, ""),
    ("e", 31, 40_000, "gold"), ("g", 31, 40_000, "gold"), ("f", 33, 50_000, ""),
)  # fmt: skip
ALIASES = (("a", "c"), ("e", "g"))
FACTS: tuple[tuple[object, ...], ...] = (*PAYMENTS, *ALIASES)


class World:
    def __init__(self, endpoint: str, rules: RuleSet) -> None:
        self.books, self.told = Books(dynamodb.new_database(endpoint)), 0
        self.start_ms = self.books.clock()
        self.books.program(rules=rules)
        self.books.clock.forward(100 * DAY_MS)
        self.rules = rules

    def tell(self, order: Sequence[int]) -> None:
        """All facts in this order, of people of their own, with a tick of the schedule at the end."""
        self.told += 1
        people = {name: f"{name} {self.told}" for name in ("ann", "ben", "cat")}
        self.books.chain(*people.values())
        for number in order:
            self.books.clock.forward(1)
            match FACTS[number]:
                case (str(name), int(day), int(amount), str(product)):
                    at_ms = self.start_ms + day * DAY_MS
                    self.books.earn(people["cat"], self.id(name), amount, occurred_at_ms=at_ms, product_id=product)
                case (str(alias), str(name)):
                    self.books.alias(self.id(alias), self.id(name))
        for name in ("ann", "ben"):
            self.books.mature(people[name])
        wanted = reference.balances(
            [
                Paid(name, self.books.ids.payment("payments", self.id(name)), "cat", self.start_ms + day * DAY_MS,
                     amount, product)
                for name, day, amount, product in PAYMENTS
                if name not in dict(ALIASES)
            ],
            CHAINS, self.rules,
        )  # fmt: skip
        found = {name: self.books.balance(people[name])[0] for name in ("ann", "ben")}
        assert {name: amount for name, amount in found.items() if amount} == wanted, [FACTS[n] for n in order]
        assert list(rating.waiting(self.books.context)) == [], "nothing is left to the schedule"

    def id(self, name: str) -> str:
        return f"{name} {self.told}"


@pytest.mark.parametrize("spare", [0, 1, 8])
@pytest.mark.parametrize("name", RULES)
def test_any_order_of_payments_and_of_what_they_turn_out_to_be(
    dynamodb_endpoint: str, monkeypatch: pytest.MonkeyPatch, name: str, spare: int
) -> None:
    """Two of seven payments are others under another name: told before, between or after, it is the same money."""
    if name == "first" and not spare:
        pytest.skip("without any room the times of no other payments are kept for it")
    monkeypatch.setattr(uplines, "SPARE", spare)
    world = World(dynamodb_endpoint, RULES[name])
    chance = random.Random(spare)
    for _ in range(ORDERS):
        world.tell(chance.sample(range(len(FACTS)), len(FACTS)))
    assert world.books.faults() == []


@pytest.mark.parametrize("spare", [0, 8])
def test_every_order_of_five(dynamodb_endpoint: str, monkeypatch: pytest.MonkeyPatch, spare: int) -> None:
    """Two of one moment that are one, and two behind them of which the rule counts one."""
    monkeypatch.setattr(uplines, "SPARE", spare)
    world = World(dynamodb_endpoint, RULES["two"])
    rest = tuple(range(4, 8))
    every = list(permutations((0, 1, 2, 3, 7)))
    for order in random.Random(1).sample(every, min(len(every), 2 * ORDERS)):
        world.tell((*order, *(n for n in rest if n not in order), 8))
    assert world.books.faults() == []


def test_many_duplicates_leave_and_the_last_of_all_has_a_place(books: Books) -> None:
    """A year told by invoice and by charge: when all charges have turned out to be invoices, three months earn."""
    books.program(rules=RuleSet(a_rule(1000, payments=3)))
    books.chain("bob", "carol")
    start_ms = books.clock()
    books.clock.forward(400 * DAY_MS)
    for month in range(12):
        for kind in ("charge", "invoice"):
            at_ms = start_ms + month * 30 * DAY_MS
            books.earn("carol", f"{kind} {month}", 10_000, occurred_at_ms=at_ms)
    assert books.balance("bob") == (3_000, 0, 0)
    for month in range(12):
        books.alias(f"charge {month}", f"invoice {month}")
    for month in range(9):
        books.alias(f"invoice {month}", "invoice 9")
    books.mature("bob")
    earned = {r.payment: r.amount for r in books.rewards("bob") if not r.cancelled}
    assert earned == {books.payment(f"invoice {month}").id: 1_000 for month in (9, 10, 11)}
    assert books.faults() == []


def test_those_that_leave_and_those_that_come_meet(books: Books) -> None:
    """Payments beyond the list and duplicates that leave it, by four workers at once: the first two earn."""
    books.program(rules=RuleSet(a_rule(1000, payments=2)))
    books.chain("bob", "carol")
    start_ms = books.clock()
    books.clock.forward(100 * DAY_MS)
    books.context = books.behind(books.client)
    for number in range(12):
        books.pay("carol", f"p{number}", 10_000, occurred_at_ms=start_ms + number * DAY_MS)
    jobs = [lambda n=n: books.alias(f"p{n}", "p11") for n in range(9)]
    jobs += [
        lambda n=n: books.pay("carol", f"q{n}", 10_000, occurred_at_ms=start_ms + (9 * DAY_MS) + n + 1)
        for n in range(6)
    ]
    random.Random(2).shuffle(jobs)

    def surely(job: object) -> None:
        assert callable(job)
        for _ in range(30):
            try:
                job()
            except Busy:
                continue
            return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(surely, jobs))
    for program_id, customer in list(rating.waiting(books.context)):
        rating.rate_customer(books.context, program_id, customer)
    earned = {r.payment for r in books.rewards("bob") if r.amount and not r.cancelled}
    assert earned == {books.payment(name).id for name in ("p9", "q0")}
    assert books.faults() == []
