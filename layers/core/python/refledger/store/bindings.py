"""Bindings, which payments read: who earns from a customer. People see the referral: `store/referrals.py`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from refledger.domain.uplines import FOREVER_MS, Binding, Link, RatingBacklog
from refledger.store import keys, rules
from refledger.store.table import Table
from refledger.store.transaction import NOT_THERE, Item, Write, check, put, update

IS_UNBOUND = "the customer is not referred yet"
COUNT_IS_CURRENT = "no other payment of the customer was counted, and nobody closed the binding, meanwhile"
STILL_EARNS = "nobody closed the binding meanwhile"
SEVERAL = ("systems", "seen")  # no system is new, and of none that is one of several a payment came meanwhile
BINDING_IS_OPEN = "the binding was neither closed nor converted meanwhile"
BINDING_IS_THERE = "the binding is the referral's"
IS_THERE = "the referral is there"
TOP_IS_UNBOUND = "nobody referred the top of the chain meanwhile"


def bind(binding: Binding) -> Write:
    """Write the binding, for ever."""
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
        "up": links(binding.upline), "depth": binding.depth, "rule": binding.rule_version,
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
        return update(COUNT_IS_CURRENT, key, "REMOVE #again, #waits_in, #waits_at", same, **as_read)
    return update(COUNT_IS_CURRENT, key, "SET #again = :again", same, again=_again(left), **as_read)


def _counted(binding: Binding) -> Item:
    """What counting changes."""
    item: Item = {"n": binding.count, "first": binding.first_at_ms}
    item |= {"room": binding.room} if binding.room else {}
    item |= {"beyond": binding.unlisted} if binding.unlisted else {}
    if binding.converted_at_ms:
        item["converted"] = binding.converted_at_ms
    if binding.revived_by:
        item["revived"] = binding.revived_by
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
    for item in table.query(keys.to_be_rated(), index="waiting", page_size=page_size):
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


def top_still_unbound(program_id: str, customer: str) -> Write:
    """Demand that the root of the up-line is still bound to nobody.

    Who is bound to whom never changes, so only through the unbound top of a chain a circle can still close.
    """
    return check(TOP_IS_UNBOUND, keys.binding(program_id, customer), NOT_THERE)


def find(table: Table, program_id: str, customer: str) -> Binding | None:
    """The one read of a payment."""
    item = table.get(keys.binding(program_id, customer))
    return from_item(item) if item else None


def with_user(table: Table, program_id: str, customer: str) -> tuple[Binding | None, str | None]:
    """Return a customer's binding, and the partner whom they sign in as, in one read."""
    bound, guard = table.get_many([keys.binding(program_id, customer), keys.user(customer)])
    return from_item(bound) if bound else None, guard["partner"] if guard else None


def many(table: Table, which: Sequence[tuple[str, str]]) -> list[Binding]:
    """Return those that exist of these programs and customers."""
    found = table.get_many([keys.binding(*each) for each in which])
    return [from_item(item) for item in found if item]


def places(binding: Binding) -> Item:
    """Return where it waits to be rated again."""
    return keys.placed(_counted(binding)) if binding.again else {}


def from_item(item: Item) -> Binding:
    program_id, customer = keys.last_two_of(item)
    return Binding(
        program_id=program_id,
        customer=customer,
        referral_id=item["referral"],
        upline=links_from(item["up"]),
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
        revived_by=item.get("revived", ""),
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


def links(upline: tuple[Link, ...]) -> list[Any]:
    """Return an up-line as an item keeps it."""
    return [[link.partner_id, link.customer, rules.own(link.own)] for link in upline]


def links_from(told: list[Any]) -> tuple[Link, ...]:
    """Return the up-line that an item keeps."""
    return tuple(Link(partner, user, rules.own_from(own)) for partner, user, own in told)
