"""The life of a withdrawal: every pair of states, the money that goes with each move, and who may decide."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.errors import AlreadyDecided, NotPayable, OwnWithdrawal, SecondPersonNeeded
from refledger.domain.journal import Balance, EntryKind, post
from refledger.domain.methods import MethodType
from refledger.domain.withdrawals import (
    OPEN,
    Approval,
    MethodUsed,
    Withdrawal,
    WithdrawalStatus,
    WithdrawalStep,
    after_approval,
    check_can_be_paid,
    check_decider,
    check_waiting,
    movement,
)

S = WithdrawalStatus
# What may happen, written out once more: (from, to) → what becomes of the money.
ALLOWED: dict[tuple[str, str], str | None] = {
    ("REQUESTED", "APPROVED"): None,
    ("REQUESTED", "REJECTED"): "RELEASE",
    ("REQUESTED", "CANCELLED"): "RELEASE",
    ("REQUESTED", "EXPIRED"): "RELEASE",
    ("REQUESTED", "PAID"): "SETTLE",
    ("APPROVED", "REQUESTED"): None,
    ("APPROVED", "PAYING"): None,
    ("APPROVED", "PAID"): "SETTLE",
    ("APPROVED", "FAILED"): "RELEASE",
    ("PAYING", "APPROVED"): None,
    ("PAYING", "PAID"): "SETTLE",
    ("PAYING", "FAILED"): "RELEASE",
    ("PAID", "RETURNED"): "RETURN",
    ("FAILED", "PAID"): "PAY",
}


def a_withdrawal(**changes: object) -> Withdrawal:
    given_: dict[str, object] = {
        "id": "w", "partner_id": "p", "program_id": "default", "amount": 5, "currency": "EUR",
        "status": S.REQUESTED, "method": MethodUsed("m", 1, MethodType.BANK_TRANSFER, "B", "…0000"), "requester": "bob",
        "created_at_ms": 10, "expires_at_ms": 20, "body": "b",
    }  # fmt: skip
    return Withdrawal(**{**given_, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(("old", "new"), list(product(S, S)))
def test_only_listed_moves_happen_and_each_with_its_money(old: S, new: S) -> None:
    """Of the 81 pairs fourteen are moves, and each carries its movement; the others are refused by name."""
    if (old, new) in ALLOWED:
        assert movement(old, new) == ALLOWED[old, new]
    else:
        with pytest.raises(AlreadyDecided) as refused:
            movement(old, new)
        assert old in refused.value.detail
        assert new in refused.value.detail


def test_what_can_still_move() -> None:
    """The open ones, whose money is reserved; and what a provider may still take back, or turn out to have done."""
    assert {old for old, _ in ALLOWED} == {*OPEN, S.PAID, S.FAILED}


@given(st.lists(st.integers(0, 9), max_size=12))
def test_along_every_way_the_money_is_where_the_status_says(choices: list[int]) -> None:
    """Reserved while open, paid when PAID, and else available; never in two places, whatever the way was."""
    status, balance = S.REQUESTED, post(Balance("p", "EUR", available=5), EntryKind.RESERVE, 5, "w", 0)[0]
    for choice in choices:
        following = [S(new) for old, new in ALLOWED if old == status]
        if not following:
            break
        new = following[choice % len(following)]
        kind = movement(status, new)
        balance = post(balance, kind, 5, "w", 0)[0] if kind else balance
        status = new
        expected = (0, 5, 0) if status in OPEN else (0, 0, 5) if status is S.PAID else (5, 0, 0)
        assert (balance.available, balance.reserved, balance.paid) == expected


def approval(by: str, number: int = 1) -> Approval:
    return Approval(by, number, f"note of {by}", f"request {number}")


def test_where_one_is_enough_the_yes_approves() -> None:
    """The step is theirs."""
    approved = after_approval(a_withdrawal(), approval("ann"), enough=True)
    assert approved.status is S.APPROVED
    assert approved.steps == (WithdrawalStep(S.APPROVED, "ann", 1, "note of ann", "request 1"),)


def test_where_one_is_not_enough_the_yes_is_kept() -> None:
    """The same person's second is refused, another person's approves; the first stays known."""
    first = after_approval(a_withdrawal(), approval("ann"), enough=False)
    assert (first.status, first.steps, first.approvals) == (S.REQUESTED, (), (approval("ann"),))
    with pytest.raises(SecondPersonNeeded):
        after_approval(first, approval("ann", 2), enough=False)
    second = after_approval(first, approval("eve", 3), enough=True)
    assert (second.status, second.steps[-1].by, second.approvals) == (S.APPROVED, "eve", (approval("ann"),))


@pytest.mark.parametrize("status", [status for status in S if status is not S.REQUESTED])
def test_only_a_request_is_approved(status: S) -> None:
    """In every other status a yes is refused; also while it is PAYING, where it would begin a second payout."""
    with pytest.raises(AlreadyDecided):
        check_waiting(a_withdrawal(status=status))


def test_nobody_decides_about_their_own_withdrawal() -> None:
    """Whoever asked is refused, and so is the partner's user; anybody else may."""
    for actor in ("bob", "partner"):
        with pytest.raises(OwnWithdrawal):
            check_decider(a_withdrawal(), actor, "partner")
    check_decider(a_withdrawal(), "alice", "")


def test_what_a_provider_is_to_pay_is_not_called_paid_before_it_was_asked() -> None:
    """Else the workflow, which goes on, pays it again; what a person transfers may be."""
    by_person = a_withdrawal(status=S.APPROVED)
    check_can_be_paid(by_person)
    with pytest.raises(NotPayable):
        check_can_be_paid(replace(by_person, method=replace(by_person.method, type=MethodType.STRIPE)))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 10),
        ({"resumed_at_ms": 15}, 15),
        ({"steps": (WithdrawalStep(S.APPROVED, "a", 12), WithdrawalStep(S.PAYING, "b", 14))}, 14),
        ({"steps": (WithdrawalStep(S.APPROVED, "a", 12),), "resumed_at_ms": 11}, 12),
    ],
)
def test_it_last_moved_when_it_was_made_stepped_or_resumed(changes: dict[str, object], expected: int) -> None:
    """The latest of creation, steps and resumption counts."""
    assert a_withdrawal(**changes).changed_at_ms == expected


def test_how_it_was_paid_is_said_as_it_was() -> None:
    """A bank transfer to a masked account; or what staff said who paid it themselves, and no account."""
    known = MethodUsed("m", 1, MethodType.BANK_TRANSFER, "Bob", "DE…3000")
    assert known.in_words == ("BANK_TRANSFER", "Bob", "DE…3000")
    assert MethodUsed("", 0, MethodType.BANK_TRANSFER, "", "CASH").in_words == ("CASH", "", "")
