"""Keys of the audit, of exposures, and of what verifies the books; what a key says to the audit."""

from __future__ import annotations

from typing import Final

from refledger.store.keys.form import Key, _key, is_root, kind_of, owner_of

# Kinds of items of which people ask who did what
AUDITED: Final = frozenset({
    "PROGRAMS", "PROGRAM", "PARTNER", "REFERRAL", "REWARD", "WITHDRAWAL", "ADJUSTMENT", "BATCH", "APPLICATION",
    "INVITATION", "JOB", "PAYMENT", "API_KEY",
})  # fmt: skip
_FOLLOWS: Final = ("BALANCE#", "DUE#", "OVERDUE", "CAP#")  # what lies under a partner and follows from other items
_WHOLE: Final = AUDITED - {"PROGRAMS", "PROGRAM"}
_PARTS: Final = {
    ("PARTNER", "METHOD"): "PAYOUT_METHOD", ("PARTNER", "CODE"): "CODE", ("PARTNER", "NOTE"): "NOTE",
    ("WITHDRAWAL", "NOTE"): "NOTE", ("WITHDRAWAL", "ACCOUNT_SHOWN"): "ACCOUNT", ("BATCH", "DOWNLOAD"): "DOWNLOAD",
}  # fmt: skip


def audit(entity: str, at_ms: int, number: str) -> Key:
    """An entry of what was done to an entity. `number`: the stream's, so a repeat meets what is there."""
    return _key(audit_of(entity), f"{at_ms}#{number}")


def audit_of(entity: str) -> str:
    return f"AUDIT#{entity}"


def audit_by(actor: str) -> str:
    """Entries of what somebody did, to whatever."""
    return f"AUDIT_BY#{actor}"


def exposure_of_partner(partner_id: str) -> Key:
    """The exposure of a partner: what a day has seen of them, and who did what for them."""
    return _key(f"EXPOSURE#PARTNER#{partner_id}")


def exposure_of_actor(actor: str) -> Key:
    """The exposure by somebody on the staff, or a service (keyed hash): what a day has seen of them."""
    return _key(f"EXPOSURE#ACTOR#{actor}")


def exposure_of_caller(caller: str, day: str) -> Key:
    """The exposure by a service (keyed hash) that tells of sales: what one day (UTC) has seen."""
    return _key(f"EXPOSURE#CALLER#{caller}", day)


def touched(lane: int, at_ms: int, number: str) -> Key:
    """The partners whose money a batch of the stream is about. `number`: of its first record."""
    return _key(f"TOUCHED#{lane}", f"{at_ms:013d}#{number}")


def touched_within(lane: int, from_ms: int, until_ms: int) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of what was written from `from_ms` to before `until_ms`."""
    return f"TOUCHED#{lane}", f"{from_ms:013d}", f"{until_ms:013d}"


def touched_at(key: Key) -> int:
    """Read when it was written, in epoch milliseconds."""
    return int(key["sk"].partition("#")[0])


def finding(kind: str, id: str) -> Key:
    """A fault of a partner's books, or of a payment."""
    return _key("FINDINGS", f"{kind}#{id}")


def findings() -> str:
    return "FINDINGS"


def subject_of(finding: Key) -> tuple[str, str]:
    """Its kind and id."""
    kind, _, id = finding["sk"].partition("#")
    return kind, id


def is_audited(key: Key) -> bool:
    """Return whether people may ask who changed it: not for what follows from other items.

    Balances, entries, counters and guards follow from what is.
    """
    kind, sort_key = kind_of(key), key["sk"]
    return kind in AUDITED and not (kind == "PARTNER" and sort_key.startswith(_FOLLOWS))


def told_of(key: Key) -> tuple[str, str, str] | None:
    """Return what an audited item is, the id of the entity under which it is told, and which part.

    "" for the whole of the entity. None for what says nothing to people: versions, counts, cursors, tokens.
    """
    kind, sort_key = kind_of(key), key["sk"]
    if kind == "PROGRAMS":
        return "PROGRAM", sort_key, ""
    head, _, rest = sort_key.partition("#")
    if kind == "PROGRAM":
        return ("PROGRAM_CHANGE", owner_of(key), rest) if head == "CHANGE" else None
    if kind in ("REFERRAL", "REWARD"):
        return kind, owner_of(key) + sort_key, ""
    if is_root(key):
        return (kind, owner_of(key), "") if kind in _WHOLE else None
    name = _PARTS.get((kind, head)) if rest else None
    return (name, owner_of(key), rest.partition("#")[0]) if name else None
