"""Money that went back to customers takes back what was earned from it: cumulative, in proportion, on every tier."""

from __future__ import annotations

from dataclasses import replace

from refledger.domain.errors import Unreadable
from refledger.domain.maturity import MaturityMessage
from refledger.domain.payment_events import (
    PaymentAlias,
    RefundReceived,
    RefundTotal,
)
from refledger.domain.payments import Payment, PaymentKind, Refund
from refledger.domain.tellers import OWN_EVENTS
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.earning import corrections, duplicate_detection, reversals
from refledger.operations.earning.payment_merges import PaymentMerge, rank
from refledger.operations.earning.payments import Recorded, RecordOutcome
from refledger.store import keys, payments
from refledger.store.transaction import RetryableConflict

CHARGES_LIMIT = 100  # of one payment whose sums are kept apart: 5 KB in its item


def refund(context: Context, event: RefundReceived | RefundTotal) -> Recorded:
    """Book a refund, in any order.

    Idempotent for ever: by the refund's own item, or by the time at which a sum was told.

    A refund of a payment that has not come yet waits for it. One that its sender has told for another payment before
    takes nothing: DIFFERENT. Raises Busy, Unreadable for another currency than that of the payment.
    """
    named = context.ids.payment(event.system, event.payment_id)
    charge = context.ids.hash("charge", event.system, event.charge) if event.charge else ""
    if isinstance(event, RefundTotal):
        return _total(context, named, charge, event)
    sender, told_at_ms = event.sender or event.system, event.told_at_ms or event.occurred_at_ms
    news = Refund(
        context.ids.hash("refund", sender, event.refund_id), event.amount, event.currency, event.occurred_at_ms,
        event.failed, failed_at_ms=told_at_ms if event.failed else 0, made_at_ms=0 if event.failed else told_at_ms,
        charge=charge, outside=sender != event.system,
    )  # fmt: skip
    return take(context, named, news)


@retry_on_conflict
def take(context: Context, named: str, news: Refund) -> Recorded:
    """Return one refund of the payment that has the name `named` (an id of ours), or what became of it.

    See `refund`.
    """
    guard = keys.refund_guard(news.hash)
    place = reversals.find(context, named, lambda id: keys.refund(id, news.hash), guard)
    reversals.refuse_other_currency(place.payment, news.currency)
    known = payments.refund_from(place.item) if place.item else None
    if known and (known.amount, known.currency) != (news.amount, news.currency):
        return Recorded(RecordOutcome.DIFFERENT, place.id)
    stray = known.stray if known else place.is_stray
    new = replace(news, stray=stray)
    new = known.joined(new) if known else new
    repeated = RecordOutcome.DIFFERENT if stray else RecordOutcome.REPEATED
    if new == known:
        return Recorded(repeated, place.id)
    if known and _counts(known) == _counts(new):  # only when it was so is news
        context.table.commit(payments.refund(place.id, known, new), payments.unchanged(place.id, place.payment))
        return Recorded(repeated, place.id)
    back = reversals.of(place.payment)
    if reversals.is_counted(place.payment, news.currency):
        back = (back.minus(known) if known else back).plus(new)
    taken = reversals.apply(context, place.id, place.payment, back, news.currency, place.id)
    first = [payments.take_id(guard, place.id)] if place.is_first and not known else []
    context.table.commit(payments.refund(place.id, known, new), *first, *taken.writes)
    if stray or (known and known.failed is new.failed):
        return Recorded(repeated, place.id, taken.due)
    return Recorded(
        RecordOutcome.EARLY if reversals.is_early(place.payment) else RecordOutcome.RECORDED, place.id, taken.due
    )


def _counts(refund: Refund) -> tuple[bool, str, int]:
    """What of a refund the payment's sums depend on: of a failed one also whether a sum was told before that."""
    return refund.failed, refund.charge, refund.failed_at_ms if refund.failed else 0


@retry_on_conflict
def _total(context: Context, named: str, charge: str, event: RefundTotal) -> Recorded:
    place = reversals.find(context, named, lambda id: keys.refund(id, "none"))
    id, payment = place.id, place.payment
    if not reversals.is_counted(payment, event.currency):
        raise Unreadable("currency: not the one of the payment")
    before = reversals.of(payment)
    told = before.told(charge, event.total, event.occurred_at_ms)
    if told == before:
        return Recorded(RecordOutcome.REPEATED, id)
    if len(told.sums) > CHARGES_LIMIT:
        raise Unreadable("charge: the payment has sums of too many charges")
    refunds, disputes = payments.taken_back(context.table, id, strong=True)
    back = reversals.counted(refunds, disputes, event.currency, told)  # each changes the payment: none comes between
    taken = reversals.apply(context, id, payment, back, event.currency, id)
    context.table.commit(*taken.writes)
    return Recorded(RecordOutcome.EARLY if reversals.is_early(payment) else RecordOutcome.RECORDED, id, taken.due)


def alias(context: Context, event: PaymentAlias) -> Recorded:
    """Make `alias_id` another name of the payment.

    What came under that name before moves over.

    Idempotent, before, between and after the payment and what is taken back of it. An id that was told to be another
    payment's before stays its: DIFFERENT.
    """
    named = context.ids.payment(event.system, event.alias_id)
    target = context.ids.payment(event.system, event.payment_id)
    linked = link(context, named, target)
    if event.system == OWN_EVENTS:
        return linked
    due = duplicate_detection.same_id(context, linked.payment, context.ids.payment(OWN_EVENTS, event.alias_id))
    return replace(linked, due=[*linked.due, *due])


def link(context: Context, named: str, target: str) -> Recorded:
    """Say that two names, ids of ours, are of one payment.

    It is that of `target` where both were counted.

    What the other one earned is taken back then, and it is an ALIAS with the reason DUPLICATE: the same in any order.
    Resumable: whoever dies in the middle is met by the repeat. Raises Busy.
    """
    found = _link(context, named, target)
    if isinstance(found, PaymentMerge):
        due = found.all()
        if found.is_turned:
            return link(context, named, target)
        due += _carry(context, found.gone, found.keep) if found.knows else []
        return Recorded(RecordOutcome.RECORDED, found.keep, due)
    if found.outcome is RecordOutcome.REPEATED:  # the first try may have died before that
        return replace(found, due=[
            each for name in (named, target) if name != found.payment for each in _carry(context, name, found.payment)
        ])  # fmt: skip
    return found


@retry_on_conflict
def _link(context: Context, named: str, target: str) -> Recorded | PaymentMerge:
    alias_id, keep_id = reversals.root(context, named), reversals.root(context, target)
    if alias_id == keep_id:
        return Recorded(RecordOutcome.REPEATED, keep_id)
    found = payments.some(context.table, alias_id, keep_id)
    gone, keep = found.get(alias_id), found.get(keep_id)
    if any(each.kind is PaymentKind.ALIAS for each in found.values()):  # else two might become names of each other
        raise RetryableConflict("one of them has got another name meanwhile")
    if alias_id != named:  # it names another payment already: one charge that pays two invoices
        return Recorded(RecordOutcome.DIFFERENT, keep_id)
    if gone and keep and _is_other_money(gone, keep):
        return Recorded(RecordOutcome.DIFFERENT, keep_id)
    if gone and rank(gone) > rank(keep):
        gone, keep, alias_id, keep_id = keep, gone, keep_id, alias_id
    if gone is None:
        new = Payment(alias_id, PaymentKind.ALIAS, "", created_at_ms=context.now_ms(), target=keep_id)
        context.table.commit(payments.create(new), payments.unchanged(keep_id, keep))  # no two name each other
        return Recorded(RecordOutcome.RECORDED, keep_id)
    return PaymentMerge(context, alias_id, keep_id)


@retry_on_conflict
def _carry(context: Context, gone_id: str, keep_id: str) -> list[MaturityMessage]:
    """What was told of the money under the name that went corrects the payment, where it knows more. Idempotent."""
    found = payments.some(context.table, gone_id, keep_id)
    gone, keep = found.get(gone_id), found.get(keep_id)
    if gone is None or keep is None or gone.kind is not PaymentKind.ALIAS:
        return []
    corrected = corrections.correct(context, keep, gone)
    return corrected.due if corrected else []


def _is_other_money(one: Payment, other: Payment) -> bool:
    """Whether two payments cannot be one, whatever somebody says: nothing is ever converted."""
    counted = PaymentKind.EARLY not in (one.kind, other.kind)
    return counted and one.currency != other.currency
