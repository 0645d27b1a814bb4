"""A payment is never nobody's in silence: it is taken with its referral, corrected, accepted, and listed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from refledger.domain.errors import AlreadyDecided, SecondPersonNeeded
from refledger.domain.payment_events import PaymentReceived
from refledger.domain.payments import PaymentKind
from refledger.domain.rewards import SECOND_PERSON, net
from refledger.domain.times import HOUR_MS
from refledger.operations.earning import payments, reward_lists, unattributed
from refledger.operations.earning.payments import RecordOutcome
from refledger.operations.referring import lifecycle
from refledger.operations.referring.lifecycle import NewReferral
from refledger.store import customers
from tests.support.books import START_MS, Books
from tests.support.faults import FaultInjectingClient


@pytest.fixture
def books(books: Books) -> Books:
    """Bob has codes in two programs; 20 %, nothing held. Nobody has referred Carol."""
    books.program()
    books.program("site")
    return books


def earned(books: Books, name: str = "bob") -> int:
    return sum(net(reward) for reward in books.rewards(name))


def told(books: Books, program_id: str = "default") -> None:
    """What the stream's reader says after a referral got its customer."""
    for message in unattributed.take(books.context, unattributed.Referred(program_id, books.user("carol"))):
        assert message.partner_id


def refer(books: Books) -> None:
    books.apply("carol", "bob")
    told(books)


def test_what_was_paid_shortly_before_the_referral_earns_in_either_order(books: Books) -> None:
    """A checkout takes the money and calls back eight seconds later: the same money as the other way round."""
    steps: list[Callable[[], object]] = [lambda: books.pay("carol", "p", 10_000), lambda: refer(books)]
    steps[0]()
    books.clock.forward(8_000)
    steps[1]()
    steps[0]()
    told(books)
    assert earned(books) == 2_000
    assert books.payment("p").kind is PaymentKind.PAYMENT
    assert books.faults() == []


def test_only_within_the_programs_window(books: Books) -> None:
    """24 hours unless the program says otherwise; what is older stays nobody's, and counts as paid before."""
    books.pay("carol", "old", 10_000)
    books.clock.forward(25 * HOUR_MS)
    books.pay("carol", "new", 10_000)
    refer(books)
    assert earned(books) == 2_000
    assert books.payment("old").is_nobodys
    window_ms = books.clock() - 24 * HOUR_MS
    assert customers.paid_before(books.table, books.user("carol"), window_ms)
    assert not customers.paid_before(books.table, books.user("carol"), window_ms - 2 * HOUR_MS)


def test_what_is_refunded_meanwhile_is_netted(books: Books) -> None:
    """Its refund found it while it was nobody's."""
    books.pay("carol", "p", 10_000)
    books.refund("p", 5_000)
    refer(books)
    assert earned(books) == 1_000
    assert books.faults() == []


@pytest.mark.parametrize("order", list(itertools.permutations(("pay", "refer", "told"))))
def test_every_order_of_payment_referral_and_its_message(books: Books, order: tuple[str, ...]) -> None:
    """The message comes again, as a queue may deliver it."""
    steps: dict[str, Callable[[], object]] = {
        "pay": lambda: books.pay("carol", "p", 10_000),
        "refer": lambda: books.apply("carol", "bob"),
        "told": lambda: told(books),
    }
    for step in order:
        steps[step]()
    told(books)
    assert earned(books) == 2_000


def test_a_payment_without_a_program_finds_the_one_in_which_its_customer_is_referred(books: Books) -> None:
    """One programId forgotten lost a commission for ever."""
    partner = books.member("eve", "site")
    books.apply("carol", "eve")
    told(books, "site")
    recorded = books.pay("carol", "p", 10_000, program_said=False)
    assert recorded.outcome is RecordOutcome.RECORDED
    assert [reward.partner_id for reward in books.rewards("eve")] == [partner.id]
    assert books.pay("carol", "p", 10_000, program_said=False).outcome is RecordOutcome.REPEATED
    assert books.pay("carol", "q", 10_000).outcome is RecordOutcome.UNREFERRED, "one that is named is meant"


def test_a_corrected_event_corrects(books: Books) -> None:
    """The same payment, now with its program; the first event earned nobody anything."""
    books.member("eve", "site")
    books.apply("carol", "eve")
    assert books.pay("carol", "p", 10_000).outcome is RecordOutcome.UNREFERRED
    assert books.pay("carol", "p", 10_000).outcome is RecordOutcome.REPEATED
    assert books.pay("carol", "p", 10_000, program_id="site").outcome is RecordOutcome.RECORDED
    assert books.pay("carol", "p", 10_000, program_id="site").outcome is RecordOutcome.REPEATED
    assert earned(books, "eve") == 2_000
    assert books.pay("carol", "p", 10_000, program_id="default").outcome is RecordOutcome.DIFFERENT
    assert books.faults() == []


def test_staff_accept_it_when_a_referral_exists(books: Books) -> None:
    """Older than the window, and refused as long as nobody has referred the customer."""
    books.pay("carol", "p", 10_000)
    with pytest.raises(AlreadyDecided):
        books.accept("p")
    books.clock.forward(48 * HOUR_MS)
    refer(books)
    assert earned(books) == 0
    assert books.accept("p").outcome is RecordOutcome.RECORDED
    assert books.accept("p").outcome is RecordOutcome.REPEATED
    assert earned(books) == 2_000


@pytest.mark.parametrize("named", [False, True])
def test_one_that_named_no_program_is_accepted_in_that_of_its_customer(books: Books, named: bool) -> None:
    """As it would be taken if it came now; one that named its program stays there, and nobody guesses between two."""
    books.pay("carol", "p", 10_000, program_said=named)
    books.clock.forward(48 * HOUR_MS)
    partner = books.member("eve", "site")
    books.apply("carol", "eve")
    told(books, "site")
    if named:
        with pytest.raises(AlreadyDecided):
            books.accept("p")
        return
    assert books.accept("p").outcome is RecordOutcome.RECORDED
    assert books.accept("p").outcome is RecordOutcome.REPEATED
    assert [reward.partner_id for reward in books.rewards("eve")] == [partner.id]
    assert (books.payment("p").program_id, books.payment("p").kind) == ("site", PaymentKind.PAYMENT)
    assert books.faults() == []


def test_they_are_listed_until_they_earn(books: Books) -> None:
    """By program, newest first; one that earns is in the other list."""

    def listed(*, unreferred: bool) -> list[str]:
        page, _ = reward_lists.payments_of(
            books.context, "default", None, None, lambda _: True, None, 10, unreferred=unreferred
        )
        return [payment.id for payment in page]

    ids = []
    for name in ("p", "q"):
        ids.append(books.pay("carol", name, 10_000).payment)
        books.clock.forward(1)
    assert listed(unreferred=True) == ids[::-1]
    assert listed(unreferred=False) == []
    refer(books)
    assert listed(unreferred=True) == []
    assert sorted(listed(unreferred=False)) == sorted(ids)


def test_the_id_that_a_sale_came_with_is_looked_up_as_well(books: Books) -> None:
    """A session names Stripe's customer and the owner's reference: either may be the one that was referred."""
    books.apply("carol", "bob")
    received: dict[str, Any] = {"other_customer_id": "carol", "program_said": False}
    assert books.pay("cus_1", "p", 10_000, **received).outcome is RecordOutcome.RECORDED
    assert books.pay("cus_1", "p", 10_000, **received).outcome is RecordOutcome.REPEATED


@pytest.mark.parametrize("late", [False, True])
def test_who_names_a_customer_who_has_just_paid_lets_in_no_more_than_alone(books: Books, late: bool) -> None:
    """The attack: one of the staff sees large payments of somebody nobody referred, and enters them for an accomplice.

    The first is within what one person may make in a day, the second passes it: whether it comes before the referral
    or is told after it, and told again. Who entered the referral does not release it.
    """
    books.change_program(adjustment_limit=5_000)
    ann = books.user("ann")
    books.pay("carol", "p1", 20_000)
    if not late:
        books.pay("carol", "p2", 20_000)
    paid_ms = books.clock()
    books.clock.forward(60_000)
    new = NewReferral(books.partner("bob").id, customer=books.user("carol"))
    lifecycle.create(books.context, new, ann, None, "b", by=ann)
    told(books)
    for _ in range(2):
        books.pay("carol", "p2", 20_000, occurred_at_ms=paid_ms)
    told(books)
    assert sorted(each.held for each in books.rewards("bob")) == [(), (SECOND_PERSON,)]
    (held,) = [each for each in books.rewards("bob") if each.held]
    with pytest.raises(SecondPersonNeeded):
        books.release(held, by=ann)
    books.release(held, by=books.user("ben"))
    assert books.faults() == []
    books.pay("carol", "p3", 90_000)  # what comes after the referral is on nobody's word
    assert [each.held for each in books.rewards("bob")] == [()] * 3


class Behind(FaultInjectingClient):
    """Its reads that need not be strong find nothing that anybody noted of a customer: all of it is new."""

    def query(self, **arguments: Any) -> Any:
        if not arguments.get("ConsistentRead") and "IndexName" not in arguments:
            return {"Items": []}
        return FaultInjectingClient.__getattr__(self, "query")(**arguments)


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("program_id", ["default", "site"])
def test_whoever_is_faster_sees_the_other(books: Books, program_id: str, said: bool) -> None:
    """A referral and its message before any call of the payment, also where readers are behind: it earns, once."""
    books.member("eve", "site")
    referrer = {"default": "bob", "site": "eve"}[program_id]
    calls = Behind(books.client, None)
    payments.record(books.behind(calls), received("zoe", "zoes", program_id, said=said))
    assert len(calls.calls) >= 3
    for number in range(len(calls.calls) + 1):
        customer = f"customer {number}"

        def refer(customer: str = customer) -> None:
            books.apply(customer, referrer)
            unattributed.take(books.context, unattributed.Referred(program_id, books.user(customer)))

        context = books.behind(Behind(books.client, number, before=refer))
        payments.record(context, received(customer, f"of {customer}", program_id, said=said))
        if number == len(calls.calls):
            refer()
        assert books.payment(f"of {customer}").kind is PaymentKind.PAYMENT, number
        assert earned(books, referrer) == 2_000 * (number + 1)
    assert books.faults() == []


def received(customer: str, payment_id: str, program_id: str, *, said: bool) -> PaymentReceived:
    """Of an event that names its program, or of one that does not and is taken for the default one's."""
    return PaymentReceived(
        "payments", payment_id, customer, program_id if said else "default", 10_000, 10_000, "USD", START_MS,
        program_said=said,
    )  # fmt: skip
