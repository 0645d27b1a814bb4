"""What waits for long looks at its item again: whatever was decided meanwhile is found, though nobody could tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from refledger.domain.journal import EntryKind
from refledger.domain.withdrawals import WithdrawalStatus
from tests.statemachines.machine import DAY_SECONDS, Machine, S, running

PAID, RETURNED = {EntryKind.SETTLE: 1}, {EntryKind.RELEASE: 1}
UNMOVED: dict[EntryKind, int] = {}


@pytest.fixture(scope="module")
def impatient() -> Iterator[Machine]:
    """Makes a withdrawal whose workflow waits for a moment where the deployed one waits for days."""
    with pytest.MonkeyPatch.context() as monkeypatch, running(monkeypatch, limit_seconds=2 * DAY_SECONDS) as make:
        yield make


def succeeded(execution: dict[str, Any]) -> bool:
    return bool(execution["status"] == "SUCCEEDED")


@pytest.mark.parametrize("decision", [S.APPROVED, S.REJECTED, S.EXPIRED])
def test_a_decision_that_nobody_could_tell_is_found(impatient: Machine, decision: WithdrawalStatus) -> None:
    """Whoever decided died before the workflow was told: when it has waited long enough it looks again."""
    world = impatient()
    arn = world.start()
    world.until(lambda: world.calls.count("decide") >= 3)
    assert (world.status, world.moves) == (S.REQUESTED, UNMOVED)
    world.move(decision)
    if decision is S.APPROVED:
        world.until(lambda: world.status is S.PAYING)
        world.move(S.PAID)
    assert succeeded(world.finish(arn))
    assert world.moves == (PAID if decision is S.APPROVED else RETURNED)


def test_settlement_that_takes_too_long_is_never_released(impatient: Machine) -> None:
    """When nobody says how a transfer ended, the item is asked again and again, and nothing is released."""
    world = impatient(status=S.PAYING)
    arn = world.start()
    world.until(lambda: world.calls.count("pay") >= 3)
    assert (world.status, world.moves) == (S.PAYING, UNMOVED)
    world.move(S.PAID)
    assert succeeded(world.finish(arn))
    assert (world.status, world.moves) == (S.PAID, PAID)
