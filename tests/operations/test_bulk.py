"""Many at a time: each by itself, a result for each, and as often as it is asked the same."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from itertools import count

import pytest

from refledger.domain.errors import KeyReused, OwnWithdrawal, WithdrawalNotFound
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations import bulk
from refledger.operations.bulk import BulkOutcome
from refledger.operations.context import Context
from refledger.operations.idempotency import Once
from refledger.operations.payouts import withdrawals
from refledger.store import keys
from refledger.store.transaction import ConditionFailed, Item, put
from tests.support import worlds
from tests.support.books import Books, Faulty
from tests.support.crashes import crash_at_each_write

S = WithdrawalStatus

pytestmark = worlds.lives_in(worlds.funded, amount=100_000, second_approval_limit=2000, payout_minimum=1)


def approve(books: Books, ids: list[str], actor: str = "ann", request: str = "r") -> list[BulkOutcome[Withdrawal]]:
    return bulk.each(
        books.context, ids, lambda id: withdrawals.decide(books.context, id, S.APPROVED, actor, request, "all")
    )


def said(done: list[BulkOutcome[Withdrawal]]) -> list[str]:
    return [each.result.status.value if each.result else each.refused.code for each in done if each]  # type: ignore[union-attr]


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
    ids = [books.withdraw("bob", 600).id for _ in range(3)]

    def slowly(id: str) -> Withdrawal:
        books.clock.forward(bulk.TIME_MS // 2 + 1)
        return withdrawals.decide(books.context, id, S.APPROVED, "ann", "r", "")

    assert said(bulk.each(books.context, ids, slowly)) == ["APPROVED", "APPROVED", "BUSY"]
    assert said(approve(books, ids)) == ["APPROVED"] * 3


@pytest.mark.parametrize("seed", range(2))
def test_conflicts_and_lost_answers(books: Books, seed: int) -> None:
    """Each is approved once; those that were busy are done by the repeat."""
    ids = [books.withdraw("bob", 200).id for _ in range(10)]
    sound, books.context = books.context, books.behind(Faulty(books.client, 60, seed))
    for _ in range(5):
        done = approve(books, ids)
    books.context = sound
    assert said(done) == ["APPROVED"] * 10
    assert all(len(each.result.steps) == 1 for each in done if each.result)


# ---------------------------------------------------------------- answers that are remembered

ASKED = ["0", "1", "2"]


def once_of(books: Books, key: str | None, body: str = "body") -> Once:
    return Once.of(books.context, "ann", "POST /many", key, body)


def counting(context: Context, begun: list[str], key: str = "k") -> list[Item]:
    """What is done here leaves a trace in the table, once for each, as every bulk call must."""

    def act(id: str) -> str:
        begun.append(id)
        with suppress(ConditionFailed):
            context.table.commit(put("it is new", {**keys.request(f"counted{key}{id}"), "n": 1}))
        return id

    return [{"id": one.id, "status": "DONE", "code": None} for one in bulk.each(context, ASKED, act)]


def test_the_repeat_gets_the_same_answer_and_nothing_is_done_again(books: Books) -> None:
    """Whatever has changed since; and another body under the key is refused."""
    first: list[str] = []
    again: list[str] = []
    answer = bulk.remembered(books.context, once_of(books, "k"), lambda: counting(books.context, first))
    repeat = bulk.remembered(books.context, once_of(books, "k"), lambda: counting(books.context, again))
    assert answer == repeat == [{"id": id, "status": "DONE", "code": None} for id in ASKED]
    assert (first, again) == (ASKED, [])
    with pytest.raises(KeyReused):
        bulk.remembered(books.context, once_of(books, "k", "other"), lambda: counting(books.context, again))
    assert again == []


def test_without_a_key_every_call_is_one_of_its_own(books: Books) -> None:
    """Nothing is kept: there is no repeat that could ask for it."""
    begun: list[str] = []
    for _ in range(2):
        bulk.remembered(books.context, once_of(books, None), lambda: counting(books.context, begun))
    assert begun == ASKED * 2


def test_one_that_was_busy_is_told_and_not_remembered(books: Books) -> None:
    """The repeat, which the answer asks for, does what is left, and that is kept."""
    answers = [[{"id": "0", "status": None, "code": "BUSY"}], [{"id": "0", "status": "DONE", "code": None}]]
    left = list(answers)
    for expected in (answers[0], answers[1], answers[1]):
        assert bulk.remembered(books.context, once_of(books, "k"), lambda: left.pop(0)) == expected
    assert left == []


def test_a_call_that_died_anywhere_is_finished_by_its_repeat(books: Books) -> None:
    """Before and after each call to the table: the repeat answers for all, and another body stays refused."""
    numbers = count()

    def prepare() -> str:
        return f"key{next(numbers)}"

    def act(context: Context, key: str) -> None:
        bulk.remembered(context, once_of(books, key), lambda: counting(context, [], key))

    died = 0
    for key in crash_at_each_write(books, prepare, act):
        died += 1
        again = partial(counting, books.context, [], key)
        answer = bulk.remembered(books.context, once_of(books, key), again)
        assert [each["id"] for each in answer] == ASKED
        with pytest.raises(KeyReused):
            bulk.remembered(books.context, once_of(books, key, "other"), lambda: [])
    assert died == 10  # before and after: the key, three times what is done, the answer


def test_two_at_the_same_time_answer_the_same(books: Books) -> None:
    """The first to finish says what both say."""
    inner: list[list[Item]] = []

    def meanwhile() -> list[Item]:
        inner.append(bulk.remembered(books.context, once_of(books, "k"), lambda: [{"id": "0", "status": "FIRST"}]))
        return [{"id": "0", "status": "SECOND"}]

    assert bulk.remembered(books.context, once_of(books, "k"), meanwhile) == inner[0]
    assert inner[0] == [{"id": "0", "status": "FIRST"}]
