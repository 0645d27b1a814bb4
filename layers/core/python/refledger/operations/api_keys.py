"""API keys: made and shown once, rotated, revoked, and looked up by whoever calls with one."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from refledger.domain.api_keys import (
    BELIEVED,
    MAX_KEYS,
    OVERLAP_HOURS,
    SECRET_BYTES,
    USE_NOTED_MS,
    ApiKey,
    ApiKeyStatus,
    id_in,
    secret_of,
    text_of,
)
from refledger.domain.errors import ApiKeyNotFound, TooManyApiKeys, Unauthenticated
from refledger.domain.times import DAY_MS
from refledger.operations.context import Context, busy_on_conflict, of_table, retry_on_conflict
from refledger.operations.idempotency import Once
from refledger.store import api_keys
from refledger.store.transaction import ConditionFailed, RetryableConflict

REFUSED = "the API key is unknown, or it has expired, was revoked or is not confirmed"  # the same for all of these


@dataclass(frozen=True)
class NewKey:
    """What a key is to be. `days`: after which it opens nothing; 0 for never."""

    name: str
    scopes: tuple[str, ...]
    live: bool
    days: int = 0


def create(context: Context, new: NewKey, by: str, request: Once) -> tuple[ApiKey, str]:
    """Return the key and its text, which is chance and kept nowhere: "" for the repeat of a request.

    With a scope that is believed it waits for another admin. Idempotent by `request`. Raises TooManyApiKeys, KeyReused.
    """
    id, now_ms = context.ids.new(), context.now_ms()
    text = text_of(id, secrets.token_bytes(SECRET_BYTES), live=new.live)
    made = ApiKey(
        id=id,
        name=new.name,
        live=new.live,
        scopes=new.scopes,
        status=ApiKeyStatus.WAITING if BELIEVED & set(new.scopes) else ApiKeyStatus.ACTIVE,
        made_by=by,
        made_at_ms=now_ms,
        secrets=(secret_of(text),),
        expires_at_ms=now_ms + new.days * DAY_MS if new.days else 0,
    )
    return _create(context, made, text, request)


@retry_on_conflict
def _create(context: Context, made: ApiKey, text: str, request: Once) -> tuple[ApiKey, str]:
    if earlier := request.found(context):
        return api_keys.find(context.table, earlier.api_key), ""
    if api_keys.count_open(context.table) >= MAX_KEYS:
        raise TooManyApiKeys(f"there are {MAX_KEYS} keys: revoke one first")
    try:
        context.table.commit(api_keys.create(made), request.guard(api_key=made.id))
    except ConditionFailed as failed:
        if earlier := request.earlier(failed):
            return api_keys.find(context.table, earlier.api_key), ""
        raise
    return made, text


@retry_on_conflict
def confirm(context: Context, key_id: str, by: str) -> ApiKey:
    """Let a key open that waits for another admin.

    Idempotent for who did. Raises ApiKeyNotFound, SecondPersonNeeded for who made it, AlreadyDecided, Conflict.
    """
    old = api_keys.find(context.table, key_id)
    if old.status is ApiKeyStatus.ACTIVE and old.decided_by == by:
        return old
    new = old.confirmed(by, context.now_ms())
    context.table.commit(api_keys.change(old, new))
    return new


def rotate(
    context: Context, key_id: str, by: str, request: Once, overlap_hours: int = OVERLAP_HOURS
) -> tuple[ApiKey, str]:
    """Return the key and another text that opens; those until now do for so many hours more.

    Idempotent by `request`: its repeat is answered with the key as it is, and "". A text that got lost on its way is
    had by another rotation, which takes nothing from the one that is in use. Raises ApiKeyNotFound, Forbidden for who
    did not make it, Conflict, KeyReused.
    """
    live = api_keys.find(context.table, key_id).live
    text = text_of(key_id, secrets.token_bytes(SECRET_BYTES), live=live)
    return _rotate(context, key_id, by, request, overlap_hours, text)


@retry_on_conflict
def _rotate(context: Context, key_id: str, by: str, request: Once, overlap_hours: int, text: str) -> tuple[ApiKey, str]:
    old = api_keys.find(context.table, key_id)
    if request.found(context):
        return old, ""
    new = old.rotated(secret_of(text), by, overlap_hours, context.now_ms())
    try:
        context.table.commit(api_keys.change(old, new), request.guard(api_key=key_id))
    except ConditionFailed as failed:
        if request.earlier(failed):
            return api_keys.find(context.table, key_id), ""
        raise
    return new, text


@retry_on_conflict
def revoke(context: Context, key_id: str, by: str) -> ApiKey:
    """Take a key back: from the next call on it opens nothing, nor does any of its secrets.

    Idempotent. Raises ApiKeyNotFound.
    """
    old = api_keys.find(context.table, key_id)
    if old.status is ApiKeyStatus.REVOKED:
        return old
    new = old.revoked(by, context.now_ms())
    context.table.commit(api_keys.change(old, new))
    return new


def authenticated(context: Context, text: str, *, live: bool) -> ApiKey:
    """Return the key whose text this is, if it opens anything now.

    It is read at each call, so that a revocation holds from the next one on. Raises Unauthenticated, which says nothing
    of why; Busy.
    """
    id = id_in(text)
    try:
        with busy_on_conflict():
            found = api_keys.find(context.table, id) if id else None
    except ApiKeyNotFound:
        found = None
    if found is None or found.live is not live or not found.opens(text, context.now_ms()):
        raise Unauthenticated(REFUSED)
    return found


def note_use(context: Context, key: ApiKey) -> None:
    """Write down that a key is in use, once an hour: whoever else does that at the same time has done it."""
    if (now_ms := context.now_ms()) - key.used_at_ms < USE_NOTED_MS:
        return
    with suppress(RetryableConflict):
        context.table.commit(api_keys.use(key, now_ms))


def listed(context: Context, before: str, limit: int) -> Iterator[tuple[str, str]]:
    """List (position, id) of all, newest first."""
    return api_keys.newest(context.table, before, limit)


def many(context: Context, ids: Sequence[str]) -> list[ApiKey]:
    """Read those of these ids that there are."""
    return api_keys.many(context.table, ids)


find = of_table(api_keys.find)
