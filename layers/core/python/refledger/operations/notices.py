"""The table's stream becomes notices on the bus: for partners who want to be told, and for the owner's own systems."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from refledger.domain.notices import Notice, NoticeKind
from refledger.domain.referrals import ReferralStatus
from refledger.domain.rewards import RewardStatus
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.operations.context import Context
from refledger.store import keys
from refledger.store.stream import Record
from refledger.store.transaction import Item

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


def _choices(context: Context, partner_ids: Iterable[str]) -> dict[str, frozenset[str]]:
    ids = sorted(partner_ids)
    items = context.table.get_many([keys.partner(id) for id in ids], strong=False)
    return {id: frozenset(item.get("notices", ())) for id, item in zip(ids, items, strict=True) if item}


def notice_of(record: Record) -> Notice | None:
    """Return what a record is worth telling the partner whose reward, withdrawal or referral it is."""
    old, new = record.old.get("status"), record.new.get("status")
    if new is None or new == old:
        return None
    told = keys.told_of(record.new)
    match told:
        case ("REWARD", id, _) if new == RewardStatus.APPROVED:
            return _notice(NoticeKind.REWARD_APPROVED, id, keys.owner_of(record.new), record, record.new)
        case ("WITHDRAWAL", id, "") if kind := OF_WITHDRAWALS.get(new):
            return _notice(kind, id, record.new["partner"], record, record.new)
        case ("REFERRAL", id, _) if new in BROUGHT_MONEY and old is not None and old not in BROUGHT_MONEY:
            return Notice(
                NoticeKind.REFERRAL_CONVERTED, id, keys.owner_of(record.new), record.new["program"], record.at_ms
            )
    return None


def _notice(kind: NoticeKind, id: str, partner_id: str, record: Record, item: Item) -> Notice:
    amount = item["amount"] - item.get("reversed", 0)
    return Notice(
        kind, id, partner_id, item["program"], record.at_ms, item.get("referral", ""),
        min(amount, item.get("limit", amount)), item["currency"],
    )  # fmt: skip
