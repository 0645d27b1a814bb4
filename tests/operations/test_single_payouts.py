"""Rewards that staff pay by themselves: once, from what is available, and the books take it as a paid withdrawal."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest

from refledger.domain.errors import (
    AlreadyDecided,
    Busy,
    Forbidden,
    InsufficientFunds,
    NotPayable,
    PartnerSuspended,
    RewardNotFound,
    SecondPersonNeeded,
)
from refledger.domain.explaining import NextStep
from refledger.domain.journal import EntryKind
from refledger.domain.partners import PartnerStatus
from refledger.domain.rewards import Reward, RewardStatus
from refledger.domain.times import SECOND_MS
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.operations.context import Context
from refledger.operations.earning import explanations
from refledger.operations.partners import partners
from refledger.operations.payouts import single_payouts, staff_remedies
from refledger.store import keys, withdrawals
from refledger.store import rewards as stored_rewards
from refledger.store.transaction import update
from tests.support import worlds
from tests.support.books import Books, Faulty
from tests.support.crashes import AT_READS, crash_at_each_write

S = RewardStatus


pytestmark = worlds.lives_in(worlds.one_referred, second_approval_limit=10_000)


def earned(books: Books, payment_id: str = "p1", base: int = 10_000) -> Reward:
    """An approved reward of a fifth of it."""
    books.earn("bob", payment_id, base)
    return next(r for r in books.rewards("alice") if r.payment == books.payment(payment_id).id)


def pay(books: Books, reward: Reward, transaction: str = "TX-1", by: str = "ann", method: str = "PAYPAL") -> Reward:
    return single_payouts.process(books.context, reward.id, method, transaction, books.user(by), "request")


def test_it_is_paid_and_booked_once(books: Books) -> None:
    """Reward PAID by a withdrawal that is PAID from its beginning; told again it is the same; another is refused."""
    reward = earned(books)
    done = pay(books, reward)
    assert done.status is S.PAID
    assert books.balance("alice") == (0, 0, 2000)
    made = withdrawals.find(books.table, done.paid_by)
    assert (made.status, made.amount, made.transaction_id) == (WithdrawalStatus.PAID, 2000, "TX-1")
    assert (made.method.masked, made.method.is_known, made.steps[-1].by) == ("PAYPAL", False, books.user("ann"))
    entry = books.entries("alice")[-1]
    assert (entry.kind, entry.amount, entry.reference) == (EntryKind.PAY, 2000, made.id)
    assert pay(books, reward) == done == books.rewards("alice")[0]
    assert pay(books, reward, by="eve") == done
    for other in ({"transaction": "TX-2"}, {"method": "CASH"}):
        with pytest.raises(AlreadyDecided):
            pay(books, reward, **other)
    assert books.faults() == []


def test_only_what_is_approved_and_available(books: Books) -> None:
    """Not before its time, not what is cancelled, and not what is reserved or went out with a withdrawal."""
    books.change_program(hold_days=1, second_approval_limit=10_000)
    books.pay("bob", "p1", 10_000)
    (waiting,) = books.rewards("alice")
    with pytest.raises(NotPayable, match="PENDING"):
        pay(books, waiting)
    books.approve(waiting)
    asked = books.withdraw("alice", 1000)
    with pytest.raises(NotPayable, match="available"):
        pay(books, waiting)
    books.conclude_paid(asked)
    with pytest.raises(NotPayable, match="available"):
        pay(books, waiting)
    books.pay("bob", "p2", 10_000)
    books.cancel(books.rewards("alice")[1])
    with pytest.raises(NotPayable, match="CANCELLED"):
        pay(books, books.rewards("alice")[1])
    assert books.faults() == []


def test_paid_by_a_withdrawal_it_is_not_paid_again(books: Books) -> None:
    """Covered by another payout, the reward has been paid."""
    reward = earned(books)
    books.pay_out("alice", 2000)
    with pytest.raises(AlreadyDecided):
        pay(books, reward)


def test_what_was_taken_back_is_not_paid(books: Books) -> None:
    """Refunded in part the rest is paid; what is disputed is not; a refund afterwards makes debt, as ever."""
    reward = earned(books)
    books.refund("p1", 2500)
    books.dispute("p1", 2500)
    assert pay(books, reward).held == ()
    assert books.balance("alice") == (0, 0, 1000)
    books.close("p1", "WON")
    assert books.balance("alice") == (500, 0, 1000)
    books.refund("p1", 7500, "r2")
    assert books.balance("alice") == (-1000, 0, 1000)
    assert books.faults() == []


def test_rules_of_withdrawals_hold(books: Books) -> None:
    """Nobody pays themselves, nobody who is suspended is paid, and nobody pays so much alone."""
    reward, large = earned(books), earned(books, "p2", 50_005)
    with pytest.raises(Forbidden):
        pay(books, reward, by="alice")
    with pytest.raises(SecondPersonNeeded):
        pay(books, large)
    partners.change_status(books.context, books.partner("alice").id, PartnerStatus.SUSPENDED, "why", "admin")
    with pytest.raises(PartnerSuspended):
        pay(books, reward)
    with pytest.raises(RewardNotFound):
        single_payouts.process(books.context, "a" * 48, "CASH", "T", "ann", "r")
    assert {r.status for r in books.rewards("alice")} == {S.APPROVED}


def test_money_that_came_back_is_available_again(books: Books) -> None:
    """Everybody is told so; the same payment is not PAID any more, and another one pays the reward anew, once."""
    done = pay(books, earned(books))
    staff_remedies.mark_returned(books.context, done.paid_by, books.user("ann"), "r2", "account closed", "R-1")
    assert books.balance("alice") == (2000, 0, 0)
    explained = explanations.explain(books.context, done.id).explanation
    assert (explained.payout, explained.coming[-1].what) == (WithdrawalStatus.RETURNED, NextStep.CAME_BACK)
    with pytest.raises(AlreadyDecided, match="came back"):
        pay(books, done)
    again = pay(books, done, transaction="TX-2")
    assert again.paid_by != done.paid_by
    assert pay(books, again, transaction="TX-2") == again
    assert books.balance("alice") == (0, 0, 2000)
    with pytest.raises(AlreadyDecided):
        pay(books, again)
    assert books.faults() == []


def test_a_payout_that_came_back_says_so_on_the_rewards_that_it_paid(books: Books) -> None:
    """They are paid with another withdrawal, not by themselves."""
    reward = earned(books)
    paid_out = books.pay_out("alice", 2000)
    staff_remedies.mark_returned(books.context, paid_out.id, books.user("ann"), "r2", "account closed", "R-1")
    assert explanations.explain(books.context, reward.id).explanation.payout is WithdrawalStatus.RETURNED
    with pytest.raises(AlreadyDecided, match="came back"):
        pay(books, reward)
    books.pay_out("alice", 2000)
    assert books.faults() == []


def test_beside_payouts_that_are_not_marked_yet(books: Books) -> None:
    """One of two equal rewards is paid by itself while a withdrawal has covered the other: both end as PAID."""
    first, second = earned(books, "p1"), earned(books, "p2")
    books.conclude_paid(books.withdraw("alice", 2000))
    pay(books, first)
    books.cover("alice")
    assert {r.status for r in books.rewards("alice")} == {S.PAID}
    assert {r.id for r in books.rewards("alice")} == {first.id, second.id}
    assert books.balance("alice") == (0, 0, 4000)
    assert books.faults() == []


def test_a_process_that_dies_pays_all_or_nothing(books: Books) -> None:
    """At each write, before and after it; the repeat ends it, and the money has left once."""
    numbers = iter(range(100))
    paid = 0

    def act(context: Context, reward: Reward) -> None:
        single_payouts.process(context, reward.id, "CASH", "TX-1", "ann", "r")

    for reward in crash_at_each_write(books, lambda: earned(books, f"p{next(numbers)}"), act):
        assert books.faults() == []
        assert single_payouts.process(books.context, reward.id, "CASH", "TX-1", "ann", "r").status is S.PAID
        paid += 1
        assert books.balance("alice")[2] == paid * 2000
    assert paid == (8 if AT_READS else 2)  # before and after: the reward, whose it is, the program, the writing
    assert books.faults() == []


@pytest.mark.parametrize("seed", range(2))
def test_many_at_once_beside_withdrawals(books: Books, seed: int) -> None:
    """Rewards are paid by themselves while the same money is asked for: never more leaves than there was."""
    found = [earned(books, f"p{number}") for number in range(4)]
    sound, books.context = books.context, books.behind(Faulty(books.client, 30, seed))

    def either(number: int) -> None:
        with suppress(NotPayable, InsufficientFunds, Busy):
            if number % 2:
                books.withdraw("alice", 2000, f"w{number}")
            else:
                pay(books, found[number % 4])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(either, range(16)))
    books.context = sound
    available, reserved, paid = books.balance("alice")
    assert available >= 0
    assert available + reserved + paid == 8000
    assert books.faults() == []


def test_the_check_of_the_books_knows_such_payouts(books: Books) -> None:
    """Another amount than was booked, or one that was never paid, is named."""
    done = pay(books, earned(books))
    books.table.commit(update("spoil", keys.withdrawal(done.paid_by), "SET #amount = :a", a=1999))
    assert any("paid is 2000" in fault.reason for fault in books.faults())


def test_what_was_paid_by_something_unknown_is_paid_by_nothing_else(books: Books) -> None:
    """An item that was lost, of which nobody can say what went out: paid once more would be twice."""
    done = pay(books, earned(books))
    books.table.commit(stored_rewards.move(done, replace(done, paid_by="gone"), books.clock()))
    with pytest.raises(AlreadyDecided):
        pay(books, done)
    assert books.balance("alice") == (0, 0, 2000)


@pytest.mark.parametrize(("seconds", "named"), [(-1, False), (30, False), (60, True)])
def test_paid_to_a_suspended_partner_is_named(books: Books, seconds: int, named: bool) -> None:
    """But for a payment that was on its way when they were suspended: both have the time their request began."""
    pay(books, earned(books))
    at_ms = books.clock() - seconds * SECOND_MS
    context = replace(books.context, now_ms=lambda: at_ms)
    partners.change_status(context, books.partner("alice").id, PartnerStatus.SUSPENDED, "fraud", books.user("eve"))
    assert any("while the partner is suspended" in fault.reason for fault in books.faults()) is named
