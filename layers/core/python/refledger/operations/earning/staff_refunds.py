"""Staff say that a payment went back, whatever told of it: by wire, in cash, a deal that fell through.

Above what one person may do in a day it waits for a second one. What was entered in error is undone: it failed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from refledger.domain.duties import Act, NeedsSecond
from refledger.domain.errors import AlreadyDecided, Invalid, PaymentNotFound, RefundNotFound
from refledger.domain.maturity import MaturityMessage
from refledger.domain.payments import Payment, Refund
from refledger.domain.rewards import reversal
from refledger.operations import duties
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.earning import reversals
from refledger.operations.idempotency import check_same
from refledger.store import keys, partners, payments, programs, rewards
from refledger.store.transaction import Write


@dataclass(frozen=True)
class RefundRequest:
    """What went back of a payment, in minor units of its currency. `occurred_at_ms`: 0 for now."""

    amount: int
    currency: str
    reason: str
    reference: str = ""
    occurred_at_ms: int = 0


@dataclass(frozen=True)
class RefundResult:
    """`due`: whose money moves, for the worker who marks what payouts covered."""

    payment: Payment
    refund: Refund
    due: tuple[MaturityMessage, ...] = ()


def request(
    context: Context, payment_id: str, asked: RefundRequest, actor: str, route: str, key: str | None, body: str
) -> RefundResult:
    """Take it back from everybody who earned, or write down that it waits for a second person.

    `payment_id`: ours, of any name of the payment. Idempotent for ever by the Idempotency-Key; without one every call
    is a refund of its own. Raises PaymentNotFound, Invalid, KeyReused, Forbidden for whom it is the money of, Busy.
    """
    hash = context.ids.hash("staff refund", actor, route, payment_id, key) if key else context.ids.new()
    return _request(context, hash, payment_id, asked, actor, body)


@retry_on_conflict
def _request(context: Context, hash: str, payment_id: str, asked: RefundRequest, actor: str, body: str) -> RefundResult:
    now_ms = context.now_ms()
    place = reversals.find(context, payment_id, lambda id: keys.refund(id, hash))
    payment = _counted(place.payment)
    if place.item:
        known = payments.refund_from(place.item)
        check_same(known, body)
        return RefundResult(payment, known)
    if asked.currency != payment.currency:
        raise Invalid(f"currency: the payment is in {payment.currency}")
    if asked.amount > payment.amount:
        raise Invalid("amount: more than was paid")
    new = Refund(
        hash, asked.amount, asked.currency, asked.occurred_at_ms or now_ms, failed=False, made_at_ms=now_ms,
        outside=True, by=actor, note=asked.reason, reference=asked.reference, body=body,
    )  # fmt: skip
    case = _case(context, Act.REFUND_PAYMENT, payment, payment.back.plus(new).of(payment.amount), actor)
    if isinstance(case.require(), NeedsSecond):
        new = replace(new, waits=True)
        wait = [payments.suspect(payment.id, now_ms), payments.unchanged(payment.id, payment)]
        context.table.commit(payments.refund(payment.id, None, new), *wait)
        return RefundResult(payment, new)
    return _commit(context, payment, None, new, case.writes())


@retry_on_conflict
def confirm(context: Context, payment_id: str, refund_id: str, actor: str) -> RefundResult:
    """A second person lets it count. Idempotent by who confirmed.

    Raises PaymentNotFound, RefundNotFound, AlreadyDecided, SecondPersonNeeded for who asked, Forbidden, Busy.
    """
    payment, old = _find(context, payment_id, refund_id)
    if old.confirmed_by == actor:
        return RefundResult(payment, old)
    if not old.waits or old.failed:
        raise AlreadyDecided("the refund does not wait for anybody")
    _case(context, Act.CONFIRM_REFUND, payment, 0, actor, requester=old.by).check()
    new = replace(old, waits=False, confirmed_by=actor)
    return _commit(context, payment, old, new, [payments.nothing_waits(payment.id)])


@retry_on_conflict
def undo(context: Context, payment_id: str, refund_id: str, note: str, actor: str) -> RefundResult:
    """Undo a refund that was a mistake: what it took comes back.

    Above what one person may give in a day two people say so.

    Idempotent. Raises PaymentNotFound, RefundNotFound, AlreadyDecided for one that its provider told,
    SecondPersonNeeded for who said so before, Forbidden, Busy.
    """
    payment, old = _find(context, payment_id, refund_id)
    if not old.by:
        raise AlreadyDecided("its provider told of it: only that one can say that it failed")
    if old.failed:
        return RefundResult(payment, old)
    now_ms = context.now_ms()
    new = replace(old, failed=True, failed_at_ms=max(now_ms, old.made_at_ms), note=note or old.note)
    left = payment.back.minus(old).plus(new).of(payment.amount)
    earlier = [old.undone_by] if old.undone_by else []
    case = _case(context, Act.UNDO_REFUND, payment, left, actor, earlier=earlier)
    if isinstance(case.require(), NeedsSecond):
        asks = replace(old, undone_by=actor)
        wait = [payments.suspect(payment.id, now_ms), payments.unchanged(payment.id, payment)]
        context.table.commit(payments.refund(payment.id, old, asks), *wait)
        return RefundResult(payment, asks)
    said_so = case.writes(marks=() if old.waits else {actor, old.undone_by})  # what waited gave nothing back
    return _commit(context, payment, old, new, [*said_so, payments.nothing_waits(payment.id)])


def _commit(context: Context, payment: Payment, old: Refund | None, new: Refund, also: list[Write]) -> RefundResult:
    back = (payment.back.minus(old) if old else payment.back).plus(new)
    taken = reversals.apply(context, payment.id, payment, back, payment.currency, payment.id)
    context.table.commit(payments.refund(payment.id, old, new), *taken.writes, *also)
    return RefundResult(replace(payment, back=back, revision=payment.revision + 1), new, tuple(taken.due))


def _find(context: Context, payment_id: str, refund_id: str) -> tuple[Payment, Refund]:
    place = reversals.find(context, payment_id, lambda id: keys.refund(id, refund_id))
    payment = _counted(place.payment)
    if place.item is None:
        raise RefundNotFound("there is no such refund of the payment")
    return payment, payments.refund_from(place.item)


def _counted(payment: Payment | None) -> Payment:
    if payment is None or reversals.is_early(payment):
        raise PaymentNotFound("there is no such payment")
    return payment


def _case(
    context: Context, act: Act, payment: Payment, gone: int, actor: str, *, requester: str = "",
    earlier: list[str] | None = None,
) -> duties.Case:  # fmt: skip
    """Whose money it is, and how much of it moves when `gone` of the payment is gone."""
    earned = rewards.many(context.table, [id for id, _ in payment.shares])
    moved = Counter[str]()
    for reward in earned:
        moved[reward.partner_id] += abs(reversal(reward.amount, payment.amount, gone) - reward.reversed)
    found = context.table.get_many([keys.partner(id) for id in moved]) if moved else []
    users = [partners.from_item(item).customer for item in found if item]
    program = [programs.find(context.table, payment.program_id)] if payment.shares else []
    amounts = moved if act is not Act.CONFIRM_REFUND else {}
    return duties.case(
        context, act, actor, program, payment.currency, amounts, earns=users, requester=requester,
        earlier=earlier or (),
    )  # fmt: skip
