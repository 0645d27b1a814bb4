"""The way of a withdrawal through the deployed state machine, and what happens to the money."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from refledger.domain.errors import Busy, PayoutUnavailable, WithdrawalNotFound
from refledger.domain.journal import EntryKind
from refledger.domain.withdrawals import WithdrawalStatus
from tests.statemachines.machine import LambdaError, S, World

MakeWorld = Callable[..., World]
PAID = {EntryKind.SETTLE: 1}
RETURNED = {EntryKind.RELEASE: 1}
UNMOVED: dict[EntryKind, int] = {}


def succeeded(execution: dict[str, Any]) -> bool:
    return bool(execution["status"] == "SUCCEEDED")


def test_approved_is_paid_and_settled(make_world: MakeWorld) -> None:
    """What is approved and confirmed as paid settles, each task done once, in few transitions."""
    world = make_world()
    arn = world.start()
    world.decide(S.APPROVED)
    world.decide(S.PAID, "pay")
    assert succeeded(world.finish(arn))
    assert world.calls == ["decide", "pay", "finish"]
    assert (world.status, world.moves) == (S.PAID, PAID)
    assert world.entered(arn) == ["Decide", "PayOut", "Settle"], "each of them is paid for"


@pytest.mark.parametrize("decision", [S.REJECTED, S.CANCELLED])
def test_undone_before_approval_returns_the_money(make_world: MakeWorld, decision: WithdrawalStatus) -> None:
    """The money of a rejected or cancelled request came back with the decision: once, not twice."""
    world = make_world()
    arn = world.start()
    world.decide(decision)
    assert succeeded(world.finish(arn))
    assert world.calls == ["decide", "pay", "finish"]
    assert (world.status, world.moves) == (decision, RETURNED)


def test_decided_before_the_token_was_kept(make_world: MakeWorld) -> None:
    """Where the decision came first, the task that was to wait goes on at once."""
    world = make_world()
    world.on["decide"] = lambda: world.move(S.APPROVED)
    arn = world.start()
    world.decide(S.PAID, "pay")
    assert succeeded(world.finish(arn))
    assert (world.status, world.moves) == (S.PAID, PAID)


def test_declined_returns_the_money(make_world: MakeWorld) -> None:
    """A payout that was declined for certain is not tried again; the money came back with the word of it, once."""
    world = make_world(status=S.APPROVED)
    world.on["pay"] = lambda: world.move(S.FAILED)
    assert succeeded(world.run())
    assert world.calls == ["decide", "pay", "finish"]
    assert (world.status, world.moves) == (S.FAILED, RETURNED)


def test_unavailable_then_fine(make_world: MakeWorld) -> None:
    """A provider that cannot be reached is asked again, and the payout goes on."""
    world = make_world(status=S.APPROVED)
    world.before["pay"] = [PayoutUnavailable("no answer"), PayoutUnavailable("no answer")]
    arn = world.start()
    world.decide(S.PAID, "pay")
    assert succeeded(world.finish(arn))
    assert world.calls == ["decide", *["pay"] * 3, "finish"]
    assert (world.status, world.moves) == (S.PAID, PAID)


def test_unavailable_for_good_fails_and_is_resumed(make_world: MakeWorld) -> None:
    """Unknown is not failed: when the retries run out, the execution fails and the money stays where it is.

    The next attempt goes on from there.
    """
    world = make_world(status=S.APPROVED)
    world.before["pay"] = [PayoutUnavailable("no answer") for _ in range(8)]
    failed = world.run()
    assert (failed["status"], failed["error"]) == ("FAILED", "PayoutUnavailable")
    assert world.calls == ["decide", *["pay"] * 8]
    assert (world.status, world.moves) == (S.APPROVED, UNMOVED)
    arn = world.start(attempt=1)
    world.decide(S.PAID, "pay")
    assert succeeded(world.finish(arn))
    assert (world.status, world.moves) == (S.PAID, PAID)


def test_failed_transfer_returns_the_money(make_world: MakeWorld) -> None:
    """The money of a transfer that was not made came back with the word of it, once."""
    world = make_world(status=S.PAYING)
    arn = world.start()
    world.decide(S.FAILED, "pay")
    assert succeeded(world.finish(arn))
    assert world.calls == ["decide", "pay", "finish"]
    assert (world.status, world.moves) == (S.FAILED, RETURNED)


def test_small_amounts_need_no_person(make_world: MakeWorld) -> None:
    """Below the program's limit a withdrawal is approved without anybody being asked."""
    world = make_world(auto_approve=True)
    arn = world.start()
    world.decide(S.PAID, "pay")
    assert succeeded(world.finish(arn))
    assert world.calls == ["decide", "pay", "finish"]
    assert len(world.entered(arn)) == 3
    assert (world.status, world.moves) == (S.PAID, PAID)


@pytest.mark.parametrize("status", [S.REQUESTED, S.APPROVED, S.PAYING])
def test_resumed_where_it_stands(make_world: MakeWorld, status: WithdrawalStatus) -> None:
    """Another attempt waits for what the item's status waits for, and ends as ever."""
    world = make_world(status=status)
    arn = world.start(attempt=3)
    if status is S.REQUESTED:
        world.decide(S.APPROVED)
    world.decide(S.PAID, "pay")
    assert succeeded(world.finish(arn))
    assert world.calls == ["decide", "pay", "finish"]
    assert (world.status, world.moves) == (S.PAID, PAID)


@pytest.mark.parametrize("status", [S.PAID, S.REJECTED, S.CANCELLED, S.EXPIRED, S.FAILED, S.RETURNED])
def test_resumed_when_all_is_over(make_world: MakeWorld, status: WithdrawalStatus) -> None:
    """Another attempt at a withdrawal that has ended looks at it and moves nothing; what was paid is marked again."""
    world = make_world(status=status)
    assert succeeded(world.run())
    assert (world.status, world.moves) == (status, UNMOVED)
    assert world.calls[-1] == "finish"


@pytest.mark.parametrize(
    "error", [Busy("others"), LambdaError("Sandbox.Timedout"), LambdaError("Runtime.ExitError")], ids=str
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_every_task_may_be_repeated(make_world: MakeWorld, when: str, error: Exception) -> None:
    """Each task dies once, before its work or right after it; all is repeated, and the money moves once."""
    tasks = ["decide", "pay", "finish"]
    world = make_world(**{when: {task: [error] for task in tasks}})
    arn = world.start()
    world.until(lambda: world.calls.count("decide") == 2)
    world.decide(S.APPROVED)
    world.until(lambda: world.calls.count("pay") == 2)
    world.decide(S.PAID, "pay")
    assert succeeded(world.finish(arn))
    assert world.calls == [call for task in tasks for call in (task, task)]
    assert (world.status, world.moves) == (S.PAID, PAID)


def test_automatic_approval_may_be_repeated(make_world: MakeWorld) -> None:
    """An automatic approval whose answer is lost is asked for again, and stands."""
    world = make_world(auto_approve=True, after={"decide": [LambdaError("Sandbox.Timedout")]})
    arn = world.start()
    world.decide(S.PAID, "pay")
    assert succeeded(world.finish(arn))
    assert world.calls == ["decide", "decide", "pay", "finish"]
    assert (world.status, world.moves) == (S.PAID, PAID)


@pytest.mark.parametrize(("conclusion", "money"), [(S.PAID, PAID), (S.FAILED, RETURNED)])
def test_an_admin_is_faster_than_the_workflow(
    make_world: MakeWorld, conclusion: WithdrawalStatus, money: dict[EntryKind, int]
) -> None:
    """Where a transfer was confirmed, or called off, before the payout began, nothing waits for it."""
    world = make_world(status=S.APPROVED)
    world.on["pay"] = lambda: world.move(conclusion)
    assert succeeded(world.run())
    assert world.calls == ["decide", "pay", "finish"]
    assert (world.status, world.moves) == (conclusion, money)


@pytest.mark.parametrize(("status", "action"), [(S.REQUESTED, "decide"), (S.PAYING, "pay")])
def test_woken_without_a_decision(make_world: MakeWorld, status: WithdrawalStatus, action: str) -> None:
    """A task that is woken while the item is still undecided waits again."""
    world = make_world(status=status)
    arn = world.start()
    world.until(lambda: action in world.tokens)
    world.wake(action)
    world.until(lambda: world.calls.count("decide") == 2 and world.calls[-1] == action)
    world.decide(S.CANCELLED if status is S.REQUESTED else S.FAILED, action)
    assert succeeded(world.finish(arn))
    assert world.moves == RETURNED


def test_to_be_tried_again(make_world: MakeWorld) -> None:
    """A person wants a declined payout tried again: the same execution does, and waits for its end."""
    world = make_world(status=S.APPROVED)
    arn = world.start()
    world.until(lambda: "pay" in world.tokens)
    first, world.status = world.tokens.pop("pay"), S.APPROVED
    world.client.send_task_success(taskToken=first, output=json.dumps({"status": "APPROVED"}))
    world.decide(S.PAID, "pay")
    assert succeeded(world.finish(arn))
    assert world.calls == ["decide", "pay", "finish"] * 2
    assert (world.status, world.moves) == (S.PAID, PAID)


def test_held_ends(make_world: MakeWorld) -> None:
    """What must not be paid now is left as it is, and the execution ends: the sweeper begins anew."""
    world = make_world(status=S.PAYING, answer="HELD")
    assert succeeded(world.run())
    assert world.calls == ["decide", "pay", "finish"]
    assert (world.status, world.moves) == (S.PAYING, UNMOVED)


def test_faults_are_not_swallowed(make_world: MakeWorld) -> None:
    """An error that the machine has no answer to fails the execution under its own name."""
    world = make_world(before={"decide": [WithdrawalNotFound("gone")]})
    failed = world.run()
    assert (failed["status"], failed["error"]) == ("FAILED", "WithdrawalNotFound")
    assert (world.calls, world.moves) == (["decide"], UNMOVED)
