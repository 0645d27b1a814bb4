"""Referrals follow the money: CONVERTED by the first payment, PAID by the first reward that is paid out."""

from __future__ import annotations

import itertools
import random

import pytest

from refledger.domain.errors import ReferralClosed
from refledger.domain.payments import Payment, PaymentKind
from refledger.domain.referrals import Referral, ReferralStatus
from refledger.domain.times import DAY_MS
from refledger.operations.earning.payments import RecordOutcome
from refledger.operations.referring import lifecycle, progress_projection, reads
from refledger.store import bindings, keys, payments, referrals
from refledger.store.stream import Record
from refledger.store.transaction import update
from tests.support.books import Books
from tests.support.changes import Follower
from tests.support.crashes import AT_READS, CrashingClient, crash_at_each_write
from tests.support.faults import Death

S = ReferralStatus


@pytest.fixture
def follower(books: Books) -> Follower:
    """Alice referred Bob, and Bob referred Carol; nothing of it is new any more."""
    books.program()
    books.chain("alice", "bob", "carol")
    made = Follower(books)
    made.catch_up()
    return made


def carols(books: Books) -> Referral:
    ((_, found),) = referrals.of_partner(books.table, books.partner("bob").id, "", 10)
    return found


def test_the_first_payment_converts(follower: Follower) -> None:
    """At the moment when it was made, and in no list of what waits any more; later ones change nothing."""
    books = follower.books
    first_ms = books.clock()
    books.pay("carol", "p1", 100_000)
    follower.catch_up()
    converted = carols(books)
    assert (converted.status, converted.converted_at_ms) == (S.CONVERTED, first_ms)
    item = books.table.get(keys.referral(converted.id))
    assert item is not None
    assert not {"waits_in", "waits_at"} & set(item)
    books.clock.forward(DAY_MS)
    books.pay("carol", "p2", 100_000)
    follower.catch_up()
    assert carols(books) == converted


def test_a_payout_pays(follower: Follower) -> None:
    """Once a reward of it is covered by money that left, it is PAID, for good."""
    books = follower.books
    books.earn("carol", "p1", 100_000)
    books.pay_out("bob", 20_000)
    follower.catch_up()
    paid = carols(books)
    assert paid.status is S.PAID
    assert paid.converted_at_ms <= paid.paid_at_ms
    books.refund("p1", 100_000)
    books.pay("carol", "p2", 5_000)
    follower.catch_up()
    assert carols(books) == paid


def as_paid_before(books: Books, name: str) -> None:
    """Their binding as it was when a payment left no mark on it: people could close what had converted already."""
    key = keys.binding("default", books.user(name))
    books.table.commit(update("a binding of before", key, "REMOVE #converted"))


def test_any_order_and_any_number_of_times(follower: Follower) -> None:
    """Records of different shards overtake each other, and batches come again: it ends the same."""
    books = follower.books
    books.earn("carol", "p1", 100_000)
    books.pay_out("bob", 20_000)
    records = follower.records()
    mixed = records * 2
    random.Random(5).shuffle(mixed)
    for each in mixed:
        progress_projection.follow(books.context, [each])
    assert carols(books).status is S.PAID
    version = carols(books).version
    progress_projection.follow(books.context, records)
    assert carols(books).version == version, "nothing is written that is so already"


def test_the_function_may_die_anywhere(follower: Follower) -> None:
    """Before a call or after it: whoever gets the batch next brings the referral where it belongs."""
    books = follower.books

    def prepare() -> list[Record]:
        name = books.ids.new()
        books.apply(name, "bob")
        books.pay(name, name, 1_000)
        return follower.records()

    for records in crash_at_each_write(
        books, prepare, lambda context, records: progress_projection.follow(context, records)
    ):
        progress_projection.follow(books.context, records)
        (id,) = {each.new["referral"] for each in records if keys.kind_of(each.item) == "PAYMENT"}
        assert referrals.find(books.table, id).status is S.CONVERTED


def test_what_somebody_rejected_stays_so(follower: Follower) -> None:
    """A record that comes late moves no referral that a person has closed."""
    books = follower.books
    books.pay("carol", "p1", 100_000)
    records = follower.records()
    as_paid_before(books, "carol")
    lifecycle.reject(books.context, carols(books).id, "a fraud")
    progress_projection.follow(books.context, records)
    assert carols(books).status is S.REJECTED


def test_what_expired_comes_back(follower: Follower) -> None:
    """A payment that was made in time and told late earns, and so the referral has converted."""
    books = follower.books
    paid_ms = books.clock()
    books.clock.forward(DAY_MS)
    lifecycle.expire(books.context, carols(books).id, "too old")
    books.pay("carol", "late", 1_000)
    follower.catch_up()
    assert carols(books).status is S.EXPIRED
    books.pay("carol", "in time", 1_000, occurred_at_ms=paid_ms)
    follower.catch_up()
    back = carols(books)
    assert (back.status, back.converted_at_ms, back.closed_at_ms, back.reason) == (S.CONVERTED, paid_ms, 0, "")


@pytest.mark.parametrize("told", ["payment", "payout"])
def test_an_expiry_that_overtook_the_stream_is_undone_whole(follower: Follower, told: str) -> None:
    """What was paid before it was counted already: the binding opens with the referral, and all that is paid earns."""
    books = follower.books
    before_ms = books.clock()
    books.clock.forward(1)
    books.earn("carol", "p1", 100_000)
    if told == "payout":
        books.pay_out("bob", 20_000)
    records = [each for each in follower.records() if (keys.kind_of(each.item) == "PAYMENT") is (told == "payment")]
    books.clock.forward(1)
    as_paid_before(books, "carol")
    lifecycle.expire(books.context, carols(books).id, "too old")
    progress_projection.follow(books.context, records)
    assert carols(books).status is (S.CONVERTED if told == "payment" else S.PAID)
    books.clock.forward(DAY_MS)
    outcomes = [books.pay("carol", "later", 1_000), books.pay("carol", "late", 1_000, occurred_at_ms=before_ms)]
    assert [each.outcome for each in outcomes] == [RecordOutcome.RECORDED] * 2
    with pytest.raises(ReferralClosed):
        lifecycle.expire(books.context, carols(books).id, "too old")
    assert books.faults() == []


def test_the_function_may_die_while_it_undoes_an_expiry(follower: Follower) -> None:
    """Referral and binding are closed, or open, together: whoever gets the batch next opens both."""
    books = follower.books

    def state(name: str) -> tuple[S, str]:
        binding = bindings.find(books.table, "default", books.user(name))
        assert binding
        return reads.by_customer(books.context, "default", books.user(name)).status, binding.closed

    died = 0
    for number, done in itertools.product(range(4), (False, True)):  # at most two reads, a refusal, and the transaction
        name = f"{number} {done}"
        books.apply(name, "bob")
        books.pay(name, name, 1_000)
        books.clock.forward(1)
        records = follower.records()
        as_paid_before(books, name)
        lifecycle.expire(books.context, reads.by_customer(books.context, "default", books.user(name)).id, "old")
        try:
            progress_projection.follow(books.behind(CrashingClient(books.client, number, done=done)), records)
        except Death:
            died += 1
        assert state(name) in ((S.EXPIRED, "EXPIRED"), (S.CONVERTED, ""))
        progress_projection.follow(books.context, records)
        assert state(name) == (S.CONVERTED, "")
    assert died >= (7 if AT_READS else 3), "a refused call has no after"


def test_money_that_is_not_the_referrals_does_not_convert(follower: Follower) -> None:
    """Nobody's payment, one that is ignored, and one that waits for a person leave all referrals alone."""
    books = follower.books
    books.pay("stranger", "p1", 100_000)
    books.pay("carol", "p2", 100_000, currency="EUR")
    books.refund("p3", 100)
    follower.catch_up()
    assert carols(books).status is S.ACCEPTED


def test_a_payment_that_was_let_in_converts(follower: Follower) -> None:
    """One that waited becomes a payment when somebody accepts it: it is an item with another kind, not a new one."""
    books = follower.books
    books.pay("carol", "p1", 100_000, currency="EUR")
    follower.catch_up()
    books.change_program(currencies=("USD", "EUR"))
    books.accept("p1")
    follower.catch_up()
    assert carols(books).status is S.CONVERTED


def test_a_referral_that_is_not_there_is_passed_over(books: Books) -> None:
    """What tells of a referral that does not exist stops nobody."""
    books.program()
    paid = Payment("e" * 24, PaymentKind.PAYMENT, "USD", referral_id="f" * 40, occurred_at_ms=1)
    new = payments.create(paid).target
    progress_projection.follow(books.context, [Record("1", 1, {}, new)])
    assert books.table.get(keys.referral("f" * 40)) is None
