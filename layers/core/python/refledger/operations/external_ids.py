"""What the owner calls a partner or a referral: found by it, and no two of a program are called the same."""

from __future__ import annotations

from enum import StrEnum

from refledger.domain.errors import ExternalIdTaken
from refledger.operations.context import Context
from refledger.store import external_ids
from refledger.store.transaction import ConditionFailed, Write


class Kind(StrEnum):
    """What has an external id: each kind has its own."""

    PARTNER = "partner"
    REFERRAL = "referral"


def moves(context: Context, kind: Kind, program_id: str, id: str, before: str, after: str) -> list[Write]:
    """Write the guards of an external id that changes from `before` to `after`, "" for none."""
    if before == after:
        return []
    taken = [external_ids.take(_hash(context, kind, program_id, after), id)] if after else []
    return taken + [external_ids.free(_hash(context, kind, program_id, before), id)] * bool(before)


def find(context: Context, kind: Kind, program_id: str, external_id: str) -> str | None:
    """Return the id of what the owner calls so, a little behind; None where nothing is."""
    return external_ids.find(context.table, _hash(context, kind, program_id, external_id))


def refuse(failed: ConditionFailed) -> None:
    """Raise ExternalIdTaken where that is why nothing was written."""
    if external_ids.IS_FREE in failed.items:
        raise ExternalIdTaken("another one of this program has this external id") from None


def _hash(context: Context, kind: Kind, program_id: str, external_id: str) -> str:
    return context.ids.hash("external", kind.value, program_id, external_id)
