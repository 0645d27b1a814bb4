"""Payments, their refunds and disputes: staff read them, and decide about those that wait."""

from __future__ import annotations

from typing import Any

from refledger.domain.errors import (
    AlreadyDecided,
    Conflict,
    CurrencyNotTaken,
    KeyReused,
    PaymentNotFound,
    RefundNotFound,
    SecondPersonNeeded,
)
from refledger.domain.payments import PARKED, DisputeStatus, Payment
from refledger.entry import config, maturing
from refledger.entry.http import Api, Request
from refledger.entry.models.common import DecisionNote, NoBody, NoQuery, NoteBody, Page, PageQuery
from refledger.entry.models.payment_refunds import NewRefund, PaymentRefundView, RefundList
from refledger.entry.models.payments import (
    DuplicateBody,
    ParkedView,
    PaymentLineView,
    PaymentQuery,
    PaymentsQuery,
    PaymentView,
    PossibleDuplicateView,
)
from refledger.entry.models.refund_views import DisputeView
from refledger.operations import labels
from refledger.operations.earning import reads, reward_lists
from refledger.operations.payouts import reads as withdrawals

api = handler = Api()


@api.route("GET /api/v1/payments", query=PaymentsQuery, answer=Page[PaymentLineView], refuses=())
def list_payments(request: Request[NoBody, PaymentsQuery]) -> Page[PaymentLineView]:
    """List the payments of a program from which somebody may earn, those that came last first."""
    context, query = config.context(), request.query
    at = request.position(None)
    page, last = reward_lists.payments_of(
        context, query.program_id, query.from_ms, query.until_ms,
        lambda payment: query.origin in (None, payment.origin), at, query.limit,
        unreferred=query.state == "UNREFERRED",
    )  # fmt: skip
    following = request.cursor(last)
    named = _named(request, page)
    return Page[PaymentLineView](data=[PaymentLineView.of(each, named) for each in page], next_cursor=following)


def _named(request: Request[Any, Any], shown: list[Payment]) -> labels.Labels:
    """Who paid them, as the owner knows them; for people of the staff, whose customers they are."""
    caller = request.caller
    return labels.of_payments(config.context().table, shown, people=not caller.is_machine, masks=caller.sees_masked)


@api.route("GET /api/v1/payments/parked", query=PageQuery, answer=Page[ParkedView], refuses=())
def list_parked(request: Request[NoBody, PageQuery]) -> Page[ParkedView]:
    """List what waits for its payment or for a decision, oldest first."""
    context, query = config.context(), request.query
    after = request.position("")
    found = reads.parked(context, after, query.limit + 1)
    ids, following = request.page(found)
    ids = list(dict.fromkeys(ids))  # one may be there for two reasons
    suspect, now_ms = reads.suspects(context, ids), context.now_ms()
    waiting = [
        each
        for each in reads.many_payments(context, ids, strong=False)
        if (each.kind in PARKED and not each.note) or each.id in suspect
    ]
    named = _named(request, waiting)
    page = [ParkedView.of(each, named, now_ms) for each in waiting]
    return Page[ParkedView](data=page, next_cursor=following)


@api.route("GET /api/v1/payments/duplicates", query=PageQuery, answer=Page[PossibleDuplicateView], refuses=())
def list_duplicates(request: Request[NoBody, PageQuery]) -> Page[PossibleDuplicateView]:
    """List payments that may be another one, which another system told of, oldest first: what they earned is held."""
    context, query = config.context(), request.query
    after = request.position("")
    found = reads.duplicates(context, after, query.limit + 1)
    ids, following = request.page(found)
    waiting = [each for each in reads.many_payments(context, ids, strong=False) if each.twin]
    others = {each.id: each for each in reads.many_payments(context, sorted({each.twin for each in waiting}))}
    named = _named(request, [*waiting, *others.values()])
    page = [PossibleDuplicateView.of(each, others[each.twin], named) for each in waiting if each.twin in others]
    return Page[PossibleDuplicateView](data=page, next_cursor=following)


@api.route(
    "POST /api/v1/payments/{paymentId}/duplicate", body=DuplicateBody, answer=PaymentView,
    refuses=(PaymentNotFound, AlreadyDecided, SecondPersonNeeded),
)  # fmt: skip
def decide_duplicate(request: Request[DuplicateBody, NoQuery]) -> PaymentView:
    """Say of a payment that may be another one whether it is; above one person's limit another one releases it."""
    from refledger.operations.earning import duplicate_decisions

    decide = duplicate_decisions.another if request.body.verdict == "ANOTHER" else duplicate_decisions.same
    cleared = decide(config.context(), request.id("paymentId"), request.body.note, request.caller.user)
    maturing.send(list(cleared.due))
    return _payment(request, cleared.payment.id)


@api.route("GET /api/v1/payments/{paymentId}", query=PaymentQuery, answer=PaymentView, refuses=(PaymentNotFound,))
def read_payment(request: Request[NoBody, PaymentQuery]) -> PaymentView:
    """Read a payment with its rewards, refunds and disputes; with `source`, by the id that its sender gave it."""
    if source := request.query.source:
        id = config.context().ids.payment(source, request.path.get("paymentId", ""))
        return _payment(request, id, strong=False)
    return _payment(request, request.id("paymentId"), strong=False)


@api.route(
    "POST /api/v1/payments/{paymentId}/accept",
    body=NoteBody,
    answer=PaymentView,
    refuses=(PaymentNotFound, Conflict, CurrencyNotTaken, AlreadyDecided),
)
def accept(request: Request[NoteBody, NoQuery]) -> PaymentView:
    """Let a payment earn that was parked for its currency, once the program takes it."""
    from refledger.operations.earning import parked  # it knows all that payments know

    recorded = parked.accept(config.context(), request.id("paymentId"), request.caller.user)
    maturing.send(recorded.due)
    return _payment(request, recorded.payment)


@api.route(
    "POST /api/v1/payments/{paymentId}/dismiss",
    body=DecisionNote,
    answer=PaymentView,
    refuses=(PaymentNotFound, Conflict, AlreadyDecided),
)
def dismiss(request: Request[DecisionNote, NoQuery]) -> PaymentView:
    """Take a parked payment off the list; nobody earns from it."""
    from refledger.operations.earning import parked  # it knows all that payments know

    context, by = config.context(), request.caller.user
    return _payment(request, parked.dismiss(context, request.id("paymentId"), request.body.note, by).id)


@api.route("GET /api/v1/payments/{paymentId}/refunds", answer=RefundList, refuses=(PaymentNotFound,))
def list_refunds(request: Request[NoBody, NoQuery]) -> RefundList:
    """List what was refunded of a payment, whoever told it, oldest first, with what takes nothing and why."""
    return RefundList.of(*reads.refunds_of(config.context(), request.id("paymentId")))


@api.route(
    "POST /api/v1/payments/{paymentId}/refunds", body=NewRefund, answer=PaymentRefundView, status=201,
    refuses=(PaymentNotFound, KeyReused),
)  # fmt: skip
def refund(request: Request[NewRefund, NoQuery]) -> PaymentRefundView:
    """Say that a payment went back, whatever told of it; above one person's limit it waits for a second one."""
    from refledger.operations.earning import staff_refunds  # it knows all that refunds know

    done = staff_refunds.request(
        config.context(), request.id("paymentId"), request.body.asked(), request.caller.user, request.route,
        request.key, request.body_hash,
    )  # fmt: skip
    return PaymentRefundView.of(done.payment, done.refund)


@api.route(
    "POST /api/v1/payments/{paymentId}/refunds/{refundId}/confirm", answer=PaymentRefundView,
    refuses=(PaymentNotFound, RefundNotFound, AlreadyDecided, SecondPersonNeeded),
)  # fmt: skip
def confirm_refund(request: Request[NoBody, NoQuery]) -> PaymentRefundView:
    """Let a refund count that somebody else of the staff entered."""
    from refledger.operations.earning import staff_refunds  # it knows all that refunds know

    done = staff_refunds.confirm(
        config.context(), request.id("paymentId"), request.id("refundId"), request.caller.user
    )  # fmt: skip
    return PaymentRefundView.of(done.payment, done.refund)


@api.route(
    "POST /api/v1/payments/{paymentId}/refunds/{refundId}/undo", body=DecisionNote, answer=PaymentRefundView,
    refuses=(PaymentNotFound, RefundNotFound, AlreadyDecided, SecondPersonNeeded),
)  # fmt: skip
def undo_refund(request: Request[DecisionNote, NoQuery]) -> PaymentRefundView:
    """Say that a refund of the staff was entered in error: what it took comes back."""
    from refledger.operations.earning import staff_refunds  # it knows all that refunds know

    done = staff_refunds.undo(
        config.context(), request.id("paymentId"), request.id("refundId"), request.body.note, request.caller.user
    )  # fmt: skip
    return PaymentRefundView.of(done.payment, done.refund)


def _payment(request: Request[Any, Any], payment_id: str, *, strong: bool = True) -> PaymentView:
    """The payment, also under another name of it."""
    context = config.context()
    payment, refunds, disputes = reads.whole(context, payment_id, strong=strong)
    earned, named = labels.of_payment(context.table, payment, strong=strong, masks=request.caller.sees_masked)
    payouts = withdrawals.statuses(context, (each.paid_by for each in earned))
    return PaymentView.of(payment, earned, payouts, refunds, disputes, named)


@api.route("GET /api/v1/disputes", query=PageQuery, answer=Page[DisputeView], refuses=())
def list_disputes(request: Request[NoBody, PageQuery]) -> Page[DisputeView]:
    """List the disputes that are open, and those whose end came without a beginning, oldest first."""
    context, query = config.context(), request.query
    after = request.position("")
    found = reads.open_disputes(context, after, query.limit + 1)
    which, following = request.page(found)
    page = reads.many_disputes(context, which)
    here = [DisputeView.of(each) for each in page if each.status is DisputeStatus.OPEN or not each.amount]
    return Page[DisputeView](data=here, next_cursor=following)
