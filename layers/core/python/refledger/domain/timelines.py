"""What happened to a withdrawal, one thing after another, with the money that moved: from the withdrawal itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from refledger.domain.journal import EntryKind
from refledger.domain.withdrawals import TRANSITIONS, Withdrawal, WithdrawalStatus


class HappeningKind(StrEnum):
    """What happened to a withdrawal."""

    ASKED = "ASKED"  # the partner asked for it
    APPROVAL = "APPROVAL"  # the first of two
    STATUS = "STATUS"  # it went into another status
    WORD = "WORD"  # about a problem, or of the provider; the status stays
    HANDED_OVER = "HANDED_OVER"  # to the provider
    RESUMED = "RESUMED"  # the workflow was set going anew, the last time


@dataclass(frozen=True)
class Happening:
    """`status`: as it was from then on. `by`: keyed hash of who did it, "" for the system. `moved`: with which kind of
    journal entry the whole amount moved, None where none did.
    """

    what: HappeningKind
    at_ms: int
    status: WithdrawalStatus
    by: str = ""
    note: str = ""
    moved: EntryKind | None = None


_WAITED_IN = {
    WithdrawalStatus.APPROVED: WithdrawalStatus.REQUESTED, WithdrawalStatus.FAILED: WithdrawalStatus.PAYING,
    WithdrawalStatus.RETURNED: WithdrawalStatus.PAID,
}  # fmt: skip


def timeline(withdrawal: Withdrawal) -> list[Happening]:
    """List what happened in the order of the times.

    Of the same moment in the order in which they follow from each other.
    """
    status, steps = WithdrawalStatus.REQUESTED, list(withdrawal.steps)
    found: list[Happening] = []
    if withdrawal.method.is_known:
        found.append(
            Happening(
                HappeningKind.ASKED, withdrawal.created_at_ms, status, withdrawal.requester, "", EntryKind.RESERVE
            )
        )
    else:  # a reward that was paid by itself: PAID from its beginning
        first, *steps = steps
        status = first.status
        found.append(Happening(HappeningKind.STATUS, first.at_ms, status, first.by, first.note, EntryKind.PAY))
    for each in withdrawal.approvals:
        found.append(Happening(HappeningKind.APPROVAL, each.at_ms, _WAITED_IN[each.to], each.by, each.note))
    for step in steps:
        what = HappeningKind.WORD if step.status is status else HappeningKind.STATUS
        moved = TRANSITIONS.get((status, step.status))
        found.append(Happening(what, step.at_ms, step.status, step.by, step.note, moved))
        status = step.status
    if withdrawal.sent_at_ms:
        found.append(Happening(HappeningKind.HANDED_OVER, withdrawal.sent_at_ms, WithdrawalStatus.PAYING))
    if withdrawal.resumed_at_ms:
        at_ms = withdrawal.resumed_at_ms
        before = [
            each.status
            for each in found
            if each.at_ms <= at_ms and each.what in (HappeningKind.ASKED, HappeningKind.STATUS)
        ]
        found.append(Happening(HappeningKind.RESUMED, at_ms, before[-1] if before else status))
    return sorted(found, key=lambda each: each.at_ms)
