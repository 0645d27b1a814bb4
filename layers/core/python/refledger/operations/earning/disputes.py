"""An open dispute puts money out of reach at once, as a refund that can be undone: WON undoes it, LOST keeps it.

What it has come to is its latest end, by the time at which that was, whatever came first: a lost one can be won.
"""

from __future__ import annotations

from dataclasses import replace

from refledger.domain.payment_events import DisputeClosed, DisputeOpened
from refledger.domain.payments import Dispute, DisputeStatus
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.earning import reversals
from refledger.operations.earning.payments import Recorded, RecordOutcome
from refledger.store import keys, payments


def opened(context: Context, event: DisputeOpened) -> Recorded:
    """Take a dispute that was opened.

    Idempotent for ever by the dispute's own item. One whose end came first is met here, and ends at once.

    Of a payment that has not come yet it waits for it. One that its sender has told for another payment before takes
    nothing: DIFFERENT. Raises Busy, Unreadable for another currency.
    """
    news = Dispute("", "", event.amount, event.currency, DisputeStatus.OPEN, event.occurred_at_ms)
    return _take(context, event, news)


def closed(context: Context, event: DisputeClosed) -> Recorded:
    """Take the end of a dispute.

    Idempotent by the dispute's item: an end that is older than the one that is known changes nothing.

    One that comes before its opening waits for it, with a payment that is not known yet as EARLY.
    """
    status = DisputeStatus(event.outcome.value)
    news = Dispute("", "", 0, "", status, event.occurred_at_ms, event.occurred_at_ms)
    return _take(context, event, news)


@retry_on_conflict
def _take(context: Context, event: DisputeOpened | DisputeClosed, news: Dispute) -> Recorded:
    named = context.ids.payment(event.system, event.payment_id)
    hash = context.ids.hash("dispute", event.sender or event.system, event.dispute_id)
    guard = keys.dispute_guard(hash)
    place = reversals.find(context, named, lambda id: keys.dispute(id, hash), guard)
    reversals.refuse_other_currency(place.payment, news.currency)
    known = payments.dispute_from(place.item) if place.item else None
    told = (news.amount, news.currency)
    if known and known.amount and news.amount and (known.amount, known.currency) != told:
        return Recorded(RecordOutcome.DIFFERENT, place.id)
    stray = known.stray if known else place.is_stray
    new = replace(news, hash=hash, payment=place.id, stray=stray)
    new = known.joined(new) if known else new
    repeated = RecordOutcome.DIFFERENT if stray else RecordOutcome.REPEATED
    if new == known:
        return Recorded(repeated, place.id)
    if known and (known.status, known.amount) == (new.status, new.amount):  # only when it was so is news
        context.table.commit(payments.dispute(known, new), payments.unchanged(place.id, place.payment))
        return Recorded(repeated, place.id)
    back = reversals.of(place.payment)
    if new.amount and reversals.is_counted(place.payment, new.currency):
        back = (back.with_dispute(known, -1) if known else back).with_dispute(new)
    taken = reversals.apply(context, place.id, place.payment, back, new.currency, place.id)
    first = [payments.take_id(guard, place.id)] if place.is_first and not known else []
    context.table.commit(payments.dispute(known, new), *first, *taken.writes)
    if stray:
        return Recorded(RecordOutcome.DIFFERENT, place.id)
    waits = reversals.is_early(place.payment) or not new.amount
    return Recorded(RecordOutcome.EARLY if waits else RecordOutcome.RECORDED, place.id, taken.due)
