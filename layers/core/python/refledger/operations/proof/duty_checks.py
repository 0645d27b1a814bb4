"""What one person did alone, held against the limits of that moment: what older versions let through is named, too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from refledger.domain.adjustments import Adjustment, AdjustmentStatus
from refledger.domain.partners import Partner
from refledger.domain.payments import Origin, Payment
from refledger.domain.programs import Program
from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.domain.withdrawals import RESTORED, SYSTEM, Withdrawal, WithdrawalStatus, WithdrawalStep
from refledger.operations.context import Context
from refledger.operations.proof.book_checks import Checked


def adjustment_faults(
    context: Context, partner: Partner | None, asked: Sequence[Adjustment], checked: Checked
) -> Iterator[tuple[str, str]]:
    """Yield (currency, reason) of what one person may not have posted alone.

    It is above the limit at once, or in pieces within a day.
    """
    alone: list[Adjustment] = []
    for each in sorted(asked, key=lambda adjustment: adjustment.created_at_ms):
        if each.status is not AdjustmentStatus.POSTED:
            continue
        currency = each.asked.currency
        if each.approver:
            if each.approver == each.requester:
                yield currency, f"adjustment {each.id}: who asked for it posted it"
            elif _was_user(partner, each.approver, each.decided_at_ms):
                yield currency, f"adjustment {each.id}: the partner posted it"
            continue
        if partner and partner.customer and each.requester == partner.customer:
            yield currency, f"adjustment {each.id}: who asked for it is the partner"
        alone.append(each)
        limit = _limit(_in_force(context, checked, each.program_id, each.created_at_ms), currency)
        total = sum(
            abs(other.asked.amount)
            for other in alone
            if other.asked.currency == currency and other.created_at_ms > each.created_at_ms - DAY_MS
        )
        if limit is not None and total > limit:
            yield currency, f"adjustment {each.id}: one person posted {total} in a day, the limit was {limit}"


def withdrawal_faults(
    context: Context, partner: Partner | None, asked: Sequence[Withdrawal], checked: Checked
) -> Iterator[tuple[str, str]]:
    """Yield (currency, reason) of what was decided by who may not, or by fewer than must."""
    for w in asked:
        said = [(step.status, step.by, step.at_ms) for step in w.steps if step.status is not WithdrawalStatus.CANCELLED]
        for what, by, at_ms in (*said, *((yes.to, yes.by, yes.at_ms) for yes in w.approvals)):
            if by != SYSTEM and by == w.requester:
                yield w.currency, f"withdrawal {w.id}: {what} by who asked for it"
            elif _was_user(partner, by, at_ms):
                yield w.currency, f"withdrawal {w.id}: {what} by the partner"
        yield from ((w.currency, f"withdrawal {w.id}: {reason}") for reason in _approval_faults(context, w, checked))


def _approval_faults(context: Context, w: Withdrawal, checked: Checked) -> Iterator[str]:
    """By the loosest terms of that moment; those under which it was asked for may be stricter."""
    before = WithdrawalStatus.REQUESTED
    for step in w.steps:
        was, before = before, step.status
        if (was, step.status) != (WithdrawalStatus.REQUESTED, WithdrawalStatus.APPROVED):
            continue
        terms = _in_force(context, checked, w.program_id, step.at_ms)
        limits = [each.limit("secondApprovalLimit", w.currency) for each in terms]
        if step.by == SYSTEM:
            is_allowed = _is_restored(step) or any(each.approves_alone(w.amount, w.currency) for each in terms)
            if terms and not is_allowed:
                yield f"approved by rule, and no rule of its program lets {w.amount} go"
            continue
        is_above = bool(limits) and all(limit is not None and w.amount > limit for limit in limits)
        if is_above and not any(yes.by != step.by and yes.at_ms <= step.at_ms for yes in w.approvals):
            yield f"one person approved {w.amount}, the limit was {max(filter(None, limits), default=0)}"


def gift_faults(partner: Partner | None, paid: Iterable[Payment]) -> Iterator[tuple[str, str]]:
    """Yield (currency, reason) of rewards that the partner gave themselves."""
    for payment in paid:
        if payment.origin is Origin.BY_HAND and _was_user(partner, payment.by, payment.created_at_ms):
            yield payment.currency, f"payment {payment.id}: was given by the partner"


def _is_restored(step: WithdrawalStep) -> bool:
    return step.request.startswith(RESTORED)


def _was_user(partner: Partner | None, by: str, at_ms: int) -> bool:
    """Whether somebody signed in as the partner then, who may have been linked to them later."""
    return bool(partner and by) and partner is not None and by == partner.customer and at_ms > partner.linked_at_ms


def _in_force(context: Context, checked: Checked, program_id: str, at_ms: int) -> list[Program]:
    """Versions within the minute: who changes the program meets who reads it."""
    found: list[Program] = []
    for version in checked.history(context, program_id, at_ms):
        changed_at_ms = version.changed_at_ms or version.created_at_ms
        if changed_at_ms > at_ms:
            continue
        found.append(version)
        if changed_at_ms <= at_ms - MINUTE_MS:
            break
    return found


def _limit(versions: Sequence[Program], currency: str) -> int | None:
    """The loosest of these."""
    limits = [version.limit("adjustmentLimit", currency) for version in versions]
    known = [limit for limit in limits if limit is not None]
    return max(known) if known and len(known) == len(limits) else None
