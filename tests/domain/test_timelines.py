"""A withdrawal's timeline: every step, in order, with the money that its changes of status move."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.journal import EntryKind
from refledger.domain.methods import MethodType
from refledger.domain.timelines import HappeningKind, timeline
from refledger.domain.withdrawals import (
    TRANSITIONS,
    Approval,
    MethodUsed,
    Withdrawal,
    WithdrawalStatus,
    WithdrawalStep,
)

S, W = WithdrawalStatus, HappeningKind
BANK = MethodUsed("m", 1, MethodType.BANK_TRANSFER, "Bob", "DE…3000")
ASKED = Withdrawal("w", "p", "default", 100, "USD", S.REQUESTED, BANK, "bob", 1000, 9000, "")


def told(withdrawal: Withdrawal) -> list[tuple[HappeningKind, WithdrawalStatus, EntryKind | None]]:
    return [(each.what, each.status, each.moved) for each in timeline(withdrawal)]


def test_with_two_people_a_provider_and_a_second_try() -> None:
    """Asked for, a first and a second yes, handed over, a word about a problem, resumed, paid: oldest first."""
    made = replace(
        ASKED, approvals=(Approval("ann", 2000, "looks fine"),), sent_at_ms=4001, resumed_at_ms=6000,
        steps=(
            WithdrawalStep(S.APPROVED, "eve", 3000), WithdrawalStep(S.PAYING, "system", 4000),
            WithdrawalStep(S.PAYING, "system", 5000, "declined"),
            WithdrawalStep(S.PAID, "system", 7000),
        ),
    )  # fmt: skip
    assert told(made) == [
        (W.ASKED, S.REQUESTED, EntryKind.RESERVE), (W.APPROVAL, S.REQUESTED, None), (W.STATUS, S.APPROVED, None),
        (W.STATUS, S.PAYING, None), (W.HANDED_OVER, S.PAYING, None), (W.WORD, S.PAYING, None),
        (W.RESUMED, S.PAYING, None), (W.STATUS, S.PAID, EntryKind.SETTLE),
    ]  # fmt: skip
    first, approval, *_ = timeline(made)
    assert (first.by, approval.by, approval.note) == ("bob", "ann", "looks fine")


def test_of_a_reward_that_was_paid_by_itself() -> None:
    """Nobody asked for it: it begins as PAID, from available, and may come back."""
    known = MethodUsed("", 0, MethodType.BANK_TRANSFER, "", "CASH")
    made = replace(
        ASKED,
        method=known,
        status=S.RETURNED,
        steps=(WithdrawalStep(S.PAID, "ann", 1000), WithdrawalStep(S.RETURNED, "ann", 2)),
    )
    assert told(replace(made, steps=(made.steps[0], replace(made.steps[1], at_ms=2000)))) == [
        (W.STATUS, S.PAID, EntryKind.PAY), (W.STATUS, S.RETURNED, EntryKind.RETURN),
    ]  # fmt: skip


@given(st.lists(st.sampled_from(sorted(TRANSITIONS)), max_size=6))
def test_money_moves_as_the_status_does(wishes: list[tuple[WithdrawalStatus, WithdrawalStatus]]) -> None:
    """Along any path that there is: each change tells the movement that the books have for it, and nothing is lost."""
    status, steps = S.REQUESTED, []
    for number, (old, new) in enumerate(wishes, start=1):
        if old is status:
            steps.append(WithdrawalStep(new, "ann", 1000 + number))
            status = new
    found = told(replace(ASKED, status=status, steps=tuple(steps)))
    before = [S.REQUESTED, *(step.status for step in steps)]
    wanted = [(W.STATUS, step.status, TRANSITIONS[was, step.status]) for was, step in zip(before, steps, strict=False)]
    assert found == [(W.ASKED, S.REQUESTED, EntryKind.RESERVE), *wanted]
