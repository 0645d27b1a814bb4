"""The table's stream becomes the audit: what people did, and what became of things by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from refledger.domain.audit import AuditAction, AuditEntry, compare, network
from refledger.operations.context import Context
from refledger.store import audit, keys
from refledger.store.audit_actor import actor_of
from refledger.store.stream import Record
from refledger.store.transaction import ConditionFailed

# Of these it is told, too, when nobody was at work and the status moved; rewards, payments and entries of the journal
# are facts that are their own record.
BY_THEMSELVES = frozenset({"PARTNER", "PROGRAM", "REFERRAL", "WITHDRAWAL", "ADJUSTMENT", "APPLICATION", "INVITATION"})
PARTNER = "partner"  # the kind of an actor who is neither staff nor a service


def write_down(context: Context, records: Iterable[Record]) -> int:
    """Return one entry for each record that is worth it, each once: a repeat finds it there.

    Returns how many were new.
    """
    written = 0
    for entry in filter(None, map(entry_of, records)):
        try:
            context.table.commit(audit.write(entry))
        except ConditionFailed:
            continue
        written += 1
    return written


def entry_of(record: Record) -> AuditEntry | None:
    """Return what a record says that people may ask about, None where it says nothing of the kind."""
    told = keys.told_of(record.item)
    if told is None or record.expired:
        return None
    type, entity, part = told
    who = actor_of(record.old, record.new)
    # What moves of a partner's rewards when they ask for money matures: nobody decided about it
    if type == "REWARD" and who and who.kind == PARTNER:
        return None
    changes = compare(record.old, record.new)
    if not changes or not (who or (record.is_moved and type in BY_THEMSELVES and not part)):
        return None
    action = AuditAction.CREATED if not record.old else AuditAction.CHANGED if record.new else AuditAction.DELETED
    entry = AuditEntry(entity, type, part, action, record.at_ms, record.number, changes)
    if who is None:
        return entry
    # Staff and services are answerable for what they do; of others the network is enough to see a pattern
    origin = network(who.origin) if who.kind == PARTNER else who.origin
    return replace(entry, actor=who.by, kind=who.kind, origin=origin, request=who.request, operation=who.what)
