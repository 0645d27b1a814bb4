"""The sweeper: whatever stands still is set going again, and what goes is left alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from refledger.adapters.stepfunctions import told
from refledger.domain.partners import PartnerStatus
from refledger.domain.rewards import RewardStatus
from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations.context import Context
from refledger.operations.partners.partners import change_status
from refledger.operations.payouts import payouts, staff_remedies, sweeper, transitions, workflow_callbacks
from refledger.operations.payouts.sweeper import COVER_AGAIN_MS, QUIET_MS, Swept, cover_again, sweep
from refledger.operations.payouts.workflow_callbacks import APPROVAL, SETTLEMENT
from refledger.store import keys
from refledger.store import withdrawals as stored
from refledger.store.transaction import update
from tests.support import worlds
from tests.support.books import Books
from tests.support.payouts import Provider, approved, start
from tests.support.stepfunctions import StepFunctions

S = WithdrawalStatus

pytestmark = worlds.lives_in(worlds.funded, amount=1_000_000)


@pytest.fixture
def machine() -> StepFunctions:
    return StepFunctions()


def run(books: Books, machine: StepFunctions, steps: int = 10**9) -> Swept:
    """One run of the sweeper, which may ask `steps` times whether there is time left."""
    left = iter(range(steps))
    return sweep(books.context, machine.workflow, machine.waker, lambda: next(left, None) is not None)


def move(books: Books, made: Withdrawal, *statuses: S) -> Withdrawal:
    for status in statuses:
        made = transitions.step(books.context, made.id, status, "ann")
    return made


def found(books: Books, made: Withdrawal) -> Withdrawal:
    return stored.find(books.table, made.id)


@pytest.mark.parametrize("statuses", [(), (S.APPROVED,), (S.APPROVED, S.PAYING)])
def test_what_was_never_started_is_started(books: Books, machine: StepFunctions, statuses: tuple[S, ...]) -> None:
    """In each open status: the next attempt, under its own name, with the withdrawal as its input."""
    made = move(books, books.withdraw("bob", 1000), *statuses)
    books.clock.forward(QUIET_MS)
    assert run(books, machine) == Swept(looked_at=1, resumed=1, woken=0)
    assert machine.executions == {f"{made.id}-1": "RUNNING"}
    assert machine.inputs == [told(made)]
    assert (found(books, made).attempt, found(books, made).resumed_at_ms) == (1, books.clock())


@pytest.mark.parametrize("end", [S.REJECTED, S.CANCELLED, S.EXPIRED])
def test_what_is_over_is_not_looked_at(books: Books, machine: StepFunctions, end: S) -> None:
    """Closed withdrawals cost the sweeper nothing."""
    move(books, books.withdraw("bob", 1000), end)
    books.clock.forward(DAY_MS)
    assert run(books, machine) == Swept()


def test_whoever_moved_just_now_is_at_work(books: Books, machine: StepFunctions) -> None:
    """For fifteen seconds after a request or a step nothing is done; then it is."""
    made = books.withdraw("bob", 1000)
    books.clock.forward(QUIET_MS - 1)
    assert run(books, machine).resumed == 0
    move(books, made, S.APPROVED)
    books.clock.forward(QUIET_MS - 1)
    assert run(books, machine).resumed == 0
    books.clock.forward(1)
    assert run(books, machine).resumed == 1


def test_a_workflow_that_runs_is_left_alone(books: Books, machine: StepFunctions) -> None:
    """Waiting for a person, or for a bank, may take days."""
    waiting, paying = (books.withdraw("bob", 1000) for _ in range(2))
    for made in (waiting, paying):
        machine.workflow.start(made)
    move(books, paying, S.APPROVED, S.PAYING)
    books.clock.forward(DAY_MS)
    assert run(books, machine) == Swept(looked_at=2)
    assert set(machine.executions) == {waiting.id, paying.id}


@pytest.mark.parametrize("hears", [True, False])
def test_what_nobody_decided_about_in_time_expires(books: Books, machine: StepFunctions, hears: bool) -> None:
    """At the program's time, and not before; its workflow is told if there is one that hears. No other is begun."""
    made, late = (books.withdraw("bob", 1000) for _ in range(2))
    move(books, late, S.APPROVED)
    machine.workflow.start(made)
    machine.workflow.start(late)
    if hears:
        machine.waiting.add("token")
    workflow_callbacks.wait(books.context, machine.waker, made.id, APPROVAL, "token")
    books.clock.forward(made.expires_at_ms - books.clock() - 1)
    assert run(books, machine).expired == 0
    before = books.balance("bob")[0]
    books.clock.forward(1)
    assert run(books, machine).expired == 1
    assert run(books, machine).expired == 0
    assert (found(books, made).status, found(books, late).status) == (S.EXPIRED, S.APPROVED)
    assert machine.woken == ([("token", {"withdrawalId": made.id, "status": "EXPIRED"})] if hears else [])
    assert made.id in machine.executions
    assert not [name for name in machine.executions if name.startswith(f"{made.id}-")]
    assert books.balance("bob")[0] == before + 1000
    assert books.faults() == []


@pytest.mark.parametrize("ended", ["FAILED", "TIMED_OUT", "ABORTED", "SUCCEEDED"])
def test_a_workflow_that_ended_while_the_withdrawal_is_open_is_begun_anew(
    books: Books, machine: StepFunctions, ended: str
) -> None:
    """However it ended: the item is the truth, and it is open."""
    made = books.withdraw("bob", 1000)
    machine.executions[made.id] = ended
    books.clock.forward(QUIET_MS)
    assert run(books, machine).resumed == 1
    assert machine.executions[f"{made.id}-1"] == "RUNNING"


def test_a_decision_that_was_not_passed_on_is(books: Books, machine: StepFunctions) -> None:
    """Approved, but the task still waits: it is told, once, and nothing is started."""
    made = books.withdraw("bob", 1000)
    machine.workflow.start(made)
    machine.waiting.add("token")
    workflow_callbacks.wait(books.context, machine.waker, made.id, APPROVAL, "token")
    move(books, made, S.APPROVED)
    books.clock.forward(QUIET_MS)
    assert run(books, machine) == Swept(looked_at=1, resumed=0, woken=1)
    assert machine.woken == [("token", {"withdrawalId": made.id, "status": "APPROVED"})]
    assert run(books, machine).woken == 0


def test_a_workflow_that_cannot_hear_is_replaced(books: Books, machine: StepFunctions) -> None:
    """Approved, and the running workflow has no token left to be told with: after a while the next attempt begins."""
    made = books.withdraw("bob", 1000)
    machine.workflow.start(made)
    move(books, made, S.APPROVED)
    books.clock.forward(sweeper.DEAF_MS)
    assert run(books, machine) == Swept(looked_at=1)
    books.clock.forward(1)
    assert run(books, machine) == Swept(looked_at=1, resumed=1)
    assert machine.executions == {made.id: "RUNNING", f"{made.id}-1": "RUNNING"}


def test_a_transfer_under_way_is_never_woken(books: Books, machine: StepFunctions) -> None:
    """PAYING waits for a person's word; the sweeper has none to give."""
    made = books.withdraw("bob", 1000)
    machine.workflow.start(made)
    move(books, made, S.APPROVED, S.PAYING)
    machine.waiting.add("token")
    workflow_callbacks.wait(books.context, machine.waker, made.id, SETTLEMENT, "token")
    books.clock.forward(DAY_MS)
    assert run(books, machine).woken == 0
    assert machine.tried == []


def test_what_keeps_failing_may_rest_longer_each_time(books: Books, machine: StepFunctions) -> None:
    """The pause doubles with each attempt, 10, 20, 40 … seconds, up to an hour; not a millisecond less."""
    made = books.withdraw("bob", 1000)
    for attempt, pause in enumerate((1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360), start=1):
        books.clock.forward(pause * QUIET_MS - 1)
        assert run(books, machine).resumed == 0, attempt
        books.clock.forward(1)
        assert run(books, machine).resumed == 1, attempt
        machine.executions[f"{made.id}-{attempt}"] = "FAILED"


def test_a_start_that_fails_is_made_up_for(books: Books, machine: StepFunctions) -> None:
    """Step Functions refuses: the run says so; the next one that may goes on with the next attempt."""
    made = books.withdraw("bob", 1000)
    books.clock.forward(QUIET_MS)
    machine.workflow.start = _refusing  # type: ignore[method-assign,assignment]
    assert run(books, machine).failed == 1
    del machine.workflow.start
    assert machine.executions == {}
    books.clock.forward(2 * QUIET_MS)
    assert run(books, machine).resumed == 1
    assert machine.executions == {f"{made.id}-2": "RUNNING"}


def _refusing(_: Withdrawal) -> None:
    raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "told"}}, "StartExecution")


def test_two_sweepers_begin_one_attempt(books: Books, machine: StepFunctions) -> None:
    """Eight at once: each withdrawal is resumed by one of them."""
    made = [books.withdraw("bob", 1000) for _ in range(3)]
    books.clock.forward(QUIET_MS)
    with ThreadPoolExecutor(8) as pool:
        swept = list(pool.map(lambda _: run(books, machine), range(8)))
    assert sum(each.resumed for each in swept) == 3
    assert sum(each.failed for each in swept) == 0
    assert set(machine.executions) == {f"{each.id}-1" for each in made}


@pytest.mark.parametrize("fate", ["NO FUNDS", "FAULT"])
def test_what_waits_for_a_person_is_left_alone(books: Books, machine: StepFunctions, fate: str) -> None:
    """A problem, and no workflow runs: nothing is resumed. Once it is to be tried again, it is."""
    made = start(books, approved(books).id, Provider([fate]))
    books.clock.forward(DAY_MS)
    assert run(books, machine).resumed == 0
    if fate == "NO FUNDS":
        staff_remedies.retry(books.context, made.id, "ann", "r", "")
        books.clock.forward(DAY_MS)
        assert run(books, machine).resumed == 1


def test_an_index_that_is_behind_resumes_nothing_with_a_problem(books: Books, machine: StepFunctions) -> None:
    """The index still lists it as PAYING: the item has the word."""
    made = start(books, approved(books).id, Provider(["NO FUNDS"]))
    key = keys.withdrawal(made.id)
    books.table.commit(update("as it was", key, "SET #waits_in = :waits_in", waits_in=keys.withdrawals_of("PAYING")))
    books.clock.forward(DAY_MS)
    assert run(books, machine) == Swept(looked_at=1)


# ---------------------------------------------------------------- what was paid is covered


def paid(books: Books, amount: int = 1000) -> Withdrawal:
    return move(books, books.withdraw("bob", amount), S.APPROVED, S.PAID)


def cover(books: Books, steps: int = 10**9) -> int:
    left, swept = iter(range(steps)), Swept()
    cover_again(books.context, swept, lambda: next(left, None) is not None)
    return swept.covered


def test_what_no_workflow_marked_is_marked_an_hour_later(books: Books) -> None:
    """Its workflow died behind PAID: the rewards that left are marked all the same, once."""
    books.grant("bob", 300, 400)
    books.mature("bob")
    made = paid(books, 1_000_700)
    books.clock.forward(COVER_AGAIN_MS - 1)
    assert cover(books) == 0
    books.clock.forward(1)
    assert cover(books) == 3
    assert {(r.status, r.paid_by) for r in books.rewards("bob")} == {(RewardStatus.PAID, made.id)}
    assert cover(books) == 0
    assert books.faults() == []


def test_the_second_look_keeps_its_place(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at a time, or as long as there is time: each is looked at once, and what is paid later is not missed."""
    monkeypatch.setattr(sweeper, "BATCH_LIMIT", 2)
    looked: list[str] = []

    def covering(context: Context, partner_id: str, currency: str, withdrawal_id: str) -> int:
        looked.append(withdrawal_id)
        return 0

    monkeypatch.setattr(sweeper, "cover_all", covering)
    made = []
    for _ in range(5):
        books.clock.forward(1)
        made.append(paid(books).id)
    books.clock.forward(COVER_AGAIN_MS)
    for times in (1, 2, 0, 9, 9):
        cover(books, times)
    assert looked == made
    made.append(paid(books).id)
    cover(books)
    assert looked == made[:-1]
    books.clock.forward(COVER_AGAIN_MS)
    cover(books)
    assert looked == made


def run_covering(books: Books) -> Swept:
    cover_again(books.context, swept := Swept(), lambda: True)
    return swept


def test_one_that_cannot_be_covered_stops_no_other_and_may_rest(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts as failed each time that it is tried: after 1, 2, 4 … minutes, then each hour, until it works."""
    made = []
    for _ in range(3):
        made.append(paid(books).id)
        books.clock.forward(1)
    looked: list[str] = []
    broken = {made[0]}

    def covering(context: Context, partner_id: str, currency: str, withdrawal_id: str) -> int:
        looked.append(withdrawal_id)
        if withdrawal_id in broken:
            raise ValueError("an item that cannot be read")
        return 1

    monkeypatch.setattr(sweeper, "cover_all", covering)
    books.clock.forward(COVER_AGAIN_MS)
    assert run_covering(books) == Swept(failed=1, covered=2)
    assert looked == made
    tried = []
    for minute in range(1, 190):
        books.clock.forward(MINUTE_MS)
        tried += [minute] * run_covering(books).failed
    assert tried == [1, 3, 7, 15, 31, 63, 123, 183]
    broken.clear()
    books.clock.forward(COVER_AGAIN_MS)
    assert [run_covering(books) for _ in range(2)] == [Swept(covered=1), Swept()]
    books.clock.forward(DAY_MS)
    assert run_covering(books) == Swept()
    assert looked[3:] == [made[0]] * 9


def test_where_none_can_be_covered_the_place_is_kept(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more is set aside than can be remembered; when it works again, each has its turn, once."""
    monkeypatch.setattr(sweeper, "ASIDE_LIMIT", 2)
    made = []
    for _ in range(4):
        made.append(paid(books).id)
        books.clock.forward(1)
    looked: list[str] = []

    def covering(context: Context, partner_id: str, currency: str, withdrawal_id: str) -> int:
        if books.clock() < works_at_ms:
            raise ConnectionError
        looked.append(withdrawal_id)
        return 0

    monkeypatch.setattr(sweeper, "cover_all", covering)
    books.clock.forward(COVER_AGAIN_MS)
    works_at_ms = books.clock() + MINUTE_MS
    assert [run_covering(books).failed for _ in range(2)] == [2, 0]
    books.clock.forward(MINUTE_MS)
    assert [run_covering(books).failed for _ in range(3)] == [0, 0, 0]
    assert looked == made


def test_what_came_back_meanwhile_is_passed_over(books: Books) -> None:
    """RETURNED: nothing has left. The place moves on."""
    move(books, paid(books), S.RETURNED)
    books.clock.forward(COVER_AGAIN_MS)
    assert cover(books) == 0


# ---------------------------------------------------------------- how much at a time


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at a time, four of a status in a run."""
    monkeypatch.setattr(sweeper, "BATCH_LIMIT", 2)
    monkeypatch.setattr(sweeper, "LIMIT_PER_STATUS", 4)


@pytest.mark.usefixtures("small")
def test_a_run_goes_on_where_the_last_one_stopped(books: Books, machine: StepFunctions) -> None:
    """Nine open ones, four a run: three runs look at each once, oldest first, and the fourth begins anew."""
    made = []
    for _ in range(9):
        books.clock.forward(1)
        made.append(books.withdraw("bob", 1000).id)
    books.clock.forward(QUIET_MS)
    for names in (made[:4], made[4:8], made[8:]):
        before = set(machine.executions)
        swept = run(books, machine)
        assert set(machine.executions) - before == {f"{name}-1" for name in names}
        assert swept.looked_at == len(names)
    machine.executions.clear()
    books.clock.forward(DAY_MS)
    run(books, machine)
    assert set(machine.executions) == {f"{name}-2" for name in made[:4]}


@pytest.mark.usefixtures("small")
def test_when_time_is_up_the_run_stops_and_remembers(books: Books, machine: StepFunctions) -> None:
    """In the middle of a batch there is no time left: the next run begins behind the last that was looked at."""
    made = []
    for _ in range(4):
        books.clock.forward(1)
        made.append(books.withdraw("bob", 1000).id)
    books.clock.forward(QUIET_MS)
    assert run(books, machine, steps=1).looked_at == 1
    assert run(books, machine, steps=3).looked_at == 3
    assert set(machine.executions) == {f"{name}-1" for name in made}


@pytest.mark.usefixtures("small")
def test_without_time_nothing_is_done_and_nothing_forgotten(books: Books, machine: StepFunctions) -> None:
    """A run that has no time at all leaves the mark where it was."""
    for _ in range(6):
        books.clock.forward(1)
        books.withdraw("bob", 1000)
    books.clock.forward(QUIET_MS)
    assert run(books, machine).looked_at == 4
    assert run(books, machine, steps=0).looked_at == 0
    assert run(books, machine).looked_at == 2


@pytest.mark.usefixtures("small")
def test_every_status_has_its_turn(books: Books, machine: StepFunctions) -> None:
    """Many of one status do not keep the others from being looked at."""
    for statuses in ((), (S.APPROVED,), (S.APPROVED, S.PAYING)):
        for _ in range(5):
            move(books, books.withdraw("bob", 1000), *statuses)
    books.clock.forward(MINUTE_MS)
    assert run(books, machine) == Swept(looked_at=12, resumed=12)
    assert run(books, machine).resumed == 3


def test_where_time_is_never_enough_every_status_comes_first_in_turn(books: Books, machine: StepFunctions) -> None:
    """Requests that take all of a run's time, each minute anew, do not keep what was approved from being paid."""
    ways: list[tuple[S, ...]] = [(), (), (), (), (S.APPROVED,), (S.APPROVED, S.PAYING)]
    made = [move(books, books.withdraw("bob", 1000), *statuses) for statuses in ways]
    books.clock.forward(MINUTE_MS)
    for _ in range(3):
        books.clock.forward(MINUTE_MS)
        run(books, machine, steps=1)
    resumed = {each.status for each in made if found(books, each).attempt}
    assert resumed == {S.REQUESTED, S.APPROVED, S.PAYING}


def test_one_that_cannot_be_read_stops_no_other(books: Books, machine: StepFunctions) -> None:
    """A problem that a newer release has written, say: it counts as failed, and all others are looked after."""
    made = [books.withdraw("bob", 1000) for _ in range(3)]
    left = [paid(books) for _ in range(2)]
    for each in (made[0], left[0]):
        key = keys.withdrawal(each.id)
        books.table.commit(update("it is strange", key, "SET #risks = :risks", risks=["A_NEW_ONE"]))
    books.clock.forward(COVER_AGAIN_MS)
    swept = run(books, machine)
    assert (swept.resumed, swept.failed) == (2, 1)
    assert run_covering(books).failed == 1


def test_a_payout_that_is_held_is_begun_when_the_suspension_is_over(books: Books, machine: StepFunctions) -> None:
    """While it lasts no attempt is begun, which would find the same; nothing is lost, and it is paid once."""
    made = approved(books)
    change_status(books.context, made.partner_id, PartnerStatus.SUSPENDED, "why", "root")
    assert payouts.told(start(books, made.id))["status"] == "HELD"
    for _ in range(30):
        books.clock.forward(DAY_MS)
        assert run(books, machine).resumed == 0
    change_status(books.context, made.partner_id, PartnerStatus.ACTIVE, "why", "root")
    assert run(books, machine).resumed == 1
    assert start(books, made.id).status is S.PAID
