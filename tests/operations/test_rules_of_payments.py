"""Payments by their rules: the version under which the customer was bound, own pays, and payments that are counted."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from refledger.domain.errors import Invalid, PartnerNotFound, Stale
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.rules import SPARE, Own, Pay, RuleSet
from refledger.domain.times import DAY_MS, from_datetime
from refledger.operations.earning import parked
from refledger.operations.earning.payments import RecordOutcome
from refledger.operations.partners import partners
from refledger.store import bindings
from refledger.store import payments as stored_payments
from tests.support.books import Books, Faulty
from tests.support.programs import a_rule

FLAT = Pay.amounts({"USD": 500})


def start(books: Books, rules: RuleSet, **changes: Any) -> None:
    """Alice referred Bob, Bob referred Carol, under these rules."""
    books.program(rules=rules, **changes)
    books.chain("alice", "bob", "carol")


def earned(books: Books, name: str = "bob") -> list[tuple[int, str]]:
    """(amount, rule) of a partner's rewards, smallest first; without those that an earlier payment has displaced."""
    return sorted((reward.amount, reward.rule) for reward in books.rewards(name) if reward.amount)


def counted(books: Books) -> tuple[int, int]:
    binding = bindings.find(books.table, "default", books.user("carol"))
    assert binding is not None
    return binding.count, binding.first_at_ms


def unearned(books: Books, payment: str) -> tuple[tuple[int, str], ...]:
    return stored_payments.find(books.table, payment).unearned


# ---------------------------------------------------------------- versions


def test_old_customers_go_by_old_rules(books: Books) -> None:
    """A new version is for whoever is bound from then on; rewards say by which version and rule they were made."""
    start(books, RuleSet(a_rule(2000, 1000)))
    books.change_program(rules=RuleSet(a_rule(FLAT), (("gold", a_rule(3000)),)), reviews_rewards=True)
    books.apply("dave", "bob")
    books.pay("carol", "p1", 10_000)
    books.pay("carol", "p2", 20_000, product_id="gold")
    books.pay("dave", "p3", 10_000)
    books.pay("dave", "p4", 10_000, product_id="gold")
    made = sorted((r.amount, r.rule_version, r.rule, r.rate_bps, r.review) for r in books.rewards("bob"))
    assert made == [
        (500, 2, "program", 0, True), (2000, 1, "program", 2000, True), (3000, 2, "product", 3000, True),
        (4000, 1, "program", 2000, True),
    ]  # fmt: skip
    assert earned(books, "alice") == [(1000, "program"), (2000, "program")]


def test_a_worker_that_knows_only_the_new_version_reads_the_old(books: Books) -> None:
    """Whatever a worker has in memory: the rules are those of the customer's version."""
    start(books, RuleSet(a_rule(2000)))
    books.change_program(rules=RuleSet(a_rule(100)))
    books.context = books.behind(books.client)
    books.context.program("default")
    books.pay("carol", "p1", 10_000)
    assert earned(books) == [(2000, "program")]


def test_the_cap_is_frozen_on_the_reward(books: Books) -> None:
    """In its currency, from the version of the customer."""
    start(books, RuleSet(a_rule(1000), monthly_cap=(("USD", 700),)), currencies=["EUR"])
    books.change_program(currencies=["EUR"])
    books.pay("carol", "p1", 10_000)
    books.pay("carol", "p2", 20_000, currency="EUR")
    assert sorted((r.amount, r.cap) for r in books.rewards("bob")) == [(1000, 700), (2000, None)]


def test_a_tier_that_earns_nothing_says_why_on_the_payment(books: Books) -> None:
    """A flat amount that does not name the currency, and a payment that nearer tiers used up."""
    start(books, RuleSet(a_rule(FLAT, FLAT)), currencies=["EUR"])
    euro = books.pay("carol", "p1", 10_000, currency="EUR")
    small = books.pay("carol", "p2", 400)
    whole = books.pay("carol", "p3", 1_000)
    assert unearned(books, euro.payment) == ((1, "CURRENCY"), (2, "CURRENCY"))
    assert unearned(books, small.payment) == ((2, "BASE"),)
    assert unearned(books, whole.payment) == ()
    assert earned(books) == [(400, "program"), (500, "program")]
    assert earned(books, "alice") == [(500, "program")]


# ---------------------------------------------------------------- first payments, limits


def test_the_first_payment_earns_by_its_own_rates(books: Books) -> None:
    """Once for a customer, whatever they buy and however often its event comes."""
    start(books, RuleSet(a_rule(1000, first=(5000, 100)), (("gold", a_rule(300)),)))
    for _ in range(2):
        books.pay("carol", "p1", 10_000)
    books.pay("carol", "p2", 10_000)
    books.pay("carol", "p3", 10_000, product_id="gold")
    assert earned(books) == [(300, "product"), (1000, "program"), (5000, "program-first")]
    assert earned(books, "alice") == [(100, "program-first")]


def test_a_payment_of_any_product_is_the_first(books: Books) -> None:
    """The customer's first payment is one for all products."""
    start(books, RuleSet(a_rule(1000), (("gold", a_rule(300, first=(900,))),)))
    books.pay("carol", "p1", 10_000)
    books.pay("carol", "p2", 10_000, product_id="gold")
    assert earned(books) == [(300, "product"), (1000, "program")]


def test_only_so_many_payments_earn(books: Books) -> None:
    """The rest are recorded, earn nothing, and say why; counting stops where nobody asks any more."""
    start(books, RuleSet(a_rule(1000, payments=2)))
    made = []
    for number in range(12):
        books.clock.forward(1)
        made.append(books.pay("carol", f"p{number}", 10_000).payment)
    assert earned(books) == [(1000, "program")] * 2
    assert [unearned(books, id) for id in made] == [(), (), *[((1, "PAYMENTS"),)] * 10]
    assert counted(books) == (2 + SPARE, books.clock() - 11)


def test_payments_earn_for_so_many_months(books: Books) -> None:
    """From the customer's first payment; the limit is asked about when the customer paid, not when it was told."""
    start(books, RuleSet(a_rule(1000, months=2)))
    first = from_datetime(datetime(2026, 12, 31, 12, tzinfo=UTC))
    end = from_datetime(datetime(2027, 2, 28, 12, tzinfo=UTC))
    books.clock.at_ms = end + 30 * DAY_MS
    for number, at_ms in enumerate((first, end, end - 1, first - DAY_MS)):
        books.pay("carol", f"p{number}", 10_000, occurred_at_ms=at_ms)
    paid = sorted(reward.earned_at_ms for reward in books.rewards("bob"))
    assert paid == [first - DAY_MS, first, end - 1]
    assert counted(books) == (4, first - DAY_MS)


def test_what_earns_nobody_anything_is_not_counted(books: Books) -> None:
    """A free payment is not the customer's first, nor is one that is parked for its currency, until it is accepted."""
    start(books, RuleSet(a_rule(1000, first=(5000,))))
    books.pay("carol", "p1", 0)
    foreign = books.pay("carol", "p2", 10_000, currency="EUR")
    assert (foreign.outcome, counted(books)) == (RecordOutcome.FOREIGN, (0, 0))
    books.change_program(currencies=["EUR"])
    accepted = parked.accept(books.context, foreign.payment, "ann")
    assert (accepted.outcome, counted(books)[0]) == (RecordOutcome.RECORDED, 1)
    parked.accept(books.context, foreign.payment, "ann")
    books.pay("carol", "p3", 10_000)
    assert earned(books) == [(1000, "program"), (5000, "program-first")]


def test_nothing_is_counted_where_no_rule_asks(books: Books) -> None:
    """Payments of a customer whose rules treat them alike do not meet: no write to the binding."""
    start(books, RuleSet(a_rule(1000)))
    books.pay("carol", "p1", 10_000)
    assert counted(books) == (0, 0)


def test_payments_at_once_are_counted_one_by_one(books: Books) -> None:
    """Twelve payments in one moment, each told twice: one is the first, three earn, the others do not."""
    start(books, RuleSet(a_rule(1000, first=(5000,), payments=3)))
    ids = [f"p{number}" for number in range(12)] * 2
    books.context = books.behind(books.client)

    def pay(id: str) -> RecordOutcome:
        return books.pay("carol", id, 10_000).outcome

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(pay, ids))
    assert sorted(outcomes) == [RecordOutcome.RECORDED] * 12 + [RecordOutcome.REPEATED] * 12
    assert earned(books) == [(1000, "program"), (1000, "program"), (5000, "program-first")]
    assert counted(books)[0] == 3 + SPARE


@pytest.mark.parametrize("seed", range(4))
def test_conflicts_and_lost_answers_count_each_payment_once(books: Books, seed: int) -> None:
    """Where writes are refused, or done without an answer, a payment still counts once."""
    start(books, RuleSet(a_rule(1000, first=(5000,), payments=3)))
    faulty = Faulty(books.client, 60, seed)
    books.context = books.behind(faulty)
    for number in range(5):
        books.pay("carol", f"p{number}", 10_000)
    assert earned(books) == [(1000, "program"), (1000, "program"), (5000, "program-first")]
    assert faulty.injected


# ---------------------------------------------------------------- a partner's own pays


def set_rates(books: Books, own: Own, version: int | None = None, name: str = "bob", by: str = "ann") -> Partner:
    bob = books.partner(name)
    return partners.set_rates(books.context, bob.id, own, bob.version if version is None else version, "deal", by)


def test_own_pays_are_for_customers_who_come_later(books: Books) -> None:
    """Who was bound before stays with what was promised then; the tiers above are not touched."""
    start(books, RuleSet(a_rule(2000, 1000), (("gold", a_rule(3000)),)))
    set_rates(books, (("", Pay(2500)), ("gold", FLAT)))
    books.apply("dave", "bob")
    set_rates(books, ())
    books.apply("erin", "bob")
    for customer in ("carol", "dave", "erin"):
        books.pay(customer, f"{customer}-1", 10_000)
        books.pay(customer, f"{customer}-2", 10_000, product_id="gold")
    assert earned(books) == [
        (500, "partner-product"), (2000, "program"), (2000, "program"), (2500, "partner"), (3000, "product"),
        (3000, "product"),
    ]  # fmt: skip
    assert earned(books, "alice") == [(1000, "program")] * 3


def test_own_pays_do_not_reach_the_tiers_above(books: Books) -> None:
    """Bob's own pay is for his customers; from the customers of his customers he earns as the program says."""
    books.program()
    books.partner("bob")
    set_rates(books, (("", Pay(2500)),))
    books.chain("bob", "carol", "dave")
    books.pay("dave", "p1", 10_000)
    assert (earned(books), earned(books, "carol")) == ([(1000, "program")], [(2000, "program")])


def test_own_pays_are_set_once(books: Books) -> None:
    """A repeat changes nothing, whatever version it names; another change from the same version is too late."""
    books.program()
    first = set_rates(books, (("", Pay(2500)),), 1)
    assert (first.version, first.own_rates) == (2, (("", Pay(2500)),))
    assert set_rates(books, (("", Pay(2500)),), 1, by="eve") == first
    with pytest.raises(Stale, match="current version is 2"):
        set_rates(books, (("", Pay(2600)),), 1)
    assert books.partner("bob") == first


def test_own_pays_and_a_status_at_once_both_stay(books: Books) -> None:
    """A suspension in the same moment is never lost; the pays are set, or their admin reads again."""
    books.program()
    for number in range(5):
        name = f"n{number}"
        bob = books.partner(name)

        def pays(name: str = name, version: int = bob.version) -> bool:
            try:
                return bool(set_rates(books, (("", Pay(2500)),), version, name))
            except Stale:
                return False

        with ThreadPoolExecutor(2) as pool:
            one = pool.submit(pays)
            pool.submit(partners.change_status, books.context, bob.id, PartnerStatus.SUSPENDED, "why", "eve").result()
            done = one.result()
        found = books.partner(name)
        assert (found.status, bool(found.own_rates)) == (PartnerStatus.SUSPENDED, done)
        assert found.version == (3 if done else 2)


def test_a_customer_who_comes_while_pays_change_gets_one_or_the_other(books: Books) -> None:
    """A binding is made under the partner as it was read: own pays are never half frozen."""
    books.program()
    bob = books.partner("bob")
    with ThreadPoolExecutor(4) as pool:
        jobs: list[Future[Any]] = [pool.submit(books.apply, f"c{number}", "bob") for number in range(6)]
        jobs.append(pool.submit(set_rates, books, (("", Pay(2500)),), bob.version))
        for job in jobs:
            job.result()
    for number in range(6):
        bound = bindings.find(books.table, "default", books.user(f"c{number}"))
        assert bound is not None
        assert bound.own in ((), (("", Pay(2500)),))
        books.pay(f"c{number}", f"p{number}", 10_000)
    assert {amount for amount, _ in earned(books)} <= {2000, 2500}


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ((("", Pay(9001)),), "rates: with the tiers above"),
        ((("", Pay.amounts({"EUR": 1})),), "rates: amounts in EUR"),
    ],
)
def test_own_pays_that_cannot_be_promised_are_refused(books: Books, own: Own, told: str) -> None:
    """More than the tiers above leave, or in a currency that the program does not take; nothing is written."""
    books.program()
    bob = books.partner("bob")
    with pytest.raises(Invalid, match=told):
        set_rates(books, own)
    assert books.partner("bob") == bob


def test_nobody_has_no_pays(books: Books) -> None:
    """An unknown partner is not found."""
    with pytest.raises(PartnerNotFound):
        partners.set_rates(books.context, "nobody", (), 1, "deal", "ann")


def test_own_pays_and_later_tiers_never_pay_more_than_the_payment(books: Books) -> None:
    """A later version of the program may leave less above than an own pay needs: the farthest tier loses."""
    books.program(tier_rates_bps=(2000, 1000))
    books.partner("bob")
    set_rates(books, (("", Pay(9000)),))
    books.change_program(tier_rates_bps=(2000, 3000))
    books.chain("alice", "bob", "carol")
    recorded = books.pay("carol", "p1", 10_000)
    assert (earned(books), earned(books, "alice")) == ([(9000, "partner")], [(1000, "program")])
    assert unearned(books, recorded.payment) == ()
