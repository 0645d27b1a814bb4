"""Partners as items, with the guards that make code, e-mail and user unique in the deployment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from refledger.domain.errors import PartnerNotFound
from refledger.domain.owner_data import metadata
from refledger.domain.partners import Idle, Partner, PartnerStatus
from refledger.store import codes, external_ids, keys, rules, trails
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, check, delete, put, update

IS_NEW = "the partner is new"
EMAIL_IS_FREE = "the e-mail address is free"
USER_IS_FREE = "the user is no partner yet"
HAS_NO_USER = "the partner has no user yet"
IS_UNCHANGED = "the partner is as it was read"


@dataclass(frozen=True)
class UserGuard:
    """The partner whom a user signs in as, and their home program."""

    partner_id: str
    program_id: str


def create(partner: Partner, email: str) -> list[Write]:
    """Write the partner and its guards. `email`: keyed hash, "" for none."""
    guard = {"partner": partner.id, "program": partner.program_id}
    writes = [
        put(IS_NEW, _to_item(partner)),
        *codes.guards(partner.code, partner.id, partner.program_id),
    ]
    if email:
        writes.append(put(EMAIL_IS_FREE, {**keys.email(email), **guard}))
    if partner.customer:
        writes.append(put(USER_IS_FREE, {**keys.user(partner.customer), **guard}))
    return writes


def change_status(old: Partner, new: Partner, reason: str, by: str, now_ms: int) -> Write:
    """Write the partner under another status, unless somebody changed it in between."""
    item = _to_item(new)
    trail, before = trails.kept(_figured(old), _figured(new), old.created_at_ms, now_ms)
    return update(
        IS_UNCHANGED, keys.partner(old.id),
        "SET #status = :status, #idle = :idle, #version = :version, #waits_in = :waits_in, #reason = :reason,"
        f" #by = :by, #changed = :now{trail}",
        "#version = :was", **before, status=new.status.value, idle=item["idle"], version=new.version,
        waits_in=item["waits_in"], reason=reason, by=by, now=now_ms, was=old.version,
    )  # fmt: skip


def _figured(partner: Partner) -> Item:
    """What of a partner changes that figures are made of."""
    return {"status": partner.status.value, "tier": partner.tier}


def change(old: Partner, new: Partner, now_ms: int) -> Write:
    """Write a partner's names, address, label, tags, code or choices, if nobody changed them since read.

    What else a partner is has changes of its own.
    """
    item = {"external": "", "metadata": {}, **_to_item(new), "changed": now_ms}
    changed = [
        "first_name", "last_name", "email", "phone", "company", "tier", "tags", "code", "codes", "notices", "changed",
    ]  # fmt: skip
    if (old.external_id, old.metadata) != (new.external_id, new.metadata):
        changed += ["external", "metadata"]
    trail, before = trails.kept(_figured(old), _figured(new), old.created_at_ms, now_ms)
    return update(
        IS_UNCHANGED, keys.partner(old.id),
        "SET #version = :version, " + ", ".join(f"#{name} = :{name}" for name in changed) + trail, "#version = :was",
        version=new.version, was=old.version, **before, **{name: item[name] for name in changed},
    )  # fmt: skip


def move_email(old: Partner, before: str, after: str) -> list[Write]:
    """Write the guards of an address that changes. `before`, `after`: keyed hashes, "" for none."""
    writes = []
    if after:
        guard = {"partner": old.id, "program": old.program_id}
        writes.append(put(EMAIL_IS_FREE, {**keys.email(after), **guard}))
    if before:
        writes.append(delete("the old address is the partner's", keys.email(before), "#partner = :id", id=old.id))
    return writes


def set_rates(old: Partner, new: Partner, reason: str, by: str, now_ms: int) -> Write:
    """Write the partner with other pays of their own, unless somebody changed the partner in between."""
    return update(
        IS_UNCHANGED, keys.partner(old.id),
        "SET #own = :own, #version = :version, #reason = :reason, #by = :by, #changed = :now", "#version = :was",
        own=rules.own(new.own_rates), version=new.version, reason=reason, by=by, now=now_ms, was=old.version,
    )  # fmt: skip


def note_rejected(old: Partner, referral_id: str) -> Write:
    """Note that a referral of which the partner earned was rejected or closed.

    Whoever lets money go now looks again.
    """
    return update(
        f"{IS_UNCHANGED}: {old.id}", keys.partner(old.id), "SET #rejected = :rejected, #version = :version",
        "#version = :was", rejected=list(old.with_rejected(referral_id)), version=old.version + 1, was=old.version,
    )  # fmt: skip


def link_user(old: Partner, user: str, now_ms: int) -> list[Write]:
    """Let this user sign in as the partner, unless somebody changed the partner in between."""
    version = old.version + 1
    return [
        update(
            IS_UNCHANGED, keys.partner(old.id),
            "SET #customer = :user, #linked = :now, #changed = :now, #version = :version",
            "#version = :was", user=user, now=now_ms, version=version, was=old.version,
        ),
        put(USER_IS_FREE, {**keys.user(user), "partner": old.id, "program": old.program_id}),
    ]  # fmt: skip


def still_without_user(partner_id: str) -> Write:
    return check(HAS_NO_USER, keys.partner(partner_id), "#customer = :none", none="")


def still_as_read(partner: Partner) -> Write:
    return check(IS_UNCHANGED, keys.partner(partner.id), "#version = :was", was=partner.version)


def still_not_suspended(partner_id: str) -> Write:
    suspended = PartnerStatus.SUSPENDED.value
    return check(IS_UNCHANGED, keys.partner(partner_id), "#status <> :suspended", suspended=suspended)


def find(table: Table, partner_id: str, *, strong: bool = True) -> Partner:
    """Find it by its id.

    Raises PartnerNotFound.
    """
    item = table.get(keys.partner(partner_id), strong=strong)
    if item is None:
        raise PartnerNotFound("there is no such partner")
    return from_item(item)


def some(table: Table, partner_id: str) -> Partner | None:
    """Find it, or None where there is none."""
    item = table.get(keys.partner(partner_id))
    return from_item(item) if item else None


def guard_from(item: Item) -> UserGuard:
    return UserGuard(item["partner"], item["program"])


def id_of_user(table: Table, user: str, *, strong: bool = True) -> str | None:
    """Return the partner whom this user (keyed hash of `sub`) signs in as."""
    guard = table.get(keys.user(user), strong=strong)
    return guard["partner"] if guard else None


def ids_of_users(table: Table, users: Sequence[str]) -> dict[str, str]:
    """Return the partners whom these users sign in as, by user, a little behind."""
    guards = table.get_many([keys.user(user) for user in users], strong=False) if users else []
    return {user: guard["partner"] for user, guard in zip(users, guards, strict=True) if guard}


def id_of_address(table: Table, hashed: str, *, strong: bool = True) -> str | None:
    """Return the partner who has an e-mail address, by its keyed hash."""
    guard = table.get(keys.email(hashed), strong=strong)
    return guard["partner"] if guard else None


def program_of_user(table: Table, user: str) -> str | None:
    """Return the home program of the partner whom this user signs in as: in no other one anybody earns."""
    guard = table.get(keys.user(user))
    return guard["program"] if guard else None


def of_user(table: Table, user: str) -> Partner | None:
    partner_id = id_of_user(table, user)
    return find(table, partner_id) if partner_id else None


def is_listed(table: Table, partner: Partner) -> bool:
    """Return whether a partner is in the list of all, perhaps as it was a moment ago."""
    at = keys.listed(keys.all_partners(), partner.created_at_ms, partner.id)["listed_at"]
    return any(table.query(keys.all_partners(), at, at, index=keys.LISTED, page_size=1))


def newest(
    table: Table,
    before: str,
    page_size: int,
    status: str | None = None,
    low: str = keys.LOWEST,
    high: str = keys.HIGHEST,
) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of partners, all or of one status, newest first, from below `before`.

    `low`, `high`: bounds of the positions, see `keys.positions`.
    """
    partition, index = (keys.partners_of(status), keys.WAITING) if status else (keys.all_partners(), keys.LISTED)
    found = table.query(
        partition, low, min(before or keys.HIGHEST, high), index=index, page_size=page_size, newest_first=True
    )
    for item in found:
        position = item["waits_at" if status else "listed_at"]
        if position != before:
            yield position, keys.owner_of(item)


def oldest(table: Table, after: str, page_size: int) -> Iterator[tuple[str, str]]:
    """Yield (position, partner id) of all partners, oldest first, from above the position `after`."""
    for item in table.query(keys.all_partners(), after or keys.LOWEST, index="listed", page_size=page_size):
        if item["listed_at"] != after:
            yield item["listed_at"], keys.owner_of(item)


def many(table: Table, partner_ids: list[str], *, strong: bool = False) -> list[Partner]:
    """Return those that exist, in the order of the ids."""
    found = table.get_many([keys.partner(id) for id in partner_ids], strong=strong)
    return [from_item(item) for item in found if item]


def _to_item(partner: Partner) -> Item:
    return {
        **keys.partner(partner.id), "program": partner.program_id, "code": partner.code, "status": partner.status.value,
        "customer": partner.customer, "created": partner.created_at_ms, "first_name": partner.first_name,
        "last_name": partner.last_name, "email": partner.email, "phone": partner.phone, "company": partner.company_name,
        "idle": [[idle.since_ms, idle.until_ms] for idle in partner.idle], "version": partner.version,
        "own": rules.own(partner.own_rates), "tier": partner.tier, "tags": list(partner.tags), "codes": partner.codes,
        "notices": list(partner.notices), **({"linked": partner.linked_at_ms} if partner.linked_at_ms else {}),
        **({"rejected": list(partner.rejected)} if partner.rejected else {}),
        **({"forgotten": partner.forgotten_at_ms} if partner.forgotten_at_ms else {}),
        **external_ids.item_of(partner.external_id, partner.metadata),
        **keys.listed(keys.all_partners(), partner.created_at_ms, partner.id),
        **keys.waiting(keys.partners_of(partner.status), partner.created_at_ms, partner.id),
    }  # fmt: skip


def places(partner: Partner) -> Item:
    """Return where it is listed, and until when it is kept."""
    return keys.placed(_to_item(partner))


def from_item(item: Item) -> Partner:
    return Partner(
        id=keys.owner_of(item),
        program_id=item["program"],
        code=item["code"],
        status=PartnerStatus(item["status"]),
        customer=item["customer"],
        created_at_ms=item["created"],
        updated_at_ms=item.get("changed", 0),
        first_name=item["first_name"],
        last_name=item["last_name"],
        email=item["email"],
        phone=item["phone"],
        company_name=item["company"],
        idle=tuple(Idle(since, until) for since, until in item["idle"]),
        version=item["version"],
        own_rates=rules.own_from(item["own"]),
        tier=item.get("tier", ""),
        tags=tuple(item.get("tags", ())),
        codes=item.get("codes", 0),
        notices=tuple(item.get("notices", ())),
        linked_at_ms=item.get("linked", 0),
        rejected=tuple(item.get("rejected", ())),
        external_id=item.get("external", ""),
        metadata=metadata(item.get("metadata", {})),
        forgotten_at_ms=item.get("forgotten", 0),
    )
