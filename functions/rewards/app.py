"""Rewards: partners see their own, staff everybody's, and decide about those that wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refledger.domain.errors import (
    AlreadyDecided,
    Conflict,
    CurrencyNotTaken,
    Forbidden,
    FreshSignInNeeded,
    Invalid,
    KeyReused,
    NoteNeeded,
    NotPayable,
    PartnerNotFound,
    PartnerSuspended,
    ProgramClosed,
    ProgramNotFound,
    RewardNotFound,
    SecondPersonNeeded,
)
from refledger.domain.rewards import Reward, RewardStatus
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.entry import config, maturing
from refledger.entry.http import IDENTIFIER, Api, Request
from refledger.entry.models.common import DecisionNote, NoBody, NoQuery, NoteBody, Page
from refledger.entry.models.explanations import ExplanationView
from refledger.entry.models.reward_views import RewardView
from refledger.entry.models.rewards import (
    BulkCancel,
    BulkPayment,
    BulkRewards,
    DeletionQuery,
    HoldBody,
    NamedPaidBody,
    NewReward,
    PaidBody,
    RewardPatch,
    RewardResult,
    RewardResults,
    RewardsQuery,
    WholeReward,
)
from refledger.entry.models.rewards_of_partner import PartnerRewardsQuery
from refledger.operations import bulk, labels
from refledger.operations.earning import reads, reward_decisions, reward_lists, rewards
from refledger.operations.idempotency import Once
from refledger.operations.partners import reads as partners
from refledger.operations.payouts import reads as withdrawals

api = handler = Api()


@api.route("GET /api/v1/rewards", query=RewardsQuery, answer=Page[RewardView], refuses=(Forbidden,))
def list_some(request: Request[NoBody, RewardsQuery]) -> Page[RewardView]:
    """List a partner's rewards, latest due first; or, for staff, a program's by date, or those that wait there."""
    context, query, staff = config.context(), request.query, request.caller.is_staff
    at = request.position(None)
    page: list[Reward]
    following: str | None
    if query.program_id and not query.partner_id and not staff:
        raise Forbidden("partners see their own rewards")
    if query.program_id and query.state:
        waiting = reads.waiting_rewards(context, query.program_id, query.state, at or "", query.limit + 1)
        ids, following = request.page(waiting)
        page = reads.many_rewards(context, ids, strong=False)
    else:
        page, last = _listed(request, at)
        following = request.cursor(last)
    return Page[RewardView](data=_views(request, page), next_cursor=following)


def _listed(request: Request[NoBody, RewardsQuery], at: Any) -> tuple[list[Reward], Any]:
    """A page from the position `at` on, and the next one's position. Staff name the partner or the program.

    Everybody else gets their own, and an empty list for another's.
    """
    context, query = config.context(), request.query
    if request.caller.is_staff:
        if query.program_id and not query.partner_id:
            period = query.from_ms, query.until_ms
            return reward_lists.of_program(context, query.program_id, *period, query.takes, at, query.limit)
        if query.partner_id is None:
            raise Invalid("partnerId or programId: whose rewards")
        partner_id = query.partner_id
    else:
        own = partners.id_of_user(context, request.caller.user, strong=False)
        if own is None or query.partner_id not in (None, own):
            return [], None
        partner_id = own
    return reward_lists.of_partner(context, partner_id, query.takes, at or "", query.limit)


@api.route(
    "POST /api/v1/rewards", body=NewReward, answer=RewardView, status=201,
    refuses=(PartnerNotFound, ProgramNotFound, Conflict, ProgramClosed, CurrencyNotTaken, KeyReused),
)  # fmt: skip
def give(request: Request[NewReward, NoQuery]) -> RewardView:
    """Give a partner a reward by hand; above the program's limit it is held until somebody else releases it."""
    body = request.body
    from refledger.operations.earning import manual_rewards  # whoever only reads gives none

    gift = manual_rewards.Gift(body.partner_id, body.amount, body.currency, body.reason)
    given = manual_rewards.give(config.context(), gift, request.caller.user, request.key)
    maturing.send_due([given])
    return _view(request, given)


@api.route(
    "GET /api/v1/partners/{partnerId}/rewards", query=PartnerRewardsQuery, answer=Page[RewardView],
    refuses=(PartnerNotFound,),
)  # fmt: skip
def list_of_partner(request: Request[NoBody, PartnerRewardsQuery]) -> Page[RewardView]:
    """List a partner's rewards, latest due first."""
    context, query, partner_id = config.context(), request.query, request.id("partnerId")
    before = request.position("")
    partners.find(context, partner_id, strong=False)
    page, last = reward_lists.of_partner(context, partner_id, query.takes, before, query.limit)
    following = request.cursor(last)
    return Page[RewardView](data=_views(request, page), next_cursor=following)


@api.route("GET /api/v1/rewards/{rewardId}", answer=RewardView, versioned=True, refuses=(RewardNotFound,))
def read(request: Request[NoBody, NoQuery]) -> RewardView:
    """Read a reward."""
    return _view(request, reads.find_reward(config.context(), _visible(request)))


@api.route("GET /api/v1/embed/rewards/{rewardId}/explain", answer=ExplanationView, refuses=(RewardNotFound,))
@api.route("GET /api/v1/rewards/{rewardId}/explain", answer=ExplanationView, refuses=(RewardNotFound,))
def explain(request: Request[NoBody, NoQuery]) -> ExplanationView:
    """Say why a reward is what it is, in numbers and words, and what happens next."""
    from refledger.operations.earning import explanations  # of this route alone

    found = explanations.explain(config.context(), _visible(request))
    return ExplanationView.of(
        found.explanation, found.payment.product_id, found.refunds, found.disputes, staff=request.caller.is_staff
    )


@api.route(
    "POST /api/v1/rewards/{rewardId}/hold",
    body=HoldBody,
    answer=RewardView,
    refuses=(RewardNotFound, AlreadyDecided, Conflict),
)
def hold(request: Request[HoldBody, NoQuery]) -> RewardView:
    """Keep a reward from maturing until somebody releases it."""
    reason, by = request.body.reason, request.caller.user
    return _view(request, reward_decisions.hold(config.context(), _reward_id(request), reason, by))


@api.route(
    "POST /api/v1/rewards/{rewardId}/release",
    body=NoteBody,
    answer=RewardView,
    refuses=(RewardNotFound, SecondPersonNeeded, AlreadyDecided),
)
def release(request: Request[NoteBody, NoQuery]) -> RewardView:
    """Take off what people held a reward for; one that is due is approved."""
    note, by = request.body.note, request.caller.user
    return _view(request, reward_decisions.release(config.context(), _reward_id(request), note, by))


@api.route(
    "POST /api/v1/rewards/{rewardId}/approve",
    body=NoteBody,
    answer=RewardView,
    refuses=(RewardNotFound, AlreadyDecided, Conflict, SecondPersonNeeded),
)
def approve(request: Request[NoteBody, NoQuery]) -> RewardView:
    """Let a reward into the balance, at its time or before."""
    note, by = request.body.note, request.caller.user
    return _view(request, reward_decisions.approve(config.context(), _reward_id(request), note, by))


@api.route(
    "POST /api/v1/rewards/{rewardId}/cancel",
    body=DecisionNote,
    answer=RewardView,
    refuses=(RewardNotFound, AlreadyDecided),
)
def cancel(request: Request[DecisionNote, NoQuery]) -> RewardView:
    """Cancel a reward for good; what was in the balance leaves it, into debt if it must."""
    return _cancel(request, request.body.note)


def _cancel(request: Request[Any, Any], note: str, version: int | None = None) -> RewardView:
    context = config.context()
    done = reward_decisions.cancel(context, _reward_id(request), note, request.caller.user, version)
    maturing.send(rewards.make_room([done], context.now_ms()))
    return _view(request, done)


@api.route(
    "DELETE /api/v1/rewards/{rewardId}",
    query=DeletionQuery,
    answer=RewardView,
    refuses=(RewardNotFound, AlreadyDecided),
)
def delete(request: Request[NoBody, DeletionQuery]) -> RewardView:
    """Cancel a reward for good: it stays, with all that happened to it."""
    return _cancel(request, request.query.note)


@api.route(
    "PUT /api/v1/rewards/{rewardId}", body=WholeReward, answer=RewardView, versioned=True,
    refuses=(RewardNotFound, AlreadyDecided, Conflict),
)  # fmt: skip
def replace_all(request: Request[WholeReward, NoQuery]) -> RewardView:
    """Say what stands in a reward's note; amounts follow from what was paid and are not set."""
    id, version, by = _reward_id(request), request.expected_version, request.caller.user
    return _view(request, reward_decisions.amend(config.context(), id, version, request.body.note, None, by))


@api.route(
    "PATCH /api/v1/rewards/{rewardId}", body=RewardPatch, answer=RewardView, versioned=True,
    refuses=(RewardNotFound, AlreadyDecided, Conflict, SecondPersonNeeded, FreshSignInNeeded),
)  # fmt: skip
def amend(request: Request[RewardPatch, NoQuery]) -> RewardView:
    """Write a note on a reward, or hold it for a reason, or approve or cancel it; support only the first."""
    body = request.body
    if body.status is not None or body.hold is not None:
        verb = {None: "hold", "APPROVED": "approve", "CANCELLED": "cancel"}[body.status]
        request.require(f"POST /api/v1/rewards/{{rewardId}}/{verb}")
    context, id, version, by = config.context(), _reward_id(request), request.expected_version, request.caller.user
    match body.status:
        case "APPROVED":
            return _view(request, reward_decisions.approve(context, id, body.note or "", by, version))
        case "CANCELLED":
            return _cancel(request, body.note or "", version)
        case None:
            return _view(request, reward_decisions.amend(context, id, version, body.note, body.hold, by))


@api.route(
    "POST /api/v1/rewards/{rewardId}/process-payment", body=PaidBody, answer=RewardView,
    refuses=(RewardNotFound, AlreadyDecided, NotPayable, PartnerSuspended, SecondPersonNeeded, NoteNeeded),
)  # fmt: skip
def process_payment(request: Request[PaidBody, NoQuery]) -> RewardView:
    """Say that an approved reward was paid by itself: it is PAID, and its money has left what is available."""
    return _view(request, _pay(request, _reward_id(request)))


@api.route(
    "POST /api/v1/rewards/process-payment", body=NamedPaidBody, answer=RewardView,
    refuses=(RewardNotFound, AlreadyDecided, NotPayable, PartnerSuspended, SecondPersonNeeded, NoteNeeded),
)  # fmt: skip
def process_named_payment(request: Request[NamedPaidBody, NoQuery]) -> RewardView:
    """Say that the approved reward in the body was paid by itself: it is PAID, and its money has left."""
    return _view(request, _pay(request, _checked(request.body.reward_id)))


def _pay(request: Request[Any, NoQuery], id: str, whole: int = 0) -> Reward:
    body, by = request.body, request.caller.user
    from refledger.operations.payouts import single_payouts

    return single_payouts.process(
        config.context(), id, body.payment_method, body.transaction_id, by, request.fingerprint, whole, body.note
    )  # fmt: skip


# ---------------------------------------------------------------- many at a time


@api.route("POST /api/v1/rewards/bulk-approve", body=BulkRewards, answer=RewardResults, refuses=(KeyReused,))
def bulk_approve(request: Request[BulkRewards, NoQuery]) -> RewardResults:
    """Approve up to 50 rewards, each by itself, with a result for each."""
    context, note, by = config.context(), request.body.note, request.caller.user
    return _each(request, lambda id: reward_decisions.approve(context, id, note, by))


@api.route("POST /api/v1/rewards/bulk-cancel", body=BulkCancel, answer=RewardResults, refuses=(KeyReused,))
def bulk_cancel(request: Request[BulkCancel, NoQuery]) -> RewardResults:
    """Cancel up to 50 rewards for good, each by itself, with a result for each."""
    context, note, by = config.context(), request.body.note, request.caller.user
    done: list[Reward] = []

    def cancel_one(id: str) -> Reward:
        done.append(reward_decisions.cancel(context, id, note, by))
        return done[-1]

    answer = _each(request, cancel_one)
    maturing.send(rewards.make_room(done, context.now_ms()))
    return answer


@api.route("POST /api/v1/rewards/bulk-pay", body=BulkPayment, answer=RewardResults, refuses=(KeyReused,))
def bulk_pay(request: Request[BulkPayment, NoQuery]) -> RewardResults:
    """Say that up to 50 approved rewards were paid by one payment, each by itself, with a result for each."""
    context, ids = config.context(), [id for id in request.body.reward_ids if _is_id(id)]
    from refledger.operations.payouts import single_payouts

    whole = single_payouts.together(context, ids)
    return _each(request, lambda id: _pay(request, id, whole.get(id, 0)))


def _each(request: Request[Any, NoQuery], act: Callable[[str], Reward]) -> RewardResults:
    """The repeat of a request gets the answer of the first, where it has an Idempotency-Key; else it is done anew,
    which changes nothing that was changed.
    """
    context = config.context()

    def one(id: str) -> Reward:
        return act(_checked(id))

    def all() -> list[dict[str, Any]]:
        done = bulk.each(context, request.body.reward_ids, one)
        return [RewardResult.of(each).model_dump(exclude={"payout_status"}) for each in done]

    once = Once.of(context, request.caller.user, request.route, request.key, request.body_hash)
    results = bulk.remembered(context, once, all)
    paid = {
        each.id: each
        for each in reads.many_rewards(context, [r["id"] for r in results if r["status"] == RewardStatus.PAID])
    }
    payouts = _payouts(list(paid.values()))  # as they stand now, also where the answer is that of another day

    def payout(id: str) -> WithdrawalStatus | None:
        return payouts.get(paid[id].paid_by) if id in paid else None

    return RewardResults(results=[RewardResult(**{**each, "payout_status": payout(each["id"])}) for each in results])


def _reward_id(request: Request[Any, Any]) -> str:
    return _checked(request.id("rewardId"))


def _is_id(id: str) -> bool:
    """Whether a reward could have such an id."""
    return IDENTIFIER.fullmatch(id) is not None and reads.is_reward_id(id)


def _checked(id: str) -> str:
    """Raises RewardNotFound where no reward could have such an id."""
    if not _is_id(id):
        raise RewardNotFound("there is no such reward")
    return id


def _visible(request: Request[NoBody, NoQuery]) -> str:
    """The id of a reward that the caller may see. Another partner's does not exist: raises RewardNotFound."""
    id, caller = _reward_id(request), request.caller
    if caller.is_staff:
        return id
    own = caller.partner_id or partners.id_of_user(config.context(), caller.user, strong=False)
    if reads.owner_of(id) != own:
        raise RewardNotFound("there is no such reward")
    return id


def _view(request: Request[Any, Any], reward: Reward) -> RewardView:
    (view,) = _views(request, [reward])
    return view


def _views(request: Request[Any, Any], shown: list[Reward]) -> list[RewardView]:
    """Staff see what they know them by, too: a partner's name, what a payment is called elsewhere."""
    caller, payouts = request.caller, _payouts(shown)
    named = labels.NONE
    if caller.is_staff:
        named = labels.of_rewards(
            config.context().table, shown, people=not caller.is_machine, masks=caller.sees_masked
        )  # fmt: skip
    return [RewardView.of(each, payouts, staff=caller.is_staff, labels=named) for each in shown]


def _payouts(shown: list[Reward]) -> dict[str, WithdrawalStatus]:
    """How the withdrawals stand that paid them: whether their money came back."""
    return withdrawals.statuses(config.context(), (each.paid_by for each in shown))
