"""API keys as items: found by the id in their text, of which only hashes are kept. None is ever deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from refledger.domain.api_keys import MAX_KEYS, ApiKey, ApiKeyStatus, KeySecret
from refledger.domain.errors import ApiKeyNotFound
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, put, update

IS_NEW = "the key is new"
IS_AS_READ = "the key is as it was read"
CHANGES = ("status", "secrets", "version", "decider", "decided", "rotated", "revoker", "revoked")


def create(key: ApiKey) -> Write:
    return put(IS_NEW, _to_item(key))


def change(old: ApiKey, new: ApiKey) -> Write:
    """Confirmed, rotated or revoked; when it was used last may be written at the same time, and stays."""
    item = _to_item(new)
    sets = ", ".join(f"#{name} = :{name}" for name in CHANGES)
    removed = " REMOVE #waits_in, #waits_at" if new.status is ApiKeyStatus.REVOKED else ""
    return update(
        IS_AS_READ, keys.api_key(new.id), f"SET {sets}{removed}", "#version = :was", was=old.version,
        **{name: item[name] for name in CHANGES},
    )  # fmt: skip


def use(key: ApiKey, now_ms: int) -> Write:
    """Note that it was used, unless somebody noted that just now."""
    return update(
        "nobody noted it just now", keys.api_key(key.id), "SET #last_used = :now",
        "attribute_exists(pk) AND #last_used = :was", now=now_ms, was=key.used_at_ms,
    )  # fmt: skip


def find(table: Table, key_id: str) -> ApiKey:
    """Find it by its id, as it is now. Raises ApiKeyNotFound."""
    item = table.get(keys.api_key(key_id))
    if item is None:
        raise ApiKeyNotFound("there is no such API key")
    return from_item(item)


def many(table: Table, ids: Sequence[str]) -> list[ApiKey]:
    """Return those that exist, in the order of the ids."""
    return [from_item(item) for item in table.get_many([keys.api_key(id) for id in ids]) if item]


def newest(table: Table, before: str, page_size: int) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of all, newest first, from below the position `before`."""
    high = before or keys.HIGHEST
    for item in table.query(keys.all_api_keys(), high=high, index="listed", page_size=page_size, newest_first=True):
        if item["listed_at"] != before:
            yield item["listed_at"], keys.owner_of(item)


def count_open(table: Table) -> int:
    """Count those that are not revoked, up to as many as there may be; what is new may be a moment late."""
    found = table.query(keys.open_api_keys(), index="waiting", page_size=MAX_KEYS)
    return sum(1 for _, _ in zip(range(MAX_KEYS), found, strict=False))


def _to_item(key: ApiKey) -> Item:
    waits = keys.waiting(keys.open_api_keys(), key.made_at_ms, key.id)
    return {
        **keys.api_key(key.id), "name": key.name, "live": key.live, "scopes": list(key.scopes),
        "status": key.status.value, "requester": key.made_by, "created": key.made_at_ms,
        "secrets": [[each.hash, each.last, each.until_ms] for each in key.secrets], "version": key.version,
        "expires": key.expires_at_ms, "decider": key.decided_by, "decided": key.decided_at_ms,
        "rotated": key.rotated_at_ms, "revoker": key.revoked_by, "revoked": key.revoked_at_ms,
        "last_used": key.used_at_ms, **keys.listed(keys.all_api_keys(), key.made_at_ms, key.id),
        **({} if key.status is ApiKeyStatus.REVOKED else waits),
    }  # fmt: skip


def from_item(item: Item) -> ApiKey:
    return ApiKey(
        id=keys.owner_of(item),
        name=item["name"],
        live=item["live"],
        scopes=tuple(item["scopes"]),
        status=ApiKeyStatus(item["status"]),
        made_by=item["requester"],
        made_at_ms=item["created"],
        secrets=tuple(KeySecret(*each) for each in item["secrets"]),
        version=item["version"],
        expires_at_ms=item["expires"],
        decided_by=item["decider"],
        decided_at_ms=item["decided"],
        rotated_at_ms=item["rotated"],
        revoked_by=item["revoker"],
        revoked_at_ms=item["revoked"],
        used_at_ms=item["last_used"],
    )
