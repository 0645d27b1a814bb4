"""Programs as items."""

from __future__ import annotations

from collections.abc import Iterator

from refledger.domain.errors import ProgramNotFound
from refledger.domain.programs import Program, ProgramStatus
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, put

IS_NEW = "the program is new"


def create(program: Program) -> Write:
    return put(IS_NEW, _to_item(program))


def find(table: Table, program_id: str) -> Program:
    """Raises ProgramNotFound."""
    item = table.get(keys.program(program_id))
    if item is None:
        raise ProgramNotFound(f"there is no program {program_id}")
    return from_item(item)


def after(table: Table, after: str) -> Iterator[tuple[str, Program]]:
    """(position, program) of the programs whose id sorts after `after`, in the order of their ids."""
    for item in table.query(keys.programs(), after or keys.LOWEST, page_size=100, strong=False):
        if item["sk"] != after:
            yield item["sk"], from_item(item)


def _to_item(program: Program) -> Item:
    item: Item = {
        **keys.program(program.id), "name": program.name, "currency": program.currency,
        "rates": list(program.tier_rates_bps), "hold_days": program.hold_days, "payout_minimum": program.payout_minimum,
        "approval_timeout_seconds": program.approval_timeout_seconds, "status": program.status.value,
        "version": program.version, "created": program.created_at_ms,
    }  # fmt: skip
    if program.auto_approve_limit is not None:
        item["auto_approve_limit"] = program.auto_approve_limit
    return item


def from_item(item: Item) -> Program:
    return Program(
        id=item["sk"],
        name=item["name"],
        currency=item["currency"],
        tier_rates_bps=tuple(item["rates"]),
        hold_days=item["hold_days"],
        payout_minimum=item["payout_minimum"],
        approval_timeout_seconds=item["approval_timeout_seconds"],
        auto_approve_limit=item.get("auto_approve_limit"),
        status=ProgramStatus(item["status"]),
        version=item["version"],
        created_at_ms=item["created"],
    )
