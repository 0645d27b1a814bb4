"""Click ids, made when somebody follows a share link and believed when they come back with a lead or a payment."""

from __future__ import annotations

import hmac
import secrets

from refledger.domain import clicks
from refledger.domain.clicks import Click
from refledger.operations.context import Context
from refledger.store import codes


def id_of(context: Context, click: Click) -> str:
    """Return an id of the click that no other has."""
    return clicks.id_of(click, secrets.token_bytes(clicks.NOISE_BYTES), _tag(context))


def find(context: Context, id: str, at_ms: int) -> Click | None:
    """Return the click by which somebody came who signs up or pays at `at_ms`.

    None for what is no id of ours, for a code that is gone, and for a click of longer ago than its program keeps them.
    """
    if (parts := clicks.split(id)) is None or not hmac.compare_digest(
        _tag(context)(parts[0])[: len(parts[1])], parts[1]
    ):
        return None
    click = clicks.read(parts[0])
    guard = codes.guard_of(context.table, click.code)
    if guard is None:
        return None
    links = context.program(guard.program_id).links
    return click if click.counts_at(at_ms, links.cookie_days if links else 0) else None


def _tag(context: Context) -> clicks.Tag:
    return lambda told: context.ids.digest("click", told.hex())
