"""A referral that has converted is closed from a moment on, in whatever order payments arrive."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from refledger.domain.errors import Conflict, Forbidden, Invalid, ReferralClosed, ReferralNotFound
from refledger.domain.payments import PaymentKind
from refledger.domain.referrals import Referral, ReferralStatus
from refledger.domain.rewards import Cancelled, Reward, RewardStatus
from refledger.domain.rules import RuleSet
from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.operations.earning import conversions, reward_decisions
from refledger.operations.earning.payments import RecordOutcome
from refledger.operations.referring import closing, lifecycle, reads
from refledger.operations.referring.closing import Closed
from refledger.store import referral_progress
from refledger.store import referrals as stored
from tests.support import worlds
from tests.support.books import Books
from tests.support.programs import a_rule

S = RewardStatus

pytestmark = worlds.lives_in(worlds.two_tiers)


def referral(books: Books, customer: str = "carol") -> Referral:
    return reads.by_customer(books.context, "default", books.user(customer))


def close(books: Books, customer: str = "carol", by: str = "ann", reason: str = "a fraud", **more: Any) -> Closed:
    return closing.close(books.context, referral(books, customer).id, reason, by, **more)


def live(books: Books, name: str = "bob") -> list[Reward]:
    return [reward for reward in books.rewards(name) if reward.status is not S.CANCELLED]


# ---------------------------------------------------------------- the money stops


def test_a_customer_found_out_brings_nothing_any_more(books: Books) -> None:
    """The attack: a second account of the partner pays, again and again, and nothing stops it. Both tiers stop."""
    books.earn("carol", "p1", 10_000)
    books.table.commit(referral_progress.convert(referral(books).id, books.clock(), books.clock()))
    for close_it in (lifecycle.reject, lifecycle.expire):
        with pytest.raises(ReferralClosed):
            close_it(books.context, referral(books).id, "a fraud")
    books.clock.forward(1000)
    closed = close(books)
    assert (closed.cancelled, closed.complete) == (0, True)
    assert (closed.referral.ended_ms, closed.referral.closed_at_ms) == (books.clock(), books.clock())
    assert closed.referral == referral(books)
    assert (closed.referral.reason, closed.referral.status is ReferralStatus.REJECTED) == ("a fraud", False)
    for number in range(2):
        assert books.pay("carol", f"later {number}", 10_000).outcome is RecordOutcome.ENDED
        books.clock.forward(DAY_MS)
    payment = books.payment("later 0")
    assert (payment.kind, payment.reason, payment.shares) == (PaymentKind.IGNORED, "ENDED", ())
    assert (books.balance("bob"), books.balance("alice")) == ((2_000, 0, 0), (1_000, 0, 0))
    assert books.faults() == []


def test_with_it_goes_what_is_not_paid_out(books: Books) -> None:
    """Of all tiers, pending and in the balance; of other customers nothing; what was paid stays."""
    books.earn("carol", "paid", 10_000)
    books.pay_out("bob", 2_000)
    books.clock.forward(MINUTE_MS)
    books.earn("carol", "earned", 10_000)
    books.apply("dave", "bob")
    books.earn("dave", "of dave", 10_000)
    books.change_program(hold_days=30)
    books.pay("carol", "held", 10_000)
    books.clock.forward(MINUTE_MS)
    assert books.balance("bob") == (4_000, 0, 2_000)
    closed = close(books, cancel_unpaid=True)
    assert (closed.cancelled, closed.complete) == (5, True)  # three of Alice, two of Bob
    assert sorted(reward.amount for reward in live(books)) == [2_000, 2_000]
    assert {reward.note for reward in books.rewards("alice") if reward.status is S.CANCELLED} == {
        "referral closed: a fraud"
    }
    assert (books.balance("bob"), books.balance("alice")) == ((2_000, 0, 2_000), (1_000, 0, 0))
    assert close(books, cancel_unpaid=True).cancelled == 0
    assert books.faults() == []


@pytest.mark.parametrize("order", list(permutations(["before", "after", "close"])))
def test_no_order_of_arrival_changes_what_is_earned(books: Books, order: tuple[str, ...]) -> None:
    """Paid before the moment it earns, however late it is told; paid after it not, however early."""
    books.earn("carol", "first", 100)
    before_ms, end_ms, after_ms = (books.clock() + number * MINUTE_MS for number in (1, 2, 3))
    books.clock.forward(DAY_MS)
    for what in order:
        match what:
            case "close":
                close(books, from_ms=end_ms)
            case "before":
                books.earn("carol", what, 10_000, occurred_at_ms=before_ms)
            case "after":
                books.earn("carol", what, 10_000, occurred_at_ms=after_ms)
        books.clock.forward(MINUTE_MS)
    assert (books.balance("bob"), books.balance("alice")) == ((2_020, 0, 0), (1_010, 0, 0))
    assert books.faults() == []


def test_the_first_payment_told_late_does_not_open_it_again(books: Books) -> None:
    """One that would have made an expired referral convert leaves the end where it is."""
    books.change_program(attribution_days=3)
    books.apply("dave", "bob")
    in_time_ms = books.clock()
    books.earn("dave", "one", 1_000)
    books.clock.forward(DAY_MS)
    close(books, "dave")
    assert books.pay("dave", "two", 1_000, occurred_at_ms=in_time_ms).outcome is RecordOutcome.RECORDED
    assert books.pay("dave", "three", 1_000).outcome is RecordOutcome.ENDED


def test_nobody_is_referred_through_it_and_the_customer_stays_bound(books: Books) -> None:
    """Alice earns nothing of whom Bob refers from then on; Bob cannot be referred by another."""
    books.earn("bob", "p1", 1_000)
    close(books, "bob")
    books.apply("erik", "bob")
    assert [link.partner_id for link in referral(books, "erik").upline] == [books.partner("bob").id]
    with pytest.raises(ReferralClosed):
        books.apply("bob", "alice")


def test_a_closed_one_converts_no_more(books: Books) -> None:
    """Neither with a customer nor without."""
    acme = lifecycle.create(books.context, lifecycle.NewReferral(books.partner("bob").id), "x", "k", "b")
    conversions.convert(books.context, acme.id, 1_000, by="ann")
    books.earn("carol", "p1", 1_000)
    books.clock.forward(1)
    assert closing.close(books.context, acme.id, "why", "eve", cancel_unpaid=True).cancelled == 2
    close(books)
    with pytest.raises(ReferralClosed):
        conversions.convert(books.context, referral(books).id, 1_000, by="ann")
    assert stored.find(books.table, acme.id).ended_ms == books.clock()


# ---------------------------------------------------------------- who, when, and again


def test_nobody_who_earns_from_it_closes_it(books: Books) -> None:
    """In no tier."""
    books.earn("carol", "p1", 1_000)
    for name in ("alice", "bob"):
        with pytest.raises(Forbidden):
            close(books, by=books.user(name))


def test_only_what_has_converted_and_never_from_a_time_to_come(books: Books) -> None:
    """Others are rejected, or expire."""
    nobody = lifecycle.create(books.context, lifecycle.NewReferral(books.partner("bob").id), "x", "k", "b")
    with pytest.raises(Conflict, match="not converted"):
        closing.close(books.context, nobody.id, "why", "ann")
    with pytest.raises(ReferralNotFound):
        closing.close(books.context, "0" * 40, "why", "ann")
    books.earn("carol", "p1", 1_000)
    with pytest.raises(Invalid):
        close(books, from_ms=books.clock() + 1)
    books.apply("dave", "bob")
    lifecycle.reject(books.context, referral(books, "dave").id, "why")
    with pytest.raises(ReferralClosed):
        close(books, "dave")


def test_closed_again_the_earliest_moment_counts(books: Books) -> None:
    """The repeat changes nothing; an earlier moment takes more away, and a later one is refused."""
    books.earn("carol", "p1", 10_000)
    paid_ms = books.clock()
    books.clock.forward(DAY_MS)
    first = close(books).referral
    books.clock.forward(DAY_MS)
    assert close(books).referral == first
    with pytest.raises(Conflict):
        close(books, from_ms=books.clock())
    earlier = close(books, from_ms=paid_ms)
    assert (earlier.referral.ended_ms, earlier.cancelled) == (paid_ms, 2)
    assert books.balance("bob") == (0, 0, 0)
    assert {reward.cancelled for reward in books.rewards("bob")} == {Cancelled.BY_HAND}


def test_what_there_was_no_time_for_is_done_by_the_repeat(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """From where it stopped: whoever dies or runs out of time in the middle loses nothing."""
    monkeypatch.setattr(closing, "BATCH", 2)
    for number in range(5):
        books.earn("carol", f"p{number}", 10_000)
    total, calls = 0, 0
    while True:
        closed = close(books, cancel_unpaid=True, go_on=lambda: False)
        total, calls = total + closed.cancelled, calls + 1
        if closed.complete:
            break
    assert (total, calls) == (10, 10)
    assert close(books, cancel_unpaid=True).complete
    assert live(books) == live(books, "alice") == []
    assert books.faults() == []


def test_one_that_is_paid_in_this_moment_stays_paid(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the others go on."""
    books.earn("carol", "p1", 10_000)
    books.earn("carol", "p2", 10_000)
    first = books.rewards("bob")[0]

    def cancel(context: Any, reward_id: str, note: str, by: str) -> Reward:
        if reward_id == first.id and books.balance("bob")[2] == 0:
            books.pay_out("bob", 2_000, note="known to be of who was found out")
        return reward_decisions.cancel(context, reward_id, note, by)

    monkeypatch.setattr(closing, "cancel", cancel)
    assert close(books, cancel_unpaid=True, by="zoe").cancelled == 3
    assert books.balance("bob") == (0, 0, 2_000)


# ---------------------------------------------------------------- what is told of payments later


def test_what_a_refund_had_cancelled_does_not_come_back(books: Books) -> None:
    """Paid after the end, and refunded before it was closed: that the refund failed then gives nothing to anybody."""
    ended_ms = books.clock()
    books.clock.forward(DAY_MS)
    books.earn("carol", "p1", 10_000)
    books.refund("p1", 10_000, "r")
    assert close(books, from_ms=ended_ms).cancelled == 0
    books.refund("p1", 10_000, "r", failed=True)
    books.mature("bob")
    assert (books.balance("bob"), books.balance("alice")) == ((0, 0, 0), (0, 0, 0))
    assert books.faults() == []


def test_what_is_after_the_end_is_not_rated_again(books: Books) -> None:
    """One from before the end comes late, and is the first: the one after it earns nobody anything for that."""
    books.change_program(rules=RuleSet(a_rule(1000, 700, first=(5000,))))
    books.chain("dan", "eve", "frank")
    first_ms = books.clock()
    books.clock.forward(3 * DAY_MS)
    books.earn("frank", "p2", 10_000)
    close(books, "frank", from_ms=first_ms + DAY_MS)
    books.earn("frank", "p1", 10_000, occurred_at_ms=first_ms)
    for name in ("dan", "eve"):
        books.mature(name)
    assert (books.balance("eve"), books.balance("dan")) == ((5_000, 0, 0), (0, 0, 0))
    assert books.faults() == []
