"""Loosening a program is a decision of two: what waits, who confirms, and what holds until then."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from refledger.domain.errors import (
    AlreadyDecided,
    Conflict,
    Forbidden,
    ProgramChangeNotFound,
    ProgramNotFound,
    SecondPersonNeeded,
    Stale,
)
from refledger.domain.loosening import MAX_WAITING, ChangeStatus, ProgramChange, TermChange
from refledger.domain.programs import CurrencyTerms, Program, ProgramStatus, safe_terms
from refledger.domain.times import DAY_MS
from refledger.operations import program_changes, programs
from refledger.operations.programs import ProgramUpdate
from refledger.store import program_changes as stored_changes
from refledger.store import programs as stored
from refledger.store.audit_actor import acting
from tests.support import worlds
from tests.support.books import Books, Faulty
from tests.support.changes import Follower
from tests.support.programs import a_program, a_rule

C = ChangeStatus
LIMITS: dict[str, Any] = {"payout_minimum": 1000, "second_approval_limit": 500, "adjustment_limit": 500}

pytestmark = worlds.lives_in(worlds.one_program, hold_days=30, **LIMITS)


def change(books: Books, by: str = "ann", version: int = 0, **changes: Any) -> ProgramUpdate:
    terms = a_program(**{"hold_days": 30, **LIMITS, **changes})
    return programs.change(books.context, terms, version or current(books).version, by)


def waiting(made: ProgramUpdate) -> ProgramChange:
    assert made.waiting
    return made.waiting


def current(books: Books) -> Program:
    return stored.find(books.table, "default")


def confirm(books: Books, change: ProgramChange, by: str = "eve") -> ProgramChange:
    return program_changes.confirm(books.context, "default", change.id, by, "agreed")


def reject(books: Books, change: ProgramChange, by: str) -> ProgramChange:
    return program_changes.reject(books.context, "default", change.id, by, "not agreed")


def all_changes(books: Books) -> list[ProgramChange]:
    return [change for _, change in stored_changes.of_program(books.table, "default", "", 100)]


# ---------------------------------------------------------------- one person


def test_one_admin_cannot_take_a_limit_off(books: Books) -> None:
    """The attack: leave the limit out, approve, put it back. The limit stays, and who asked does not confirm."""
    made = change(books, second_approval_limit=None)
    assert made.program == current(books)
    assert (made.program.version, made.program.terms("USD").second_approval_limit) == (1, 500)
    assert waiting(made).terms == (TermChange("second_approval_limit", "USD", 500, None),)
    with pytest.raises(SecondPersonNeeded):
        confirm(books, waiting(made), by="ann")
    assert current(books).terms("USD").second_approval_limit == 500


def test_another_admin_lets_it_through(books: Books) -> None:
    """The next version has what was shown; who asked and who confirmed stay on it; again it is the same answer."""
    made = waiting(change(books, hold_days=0, second_approval_limit=None))
    books.clock.forward(1000)
    confirmed = confirm(books, made)
    assert (confirmed.stored_status, confirmed.decided_by, confirmed.version) == (C.CONFIRMED, "eve", 2)
    assert (confirmed.asked_by, confirmed.decided_at_ms, confirmed.note) == ("ann", books.clock(), "agreed")
    new = current(books)
    assert (new.version, new.hold_days, new.terms("USD").second_approval_limit) == (2, 0, None)
    assert (new.changed_by, new.changed_at_ms) == ("eve", books.clock())
    assert stored.version(books.table, "default", 2) == new
    assert confirm(books, made) == confirmed
    assert current(books) == new
    with pytest.raises(AlreadyDecided):
        confirm(books, made, by="zoe")


def test_a_mixed_change_tightens_now_and_loosens_later(books: Books) -> None:
    """Two versions: the one that was asked for at once, and the one that was confirmed."""
    made = change(books, hold_days=10, cooling_hours=9, reviews_rewards=True)
    assert (made.program.version, made.program.cooling_hours, made.program.reviews_rewards) == (2, 9, True)
    assert made.program.hold_days == 30
    confirm(books, waiting(made))
    assert (current(books).version, current(books).hold_days, current(books).cooling_hours) == (3, 10, 9)


# ---------------------------------------------------------------- repeats, races and faults


def test_the_same_wish_is_the_same_change(books: Books) -> None:
    """After a lost answer, by whomever, and though others went on since; tightening among it is not done twice."""
    first = change(books, version=1, hold_days=10, cooling_hours=9)
    assert change(books, version=1, hold_days=10, cooling_hours=9) == first
    assert change(books, by="zoe", version=1, hold_days=10, cooling_hours=9) == first
    change(books, version=2, cooling_hours=10)
    assert change(books, version=1, hold_days=10, cooling_hours=9) == first
    with pytest.raises(Stale):
        change(books, version=1, hold_days=9, cooling_hours=9)
    assert len(all_changes(books)) == 1


def test_a_wish_alone_is_the_same_after_it_came_true(books: Books) -> None:
    """The repeat is answered by the program as it is, and the change that made it so."""
    made = waiting(change(books, version=1, hold_days=10))
    confirmed = confirm(books, made)
    again = change(books, version=1, hold_days=10)
    assert (again.program, again.waiting) == (current(books), confirmed)


def test_a_wish_that_was_taken_off_can_be_asked_for_again(books: Books) -> None:
    """Withdrawn, rejected or expired: then it is another change."""
    ids = set()
    for end in (lambda made: reject(books, made, "ann"), lambda made: reject(books, made, "eve"),
                lambda _: books.clock.forward(7 * DAY_MS)):  # fmt: skip
        made = waiting(change(books, hold_days=10))
        end(made)
        ids.add(made.id)
    ids.add(waiting(change(books, hold_days=10)).id)
    assert len(ids) == 4
    assert [each.status_at(books.clock()) for each in all_changes(books)].count(C.PENDING) == 1


def test_of_many_who_confirm_at_once_one_does(books: Books) -> None:
    """And the program has one version more."""
    made = waiting(change(books, hold_days=10))

    def attempt(by: str) -> str:
        try:
            return confirm(books, made, by).decided_by
        except AlreadyDecided:
            return ""

    with ThreadPoolExecutor(8) as pool:
        done = set(pool.map(attempt, [f"admin {n}" for n in range(8)])) - {""}
    assert len(done) == 1
    assert current(books).version == 2


@pytest.mark.parametrize("seed", range(4))
def test_conflicts_and_lost_answers_confirm_once(books: Books, seed: int) -> None:
    """Whatever is refused, or done without an answer: one change, one version for it."""
    faulty = Faulty(books.client, 60, seed)
    books.context = books.behind(faulty)
    for days in (29, 28, 27):
        confirm(books, waiting(change(books, hold_days=days)))
    assert [each.stored_status for each in all_changes(books)] == [C.CONFIRMED] * 3
    assert (current(books).version, current(books).hold_days) == (4, 27)
    assert faulty.injected


def test_the_base_may_move_in_other_terms_only(books: Books) -> None:
    """A change from version 1 is confirmed on top of version 2; one whose term moved since is not, ever."""
    hold, limit = waiting(change(books, version=1, hold_days=10)), waiting(change(books, adjustment_limit=None))
    change(books, version=1, hold_days=40)
    confirm(books, limit)
    assert (current(books).hold_days, current(books).terms("USD").adjustment_limit) == (40, None)
    with pytest.raises(Conflict, match="has changed since"):
        confirm(books, hold)
    assert current(books).hold_days == 40


def test_too_many_do_not_pile_up(books: Books) -> None:
    """Somebody has to decide first."""
    for days in range(MAX_WAITING):
        change(books, hold_days=days)
    with pytest.raises(Conflict, match="wait already"):
        change(books, hold_days=MAX_WAITING)
    reject(books, all_changes(books)[0], "ann")
    assert change(books, hold_days=MAX_WAITING).waiting


# ---------------------------------------------------------------- taking it off


def test_who_asked_withdraws_and_others_reject(books: Books) -> None:
    """And then nobody confirms it any more."""
    mine, theirs = waiting(change(books, hold_days=10)), waiting(change(books, hold_days=11))
    assert reject(books, mine, "ann").stored_status is C.WITHDRAWN
    rejected = reject(books, theirs, "eve")
    assert (rejected.stored_status, rejected.decided_by, rejected.note) == (C.REJECTED, "eve", "not agreed")
    assert reject(books, theirs, "eve") == rejected
    for made in (mine, theirs):
        with pytest.raises(AlreadyDecided):
            confirm(books, made)
    with pytest.raises(AlreadyDecided):
        reject(books, mine, "eve")
    assert current(books).version == 1


def test_it_cannot_be_confirmed_when_it_has_expired(books: Books) -> None:
    """Seven days are enough to find somebody."""
    made = waiting(change(books, hold_days=10))
    books.clock.forward(7 * DAY_MS)
    with pytest.raises(AlreadyDecided, match="EXPIRED"):
        confirm(books, made)
    with pytest.raises(AlreadyDecided, match="EXPIRED"):
        reject(books, made, "eve")


def test_what_is_not_there_is_not_found(books: Books) -> None:
    """A change of another program is none of this one."""
    books.program("other")
    made = waiting(change(books, hold_days=10))
    for act in (program_changes.confirm, program_changes.reject):
        with pytest.raises(ProgramChangeNotFound):
            act(books.context, "other", made.id, "eve", "note")
        with pytest.raises(ProgramNotFound):
            act(books.context, "nowhere", made.id, "eve", "note")


# ---------------------------------------------------------------- who earns


def test_an_admin_who_is_a_partner_does_not_raise_their_rates(books: Books) -> None:
    """The attack: PUT tierRatesBps [9000], and the next payment brings 90 %. It waits, and no partner confirms it."""
    ann, eve = books.partner("ann").customer, books.partner("eve").customer
    made = change(books, by=ann, tier_rates_bps=[9000])
    assert made.program.tier_rates_bps == (2000, 1000)
    with pytest.raises(Forbidden):
        confirm(books, waiting(made), by=eve)
    confirm(books, waiting(made), by="zoe")
    assert current(books).tier_rates_bps == (9000,)


def test_nor_does_a_partner_confirm_that_shipping_earns(books: Books) -> None:
    """The same rates of more money are more money."""
    change(books, commission_on_shipping=False)
    made = change(books, commission_on_shipping=True)
    with pytest.raises(Forbidden):
        confirm(books, waiting(made), by=books.partner("eve").customer)
    confirm(books, waiting(made), by="zoe")
    assert current(books).commission_on_shipping


def test_other_terms_are_confirmed_by_a_partner_too(books: Books) -> None:
    """Fewer days of hold bring nobody more."""
    confirm(books, waiting(change(books, hold_days=10)), by=books.partner("eve").customer)
    assert current(books).hold_days == 10


def test_who_earns_elsewhere_or_nothing_changes_rates_alone(books: Books) -> None:
    """Down everybody does; up whoever does not earn by it."""
    books.program("other", **LIMITS)
    stranger = books.member("zoe", "other").customer
    assert change(books, by=stranger, tier_rates_bps=[3000]).waiting is None
    assert change(books, by=books.partner("ann").customer, tier_rates_bps=[1000]).waiting is None
    assert current(books).tier_rates_bps == (1000,)


# ---------------------------------------------------------------- new programs


def test_a_new_program_is_no_way_round_the_limits(books: Books) -> None:
    """The attack: a program of one's own without limits. It has the safe ones until another admin confirms more."""
    terms = a_program("mine", rules=current(books).rules)
    made = programs.create(books.context, terms, "ann", "key", "body")
    safe = safe_terms("USD")
    assert max(safe.second_approval_limit or 0, safe.adjustment_limit or 0) > 500, "those of the first program"
    assert made.program.terms("USD") == CurrencyTerms(0, None, 500, 500, 500, 500)
    limits = {"second_approval_limit", "adjustment_limit", "conversion_limit", "sales_limit"}
    assert {each.field for each in waiting(made).terms} == limits
    assert programs.create(books.context, terms, "ann", "key", "body") == made
    with pytest.raises(SecondPersonNeeded):
        program_changes.confirm(books.context, "mine", waiting(made).id, "ann")
    program_changes.confirm(books.context, "mine", waiting(made).id, "eve")
    assert stored.find(books.table, "mine").terms("USD") == CurrencyTerms()


# ---------------------------------------------------------------- pauses


def become(books: Books, status: ProgramStatus, by: str) -> ProgramUpdate:
    return programs.change_status(books.context, "default", status, "why", by)


def test_who_paused_a_program_resumes_it_and_another_asks(books: Books) -> None:
    """A pause protects: who did not make it does not end it alone, however often terms changed in between."""
    become(books, ProgramStatus.PAUSED, "eve")
    change(books, by="ann", hold_days=31)
    asked = become(books, ProgramStatus.ACTIVE, "ann")
    assert (asked.program.status, waiting(asked).terms) == (
        ProgramStatus.PAUSED, (TermChange("status", "", "PAUSED", "ACTIVE"),)
    )  # fmt: skip
    assert become(books, ProgramStatus.ACTIVE, "ann") == asked
    books.clock.forward(1000)
    confirm(books, waiting(asked))
    assert (current(books).status, current(books).idle[-1].until_ms) == (ProgramStatus.ACTIVE, books.clock())
    become(books, ProgramStatus.PAUSED, "eve")
    assert become(books, ProgramStatus.ACTIVE, "eve").program.status is ProgramStatus.ACTIVE


def test_rules_and_weights_survive_the_table(books: Books) -> None:
    """What is shown days later is what was asked for."""
    ann = books.partner("ann").customer
    rules = replace(current(books).rules, default=a_rule(5000, first=(6000,), months=3))
    made = waiting(change(books, by=ann, rules=rules))
    assert stored_changes.find(books.table, "default", made.id) == made


def test_the_audit_tells_who_asked_and_who_confirmed(books: Books) -> None:
    """Under the program, as a part of it; versions are told by the program itself."""
    follower = Follower(books)
    with acting("ann", "admin", "::1", "r1", "PUT"):
        made = waiting(change(books, hold_days=10))
    with acting("eve", "admin", "::1", "r2", "POST"):
        confirm(books, made)
    follower.follow()
    told = [entry for entry in follower.of("default") if entry.type == "PROGRAM_CHANGE"]
    assert [(entry.entity, entry.part, entry.actor) for entry in told] == [
        ("default", made.id, "ann"), ("default", made.id, "eve"),
    ]  # fmt: skip
    assert {change.field for change in told[1].changes} >= {"status", "decider"}
