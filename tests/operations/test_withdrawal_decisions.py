"""Decisions about withdrawals: status and money move together, once, and by somebody else than who asked."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from refledger.domain.errors import (
    AlreadyDecided,
    NotPayable,
    OwnWithdrawal,
    Refledger,
    WithdrawalNotFound,
)
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus, WithdrawalStep
from refledger.operations.payouts import staff_remedies, withdrawals, workflow_tasks
from refledger.store import withdrawals as stored
from tests.support import worlds
from tests.support.books import Books, Faulty
from tests.support.payouts import start

S = WithdrawalStatus
Act = Callable[[Books, Withdrawal], object]


def approve(books: Books, w: Withdrawal, actor: str = "ann", request: str = "r-approve") -> Withdrawal:
    return withdrawals.decide(books.context, w.id, S.APPROVED, actor, request, "fine")


def reject(books: Books, w: Withdrawal, actor: str = "ann", request: str = "r-reject") -> Withdrawal:
    return withdrawals.decide(books.context, w.id, S.REJECTED, actor, request, "no")


def cancel(books: Books, w: Withdrawal, request: str = "r-cancel") -> Withdrawal:
    return withdrawals.cancel(books.context, w, books.user("bob"), request)


def mark_paid(books: Books, w: Withdrawal, actor: str = "ann", request: str = "r-paid", bank: str = "1") -> Withdrawal:
    return withdrawals.conclude(books.context, w.id, S.PAID, actor, request, transaction_id=f"T-{bank}")


def mark_failed(books: Books, w: Withdrawal, actor: str = "ann", request: str = "r-failed") -> Withdrawal:
    return withdrawals.conclude(books.context, w.id, S.FAILED, actor, request, "returned")


def expire(books: Books, w: Withdrawal) -> object:
    return workflow_tasks.release(books.context, w.id, S.EXPIRED)


def start_payout(books: Books, w: Withdrawal) -> object:
    return start(books, w.id)


def mark_returned(books: Books, w: Withdrawal, actor: str = "ann", request: str = "r-returned") -> Withdrawal:
    return staff_remedies.mark_returned(books.context, w.id, actor, request, "account closed", "R-1")


# How each status is reached from a fresh request, and where the 20.00 of 50.00 are then.
WAYS: dict[S, tuple[list[Act], tuple[int, int, int]]] = {
    S.REQUESTED: ([], (3000, 2000, 0)),
    S.APPROVED: ([approve], (3000, 2000, 0)),
    S.PAYING: ([approve, start_payout], (3000, 2000, 0)),
    S.PAID: ([approve, start_payout, mark_paid], (3000, 0, 2000)),
    S.REJECTED: ([reject], (5000, 0, 0)),
    S.CANCELLED: ([cancel], (5000, 0, 0)),
    S.EXPIRED: ([expire], (5000, 0, 0)),
    S.FAILED: ([approve, start_payout, mark_failed], (5000, 0, 0)),
    S.RETURNED: ([approve, start_payout, mark_paid, mark_returned], (5000, 0, 0)),
}
DECISIONS: dict[S, Act] = {
    S.APPROVED: partial(approve, request="second"),
    S.REJECTED: partial(reject, request="second"),
    S.CANCELLED: partial(cancel, request="second"),
    S.PAID: partial(mark_paid, request="second", bank="2"),
    S.FAILED: partial(mark_failed, request="second"),
    S.RETURNED: partial(mark_returned, request="second"),
}
WORKS = {
    (S.REQUESTED, S.APPROVED), (S.REQUESTED, S.REJECTED), (S.REQUESTED, S.CANCELLED),
    (S.APPROVED, S.PAID), (S.APPROVED, S.FAILED), (S.PAYING, S.PAID), (S.PAYING, S.FAILED),
    (S.PAID, S.RETURNED),
}  # fmt: skip

pytestmark = worlds.lives_in(worlds.funded, amount=5000)


def brought_to(books: Books, status: S) -> Withdrawal:
    """A new withdrawal of 20.00 in that status."""
    made = books.withdraw("bob", 2000)
    for act in WAYS[status][0]:
        act(books, made)
    return stored.find(books.table, made.id)


@pytest.mark.parametrize("status", S)
def test_status_and_money_arrive_together(books: Books, status: S) -> None:
    """However a withdrawal ends or waits, the balance and the journal say the same."""
    assert brought_to(books, status).status is status
    assert books.balance("bob") == WAYS[status][1]
    assert books.faults() == []


@pytest.mark.parametrize("status", S)
def test_in_every_status_only_what_can_follow_does(books: Books, status: S) -> None:
    """Each decision in each status: it happens, or is refused and changes neither status nor money."""
    for decision, act in DECISIONS.items():
        made = brought_to(books, status)
        before = books.balance("bob")
        if (status, decision) in WORKS:
            act(books, made)
            assert stored.find(books.table, made.id).status is decision
        else:
            too_early = status is S.REQUESTED and decision in (S.PAID, S.FAILED)
            with pytest.raises(NotPayable if too_early else AlreadyDecided):
                act(books, made)
            assert stored.find(books.table, made.id) == made
            assert books.balance("bob") == before
        books.grant("bob", 2000)
        books.mature("bob")
    assert books.faults() == []


@pytest.mark.parametrize("act", [approve, reject])
def test_nobody_decides_about_their_own(books: Books, act: Callable[..., object]) -> None:
    """An admin who is a partner too cannot approve or reject what they asked for."""
    made = books.withdraw("bob", 2000)
    with pytest.raises(OwnWithdrawal):
        act(books, made, books.user("bob"))
    assert stored.find(books.table, made.id) == made


@pytest.mark.parametrize("act", [mark_paid, mark_failed])
@pytest.mark.parametrize("status", [S.APPROVED, S.PAYING])
def test_nobody_says_how_their_own_transfer_ended(books: Books, act: Callable[..., object], status: S) -> None:
    """Not even after somebody else approved it."""
    made = brought_to(books, status)
    with pytest.raises(OwnWithdrawal):
        act(books, made, books.user("bob"))
    assert stored.find(books.table, made.id) == made


def test_history_says_who_when_and_why(books: Books) -> None:
    """Each step with its actor, its time, its note and the request that did it; the bank's id stays."""
    made = books.withdraw("bob", 2000)
    for act in (approve, start_payout, mark_paid):
        books.clock.forward(1000)
        act(books, made)
    start_ms = made.created_at_ms
    found = stored.find(books.table, made.id)
    assert found.steps == (
        WithdrawalStep(S.APPROVED, "ann", start_ms + 1000, "fine", "r-approve"),
        WithdrawalStep(S.PAYING, "system", start_ms + 2000, "", "payout-1"),
        WithdrawalStep(S.PAID, "ann", start_ms + 3000, "", "r-paid"),
    )
    assert found.transaction_id == "T-1"


@pytest.mark.parametrize("status", [S.APPROVED, S.REJECTED, S.CANCELLED, S.PAID, S.FAILED, S.RETURNED])
def test_a_repeated_request_is_recognised(books: Books, status: S) -> None:
    """The same request of the same actor finds its own step, however often it comes; nothing is booked again."""
    acts, money = WAYS[status]
    made = brought_to(books, status)
    for _ in range(3):
        assert acts[-1](books, made) == made
    assert books.balance("bob") == money
    assert books.faults() == []


def test_a_repeat_that_comes_late_gets_what_stands(books: Books) -> None:
    """An approval repeated after the payout gives the withdrawal as it is now."""
    made = brought_to(books, S.PAID)
    assert approve(books, made) == made


def test_the_same_decision_of_somebody_else_is_a_second_decision(books: Books) -> None:
    """Another person, or another request, is told that it was decided, though it wanted the same."""
    made = brought_to(books, S.APPROVED)
    with pytest.raises(AlreadyDecided):
        approve(books, made, actor="eve")
    with pytest.raises(AlreadyDecided):
        approve(books, made, request="another")


def test_what_is_not_there_cannot_be_decided(books: Books) -> None:
    """Every decision about an unknown id is not found."""
    for status in (S.APPROVED, S.REJECTED):
        with pytest.raises(WithdrawalNotFound):
            withdrawals.decide(books.context, "nosuchthing", status, "ann", "r", "")
    with pytest.raises(WithdrawalNotFound):
        withdrawals.conclude(books.context, "nosuchthing", S.PAID, "ann", "r")
    with pytest.raises(WithdrawalNotFound):
        staff_remedies.mark_returned(books.context, "nosuchthing", "ann", "r", "")
    with pytest.raises(WithdrawalNotFound):
        workflow_tasks.release(books.context, "nosuchthing", S.EXPIRED)


@pytest.mark.parametrize("seed", range(4))
def test_conflicts_and_lost_answers_book_once(books: Books, seed: int) -> None:
    """Each step refused now and then, or done without an answer: every one is booked exactly once."""
    sound, faulty = books.context, books.behind(Faulty(books.client, 60, seed))
    for status in (S.PAID, S.FAILED, S.REJECTED, S.CANCELLED, S.RETURNED):
        books.context = faulty
        made = brought_to(books, status)
        books.context = sound
        assert made.status is status
        assert [step.status for step in made.steps].count(status) == 1
    assert books.balance("bob") == (3000, 0, 2000)
    assert books.faults() == []


def test_everybody_at_once_and_one_decision_stands(books: Books) -> None:
    """Approval, rejection, cancellation and expiry in the same moment, twelve times: one of them wins, whole."""
    acts: list[Act] = [approve, reject, cancel, expire] * 2

    def run(act: Act, made: Withdrawal) -> object:
        try:
            return act(books, made)
        except Refledger as refused:
            return type(refused)

    with ThreadPoolExecutor(8) as pool:
        for _ in range(12):
            made = books.withdraw("bob", 2000)
            answers = list(pool.map(partial(run, made=made), acts))
            found = stored.find(books.table, made.id)
            assert len(found.steps) == 1
            told = {answer["status"] for answer in answers if isinstance(answer, dict)}
            assert told == {found.status.value}, "who lets time run out is told what stands"
            for answer in answers:
                assert answer is AlreadyDecided or isinstance(answer, dict) or answer == found
            if found.status is S.APPROVED:
                mark_failed(books, made)
    assert books.balance("bob") == (5000, 0, 0)
    assert books.faults() == []


def test_paid_and_failed_at_once_and_one_stands(books: Books) -> None:
    """Two admins say different things about one transfer: the money moves once."""
    for _ in range(6):
        made = brought_to(books, S.PAYING)

        def run(act: Callable[[Books, Withdrawal], object], made: Withdrawal = made) -> bool:
            try:
                act(books, made)
            except AlreadyDecided:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(run, (mark_paid, mark_failed))).count(True) == 1
        books.grant("bob", 2000)
        books.mature("bob")
    assert books.faults() == []
