"""Partners: admins onboard them and say who may earn, staff read them."""

from __future__ import annotations

from refledger.domain.partners import Partner, PartnerStatus
from refledger.entry import config, paging
from refledger.entry.http import Api, Request
from refledger.entry.models.common import NoBody, NoQuery, Page
from refledger.entry.models.partners import (
    CommissionBody,
    NewPartnerBody,
    PartnerQuery,
    PartnerView,
    Reason,
    UserBody,
)
from refledger.operations import partners
from refledger.store import partners as stored

api = handler = Api()


def _view(partner: Partner) -> PartnerView:
    return PartnerView.of(partner, config.context().program(partner.program_id).tier_rates_bps)


@api.route("POST /api/v1/partners", body=NewPartnerBody, answer=PartnerView, status=201, versioned=True)
def create(request: Request[NewPartnerBody, NoQuery]) -> PartnerView:
    """Onboard a partner, who gets a code of their own."""
    context = config.context()
    user = context.ids.user(request.body.sub) if request.body.sub else ""
    new = request.body.to_partner(user)
    return _view(partners.create(context, new, request.caller.user, request.key, request.body_hash))


@api.route("GET /api/v1/partners", query=PartnerQuery, answer=Page[PartnerView])
def list_all(request: Request[NoBody, PartnerQuery]) -> Page[PartnerView]:
    """List partners, newest first."""
    context, query = config.context(), request.query
    asked = (request.caller.user, request.route, query.status)
    before = paging.position(context.ids, query.cursor, *asked) or ""
    found = stored.newest(context.table, before, query.limit + 1, query.status)
    ids, following = paging.cut(context.ids, found, query.limit, *asked)
    page = stored.many(context.table, ids)
    return Page[PartnerView](data=[_view(partner) for partner in page], next_cursor=following)


@api.route("GET /api/v1/partners/{partnerId}", answer=PartnerView, versioned=True)
def read(request: Request[NoBody, NoQuery]) -> PartnerView:
    """Read a partner."""
    return _view(stored.find(config.context().table, request.id("partnerId")))


@api.route("POST /api/v1/partners/{partnerId}/activate", body=Reason, answer=PartnerView, versioned=True)
def activate(request: Request[Reason, NoQuery]) -> PartnerView:
    """Let a partner earn again."""
    return _change(request, PartnerStatus.ACTIVE)


@api.route("POST /api/v1/partners/{partnerId}/deactivate", body=Reason, answer=PartnerView, versioned=True)
def deactivate(request: Request[Reason, NoQuery]) -> PartnerView:
    """Stop a partner from earning."""
    return _change(request, PartnerStatus.INACTIVE)


@api.route("POST /api/v1/partners/{partnerId}/suspend", body=Reason, answer=PartnerView, versioned=True)
def suspend(request: Request[Reason, NoQuery]) -> PartnerView:
    """Stop a partner from earning and from withdrawing."""
    return _change(request, PartnerStatus.SUSPENDED)


@api.route("POST /api/v1/partners/{partnerId}/terminate", body=Reason, answer=PartnerView, versioned=True)
def terminate(request: Request[Reason, NoQuery]) -> PartnerView:
    """End a partnership for good; what was earned stays and may be withdrawn."""
    return _change(request, PartnerStatus.TERMINATED)


@api.route("POST /api/v1/partners/{partnerId}/link-user", body=UserBody, answer=PartnerView, versioned=True)
def link_user(request: Request[UserBody, NoQuery]) -> PartnerView:
    """Say who signs in as a partner who was onboarded without a user."""
    context = config.context()
    return _view(
        partners.link_user(context, request.id("partnerId"), context.ids.user(request.body.sub), request.caller.user)
    )


@api.route("PUT /api/v1/partners/{partnerId}/commission", body=CommissionBody, answer=PartnerView, versioned=True)
def set_commission(request: Request[CommissionBody, NoQuery]) -> PartnerView:
    """Say what a partner earns from customers referred from now on, instead of what the program pays in tier 1."""
    context, body, partner_id = config.context(), request.body, request.id("partnerId")
    version, by = request.expected_version, request.caller.user
    return _view(partners.set_rates(context, partner_id, body.to_own(), version, body.reason, by))


def _change(request: Request[Reason, NoQuery], status: PartnerStatus) -> PartnerView:
    partner_id, by = request.id("partnerId"), request.caller.user
    return _view(partners.change_status(config.context(), partner_id, status, request.body.reason, by))
