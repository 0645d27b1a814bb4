"""Adjustments as items: the put is what makes a request count once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from refledger.domain.adjustments import Adjustment, AdjustmentKind, AdjustmentRequest, AdjustmentStatus
from refledger.domain.errors import AdjustmentNotFound
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, put, update

IS_NEW = "the adjustment is new"
IS_WAITING = "nobody decided about the adjustment yet"


def create(adjustment: Adjustment) -> Write:
    return put(IS_NEW, _to_item(adjustment))


def decide(new: Adjustment) -> Write:
    """A second person's decision; what waits for nobody leaves the list of what does."""
    return update(
        IS_WAITING, keys.adjustment(new.id),
        "SET #status = :status, #approver = :approver, #decided = :decided, #note = :note, #request = :request,"
        " #entry = :entry REMOVE #waits_in, #waits_at",
        "#status = :waiting", status=new.status.value, approver=new.approver, decided=new.decided_at_ms, note=new.note,
        request=new.request, entry=new.entry, waiting=AdjustmentStatus.WAITING.value,
    )  # fmt: skip


def find(table: Table, adjustment_id: str, *, strong: bool = True) -> Adjustment:
    """Find it by its id.

    Raises AdjustmentNotFound.
    """
    item = table.get(keys.adjustment(adjustment_id), strong=strong)
    if item is None:
        raise AdjustmentNotFound("there is no such adjustment")
    return from_item(item)


def many(table: Table, ids: Sequence[str], *, strong: bool = True) -> list[Adjustment]:
    """Return those that exist, in the order of the ids."""
    found = table.get_many([keys.adjustment(id) for id in ids], strong=strong)
    return [from_item(item) for item in found if item]


def of_partner(table: Table, partner_id: str, before: str, page_size: int) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of a partner's adjustments, newest first, from just below `before`."""
    partition = keys.adjustments_of_partner(partner_id)
    found = table.query(partition, high=before or keys.HIGHEST, index="listed", page_size=page_size, newest_first=True)
    for item in found:
        if item["listed_at"] != before:
            yield item["listed_at"], keys.owner_of(item)


def waiting(table: Table, after: str, page_size: int) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of those that wait for a second person, oldest first, from just above `after`."""
    partition = keys.waiting_adjustments()
    for item in table.query(partition, after or keys.LOWEST, index="waiting", page_size=page_size):
        if item["waits_at"] != after:
            yield item["waits_at"], keys.owner_of(item)


def _to_item(adjustment: Adjustment) -> Item:
    asked, at_ms = adjustment.asked, adjustment.created_at_ms
    waits = adjustment.status is AdjustmentStatus.WAITING
    return {
        **keys.adjustment(adjustment.id), "partner": asked.partner_id, "currency": asked.currency,
        "amount": asked.amount, "kind": asked.kind.value, "reason": asked.reason, "program": adjustment.program_id,
        "status": adjustment.status.value, "requester": adjustment.requester, "created": at_ms,
        "body": adjustment.body, "approver": adjustment.approver, "decided": adjustment.decided_at_ms,
        "note": adjustment.note, "request": adjustment.request, "entry": adjustment.entry,
        **({"entries": asked.entries, "chain": asked.chain} if asked.chain else {}),
        **keys.listed(keys.adjustments_of_partner(asked.partner_id), at_ms, adjustment.id),
        **(keys.waiting(keys.waiting_adjustments(), at_ms, adjustment.id) if waits else {}),
    }  # fmt: skip


def places(adjustment: Adjustment) -> Item:
    """Return where it is listed, and until when it is kept."""
    return keys.placed(_to_item(adjustment))


def from_item(item: Item) -> Adjustment:
    return Adjustment(
        id=keys.owner_of(item),
        asked=AdjustmentRequest(
            item["partner"], item["currency"], item["amount"], AdjustmentKind(item["kind"]), item["reason"],
            item.get("entries", 0), item.get("chain", ""),
        ),
        program_id=item["program"],
        status=AdjustmentStatus(item["status"]),
        requester=item["requester"],
        created_at_ms=item["created"],
        body=item["body"],
        approver=item["approver"],
        decided_at_ms=item["decided"],
        note=item["note"],
        request=item["request"],
        entry=item["entry"],
    )  # fmt: skip
