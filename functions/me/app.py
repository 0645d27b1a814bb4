"""A partner's own: who they are, their codes and links, what came of them, and their money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from refledger.domain.errors import Conflict, NotCounted, PartnerNotFound, ProgramNotFound
from refledger.domain.partners import Partner
from refledger.domain.programs import DEFAULT_PROGRAM
from refledger.entry import config, own
from refledger.entry.http import Api, Request
from refledger.entry.models.common import NoBody, NoQuery, Page, PageQuery
from refledger.entry.models.links import LinksOfPartner
from refledger.entry.models.me import (
    MeView,
    MyBalances,
    MyCodes,
    MyCodeView,
    NotificationsBody,
    NotificationsView,
    OwnProgramView,
    ProfileBody,
    UpcomingView,
)
from refledger.entry.models.member_referrals import StatisticsView
from refledger.entry.models.payout_method_views import Methods, OwnMethodView
from refledger.entry.models.referral_views import ReferralView
from refledger.entry.models.referrals_of_partner import OwnReferralsQuery
from refledger.entry.models.reward_views import RewardView
from refledger.entry.models.rewards_of_partner import PartnerRewardsQuery
from refledger.entry.models.session import SessionView
from refledger.entry.models.withdrawal_views import WithdrawalView
from refledger.operations.earning import reward_lists
from refledger.operations.figures import link_figures, rollups
from refledger.operations.partners import reads as partners
from refledger.operations.payouts import reads as withdrawals
from refledger.operations.referring import referral_lists

if TYPE_CHECKING:
    from refledger.operations.partners.partner_profile import ProfileChanges

api = handler = Api()
NOBODY = (PartnerNotFound,)


def _id(request: Request[Any, Any]) -> str:
    return own.partner_id(request.caller)


def _partner(request: Request[Any, Any]) -> Partner:
    return partners.find(config.context(), _id(request))


def _view(partner: Partner) -> MeView:
    return MeView.of(partner, config.context().program(partner.program_id).tier_rates_bps)


def _link_base(request: Request[Any, Any], partner: Partner) -> str:
    """What the partner's links begin with, "" where their program has none."""
    return config.link_base(request.host) if config.context().program(partner.program_id).links else ""


# ---------------------------------------------------------------- who they are


@api.route("GET /api/v1/session", answer=SessionView, refuses=())
def session(request: Request[NoBody, NoQuery]) -> SessionView:
    """Say who is signed in, and what they may do."""
    context, caller = config.context(), request.caller
    id = partners.id_of_user(context, caller.user, strong=False)
    partner = partners.find(context, id, strong=False) if id else None
    return SessionView.of(caller, partner, config.sign_in_minutes(), config.environment()["STAGE"])


@api.route("GET /api/v1/embed/program", answer=OwnProgramView, refuses=(ProgramNotFound,))
@api.route("GET /api/v1/me/program", answer=OwnProgramView, refuses=(ProgramNotFound,))
def terms(request: Request[NoBody, NoQuery]) -> OwnProgramView:
    """Read the terms of the caller's program, or of the one that they would join."""
    context, caller = config.context(), request.caller
    id = caller.partner_id or partners.id_of_user(context, caller.user, strong=False)
    partner = partners.find(context, id) if id else None
    return OwnProgramView.of(context.program(partner.program_id if partner else DEFAULT_PROGRAM), partner)


@api.route("GET /api/v1/me", answer=MeView, versioned=True, refuses=(*NOBODY, ProgramNotFound))
def profile(request: Request[NoBody, NoQuery]) -> MeView:
    """Read the caller's own profile."""
    return _view(_partner(request))


@api.route(
    "PATCH /api/v1/me", body=ProfileBody, answer=MeView, versioned=True, refuses=(*NOBODY, ProgramNotFound, Conflict)
)
def change_profile(request: Request[ProfileBody, NoQuery]) -> MeView:
    """Change names, phone or company."""
    return _view(_change(request, request.body.to_changes()))


@api.route("GET /api/v1/me/notifications", answer=NotificationsView, versioned=True, refuses=NOBODY)
def notifications(request: Request[NoBody, NoQuery]) -> NotificationsView:
    """Read of what the caller wants to be told."""
    return NotificationsView.of(_partner(request))


@api.route(
    "PUT /api/v1/me/notifications",
    body=NotificationsBody,
    answer=NotificationsView,
    versioned=True,
    refuses=(*NOBODY, Conflict),
)
def choose_notifications(request: Request[NotificationsBody, NoQuery]) -> NotificationsView:
    """Say of what the caller wants to be told from now on."""
    return NotificationsView.of(_change(request, request.body.to_changes()))


def _change(request: Request[Any, NoQuery], changes: ProfileChanges) -> Partner:
    from refledger.operations.partners import partner_profile  # most calls only read

    version = request.expected_version
    return partner_profile.change(config.context(), _id(request), changes, version)


# ---------------------------------------------------------------- codes, links and what came of them


@api.route("GET /api/v1/me/codes", answer=MyCodes, refuses=(*NOBODY, ProgramNotFound))
def list_codes(request: Request[NoBody, NoQuery]) -> MyCodes:
    """List the caller's codes with their share links."""
    partner = _partner(request)
    base = _link_base(request, partner)
    found = partners.codes_of(config.context(), partner)
    return MyCodes(data=[MyCodeView.of(code, base) for code in found])


@api.route("GET /api/v1/embed/links", answer=LinksOfPartner, refuses=(*NOBODY, ProgramNotFound, NotCounted))
@api.route("GET /api/v1/me/links", answer=LinksOfPartner, refuses=(*NOBODY, ProgramNotFound, NotCounted))
def list_links(request: Request[NoBody, NoQuery]) -> LinksOfPartner:
    """List the caller's links with their clicks, the customers they brought, and the rates between them."""
    partner = _partner(request)
    return LinksOfPartner.all_of(link_figures.of_partner(config.context(), partner), _link_base(request, partner))


@api.route("GET /api/v1/embed/referrals", query=OwnReferralsQuery, answer=Page[ReferralView], refuses=NOBODY)
@api.route("GET /api/v1/me/referrals", query=OwnReferralsQuery, answer=Page[ReferralView], refuses=NOBODY)
def list_referrals(request: Request[NoBody, OwnReferralsQuery]) -> Page[ReferralView]:
    """List the caller's referrals, newest first."""
    context, query = config.context(), request.query
    wanted = query.to_wanted()
    before = request.position("")
    page, last = referral_lists.of_partner(context, _id(request), wanted, before, query.limit)
    following = request.cursor(last)
    payouts = withdrawals.statuses(context, (each.payout for each in page))
    return Page[ReferralView](
        data=[ReferralView.of(each, payouts, staff=False) for each in page], next_cursor=following
    )


@api.route("GET /api/v1/me/statistics", answer=StatisticsView, refuses=(*NOBODY, NotCounted))
def figures(request: Request[NoBody, NoQuery]) -> StatisticsView:
    """The caller's tiers, earnings and balances."""
    _id(request)
    return StatisticsView.of(rollups.of_user(config.context(), request.caller.user))


# ---------------------------------------------------------------- money


@api.route("GET /api/v1/embed/rewards", query=PartnerRewardsQuery, answer=Page[RewardView], refuses=NOBODY)
@api.route("GET /api/v1/me/rewards", query=PartnerRewardsQuery, answer=Page[RewardView], refuses=NOBODY)
def list_rewards(request: Request[NoBody, PartnerRewardsQuery]) -> Page[RewardView]:
    """List the caller's rewards, latest due first."""
    context, query = config.context(), request.query
    before = request.position("")
    page, last = reward_lists.of_partner(context, _id(request), query.takes, before, query.limit)
    following = request.cursor(last)
    payouts = withdrawals.statuses(context, (each.paid_by for each in page))
    return Page[RewardView](data=[RewardView.of(each, payouts, staff=False) for each in page], next_cursor=following)


@api.route("GET /api/v1/embed/upcoming", answer=UpcomingView, refuses=NOBODY)
@api.route("GET /api/v1/me/upcoming", answer=UpcomingView, refuses=NOBODY)
def upcoming(request: Request[NoBody, NoQuery]) -> UpcomingView:
    """Say what becomes available on which day."""
    days, more = reward_lists.upcoming(config.context(), _id(request))
    return UpcomingView.of(days, more=more)


@api.route("GET /api/v1/embed/balance", answer=MyBalances, refuses=(*NOBODY, NotCounted))
@api.route("GET /api/v1/me/balance", answer=MyBalances, refuses=(*NOBODY, NotCounted))
def balance(request: Request[NoBody, NoQuery]) -> MyBalances:
    """The caller's money by currency: earned and waiting, available, reserved for payouts, paid out."""
    partner_id = _id(request)
    if request.caller.partner_id:
        found = rollups.of_partner(config.context(), partner_id)
    else:
        found = rollups.of_user(config.context(), request.caller.user)
    return MyBalances(data=StatisticsView.of(found).balances)


@api.route("GET /api/v1/me/withdrawals", query=PageQuery, answer=Page[WithdrawalView], refuses=NOBODY)
def list_withdrawals(request: Request[NoBody, PageQuery]) -> Page[WithdrawalView]:
    """List the caller's withdrawals, newest first."""
    context, query = config.context(), request.query
    before = request.position("")
    found = withdrawals.of_partner(context, _id(request), before, query.limit + 1)
    ids, following = request.page(found)
    page = withdrawals.many(context, ids)
    return Page[WithdrawalView](data=[WithdrawalView.of(each) for each in page], next_cursor=following)


@api.route("GET /api/v1/me/payout-methods", answer=Methods, refuses=NOBODY)
def list_methods(request: Request[NoBody, NoQuery]) -> Methods:
    """List the caller's payout methods that are in use."""
    found = withdrawals.methods_of(config.context(), _id(request))
    return Methods(data=[OwnMethodView.of_method(method) for method in found if method.is_active])
