"""Looser terms of programs as items: what waits for another admin, and what became of it. None is ever deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from refledger.domain.errors import ProgramChangeNotFound
from refledger.domain.loosening import ChangeStatus, ProgramChange, TermChange
from refledger.store import keys, programs, rules
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, put

IS_NEW = "the change is new"
STILL_WAITS = "nobody decided about the change meanwhile"


def create(change: ProgramChange) -> Write:
    return put(IS_NEW, _to_item(change))


def decide(change: ProgramChange) -> Write:
    """Write the change with what became of it, unless somebody decided in between."""
    return put(STILL_WAITS, _to_item(change), "#status = :pending", pending=ChangeStatus.PENDING.value)


def find(table: Table, program_id: str, change_id: str) -> ProgramChange:
    """Find it by its id.

    Raises ProgramChangeNotFound.
    """
    item = table.get(keys.program_change(program_id, change_id))
    if item is None:
        raise ProgramChangeNotFound("there is no such change of the program")
    return _from_item(item)


def of_program(table: Table, program_id: str, before: str, page_size: int) -> Iterator[tuple[str, ProgramChange]]:
    """Yield (position, change) of a program, newest version first, from below `before`."""
    partition, low, high = keys.program_changes(program_id)
    for item in table.query(partition, low, before or high, page_size=page_size, newest_first=True):
        if item["sk"] != before:
            yield item["sk"], _from_item(item)


def _to_item(change: ProgramChange) -> Item:
    decision = {
        "decider": change.decided_by, "decided": change.decided_at_ms, "note": change.note, "made": change.version,
    }  # fmt: skip
    return {
        **keys.program_change(change.program_id, change.id), "id": change.id, "program": change.program_id,
        "base": change.base_version, "terms": [_term(each) for each in change.terms], "requester": change.asked_by,
        "created": change.asked_at_ms, "expires": change.expires_at_ms, "status": change.stored_status.value,
        **{name: value for name, value in decision.items() if value},
    }  # fmt: skip


def _from_item(item: Item) -> ProgramChange:
    return ProgramChange(
        id=item["id"],
        program_id=item["program"],
        base_version=item["base"],
        terms=tuple(_term_from(each) for each in item["terms"]),
        asked_by=item["requester"],
        asked_at_ms=item["created"],
        expires_at_ms=item["expires"],
        stored_status=ChangeStatus(item["status"]),
        decided_by=item.get("decider", ""),
        decided_at_ms=item.get("decided", 0),
        note=item.get("note", ""),
        version=item.get("made", 0),
    )


def _term(change: TermChange) -> list[Any]:
    return [change.field, change.currency, _value(change.field, change.old), _value(change.field, change.new)]


def _value(field: str, value: Any) -> Any:
    match field:
        case "rules":
            return rules.to_item(value)
        case "exposure":
            return programs.weights_to_item(value) if value else None
        case _:
            return value


def _term_from(told: list[Any]) -> TermChange:
    field, currency, old, new = told
    return TermChange(field, currency, _value_from(field, old), _value_from(field, new))


def _value_from(field: str, value: Any) -> Any:
    match field:
        case "rules":
            return rules.from_item(value)
        case "exposure":
            return programs.weights_from(value) if value else None
        case _:
            return value
