"""What was let go although something stood against it: as far as the books still tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from refledger.domain.journal import Account, Balance, EntryKind, JournalEntry
from refledger.domain.partners import PartnerStatus
from refledger.domain.payout_gate import BlockerCode
from refledger.domain.times import SECOND_MS
from refledger.domain.withdrawals import SYSTEM, Withdrawal, WithdrawalStatus
from refledger.operations.context import CLOCK_SKEW_MS, Context
from refledger.store import partners

ON_ITS_WAY_MS = 30 * SECOND_MS + CLOCK_SKEW_MS  # API Gateway waits no longer for an answer


def payout_gate_faults(entries: Sequence[JournalEntry], balance: Balance, asked: Sequence[Withdrawal]) -> Iterator[str]:
    """Check for debt that nobody took on them in what people marked as paid, and the count of open ones."""
    by_person = {w.id: w for w in asked if any(s.status is WithdrawalStatus.PAID and s.by != SYSTEM for s in w.steps)}
    debt, available = f"{BlockerCode.DEBT} {balance.currency}", 0
    for entry in entries:
        found = by_person.get(entry.reference) if entry.kind is EntryKind.SETTLE and available < 0 else None
        if found and debt not in dict(found.accepted):
            yield f"withdrawal {found.id}: marked as paid while {-available} was owed, and nobody took that on them"
        available += (entry.credit is Account.AVAILABLE) * entry.amount
        available -= (entry.debit is Account.AVAILABLE) * entry.amount
    if balance.open > (opened := sum(w.is_open for w in asked)):
        yield f"balance: counts {balance.open} open withdrawals, there are {opened}"


def suspension_faults(context: Context, partner_id: str, asked: Sequence[Withdrawal]) -> Iterator[str]:
    """Check the withdrawals that a person let go since the partner is suspended.

    What was in a file for the bank, and another person knew to be paid in spite of it, is right. So is what was let go
    while the suspension was on its way: each has the time at which its own request began, not at which it was written.
    """
    found = partners.many(context.table, [partner_id], strong=True)
    if not found or found[0].status is not PartnerStatus.SUSPENDED or not found[0].updated_at_ms:
        return
    for w in asked:
        for step in w.steps:
            if (
                step.status not in (WithdrawalStatus.APPROVED, WithdrawalStatus.PAID)
                or step.by == SYSTEM
                or step.at_ms <= found[0].updated_at_ms + ON_ITS_WAY_MS
            ):
                continue
            if step.status is WithdrawalStatus.APPROVED or not _was_said_by_two(w, step.by):
                yield f"withdrawal {w.id}: {step.status} by a person while the partner is suspended"


def _was_said_by_two(withdrawal: Withdrawal, by: str) -> bool:
    return bool(withdrawal.batch_id) and any(
        word.by != by and word.to is WithdrawalStatus.PAID and BlockerCode.SUSPENDED in dict(word.saw)
        for word in withdrawal.approvals
    )
