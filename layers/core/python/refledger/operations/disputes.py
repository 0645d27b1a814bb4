"""An open dispute puts money out of reach at once, as a refund that can be undone: WON undoes it, LOST keeps it."""

from __future__ import annotations

from dataclasses import replace

from refledger.domain.payments import (
    Dispute,
    DisputeClosed,
    DisputeOpened,
    DisputeOutcome,
    DisputeStatus,
)
from refledger.operations import taking_back
from refledger.operations.context import Context
from refledger.operations.payments import Outcome, Recorded
from refledger.store import keys, payments


def opened(context: Context, event: DisputeOpened) -> Recorded:
    """Idempotent for ever by the dispute's own item. One whose end came first is met here, and ends at once.

    Of a payment that has not come yet it waits for it. Raises Busy, Unreadable for another currency.
    """
    named = context.ids.payment(event.system, event.payment_id)
    hash = context.ids.hash("dispute", event.system, event.dispute_id)

    def once() -> Recorded:
        id, payment, known = taking_back.find(context, named, lambda id: keys.dispute(id, hash))
        taking_back.refuse_other_currency(payment, event.currency)
        old = payments.dispute_from(known) if known else None
        if old and old.amount:
            same = (old.amount, old.currency) == (event.amount, event.currency)
            return Recorded(Outcome.REPEATED if same else Outcome.DIFFERENT, id)
        status = old.status if old else DisputeStatus.OPEN
        new = Dispute(hash, id, event.amount, event.currency, status, event.occurred_at_ms)
        back = taking_back.of(payment)
        if status is DisputeStatus.OPEN:
            back = replace(back, disputed=back.disputed + event.amount)
        elif status is DisputeStatus.LOST:
            back = replace(back, lost=back.lost + event.amount)
        taken = taking_back.apply(context, id, payment, back, event.currency, id)
        context.table.commit(payments.dispute(old, new), *taken.writes)
        return Recorded(Outcome.EARLY if taking_back.is_early(payment) else Outcome.RECORDED, id, taken.due)

    return context.repeat(once)


def closed(context: Context, event: DisputeClosed) -> Recorded:
    """Idempotent by the dispute's status. Another end than the first is reported, and the first stands: DIFFERENT.

    One that comes before its opening waits for it, with a payment that is not known yet as EARLY.
    """
    named = context.ids.payment(event.system, event.payment_id)
    hash = context.ids.hash("dispute", event.system, event.dispute_id)
    status = DisputeStatus.WON if event.outcome is DisputeOutcome.WON else DisputeStatus.LOST

    def once() -> Recorded:
        id, payment, known = taking_back.find(context, named, lambda id: keys.dispute(id, hash))
        old = payments.dispute_from(known) if known else None
        if old is None:  # its opening will meet it
            first = Dispute(hash, id, 0, "", status, event.occurred_at_ms)
            back = taking_back.of(payment)
            taken = taking_back.apply(context, id, payment, back, first.currency, id)
            context.table.commit(payments.dispute(None, first), *taken.writes)
            return Recorded(Outcome.EARLY, id)
        if old.status is not DisputeStatus.OPEN:
            return Recorded(Outcome.REPEATED if old.status is status else Outcome.DIFFERENT, id)
        back = taking_back.of(payment)
        back = replace(back, disputed=back.disputed - old.amount)
        if status is DisputeStatus.LOST:
            back = replace(back, lost=back.lost + old.amount)
        taken = taking_back.apply(context, id, payment, back, old.currency, id)
        context.table.commit(payments.dispute(old, replace(old, status=status)), *taken.writes)
        return Recorded(Outcome.RECORDED, id, taken.due)

    return context.repeat(once)
