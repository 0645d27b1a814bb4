"""The same money under several ids: whichever of its events comes first counts, and all of them are about it.

A provider names one movement of money by its intent, its charge, its invoice; which of them an event names depends on
the object and the version. `payments.record` writes a payment with its other names in one transaction. Where one of
them stands for something already it comes here.
"""

from __future__ import annotations

from dataclasses import dataclass

from refledger.domain.errors import Unreadable
from refledger.domain.payment_events import PaymentReceived
from refledger.domain.payments import Payment, PaymentKind
from refledger.domain.tellers import Teller
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.earning import refunds
from refledger.operations.earning.payments import Recorded, RecordOutcome, attempt, repeated
from refledger.store import keys, payments
from refledger.store.transaction import RetryableConflict

NAMES_LIMIT = 20  # that stand one for the other in a row


@dataclass(frozen=True)
class _Root:
    """What stands at the end of a row of names; `payment` is None where nothing does yet."""

    id: str
    payment: Payment | None

    @property
    def counts(self) -> bool:
        return self.payment is not None and not self.payment.gives_way and not self.payment.is_nobodys


def record(context: Context, received: PaymentReceived, ids: tuple[str, ...]) -> Recorded:
    """Return a payment of which one of the `ids` (ours, its key first) stands for something already.

    Idempotent, in any order.

    What is counted under any of them stays, and the event is a repeat of it; else it counts under the name that others
    stand for. Then each of the ids is a name of it. Raises Busy.
    """
    recorded, root = _record(context, received, ids)
    due = list(recorded.due)
    for id in ids:
        if id != root:
            due += refunds.link(context, id, root).due
    return Recorded(recorded.outcome, recorded.payment, due, recorded.again)


@retry_on_conflict
def _record(context: Context, received: PaymentReceived, ids: tuple[str, ...]) -> tuple[Recorded, str]:
    roots = [_root(context, id) for id in ids]
    if known := [root.payment for root in roots if root.payment and root.counts]:
        counted = max(known, key=lambda each: each.teller)  # who knows most stays
        return repeated(context, counted, received), counted.id
    # Where the key is a name of something else, an invoice is known to exist: it knows more than the charge.
    root = roots[0]
    if root.id != ids[0] and received.teller is Teller.CHARGE:
        return Recorded(RecordOutcome.SKIPPED, root.id), root.id
    recorded = attempt(context, received, root.id)
    if recorded is None:
        raise RetryableConflict("it came under another name meanwhile")
    return recorded, root.id


def _root(context: Context, id: str) -> _Root:
    for _ in range(NAMES_LIMIT):
        (item,) = context.table.get_many([keys.payment(id)])
        if item is None:
            return _Root(id, None)
        payment = payments.from_item(item)
        if payment.kind is not PaymentKind.ALIAS:
            return _Root(id, payment)
        id = payment.target
    raise Unreadable("payment: has too many names, one after the other")
