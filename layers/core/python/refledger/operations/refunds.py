"""Money that went back to customers takes back what was earned from it: cumulative, in proportion, on every tier."""

from __future__ import annotations

from dataclasses import replace

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


def refund(context: Context, event: RefundReceived | RefundTotal) -> Recorded:
    """Idempotent for ever: by the refund's own item, or by the time at which a sum was told. In any order.

    A refund of a payment that has not come yet waits for it. Raises Busy, Unreadable for another currency.
    """
    if isinstance(event, RefundTotal):
        return context.repeat(lambda: _total(context, event))
    return context.repeat(lambda: _one(context, event))


def _one(context: Context, event: RefundReceived) -> Recorded:
    named = context.ids.payment(event.system, event.payment_id)
    hash = context.ids.hash("refund", event.system, event.refund_id)
    id, payment, known = taking_back.find(context, named, lambda id: keys.refund(id, hash))
    taking_back.refuse_other_currency(payment, event.currency)
    back = taking_back.of(payment)
    if known is None:
        at_ms = event.occurred_at_ms
        refund = Refund(hash, event.amount, event.currency, at_ms, event.failed, at_ms if event.failed else 0)
        write = payments.refund(id, refund)
        back = _failed(back, event) if event.failed else replace(back, refunds=back.refunds + event.amount)
    else:
        earlier = payments.refund_from(known)
        if (earlier.amount, earlier.currency) != (event.amount, event.currency):
            return Recorded(Outcome.DIFFERENT, id)
        if earlier.failed or not event.failed:  # that it failed is the last that is said of it
            return Recorded(Outcome.REPEATED, id)
        write = payments.refund_failed(id, hash, event.occurred_at_ms)
        back = _failed(replace(back, refunds=back.refunds - event.amount), event)
    taken = taking_back.apply(context, id, payment, back, event.currency, id)
    context.table.commit(write, *taken.writes)
    return Recorded(Outcome.EARLY if taking_back.is_early(payment) else Outcome.RECORDED, id, taken.due)


def _failed(back: TakenBack, event: RefundReceived) -> TakenBack:
    """A sum that was told later leaves the failed refund out already."""
    since = event.occurred_at_ms >= back.total_at_ms
    return replace(back, failed=back.failed + event.amount) if since else back


def _total(context: Context, event: RefundTotal) -> Recorded:
    named = context.ids.payment(event.system, event.payment_id)
    id, payment, _ = taking_back.find(context, named, lambda id: keys.refund(id, "none"))
    taking_back.refuse_other_currency(payment, event.currency)
    back = taking_back.of(payment)
    told = TakenBack(total=event.total, total_at_ms=event.occurred_at_ms)
    if (told.total_at_ms, told.total) <= (back.total_at_ms, back.total):
        return Recorded(Outcome.REPEATED, id)
    refunds, _ = payments.taken_back(context.table, id, strong=True)
    failed = summed(refunds, (), told).failed  # each changes the payment, so none can come in between
    back = replace(back, total=told.total, total_at_ms=told.total_at_ms, failed=failed)
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
        if known is None:
            refunded[refund.hash] = refund
            writes.append(payments.refund(target, refund))
        elif refund.failed and not known.failed:
            refunded[refund.hash] = replace(known, failed=True, failed_at_ms=refund.failed_at_ms)
            writes.append(payments.refund_failed(target, refund.hash, refund.failed_at_ms))
    for dispute in moved_disputes:
        first = disputed.get(dispute.hash)
        both = replace(first.joined(dispute) if first else dispute, payment=target)
        if both != first:
            disputed[dispute.hash] = both
            writes.append(payments.dispute(first, both))
        writes.append(payments.dispute_moved(dispute))
    back = taking_back.of(payment)
    latest = max(back, old.back, key=lambda told: (told.total_at_ms, told.total))
    told = replace(latest, uncaptured=back.uncaptured)
    return summed(refunded.values(), disputed.values(), told), writes
