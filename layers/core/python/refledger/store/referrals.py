"""Referrals, which people see, and bindings, which payments read: who earns from a customer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from refledger.domain.errors import ReferralNotFound
from refledger.domain.referrals import Referral, ReferralSource, ReferralStatus
from refledger.domain.uplines import FOREVER_MS, Binding, Link, RatingBacklog
from refledger.store import keys, rules, trails
from refledger.store.table import Table
from refledger.store.transaction import NOT_THERE, Item, Write, check, delete, put, update

IS_UNBOUND = "the customer is not referred yet"
IS_NEW = "the referral is new"
IS_UNCHANGED = "the referral is as it was read"
LEAD_IS_FREE = "no other referral has the lead"
LEAD_IS_ITS = "the lead is the referral's"
COUNT_IS_CURRENT = "no other payment of the customer was counted, and nobody closed the binding, meanwhile"
STILL_EARNS = "nobody closed the binding meanwhile"
SEVERAL = ("systems", "seen")  # no system is new, and of none that is one of several a payment came meanwhile
BINDING_IS_OPEN = "the binding was neither closed nor converted meanwhile"
BINDING_IS_THERE = "the binding is the referral's"
IS_THERE = "the referral is there"
TOP_IS_UNBOUND = "nobody referred the top of the chain meanwhile"


# ---------------------------------------------------------------- bindings


def bind(binding: Binding) -> Write:
    """The binding, for ever."""
    limited = {"until": binding.until_ms} if binding.until_ms else {}
    if binding.ended_ms:
        limited["ended"] = binding.ended_ms
    named: Item = {"named": binding.named_by} if binding.named_by else {}
    if binding.systems:
        named["systems"] = list(binding.systems)
    if binding.id_kept:
        named["id_kept"] = True
    return put(IS_UNBOUND, {
        **keys.binding(binding.program_id, binding.customer), "referral": binding.referral_id,
        "up": _links(binding.upline), "depth": binding.depth, "rule": binding.rule_version,
        "bound": binding.bound_at_ms, "n": binding.count, "first": binding.first_at_ms, **limited, **named,
    })  # fmt: skip


def count(old: Binding, new: Binding) -> Write:
    """Count one more payment of the customer, under what was read.

    Two at once cannot both be the first.

    The first one in time takes off when it expires. Whoever closes the binding meanwhile is met by it.
    """
    state, before = _counted(new), _counted(old)
    changed = {name: value for name, value in state.items() if before.get(name) != value} | {"n": new.count}
    gone = [name for name in before if name not in state]
    unmoved, as_read = _as_read(old, "turn", "closed", "ended", "beyond", "systems", "seen")
    condition = f"#n = :was AND {unmoved}"
    values = {**changed, "was": old.count, **as_read}
    if old.until_ms and not new.until_ms:
        gone += ["until", "closed"]
        condition += " AND #until = :until"
        values |= {"until": old.until_ms}
    change = "SET " + ", ".join(f"#{name} = :{name}" for name in changed)
    change += " REMOVE " + ", ".join(f"#{name}" for name in gone) if gone else ""
    return update(COUNT_IS_CURRENT, keys.binding(old.program_id, old.customer), change, condition, **values)


def keep_customer_id(binding: Binding, customer_id: str) -> list[Write]:
    """The referral says what the owner calls its customer, and the binding that it does."""
    return [
        update(
            IS_THERE, keys.referral(binding.referral_id), "SET #customer_id = :id", "attribute_exists(pk)",
            id=customer_id,
        ),
        update(
            BINDING_IS_THERE, keys.binding(binding.program_id, binding.customer), "SET #id_kept = :yes",
            "#referral = :referral", yes=True, referral=binding.referral_id,
        ),
    ]  # fmt: skip


def told_in(old: Binding, systems: tuple[str, ...]) -> Write:
    """Note that these systems tell of the customer's payments: each told from now on is written down."""
    same, as_read = _as_read(old, *SEVERAL)
    key = keys.binding(old.program_id, old.customer)
    return update(COUNT_IS_CURRENT, key, "SET #systems = :systems", same, systems=list(systems), **as_read)


def seen_from(old: Binding, from_ms: int) -> Write:
    """Note that payments told before there were several systems, due from `from_ms` on, are written down."""
    same, as_read = _as_read(old, *SEVERAL)
    key = keys.binding(old.program_id, old.customer)
    return update(COUNT_IS_CURRENT, key, "SET #seen_from = :from", same, **{"from": from_ms}, **as_read)


def still_earns(read: Binding) -> Write:
    """Demand that the binding's end, and the systems that tell of payments, are as read; write nothing."""
    same, as_read = _as_read(read, "closed", "ended", "systems")
    return check(STILL_EARNS, keys.binding(read.program_id, read.customer), same, **as_read)


def _as_read(read: Binding, *names: str) -> tuple[str, Item]:
    """The condition that these attributes are as they were read, and its values; what was nothing is not there."""
    known: Item = {
        "turn": read.turn, "closed": read.closed, "ended": read.ended_ms, "beyond": read.unlisted,
        "systems": list(read.systems), "seen": read.seen,
    }  # fmt: skip
    each = [f"#{name} = :{name}_was" if known[name] else f"attribute_not_exists(#{name})" for name in names]
    return " AND ".join(each), {f"{name}_was": known[name] for name in names if known[name]}


def paid_after_expiry(old: Binding, at_ms: int, payment: str) -> list[Write]:
    """Keep a payment made after the expiry, unless another was told meanwhile that was made in time.

    It earns nothing as long as none is told that was made in time.
    """
    same, as_read = _as_read(old, "turn")
    values: Item = {"turn": old.turn + 1, "late": payment, "until": old.until_ms, **as_read}
    return [
        update(
            COUNT_IS_CURRENT, keys.binding(old.program_id, old.customer), "SET #turn = :turn, #late = :late",
            f"#until = :until AND {same}", **values,
        ),
        paid(old, at_ms, payment),
    ]  # fmt: skip


def rated(old: Binding, left: RatingBacklog | None) -> Write:
    """Note that all was rated again but what is `left`, unless another payment came late meanwhile."""
    key, (same, as_read) = keys.binding(old.program_id, old.customer), _as_read(old, "turn")
    if left is None:
        return update(COUNT_IS_CURRENT, key, "REMOVE #again, #w1, #w2", same, **as_read)
    return update(COUNT_IS_CURRENT, key, "SET #again = :again", same, again=_again(left), **as_read)


def _counted(binding: Binding) -> Item:
    """What counting changes."""
    item: Item = {"n": binding.count, "first": binding.first_at_ms}
    item |= {"room": binding.room} if binding.room else {}
    item |= {"beyond": binding.unlisted} if binding.unlisted else {}
    if binding.converted_at_ms:
        item["converted"] = binding.converted_at_ms
    if binding.listed:
        item["paid"] = [list(each) for each in binding.listed]
    if binding.turn:
        item |= {"turn": binding.turn, "late": binding.late}
    if binding.systems:
        item["systems"] = list(binding.systems)
    if binding.seen:
        item["seen"] = binding.seen
    if binding.again:
        waits = keys.waiting(keys.to_be_rated(), binding.first_at_ms, binding.referral_id)
        item |= {"again": _again(binding.again), **waits}
    return item


def _again(again: RatingBacklog) -> list[Any]:
    return [list(again.payments), again.from_ms, again.until_ms]


def paid(binding: Binding, at_ms: int, payment: str) -> Write:
    """Keep when a customer paid beyond those that are listed, for the rules that go by months or number."""
    return put("the payment's place", keys.paid_at(binding.program_id, binding.customer, at_ms, payment), condition="")


def paid_within(table: Table, binding: Binding, from_ms: int, until_ms: int) -> Iterator[tuple[int, str]]:
    """Yield (when, payment) of those, oldest first."""
    return map(keys.payment_in, table.query(*keys.paid_within(binding.program_id, binding.customer, from_ms, until_ms)))


def to_be_rated(table: Table, page_size: int) -> Iterator[tuple[str, str]]:
    """Yield (program, customer) of bindings some of whose payments are to be rated again."""
    for item in table.query(keys.to_be_rated(), index="work", page_size=page_size):
        yield keys.last_two_of(item)


def close(old: Binding, why: str, until_ms: int = 0) -> Write:
    """Let no payment earn any more: made at `until_ms` or later (EXPIRED), or come at all (REJECTED).

    Refused where somebody paid in time or closed it since it was read.
    """
    same = "#until = :was" if old.until_ms else "attribute_not_exists(#until)"
    values: Item = {"why": why, **({"was": old.until_ms} if old.until_ms else {})}
    change = "SET #closed = :why"
    if until_ms:
        change, values = change + ", #until = :until", {**values, "until": until_ms}
    return update(
        BINDING_IS_OPEN, keys.binding(old.program_id, old.customer), change,
        f"{same} AND attribute_not_exists(#closed)", **values,
    )  # fmt: skip


def end(old: Binding, at_ms: int) -> Write:
    """End the binding: nothing that is paid at `at_ms` or later earns any more, for ever."""
    return update(
        BINDING_IS_THERE, keys.binding(old.program_id, old.customer), "SET #ended = :at", "#referral = :id", at=at_ms,
        id=old.referral_id,
    )  # fmt: skip


def swept(referral_id: str, position: list[str]) -> Write:
    """Note how far the rewards of a closed referral were looked at; empty: to the end."""
    change = "SET #swept = :position" if position else "REMOVE #swept"
    given: Item = {"position": position} if position else {}
    return update(IS_THERE, keys.referral(referral_id), change, "attribute_exists(pk)", **given)


def swept_to(table: Table, referral_id: str) -> list[str]:
    item = table.get(keys.referral(referral_id))
    return list(item.get("swept", ())) if item else []


def top_still_unbound(program_id: str, customer: str) -> Write:
    """Demand that the root of the up-line is still bound to nobody.

    Who is bound to whom never changes, so only through the unbound top of a chain a circle can still close.
    """
    return check(TOP_IS_UNBOUND, keys.binding(program_id, customer), NOT_THERE)


def find_binding(table: Table, program_id: str, customer: str) -> Binding | None:
    """The one read of a payment."""
    item = table.get(keys.binding(program_id, customer))
    return binding_from(item) if item else None


def bindings(table: Table, which: Sequence[tuple[str, str]]) -> list[Binding]:
    """Return those that exist of these programs and customers."""
    found = table.get_many([keys.binding(*each) for each in which])
    return [binding_from(item) for item in found if item]


def binding_from(item: Item) -> Binding:
    program_id, customer = keys.last_two_of(item)
    return Binding(
        program_id=program_id,
        customer=customer,
        referral_id=item["referral"],
        upline=_links_from(item["up"]),
        depth=item["depth"],
        rule_version=item["rule"],
        bound_at_ms=item["bound"],
        count=item["n"],
        first_at_ms=item["first"],
        until_ms=item.get("until", 0),
        closed=item.get("closed", ""),
        ended_ms=item.get("ended", 0),
        named_by=item.get("named", ""),
        converted_at_ms=item.get("converted", 0),
        listed=tuple((at_ms, payment) for at_ms, payment in item.get("paid", ())),
        room=item.get("room", 0),
        unlisted=item.get("beyond", 0),
        late=item.get("late", ""),
        turn=item.get("turn", 0),
        again=_again_from(item["again"]) if "again" in item else None,
        systems=tuple(item.get("systems", ())),
        id_kept=item.get("id_kept", False),
        seen=item.get("seen", 0),
        seen_from_ms=item.get("seen_from", FOREVER_MS),
    )


def _again_from(told: list[Any]) -> RatingBacklog:
    payments, from_ms, until_ms = told
    return RatingBacklog(tuple(payments), from_ms, until_ms)


# ---------------------------------------------------------------- referrals


def create(referral: Referral) -> Write:
    return put(IS_NEW, {
        **keys.referral(referral.id), **_state(referral), "program": referral.program_id,
        "up": _links(referral.upline), "depth": referral.depth, "rule": referral.rule_version,
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


# ---------------------------------------------------------------- leads


def take_lead(hashed: str, referral_id: str) -> Write:
    """Make the lead this referral's and no other's."""
    return put(LEAD_IS_FREE, {**keys.lead(hashed), "referral": referral_id})


def free_lead(hashed: str, referral_id: str) -> Write:
    return delete(LEAD_IS_ITS, keys.lead(hashed), "#referral = :id", id=referral_id)


def of_lead(table: Table, hashed: str, *, strong: bool = True) -> str | None:
    """The id of the referral of a lead."""
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
    for item in table.query(partition, low, before or high, index="list", page_size=page_size, newest_first=True):
        if item["l2"] != before:
            yield item["l2"], keys.id_at(item["l2"])


def open_in(
    table: Table, program_id: str, status: ReferralStatus, after: str, page_size: int, until_ms: int | None = None
) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of those of a program that are PENDING or ACCEPTED.

    Those that expire first first, from above `after`; with `until_ms` only those whose time is over by then.
    """
    high = f"{until_ms}~" if until_ms is not None else keys.HIGHEST
    partition = keys.referrals_in(program_id, status.value)
    for item in table.query(partition, after or keys.LOWEST, high, index="work", page_size=page_size):
        if item["w2"] != after:
            yield item["w2"], keys.id_at(item["w2"])


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


def _links(upline: tuple[Link, ...]) -> list[Any]:
    return [[link.partner_id, link.customer, rules.own(link.own)] for link in upline]


def _links_from(told: list[Any]) -> tuple[Link, ...]:
    return tuple(Link(partner, user, rules.own_from(own)) for partner, user, own in told)


def from_item(item: Item) -> Referral:
    return Referral(
        id=keys.owner_of(item) + item["sk"],
        program_id=item["program"],
        status=ReferralStatus(item["status"]),
        source=ReferralSource(item["source"]),
        upline=_links_from(item["up"]),
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
        version=item.get("version", 1),
    )
