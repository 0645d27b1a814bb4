"""Changing a program: version after version, none lost, none overwritten, whoever repeats or is at it at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from refledger.domain.errors import ProgramNotFound, Stale
from refledger.domain.programs import CurrencyTerms, Program
from refledger.domain.times import MINUTE_MS
from refledger.operations import programs
from refledger.store import keys
from refledger.store import programs as stored
from tests.support import worlds
from tests.support.books import Books, Faulty
from tests.support.programs import a_program

pytestmark = worlds.lives_in(worlds.one_program, payout_minimum=0)


def change(books: Books, version: int, by: str = "ann", **changes: object) -> Program:
    """With terms that nothing waits for: `test_program_changes.py` has the others."""
    made = programs.change(books.context, a_program(**changes), version, by)  # type: ignore[arg-type]
    assert made.waiting is None
    return made.program


def versions(books: Books) -> list[Program]:
    """All of them, oldest first."""
    return [program for _, program in stored.versions(books.table, "default", "", 100)][::-1]


def test_a_change_is_the_next_version(books: Books) -> None:
    """The current program and its version say the same, when and by whom; the first stays as it was."""
    first = stored.find(books.table, "default")
    assert versions(books) == [first]
    books.clock.forward(7)
    euro = CurrencyTerms(1, None, 0, 0)
    second = change(books, 1, hold_days=3, currencies={"EUR": euro}, reviews_rewards=True, name="Fellows")
    assert (second.version, second.hold_days, second.name, second.terms("EUR")) == (2, 3, "Fellows", euro)
    assert (second.changed_at_ms, second.changed_by) == (books.clock(), "ann")
    assert second.created_at_ms == first.created_at_ms
    assert stored.find(books.table, "default") == second
    assert versions(books) == [first, second]


def test_a_repeat_answers_the_version_that_it_made(books: Books) -> None:
    """After a lost answer, and though others went on since; another change from the same version is too late."""
    second = change(books, 1, hold_days=3)
    assert change(books, 1, by="eve", hold_days=3) == second
    third = change(books, 2, hold_days=4)
    assert change(books, 1, hold_days=3) == second
    with pytest.raises(Stale, match="current version is 3"):
        change(books, 1, hold_days=5)
    with pytest.raises(Stale):
        change(books, 1, hold_days=4)
    assert versions(books)[1:] == [second, third]


def test_the_same_terms_make_no_version(books: Books) -> None:
    """What is so already stays so; a version that never was is no ground to stand on."""
    assert change(books, 1) == stored.find(books.table, "default")
    for version in (2, 999_999):
        with pytest.raises(Stale):
            change(books, version)
    assert len(versions(books)) == 1


def test_back_to_earlier_terms_is_a_new_version(books: Books) -> None:
    """One and three say the same and are two versions."""
    change(books, 1, name="Fellows")
    third = change(books, 2)
    assert third.version == 3
    assert third.says_the_same(versions(books)[0])


def test_a_program_that_is_not_there_cannot_be_changed(books: Books) -> None:
    """And is not made by trying."""
    with pytest.raises(ProgramNotFound):
        change(books, 1, id="nowhere")
    with pytest.raises(ProgramNotFound):
        stored.version(books.table, "nowhere", 1)


def test_of_many_changes_at_once_one_is_made(books: Books) -> None:
    """Eight admins who read the same version: one is heard, the others are told to read again."""

    def attempt(days: int) -> Program | None:
        try:
            return change(books, 1, hold_days=days)
        except Stale:
            return None

    with ThreadPoolExecutor(8) as pool:
        made = [program for program in pool.map(attempt, range(1, 9)) if program]
    assert len(made) == 1
    assert versions(books)[1:] == made


def test_the_same_change_many_times_at_once_is_one_version(books: Books) -> None:
    """A client that repeats itself gets the one version every time."""
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: change(books, 1, hold_days=3), range(8)))
    assert made == {versions(books)[1]}
    assert len(versions(books)) == 2


@pytest.mark.parametrize("seed", range(4))
def test_conflicts_and_lost_answers_make_each_version_once(books: Books, seed: int) -> None:
    """Where writes are refused, or done without an answer, no version is skipped, doubled or half written."""
    faulty = Faulty(books.client, 60, seed)
    books.context = books.behind(faulty)
    for number in range(1, 5):
        assert change(books, number, hold_days=number).version == number + 1
    assert [(p.version, p.hold_days) for p in versions(books)] == [(1, 0), (2, 1), (3, 2), (4, 3), (5, 4)]
    assert faulty.injected


@pytest.mark.parametrize("seed", range(4))
def test_a_program_is_made_with_its_first_version(books: Books, seed: int) -> None:
    """Both or none, whatever fails in between."""
    context = books.behind(Faulty(books.client, 60, seed))
    made = programs.create(context, a_program("second"), "ann", "key", "body").program
    assert made == stored.find(books.table, "second") == stored.version(books.table, "second", 1)


def test_who_made_a_program_gets_it_as_it_was_made(books: Books) -> None:
    """The repeat of the request that made it is answered the first version, not what became of it."""
    first = programs.create(books.context, a_program("second"), "ann", "key", "body")
    programs.change(books.context, a_program("second", hold_days=9), 1, "eve")
    assert programs.create(books.context, a_program("second"), "ann", "key", "body") == first


def test_a_worker_reads_a_version_once(books: Books) -> None:
    """A version never changes: it is kept for ever, and the current one is one of them."""
    books.change_program(hold_days=3)
    assert books.context.program_version("default", 1).hold_days == 0
    assert books.context.program("default").version == 2
    books.table.commit(*(stored.change(replace(a_program(), version=2), replace(a_program(), version=3))))
    books.context.table.client = None  # nothing can be read any more
    books.clock.forward(60 * MINUTE_MS)
    assert books.context.program_version("default", 1).hold_days == 0
    assert books.context.program_version("default", 2).hold_days == 3


def test_a_worker_keeps_a_bounded_number_of_versions(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is read again."""
    monkeypatch.setattr("refledger.operations.context.VERSIONS_KEPT", 2)
    for number in range(1, 6):
        change(books, number, hold_days=number)
    for _ in range(2):
        assert [books.context.program_version("default", n).version for n in range(1, 7)] == list(range(1, 7))
        assert len(books.context._versions) <= 2


def test_a_version_that_was_tampered_with_away_is_not_found(books: Books) -> None:
    """A missing version is an error, never other rules."""
    books.change_program(hold_days=3)
    books.client.delete_item(
        TableName="refledger", Key={name: {"S": value} for name, value in keys.program_version("default", 1).items()}
    )
    with pytest.raises(ProgramNotFound):
        books.context.program_version("default", 1)
