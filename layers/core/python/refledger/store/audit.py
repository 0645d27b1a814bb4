"""Audit entries as items: written once, never changed, found by what was changed and by who did it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from refledger.domain.audit import AuditAction, AuditEntry, Change
from refledger.store import keys
from refledger.store.table import BATCH_LIMIT, Table
from refledger.store.transaction import Item, Write, put

IS_NEW = "the entry is new"


def write(entry: AuditEntry) -> Write:
    """Write an entry under a key that is free.

    What was written down is never written over.
    """
    item = {
        **keys.audit(entry.entity, entry.at_ms, entry.number), "type": entry.type, "part": entry.part,
        "action": entry.action.value, "at": entry.at_ms, "actor": entry.actor, "kind": entry.kind,
        "from": entry.origin, "request": entry.request, "operation": entry.operation,
        "changes": [[each.field, each.before, each.after] for each in entry.changes],
    }  # fmt: skip
    if entry.actor:
        item |= {"listed_in": keys.audit_by(entry.actor), "listed_at": item["sk"]}
    return put(IS_NEW, item)


def of_entity(table: Table, entity: str, before: str, low: str, high: str, page_size: int) -> Iterator[
    tuple[str, AuditEntry]
]:  # fmt: skip
    """Yield (position, entry) of what was done to an entity, newest first, below `before` ("": the end).

    `low`, `high`: bounds of the positions, see `keys.positions`.
    """
    for item in table.query(
        keys.audit_of(entity), low, min(before or keys.HIGHEST, high), page_size=page_size, newest_first=True,
        strong=False,
    ):  # fmt: skip
        if item["sk"] != before:
            yield item["sk"], from_item(item)


def by_actor(
    table: Table, actor: str, before: str, low: str, high: str, page_size: int
) -> Iterator[tuple[str, AuditEntry]]:
    """Yield the same of what somebody did."""
    found = table.query(
        keys.audit_by(actor), low, min(before or keys.HIGHEST, high), index="listed", page_size=page_size,
        newest_first=True,
    )  # fmt: skip
    waiting: list[Item] = []
    for item in found:
        if item["listed_at"] == before:
            continue
        waiting.append(item)
        if len(waiting) == min(page_size, BATCH_LIMIT):
            yield from _whole(table, waiting)
            waiting = []
    if waiting:
        yield from _whole(table, waiting)


def _whole(table: Table, listed: list[Item]) -> Iterator[tuple[str, AuditEntry]]:
    """The entries that the index names; it holds their keys alone."""
    items = table.get_many([{"pk": each["pk"], "sk": each["sk"]} for each in listed], strong=False)
    yield from ((item["listed_at"], from_item(item)) for item in items if item)


def from_item(item: Item) -> AuditEntry:
    changes: list[list[Any]] = item["changes"]
    return AuditEntry(
        entity=keys.owner_of(item),
        type=item["type"],
        part=item["part"],
        action=AuditAction(item["action"]),
        at_ms=item["at"],
        number=keys.id_at(item["sk"]),
        changes=tuple(Change(*each) for each in changes),
        actor=item["actor"],
        kind=item["kind"],
        origin=item["from"],
        request=item["request"],
        operation=item["operation"],
    )
