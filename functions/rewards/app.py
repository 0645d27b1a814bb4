"""Rewards and the payments that made them: partners see their own, staff everybody's, and decide what waits."""

from __future__ import annotations

from typing import Any

from refledger.domain.errors import Forbidden, Invalid, RewardNotFound
from refledger.domain.payments import PARKED, DisputeStatus, PaymentKind
from refledger.domain.rewards import Reward
from refledger.entry import config, paging
from refledger.entry.http import Api, Request
from refledger.entry.models.common import NoBody, NoQuery, NoteBody, Page, PageQuery
from refledger.entry.models.payments import ParkedView, PaymentQuery, PaymentView
from refledger.entry.models.rewards import (
    DecisionNote,
    DisputeView,
    ExplanationView,
    HoldBody,
    RewardsQuery,
    RewardView,
)
from refledger.operations import explaining, parked, rewards
from refledger.store import keys, partners, payments
from refledger.store import rewards as stored

api = handler = Api()


# ---------------------------------------------------------------- rewards


@api.route("GET /api/v1/rewards", query=RewardsQuery, answer=Page[RewardView])
def list_some(request: Request[NoBody, RewardsQuery]) -> Page[RewardView]:
    """List a partner's rewards, latest due first; or, for staff, a program's that are held, to review or cancelled."""
    context, query, staff = config.context(), request.query, request.caller.is_staff
    asked = (request.caller.user, request.route, query.partner_id, query.program_id, query.state)
    before = paging.position(context.ids, query.cursor, *asked) or ""
    if query.program_id and query.state:
        if not staff:
            raise Forbidden("partners see their own rewards")
        waiting = stored.waiting(context.table, query.program_id, query.state, before, query.limit + 1)
        ids, following = paging.cut(context.ids, waiting, query.limit, *asked)
        page = stored.many(context.table, ids, strong=False)
    elif partner_id := _whose(request):
        found = stored.of_partner(context.table, partner_id, before, query.limit + 1)
        page, following = paging.cut(context.ids, found, query.limit, *asked)
    else:
        page, following = [], None
    return Page[RewardView](data=[RewardView.of(each, staff=staff) for each in page], next_cursor=following)


def _whose(request: Request[NoBody, RewardsQuery]) -> str | None:
    """Staff name the partner. Everybody else gets their own, and an empty list for another's."""
    asked = request.query.partner_id
    if request.caller.is_staff:
        if asked is None:
            raise Invalid("partnerId, or programId and state: one list at a time")
        return asked
    own = partners.id_of_user(config.context().table, request.caller.user, strong=False)
    return own if asked in (None, own) else None


@api.route("GET /api/v1/rewards/{rewardId}", answer=RewardView)
def read(request: Request[NoBody, NoQuery]) -> RewardView:
    """Read a reward."""
    return _view(request, stored.find(config.context().table, _visible(request), strong=False))


@api.route("GET /api/v1/rewards/{rewardId}/explain", answer=ExplanationView)
def explain(request: Request[NoBody, NoQuery]) -> ExplanationView:
    """Say why a reward is what it is, in numbers and words, and what happens next."""
    found = explaining.explain(config.context(), _visible(request))
    return ExplanationView.of(
        found.explanation, found.payment.product_id, found.refunds, found.disputes, staff=request.caller.is_staff
    )


@api.route("POST /api/v1/rewards/{rewardId}/hold", body=HoldBody, answer=RewardView)
def hold(request: Request[HoldBody, NoQuery]) -> RewardView:
    """Keep a reward from maturing until somebody releases it."""
    reason, by = request.body.reason, request.caller.user
    return _view(request, rewards.hold(config.context(), _reward_id(request), reason, by))


@api.route("POST /api/v1/rewards/{rewardId}/release", body=NoteBody, answer=RewardView)
def release(request: Request[NoteBody, NoQuery]) -> RewardView:
    """Take off what people held a reward for; one that is due is approved."""
    note, by = request.body.note, request.caller.user
    return _view(request, rewards.release(config.context(), _reward_id(request), note, by))


@api.route("POST /api/v1/rewards/{rewardId}/approve", body=NoteBody, answer=RewardView)
def approve(request: Request[NoteBody, NoQuery]) -> RewardView:
    """Let a reward into the balance, at its time or before."""
    note, by = request.body.note, request.caller.user
    return _view(request, rewards.approve(config.context(), _reward_id(request), note, by))


@api.route("POST /api/v1/rewards/{rewardId}/cancel", body=DecisionNote, answer=RewardView)
def cancel(request: Request[DecisionNote, NoQuery]) -> RewardView:
    """Cancel a reward for good; what was in the balance leaves it, into debt if it must."""
    note, by = request.body.note, request.caller.user
    return _view(request, rewards.cancel(config.context(), _reward_id(request), note, by))


def _reward_id(request: Request[Any, NoQuery]) -> str:
    """Raises RewardNotFound where no reward could have such an id."""
    id = request.id("rewardId")
    if not keys.is_reward_id(id):
        raise RewardNotFound("there is no such reward")
    return id


def _visible(request: Request[NoBody, NoQuery]) -> str:
    """The id of a reward that the caller may see. Another partner's does not exist: raises RewardNotFound."""
    id, caller = _reward_id(request), request.caller
    if caller.is_staff:
        return id
    if keys.owner_of(keys.reward(id)) != partners.id_of_user(config.context().table, caller.user, strong=False):
        raise RewardNotFound("there is no such reward")
    return id


def _view(request: Request[Any, NoQuery], reward: Reward) -> RewardView:
    return RewardView.of(reward, staff=request.caller.is_staff)


# ---------------------------------------------------------------- payments


@api.route("GET /api/v1/payments/parked", query=PageQuery, answer=Page[ParkedView])
def list_parked(request: Request[NoBody, PageQuery]) -> Page[ParkedView]:
    """List what waits for its payment or for a decision, oldest first."""
    context, query, asked = config.context(), request.query, (request.caller.user, request.route)
    after = paging.position(context.ids, query.cursor, *asked) or ""
    found = payments.parked(context.table, after, query.limit + 1)
    ids, following = paging.cut(context.ids, found, query.limit, *asked)
    page = [each for each in payments.many(context.table, ids, strong=False) if each.kind in PARKED and not each.note]
    now_ms = context.now_ms()
    return Page[ParkedView](data=[ParkedView.of(each, now_ms) for each in page], next_cursor=following)


@api.route("GET /api/v1/payments/{paymentId}", query=PaymentQuery, answer=PaymentView)
def read_payment(request: Request[NoBody, PaymentQuery]) -> PaymentView:
    """Read a payment with its rewards, refunds and disputes; with `source`, by the id that its sender gave it."""
    if source := request.query.source:
        return _payment(config.context().ids.payment(source, request.path.get("paymentId", "")), strong=False)
    return _payment(request.id("paymentId"), strong=False)


@api.route("POST /api/v1/payments/{paymentId}/accept", body=NoteBody, answer=PaymentView)
def accept(request: Request[NoteBody, NoQuery]) -> PaymentView:
    """Let a payment earn that was parked for its currency, once the program takes it."""
    # what is due at once is found by the schedule within a minute
    recorded = parked.accept(config.context(), request.id("paymentId"), request.caller.user)
    return _payment(recorded.payment)


@api.route("POST /api/v1/payments/{paymentId}/dismiss", body=DecisionNote, answer=PaymentView)
def dismiss(request: Request[DecisionNote, NoQuery]) -> PaymentView:
    """Take a parked payment off the list; nobody earns from it."""
    context, by = config.context(), request.caller.user
    return _payment(parked.dismiss(context, request.id("paymentId"), request.body.note, by).id)


def _payment(payment_id: str, *, strong: bool = True) -> PaymentView:
    """The payment, also under another name of it."""
    table = config.context().table
    payment, refunds, disputes = payments.whole(table, payment_id, strong=strong)
    if payment.kind is PaymentKind.ALIAS:
        payment, refunds, disputes = payments.whole(table, payment.target, strong=strong)
    earned = stored.many(table, [id for id, _ in payment.shares], strong=strong)
    return PaymentView.of(payment, earned, refunds, disputes)


@api.route("GET /api/v1/disputes", query=PageQuery, answer=Page[DisputeView])
def list_disputes(request: Request[NoBody, PageQuery]) -> Page[DisputeView]:
    """List the disputes that are open, and those whose end came without a beginning, oldest first."""
    context, query, asked = config.context(), request.query, (request.caller.user, request.route)
    after = paging.position(context.ids, query.cursor, *asked) or ""
    found = payments.open_disputes(context.table, after, query.limit + 1)
    which, following = paging.cut(context.ids, found, query.limit, *asked)
    page = payments.disputes(context.table, which, strong=False)
    here = [DisputeView.of(each) for each in page if each.status is DisputeStatus.OPEN or not each.amount]
    return Page[DisputeView](data=here, next_cursor=following)
