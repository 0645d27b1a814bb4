"""Referrals follow the money: the table's stream tells of payments and of rewards that were paid."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from refledger.domain.payments import Origin, Payment, PaymentKind
from refledger.domain.referrals import Referral, ReferralStatus
from refledger.domain.rewards import Reward, RewardStatus
from refledger.operations.context import Context, retry_on_conflict
from refledger.store import bindings, referral_progress, referrals
from refledger.store.referral_progress import BEFORE_CONVERTED, BEFORE_PAID, WAITS
from refledger.store.stream import Record
from refledger.store.transaction import ConditionFailed, Write

UNKNOWN = ReferralStatus.PENDING  # of what could not be read yet: the condition knows


def follow(context: Context, records: Iterable[Record]) -> None:
    """CONVERTED by the first payment, PAID by the first payout, and by which the last was.

    Idempotent, in any order.
    """
    records = list(records)
    _note_payouts(context, records)
    converted, paid = _first(records, _converted_at), _first(records, _paid_at)
    if not converted and not paid:
        return
    now = _statuses(context, sorted(converted.keys() | paid.keys()))
    for id, at_ms in converted.items():
        if now.get(id, UNKNOWN) in BEFORE_CONVERTED:
            _move(context, id, at_ms, referral_progress.convert)
    for id, at_ms in paid.items():
        if now.get(id, UNKNOWN) in BEFORE_PAID:
            _move(context, id, at_ms, referral_progress.pay)


def behind(context: Context, records: Iterable[Record]) -> set[str]:
    """Return the referrals that these records are news of.

    They have not converted, or were not paid, as far as they know.
    """
    records = list(records)
    converted, paid = _first(records, _converted_at), _first(records, _paid_at)
    now = _statuses(context, sorted(converted.keys() | paid.keys()))
    late = {id for id in converted if now.get(id) in BEFORE_CONVERTED}
    return late | {id for id in paid if now.get(id) in BEFORE_PAID}


def _note_payouts(context: Context, records: list[Record]) -> None:
    last: dict[str, tuple[int, str]] = {}
    for record in records:
        if told := _payout(record):
            referral_id, payout = told
            last[referral_id] = max(last.get(referral_id, (0, "")), (record.at_ms, payout))
    for referral_id, (at_ms, payout) in last.items():
        write = referral_progress.paid_by(referral_id, payout, at_ms)
        _unless_later(context, write)


@retry_on_conflict
def _unless_later(context: Context, write: Write) -> None:
    with suppress(ConditionFailed):  # a later payout is known, or the referral is not there
        context.table.commit(write)


def _payout(record: Record) -> tuple[str, str] | None:
    """The referral and the payout that paid a reward of it, where this record tells of it newly."""
    old, new = record.before, record.after
    if not isinstance(new, Reward) or not new.referral_id or new.status is not RewardStatus.PAID or not new.paid_by:
        return None
    return None if isinstance(old, Reward) and old.paid_by == new.paid_by else (new.referral_id, new.paid_by)


def _statuses(context: Context, ids: list[str]) -> dict[str, ReferralStatus]:
    """Perhaps as of a moment ago. Most payments are of referrals that converted long before: they cost a read only."""
    return {referral.id: referral.status for referral in referrals.many(context.table, ids, strong=False)}


@retry_on_conflict
def _move(context: Context, id: str, at_ms: int, write: Callable[..., Write]) -> None:
    """Raises Busy where others keep changing it: then the records come again."""
    try:
        context.table.commit(write(id, at_ms, context.now_ms()))
    except ConditionFailed as failed:
        was = failed.items[WAITS]  # further on than this already, rejected, or not there: then nothing is to be done
        referral = referrals.from_item(was) if was else None
        if referral and referral.status is ReferralStatus.EXPIRED:
            context.table.commit(write(id, at_ms, context.now_ms(), expired=True), *_opened(context, referral, at_ms))


def _opened(context: Context, referral: Referral, at_ms: int) -> list[Write]:
    """The binding as it would be if its referral's expiry had come after the payment that the stream tells of.

    Where there is no time limit a payment does not write to the binding, so an expiry by hand may overtake the stream.
    """
    old = bindings.find(context.table, referral.program_id, referral.customer)
    return [bindings.count(old, old.converted(at_ms))] if old and old.closed else []


def _first(records: Iterable[Record], when: Callable[[Record], tuple[str, int] | None]) -> dict[str, int]:
    """By referral, the earliest moment that these records tell of."""
    found: dict[str, int] = {}
    for told in filter(None, map(when, records)):
        id, at_ms = told
        found[id] = min(at_ms, found.get(id, at_ms))
    return found


def _converted_at(record: Record) -> tuple[str, int] | None:
    """A payment of a referred customer; a conversion has moved its referral in its own transaction."""
    old, new = record.before, record.after
    if not isinstance(new, Payment) or new.kind is not PaymentKind.PAYMENT or not new.referral_id:
        return None
    if (isinstance(old, Payment) and old.kind is PaymentKind.PAYMENT) or new.origin is not Origin.PAYMENT:
        return None
    return new.referral_id, new.occurred_at_ms


def _paid_at(record: Record) -> tuple[str, int] | None:
    old, new = record.before, record.after
    if not isinstance(new, Reward) or new.status is not RewardStatus.PAID or not new.referral_id:
        return None
    return None if isinstance(old, Reward) and old.status is RewardStatus.PAID else (new.referral_id, record.at_ms)
