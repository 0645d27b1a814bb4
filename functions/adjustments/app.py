"""Staff correct balances and forgive debt; above a program's limit it takes two of them."""

from __future__ import annotations

from refledger.domain.adjustments import AdjustmentKind
from refledger.domain.errors import (
    AdjustmentNotFound,
    AlreadyDecided,
    CurrencyNotTaken,
    KeyReused,
    NoDebt,
    OwnAdjustment,
    PartnerNotFound,
    SecondPersonNeeded,
    Stopped,
)
from refledger.entry import config, stopping
from refledger.entry.http import Api, Request
from refledger.entry.models.adjustments import AdjustmentQuery, AdjustmentView, NewAdjustment
from refledger.entry.models.common import NoBody, NoQuery, NoteBody, Page
from refledger.operations import adjustments

api = handler = Api()


@api.route(
    "POST /api/v1/adjustments",
    body=NewAdjustment,
    answer=AdjustmentView,
    status=201,
    refuses=(PartnerNotFound, OwnAdjustment, NoDebt, CurrencyNotTaken, KeyReused, Stopped),
)
def create(request: Request[NewAdjustment, NoQuery]) -> AdjustmentView:
    """Correct a partner's balance, or forgive debt; above the program's limit it waits for a second person.

    An ANCHOR, which moves no money, always does.
    """
    if request.body.kind is not AdjustmentKind.ANCHOR:
        stopping.check()
    made = adjustments.request(
        config.context(), request.body.asked(), request.caller.user, request.route, request.key, request.body_hash
    )
    return AdjustmentView.of(made)


@api.route(
    "POST /api/v1/adjustments/{adjustmentId}/approve",
    body=NoteBody,
    answer=AdjustmentView,
    refuses=(AdjustmentNotFound, OwnAdjustment, SecondPersonNeeded, AlreadyDecided, NoDebt, Stopped),
)
def approve(request: Request[NoteBody, NoQuery]) -> AdjustmentView:
    """Post an adjustment that somebody else asked for."""
    _check_running(request.id("adjustmentId"))
    decided = adjustments.approve(
        config.context(), request.id("adjustmentId"), request.caller.user, request.fingerprint, request.body.note
    )
    return AdjustmentView.of(decided)


@api.route(
    "POST /api/v1/adjustments/{adjustmentId}/reject",
    body=NoteBody,
    answer=AdjustmentView,
    refuses=(AdjustmentNotFound, OwnAdjustment, AlreadyDecided, Stopped),
)
def reject(request: Request[NoteBody, NoQuery]) -> AdjustmentView:
    """Refuse an adjustment, or take back one's own; no money moves."""
    _check_running(request.id("adjustmentId"))
    decided = adjustments.reject(
        config.context(), request.id("adjustmentId"), request.caller.user, request.fingerprint, request.body.note
    )
    return AdjustmentView.of(decided)


def _check_running(adjustment_id: str) -> None:
    """While all is stopped anchors go on, which move nothing: so is tampering put right. Raises Stopped."""
    context = config.context()
    if context.stopped() and adjustments.find(context, adjustment_id).asked.kind is not AdjustmentKind.ANCHOR:
        stopping.check()


@api.route("GET /api/v1/adjustments", query=AdjustmentQuery, answer=Page[AdjustmentView], refuses=())
def list_some(request: Request[NoBody, AdjustmentQuery]) -> Page[AdjustmentView]:
    """List a partner's adjustments, newest first, or those that wait for a second person, oldest first."""
    context, query = config.context(), request.query
    place = request.position("")
    found = adjustments.listed(context, query.partner_id, place, query.limit + 1)
    ids, following = request.page(found)
    page = adjustments.many(context, ids)
    return Page[AdjustmentView](data=[AdjustmentView.of(each) for each in page], next_cursor=following)


@api.route("GET /api/v1/adjustments/{adjustmentId}", answer=AdjustmentView, refuses=(AdjustmentNotFound,))
def read(request: Request[NoBody, NoQuery]) -> AdjustmentView:
    """Read an adjustment."""
    return AdjustmentView.of(adjustments.find(config.context(), request.id("adjustmentId"), strong=False))
