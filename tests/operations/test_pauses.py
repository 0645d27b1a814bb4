"""Programs that are paused, resumed and archived: what customers pay meanwhile earns nothing; nothing else changes."""

from __future__ import annotations

import pytest

from refledger.domain.errors import ProgramClosed, ProgramNotFound
from refledger.domain.payments import PaymentKind
from refledger.domain.programs import Program, ProgramStatus
from refledger.domain.rewards import Cancelled, RewardStatus
from refledger.domain.times import DAY_MS
from refledger.operations import programs
from refledger.operations.context import PROGRAM_KEPT_MS, Context
from refledger.operations.earning.payments import RecordOutcome
from refledger.store import programs as stored
from tests.support import worlds
from tests.support.books import Books
from tests.support.crashes import crash_at_each_write

P = ProgramStatus


pytestmark = worlds.lives_in(worlds.one_referred)


def become(books: Books, status: ProgramStatus, context: Context | None = None) -> Program:
    return programs.change_status(context or books.context, "default", status, "why", "admin").program


def minutes(books: Books, number: int) -> None:
    books.clock.forward(number * 60_000)


def test_nothing_is_earned_while_it_is_paused(books: Books) -> None:
    """Ignored, with the reason; what was paid before and after earns, whenever it arrives."""
    before_ms = books.clock()
    minutes(books, 5)
    paused = become(books, P.PAUSED)
    minutes(books, 5)
    assert books.pay("bob", "during", 10_000).outcome is RecordOutcome.PAUSED
    found = books.payment("during")
    assert (found.kind, found.reason, found.shares) == (PaymentKind.IGNORED, "PAUSED", ())
    assert books.pay("bob", "late", 10_000, occurred_at_ms=before_ms).outcome is RecordOutcome.RECORDED
    resumed = become(books, P.ACTIVE)
    assert (paused.version, resumed.version, resumed.status, resumed.reason) == (2, 3, P.ACTIVE, "why")
    during_ms = books.clock() - 1
    assert books.pay("bob", "after", 10_000).outcome is RecordOutcome.RECORDED  # although it was just kept as paused
    assert books.pay("bob", "very late", 10_000, occurred_at_ms=during_ms).outcome is RecordOutcome.PAUSED
    assert books.refund("during", 100).outcome is RecordOutcome.RECORDED or books.payment("during").back.refunded == 100
    assert len(books.rewards("alice")) == 2
    assert books.faults() == []


def test_a_worker_that_does_not_know_yet_earns_nothing_in_the_end(books: Books) -> None:
    """For up to a minute a payment is taken for one of an open program; when its time has come, it is cancelled."""
    books.pay("bob", "before", 10_000)
    minutes(books, 2)
    books.context.program("default")  # kept from now on
    books.clock.forward(1000)
    another = books.behind(books.client)
    become(books, P.PAUSED, another)
    books.clock.forward(PROGRAM_KEPT_MS // 2)
    books.earn("bob", "during", 10_000)
    books.mature("alice")
    before, during = books.rewards("alice")
    assert (before.status, during.status) == (RewardStatus.APPROVED, RewardStatus.CANCELLED)
    assert during.cancelled is Cancelled.IDLE
    assert books.balance("alice") == (2000, 0, 0)
    assert books.faults() == []


def test_what_was_earned_matures_and_is_withdrawn(books: Books) -> None:
    """A pause, or the end, of a program takes nothing from anybody."""
    books.change_program(hold_days=30)
    books.pay("bob", "p1", 10_000)
    minutes(books, 1)
    become(books, P.PAUSED)
    become(books, P.ARCHIVED)
    books.clock.forward(31 * DAY_MS)
    books.mature("alice")
    books.pay_out("alice", 2000)
    assert books.balance("alice") == (0, 0, 2000)


@pytest.mark.parametrize("status", [P.PAUSED, P.ARCHIVED])
def test_nobody_is_referred_to_a_closed_program(books: Books, status: ProgramStatus) -> None:
    """409 with a reason of its own; who was referred before may say so again."""
    become(books, status)
    with pytest.raises(ProgramClosed):
        books.apply("carol", "alice")
    books.apply("bob", "alice")
    if status is P.PAUSED:
        become(books, P.ACTIVE)
        books.apply("carol", "alice")


@pytest.mark.parametrize("status", P)
def test_the_same_again_changes_nothing(books: Books, status: ProgramStatus) -> None:
    """No new version, and the first reason stands."""
    made = become(books, status)
    minutes(books, 1)
    assert become(books, status) == made == stored.find(books.table, "default")


def test_archived_is_the_end(books: Books) -> None:
    """From active or paused, and never back; its terms may still be corrected, and it stays archived."""
    become(books, P.ARCHIVED)
    for status in (P.ACTIVE, P.PAUSED):
        with pytest.raises(ProgramClosed):
            become(books, status)
    changed = books.change_program(hold_days=3)
    assert (changed.status, changed.hold_days, len(changed.idle)) == (P.ARCHIVED, 3, 1)
    with pytest.raises(ProgramNotFound):
        programs.change_status(books.context, "other", P.PAUSED, "why", "admin")


def test_terms_are_changed_while_it_is_paused(books: Books) -> None:
    """The pause stays, also in the repeat of a change that was answered before it."""
    changed = books.change_program(hold_days=3)
    become(books, P.PAUSED)
    again = programs.change(books.context, changed, 1, "admin")
    assert again.program == changed
    newer = books.change_program(hold_days=4)
    assert (newer.status, newer.version, newer.reason) == (P.PAUSED, 4, "why")
    assert programs.change(books.context, newer, 4, "admin").program == newer


def test_a_process_that_dies_is_finished_by_its_repeat(books: Books) -> None:
    """Before and after each call: one version, and one time in which nothing is earned."""
    turn = 0

    def prepare() -> ProgramStatus:
        nonlocal turn
        turn += 1
        return P.PAUSED if turn % 2 else P.ACTIVE

    for number, status in enumerate(
        crash_at_each_write(books, prepare, lambda context, to: become(books, to, context)), start=1
    ):
        made = become(books, status)
        assert (made.status, made.version, len(made.idle)) == (status, number + 1, (number + 1) // 2)
