"""What the workflow's tasks do: each may come twice, and in any status; no decision is ever missed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from refledger.domain.errors import WithdrawalNotFound
from refledger.domain.rewards import RewardStatus
from refledger.domain.times import DAY_MS
from refledger.domain.withdrawals import OPEN, Withdrawal, WithdrawalStatus
from refledger.operations.payouts import (
    payouts,
    staff_remedies,
    transitions,
    withdrawals,
    workflow_callbacks,
    workflow_tasks,
)
from refledger.operations.payouts.workflow_callbacks import APPROVAL, SETTLEMENT
from refledger.store import methods as stored_methods
from refledger.store import withdrawals as stored
from refledger.store.table import Table
from refledger.store.transaction import Write
from tests.support import faults
from tests.support.books import Books
from tests.support.payouts import Provider, approved, start
from tests.support.stepfunctions import StepFunctions

S = WithdrawalStatus
# Task → in which status it moves the withdrawal, and to which.
TASKS: dict[str, tuple[Callable[[Books, str], Any], dict[S, S]]] = {
    "assess": (lambda b, id: workflow_tasks.assess(b.context, id), {}),
    "settle": (lambda b, id: workflow_tasks.settle(b.context, id), {}),
    "decide": (
        lambda b, id: workflow_tasks.decide(b.context, StepFunctions().waker, id, "t"),
        {S.REQUESTED: S.APPROVED},
    ),
    "admit": (lambda b, id: workflow_tasks.admit(b.context, id), {S.REQUESTED: S.APPROVED}),
    "finish": (lambda b, id: workflow_tasks.finish(b.context, StepFunctions().waker, id, "PAID", "token"), {}),
    "pay": (
        lambda b, id: payouts.wait_for_end(b.context, StepFunctions().waker, start(b, id), "t"),
        {S.APPROVED: S.PAYING},
    ),
    "auto-approve": (lambda b, id: workflow_tasks.auto_approve(b.context, id), {S.REQUESTED: S.APPROVED}),
    "start-payout": (lambda b, id: workflow_callbacks.result(start(b, id)), {S.APPROVED: S.PAYING}),
    "release as EXPIRED": (lambda b, id: workflow_tasks.release(b.context, id, S.EXPIRED), {S.REQUESTED: S.EXPIRED}),
    # booked with its money by whoever decided; a payout that may have been made is never released from here
    **{
        f"release as {status}": (lambda b, id, status=status: workflow_tasks.release(b.context, id, status), {})  # type: ignore[misc]
        for status in (S.REJECTED, S.CANCELLED, S.FAILED)
    },
}
WAYS: dict[S, list[S]] = {
    S.REQUESTED: [], S.APPROVED: [S.APPROVED], S.PAYING: [S.APPROVED, S.PAYING], S.PAID: [S.APPROVED, S.PAID],
    S.REJECTED: [S.REJECTED], S.CANCELLED: [S.CANCELLED], S.EXPIRED: [S.EXPIRED], S.FAILED: [S.APPROVED, S.FAILED],
    S.RETURNED: [S.APPROVED, S.PAID, S.RETURNED],
}  # fmt: skip


@pytest.fixture
def books(books: Books) -> Books:
    """Bob has a lot and is known for long; the program approves a lot alone, and gives people an hour."""
    books.program(auto_approve_limit=50_000, second_approval_limit=100_000, approval_timeout_seconds=3600)
    books.grant("bob", 1_000_000)
    books.mature("bob")
    method = books.method("bob")
    books.table.commit(stored_methods.verify(method, "admin", books.clock()))
    books.clock.forward(60 * DAY_MS)
    brought_to(books, S.PAID)
    return books


@pytest.fixture
def machine() -> StepFunctions:
    return StepFunctions()


def move(books: Books, id: str, status: S) -> Withdrawal:
    return transitions.step(books.context, id, status, "ann", request=f"r-{status}")


def brought_to(books: Books, status: S, amount: int = 2000) -> str:
    """The id of a new withdrawal in that status."""
    id = books.withdraw("bob", amount).id
    for each in WAYS[status]:
        move(books, id, each)
    return id


def status_of(books: Books, id: str) -> S:
    return stored.find(books.table, id).status


@pytest.mark.parametrize("status", S)
def test_every_task_in_every_status_twice(books: Books, status: S) -> None:
    """It moves the withdrawal where it should, leaves it alone where not, and its repeat says the same."""
    for task, moves in TASKS.values():
        id = brought_to(books, status)
        stands = moves.get(status, status)
        for _ in range(2):
            assert task(books, id)["withdrawalId"] == id
            assert task(books, id)["status"] == stands.value
        assert status_of(books, id) is stands
    assert books.faults() == []


@pytest.mark.parametrize("task", TASKS)
def test_a_withdrawal_that_is_not_there_is_told(books: Books, task: str) -> None:
    """No task makes up an answer."""
    with pytest.raises(WithdrawalNotFound):
        TASKS[task][0](books, "nosuchthing")


# ---------------------------------------------------------------- assess


@pytest.mark.parametrize(("later_ms", "seconds"), [(0, 3600), (1, 3600), (1000, 3599), (3_600_000, 1), (10**9, 1)])
def test_the_time_that_is_left_is_told_in_whole_seconds(books: Books, later_ms: int, seconds: int) -> None:
    """Rounded up, and at least one, also for what should have expired long ago: Step Functions wants that."""
    id = brought_to(books, S.REQUESTED)
    books.clock.forward(later_ms)
    told = workflow_tasks.assess(books.context, id)
    assert told["approvalSeconds"] == seconds
    assert told["settlementSeconds"] >= 86_400


# ---------------------------------------------------------------- settle


def test_settling_marks_the_rewards_that_were_covered(books: Books) -> None:
    """What left is marked, the oldest first, with the withdrawal that carried it out; a repeat finds nothing left."""
    books.grant("eve", 500, 600, 700)
    books.mature("eve")
    made = books.withdraw("eve", 1200)
    move(books, made.id, S.APPROVED)
    move(books, made.id, S.PAID)
    for _ in range(2):
        assert workflow_tasks.settle(books.context, made.id)["status"] == "PAID"
        marked = [(r.amount, r.paid_by) for r in books.rewards("eve") if r.status is RewardStatus.PAID]
        assert [paid_by for _, paid_by in marked] == [made.id] * len(marked)
        assert 0 < sum(amount for amount, _ in marked) <= 1200
    assert books.faults() == []


# ---------------------------------------------------------------- admitting, finishing


def test_what_the_rule_does_not_let_go_is_admitted_to_people(books: Books) -> None:
    """Above the program's limit it stays REQUESTED, with its time, and its reasons written down."""
    id = brought_to(books, S.REQUESTED, amount=60_000)
    told = workflow_tasks.admit(books.context, id)
    assert (told["status"], told["approvalSeconds"]) == ("REQUESTED", 3600)
    assert stored.find(books.table, id).are_risks_known


@pytest.mark.parametrize("status", S)
def test_only_what_needs_people_waits_for_them(books: Books, machine: StepFunctions, status: S) -> None:
    """Its token is kept before anybody looks, and everything else is told at once, as it is."""
    id = brought_to(books, status, amount=60_000)
    machine.waiting.add("token")
    assert workflow_tasks.decide(books.context, machine.waker, id, "token")["status"] == status.value
    told = [] if status is S.REQUESTED else [("token", {"withdrawalId": id, "status": status.value})]
    assert (machine.woken, stored.token(books.table, id, APPROVAL)) == (told, "token")


def test_what_the_rule_lets_go_goes_on(books: Books, machine: StepFunctions) -> None:
    """In the task that has just looked at it, once, however often the task comes."""
    id = brought_to(books, S.REQUESTED)
    for token in ("one", "two"):
        machine.waiting.add(token)
        assert workflow_tasks.decide(books.context, machine.waker, id, token)["status"] == "APPROVED"
    assert [token for token, _ in machine.woken] == ["one", "two"]
    assert [each.status for each in stored.find(books.table, id).steps] == [S.APPROVED]


@pytest.mark.parametrize("left_ms", [1, 0, -1])
def test_time_is_over_for_what_nobody_decided(books: Books, machine: StepFunctions, left_ms: int) -> None:
    """The money comes back with it, once."""
    id = brought_to(books, S.REQUESTED, amount=60_000)
    asked = stored.find(books.table, id)
    before = books.balance("bob")
    books.clock.forward(asked.expires_at_ms - books.clock() - left_ms)
    for token in ("one", "two"):
        machine.waiting.add(token)
        workflow_tasks.decide(books.context, machine.waker, id, token)
    assert status_of(books, id) is (S.REQUESTED if left_ms > 0 else S.EXPIRED)
    assert len(machine.woken) == (0 if left_ms > 0 else 2)
    assert books.balance("bob")[0] - before[0] == (0 if left_ms > 0 else 60_000)
    assert books.faults() == []


@pytest.mark.parametrize("status", [each for each in S if each is not S.REQUESTED])
def test_a_decision_is_faster_than_the_end_of_its_time(books: Books, status: S) -> None:
    """Read while it waited, decided since: the decision stands."""
    id = brought_to(books, S.REQUESTED)
    asked = stored.find(books.table, id)
    books.clock.forward(DAY_MS)
    for each in WAYS[status]:
        move(books, id, each)
    assert workflow_tasks.end_in_time(books.context, asked).status is status
    assert status_of(books, id) is status


def test_time_that_it_was_given_since_counts(books: Books) -> None:
    """Read when its time was over; then approved, and sent back to people, who have an hour again."""
    id = brought_to(books, S.REQUESTED)
    asked = stored.find(books.table, id)
    books.clock.forward(DAY_MS)
    move(books, id, S.APPROVED)
    again = stored.find(books.table, id)
    transitions.book(books.context, again, S.REQUESTED, "system", "blocked-1", expires_at_ms=books.clock() + 1)
    assert workflow_tasks.end_in_time(books.context, asked).status is S.REQUESTED
    books.clock.forward(1)
    assert workflow_tasks.end_in_time(books.context, asked).status is S.EXPIRED


@pytest.mark.parametrize("heard", ["PAID", "HELD"])
@pytest.mark.parametrize("status", S)
def test_the_last_task_ends_or_sends_back(books: Books, machine: StepFunctions, status: S, heard: str) -> None:
    """What has ended ends, and what is held; whatever else is open begins again."""
    id = brought_to(books, status)
    machine.waiting.add("token")
    assert workflow_tasks.finish(books.context, machine.waker, id, heard, "token")["status"] == status.value
    goes_back = status in OPEN and heard != "HELD"
    assert machine.failed == ([("token", "Unfinished")] if goes_back else [])
    assert machine.woken == ([] if goes_back else [("token", {"withdrawalId": id, "status": status.value})])


@pytest.mark.parametrize("status", S)
def test_only_a_payout_that_is_on_its_way_is_waited_for(books: Books, machine: StepFunctions, status: S) -> None:
    """Everything else is told at once, as it is."""
    id = brought_to(books, status)
    machine.waiting.add("token")
    payouts.wait_for_end(books.context, machine.waker, stored.find(books.table, id), "token")
    waits = status is S.PAYING
    assert machine.woken == ([] if waits else [("token", {"withdrawalId": id, "status": status.value})])
    assert (stored.token(books.table, id, SETTLEMENT) == "token") is waits


def test_an_end_between_the_payout_and_its_token_is_told(books: Books, machine: StepFunctions) -> None:
    """The provider's word came before anybody could be told: the task finds it on the item."""
    id = brought_to(books, S.PAYING)
    started = stored.find(books.table, id)
    move(books, id, S.PAID)
    machine.waiting.add("token")
    payouts.wait_for_end(books.context, machine.waker, started, "token")
    assert machine.woken == [("token", {"withdrawalId": id, "status": "PAID"})]


def test_a_token_that_is_used_up_is_no_fault(books: Books, machine: StepFunctions) -> None:
    """The execution went on, or was stopped: the item says it all."""
    assert machine.waker.send_back("gone") is False
    assert machine.waker.wake("gone", stored.find(books.table, brought_to(books, S.PAID))) is False


# ---------------------------------------------------------------- waiting


def wait(books: Books, machine: StepFunctions, id: str, kind: str, token: str, context: Any = None) -> Any:
    """What the waiting task does: its token is good from the moment it begins."""
    machine.waiting.add(token)
    return workflow_callbacks.wait(context or books.context, machine.waker, id, kind, token)


@pytest.mark.parametrize(("kind", "status"), [(APPROVAL, S.REQUESTED), (SETTLEMENT, S.PAYING)])
def test_a_task_with_something_to_wait_for_waits(books: Books, machine: StepFunctions, kind: str, status: S) -> None:
    """Its token is kept and nobody is woken."""
    id = brought_to(books, status)
    assert wait(books, machine, id, kind, "token") == {"withdrawalId": id, "status": status.value}
    assert stored.token(books.table, id, kind) == "token"
    assert machine.tried == []


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        *((APPROVAL, status) for status in S if status is not S.REQUESTED),
        *((SETTLEMENT, status) for status in S if status is not S.PAYING),
    ],
)
def test_a_task_with_nothing_to_wait_for_goes_on_at_once(
    books: Books, machine: StepFunctions, kind: str, status: S
) -> None:
    """Whatever was decided before it came is what it ends with."""
    id = brought_to(books, status)
    wait(books, machine, id, kind, "token")
    assert machine.woken == [("token", {"withdrawalId": id, "status": status.value})]


@pytest.mark.parametrize("decision", [S.APPROVED, S.REJECTED, S.CANCELLED])
def test_a_decision_wakes_the_task_that_waits_for_it(books: Books, machine: StepFunctions, decision: S) -> None:
    """The token came first: whoever decides sends it the decision."""
    id = brought_to(books, S.REQUESTED)
    wait(books, machine, id, APPROVAL, "token")
    workflow_callbacks.tell(books.context, machine.waker, move(books, id, decision))
    assert machine.woken == [("token", {"withdrawalId": id, "status": decision.value})]


@pytest.mark.parametrize("end", [S.PAID, S.FAILED])
def test_the_end_of_a_transfer_wakes_the_settlement(books: Books, machine: StepFunctions, end: S) -> None:
    """And not the approval, whose token is long used up."""
    id = brought_to(books, S.PAYING)
    wait(books, machine, id, SETTLEMENT, "token")
    books.table.commit(stored.keep_token(id, APPROVAL, "old", 1))
    workflow_callbacks.tell(books.context, machine.waker, move(books, id, end))
    assert machine.woken == [("token", {"withdrawalId": id, "status": end.value})]
    assert machine.tried == ["token"]


class InterruptedTable(Table):
    """A table before or after whose next write something else happens."""

    def __init__(self, table: Table, before: Callable[[], None], after: Callable[[], None]) -> None:
        super().__init__(table.client, table.name)
        self._before, self._after = before, after

    def commit(self, *writes: Write) -> None:
        self._before()
        super().commit(*writes)
        self._after()


@pytest.mark.parametrize(
    ("kind", "status", "decision"),
    [(APPROVAL, S.REQUESTED, S.APPROVED), (APPROVAL, S.REQUESTED, S.REJECTED), (SETTLEMENT, S.PAYING, S.PAID)],
)
@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("before the token", "before the token"),
        ("before the token", "after the token"),
        ("before the token", "never"),
        ("after the token", "after the token"),
        ("after the token", "never"),
    ],
)
def test_no_interleaving_misses_a_decision(
    books: Books, machine: StepFunctions, kind: str, status: S, decision: S, written: str, sent: str
) -> None:
    """A decision is written, then sent; a token is kept, then the item looked at. In any order the task goes on.

    "never": whoever decided died before sending.
    """
    id = brought_to(books, status)
    decided: list[Withdrawal] = []

    def at(moment: str) -> None:
        if written == moment:
            decided.append(move(books, id, decision))
        if sent == moment:
            workflow_callbacks.tell(books.context, machine.waker, decided[0])

    table = InterruptedTable(books.table, lambda: at("before the token"), lambda: at("after the token"))
    context = type(books.context)(table, books.ids, books.clock, lambda _: None)
    wait(books, machine, id, kind, "token", context)
    assert machine.woken == [("token", {"withdrawalId": id, "status": decision.value})]


def test_a_repeated_approval_does_not_end_the_wait_for_the_transfer(books: Books, machine: StepFunctions) -> None:
    """An approval sent again while the money is under way wakes nobody: PAYING decides nothing."""
    id = brought_to(books, S.PAYING)
    wait(books, machine, id, SETTLEMENT, "token")
    workflow_callbacks.tell(books.context, machine.waker, move(books, id, S.APPROVED))
    assert machine.tried == []


def test_a_payout_to_be_tried_again_ends_the_wait_for_its_end(books: Books, machine: StepFunctions) -> None:
    """APPROVED once more: the task that waits for the settlement is told, and not the approval's."""
    made = start(books, approved(books).id, Provider(["NO FUNDS"]))
    books.table.commit(stored.keep_token(made.id, APPROVAL, "old", 1))
    wait(books, machine, made.id, SETTLEMENT, "token")
    assert machine.tried == [], "a problem waits"
    again = staff_remedies.retry(books.context, made.id, "ann", "r", "")
    workflow_callbacks.tell(books.context, machine.waker, again)
    assert machine.woken == [("token", {"withdrawalId": made.id, "status": "APPROVED"})]
    assert machine.tried == ["token"]


def test_returned_ends_the_wait_too(books: Books, machine: StepFunctions) -> None:
    """Paid and returned before the workflow heard of either."""
    made = start(books, approved(books).id, Provider(["AWAITING"]))
    wait(books, machine, made.id, SETTLEMENT, "token")
    heard = withdrawals.provider_says(books.context, made.id, "RETURNED", f"tr-{made.provider_key}")
    workflow_callbacks.tell(books.context, machine.waker, heard.withdrawal)
    assert machine.woken == [("token", {"withdrawalId": made.id, "status": "RETURNED"})]


def test_a_first_approval_of_two_wakes_nobody(books: Books, machine: StepFunctions) -> None:
    """The workflow waits on for the second person."""
    id = brought_to(books, S.REQUESTED, 100_001)
    wait(books, machine, id, APPROVAL, "token")
    first = withdrawals.decide(books.context, id, S.APPROVED, "ann", "r", "")
    assert len(first.approvals) == 1
    workflow_callbacks.tell(books.context, machine.waker, first)
    assert machine.tried == []
    second = withdrawals.decide(books.context, id, S.APPROVED, "eve", "r", "")
    workflow_callbacks.tell(books.context, machine.waker, second)
    assert machine.tried == ["token"]


def test_the_latest_token_is_the_one_that_waits(books: Books, machine: StepFunctions) -> None:
    """A resumed workflow's task takes the place of the first one's."""
    id = brought_to(books, S.REQUESTED)
    for token in ("first", "second"):
        wait(books, machine, id, APPROVAL, token)
    workflow_callbacks.tell(books.context, machine.waker, move(books, id, S.APPROVED))
    assert [token for token, _ in machine.woken] == ["second"]


def test_telling_nobody_is_no_fault(books: Books, machine: StepFunctions) -> None:
    """No token yet, or one that is used up: the item says it all."""
    id = brought_to(books, S.REQUESTED)
    decided = move(books, id, S.APPROVED)
    assert not workflow_callbacks.wake(books.context, machine.waker, decided)
    books.table.commit(stored.keep_token(id, APPROVAL, "used up", 1))
    assert not workflow_callbacks.wake(books.context, machine.waker, decided)
    workflow_callbacks.tell(books.context, machine.waker, decided)


def test_step_functions_may_be_down(books: Books, machine: StepFunctions, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever decided is done either way; the log says so, without the token. A task that waits must know."""
    id = brought_to(books, S.REQUESTED)
    wait(books, machine, id, APPROVAL, "secret-token")
    decided = move(books, id, S.APPROVED)
    machine.down = "ThrottlingException"
    shaky = books.behind(faults.FaultInjectingClient(books.client, 0, before=faults.conflict))
    workflow_callbacks.tell(books.context, machine.waker, decided)
    workflow_callbacks.tell(shaky, machine.waker, decided)
    assert caplog.text.count(id) == 2
    assert "secret-token" not in caplog.text
    with pytest.raises(ClientError):
        wait(books, machine, id, APPROVAL, "another")
