"""`refledger withdrawals`: what stands still is seen, and set going where that helps."""

from __future__ import annotations

import json
import time

import pytest

from refledger.adapters.stepfunctions import Workflow, execution_name
from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations.payouts import withdrawals as operations
from refledger.store import keys, withdrawals
from refledger.store.transaction import update
from tests.cli.conftest import Command
from tests.support.books import Books
from undocked.testing import Stack

Names = dict[str, str]


@pytest.fixture
def books(books: Books) -> Books:
    """Bob has earned enough for a few withdrawals; the clock is real time less three days."""
    books.clock.at_ms = time.time_ns() // 1_000_000 - 3 * DAY_MS
    books.program(approval_timeout_seconds=30 * 86_400)
    books.chain("alice", "bob", "carol")
    books.earn("carol", "p", 100_000)
    return books


@pytest.fixture
def workflow(stack: Stack, names: Names) -> Workflow:
    return Workflow(stack.client("stepfunctions"), names["WithdrawalApproval"])


def asked(books: Books, days_ago: int, amount: int = 1_000) -> Withdrawal:
    books.clock.at_ms = time.time_ns() // 1_000_000 - days_ago * DAY_MS - MINUTE_MS
    return books.withdraw("bob", amount, f"{books.table_name} {amount} {days_ago}")  # one workflow for all tests


def test_those_that_stand_still_are_listed(refledger: Command, books: Books, workflow: Workflow) -> None:
    """Open ones, by how long nothing has happened; with how their workflow is, and what a person must look at."""
    old, newer, new = (asked(books, days) for days in (3, 2, 0))
    ended = asked(books, 3, 1_100)
    operations.decide(books.context, ended.id, WithdrawalStatus.REJECTED, "ann", "r", "no")
    problem = asked(books, 3, 1_200)
    change = "SET #status = :status, #problem = :problem, #waits_in = :waits_in"
    at = keys.withdrawals_with_problem()
    books.table.commit(
        update("a problem", keys.withdrawal(problem.id), change, "", status="PAYING", problem="UNKNOWN", waits_in=at)
    )
    workflow.start(newer)
    done = refledger("withdrawals", "stuck")
    assert done.status == 0
    rows = {line.split("  ")[0]: line.split() for line in done.lines[1:]}
    assert list(rows) == [old.id, newer.id, problem.id], "oldest first, then problems"
    bob = books.partner("bob").id
    assert rows[old.id][1:] == [bob, "10.00", "USD", "REQUESTED", "3d", "0h", "-", "0", "NONE"]
    assert rows[newer.id][-1] == "RUNNING"
    assert rows[problem.id][4:] == ["PAYING", "3d", "0h", "UNKNOWN", "0", "NONE"]
    told = [json.loads(line) for line in refledger("withdrawals", "stuck", "--older", "60h", "--json").lines]
    assert [each["id"] for each in told] == [old.id, problem.id]
    assert told[1] | {"stillSeconds": 0} == {
        "id": problem.id, "partner": bob, "amount": 1_200, "currency": "USD", "status": "PAYING", "stillSeconds": 0,
        "problem": "UNKNOWN", "attempt": 0, "workflow": "NONE",
    }  # fmt: skip
    assert 3 * 86_400 <= told[1]["stillSeconds"] < 3 * 86_400 + 600
    everything = refledger("withdrawals", "stuck", "--older", "0m").lines[1:]
    assert {line.split("  ")[0] for line in everything} == {old.id, newer.id, problem.id, new.id}


def test_the_next_attempt_is_started(refledger: Command, books: Books, workflow: Workflow, stack: Stack) -> None:
    """Under its own name, written on the withdrawal first: the sweeper knows of it too."""
    withdrawal = asked(books, 2)
    done = refledger("withdrawals", "resume", withdrawal.id)
    assert (done.status, done.out) == (0, f"withdrawal {withdrawal.id}: attempt 1 started\n")
    resumed = withdrawals.find(books.table, withdrawal.id)
    assert resumed.attempt == 1
    assert execution_name(resumed) == f"{withdrawal.id}-1"
    assert workflow.is_running(resumed)


def test_what_runs_is_left_alone_unless_it_must_not_be(refledger: Command, books: Books, workflow: Workflow) -> None:
    """1 and the reason; with --anyway another attempt runs beside it."""
    withdrawal = asked(books, 2)
    workflow.start(withdrawal)
    done = refledger("withdrawals", "resume", withdrawal.id)
    assert done.status == 1
    assert "its workflow runs and waits in REQUESTED" in done.out
    assert withdrawals.find(books.table, withdrawal.id) == withdrawal
    assert refledger("withdrawals", "resume", withdrawal.id, "--anyway").status == 0
    assert withdrawals.find(books.table, withdrawal.id).attempt == 1


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"status": "PAID"}, "it has ended as PAID"),
        ({"problem": "DECLINED"}, "it has the problem DECLINED"),
    ],
)
def test_what_a_new_attempt_does_not_help(
    refledger: Command, books: Books, attributes: dict[str, str], told: str
) -> None:
    """1, and nothing is started."""
    withdrawal = asked(books, 2)
    change = "SET " + ", ".join(f"#{name} = :{name}" for name in attributes)
    books.table.commit(update("an edit", keys.withdrawal(withdrawal.id), change, "", **attributes))
    done = refledger("withdrawals", "resume", withdrawal.id, "--anyway")
    assert done.status == 1
    assert told in done.out
    assert withdrawals.find(books.table, withdrawal.id).attempt == 0


def test_one_whom_there_is_not(refledger: Command) -> None:
    """2, in the words of the API."""
    done = refledger("withdrawals", "resume", "nobodys")
    assert (done.status, done.err) == (2, "refledger: there is no such withdrawal\n")


def test_somebody_else_was_faster(refledger: Command, books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two operators, or an operator and the sweeper: one attempt is begun."""
    withdrawal = asked(books, 2)
    find = withdrawals.find

    def and_then_the_sweeper(*arguments: object) -> Withdrawal:
        found = find(*arguments)  # type: ignore[arg-type]
        books.table.commit(withdrawals.resume(found, books.clock())[1])
        return found

    monkeypatch.setattr(withdrawals, "find", and_then_the_sweeper)
    done = refledger("withdrawals", "resume", withdrawal.id)
    assert done.status == 1
    assert "by somebody else at this moment" in done.out
