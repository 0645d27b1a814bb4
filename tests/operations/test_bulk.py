"""Many at a time: each by itself, a result for each, and as often as it is asked the same."""

from __future__ import annotations

import pytest

from refledger.domain.errors import OwnWithdrawal, WithdrawalNotFound
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations import bulk, withdrawals
from refledger.operations.bulk import Done
from tests.support.books import Books, Faulty

S = WithdrawalStatus


@pytest.fixture
def books(books: Books) -> Books:
    books.program(second_approval_limit=2000)
    books.grant("bob", 100_000)
    books.mature("bob")
    return books


def approve(books: Books, ids: list[str], actor: str = "ann", request: str = "r") -> list[Done]:
    return bulk.each(
        books.context, ids, lambda id: withdrawals.decide(books.context, id, S.APPROVED, actor, request, "all")
    )


def said(done: list[Done]) -> list[str]:
    return [each.withdrawal.status.value if each.withdrawal else each.refused.code for each in done if each]  # type: ignore[union-attr]


def made(books: Books) -> list[Withdrawal]:
    """One that one person may approve, one that needs two, one that is decided."""
    found = [books.withdraw("bob", amount) for amount in (2000, 2001, 1000)]
    withdrawals.decide(books.context, found[2].id, S.REJECTED, "ann", "before", "")
    return found


def test_each_by_itself_and_again_the_same(books: Books) -> None:
    """Approved, waiting for a second person, decided before, not there: in the order that was asked, twice the same."""
    ids = [*(each.id for each in made(books)), "nosuchthing"]
    for _ in range(2):
        done = approve(books, ids)
        assert [each.id for each in done] == ids
        assert said(done) == ["APPROVED", "REQUESTED", "ALREADY_DECIDED", "WITHDRAWAL_NOT_FOUND"]
        assert isinstance(done[3].refused, WithdrawalNotFound)
    assert said(approve(books, ids[:2], request="another")) == ["ALREADY_DECIDED", "SECOND_PERSON_NEEDED"]
    assert said(approve(books, ids[1:2], "eve")) == ["APPROVED"]


def test_their_own_do_not_keep_the_others(books: Books) -> None:
    """Finance who is a partner, too."""
    books.grant("eve", 5000)
    books.mature("eve")
    own, other = books.withdraw("eve", 1000).id, books.withdraw("bob", 1000).id
    done = approve(books, [own, other], books.user("eve"))
    assert isinstance(done[0].refused, OwnWithdrawal)
    assert said(done) == ["OWN_WITHDRAWAL", "APPROVED"]


def test_when_time_is_up_the_rest_is_said_to_be_left(books: Books) -> None:
    """And done by the repeat."""
    ids = [books.withdraw("bob", 1000).id for _ in range(3)]

    def slowly(id: str) -> Withdrawal:
        books.clock.forward(bulk.TIME_MS // 2 + 1)
        return withdrawals.decide(books.context, id, S.APPROVED, "ann", "r", "")

    assert said(bulk.each(books.context, ids, slowly)) == ["APPROVED", "APPROVED", "BUSY"]
    assert said(approve(books, ids)) == ["APPROVED"] * 3


@pytest.mark.parametrize("seed", range(2))
def test_conflicts_and_lost_answers(books: Books, seed: int) -> None:
    """Each is approved once; those that were busy are done by the repeat."""
    ids = [books.withdraw("bob", 1000).id for _ in range(10)]
    sound, books.context = books.context, books.behind(Faulty(books.client, 60, seed))
    for _ in range(5):
        done = approve(books, ids)
    books.context = sound
    assert said(done) == ["APPROVED"] * 10
    assert all(len(each.withdrawal.steps) == 1 for each in done if each.withdrawal)
