"""Payments as items, with their refunds and disputes: the facts that make an event count once, for ever."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from refledger.domain.errors import PaymentNotFound
from refledger.domain.payments import (
    PARKED,
    ChargeSum,
    Dispute,
    DisputeStatus,
    Origin,
    Payment,
    PaymentKind,
    Refund,
    TakenBack,
)
from refledger.domain.tellers import OWN_EVENTS, Teller
from refledger.domain.times import DAY_MS
from refledger.store import keys, merge, trails
from refledger.store.table import Table
from refledger.store.transaction import NOT_THERE, ConditionFailed, Item, Write, check, put, update

IS_NEW = "the payment is new"
IS_UNCHANGED = "the payment is as it was read"
IS_SUSPECT = "something of the payment is suspect, and nobody has looked"
NAME_IS_NEW = "nothing has this name yet"
REFUND_IS_NEW = "the refund is new"
REFUND_IS_UNCHANGED = "the refund is as it was read"
IS_FIRST_TOLD = "its sender has told of it for no other payment"
DISPUTE_IS_NEW = "the dispute is new"
DISPUTE_IS_UNCHANGED = "the dispute is as it was read"
MOVED = "moved"  # of a refund or dispute: the payment under which it is known now
FIGURED = ("amount", "currency", "kind", "occurred", "origin", "program", "referral")
# A refund may come long after; until then the payment is known to have earned nothing.
IGNORED_KEPT_DAYS = 540


def create(payment: Payment, shards: int = keys.DUE_SHARDS) -> Write:
    """`shards`: over how many the indexes spread payments, see `store.shards`."""
    return put(IS_NEW, _to_item(payment, shards))


def name(alias: Payment) -> Write:
    """Write another name of a payment, an ALIAS, in the transaction that makes the payment."""
    return put(name_of(alias.id), _to_item(alias))


def name_of(alias_id: str) -> str:
    """Under which a name that was taken is told: a transaction may have several."""
    return f"{NAME_IS_NEW}: {alias_id}"


def is_named(failed: ConditionFailed, alias_id: str, id: str) -> bool:
    """Return whether the name that was taken is one of the payment `id` already."""
    alias = failed.items.get(name_of(alias_id))
    return alias is not None and from_item(alias).target == id


def replace(old: Payment, new: Payment, now_ms: int, shards: int = keys.DUE_SHARDS) -> Write:
    """Put another kind of payment in its place, under what was read of it.

    A parked one that is parked no more.
    """
    was, become = _to_item(old, shards), _to_item(new, shards)
    gone = [name for name in was if name not in become]
    trail, before = _trail(old, new, now_ms)
    change = "SET " + ", ".join(f"#{name} = :{name}" for name in become if name not in ("pk", "sk")) + trail
    change += " REMOVE " + ", ".join(f"#{name}" for name in gone) if gone else ""
    values = {name: value for name, value in become.items() if name not in ("pk", "sk")}
    return update(
        IS_UNCHANGED, keys.payment(old.id), change, "#revision = :was", **values, **before, was=old.revision
    )  # fmt: skip


def _trail(old: Payment, new: Payment, now_ms: int) -> tuple[str, Item]:
    """What it was in figures before today, where it was in any."""
    if old.kind is not PaymentKind.PAYMENT:
        return "", {}
    return trails.kept(_figured(old), _figured(new), new.created_at_ms, now_ms)


def _figured(payment: Payment) -> Item:
    """What of a payment changes that figures are made of. `gone` stands for all that says what of it is."""
    item = _to_item(payment)
    found = {name: item[name] for name in FIGURED if name in item}
    return {**found, "gone": payment.back.of(payment.amount)}


def take_back(old: Payment, back: TakenBack, currency: str, now_ms: int) -> Write:
    """Write what of a payment is gone, and its currency where it was not known yet, under what was read."""
    state, new = _back(back), dataclasses.replace(old, back=back, currency=old.currency or currency)
    trail, before = _trail(old, new, now_ms)
    return update(
        IS_UNCHANGED, keys.payment(old.id),
        "SET #revision = :next, #currency = :currency, " + ", ".join(f"#{name} = :{name}" for name in state) + trail,
        "#revision = :was", **state, **before, next=old.revision + 1, currency=new.currency, was=old.revision,
    )  # fmt: skip


def rate(old: Payment, new: Payment, due_ms: int | None, now_ms: int) -> Write:
    """Write what it earns whom now, and what is known of its money, under what was read of it.

    `due_ms`: when the schedule shall look at it once more.
    """
    state: Item = {"rewards": [list(share) for share in new.shares], "unearned": [list(tier) for tier in new.unearned]}
    if due_ms is not None:
        state |= keys.waiting(keys.due_shard(keys.payment_shard(new.id)), due_ms, keys.tie_of(new.id))
    was, becomes = _money(old), _money(new)
    state |= {name: value for name, value in becomes.items() if was.get(name) != value}
    gone = [name for name in was if name not in becomes]
    trail, before = _trail(old, new, now_ms)
    change = "SET #revision = :next, " + ", ".join(f"#{name} = :{name}" for name in state) + trail
    change += " REMOVE " + ", ".join(f"#{name}" for name in gone) if gone else ""
    return update(
        IS_UNCHANGED, keys.payment(old.id), change, "#revision = :was", **state, **before, next=old.revision + 1,
        was=old.revision,
    )  # fmt: skip


def may_be(old: Payment, new: Payment) -> Write:
    """Write which other payment it may be, or what a person said about that, under what was read."""
    state = {"twin": new.twin, "cleared": new.cleared_by, "note": new.note, "by": new.by}
    kept, gone = (
        {name: text for name, text in state.items() if text},
        [name for name, text in state.items() if not text],
    )
    change = "SET #revision = :next" + "".join(f", #{name} = :{name}" for name in kept)
    change += " REMOVE " + ", ".join(f"#{name}" for name in gone) if gone else ""
    return update(
        IS_UNCHANGED, keys.payment(old.id), change, "#revision = :was", **kept, next=old.revision + 1, was=old.revision
    )  # fmt: skip


def suspect(id: str, now_ms: int) -> Write:
    """Put the payment on the list of what is parked, until a person has looked.

    A refund of it is in no currency of its own.
    """
    listed = keys.waiting(keys.parked_payments(), now_ms, id)
    return update(
        IS_SUSPECT, keys.suspect(id), "SET #at = :at, #waits_in = :waits_in, #waits_at = :waits_at", at=now_ms, **listed
    )


def suspects(table: Table, ids: list[str], *, strong: bool = True) -> set[str]:
    """Return those that are listed for that, and nobody has looked at yet."""
    found = table.get_many([keys.suspect(id) for id in ids], strong=strong)
    return {keys.owner_of(item) for item in found if item and "waits_in" in item}


def cleared(id: str, note: str, by: str) -> Write:
    """A person has looked."""
    return update(
        IS_SUSPECT, keys.suspect(id), "SET #note = :note, #by = :by REMOVE #waits_in, #waits_at",
        "attribute_exists(#waits_in)", note=note, by=by,
    )  # fmt: skip


def nothing_waits(id: str) -> Write:
    """Takes the payment off that list, whether it is on it or not."""
    return update(IS_SUSPECT, keys.suspect(id), "REMOVE #waits_in, #waits_at")


def unchanged(id: str, read: Payment | None) -> Write:
    """Demand that it is as it was read, or still not there; nothing is written."""
    if read is None:
        return check(IS_UNCHANGED, keys.payment(id), NOT_THERE)
    return check(IS_UNCHANGED, keys.payment(id), "#revision = :was", was=read.revision)


def find(table: Table, id: str) -> Payment:
    """Find it by its id.

    Raises PaymentNotFound.
    """
    item = table.get(keys.payment(id))
    if item is None:
        raise PaymentNotFound("there is no such payment")
    return from_item(item)


def many(table: Table, ids: list[str], *, strong: bool = True) -> list[Payment]:
    """Return those that exist, in the order of the ids."""
    found = table.get_many([keys.payment(id) for id in ids], strong=strong)
    return [from_item(item) for item in found if item]


def some(table: Table, *ids: str) -> dict[str, Payment]:
    """Return those that exist, by id, read strongly."""
    return {payment.id: payment for payment in many(table, list(ids))}


def oldest_in(table: Table, partition: str, after: str, page_size: int) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of payments that earned in a shard of a program, oldest first, above `after`.

    For the check of the books, not for a request.
    """
    for item in table.query(partition, after or keys.LOWEST, index="listed", page_size=page_size):
        if item["listed_at"] != after:
            yield item["listed_at"], keys.owner_of(item)


def newest(
    table: Table, program_id: str, shards: int, highest: str, low: str, page_size: int, *, unreferred: bool = False
) -> Iterator[tuple[str, str, list[str]]]:
    """Yield (position, id, ids of its rewards) of a program's payments that earned, last come first.

    From the position `highest`, itself included, down to `low`, where the caller wants some `page_size` of them.
    `unreferred`: of those that were nobody's instead.
    """
    partitions = (keys.unreferred_shards if unreferred else keys.payment_shards)(program_id, shards)
    for item in merge.newest_first(table, partitions, low, highest, page_size):
        yield item["listed_at"], keys.owner_of(item), [id for id, _ in item["rewards"]]


def due(table: Table, shards: int, since: str, until: str, page_size: int) -> Iterator[tuple[str, list[str]]]:
    """Yield (position, ids of its rewards) of payments whose time has come, what has waited longest first.

    They are those above the position `since` and up to `until`. `page_size`: read of each shard at a time.
    """
    partitions = [keys.due_shard(shard) for shard in range(shards)]
    for item in merge.oldest_first(table, partitions, since, until, page_size):
        if item["waits_at"] != since:
            yield item["waits_at"], [id for id, _ in item["rewards"]]


def parked(table: Table, after: str, page_size: int, until_ms: int | None = None) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of what waits for its payment or a person, oldest first, from above `after`.

    `until_ms`: only those that wait since then or longer.
    """
    high = f"{until_ms}~" if until_ms is not None else keys.HIGHEST
    for item in table.query(keys.parked_payments(), after or keys.LOWEST, high, index="waiting", page_size=page_size):
        if item["waits_at"] != after:
            yield item["waits_at"], keys.owner_of(item)


def whole(table: Table, id: str, *, strong: bool = True) -> tuple[Payment, list[Refund], list[Dispute]]:
    """Return a payment with its refunds and disputes, in one read. Raises PaymentNotFound."""
    found: Payment | None = None
    refunds, disputes = [], []
    for item in table.query(keys.payment(id)["pk"], strong=strong):
        if "kind" in item:
            found = from_item(item)
        elif MOVED in item:
            continue
        elif keys.is_refund(item):
            refunds.append(refund_from(item))
        elif keys.is_dispute(item):
            disputes.append(dispute_from(item))
    if found is None:
        raise PaymentNotFound("there is no such payment")
    return found, refunds, disputes


def taken_back(table: Table, id: str, *, strong: bool = False) -> tuple[list[Refund], list[Dispute]]:
    """Return the refunds and disputes of a payment, in no order."""
    refunds, disputes = [], []
    for item in table.query(*keys.taken_back(id), strong=strong):
        if MOVED in item:
            continue
        if keys.is_refund(item):
            refunds.append(refund_from(item))
        else:
            disputes.append(dispute_from(item))
    return refunds, disputes


def open_disputes(table: Table, after: str, page_size: int) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield (position, (payment, hash)) of open disputes, and of ends that came first, oldest first.

    They are those from just above `after`.
    """
    for item in table.query(keys.open_disputes(), after or keys.LOWEST, index="waiting", page_size=page_size):
        if item["waits_at"] != after:
            yield item["waits_at"], (keys.owner_of(item), keys.hash_of(item))


def disputes(table: Table, which: list[tuple[str, str]], *, strong: bool = True) -> list[Dispute]:
    """Return those that exist."""
    found = table.get_many([keys.dispute(*each) for each in which], strong=strong)
    return [dispute_from(item) for item in found if item]


# ---------------------------------------------------------------- refunds and disputes


def refund(id: str, old: Refund | None, new: Refund) -> Write:
    """Write a refund of the payment `id`, new or in place of what was read of it."""
    marks = {
        "charge": new.charge, "outside": new.outside, "stray": new.stray, "by": new.by, "note": new.note,
        "reference": new.reference, "body": new.body, "waits": new.waits, "confirmed_by": new.confirmed_by,
        "undone_by": new.undone_by,
    }  # fmt: skip
    item = {
        **keys.refund(id, new.hash), "amount": new.amount, "currency": new.currency, "at": new.at_ms,
        "failed": new.failed, "failed_at": new.failed_at_ms, "made_at": new.made_at_ms,
        **{name: mark for name, mark in marks.items() if mark},
    }  # fmt: skip
    if old is None:
        return put(REFUND_IS_NEW, item)
    return put(
        REFUND_IS_UNCHANGED, item,
        "#failed = :was AND #failed_at = :at AND (#made_at = :made OR attribute_not_exists(#made_at))",
        was=old.failed, at=old.failed_at_ms, made=old.made_at_ms,
    )  # fmt: skip


def refund_moved(id: str, old: Refund, to: str) -> Write:
    """Move a refund that came under another name to its payment `to`."""
    return update(
        REFUND_IS_UNCHANGED, keys.refund(id, old.hash), "SET #moved = :to",
        "#failed = :was AND #failed_at = :at", was=old.failed, at=old.failed_at_ms, to=to,
    )  # fmt: skip


def refund_from(item: Item) -> Refund:
    older_ms = 0 if item["failed"] else int(item["at"])
    return Refund(
        hash=keys.hash_of(item), amount=item["amount"], currency=item["currency"], at_ms=item["at"],
        failed=item["failed"], failed_at_ms=item["failed_at"],
        made_at_ms=item.get("made_at", older_ms), charge=item.get("charge", ""),
        outside=item.get("outside", False), stray=item.get("stray", False), by=item.get("by", ""),
        note=item.get("note", ""), reference=item.get("reference", ""), body=item.get("body", ""),
        waits=item.get("waits", False), confirmed_by=item.get("confirmed_by", ""),
        undone_by=item.get("undone_by", ""),
    )  # fmt: skip


def dispute(old: Dispute | None, new: Dispute) -> Write:
    """Write the dispute, new or in place of what was read of it."""
    waits = (new.status is DisputeStatus.OPEN or not new.amount) and not new.stray  # for its end, or its beginning
    listed = keys.waiting(keys.open_disputes(), new.at_ms, new.hash) if waits else {}
    item = {
        **keys.dispute(new.payment, new.hash), "amount": new.amount, "currency": new.currency,
        "status": new.status.value, "at": new.at_ms, "ended": new.ended_at_ms, **listed,
        **({"stray": True} if new.stray else {}),
    }  # fmt: skip
    if old is None:
        return put(DISPUTE_IS_NEW, item)
    return put(
        DISPUTE_IS_UNCHANGED, item,
        "#status = :status AND #amount = :amount AND (#ended = :ended OR attribute_not_exists(#ended))",
        status=old.status.value, amount=old.amount, ended=old.ended_at_ms,
    )  # fmt: skip


def dispute_moved(old: Dispute, to: str) -> Write:
    """Move a dispute that came under another name to its payment `to`.

    It waits there, if it does.
    """
    return update(
        DISPUTE_IS_UNCHANGED, keys.dispute(old.payment, old.hash), "SET #moved = :to REMOVE #waits_in, #waits_at",
        "#status = :status AND #amount = :amount", status=old.status.value, amount=old.amount, to=to,
    )  # fmt: skip


def dispute_from(item: Item) -> Dispute:
    return Dispute(
        hash=keys.hash_of(item), payment=keys.owner_of(item), amount=item["amount"], currency=item["currency"],
        status=DisputeStatus(item["status"]), at_ms=item["at"], ended_at_ms=item.get("ended", 0),
        stray=item.get("stray", False),
    )  # fmt: skip


def take_id(guard: keys.Key, payment_id: str) -> Write:
    """Say for good of which payment the refund or dispute is that `guard` stands for.

    It holds whatever its sender says later.
    """
    return put(IS_FIRST_TOLD, {**guard, "payment": payment_id})


def guarded(guard: Item) -> str:
    """Return whose the refund or dispute is for good."""
    return str(guard["payment"])


def moved_to(item: Item | None) -> str:
    """Return under which name a refund or dispute is known by now; "" where it has not moved."""
    return item.get(MOVED, "") if item else ""


# ---------------------------------------------------------------- items


def _back(back: TakenBack) -> Item:
    numbers = [
        back.refunds, back.failed, back.total, back.disputed, back.lost, back.uncaptured, back.total_at_ms,
        back.outside, back.unnamed, back.elsewhere,
    ]  # fmt: skip
    return {"back": numbers, "sums": [[s.charge, s.total, s.at_ms, s.refunds, s.failed] for s in back.sums]}


def back_from(item: Item) -> TakenBack:
    """Return what of a payment is gone.

    Older items know of one sum only, and of no charge.
    """
    numbers = list(item["back"])
    older = len(numbers) < 10
    refunds, failed, total, disputed, lost, uncaptured, total_at_ms = numbers[:7]
    outside, unnamed, elsewhere = (0, refunds, 0) if older else numbers[7:10]
    sums = tuple(ChargeSum(*each) for each in item.get("sums", ()))
    return TakenBack(
        refunds, failed, total, disputed, lost, uncaptured, total_at_ms, outside, unnamed, sums, elsewhere
    )  # fmt: skip


def _money(payment: Payment) -> Item:
    """What its provider tells of its money, and may tell better later."""
    kept = {
        "product": payment.product_id, "body": payment.body, "lines": [list(line) for line in payment.lines],
        "shipping": payment.shipping, "teller": int(payment.teller), "external": payment.external_id,
    }  # fmt: skip
    return {
        "amount": payment.amount, "base": payment.base, **{name: value for name, value in kept.items() if value},
        **_back(payment.back),
    }  # fmt: skip


def _to_item(payment: Payment, shards: int = keys.DUE_SHARDS) -> Item:
    texts = {
        "customer": payment.customer, "reason": payment.reason,
        "target": payment.target, "note": payment.note, "by": payment.by, "referral": payment.referral_id,
        "program": payment.program_id,
        "origin": "" if payment.origin is Origin.PAYMENT else payment.origin.value,
        "system": "" if payment.system == OWN_EVENTS else payment.system, "twin": payment.twin,
        "cleared": payment.cleared_by, "caller": payment.caller,
    }  # fmt: skip
    item: Item = {
        **keys.payment(payment.id), "kind": payment.kind.value, **_money(payment),
        "currency": payment.currency, "rewards": [list(share) for share in payment.shares],
        "due": payment.due_ms, "occurred": payment.occurred_at_ms,
        "created": payment.created_at_ms, "revision": payment.revision,
        **{name: text for name, text in texts.items() if text},
        **({"unearned": [list(tier) for tier in payment.unearned]} if payment.unearned else {}),
        **({} if payment.program_said else {"unsaid": True}),
        **({"machine": True} if payment.by_machine else {}),
    }  # fmt: skip
    tie = keys.tie_of(payment.id)
    was_counted = payment.shares or (payment.kind is PaymentKind.ALIAS and payment.referral_id)
    if payment.kind is PaymentKind.PAYMENT or was_counted:  # what is an ALIAS now is still listed
        item |= keys.listed(
            keys.payments_of_program(payment.program_id, payment.id, shards), payment.created_at_ms, tie
        )
    if payment.kind is PaymentKind.PAYMENT:
        item |= keys.waiting(keys.due_shard(keys.payment_shard(payment.id, shards)), payment.due_ms, tie)
    if payment.is_nobodys:
        partition = keys.unreferred_of_program(payment.program_id, payment.id, shards)
        item |= keys.listed(partition, payment.created_at_ms, tie)
    if payment.kind in PARKED and not payment.note:
        item |= keys.waiting(keys.parked_payments(), payment.created_at_ms, tie)
    if payment.kind is PaymentKind.IGNORED and not payment.note:
        item["ttl"] = (payment.created_at_ms + IGNORED_KEPT_DAYS * DAY_MS) // 1000
    return item


def places(payment: Payment) -> Item:
    """Return where it is listed, and until when it is kept."""
    return keys.placed(_to_item(payment))


def from_item(item: Item) -> Payment:
    return Payment(
        id=keys.owner_of(item),
        kind=PaymentKind(item["kind"]),
        currency=item["currency"],
        program_id=item.get("program", ""),
        amount=item["amount"],
        base=item["base"],
        customer=item.get("customer", ""),
        product_id=item.get("product", ""),
        occurred_at_ms=item["occurred"],
        created_at_ms=item["created"],
        due_ms=item["due"],
        referral_id=item.get("referral", ""),
        shares=tuple((id, amount) for id, amount in item["rewards"]),
        unearned=tuple((tier, why) for tier, why in item.get("unearned", ())),
        back=back_from(item),
        body=item.get("body", ""),
        reason=item.get("reason", ""),
        target=item.get("target", ""),
        note=item.get("note", ""),
        by=item.get("by", ""),
        revision=item["revision"],
        origin=Origin(item.get("origin", Origin.PAYMENT)),
        lines=tuple((product, part) for product, part in item.get("lines", ())),
        shipping=item.get("shipping", 0),
        program_said=not item.get("unsaid", False),
        by_machine=item.get("machine", False),
        teller=Teller(item.get("teller", Teller.ITSELF)),
        system=item.get("system", ""),
        twin=item.get("twin", ""),
        cleared_by=item.get("cleared", ""),
        external_id=item.get("external", ""),
        caller=item.get("caller", ""),
    )
