"""The table's stream becomes notices on the bus: for partners who want to be told, and for the owner's own systems."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from refledger.domain.notices import Notice, NoticeKind
from refledger.domain.referrals import Referral, ReferralStatus
from refledger.domain.rewards import Reward, RewardStatus, granted
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations.context import Context
from refledger.store import partners
from refledger.store.stream import Record

BROUGHT_MONEY = (ReferralStatus.CONVERTED, ReferralStatus.PAID)
OF_WITHDRAWALS = {
    WithdrawalStatus.PAID: NoticeKind.WITHDRAWAL_PAID,
    WithdrawalStatus.REJECTED: NoticeKind.WITHDRAWAL_REJECTED,
}


class Events(Protocol):
    def put(self, events: Sequence[tuple[str, dict[str, Any]]]) -> None: ...


def send(context: Context, events: Events, records: Iterable[Record], *, to_all: bool) -> None:
    """Send a notice of each record that is worth one, to those who chose it.

    `to_all`: of everybody, saying who chose.

    A batch that comes again is told again, under the same ids.
    """
    notices = [notice for notice in map(notice_of, records) if notice]
    if not notices:
        return
    chosen = _choices(context, {notice.partner_id for notice in notices})
    told = [(notice, notice.kind in chosen.get(notice.partner_id, ())) for notice in notices]
    events.put([(notice.kind.words, notice.detail(chosen=wanted)) for notice, wanted in told if wanted or to_all])


def _choices(context: Context, partner_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    return {each.id: each.notices for each in partners.many(context.table, sorted(partner_ids))}


def notice_of(record: Record) -> Notice | None:
    """Return what a record is worth telling the partner whose reward, withdrawal or referral it is."""
    old, new, at_ms = record.before, record.after, record.at_ms
    match new:
        case Reward():
            if new.status is not RewardStatus.APPROVED or (isinstance(old, Reward) and old.status is new.status):
                return None
            kind, amount, whose = NoticeKind.REWARD_APPROVED, granted(new), new.referral_id
            return Notice(kind, new.id, new.partner_id, new.program_id, at_ms, whose, amount, new.currency)
        case Withdrawal():
            rejected_or_paid = OF_WITHDRAWALS.get(new.status)
            if rejected_or_paid is None or (isinstance(old, Withdrawal) and old.status is new.status):
                return None
            told = (new.id, new.partner_id, new.program_id, at_ms)
            return Notice(rejected_or_paid, *told, amount=new.amount, currency=new.currency)
        case Referral():
            was_open = isinstance(old, Referral) and old.status not in BROUGHT_MONEY
            if new.status not in BROUGHT_MONEY or not was_open:
                return None
            return Notice(NoticeKind.REFERRAL_CONVERTED, new.id, new.partner_id, new.program_id, at_ms)
        case _:
            return None
