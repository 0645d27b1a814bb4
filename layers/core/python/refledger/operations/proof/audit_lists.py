"""What was done, by what was changed or by who changed it."""

from __future__ import annotations

from collections.abc import Iterator

from refledger.domain.audit import AuditEntry
from refledger.operations.context import Context
from refledger.store import audit, keys


def entries(
    context: Context, entity: str | None, actor: str | None, from_ms: int | None, to_ms: int | None, before: str,
    limit: int,
) -> Iterator[tuple[str, AuditEntry]]:  # fmt: skip
    """List (position, entry) of an entity, or else of an actor, newest first, beyond `before`."""
    find, of = (audit.of_entity, entity) if entity else (audit.by_actor, actor)
    return find(context.table, of or "", before, *keys.positions(from_ms, to_ms), limit)
