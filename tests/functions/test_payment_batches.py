"""A batch of the payments queue: one read for all of it, transactions side by side, and each message for itself."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.adapters.ids import Ids
from refledger.domain.rules import RuleSet
from refledger.domain.times import MINUTE_MS, iso
from refledger.entry import config
from refledger.entry.events import batch
from refledger.operations.earning import payments
from tests.support.books import SECRET, START_MS, Faulty
from tests.support.faults import Death
from tests.support.functions import World, load
from tests.support.programs import a_rule
from tests.support.queues import Sqs

CUSTOMERS = [f"customer{number}" for number in range(10)]


def event(kind: str, **detail: Any) -> str:
    told = {"currency": "USD", "occurredAt": iso(START_MS), "amount": 10_000, **detail}
    return json.dumps({"source": "payments", "detail-type": kind, "detail": told})


def paid(id: str, customer: str, **more: Any) -> str:
    return event("Payment Succeeded", paymentId=id, customerId=customer, **more)


def refunded(id: str, refund: str, amount: int) -> str:
    return event("Payment Refunded", paymentId=id, refundId=refund, amount=amount)


def records(*bodies: str) -> dict[str, Any]:
    return {"Records": [{"messageId": f"m{number}", "body": body} for number, body in enumerate(bodies)]}


def failed(answer: dict[str, Any]) -> list[str]:
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def handle(*bodies: str) -> list[str]:
    """The ids of those that come again."""
    return failed(load("payment_events").handler(records(*bodies), None))


class Counting:
    """A client that counts its calls."""

    def __init__(self, client: Any) -> None:
        self.client, self.calls = client, Counter[str]()

    def __getattr__(self, name: str) -> Any:
        self.calls[name] += 1
        return getattr(self.client, name)


@pytest.fixture
def shop(fresh: World, sqs: Sqs) -> Iterator[World]:
    """Ten customers whom Bob referred; nothing is held."""
    for customer in CUSTOMERS:
        fresh.books.apply(customer, "bob")
    yield fresh
    assert fresh.books.faults() == []


# ---------------------------------------------------------------- side by side


def test_one_read_for_all_customers_of_a_batch(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten payments: one read, ten transactions, and nothing else."""
    client = Counting(shop.books.client)
    context = shop.books.behind(client)
    context.program("default")
    context.program_version("default", 1)
    context.shards()
    client.calls.clear()
    monkeypatch.setattr(config, "context", lambda: context)
    assert handle(*(paid(f"p{number}", name) for number, name in enumerate(CUSTOMERS))) == []
    # the other: whether everything is stopped, which is known for a while then
    assert client.calls == {"get_item": 1, "batch_get_item": 1, "transact_write_items": 10}
    assert len(shop.books.rewards("bob")) == 10


def test_messages_of_a_batch_are_sent_together(shop: World, sqs: Sqs) -> None:
    """Ten payments with two tiers are twenty messages in two calls."""
    assert handle(*(paid(f"p{number}", name) for number, name in enumerate(CUSTOMERS))) == []
    assert sorted(map(len, sqs.batches)) == [10, 10]


@pytest.mark.parametrize("seed", range(3))
def test_payments_of_one_customer_stay_in_order(shop: World, seed: int) -> None:
    """The first of them is the first, whatever is at work beside it: the one that comes first in the batch."""
    shop.books.change_program(rules=RuleSet(a_rule(1000, first=(5000,))))
    shop.books.apply("new", "bob")
    chosen = random.Random(seed)
    bodies = [paid(f"n{number}", "new", amount=1_000 * (number + 1)) for number in range(4)]
    others = [paid(f"o{number}", name) for number, name in enumerate(chosen.sample(CUSTOMERS, 6))]
    places = sorted(chosen.sample(range(10), 4))
    for place, body in zip(places, bodies, strict=True):
        others.insert(place, body)
    assert handle(*others) == []
    by_base = {reward.base: reward.amount for reward in shop.books.rewards("bob") if reward.base < 10_000}
    assert by_base == {1_000: 500, 2_000: 200, 3_000: 300, 4_000: 400}


def test_two_payments_of_one_customer_are_both_counted(shop: World) -> None:
    """The second reads what the first has made of the customer: what was read ahead is handed out once."""
    shop.books.change_program(rules=RuleSet(a_rule(1000, payments=1)))
    shop.books.apply("new", "bob")
    second = paid("n2", "new", occurredAt=iso(START_MS + 1_000))
    assert handle(paid("n1", "new"), paid("x", "customer1"), second, paid("n1", "new")) == []
    of_new = [reward for reward in shop.books.rewards("bob") if reward.payment == shop.books.payment("n1").id]
    assert len(of_new) == 1
    assert shop.books.payment("n2").shares == ()


def test_a_refund_behind_its_payment_meets_it(shop: World) -> None:
    """Both in one batch, and the other way round in another."""
    assert handle(paid("p1", "customer1"), paid("p2", "customer2"), refunded("p1", "r1", 4_000)) == []
    assert handle(refunded("p3", "r3", 4_000), paid("p4", "customer4"), paid("p3", "customer3")) == []
    for name in ("p1", "p3"):
        assert shop.books.payment(name).back.refunds == 4_000


# ---------------------------------------------------------------- each for itself


def test_a_poisoned_message_takes_nobody_with_it(shop: World, sqs: Sqs, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cannot be read, one fails whenever it is tried, one of the same customer is behind it: two are done."""
    record = payments.record

    def but_for_one(context: Any, payment: Any) -> Any:
        if payment.payment_id == "bad":
            raise KeyError("a broken item")
        return record(context, payment)

    monkeypatch.setattr(payments, "record", but_for_one)
    bodies = [paid("p1", "customer1"), "not JSON", paid("bad", "customer2"), paid("p2", "customer2"), paid("p3", "bob")]
    assert handle(*bodies) == ["m2"]
    assert [letter["MessageBody"] for letter in sqs.dead] == ["not JSON"]
    assert {reward.payment for reward in shop.books.rewards("bob")} == {shop.books.payment(n).id for n in ("p1", "p2")}


def test_a_dead_letter_that_is_not_taken_comes_again(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message stays where it is until it is either done or put aside."""

    def away() -> Any:
        raise RuntimeError("the queue is away")

    monkeypatch.setattr(config, "dead_letters", away)
    assert handle(paid("p1", "customer1"), "not JSON", paid("p2", "customer2")) == ["m1"]


def test_only_whose_message_was_not_taken_comes_again(shop: World, sqs: Sqs) -> None:
    """Carol's payment lets Alice earn, too; the queue takes nothing for her: the others are done."""
    sqs.refuses.add(shop.books.partner("alice").id)
    shop.books.apply("zoe", "alice")  # below Alice alone
    assert handle(paid("p1", "bob"), paid("p2", "zoe"), paid("p3", "nobody")) == ["m0", "m1"]
    sqs.refuses.clear()
    sqs.batches.clear()
    assert handle(paid("p1", "bob"), paid("p2", "zoe")) == []
    assert len(sqs.messages) == 2


def test_where_the_table_is_too_busy_to_read_ahead_each_is_read_for_itself(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read ahead saves calls and decides nothing."""
    from refledger.store.table import Table
    from refledger.store.transaction import RetryableConflict

    def busy(*_: object, **__: object) -> Any:
        raise RetryableConflict("throttled")

    with monkeypatch.context() as patch:
        patch.setattr(Table, "get_many", busy)
        assert handle(paid("p1", "customer1"), paid("p2", "customer2")) == []
    assert len(shop.books.rewards("bob")) == 2


@pytest.mark.parametrize("last", range(6))
def test_a_worker_that_dies_in_the_middle_is_repeated_without_harm(
    shop: World, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    """Some of the batch are done, none of them is confirmed: all come again, each earns once and is told of."""
    record, bodies = payments.record, [paid(f"p{number}", CUSTOMERS[number % 4]) for number in range(6)]

    def dying(context: Any, payment: Any) -> Any:
        if payment.payment_id == f"p{last}":
            raise Death
        return record(context, payment)

    with monkeypatch.context() as patch:
        patch.setattr(payments, "record", dying)
        with pytest.raises(Death):
            handle(*bodies)
    shop.books.clock.forward(MINUTE_MS)
    assert handle(*bodies) == []
    assert Counter(reward.amount for reward in shop.books.rewards("bob")) == {2_000: 6}
    assert Counter(reward.amount for reward in shop.books.rewards("alice")) == {1_000: 6}


@pytest.mark.parametrize("seed", range(3))
def test_the_same_batch_at_two_workers_with_conflicts(shop: World, seed: int) -> None:
    """Delivered three times at once, while one write in seven meets a conflict or a lost answer: each earns once."""
    shop.books.change_program(rules=RuleSet(a_rule(1000, 500, first=(5000, 100))))
    shop.books.apply("new", "bob")
    bodies = [paid(f"p{number}", ["new", *CUSTOMERS][number % 5]) for number in range(8)]
    bodies += [refunded("p1", "r1", 4_000), refunded("p1", "r1", 4_000)]
    sound, shaky = shop.books.context, shop.books.behind(Faulty(shop.books.client, 15, seed))

    def until_done(_: int) -> None:
        left = bodies
        for _ in range(30):
            if not (left := [left[int(id[1:])] for id in handle(*left)]):
                return
        raise AssertionError("never done")

    shop.books.context = shaky
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(until_done, range(3)))
    shop.books.context = sound
    payments_made = [shop.books.payment(f"p{number}") for number in range(8)]
    assert all(len(payment.shares) == 2 for payment in payments_made)
    assert shop.books.payment("p1").back.refunds == 4_000
    of_new = [payment for payment in payments_made if payment.customer == shop.books.user("new")]
    assert len([each for each in of_new if each.shares[0][1] == 5_000]) == 1, "one of them is their first"


# ---------------------------------------------------------------- groups

PARTS = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("12345678")), max_size=12)


@given(PARTS)
def test_groups_have_nothing_in_common_and_keep_the_order(parts: list[tuple[str, str]]) -> None:
    """Of any batch: nobody's two payments, and nothing of one payment, is in two groups or overtakes."""
    bodies = [paid(number, customer) for customer, number in parts]
    messages = batch.read(records(*bodies)["Records"], START_MS + MINUTE_MS, None)
    groups = batch.in_order(messages, Ids(SECRET))
    assert sorted(message.id for group in groups for message in group) == sorted(message.id for message in messages)
    about = dict(zip((message.id for message in messages), parts, strict=True))
    for group in groups:
        places = [int(message.id[1:]) for message in group]
        assert places == sorted(places)
        others = {part for other in groups if other is not group for message in other for part in about[message.id]}
        assert not others & {part for message in group for part in about[message.id]}
