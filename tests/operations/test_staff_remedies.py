"""What people do where a payout went wrong: only what fits its problem, once, and not about their own money."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from refledger.domain.errors import AlreadyDecided, NoteNeeded, NotPayable, OwnWithdrawal, Refledger
from refledger.domain.withdrawals import PayoutProblem, Withdrawal, WithdrawalStatus
from refledger.operations.context import Context
from refledger.operations.payouts import staff_remedies, withdrawals
from refledger.store import withdrawals as stored
from tests.support import worlds
from tests.support.books import Books
from tests.support.crashes import crash_at_each_write
from tests.support.payouts import IDEMPOTENT_MS, Provider, approved, start

S = WithdrawalStatus
P = PayoutProblem
Brought = Callable[[Books], Withdrawal]

pytestmark = worlds.lives_in(worlds.funded, amount=1_000_000)


def says(books: Books, made: Withdrawal, said: str) -> Withdrawal:
    key = f"{made.id}-1"
    return withdrawals.provider_says(books.context, made.id, said, f"tr-{key}", key=key).withdrawal


def paying(books: Books) -> Withdrawal:
    return start(books, approved(books).id, Provider(["AWAITING"]))


def declined(books: Books) -> Withdrawal:
    return start(books, approved(books).id, Provider(["NO FUNDS"]))


def unknown(books: Books) -> Withdrawal:
    return start(books, approved(books).id, Provider(["FAULT"]))


def paid(books: Books) -> Withdrawal:
    return start(books, approved(books).id)


def partly_returned(books: Books) -> Withdrawal:
    return says(books, paid(books), "PARTLY_RETURNED")


def failed_after_paid(books: Books) -> Withdrawal:
    return says(books, paid(books), "FAILED")


def failed(books: Books) -> Withdrawal:
    return start(books, approved(books).id, Provider(["DECLINED"]))


def paid_after_failed(books: Books) -> Withdrawal:
    return says(books, failed(books), "PAID")


STATES: list[Brought] = [
    approved, paying, declined, unknown, paid, partly_returned, failed_after_paid, failed, paid_after_failed,
]  # fmt: skip
ACTIONS: dict[str, Callable[[Books, Withdrawal, str, str], Withdrawal]] = {
    "retry": lambda b, w, by, note: staff_remedies.retry(b.context, w.id, by, "r", note),
    "mark-returned": lambda b, w, by, note: staff_remedies.mark_returned(b.context, w.id, by, "r", note, "R-1"),
    "resolve": lambda b, w, by, note: staff_remedies.resolve(b.context, w.id, by, "r", note),
    "mark-paid": lambda b, w, by, note: withdrawals.conclude(
        b.context, w.id, S.PAID, by, "r", note, transaction_id=f"T-{w.id}"
    ),
    "mark-failed": lambda b, w, by, note: withdrawals.conclude(b.context, w.id, S.FAILED, by, "r", note),
}
# (action, state) → the status that it ends in; its problem is over then. All others are refused.
WORKS: dict[tuple[str, Brought], S] = {
    ("retry", declined): S.APPROVED,
    **{("mark-returned", state): S.RETURNED for state in (paid, partly_returned, failed_after_paid)},
    ("resolve", partly_returned): S.PAID,
    ("resolve", failed_after_paid): S.PAID,
    ("resolve", paid_after_failed): S.FAILED,
    **{("mark-paid", state): S.PAID for state in (paying, declined, unknown, paid_after_failed)},
    **{("mark-failed", state): S.FAILED for state in (approved, paying, declined, unknown)},
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_in_each_state(books: Books, action: str, state: Brought) -> None:
    """It ends the problem, once, with its note; or is refused, and neither status nor money changes."""
    made, act = state(books), ACTIONS[action]
    before = books.balance("bob")
    if (action, state) in WORKS:
        done = act(books, made, "ann", "because")
        assert (done.status, done.problem) == (WORKS[action, state], None)
        assert (done.steps[-1].by, "because" in done.steps[-1].note) == ("ann", True)
        after = books.balance("bob")
        assert act(books, made, "ann", "because") == done == stored.find(books.table, made.id)
        assert books.balance("bob") == after
        assert [id for _, id in stored.with_status(books.table, done.status, "", 9)] == [made.id]
        assert list(stored.with_problem(books.table, "", 9)) == []
    else:
        with pytest.raises((NotPayable, AlreadyDecided)):
            act(books, made, "ann", "because")
        assert stored.find(books.table, made.id) == made
        assert books.balance("bob") == before
    assert books.faults() == []


@pytest.mark.parametrize(("action", "state"), list(WORKS))
def test_not_about_their_own_money(books: Books, action: str, state: Brought) -> None:
    """The partner who is finance, too."""
    made = state(books)
    with pytest.raises(OwnWithdrawal):
        ACTIONS[action](books, made, books.user("bob"), "because")
    assert stored.find(books.table, made.id) == made


@pytest.mark.parametrize(("action", "state"), list(WORKS))
def test_wherever_the_process_dies_the_repeat_ends_it(books: Books, action: str, state: Brought) -> None:
    """Before and after each call: the repeated request finds what was done, and money moved once."""

    def act(context: Context, made: Withdrawal) -> None:
        ACTIONS[action](_with(books, context), made, "ann", "because")

    for made in crash_at_each_write(books, lambda: state(books), act):
        done = ACTIONS[action](books, made, "ann", "because")
        assert done.status is WORKS[action, state]
        assert [step.request for step in done.steps].count("r") == 1
    assert books.faults() == []


def _with(books: Books, context: Context) -> Books:
    other = Books(books.client, books.table_name, books.clock, books.kms)
    other.context = context
    return other


@pytest.mark.parametrize("state", [paying, declined, unknown])
def test_nobody_calls_a_providers_payout_failed_without_saying_why(books: Books, state: Brought) -> None:
    """A bank transfer that was never made needs no note; what a provider may have paid does."""
    made = state(books)
    with pytest.raises(NoteNeeded):
        ACTIONS["mark-failed"](books, made, "ann", "")
    bank = books.withdraw("bob", 2000)
    withdrawals.decide(books.context, bank.id, S.APPROVED, "ann", "a", "")
    start(books, bank.id)
    assert ACTIONS["mark-failed"](books, bank, "ann", "").status is S.FAILED


def test_a_retry_forgets_the_batch_and_the_transaction(books: Books) -> None:
    """They were of the payout that was declined."""
    made = declined(books)
    again = staff_remedies.retry(books.context, made.id, "ann", "r", "")
    assert (again.batch_id, again.transaction_id, again.payout) == ("", "", 1)
    assert start(books, made.id).payout == 2


def test_a_retry_is_one_retry(books: Books) -> None:
    """Repeated after the second payout was declined, too, it does not begin a third."""
    made, provider = declined(books), Provider(["NO FUNDS"])
    staff_remedies.retry(books.context, made.id, "ann", "r", "")
    start(books, made.id, provider)
    assert staff_remedies.retry(books.context, made.id, "ann", "r", "").problem is P.DECLINED
    assert staff_remedies.retry(books.context, made.id, "ann", "another", "").status is S.APPROVED


def test_retry_failed_and_paid_at_once(books: Books) -> None:
    """One stands, whole; and whatever the others tried, money is paid at the provider once at most."""
    jobs = [
        lambda made: staff_remedies.retry(books.context, made.id, "ann", "retry", ""),
        lambda made: withdrawals.conclude(books.context, made.id, S.FAILED, "eve", "failed", "sure"),
        lambda made: says(books, made, "PAID"),
        lambda made: says(books, made, "FAILED"),
    ]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(10):
            made = declined(books)

            def run(job: Callable[[Withdrawal], object], made: Withdrawal = made) -> None:
                try:
                    job(made)
                except Refledger:
                    return

            list(pool.map(run, jobs))
            end = stored.find(books.table, made.id)
            assert (end.status, end.problem) in {
                (S.PAID, None), (S.PAID, P.FAILED_AFTER_PAID), (S.FAILED, P.PAID_AFTER_FAILED), (S.FAILED, None),
            }  # fmt: skip
            assert books.faults() == []


def test_settled_and_returned_at_once(books: Books) -> None:
    """The provider says paid and returned, a person says returned: settled once, returned once."""
    with ThreadPoolExecutor(3) as pool:
        for _ in range(10):
            made = paying(books)
            jobs = [
                lambda made=made: says(books, made, "PAID"),
                lambda made=made: says(books, made, "RETURNED"),
                lambda made=made: staff_remedies.mark_returned(books.context, made.id, "ann", "r", "came back", "R-1"),
            ]

            def run(job: Callable[[], object]) -> None:
                try:
                    job()
                except Refledger:
                    return

            list(pool.map(run, jobs))
            end = stored.find(books.table, made.id)
            assert [step.status for step in end.steps] == [S.APPROVED, S.PAYING, S.PAID, S.RETURNED]
    assert books.balance("bob") == (1_000_000, 0, 0)
    assert books.faults() == []


def test_time_solves_no_problem(books: Books) -> None:
    """A year later an unknown payout is unknown, and its money reserved."""
    made = unknown(books)
    books.clock.forward(365 * IDEMPOTENT_MS)
    assert start(books, made.id).problem is P.UNKNOWN
    assert books.balance("bob")[1] == 2000
