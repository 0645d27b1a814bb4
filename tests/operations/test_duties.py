"""A case is read once, and what it comes to is written under what was read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from refledger.domain.duties import Act, Allowed, NeedsSecond
from refledger.domain.errors import OwnWithdrawal, SecondPersonNeeded
from refledger.domain.exposures import Marked
from refledger.operations import duties
from refledger.operations.duties import Case
from refledger.store.transaction import RetryableConflict
from tests.support.books import Books
from tests.support.programs import a_program

LIMIT = 1_000
PROGRAM = a_program(adjustment_limit=LIMIT, second_approval_limit=LIMIT)


def case(books: Books, act: Act = Act.GIVE_REWARD, actor: str = "ann", partner: str = "p", amount: int = LIMIT) -> Case:
    return duties.case(books.context, act, actor, [PROGRAM], "USD", {partner: amount}, earns={"bob"})


def done(books: Books, found: Case) -> None:
    books.table.commit(*found.writes())


def test_sums_are_of_the_partner_and_of_the_actor(books: Books) -> None:
    """Who passes the limit with one partner, or over several, needs another person; another one does not."""
    done(books, case(books, amount=600))
    assert case(books, amount=400).verdict == Allowed()
    for same in (case(books, amount=401), case(books, partner="q", amount=401), case(books, actor="eve", amount=401)):
        assert isinstance(same.require(), NeedsSecond)
        with pytest.raises(SecondPersonNeeded):
            same.check()
    assert case(books, actor="eve", partner="q").verdict == Allowed()
    books.clock.forward(26 * 3_600_000)
    assert case(books).verdict == Allowed()


def test_what_needs_two_counts_in_no_sum(books: Books) -> None:
    """It does not use up what one person may, and leaves its mark all the same."""
    found = case(books, amount=LIMIT + 1)
    assert isinstance(found.verdict, NeedsSecond)
    done(books, found)
    again = case(books)
    assert again.verdict == Allowed()
    assert [(mark.kind, mark.actor) for mark in again.facts.marks] == [(Marked.CREDITED, "ann")]


def test_maker_is_not_checker(books: Books) -> None:
    """Who gave cannot approve for a month, another can; whose money it is never can."""
    done(books, case(books, amount=1))
    with pytest.raises(SecondPersonNeeded, match="gave this partner money"):
        case(books, Act.APPROVE_WITHDRAWAL).require()
    case(books, Act.APPROVE_WITHDRAWAL, "eve").require()
    case(books, Act.APPROVE_WITHDRAWAL, partner="q").require()
    with pytest.raises(OwnWithdrawal):
        case(books, Act.APPROVE_WITHDRAWAL, "bob").require()
    books.clock.forward(30 * 86_400_000)
    case(books, Act.APPROVE_WITHDRAWAL).require()


def test_a_mark_that_comes_in_between_is_seen(books: Books) -> None:
    """Who approves and links at the same moment does one of them second, and is refused by what they did first."""
    approval = case(books, Act.APPROVE_WITHDRAWAL)
    approval.require()
    done(books, case(books, Act.LINK_USER, amount=0))
    with pytest.raises(RetryableConflict):
        done(books, approval)


def test_many_at_once_pass_no_more_than_one_by_one(books: Books) -> None:
    """Thirty threads with a tenth of the limit each: ten pass, whatever partners they are for."""

    def act(number: int) -> bool:
        def once() -> bool:
            found = case(books, partner=f"p{number % 3}", amount=LIMIT // 10)
            if not isinstance(found.require(), Allowed):
                return False
            done(books, found)
            return True

        for _ in range(60):
            try:
                return once()
            except RetryableConflict:
                continue
        return False

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(act, range(30))) == 10


def test_of_nobody_nothing_is_counted(books: Books) -> None:
    """What a CRM tells counts for the partners."""
    program = a_program(conversion_limit=LIMIT)

    def told(partner: str) -> Case:
        return duties.case(
            books.context, Act.CONVERT_BY_MACHINE, "", [program], "USD", {partner: LIMIT}, by_machine=True
        )  # fmt: skip

    done(books, told("p"))
    assert isinstance(told("p").require(), NeedsSecond)
    assert told("q").require() == Allowed()


def test_further_terms_make_it_stricter(books: Books) -> None:
    """Those under which it was asked for hold beside those of now."""
    loose = duties.case(books.context, Act.GIVE_REWARD, "ann", [a_program()], "USD", {"p": LIMIT + 1})
    assert loose.verdict == Allowed()
    assert isinstance(duties.strictest(loose, PROGRAM).verdict, NeedsSecond)
