"""Payments in suspense: in a currency that their program does not take, or refunded before they came.

Neither is ever lost or converted. The second is met by its payment when that comes; the first waits for a person, who
lets the program take the currency and accepts it, or dismisses it. Above what one person may make in a day, what an
accepted one earns is held until another person releases it.
"""

from __future__ import annotations

from dataclasses import replace

from refledger.domain.duties import Act
from refledger.domain.errors import AlreadyDecided, CurrencyNotTaken, PaymentNotFound
from refledger.domain.payments import PARKED, Payment, PaymentKind
from refledger.domain.times import DAY_MS
from refledger.domain.uplines import Binding
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.earning import rating
from refledger.operations.earning.payments import Recorded, RecordOutcome, assess, inferred
from refledger.operations.earning.unattributed import anew
from refledger.operations.earning.word import by_word
from refledger.operations.upline_resolution import check_stranger
from refledger.store import bindings, payments, programs
from refledger.store.transaction import ConditionFailed

OVERDUE_MS = 14 * DAY_MS  # a payment that is to come at all has come by then


def accept(context: Context, payment_id: str, by: str) -> Recorded:
    """A payment that was parked for its currency earns now, as if it came now.

    Idempotent: one that earns stays.

    Raises PaymentNotFound, AlreadyDecided for what is not parked so, CurrencyNotTaken while the program does not,
    Forbidden where the actor is one of those who may earn from it.
    """
    accepted = _accept(context, payment_id, by)
    payment = payments.find(context.table, accepted.payment)
    late = rating.at_once(context, payment.program_id, payment.customer)  # it may be the first that was made
    return replace(accepted, due=[*accepted.due, *late])


@retry_on_conflict
def _accept(context: Context, payment_id: str, by: str) -> Recorded:
    old = payments.find(context.table, payment_id)
    if old.kind is PaymentKind.PAYMENT:
        return Recorded(RecordOutcome.REPEATED, old.id)
    if old.kind is not PaymentKind.FOREIGN and not old.is_nobodys:
        raise AlreadyDecided(f"the payment is {old.kind}: only a foreign or an unreferred one can be accepted")
    payment, binding = _with_binding(context, old)
    program = programs.find(context.table, payment.program_id)
    if not program.takes(old.currency):
        raise CurrencyNotTaken(f"the program does not take {old.currency} yet")
    if binding:
        check_stranger(context, Act.ACCEPT_PAYMENT, binding.upline, len(binding.upline), by)
    payment = replace(payment, note="", by=by)
    assessed, sums = by_word(
        context, Act.ACCEPT_PAYMENT, by, program, lambda held: assess(context, payment, binding, program, old, held)
    )  # fmt: skip
    context.table.commit(*assessed.writes, *sums)
    return Recorded(assessed.outcome, old.id, assessed.due(context.now_ms()))


def _with_binding(context: Context, old: Payment) -> tuple[Payment, Binding | None]:
    """The payment in its program, and who earns from it there. Where nobody's event named a program, it is the one in
    which its customer is referred. Raises AlreadyDecided for nobody's payment of a customer who is not.
    """
    binding = bindings.find(context.table, old.program_id, old.customer)
    if not old.is_nobodys:
        return old, binding
    if binding is None and not old.program_said:
        binding = inferred(context, old.customer, old.occurred_at_ms)
    if binding is None:
        raise AlreadyDecided("nobody has referred the customer of the payment in its program")
    return anew(old, binding.program_id), binding


@retry_on_conflict
def dismiss(context: Context, payment_id: str, note: str, by: str) -> Payment:
    """Take it off the list, with a reason. Idempotent.

    A payment in a foreign currency earns nothing then. A refund whose payment comes after all is still met by it. A
    payment that is listed for a refund in another currency stays as it is: that refund took nothing.
    Raises PaymentNotFound, AlreadyDecided for what is not parked.
    """
    old = payments.find(context.table, payment_id)
    if old.note and old.kind in (PaymentKind.IGNORED, PaymentKind.EARLY):
        return old
    if old.kind not in PARKED and payments.suspects(context.table, [old.id]):
        context.table.commit(payments.cleared(old.id, note, by))
        return old
    if old.kind not in PARKED:
        raise AlreadyDecided(f"the payment is {old.kind}: it is not parked")
    kind, reason = old.kind, old.reason
    if old.kind is PaymentKind.FOREIGN:
        kind, reason = PaymentKind.IGNORED, "DISMISSED"
    new = replace(old, kind=kind, reason=reason, note=note, by=by, revision=old.revision + 1)
    try:
        context.table.commit(payments.replace(old, new, context.now_ms()))
    except ConditionFailed as failed:
        if not failed.items.get(payments.IS_UNCHANGED):
            raise PaymentNotFound("there is no such payment") from None
        raise
    return new


def overdue(context: Context, limit: int = 1_000) -> int:
    """Return how many have waited for more than two weeks, up to `limit`.

    They are reported, for none of them goes away by itself.
    """
    found = payments.parked(context.table, "", 100, context.now_ms() - OVERDUE_MS)
    return sum(1 for _, _ in zip(range(limit), found, strict=False))
