"""The life of a withdrawal: every pair of states, the money that goes with each move, and who may decide."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.errors import AlreadyDecided, OwnWithdrawal
from refledger.domain.journal import Balance, Kind, post
from refledger.domain.withdrawals import (
    OPEN,
    RELEASED,
    MethodType,
    PayoutMethod,
    Step,
    Withdrawal,
    WithdrawalStatus,
    check_decider,
    movement,
)

S = WithdrawalStatus
# What may happen, written out once more: (from, to) → what becomes of the reserved money.
ALLOWED: dict[tuple[str, str], str | None] = {
    ("REQUESTED", "APPROVED"): None,
    ("REQUESTED", "REJECTED"): "RELEASE",
    ("REQUESTED", "CANCELLED"): "RELEASE",
    ("REQUESTED", "EXPIRED"): "RELEASE",
    ("APPROVED", "PAYING"): None,
    ("APPROVED", "PAID"): "SETTLE",
    ("APPROVED", "FAILED"): "RELEASE",
    ("PAYING", "PAID"): "SETTLE",
    ("PAYING", "FAILED"): "RELEASE",
}


def a_withdrawal(**changes: object) -> Withdrawal:
    given_: dict[str, object] = {
        "id": "w", "partner_id": "p", "program_id": "default", "amount": 5, "currency": "EUR",
        "status": S.REQUESTED, "method": PayoutMethod(MethodType.BANK_TRANSFER, "B"), "requester": "bob",
        "created_at_ms": 10, "expires_at_ms": 20, "body": "b",
    }  # fmt: skip
    return Withdrawal(**{**given_, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(("old", "new"), list(product(S, S)))
def test_only_listed_moves_happen_and_each_with_its_money(old: S, new: S) -> None:
    """Of the 64 pairs nine are moves, and each carries its movement; the others are refused by name."""
    if (old, new) in ALLOWED:
        assert movement(old, new) == ALLOWED[old, new]
    else:
        with pytest.raises(AlreadyDecided) as refused:
            movement(old, new)
        assert old in refused.value.detail
        assert new in refused.value.detail


def test_open_and_released_leave_only_paid() -> None:
    """Every state is open (money reserved), released (money back) or PAID; nothing leaves the last two."""
    assert {*OPEN, *RELEASED, S.PAID} == set(S)
    assert {old for old, _ in ALLOWED} == set(OPEN)


@given(st.data())
def test_every_life_returns_or_pays_the_money_exactly_once(data: st.DataObject) -> None:
    """Along any allowed way money stays reserved while open, and is then available or paid, never both."""
    status, balance = S.REQUESTED, post(Balance("p", "EUR", available=5), Kind.RESERVE, 5, "w", 0)[0]
    while status in OPEN:
        assert (balance.available, balance.reserved, balance.paid) == (0, 5, 0)
        status = S(data.draw(st.sampled_from([new for old, new in ALLOWED if old == status])))
        kind = movement(S(next(old for old, new in ALLOWED if new == status)), status)
        balance = post(balance, kind, 5, "w", 0)[0] if kind else balance
    ended = (0, 0, 5) if status is S.PAID else (5, 0, 0)
    assert (balance.available, balance.reserved, balance.paid) == ended


def test_nobody_decides_about_their_own_withdrawal() -> None:
    """Whoever asked is refused; anybody else may."""
    with pytest.raises(OwnWithdrawal):
        check_decider(a_withdrawal(), "bob")
    check_decider(a_withdrawal(), "alice")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 10),
        ({"resumed_at_ms": 15}, 15),
        ({"steps": (Step(S.APPROVED, "a", 12), Step(S.PAYING, "b", 14))}, 14),
        ({"steps": (Step(S.APPROVED, "a", 12),), "resumed_at_ms": 11}, 12),
    ],
)
def test_it_last_moved_when_it_was_made_stepped_or_resumed(changes: dict[str, object], expected: int) -> None:
    """The latest of creation, steps and resumption counts."""
    assert a_withdrawal(**changes).changed_at_ms == expected
