"""Two people above a limit: neither of them who gets the money, each only once; of then and now the stricter limit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from refledger.domain.errors import AlreadyDecided, OwnWithdrawal, Refledger, SecondPersonNeeded
from refledger.domain.withdrawals import Approval, Withdrawal, WithdrawalStatus
from refledger.operations.context import Context
from refledger.operations.payouts import withdrawals
from refledger.store import keys
from refledger.store import partners as stored_partners
from refledger.store import programs as stored_programs
from refledger.store import withdrawals as stored
from refledger.store.attributes import pack
from tests.support import worlds
from tests.support.books import Books, Faulty
from tests.support.crashes import crash_at_each_write
from tests.support.programs import a_program

S = WithdrawalStatus

pytestmark = worlds.lives_in(worlds.funded, amount=1_000_000, second_approval_limit=2000)


def approve(books: Books, made: Withdrawal, actor: str, request: str = "", note: str = "") -> Withdrawal:
    request = request or f"request of {actor}"
    return withdrawals.decide(books.context, made.id, S.APPROVED, actor, request, note or f"note of {actor}")


def test_one_is_enough_up_to_the_limit(books: Books) -> None:
    """To the cent."""
    assert approve(books, books.withdraw("bob", 2000), "ann").status is S.APPROVED


def test_above_it_the_first_is_kept_and_the_second_approves(books: Books) -> None:
    """Still REQUESTED after the first, with who, when and why; both notes stay; the money stays reserved."""
    made = books.withdraw("bob", 2001)
    first = approve(books, made, "ann")
    assert (first.status, first.approvals) == (
        S.REQUESTED, (Approval("ann", books.clock(), "note of ann", "request of ann"),),
    )  # fmt: skip
    approve(books, made, "eve")
    found = stored.find(books.table, made.id)
    assert (found.status, found.steps[-1].by, found.steps[-1].note) == (S.APPROVED, "eve", "note of eve")
    assert found.approvals == first.approvals
    assert books.balance("bob")[1] == 2001


def test_the_same_person_is_no_second_one(books: Books) -> None:
    """A repeat of the same request answers the same; another request of theirs is refused; nothing changes."""
    made = books.withdraw("bob", 2001)
    first = approve(books, made, "ann")
    assert approve(books, made, "ann") == first
    with pytest.raises(SecondPersonNeeded):
        approve(books, made, "ann", "another")
    assert stored.find(books.table, made.id) == first
    second = approve(books, made, "eve")
    assert approve(books, made, "ann") == approve(books, made, "eve") == second
    with pytest.raises(AlreadyDecided):
        approve(books, made, "ann", "another")


def test_whose_money_it_is_counts_neither_first_nor_second(books: Books) -> None:
    """The requester, and the partner's user where somebody else asked for them."""
    made = books.withdraw("bob", 2001)
    partner = stored_partners.find(books.table, made.partner_id)
    assert partner.customer == made.requester
    item = books.table.get(keys.withdrawal(made.id))
    assert item
    books.client.put_item(TableName=books.table_name, Item=pack({**item, "requester": "somebody"}))
    for _ in range(2):
        for own in ("somebody", partner.customer):
            with pytest.raises(OwnWithdrawal):
                approve(books, made, own)
            with pytest.raises(OwnWithdrawal):
                withdrawals.decide(books.context, made.id, S.REJECTED, own, "r", "")
        approve(books, made, "ann")


def test_either_may_still_be_refused(books: Books) -> None:
    """After a first yes anybody may reject, and its partner may take it back."""
    made, other = books.withdraw("bob", 2001), books.withdraw("bob", 2001)
    for each in (made, other):
        approve(books, each, "ann")
    assert withdrawals.decide(books.context, made.id, S.REJECTED, "ann", "r", "").status is S.REJECTED
    assert withdrawals.cancel(books.context, other, books.user("bob"), "r").status is S.CANCELLED
    assert books.balance("bob") == (1_000_000, 0, 0)


@pytest.mark.parametrize(
    ("amount", "limit", "status"),
    [(2001, 2001, S.REQUESTED), (2001, None, S.REQUESTED), (2001, 1999, S.REQUESTED), (2000, 1999, S.REQUESTED),
     (2000, None, S.APPROVED)],
)  # fmt: skip
def test_the_limit_is_the_stricter_of_then_and_now(books: Books, amount: int, limit: int | None, status: S) -> None:
    """Changed after the request: what was loosened since does not help, what was tightened holds."""
    made = books.withdraw("bob", amount)
    current = stored_programs.find(books.table, "default")
    changed = a_program(payout_minimum=1000, second_approval_limit=limit)
    books.set_terms(changed, current.version)
    assert approve(books, made, "ann").status is status


def test_in_another_currency_another_limit(books: Books) -> None:
    """Of a currency that the program does not take nobody has set a limit: any amount needs two people."""
    books.grant("bob", 10_000, currency="EUR")
    books.mature("bob", "EUR")
    made = books.withdraw("bob", 1, currency="EUR")
    assert approve(books, made, "ann").status is S.REQUESTED
    assert approve(books, made, "eve").status is S.APPROVED


def test_long_notes_leave_the_item_small(books: Books) -> None:
    """500 characters of four bytes with each approval: all of them kept, and the item fits a unit of a transaction."""
    note = "\U0001f4b6" * 500
    made = books.withdraw("bob", 2001)
    for actor in ("0123456789abcdef", "fedcba9876543210"):
        approve(books, made, actor, f"{actor}-request", note)
    found = stored.find(books.table, made.id)
    assert (found.approvals[0].note, found.steps[0].note) == (note, note)
    item = books.table.get(keys.withdrawal(made.id))
    assert len(repr(item)) < 1024


@pytest.mark.parametrize("actors", [("ann", "eve"), ("ann", "ann")], ids=str)
def test_both_at_once(books: Books, actors: tuple[str, str]) -> None:
    """Two people in the same moment are two; one person with two requests is one."""
    with ThreadPoolExecutor(2) as pool:
        for _ in range(8):
            made = books.withdraw("bob", 2001)

            def yes(number: int, made: Withdrawal = made) -> object:
                try:
                    return approve(books, made, actors[number], f"request {number}").status
                except Refledger as refused:
                    return type(refused)

            answers = set(pool.map(yes, range(2)))
            found = stored.find(books.table, made.id)
            if len(set(actors)) == 2:
                assert (found.status, answers) == (S.APPROVED, {S.REQUESTED, S.APPROVED})
            else:
                assert (found.status, answers) == (S.REQUESTED, {S.REQUESTED, SecondPersonNeeded})
            assert len(found.approvals) == 1


def test_wherever_the_process_dies_the_repeat_ends_it(books: Books) -> None:
    """The first and the second approval: kept once, with its note."""

    def act(context: Context, made: Withdrawal) -> None:
        withdrawals.decide(context, made.id, S.APPROVED, "eve", "request of eve", "note of eve")

    for made in crash_at_each_write(books, lambda: books.withdraw("bob", 2001), act):
        found = approve(books, made, "eve")
        assert [approval.note for approval in found.approvals] == ["note of eve"]
    for made in crash_at_each_write(books, lambda: approve(books, books.withdraw("bob", 2001), "ann"), act):
        found = approve(books, made, "eve")
        assert [approval.by for approval in found.approvals] == ["ann"]
        assert [(step.by, step.note) for step in found.steps] == [("eve", "note of eve")]


@pytest.mark.parametrize("seed", range(3))
def test_conflicts_and_lost_answers_count_nobody_twice(books: Books, seed: int) -> None:
    """Refused now and then, or done without an answer."""
    sound, faulty = books.context, Faulty(books.client, 50, seed)
    for _ in range(6):
        made = books.withdraw("bob", 2001)
        books.context = books.behind(faulty)
        assert approve(books, made, "ann").status is S.REQUESTED
        assert approve(books, made, "eve").status is S.APPROVED
        books.context = sound
        found = stored.find(books.table, made.id)
        assert (len(found.approvals), len(found.steps)) == (1, 1)
    assert faulty.injected > 3
