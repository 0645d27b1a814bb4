"""A provider's messages about payouts, as the webhook passes them on: in any order, twice, late, and at once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import permutations

import pytest

from refledger.domain.errors import AlreadyDecided, Refledger, WithdrawalNotFound
from refledger.domain.journal import EntryKind
from refledger.domain.provider_events import Delivered, Said
from refledger.domain.withdrawals import PayoutProblem, Withdrawal, WithdrawalStatus
from refledger.operations.context import Context
from refledger.operations.earning import reward_decisions
from refledger.operations.payouts import staff_remedies, transitions, withdrawals
from refledger.store import withdrawals as stored
from tests.support import worlds
from tests.support.books import Books, Faulty
from tests.support.crashes import crash_at_each_write
from tests.support.payouts import Provider, approved, start

S = WithdrawalStatus
P = PayoutProblem

pytestmark = worlds.lives_in(worlds.funded, amount=5000)


def says(
    books: Books, made: Withdrawal, said: str, payout: int = 1, event: str = "", *, keyed: bool = True
) -> withdrawals.Heard:
    key = f"{made.id}-{payout}" if keyed else ""
    return withdrawals.provider_says(
        books.context, made.id, said, f"tr-{made.id}-{payout}", key=key, event_id=event
    )  # fmt: skip


def paying(books: Books) -> Withdrawal:
    """Accepted by the provider, which will tell how it ends."""
    return start(books, approved(books).id, Provider(["AWAITING"]))


def kinds(books: Books) -> list[EntryKind]:
    return [entry.kind for entry in books.entries("bob")][1:]


@pytest.mark.parametrize("keyed", [True, False])
def test_paid_later_settles_once(books: Books, keyed: bool) -> None:
    """However often it is said."""
    made = paying(books)
    for _ in range(3):
        heard = says(books, made, "PAID", keyed=keyed)
        assert (heard.withdrawal.status, heard.reported) == (S.PAID, False)
    assert kinds(books) == [EntryKind.RESERVE, EntryKind.SETTLE]
    assert books.balance("bob") == (3000, 0, 2000)


def test_failed_later_releases_once(books: Books) -> None:
    """The money is available again; said again, nothing happens."""
    made = paying(books)
    for _ in range(3):
        assert says(books, made, "FAILED").withdrawal.status is S.FAILED
    assert kinds(books) == [EntryKind.RESERVE, EntryKind.RELEASE]


def test_returned_days_later_is_available_again(books: Books) -> None:
    """By a journal entry, once; the payout's id stays."""
    made = paying(books)
    says(books, made, "PAID")
    for _ in range(3):
        returned = says(books, made, "RETURNED").withdrawal
        assert (returned.status, returned.transaction_id) == (S.RETURNED, f"tr-{made.id}-1")
    assert kinds(books) == [EntryKind.RESERVE, EntryKind.SETTLE, EntryKind.RETURN]
    assert books.balance("bob") == (5000, 0, 0)
    assert books.faults() == []


def test_returned_before_paid_comes_to_the_same(books: Books) -> None:
    """Both entries are booked; the "paid" that comes after it changes nothing."""
    made = paying(books)
    assert says(books, made, "RETURNED").withdrawal.status is S.RETURNED
    assert not says(books, made, "PAID").reported
    assert kinds(books) == [EntryKind.RESERVE, EntryKind.SETTLE, EntryKind.RETURN]


def test_paid_after_failed_is_reported_and_not_guessed(books: Books, caplog: pytest.LogCaptureFixture) -> None:
    """No money moves, people find it, the log has an error with the id and no account.

    Once a person says so it is paid, out of what is available now, below zero if it must be.
    """
    made = paying(books)
    says(books, made, "FAILED")
    first, again = (says(books, made, "PAID") for _ in range(2))
    assert (first.withdrawal.status, first.withdrawal.problem, first.reported) == (S.FAILED, P.PAID_AFTER_FAILED, True)
    assert again.withdrawal == first.withdrawal
    assert books.balance("bob") == (5000, 0, 0)
    assert [record.levelno for record in caplog.records if made.id in record.message] == [logging.ERROR]
    assert [id for _, id in stored.with_problem(books.table, "", 10)] == [made.id]
    books.withdraw("bob", 4000)
    paid = withdrawals.conclude(books.context, made.id, S.PAID, "ann", "r", transaction_id="tr")
    assert (paid.status, paid.problem) == (S.PAID, None)
    assert books.balance("bob") == (-1000, 4000, 2000)
    assert kinds(books)[-1] is EntryKind.PAY
    assert books.faults() == []
    assert not says(books, made, "PAID").reported


def test_partly_returned_is_a_persons_business(books: Books) -> None:
    """Reported, no money moves; a repeat of the event changes nothing, not even after a person has dealt with it."""
    made = paying(books)
    says(books, made, "PAID")
    part = says(books, made, "PARTLY_RETURNED", event="e1")
    assert (part.withdrawal.status, part.withdrawal.problem, part.reported) == (S.PAID, P.PARTLY_RETURNED, True)
    solved = staff_remedies.resolve(books.context, made.id, "ann", "r", "credited by adjustment X")
    assert (solved.status, solved.problem) == (S.PAID, None)
    assert says(books, made, "PARTLY_RETURNED", event="e1").withdrawal == solved
    assert says(books, made, "PARTLY_RETURNED", event="e2").withdrawal.problem is P.PARTLY_RETURNED
    assert books.balance("bob") == (3000, 0, 2000)


def test_two_paid_payouts_of_one_withdrawal_are_noticed(books: Books) -> None:
    """Declined, tried again and paid, and then the first was paid, too: nothing is booked, a person looks."""
    made, provider = approved(books), Provider(["NO FUNDS"])
    start(books, made.id, provider)
    staff_remedies.retry(books.context, made.id, "ann", "r", "")
    start(books, made.id, provider)
    heard = says(books, made, "PAID", payout=1)
    assert (heard.withdrawal.status, heard.withdrawal.problem, heard.reported) == (S.PAID, P.PAID_TWICE, True)
    assert heard.withdrawal.transaction_id == f"tr-{made.id}-2"
    assert f"tr-{made.id}-1" in heard.withdrawal.steps[-1].note  # which one somebody has to get back
    assert books.balance("bob") == (3000, 0, 2000)


def test_a_late_paid_stops_the_second_payout(books: Books) -> None:
    """To be tried again, and then the first turns out to be paid: settled, and the second never begins."""
    made, provider = approved(books), Provider(["NO FUNDS"])
    start(books, made.id, provider)
    staff_remedies.retry(books.context, made.id, "ann", "r", "")
    assert says(books, made, "PAID", payout=1).withdrawal.status is S.PAID
    assert start(books, made.id, provider).status is S.PAID
    assert provider.sent == [f"{made.id}-1"]


def sent_back(books: Books, provider: Provider) -> Withdrawal:
    """Declined, to be tried again, and then people are asked once more because of a debt."""
    made = approved(books)
    start(books, made.id, provider)
    staff_remedies.retry(books.context, made.id, "ann", "r", "")
    for reward in books.rewards("bob"):
        reward_decisions.cancel(books.context, reward.id, "a mistake", "ann")
    back = start(books, made.id, provider)
    assert (back.status, back.payout, books.balance("bob")) == (S.REQUESTED, 1, (-2000, 2000, 0))
    return back


@pytest.mark.parametrize("said", [("PAID",), ("PAID", "RETURNED"), ("RETURNED", "PAID"), ("PARTLY_RETURNED",)], ids=str)
def test_a_late_paid_of_what_waits_for_people_again_settles(books: Books, said: tuple[str, ...]) -> None:
    """The money has left: two people who take the debt on them must not be able to send it a second time."""
    provider = Provider(["NO FUNDS"])
    made = sent_back(books, provider)
    for each in said:
        end = says(books, made, each).withdrawal
    came_back = "RETURNED" in said
    assert end.status is (S.RETURNED if came_back else S.PAID)
    assert end.problem is (P.PARTLY_RETURNED if "PARTLY_RETURNED" in said else None)
    for by in ("eve", "tom"):
        with pytest.raises(AlreadyDecided):
            withdrawals.decide(books.context, made.id, S.APPROVED, by, f"r {by}", "they pay it back")
    assert start(books, made.id, provider).status is end.status
    assert provider.sent == [f"{made.id}-1"]
    assert books.balance("bob") == ((0, 0, 0) if came_back else (-2000, 0, 2000))
    assert books.faults() == []


@pytest.mark.parametrize("end", [S.REJECTED, S.CANCELLED, S.EXPIRED])
def test_a_late_paid_of_what_was_given_back_is_a_persons_business(books: Books, end: S) -> None:
    """As after FAILED: it is seen until somebody has put it right, or it comes back."""
    made = sent_back(books, Provider(["NO FUNDS"]))
    transitions.step(books.context, made.id, end, "eve")
    heard = says(books, made, "PAID")
    assert (heard.withdrawal.status, heard.withdrawal.problem, heard.reported) == (end, P.PAID_AFTER_FAILED, True)
    with pytest.raises(AlreadyDecided):
        withdrawals.conclude(books.context, made.id, S.PAID, "eve", "r2", "seen", "tr")
    assert staff_remedies.resolve(books.context, made.id, "eve", "r3", "adjusted").problem is None
    assert books.balance("bob") == (0, 0, 0)
    other = says(books, made, "PARTLY_RETURNED", event="e1").withdrawal
    assert other.problem is P.PAID_AFTER_FAILED
    assert says(books, made, "RETURNED").withdrawal.problem is None
    assert books.faults() == []


def test_of_an_earlier_payout_nothing_but_paid_counts(books: Books) -> None:
    """The second one is under way; that the first failed is known. That it came back is written down."""
    made, provider = approved(books), Provider(["NO FUNDS", "AWAITING"])
    start(books, made.id, provider)
    staff_remedies.retry(books.context, made.id, "ann", "r", "")
    before = start(books, made.id, provider)
    for said in ("FAILED", "PARTLY_RETURNED", "RETURNED"):
        heard = says(books, made, said, payout=1)
        now = replace(heard.withdrawal, steps=heard.withdrawal.steps[: len(before.steps)])
        assert (now, heard.reported) == (before, False)
    assert says(books, made, "PAID", payout=1).withdrawal == heard.withdrawal
    assert says(books, made, "PAID", payout=2).withdrawal.status is S.PAID


def test_a_part_that_was_credited_is_not_returned_with_the_rest(books: Books) -> None:
    """A part came back and was credited by a person; then the rest: nothing is booked, a person looks again."""
    made = paying(books)
    says(books, made, "PAID")
    says(books, made, "PARTLY_RETURNED", event="e1")
    staff_remedies.resolve(books.context, made.id, "ann", "r", "credited by adjustment X")
    rest = says(books, made, "RETURNED", event="e2")
    assert (rest.withdrawal.status, rest.withdrawal.problem, rest.reported) == (S.PAID, P.PARTLY_RETURNED, True)
    assert books.balance("bob") == (3000, 0, 2000)


@pytest.mark.parametrize("order", list(permutations(["PAID", "RETURNED", "PAID"])), ids=str)
def test_to_be_tried_again_and_then_it_was_paid_and_came_back(books: Books, order: tuple[str, ...]) -> None:
    """Whatever is told first: the money is available again, once, and the next payout never begins."""
    made, provider = approved(books), Provider(["NO FUNDS"])
    start(books, made.id, provider)
    staff_remedies.retry(books.context, made.id, "ann", "r", "")
    for said in order:
        says(books, made, said, payout=1)
    assert start(books, made.id, provider).status is S.RETURNED
    assert provider.sent == [f"{made.id}-1"]
    assert (books.balance("bob"), books.faults()) == ((5000, 0, 0), [])


def test_of_what_was_never_sent_nothing_is_believed(books: Books) -> None:
    """A request, a bank transfer: reported, untouched. An unknown id is not found; an unknown word is a fault."""
    bank = books.withdraw("bob", 1000)
    withdrawals.decide(books.context, bank.id, S.APPROVED, "ann", "r", "")
    start(books, bank.id)
    for made in (books.withdraw("bob", 1000), bank):
        before = stored.find(books.table, made.id)
        for said in Said:
            heard = says(books, made, said)
            assert (heard.withdrawal, heard.reported) == (before, True)
    with pytest.raises(WithdrawalNotFound):
        withdrawals.provider_says(books.context, "nosuchthing", "PAID", "tr")
    with pytest.raises(ValueError, match="GONE"):
        withdrawals.provider_says(books.context, bank.id, "GONE", "tr")


def cent(books: Books, made: Withdrawal, said: str) -> withdrawals.Heard:
    """A transfer of a cent, with the payout's labels on it."""
    delivered = Delivered(1, made.currency, made.method.masked)
    return withdrawals.provider_says(
        books.context, made.id, said, "tr-cent", key=f"{made.id}-1", event_id=f"cent {said}", delivered=delivered
    )  # fmt: skip


@pytest.mark.parametrize("said", Said)
def test_a_cent_settles_nothing(books: Books, said: Said, caplog: pytest.LogCaptureFixture) -> None:
    """While it is under way: a problem, once, with the id in history and log and not as the payout's own.

    What is then said of the payout itself counts as ever.
    """
    made = paying(books)
    first, again = (cent(books, made, said) for _ in range(2))
    assert (first.withdrawal.status, first.withdrawal.problem, first.reported) == (S.PAYING, P.UNKNOWN, True)
    assert first.withdrawal.transaction_id == made.transaction_id != "tr-cent"
    assert (again.withdrawal, again.reported) == (first.withdrawal, False)
    assert "tr-cent" in first.withdrawal.steps[-1].note
    assert "tr-cent" in caplog.text
    assert books.balance("bob") == (3000, 2000, 0)
    assert says(books, made, "PAID").withdrawal.status is S.PAID
    assert says(books, made, "RETURNED").withdrawal.status is S.RETURNED
    assert kinds(books) == [EntryKind.RESERVE, EntryKind.SETTLE, EntryKind.RETURN]
    assert books.faults() == []


@pytest.mark.parametrize("said", Said)
@pytest.mark.parametrize("status", [S.PAID, S.FAILED])
def test_a_cent_for_what_has_ended_is_reported_and_nothing_else(books: Books, status: S, said: Said) -> None:
    """Neither status nor money, nor the problem that it has not."""
    made = paying(books)
    before = says(books, made, status.value).withdrawal
    heard = cent(books, made, said)
    assert (heard.withdrawal, heard.reported) == (before, True)


def test_what_was_ordered_is_believed(books: Books) -> None:
    """The amount, currency and account of the withdrawal."""
    made = paying(books)
    delivered = Delivered(made.amount, made.currency, made.method.masked)
    heard = withdrawals.provider_says(books.context, made.id, "PAID", "tr", key=f"{made.id}-1", delivered=delivered)
    assert (heard.withdrawal.status, heard.withdrawal.transaction_id, heard.reported) == (S.PAID, "tr", False)


@pytest.mark.parametrize("order", list(permutations(["PAID", "PAID", "RETURNED", "RETURNED"])), ids=str)
def test_in_any_order_it_ends_the_same(books: Books, order: tuple[str, ...]) -> None:
    """Paid and returned, each twice."""
    made = paying(books)
    for said in order:
        says(books, made, said)
    end = stored.find(books.table, made.id)
    assert (end.status, end.problem) == (S.RETURNED, None)
    assert kinds(books) == [EntryKind.RESERVE, EntryKind.SETTLE, EntryKind.RETURN]
    assert books.faults() == []


@pytest.mark.parametrize("said", Said)
@pytest.mark.parametrize("status", [S.PAYING, S.PAID, S.FAILED])
def test_wherever_the_process_dies_the_repeat_ends_it(books: Books, status: S, said: Said) -> None:
    """Webhooks come again until they are answered: what the first one left undone the next one does, once."""
    books.grant("bob", 1_000_000)
    books.mature("bob")

    def brought() -> Withdrawal:
        made = paying(books)
        if status is not S.PAYING:
            says(books, made, status.value)
        return made

    expected = says(books, brought(), said).withdrawal

    def hear(context: Context, made: Withdrawal) -> None:
        withdrawals.provider_says(context, made.id, said, f"tr-{made.id}-1", key=f"{made.id}-1")

    for made in crash_at_each_write(books, brought, hear):
        end = says(books, made, said).withdrawal
        assert (end.status, end.problem, len(end.steps)) == (expected.status, expected.problem, len(expected.steps))
        assert books.faults() == []


@pytest.mark.parametrize("seed", range(3))
def test_everybody_at_once(books: Books, seed: int) -> None:
    """Messages, a retry, people's words and the workflow in the same moment, with conflicts and lost answers.

    The books are right, money moved along the history, and what was paid is never called failed without a problem.
    """
    books.grant("bob", 1_000_000)
    books.mature("bob")
    sound, faulty = books.context, Faulty(books.client, 20, seed)
    shaky = books.behind(faulty)
    for number in range(6):
        made, provider = approved(books), Provider(["NO FUNDS"] if number % 2 else ["AWAITING"])
        start(books, made.id, provider)
        books.context = shaky
        jobs: list[Callable[[], object]] = [
            *(partial(says, books, made, said) for said in ("PAID", "RETURNED", "FAILED")),
            partial(staff_remedies.retry, shaky, made.id, "ann", "retry", ""),
            partial(withdrawals.conclude, shaky, made.id, S.FAILED, "ann", "failed", "sure"),
            partial(withdrawals.conclude, shaky, made.id, S.PAID, "eve", "paid", "", f"T-{made.id}"),
            partial(staff_remedies.mark_returned, shaky, made.id, "eve", "returned", "came back", "R-1"),
            partial(start, books, made.id, provider, shaky),
        ]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(_quietly, jobs * 2))
        books.context = sound
        end = stored.find(books.table, made.id)
        if provider.paid and end.status is S.FAILED:
            assert end.problem is P.PAID_AFTER_FAILED
        assert books.faults() == []


def _quietly(job: Callable[[], object]) -> None:
    try:
        job()
    except Refledger:
        return
