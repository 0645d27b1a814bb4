"""Money that went back to customers takes back what was earned from it: cumulative, in proportion, on every tier."""

from __future__ import annotations

from dataclasses import replace

from refledger.domain.errors import Unreadable
from refledger.domain.maturity import MaturityMessage
from refledger.domain.payments import (
    Payment,
    PaymentAlias,
    PaymentKind,
    Refund,
    RefundReceived,
    RefundTotal,
    TakenBack,
    summed,
)
from refledger.operations import taking_back
from refledger.operations.context import Context
from refledger.operations.payments import Outcome, Recorded
from refledger.store import keys, payments
from refledger.store.transaction import Write

CHARGES_LIMIT = 100  # of one payment whose sums are kept apart: 5 KB in its item


def refund(context: Context, event: RefundReceived | RefundTotal) -> Recorded:
    """Idempotent for ever: by the refund's own item, or by the time at which a sum was told. In any order.

    A refund of a payment that has not come yet waits for it. One that its sender has told for another payment before
    takes nothing: DIFFERENT. Raises Busy, Unreadable for another currency than that of the payment.
    """
    named = context.ids.payment(event.system, event.payment_id)
    charge = context.ids.hash("charge", event.system, event.charge) if event.charge else ""
    if isinstance(event, RefundTotal):
        return context.repeat(lambda: _total(context, named, charge, event))
    sender, told_at_ms = event.sender or event.system, event.told_at_ms or event.occurred_at_ms
    news = Refund(
        context.ids.hash("refund", sender, event.refund_id), event.amount, event.currency, event.occurred_at_ms,
        event.failed, failed_at_ms=told_at_ms if event.failed else 0, made_at_ms=0 if event.failed else told_at_ms,
        charge=charge, outside=sender != event.system,
    )  # fmt: skip
    return context.repeat(lambda: take(context, named, news))


def take(context: Context, named: str, news: Refund) -> Recorded:
    """One refund of the payment that has the name `named` (an id of ours), or what became of it. See `refund`."""
    guard = keys.refund_guard(news.hash)
    place = taking_back.find(context, named, lambda id: keys.refund(id, news.hash), guard)
    taking_back.refuse_other_currency(place.payment, news.currency)
    known = payments.refund_from(place.item) if place.item else None
    if known and (known.amount, known.currency) != (news.amount, news.currency):
        return Recorded(Outcome.DIFFERENT, place.id)
    stray = known.stray if known else place.is_stray
    new = replace(news, stray=stray)
    new = known.joined(new) if known else new
    repeated = Outcome.DIFFERENT if stray else Outcome.REPEATED
    if new == known:
        return Recorded(repeated, place.id)
    if known and (known.failed, known.charge) == (new.failed, new.charge):  # only when it was so is news
        context.table.commit(payments.refund(place.id, known, new), payments.unchanged(place.id, place.payment))
        return Recorded(repeated, place.id)
    back = taking_back.of(place.payment)
    if taking_back.is_counted(place.payment, news.currency):
        back = (back.minus(known) if known else back).plus(new)
    taken = taking_back.apply(context, place.id, place.payment, back, news.currency, place.id)
    first = [payments.take_id(guard, place.id)] if place.is_first and not known else []
    context.table.commit(payments.refund(place.id, known, new), *first, *taken.writes)
    if stray or (known and known.failed is new.failed):
        return Recorded(repeated, place.id, taken.due)
    return Recorded(Outcome.EARLY if taking_back.is_early(place.payment) else Outcome.RECORDED, place.id, taken.due)


def _total(context: Context, named: str, charge: str, event: RefundTotal) -> Recorded:
    place = taking_back.find(context, named, lambda id: keys.refund(id, "none"))
    id, payment = place.id, place.payment
    if not taking_back.is_counted(payment, event.currency):
        raise Unreadable("currency: not the one of the payment")
    before = taking_back.of(payment)
    told = before.told(charge, event.total, event.occurred_at_ms)
    if told == before:
        return Recorded(Outcome.REPEATED, id)
    if len(told.sums) > CHARGES_LIMIT:
        raise Unreadable("charge: the payment has sums of too many charges")
    refunds, disputes = payments.taken_back(context.table, id, strong=True)
    back = taking_back.counted(refunds, disputes, event.currency, told)  # each changes the payment: none comes between
    taken = taking_back.apply(context, id, payment, back, event.currency, id)
    context.table.commit(*taken.writes)
    return Recorded(Outcome.EARLY if taking_back.is_early(payment) else Outcome.RECORDED, id, taken.due)


def alias(context: Context, event: PaymentAlias) -> Recorded:
    """From now on events that name `alias_id` are about the payment; what came under that name before moves over.

    Idempotent by the alias's own item. A payment that was counted under that name itself is reported: DIFFERENT.
    """
    named = context.ids.payment(event.system, event.alias_id)
    target = context.ids.payment(event.system, event.payment_id)
    if named == target:
        return Recorded(Outcome.REPEATED, target)

    def once() -> Recorded:
        alias_item, target_item = context.table.get_many([keys.payment(named), keys.payment(target)])
        old = payments.from_item(alias_item) if alias_item else None
        payment = payments.from_item(target_item) if target_item else None
        if old and old.kind is PaymentKind.ALIAS:
            return Recorded(Outcome.REPEATED if old.target == target else Outcome.DIFFERENT, target)
        if (old and old.kind is not PaymentKind.EARLY) or (payment and payment.kind is PaymentKind.ALIAS):
            return Recorded(Outcome.DIFFERENT, target)
        new = Payment(named, PaymentKind.ALIAS, "", created_at_ms=context.now_ms(), target=target)
        due: list[MaturityMessage] = []
        if old is None:
            context.table.commit(payments.create(new), payments.unchanged(target, payment))  # no two name each other
        else:
            taking_back.refuse_other_currency(payment, old.currency)
            back, moved = _merged(context, old, payment, target)
            currency = payment.currency if payment and payment.currency else old.currency
            taken = taking_back.apply(context, target, payment, back, currency, target)
            became = payments.replace(old, replace(new, revision=old.revision + 1))
            context.table.commit(became, *moved, *taken.writes)
            due = taken.due
        return Recorded(Outcome.RECORDED, target, due)

    return context.repeat(once)


def _merged(context: Context, old: Payment, payment: Payment | None, target: str) -> tuple[TakenBack, list[Write]]:
    """What is gone by both names together, and the writes that put what came under the other name under the payment.

    There their repeats are looked for. One that was told under both names counts once.
    """
    refunds, disputes = payments.taken_back(context.table, target, strong=True)
    refunded, disputed = {each.hash: each for each in refunds}, {each.hash: each for each in disputes}
    writes: list[Write] = []
    moved_refunds, moved_disputes = payments.taken_back(context.table, old.id, strong=True)
    for refund in moved_refunds:
        known = refunded.get(refund.hash)
        refunded[refund.hash] = both_told = known.joined(refund) if known else refund
        if both_told != known:
            writes.append(payments.refund(target, known, both_told))
    for dispute in moved_disputes:
        first = disputed.get(dispute.hash)
        both = replace(first.joined(dispute) if first else dispute, payment=target)
        if both != first:
            disputed[dispute.hash] = both
            writes.append(payments.dispute(first, both))
        writes.append(payments.dispute_moved(dispute))
    told = taking_back.of(payment)
    told = told.told("", old.back.total, old.back.total_at_ms)
    for each in old.back.sums:
        told = told.told(each.charge, each.total, each.at_ms)
    return summed(refunded.values(), disputed.values(), told), writes
