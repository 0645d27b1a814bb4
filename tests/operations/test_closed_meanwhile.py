"""Whoever has read a referral while somebody closes it meets that: nothing is earned of what is closed already."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from refledger.domain.errors import ReferralClosed
from refledger.domain.payment_events import PaymentReceived
from refledger.domain.referrals import Referral
from refledger.domain.rewards import RewardStatus
from refledger.domain.rules import RuleSet
from refledger.domain.times import DAY_MS
from refledger.operations.context import Context
from refledger.operations.earning import conversions, parked, payments, rating, unattributed
from refledger.operations.earning.payments import RecordOutcome
from refledger.operations.referring import closing, lifecycle, reads
from refledger.store import bindings, keys
from refledger.store.transaction import update
from tests.support.books import Books
from tests.support.faults import WRITES, FaultInjectingClient
from tests.support.programs import a_program, a_rule

S = RewardStatus
RULES = {
    "plain": RuleSet(a_rule(2000, 1000)),
    "first": RuleSet(a_rule(1000, 700, first=(5000,))),
    "number": RuleSet(a_rule(1000, 700, payments=2)),
    "months": RuleSet(a_rule(1000, 700, months=2)),
}


class Overtaken(FaultInjectingClient):
    """A DynamoDB client at whose first write somebody else is faster."""

    counted = WRITES


@pytest.fixture
def books(books: Books) -> Books:
    """Alice referred Bob; nothing is held."""
    books.program()
    books.chain("alice", "bob")
    return books


def overtaken(books: Books, act: Callable[[Context], Any], meanwhile: Callable[[], Any]) -> Any:
    """What `act` comes to, where somebody else does something between its first reads and its first write."""
    client = Overtaken(books.client, 0, before=meanwhile)
    done = act(books.behind(client))
    assert client.calls
    return done


def referral(books: Books, customer: str = "carol") -> Referral:
    return reads.by_customer(books.context, "default", books.user(customer))


def close(books: Books, id: str, **more: Any) -> None:
    assert closing.close(books.context, id, "a fraud", "ann", **more).complete


def live(books: Books) -> list[int]:
    """Of Alice and of Bob."""
    return [r.amount for name in ("alice", "bob") for r in books.rewards(name) if r.status is not S.CANCELLED]


def received(books: Books, id: str, **more: Any) -> PaymentReceived:
    return PaymentReceived("payments", id, "carol", "default", 10_000, 10_000, "USD", books.clock(), **more)


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
@pytest.mark.parametrize("earlier", [0, 1, 3])
@pytest.mark.parametrize("window_days", [None, 30])
def test_a_payment_that_was_being_taken(books: Books, rules: RuleSet, earlier: int, window_days: int | None) -> None:
    """The attack: read before the close and written after it, it earned when all rewards had been looked at.

    The first of the customer or a later one; under rules that count and others; with a referral that would expire.
    """
    books.change_program(rules=rules, attribution_days=window_days)
    books.apply("carol", "bob")
    for number in range(earlier):
        books.earn("carol", f"p{number}", 100)
    books.clock.forward(1000)
    before = live(books)
    done = overtaken(
        books, lambda context: payments.record(context, received(books, "late")),
        lambda: close(books, referral(books).id),
    )  # fmt: skip
    assert done.outcome is RecordOutcome.ENDED
    assert live(books) == before
    assert books.faults() == []


def test_closed_from_a_later_moment_it_earns(books: Books) -> None:
    """Made before the end it earns, also where it was being taken when the end was said."""
    books.apply("carol", "bob")
    books.earn("carol", "first", 100)
    paid_ms = books.clock()
    books.clock.forward(DAY_MS)
    done = overtaken(
        books, lambda context: payments.record(context, received(books, "late")),
        lambda: close(books, referral(books).id, from_ms=paid_ms + 1),
    )  # fmt: skip
    assert done.outcome is RecordOutcome.ENDED
    again = overtaken(
        books,
        lambda context: payments.record(context, PaymentReceived(
            "payments", "in time", "carol", "default", 10_000, 10_000, "USD", paid_ms
        )),
        lambda: close(books, referral(books).id, from_ms=paid_ms + 1),
    )  # fmt: skip
    assert again.outcome is RecordOutcome.RECORDED
    assert books.faults() == []


@pytest.mark.parametrize("act", [lifecycle.reject, lifecycle.expire, lifecycle.remove])
def test_one_that_is_rejected_or_ended_by_hand_meanwhile(books: Books, act: Callable[..., Referral]) -> None:
    """Nobody had paid, so it can be: what was being taken earns nothing then."""
    books.apply("carol", "bob")
    arguments = ("not theirs",) if act is not lifecycle.remove else ()
    books.clock.forward(1)
    done = overtaken(
        books, lambda context: payments.record(context, received(books, "p")),
        lambda: act(books.context, referral(books).id, *arguments),
    )  # fmt: skip
    assert done.outcome is (RecordOutcome.EXPIRED if act is lifecycle.expire else RecordOutcome.REJECTED)
    assert live(books) == []
    assert books.faults() == []


@pytest.mark.parametrize("act", [lifecycle.reject, lifecycle.expire])
def test_one_that_has_paid_is_not_rejected_before_the_stream_tells(books: Books, act: Callable[..., Referral]) -> None:
    """Who has paid has converted, whether the referral says so yet or not, and whether it would ever expire or not."""
    books.apply("carol", "bob")
    books.earn("carol", "p", 10_000)
    with pytest.raises(ReferralClosed):
        act(books.context, referral(books).id, "why")
    assert live(books) == [1_000, 2_000]


def test_a_conversion_and_what_is_added_to_it(books: Books) -> None:
    """With a customer and without one: a value that turned out higher is not earned of what is closed."""
    acme = lifecycle.create(books.context, lifecycle.NewReferral(books.partner("bob").id), "x", "k", "b")
    books.apply("carol", "bob")
    for id in (acme.id, referral(books).id):
        conversions.convert(books.context, id, 10_000, by="ann")
        before = live(books)
        made = overtaken(
            books, partial(conversions.add, referral_id=id, number=1, amount=5_000), partial(close, books, id,
            from_ms=1)
        )  # fmt: skip
        assert (made[0].shares, made[0].reason) == ((), "ENDED")
        assert len(live(books)) < len(before)
    assert live(books) == []
    assert books.faults() == []


def test_what_a_person_accepts(books: Books) -> None:
    """A payment in a currency that the program takes now."""
    books.apply("carol", "bob")
    books.pay("carol", "euros", 10_000, "EUR")
    books.set_terms(a_program("default", payout_minimum=1000, currencies=("EUR",)), 1)
    books.context._programs.clear()
    id = books.payment("euros").id
    done = overtaken(
        books, lambda context: parked.accept(context, id, "admin"), lambda: close(books, referral(books).id, from_ms=1)
    )
    assert done.outcome is RecordOutcome.ENDED
    assert live(books) == []


def test_what_was_paid_before_anybody_said_whose_customer_it_is(books: Books) -> None:
    """Taken by the message of its referral, while that is closed."""
    books.pay("carol", "p", 10_000)
    books.apply("carol", "bob")
    told = unattributed.Referred("default", books.user("carol"))
    client = FaultInjectingClient(books.client, None)
    assert unattributed.take(books.behind(client), told)
    writes = [number for number, name in enumerate(client.calls) if name in WRITES]
    assert len(writes) == 2
    books.chain("alice", "bob2")
    books.pay("dave", "q", 10_000)
    books.apply("dave", "bob2")
    context = books.behind(FaultInjectingClient(
        books.client, writes[1], before=lambda: close(books, referral(books, "dave").id, from_ms=1)
    ))  # fmt: skip
    assert unattributed.take(context, unattributed.Referred("default", books.user("dave"))) == []
    assert books.payment("q").reason == "ENDED"
    assert [r.amount for r in books.rewards("bob2")] == []


def test_what_is_rated_again(books: Books) -> None:
    """One that was beyond the number that counts has a place now: not once its referral is closed."""
    rules = RuleSet(a_rule(1000, 700, payments=1))
    books.change_program(rules=rules)
    books.apply("carol", "bob")
    books.pay("carol", "first", 10_000)
    books.clock.forward(1)
    books.pay("carol", "second", 10_000)
    binding = bindings.find(books.table, "default", books.user("carol"))
    assert binding
    books.table.commit(bindings.count(binding, binding.without(binding.listed[0], (), rules)))
    second = books.payment("second")
    assert second.shares == ()
    overtaken(
        books, lambda context: rating.rate_again(context, second.id),
        lambda: close(books, referral(books).id, from_ms=1),
    )  # fmt: skip
    assert live(books) == []
    assert books.payment("second").shares == ()


# ---------------------------------------------------------------- what was left behind


def test_verify_names_what_earned_after_the_close(books: Books) -> None:
    """As payments that were read before it did: live rewards of a time that is closed. Paid before it is no fault."""
    books.apply("carol", "bob")
    books.earn("carol", "paid", 10_000)
    books.pay_out("bob", 2_000)
    books.clock.forward(1000)
    books.earn("carol", "after", 10_000)
    found = referral(books)
    times = {"at": books.clock() - 1, "now": books.clock() + 1}
    left = update("as it was left", keys.referral(found.id), "SET #ended = :at, #closed = :now", "", **times)
    bound = keys.binding("default", books.user("carol"))
    books.table.commit(left, update("as it was left", bound, "SET #ended = :at", "", at=times["at"]))
    reasons = [fault.reason for fault in books.faults()]
    assert len(reasons) == 2, "of Alice and of Bob"
    assert all("after its referral was closed" in reason for reason in reasons)
    assert all(books.payment("after").id in reason for reason in reasons)
    close(books, found.id)
    assert books.faults() == []
