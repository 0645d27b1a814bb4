"""Partners' codes: guards that make each, and what it looks like, one of its kind; and those beside the main one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refledger.domain.codes import CodeStatus, PartnerCode, fold, is_made
from refledger.domain.errors import CodeNotFound
from refledger.domain.partners import Partner
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, put, update

CODE_IS_FREE = "the code is free"
LOOKS_LIKE_NO_OTHER = "no other code looks like it"
IS_UNCHANGED = "the code is as it was read"


@dataclass(frozen=True)
class CodeGuard:
    """Whose a code is. `is_active`: it may bind somebody, as far as the code goes."""

    partner_id: str
    program_id: str
    is_active: bool


def guards(code: str, partner_id: str, program_id: str) -> list[Write]:
    """Return what keeps the code the partner's for ever, whatever becomes of either."""
    guard = {"partner": partner_id, "program": program_id}
    return [
        put(CODE_IS_FREE, {**keys.code(code), **guard, "status": CodeStatus.ACTIVE.value}),
        put(LOOKS_LIKE_NO_OTHER, {**keys.look(fold(code)), "code": code, "partner": partner_id}),
    ]


def guard_from(item: Item) -> CodeGuard:
    status = CodeStatus(item.get("status", CodeStatus.ACTIVE))
    return CodeGuard(item["partner"], item["program"], is_active=status is CodeStatus.ACTIVE)


def create(code: PartnerCode) -> Write:
    """Write a code beside the main one."""
    return put("the partner's code is new", {
        **keys.partner_code(code.partner_id, code.code), "code": code.code, "label": code.label,
        "campaign": code.campaign, "status": code.status.value, "created": code.created_at_ms, "vanity": code.vanity,
    })  # fmt: skip


def change_status(old: PartnerCode, status: CodeStatus) -> list[Write]:
    """Write the code, and the guard that those who apply it read."""
    return [
        update(
            IS_UNCHANGED, keys.partner_code(old.partner_id, old.code), "SET #status = :status", "#status = :was",
            status=status.value, was=old.status.value,
        ),
        update(
            "the code is the partner's", keys.code(old.code), "SET #status = :status", "#partner = :id",
            status=status.value, id=old.partner_id,
        ),
    ]  # fmt: skip


def find(table: Table, partner_id: str, code: str) -> PartnerCode:
    """Return one beside the main one. Raises CodeNotFound."""
    item = table.get(keys.partner_code(partner_id, code))
    if item is None:
        raise CodeNotFound("the partner has no such code")
    return from_item(item)


def of_partner(table: Table, partner: Partner, *, strong: bool = False) -> list[PartnerCode]:
    """Return all of them, the main one first."""
    more = table.query(*keys.partner_codes(partner.id), strong=strong)
    return [main_of(partner), *map(from_item, more)]


def main_of(partner: Partner) -> PartnerCode:
    """The partner's main code, which has no item: that somebody chose it is told from how it looks."""
    return PartnerCode(
        partner.id, partner.code, partner.created_at_ms, vanity=not is_made(partner.code), main=True
    )  # fmt: skip


def guard_of(table: Table, code: str | None, *, strong: bool = True) -> CodeGuard | None:
    """Return whose code it is, in which program, and whether it is active; None: nobody's."""
    item = table.get(keys.code(code), strong=strong) if code else None
    return guard_from(item) if item else None


def owners(table: Table, codes: Sequence[str]) -> dict[str, str]:
    """Return whose codes these are, by code; nobody's are not among them."""
    found = table.get_many([keys.code(code) for code in codes])
    return {code: item["partner"] for code, item in zip(codes, found, strict=True) if item}


def unguarded(table: Table, owned: Sequence[PartnerCode]) -> list[str]:
    """Return those codes that are not their partner's alone.

    By their guards, and by those of what they look like.
    """
    asked = {keys.code(each.code)["pk"]: keys.code(each.code) for each in owned}
    asked |= {keys.look(fold(each.code))["pk"]: keys.look(fold(each.code)) for each in owned}
    found = {key: item or {} for key, item in zip(asked, table.get_many(list(asked.values())), strict=True)}
    return [
        each.code
        for each in owned
        if found[keys.code(each.code)["pk"]].get("partner") != each.partner_id
        or found[keys.look(fold(each.code))["pk"]].get("partner") != each.partner_id
    ]


def from_item(item: Item) -> PartnerCode:
    return PartnerCode(
        partner_id=keys.owner_of(item),
        code=item["code"],
        created_at_ms=item["created"],
        label=item["label"],
        campaign=item["campaign"],
        status=CodeStatus(item["status"]),
        vanity=item["vanity"],
    )
