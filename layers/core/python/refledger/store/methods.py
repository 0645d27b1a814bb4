"""Payout methods as items: cipher text and what may be shown. Never deleted, because withdrawals refer to them."""

from __future__ import annotations

from collections.abc import Sequence

from refledger.domain.errors import MethodNotFound
from refledger.domain.methods import MAX_ACTIVE, MAX_EVER, MethodType, PayoutMethod
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import NOT_THERE, Item, Write, check, put, update

IS_NEW = "the payout method is new"
HAS_ROOM = "the partner may have one more payout method"
IS_ACTIVE = "the payout method is in use"


def create(method: PayoutMethod) -> list[Write]:
    """Write the method, and the count of the partner's methods, which has a limit."""
    return [
        put(IS_NEW, _to_item(method)),
        update(
            HAS_ROOM, keys.method_count(method.partner_id), "ADD #active :one, #ever :one",
            f"{NOT_THERE} OR (#active < :most AND #ever < :limit)", one=1, most=MAX_ACTIVE, limit=MAX_EVER,
        ),
    ]  # fmt: skip


def disable(method: PayoutMethod, now_ms: int) -> list[Write]:
    """Takes it out of use, once."""
    return [
        update(
            IS_ACTIVE, keys.method(method.partner_id, method.id, method.version), "SET #disabled = :now",
            "#disabled = :no", now=now_ms, no=0,
        ),
        update("the methods are counted", keys.method_count(method.partner_id), "ADD #active :less", less=-1),
    ]  # fmt: skip


def note_account(method: PayoutMethod, account_hash: str) -> Write:
    """Say of a method from before which account it is."""
    return update(
        "the payout method is there", keys.method(method.partner_id, method.id, method.version), "SET #same = :hash",
        "attribute_exists(pk)", hash=account_hash,
    )  # fmt: skip


def verify(method: PayoutMethod, by: str, now_ms: int) -> Write:
    """Note who vouches for it, once, and only while it is in use."""
    return update(
        IS_ACTIVE, keys.method(method.partner_id, method.id, method.version),
        "SET #verified = :now, #verifier = :by", "#disabled = :no AND #verified = :no", now=now_ms, by=by, no=0,
    )  # fmt: skip


def still_as_read(method: PayoutMethod) -> Write:
    """Demand that nobody took it out of use, or vouched for it, since it was read."""
    return check(
        "the payout method is as it was read", keys.method(method.partner_id, method.id, method.version),
        "#disabled = :disabled AND #verified = :verified", disabled=method.disabled_at_ms,
        verified=method.verified_at_ms,
    )  # fmt: skip


def find(table: Table, partner_id: str, method_id: str, version: int) -> PayoutMethod:
    """Return the version that a withdrawal names, in use or not. Raises MethodNotFound."""
    item = table.get(keys.method(partner_id, method_id, version))
    if item is None:
        raise MethodNotFound("there is no such payout method")
    return from_item(item)


def current(table: Table, partner_id: str, method_id: str) -> PayoutMethod:
    """Its newest version, in use or not. Raises MethodNotFound."""
    versions = keys.versions_of_method(partner_id, method_id)
    for item in table.query(*versions, page_size=1, newest_first=True):
        return from_item(item)
    raise MethodNotFound("there is no such payout method")


def many(table: Table, wanted: Sequence[tuple[str, str, int]]) -> dict[tuple[str, str, int], PayoutMethod]:
    """Return those of (partner, id, version) that exist."""
    unique = list(dict.fromkeys(wanted))
    found = table.get_many([keys.method(*each) for each in unique])
    return {each: from_item(item) for each, item in zip(unique, found, strict=True) if item}


def of_partner(table: Table, partner_id: str) -> list[PayoutMethod]:
    """Return all that the partner ever had, at most MAX_EVER, oldest first."""
    found = map(from_item, table.query(*keys.methods(partner_id)))
    return sorted(found, key=lambda method: (method.created_at_ms, method.id, method.version))


def active_ones(table: Table, partner_id: str) -> int:
    """Return how many a partner has in use, as that was counted."""
    item = table.get(keys.method_count(partner_id))
    return item["active"] if item else 0


def from_item(item: Item) -> PayoutMethod:
    method_id, version = keys.method_in(item)
    return PayoutMethod(
        id=method_id,
        partner_id=keys.owner_of(item),
        version=version,
        type=MethodType(item["type"]),
        holder=item["holder"],
        masked=item["masked"],
        cipher=bytes(item["cipher"]),
        created_at_ms=item["created"],
        verified_at_ms=item["verified"],
        verified_by=item["verifier"],
        disabled_at_ms=item["disabled"],
        account_hash=item.get("same", ""),
    )


def _to_item(method: PayoutMethod) -> Item:
    return {
        **keys.method(method.partner_id, method.id, method.version), "type": method.type.value,
        "holder": method.holder, "masked": method.masked, "cipher": method.cipher, "created": method.created_at_ms,
        "verified": method.verified_at_ms, "verifier": method.verified_by, "disabled": method.disabled_at_ms,
        "same": method.account_hash,
    }  # fmt: skip
