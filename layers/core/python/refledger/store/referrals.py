"""Referrals, which people see: who was brought by whom, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator

from refledger.domain.errors import ReferralNotFound
from refledger.domain.owner_data import metadata
from refledger.domain.referrals import Referral, ReferralSource, ReferralStatus
from refledger.store import external_ids, keys, trails
from refledger.store.bindings import IS_THERE, links, links_from
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, check, delete, put, update

IS_NEW = "the referral is new"
IS_UNCHANGED = "the referral is as it was read"
LEAD_IS_FREE = "no other referral has the lead"
LEAD_IS_ITS = "the lead is the referral's"


def create(referral: Referral) -> Write:
    return put(IS_NEW, {
        **keys.referral(referral.id), **_state(referral), "program": referral.program_id,
        "up": links(referral.upline), "depth": referral.depth, "rule": referral.rule_version,
        "created": referral.created_at_ms, **_waits(referral),
        **keys.listed(keys.referrals_of_program(referral.program_id), referral.created_at_ms, referral.id),
    })  # fmt: skip


def change(old: Referral, new: Referral, now_ms: int) -> Write:
    """The referral as it is now, unless somebody changed it in between. What was frozen on it stays.

    The stream's reader moves it on by itself (`store/referral_progress.py`).
    """
    state = {**_state(new), **_waits(new), "changed": now_ms}
    gone = ", ".join(f"#{name}" for name in (*_state(old), *_waits(old)) if name not in state)
    setting = ", ".join(f"#{name} = :{name}" for name in state)
    trail, before = trails.kept(_figured(old), _figured(new), old.created_at_ms, now_ms)
    return update(
        IS_UNCHANGED, keys.referral(old.id), f"SET {setting}{trail}" + (f" REMOVE {gone}" if gone else ""),
        "#status = :earlier AND (#version = :was OR attribute_not_exists(#version))",  # the first ones had none
        was=old.version, earlier=old.status.value, **state, **before,
    )  # fmt: skip


def unchanged(read: Referral) -> Write:
    """Demand that nobody changed it since it was read; nothing is written."""
    return check(
        IS_UNCHANGED, keys.referral(read.id), "#version = :was OR attribute_not_exists(#version)", was=read.version
    )


def reopen(referral_id: str, at_ms: int, now_ms: int) -> Write:
    """One that expired before it was told that its customer had paid in time: it has converted."""
    trail = trails.kept_as_it_is("status", keys.referred_at(referral_id), now_ms)
    return update(
        IS_UNCHANGED, keys.referral(referral_id),
        f"SET #status = :converted, #converted = :at{trail} REMOVE #closed, #reason ADD #version :one",
        "#status = :expired", converted=ReferralStatus.CONVERTED.value, at=at_ms, one=1,
        expired=ReferralStatus.EXPIRED.value,
    )  # fmt: skip


def find(table: Table, referral_id: str, *, strong: bool = True) -> Referral:
    """Find it by its id.

    Raises ReferralNotFound.
    """
    item = table.get(keys.referral(referral_id), strong=strong) if keys.is_referral_id(referral_id) else None
    if item is None:
        raise ReferralNotFound("there is no such referral")
    return from_item(item)


def many(table: Table, ids: list[str], *, strong: bool = True) -> list[Referral]:
    """Return those that exist, in the order of the ids."""
    found = table.get_many([keys.referral(id) for id in ids], strong=strong)
    return [from_item(item) for item in found if item]


def swept(referral_id: str, position: list[str]) -> Write:
    """Note how far the rewards of a closed referral were looked at; empty: to the end."""
    change = "SET #swept = :position" if position else "REMOVE #swept"
    given: Item = {"position": position} if position else {}
    return update(IS_THERE, keys.referral(referral_id), change, "attribute_exists(pk)", **given)


def swept_to(table: Table, referral_id: str) -> list[str]:
    item = table.get(keys.referral(referral_id))
    return list(item.get("swept", ())) if item else []


# ---------------------------------------------------------------- leads


def take_lead(hashed: str, referral_id: str) -> Write:
    """Make the lead this referral's and no other's."""
    return put(LEAD_IS_FREE, {**keys.lead(hashed), "referral": referral_id})


def free_lead(hashed: str, referral_id: str) -> Write:
    return delete(LEAD_IS_ITS, keys.lead(hashed), "#referral = :id", id=referral_id)


def of_lead(table: Table, hashed: str, *, strong: bool = True) -> str | None:
    """Return the id of the referral of a lead."""
    guard = table.get(keys.lead(hashed), strong=strong)
    return guard["referral"] if guard else None


# ---------------------------------------------------------------- lists


def of_partner(
    table: Table, partner_id: str, before: str, page_size: int, from_ms: int | None = None, until_ms: int | None = None
) -> Iterator[tuple[str, Referral]]:
    """Yield (position, referral) of a partner, newest first, from below the position `before`.

    They are those made at `from_ms` or later and before `until_ms`.
    """
    low = keys.referrals_from(from_ms) if from_ms is not None else keys.LOWEST
    high = keys.referrals_from(until_ms) if until_ms is not None else keys.HIGHEST
    found = table.query(
        keys.referrals(partner_id), low, before or high, page_size=page_size, newest_first=True, strong=False
    )
    for item in found:
        if item["sk"] != before:
            yield item["sk"], from_item(item)


def of_program(
    table: Table, program_id: str, before: str, page_size: int, from_ms: int | None = None, until_ms: int | None = None
) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of a program's, newest first; see `of_partner`."""
    low, high = keys.positions(from_ms, until_ms)
    partition = keys.referrals_of_program(program_id)
    for item in table.query(partition, low, before or high, index="listed", page_size=page_size, newest_first=True):
        if item["listed_at"] != before:
            yield item["listed_at"], keys.id_at(item["listed_at"])


def oldest_of(table: Table, program_id: str, after: str, page_size: int) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of a program's, oldest first, from above the position `after`."""
    partition = keys.referrals_of_program(program_id)
    for item in table.query(partition, after or keys.LOWEST, index=keys.LISTED, page_size=page_size):
        if item["listed_at"] != after:
            yield item["listed_at"], keys.id_at(item["listed_at"])


def open_in(
    table: Table, program_id: str, status: ReferralStatus, after: str, page_size: int, until_ms: int | None = None
) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of those of a program that are PENDING or ACCEPTED.

    Those that expire first first, from above `after`; with `until_ms` only those whose time is over by then.
    """
    high = f"{until_ms}~" if until_ms is not None else keys.HIGHEST
    partition = keys.referrals_in(program_id, status.value)
    for item in table.query(partition, after or keys.LOWEST, high, index="waiting", page_size=page_size):
        if item["waits_at"] != after:
            yield item["waits_at"], keys.id_at(item["waits_at"])


# ---------------------------------------------------------------- items


def _state(referral: Referral) -> Item:
    """What changes in its life. Texts and times that are not there take no room."""
    told: Item = {
        "campaign": referral.campaign, "until": referral.until_ms, "converted": referral.converted_at_ms,
        "paid": referral.paid_at_ms, "closed": referral.closed_at_ms, "reason": referral.reason,
        "ended": referral.ended_ms,
        "note": referral.note, "tags": list(referral.tags), "makers": list(referral.makers),
        "conversion": referral.conversion, "customer_id": referral.customer_id,
    }  # fmt: skip
    return {
        "status": referral.status.value, "source": referral.source.value, "customer": referral.customer,
        "lead": referral.lead, "version": referral.version, "code": referral.code,
        **{name: value for name, value in told.items() if value},
        **external_ids.item_of(referral.external_id, referral.metadata),
    }  # fmt: skip


def _figured(referral: Referral) -> Item:
    """What of it changes that figures are made of. A time of conversion comes with the status."""
    found = {"status": referral.status.value, "source": referral.source.value, "code": referral.code}
    return {name: text for name, text in found.items() if text}


def _waits(referral: Referral) -> Item:
    if not referral.is_open:
        return {}
    partition = keys.referrals_in(referral.program_id, referral.status.value)
    return keys.waiting(partition, referral.until_ms or keys.NEVER, referral.id)


def places(referral: Referral) -> Item:
    """Return where it is listed."""
    listed = keys.listed(keys.referrals_of_program(referral.program_id), referral.created_at_ms, referral.id)
    return {**listed, **_waits(referral)}


def from_item(item: Item) -> Referral:
    return Referral(
        id=keys.owner_of(item) + item["sk"],
        program_id=item["program"],
        status=ReferralStatus(item["status"]),
        source=ReferralSource(item["source"]),
        upline=links_from(item["up"]),
        depth=item["depth"],
        rule_version=item.get("rule", 1),
        created_at_ms=item["created"],
        updated_at_ms=item.get("changed", 0),
        customer=item["customer"],
        lead=item.get("lead", ""),
        campaign=item.get("campaign", ""),
        until_ms=item.get("until", 0),
        converted_at_ms=item.get("converted", 0),
        paid_at_ms=item.get("paid", 0),
        closed_at_ms=item.get("closed", 0),
        ended_ms=item.get("ended", 0),
        reason=item.get("reason", ""),
        note=item.get("note", ""),
        tags=tuple(item.get("tags", ())),
        conversion=item.get("conversion", ""),
        makers=tuple(item.get("makers", ())),
        payout=item.get("payout", ""),
        code=item.get("code", ""),
        customer_id=item.get("customer_id", ""),
        external_id=item.get("external", ""),
        metadata=metadata(item.get("metadata", {})),
        version=item.get("version", 1),
    )
