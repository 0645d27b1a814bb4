"""A conversion earns exactly like a payment, once for ever; what was paid in time earns, however late it is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from refledger.domain.errors import (
    Conflict,
    CurrencyNotTaken,
    Forbidden,
    Invalid,
    ProgramClosed,
    ReferralClosed,
    Refledger,
)
from refledger.domain.programs import ProgramStatus
from refledger.domain.referrals import Referral, ReferralSource, ReferralStatus
from refledger.domain.rules import RuleSet
from refledger.domain.times import DAY_MS
from refledger.operations import programs
from refledger.operations.context import Context
from refledger.operations.earning import conversions, explanations
from refledger.operations.earning.conversions import SYSTEM, Converted
from refledger.operations.earning.payments import RecordOutcome
from refledger.operations.referring import expiry, lifecycle
from refledger.operations.referring.lifecycle import NewReferral
from refledger.store import bindings, keys
from refledger.store import referrals as stored
from refledger.store.transaction import update
from tests.support import worlds
from tests.support.books import Books
from tests.support.crashes import crash_at_each_write
from tests.support.programs import a_rule

S = ReferralStatus
WINDOW_MS = 30 * DAY_MS

pytestmark = worlds.lives_in(worlds.one_program, attribution_days=30)


def create(books: Books, of: str = "bob", customer: str = "") -> Referral:
    """A referral of bob's, whom alice referred."""
    user = books.user(customer) if customer else ""
    new = NewReferral(code=books.partner(of).code, source=ReferralSource.PHONE, customer=user)
    return lifecycle.create(books.context, new, "ann", None, "")


def convert(books: Books, referral: Referral, amount: int = 100_000, **told: Any) -> Converted:
    return conversions.convert(books.context, referral.id, amount, **told)


def read(books: Books, referral: Referral) -> Referral:
    return stored.find(books.table, referral.id)


def binding_of(books: Books, name: str) -> Any:
    return bindings.find(books.table, "default", books.user(name))


def check(books: Books, go_on: int = 1_000) -> expiry.Expired:
    left = iter([True] * go_on)
    return expiry.check_expired(books.context, lambda: next(left, False))


# ---------------------------------------------------------------- conversions


def test_a_conversion_earns_like_a_payment(books: Books) -> None:
    """By the frozen version and up-line, per tier, into the balance when it is due; refunds and explain work on it."""
    books.apply("bob", "alice")
    made = create(books)
    books.change_program(tier_rates_bps=(500,))
    done = convert(books, made)
    assert [(r.partner_id, r.tier, r.amount) for r in done.rewards] == [
        (books.partner("bob").id, 1, 20_000), (books.partner("alice").id, 2, 10_000),
    ]  # fmt: skip
    assert (read(books, made).status, read(books, made).converted_at_ms) == (S.CONVERTED, books.clock())
    books.mature("bob")
    books.mature("alice")
    assert (books.balance("bob"), books.balance("alice")) == ((20_000, 0, 0), (10_000, 0, 0))
    assert books.faults() == []
    assert explanations.explain(books.context, done.rewards[0].id).payment.id == done.payment.id
    books.refund(made.id, 50_000, system=SYSTEM)
    assert books.balance("bob") == (10_000, 0, 0)
    assert books.faults() == []


def test_a_conversion_is_booked_once_for_ever(books: Books) -> None:
    """The same value again is the same answer, in any order of events and a year later; another value is refused."""
    made = create(books)
    first = convert(books, made)
    books.clock.forward(365 * DAY_MS)
    books.change_program(currency="USD", tier_rates_bps=(100,))
    again = convert(books, made, currency="USD")
    assert again.repeated
    assert (again.payment, again.rewards) == (first.payment, first.rewards)
    for amount, currency in ((99_999, ""), (100_000, "EUR")):
        with pytest.raises(Conflict):
            convert(books, made, amount, currency=currency)


def test_of_many_conversions_at_once_one_counts(books: Books) -> None:
    """Of two values that are told at once one is booked, and everybody who said that one is answered with it."""
    made = create(books)

    def say(amount: int) -> object:
        try:
            return convert(books, made, amount).payment.amount
        except Refledger as refused:
            return type(refused)

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(say, [1000, 2000] * 4))
    (booked,) = {answer for answer in said if isinstance(answer, int)}
    assert said == [booked if amount == booked else Conflict for amount in [1000, 2000] * 4]
    assert [r.amount for r in books.rewards("bob")] == [booked // 5]


def test_a_process_that_dies_converts_wholly_or_not_at_all(books: Books) -> None:
    """At every call, before and after: payment, rewards, binding and referral change together, and once."""
    numbers = iter(range(100))

    def prepare() -> tuple[str, Referral]:
        name = f"customer{next(numbers)}"
        return name, create(books, customer=name)

    def act(context: Context, subject: tuple[str, Referral]) -> Converted:
        return conversions.convert(context, subject[1].id, 1000)

    for name, made in crash_at_each_write(books, prepare, act):
        before = read(books, made)
        done = act(books.context, (name, made))
        assert done.repeated is (before.status is S.CONVERTED) is bool(before.conversion)
        assert binding_of(books, name).until_ms == 0
    assert len(books.rewards("bob")) == next(numbers)
    assert books.faults() == []


def test_what_a_conversion_may_not_be(books: Books) -> None:
    """Nothing, negative, in a currency that the program does not take, of a referral that is closed, in a pause."""
    made = create(books)
    for amount in (0, -1):
        with pytest.raises(Invalid):
            convert(books, made, amount)
    with pytest.raises(CurrencyNotTaken):
        convert(books, made, currency="EUR")
    rejected = lifecycle.reject(books.context, create(books).id, "no fit")
    with pytest.raises(ReferralClosed):
        convert(books, rejected)
    programs.change_status(books.context, "default", ProgramStatus.PAUSED, "why", "ann")
    books.clock.forward(1)
    with pytest.raises(ProgramClosed):
        convert(books, made)
    assert convert(books, made, at_ms=books.clock() - 2).rewards, "it converted before the pause"


def test_nobody_says_that_they_earn(books: Books) -> None:
    """Neither the partner nor whoever is above them, also where their user became known later; a machine may."""
    books.apply("bob", "alice")
    made = create(books)
    for name in ("bob", "alice"):
        with pytest.raises(Forbidden):
            convert(books, made, by=books.user(name))
    assert convert(books, made, by=books.user("ann")).rewards


def test_a_conversion_and_payments_of_the_customer_both_earn(books: Books) -> None:
    """In either order; and rules that count payments count a conversion as one."""
    books.change_program(rules=RuleSet(a_rule(1000, first=(5000,))))
    paid_first, converted_first = create(books, customer="carol"), create(books, customer="dave")
    books.pay("carol", "p1", 1000)
    convert(books, paid_first, 1000)
    convert(books, converted_first, 1000)
    books.pay("dave", "p2", 1000)
    assert sorted(r.amount for r in books.rewards("bob")) == [100, 100, 500, 500]
    assert (binding_of(books, "carol").count, binding_of(books, "dave").count) == (2, 2)


def test_verify_knows_conversions(books: Books) -> None:
    """A payment that says it is a conversion of a referral that says otherwise is a fault; so is an open referral."""
    made = create(books)
    done = convert(books, made)
    assert books.faults() == []
    key = keys.referral(made.id)
    named = f"payment {done.payment.id}: is the conversion of referral {made.id}"
    books.table.commit(update("", key, "SET #status = :open", open="ACCEPTED"))
    assert f"{named}, which is ACCEPTED" in {fault.reason for fault in books.faults()}
    books.table.commit(update("", key, "SET #status = :done, #conversion = :none", done="CONVERTED", none="else"))
    assert [fault.reason for fault in books.faults()] == [f"{named}, which says otherwise"]
    books.client.delete_item(TableName=books.table_name, Key={name: {"S": value} for name, value in key.items()})
    assert f"{named}, which is not there" in {fault.reason for fault in books.faults()}


# ---------------------------------------------------------------- time


@pytest.mark.parametrize("noticed", [False, True])
def test_what_is_paid_too_late_earns_nothing(books: Books, noticed: bool) -> None:
    """Whether the expiry has been noticed or not; what is paid in the last millisecond earns, whenever it is told."""
    books.apply("carol", "bob")
    made = binding_of(books, "carol")
    books.clock.forward(WINDOW_MS)
    if noticed:
        assert check(books) == expiry.Expired(expired=1)
    assert books.pay("carol", "p1", 1000).outcome is RecordOutcome.EXPIRED
    assert books.pay("carol", "p2", 1000, occurred_at_ms=made.until_ms - 1).outcome is RecordOutcome.RECORDED
    assert books.pay("carol", "p3", 1000).outcome is RecordOutcome.RECORDED, "it has converted"
    assert (binding_of(books, "carol").closed, binding_of(books, "carol").until_ms) == ("", 0)
    if noticed:
        referral = stored.find(books.table, made.referral_id)
        assert (referral.status, referral.closed_at_ms) == (S.CONVERTED, 0)
    assert books.faults() == []


def test_a_conversion_that_is_told_late_earns(books: Books) -> None:
    """One of before the end of an expired referral, with a customer or without; and none of after it."""
    for customer in ("", "carol"):
        made = create(books, customer=customer)
        books.clock.forward(WINDOW_MS)
        check(books)
        with pytest.raises(ReferralClosed):
            convert(books, made)
        assert convert(books, made, at_ms=made.until_ms - 1).referral.status is S.CONVERTED
        assert read(books, made).closed_at_ms == 0
    assert binding_of(books, "carol").closed == ""
    assert books.faults() == []


def test_the_check_closes_what_is_due_and_nothing_else(books: Books) -> None:
    """By whichever status, in every program; what has converted, never expires, or has time left stays."""
    books.program("other")
    due = [create(books), create(books, customer="carol")]
    lifecycle.accept(books.context, due[1].id)
    converted = [create(books), create(books, customer="dave")]
    convert(books, converted[0])
    books.pay("dave", "p1", 1000)  # and the stream has not told yet
    books.clock.forward(DAY_MS)
    young = create(books)
    books.clock.forward(WINDOW_MS - DAY_MS)
    assert check(books) == expiry.Expired(expired=2, converted=1)
    assert [read(books, each).status for each in (*due, *converted, young)] == [
        S.EXPIRED, S.EXPIRED, S.CONVERTED, S.CONVERTED, S.PENDING,
    ]  # fmt: skip
    assert read(books, converted[1]).converted_at_ms == young.created_at_ms - DAY_MS
    assert check(books) == expiry.Expired()


def test_the_work_of_a_check_grows_with_what_is_due(books: Books) -> None:
    """One read more for each program and status, and nothing for what is not due."""
    for _ in range(5):
        create(books)
    calls: list[str] = []
    client = books.behind(_Counting(books.client, calls))
    expiry.check_expired(client, lambda: True)
    assert calls == ["query"] * 3
    books.clock.forward(WINDOW_MS)
    calls.clear()
    expiry.check_expired(client, lambda: True)
    assert calls.count("transact_write_items") + calls.count("update_item") == 5


class _Counting:
    def __init__(self, client: Any, calls: list[str]) -> None:
        self._client, self._calls = client, calls

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            self._calls.append(name)
            return getattr(self._client, name)(**arguments)

        return call


def test_a_check_that_has_no_time_left_says_so(books: Books) -> None:
    """What it did is done, and the next one goes on."""
    for _ in range(3):
        create(books)
    books.clock.forward(WINDOW_MS)
    assert check(books, 2) == expiry.Expired(expired=2, unfinished=True)
    assert check(books) == expiry.Expired(expired=1)


def test_a_check_that_dies_is_met_by_the_next(books: Books) -> None:
    """At every call, before and after; two checks at once do no harm either."""
    numbers = iter(range(100))

    def prepare() -> str:
        name = f"customer{next(numbers)}"
        create(books, customer=name)
        books.clock.forward(WINDOW_MS)
        return name

    for name in crash_at_each_write(books, prepare, lambda context, _: expiry.check_expired(context, lambda: True)):
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(lambda _: check(books), range(2)))
        assert sum(each.expired for each in done) <= 1
        assert binding_of(books, name).closed == "EXPIRED"
        assert stored.find(books.table, binding_of(books, name).referral_id).status is S.EXPIRED


def test_expiry_and_a_payment_in_time_race_safely(books: Books) -> None:
    """Whichever is first, the payment earns, the binding is open and the referral is not left expired."""
    for number in range(8):
        name = f"customer{number}"
        made = create(books, customer=name)
        books.clock.forward(WINDOW_MS)
        with ThreadPoolExecutor(2) as pool:
            checked = pool.submit(check, books)
            paid = pool.submit(books.pay, name, f"p{number}", 1000, occurred_at_ms=made.until_ms - 1)
            checked.result()
            assert paid.result().outcome is RecordOutcome.RECORDED
        assert (binding_of(books, name).closed, binding_of(books, name).until_ms) == ("", 0)
        assert read(books, made).status is not S.EXPIRED
        check(books)
        assert read(books, made).status is S.CONVERTED


def test_without_a_window_nothing_expires_by_itself(books: Books) -> None:
    """Until somebody says so: then what was paid before earns, and what is paid after does not."""
    books.change_program()
    made = create(books, customer="carol")
    books.clock.forward(10_000 * DAY_MS)
    assert check(books) == expiry.Expired()
    books.clock.forward(1)
    lifecycle.expire(books.context, made.id, "too old")
    assert books.pay("carol", "p1", 1000).outcome is RecordOutcome.EXPIRED
    assert books.pay("carol", "p2", 1000, occurred_at_ms=books.clock() - 1).outcome is RecordOutcome.RECORDED
    assert read(books, made).status is S.CONVERTED


def test_a_refund_of_an_ignored_payment_is_not_taken_for_an_early_one(books: Books) -> None:
    """What was paid too late is known, and its refund changes nothing."""
    books.apply("carol", "bob")
    books.clock.forward(WINDOW_MS)
    books.pay("carol", "p1", 1000)
    assert books.refund("p1", 1000).outcome is not RecordOutcome.EARLY
    assert books.parked() == []


def test_what_a_conversion_was_worth_more_is_booked_once(books: Books) -> None:
    """An import that died is done again: the same number is the same payment, whatever is told of it then."""
    referral = create(books)
    convert(books, referral, 10_000)
    more, _ = conversions.add(books.context, referral.id, 1, 5_000)
    again, due = conversions.add(books.context, referral.id, 1, 7_000)
    assert (again.id, again.amount, due) == (more.id, 5_000, [])
    assert sorted(reward.amount for reward in books.rewards("bob")) == [1_000, 2_000]
    assert [part.amount for part in conversions.parts_of(books.context, referral.id)] == [10_000, 5_000]
