"""What of an item says who somebody is, and the item without it: ids, amounts, moments and keyed hashes stay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from refledger.domain.audit import AuditAction, AuditEntry, Change
from refledger.domain.likeness import TraitKind
from refledger.domain.methods import PayoutMethod
from refledger.domain.partners import Partner
from refledger.domain.referrals import DELETED
from refledger.store import audit, audit_actor, keys, methods, partners, search
from refledger.store.audit_actor import Actor
from refledger.store.table import BATCH_LIMIT, Table
from refledger.store.transaction import Item, Write, delete, update

FORGOTTEN: Final = "(forgotten)"  # stands for a text that must be there, and in the audit for whatever was
IS_THERE = "attribute_exists(pk)"

_OWNER_DATA: Final[Item] = {"external": "", "metadata": {}}  # the owner's id of somebody, and what they like
_PERSON: Final[Item] = {"first_name": "", "last_name": "", "email": "", "phone": "", "company": ""}
# By what an item is told as: the attributes that are personal, or in which people write what they like, and what they
# become. A payout method's cipher text goes: without it nobody opens the account again.
_PERSONAL: Final[dict[str, Item]] = {
    "PARTNER": {**_PERSON, **_OWNER_DATA, "tags": [], "reason": ""},
    "PAYOUT_METHOD": {"holder": "", "masked": "", "cipher": b"", "same": ""},
    "CODE": {"label": ""},
    "NOTE": {"text": ""},
    "APPLICATION": {**_PERSON, "message": "", "reason": ""},
    "INVITATION": {**_PERSON, "tags": []},
    "REFERRAL": {**_OWNER_DATA, "note": "", "tags": [], "lead": "", "customer_id": ""},
    "ADJUSTMENT": {"reason": FORGOTTEN, "note": ""},
    "REWARD": {"note": ""},
    "PAYMENT": {"note": FORGOTTEN},  # of a reward by hand
}
_ALSO_IN_AUDIT: Final = {"tags", "lead", "label"}  # anybody on the staff may see them, and they may say who it is


def blank(item: Item, *only: str) -> Write | None:
    """Take away what is personal in the item, or `only` these attributes.

    None where nothing is left to do.

    The stream tells of it as of what nobody did: nothing of what was there goes into the audit.
    """
    return _without(item, {name: value for name, value in _blanks(item).items() if not only or name in only})


def unsigned(item: Item) -> Write | None:
    """Take away who wrote the item last, where that was no staff, and the address they called from."""
    return _without(item, {})


def is_personal(item: Item) -> bool:
    """Return whether there is anything in it that `blank` takes away, beside who wrote it."""
    return bool(_blanks(item))


def _blanks(item: Item) -> Item:
    told = keys.told_of(item)
    fields = _PERSONAL.get(told[0], {}) if told else {}
    if told and told[0] == "WITHDRAWAL" and any(item["method"][3:]):
        return {"method": [*item["method"][:3], "", ""]}
    if told and told[0] == "REFERRAL" and item.get("reason", DELETED) != DELETED:
        fields = {**fields, "reason": FORGOTTEN}
    return {name: value for name, value in fields.items() if item.get(name, value) != value}


def _without(item: Item, new: Item) -> Write | None:
    own = item.get("who", {}).get("kind") == "partner"
    if not new and not own:
        return None
    condition, told, was = IS_THERE, keys.told_of(item), {}
    if new and told and told[0] == "REFERRAL":  # who changes it meanwhile neither loses a guard nor brings it back
        version = item.get("version", 1)
        condition += " AND (#version = :was OR attribute_not_exists(#version))"
        new = {**new, "version": version + 1}
        was = {"was": version}
    setting = "SET " + ", ".join(f"#{name} = :{name}" for name in new) if new else ""
    key = {"pk": item["pk"], "sk": item["sk"]}
    change = f"{setting} REMOVE #who".strip() if own else setting
    return update("the item is there", key, change, condition, **was, **new)


def blank_entry(item: Item, *, origin_too: bool = False) -> Write | None:
    """Take away what is personal in an entry of the audit.

    `origin_too`: and the network of who did it.
    """
    changes: list[list[Any]] = item["changes"]
    kept = [[name, _hidden(name, before), _hidden(name, after)] for name, before, after in changes]
    origin = "" if origin_too or item["kind"] == "partner" else item["from"]
    if kept == changes and origin == item["from"]:
        return None
    key = {"pk": item["pk"], "sk": item["sk"]}
    return update("the entry is there", key, "SET #changes = :changes, #from = :from", IS_THERE,
                  **{"changes": kept, "from": origin})  # fmt: skip


def _hidden(name: str, value: Any) -> Any:
    personal = Change(name, None, None).is_personal or name in _ALSO_IN_AUDIT
    return FORGOTTEN if personal and value not in (None, "", [], b"") else value


def forget(old: Partner, email: str, traits: dict[TraitKind, str], by: Write, now_ms: int) -> list[Write]:
    """Make an unchanged partner a tombstone, and take away what led to them by their name.

    Fails where somebody changed them since they were read.

    `email`: keyed hash, "" for none. `by`: the entry that says so.
    """
    key, version = keys.partner(old.id), old.version + 1
    fields = _PERSONAL["PARTNER"]
    setting = ", ".join(f"#{name} = :{name}" for name in fields)
    tombstone = update(
        partners.IS_UNCHANGED, key, f"SET {setting}, #forgotten = :now, #version = :version REMOVE #who",
        "#version = :was", **fields, now=now_ms, version=version, was=old.version,
    )  # fmt: skip
    writes = [tombstone, by, *search.follow(old, None)]
    if email:
        writes.append(delete("the address is the partner's", keys.email(email), _ITS, id=old.id))
    return writes + [delete("the row may be gone", keys.alike(kind, it, old.id), "") for kind, it in traits.items()]


_ITS = "attribute_not_exists(pk) OR #partner = :id"


def forget_method(method: PayoutMethod, item: Item, now_ms: int) -> list[Write]:
    """Take a payout method out of use, and away its account and that others had that account in common."""
    gone, writes = blank(item), methods.disable(method, now_ms) if method.is_active else []
    if gone and writes:  # an item is written once in a transaction
        first = writes[0]
        rest = gone.change.removeprefix("SET ")
        both = f"{first.change}{' ' if rest == gone.change else ', '}{rest}"
        writes[0] = update(first.name, first.target, both, first.condition, **{**first.values, **gone.values})
    elif gone:
        writes = [gone]
    if method.account_hash:
        row = keys.alike(TraitKind.ACCOUNT, method.account_hash, method.partner_id)
        writes.append(delete("the row may be gone", row, ""))
    return writes


def blank_lead(table: Table, hashed: str) -> list[Write]:
    """Take away the words in which a CRM told why a lead was lost."""
    item = table.get(keys.lead_facts(hashed))
    if not item or not item["reason"]:
        return []
    change = "SET #reason = :none ADD #version :one"  # whoever works on the same reads it again
    return [update("the facts are there", keys.lead_facts(hashed), change, IS_THERE, none="", one=1)]


def told(entity: str, type: str, at_ms: int) -> Write:
    """That who calls, or who operates the deployment, had it forgotten: without a word about who it was."""
    who = audit_actor.current() or Actor("", "operator", "", "", "forget")
    return audit.write(AuditEntry(
        entity, type, "", AuditAction.CHANGED, at_ms, "forgotten", (Change("forgotten", None, at_ms),), actor=who.by,
        kind=who.kind, origin=who.origin, request=who.request, operation=who.what,
    ))  # fmt: skip


def named_payments(table: Table, customer: str) -> Iterator[Write]:
    """Yield the writes that take what the owner calls a customer (keyed hash) from payments of nobody."""
    for item in table.query(keys.of_customer(customer)):
        if "customer_id" in item:
            yield update(
                "the item is there", {"pk": item["pk"], "sk": item["sk"]}, "REMOVE #customer_id", IS_THERE
            )  # fmt: skip


# ---------------------------------------------------------------- what is looked at


def under_partner(table: Table, partner_id: str) -> Iterator[Item]:
    """Payout methods, how many they are, codes and notes."""
    for rows in (keys.methods(partner_id), keys.partner_codes(partner_id), keys.notes(partner_id)):
        yield from table.query(*rows)
    if count := table.get(keys.method_count(partner_id)):
        yield count


def entries_of(table: Table, entity: str) -> Iterator[Item]:
    """Return the audit of an entity."""
    return table.query(keys.audit_of(entity))


def entries_by(table: Table, actor: str) -> Iterator[Item]:
    """Yield what somebody did, to whatever."""
    return _whole(table, table.query(keys.audit_by(actor), index="listed"))


def applications(table: Table) -> Iterator[Item]:
    """Yield all of them: nothing leads from a partner to theirs."""
    return _whole(table, table.query(keys.all_applications(), index="listed"))


def invitations(table: Table) -> Iterator[Item]:
    return _whole(table, table.query(keys.all_invitations(), index="listed"))


def withdrawals_of(table: Table, partner_id: str) -> Iterator[Item]:
    return _whole(table, table.query(keys.withdrawals_of_partner(partner_id), index="listed"))


def adjustments_of(table: Table, partner_id: str) -> Iterator[Item]:
    return _whole(table, table.query(keys.adjustments_of_partner(partner_id), index="listed"))


def notes_of_withdrawal(table: Table, withdrawal_id: str) -> Iterator[Item]:
    return (item for item in table.query(*keys.withdrawal_and_notes(withdrawal_id)) if not keys.is_root(item))


def _whole(table: Table, listed: Iterator[Item]) -> Iterator[Item]:
    """The items that an index names; it holds their keys alone."""
    waiting: list[keys.Key] = []
    for item in listed:
        waiting.append({"pk": item["pk"], "sk": item["sk"]})
        if len(waiting) == BATCH_LIMIT:
            yield from (found for found in table.get_many(waiting) if found)
            waiting = []
    if waiting:
        yield from (found for found in table.get_many(waiting) if found)
