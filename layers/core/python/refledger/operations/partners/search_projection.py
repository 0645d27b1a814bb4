"""Search rows follow the partners, by way of the table's stream."""

from __future__ import annotations

from collections.abc import Iterable

from refledger.domain.partners import Partner
from refledger.operations.context import Context
from refledger.store import partners, search
from refledger.store.images import Entity
from refledger.store.stream import Record


def follow(context: Context, records: Iterable[Record]) -> None:
    """Make each partner's rows what the partner says now, in whatever order the changes come."""
    told = [(_partner(record.before), _partner(record.after)) for record in records]
    changes = [(partner.id, old, new) for old, new in told if (partner := new or old)]
    ids = list(dict.fromkeys(id for id, _, _ in changes))
    now = {each.id: each for each in partners.many(context.table, ids, strong=True)}
    for id, old, new in changes:
        for write in search.settle(old, new, now.get(id)):
            context.table.commit(write)


def _partner(entity: Entity | None) -> Partner | None:
    return entity if isinstance(entity, Partner) else None
