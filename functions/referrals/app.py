"""Referrals: staff and services make them and move them along; partners see their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from refledger.domain.errors import (
    AlreadyReferred,
    CodeClosesCircle,
    CodeNotActive,
    CodeNotFound,
    Conflict,
    CurrencyNotTaken,
    CustomerPaidBefore,
    ExternalIdTaken,
    FreshSignInNeeded,
    Invalid,
    KeyReused,
    LeadTaken,
    OwnCode,
    PartnerNotFound,
    ProgramClosed,
    ProgramNotFound,
    ReferralClosed,
    ReferralNotFound,
)
from refledger.domain.programs import DEFAULT_PROGRAM
from refledger.domain.referrals import Referral
from refledger.domain.times import SECOND_MS
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.entry import config, maturing
from refledger.entry.http import Api, Request
from refledger.entry.models.common import NoBody, NoQuery, Page
from refledger.entry.models.referral_views import ReferralView
from refledger.entry.models.referrals import (
    CheckedView,
    CloseBody,
    ClosedView,
    ConversionBody,
    ConvertedView,
    CustomerQuery,
    LinkBody,
    NamedConversionBody,
    NewReferralBody,
    ReferralPatch,
    ReferralQuery,
    ReferralResult,
    ReferralResults,
    ReferralsBody,
    WholeReferral,
    WhyExpired,
    WhyRejected,
)
from refledger.entry.models.referrals_of_partner import PartnerReferralsQuery
from refledger.operations import labels
from refledger.operations.idempotency import Once
from refledger.operations.partners import reads as partners
from refledger.operations.payouts import reads as withdrawals
from refledger.operations.referring import lifecycle, reads, referral_lists
from refledger.operations.referring.lifecycle import ReferralUpdate

VERBS = {"ACCEPTED": "accept", "REJECTED": "reject", "EXPIRED": "expire"}

api = handler = Api()
CHECK_MS = 8 * SECOND_MS  # of the function's fifteen seconds
CLOSE_MS = 10 * SECOND_MS  # of the same: what is left is done by the repeat
LONGEST_ID = 255  # that a CRM or a payment gives
BINDS = (AlreadyReferred, CustomerPaidBefore, OwnCode, CodeClosesCircle)  # what keeps a customer from being bound


def _view(request: Request[Any, Any], referral: Referral) -> ReferralView:
    (view,) = _views(request, [referral])
    return view


def _views(request: Request[Any, Any], shown: Sequence[Referral]) -> list[ReferralView]:
    """People of the staff see whose they are by name, too."""
    caller, payouts, named = request.caller, _payouts(shown), labels.NONE
    if caller.roles:
        found = labels.of_partners(config.context().table, (each.partner_id for each in shown))
        named = replace(found, masks=caller.sees_masked)
    return [ReferralView.of(each, payouts, staff=caller.is_staff, labels=named) for each in shown]


def _payouts(shown: Sequence[Referral]) -> dict[str, WithdrawalStatus]:
    """How the withdrawals stand that paid rewards of them last: whether their money came back."""
    return withdrawals.statuses(config.context(), (each.payout for each in shown))


@api.route(
    "POST /api/v1/referrals",
    body=NewReferralBody,
    answer=ReferralView,
    status=201,
    versioned=True,
    refuses=(
        CodeNotFound, PartnerNotFound, CodeNotActive, ProgramNotFound, ProgramClosed, LeadTaken, ExternalIdTaken,
        KeyReused, *BINDS,
    ),
)  # fmt: skip
def create(request: Request[NewReferralBody, NoQuery]) -> ReferralView:
    """Enter a referral of a partner's, for a lead, for a customer, or for nobody yet."""
    context = config.context()
    new = request.body.to_new(context.ids)
    by, machine = request.caller.user, request.caller.is_service
    return _view(request, lifecycle.create(context, new, by, request.key, request.body_hash, by=by, by_machine=machine))


@api.route("GET /api/v1/referrals", query=ReferralQuery, answer=Page[ReferralView], refuses=())
def list_some(request: Request[NoBody, ReferralQuery]) -> Page[ReferralView]:
    """List referrals, newest first: a partner's or a program's, or those that are open by when they expire."""
    context, query, staff = config.context(), request.query, request.caller.is_staff
    wanted = query.to_wanted()
    position = request.position("")
    partner_id = query.partner_id
    if not staff:
        own = partners.id_of_user(context, request.caller.user, strong=False)
        if own is None or partner_id not in (None, own):
            return Page[ReferralView](data=[])
        partner_id = own
    if query.external_id is not None:
        if not staff:
            raise Invalid("externalId: for staff and services")
        one = referral_lists.called(context, query.program_id or DEFAULT_PROGRAM, query.external_id, wanted)
        kept = [each for each in one if partner_id in (None, each.partner_id)]
        return Page[ReferralView](data=_views(request, kept))
    if partner_id:
        page, last = referral_lists.of_partner(context, partner_id, wanted, position, query.limit)
    else:
        program = query.program_id or DEFAULT_PROGRAM
        page, last = referral_lists.of_program(context, program, wanted, position, query.limit)
    following = request.cursor(last)
    return Page[ReferralView](data=_views(request, page), next_cursor=following)


@api.route(
    "GET /api/v1/partners/{partnerId}/referrals",
    query=PartnerReferralsQuery,
    answer=Page[ReferralView],
    refuses=(PartnerNotFound,),
)
def list_of_partner(request: Request[NoBody, PartnerReferralsQuery]) -> Page[ReferralView]:
    """List a partner's referrals, newest first."""
    context, query, partner_id = config.context(), request.query, request.id("partnerId")
    wanted = query.to_wanted()
    before = request.position("")
    partners.find(context, partner_id, strong=False)
    page, last = referral_lists.of_partner(context, partner_id, wanted, before, query.limit)
    following = request.cursor(last)
    return Page[ReferralView](data=_views(request, page), next_cursor=following)


@api.route("GET /api/v1/referrals/{referralId}", answer=ReferralView, versioned=True, refuses=(ReferralNotFound,))
def read(request: Request[NoBody, NoQuery]) -> ReferralView:
    """Read a referral."""
    context, caller, id = config.context(), request.caller, _id(request)
    if not caller.is_staff and reads.owner_of(id) != partners.id_of_user(context, caller.user, strong=False):
        raise ReferralNotFound("there is no such referral")  # another partner's does not exist
    return _view(request, reads.find(context, id, strong=False))


@api.route("GET /api/v1/referrals/by-lead/{leadId}", answer=ReferralView, versioned=True, refuses=(ReferralNotFound,))
def read_by_lead(request: Request[NoBody, NoQuery]) -> ReferralView:
    """Read the referral of a lead, by the id that the CRM gave it."""
    return _view(request, reads.by_lead(config.context(), _text(request, "leadId")))


@api.route(
    "GET /api/v1/referrals/by-customer/{customerId}",
    query=CustomerQuery,
    answer=ReferralView,
    versioned=True,
    refuses=(ReferralNotFound,),
)
def read_by_customer(request: Request[NoBody, CustomerQuery]) -> ReferralView:
    """Read the referral of a customer, by the id that payment events have."""
    context = config.context()
    customer = context.ids.user(_text(request, "customerId"))
    return _view(request, reads.by_customer(context, request.query.program_id, customer))


@api.route(
    "PATCH /api/v1/referrals/{referralId}",
    body=ReferralPatch,
    answer=ReferralView,
    versioned=True,
    refuses=(ReferralNotFound, ReferralClosed, Conflict, PartnerNotFound, ExternalIdTaken, FreshSignInNeeded, *BINDS),
)
def change(request: Request[ReferralPatch, NoQuery]) -> ReferralView:
    """Change a referral's source, campaign, note or tags, or say who its customer is; or its status."""
    context, id, body = config.context(), _id(request), request.body
    if body.status is None:
        return _changed(request, body.to_changes(context.ids))
    request.require(f"POST /api/v1/referrals/{{referralId}}/{VERBS[body.status]}")
    version, reason = request.expected_version, body.reason or ""
    match body.status:
        case "ACCEPTED":
            return _view(request, lifecycle.accept(context, id, version))
        case "REJECTED":
            return _view(request, lifecycle.reject(context, id, reason, version))
        case "EXPIRED":
            return _view(request, lifecycle.expire(context, id, reason, version))


@api.route(
    "PUT /api/v1/referrals/{referralId}",
    body=WholeReferral,
    answer=ReferralView,
    versioned=True,
    refuses=(ReferralNotFound, ReferralClosed, Conflict, PartnerNotFound, ExternalIdTaken, *BINDS),
)
def replace_all(request: Request[WholeReferral, NoQuery]) -> ReferralView:
    """Say all of a referral's source, campaign, note and tags, and perhaps who its customer is."""
    return _changed(request, request.body.to_changes(config.context().ids))


def _changed(request: Request[Any, NoQuery], changes: ReferralUpdate) -> ReferralView:
    context, id, caller, version = config.context(), _id(request), request.caller, request.expected_version
    return _view(request, lifecycle.update(context, id, changes, version, by=caller.user, by_machine=caller.is_service))


@api.route(
    "DELETE /api/v1/referrals/{referralId}",
    answer=ReferralView,
    versioned=True,
    refuses=(ReferralNotFound, ReferralClosed),
)
def remove(request: Request[NoBody, NoQuery]) -> ReferralView:
    """Take out a referral that should not be there: it is rejected, and its lead may go to another."""
    return _view(request, lifecycle.remove(config.context(), _id(request)))


@api.route(
    "POST /api/v1/referrals/{referralId}/accept",
    answer=ReferralView,
    versioned=True,
    refuses=(ReferralNotFound, ReferralClosed),
)
def accept(request: Request[NoBody, NoQuery]) -> ReferralView:
    """Let a referral count."""
    return _view(request, lifecycle.accept(config.context(), _id(request)))


@api.route(
    "POST /api/v1/referrals/{referralId}/reject",
    body=WhyRejected,
    answer=ReferralView,
    versioned=True,
    refuses=(ReferralNotFound, ReferralClosed),
)
def reject(request: Request[WhyRejected, NoQuery]) -> ReferralView:
    """Refuse a referral: nobody earns from what its customer pays from now on."""
    return _view(request, lifecycle.reject(config.context(), _id(request), request.body.reason))


@api.route(
    "POST /api/v1/referrals/{referralId}/expire",
    body=WhyExpired,
    answer=ReferralView,
    versioned=True,
    refuses=(ReferralNotFound, ReferralClosed),
)
def expire(request: Request[WhyExpired, NoQuery]) -> ReferralView:
    """End a referral's time now; what was paid before earns."""
    return _view(request, lifecycle.expire(config.context(), _id(request), request.body.reason))


@api.route(
    "POST /api/v1/referrals/{referralId}/link-to-lead",
    body=LinkBody,
    answer=ReferralView,
    versioned=True,
    refuses=(ReferralNotFound, ReferralClosed, Conflict, LeadTaken, PartnerNotFound, *BINDS),
)
def link_to_lead(request: Request[LinkBody, NoQuery]) -> ReferralView:
    """Say which lead of the CRM a referral is, and perhaps who pays."""
    context, body = config.context(), request.body
    customer = context.ids.user(body.customer_id) if body.customer_id else ""
    id, caller = _id(request), request.caller
    return _view(request, lifecycle.link_lead(
        context, id, body.lead_id, customer, body.customer_id or "", by=caller.user, by_machine=caller.is_service
    ))  # fmt: skip


@api.route(
    "POST /api/v1/referrals/{referralId}/process-conversion",
    body=ConversionBody,
    answer=ConvertedView,
    versioned=True,
    refuses=(ReferralNotFound, ReferralClosed, ProgramClosed, Conflict, CurrencyNotTaken, ProgramNotFound),
)
def process_conversion(request: Request[ConversionBody, NoQuery]) -> ConvertedView:
    """Book what a referral brought: it earns exactly like a payment, once."""
    return _convert(request, _id(request))


@api.route(
    "POST /api/v1/referrals/process-conversion",
    body=NamedConversionBody,
    answer=ConvertedView,
    versioned=True,
    refuses=(ReferralNotFound, ReferralClosed, ProgramClosed, Conflict, CurrencyNotTaken, ProgramNotFound),
)
def process_named_conversion(request: Request[NamedConversionBody, NoQuery]) -> ConvertedView:
    """Book what the referral in the body brought: it earns exactly like a payment, once."""
    return _convert(request, _checked(request.body.referral_id))


def _convert(request: Request[Any, NoQuery], id: str) -> ConvertedView:
    context, caller = config.context(), request.caller
    value = request.body.to_money(reads.currency_of(context, id))
    from refledger.operations.earning import conversions  # it knows all that payments know

    converted = conversions.convert(context, id, *value, by=caller.user, by_machine=caller.is_service)
    maturing.send_due(converted.rewards, converted.due)
    paid_by = {converted.referral.payout, *(each.paid_by for each in converted.rewards)}
    return ConvertedView.made(converted, withdrawals.statuses(context, paid_by))


@api.route(
    "POST /api/v1/referrals/{referralId}/close",
    body=CloseBody,
    answer=ClosedView,
    versioned=True,
    refuses=(ReferralNotFound, ReferralClosed, Conflict),
)
def close(request: Request[CloseBody, NoQuery]) -> ClosedView:
    """End what a converted referral brings, from a moment on, with or without what is not paid out yet."""
    from refledger.operations.referring import closing  # it knows all that rewards know

    context, body, id = config.context(), request.body, _id(request)
    until_ms = context.now_ms() + CLOSE_MS
    closed = closing.close(
        context, id, body.reason, request.caller.user,
        from_ms=body.from_ms, cancel_unpaid=body.cancel_unpaid, go_on=lambda: context.now_ms() < until_ms,
    )  # fmt: skip
    maturing.send(closed.due)
    return ClosedView.made(closed, _payouts([closed.referral]))


@api.route("POST /api/v1/referrals/check-expired", answer=CheckedView, refuses=())
def check_expired(request: Request[NoBody, NoQuery]) -> CheckedView:
    """Close the referrals whose time is over, as the schedule does."""
    from refledger.operations.referring import expiry  # of this route alone

    context = config.context()
    until_ms = context.now_ms() + CHECK_MS
    return CheckedView.of(expiry.check_expired(context, lambda: context.now_ms() < until_ms))


@api.route("POST /api/v1/referrals/bulk", body=ReferralsBody, answer=ReferralResults, refuses=(KeyReused,))
def change_many(request: Request[ReferralsBody, NoQuery]) -> ReferralResults:
    """Enter, accept, reject, expire and take out up to 50 referrals, with a result for each."""
    from refledger.operations.referring import referral_bulk  # of this route alone

    context = config.context()
    once = Once.of(context, request.caller.user, request.route, request.key, request.body_hash)
    caller, steps = request.caller, request.body.to_steps(context.ids)
    results = referral_bulk.change_many(context, steps, once, by=caller.user, by_machine=caller.is_service)
    return ReferralResults(results=[ReferralResult.of(each) for each in results])


def _id(request: Request[Any, Any]) -> str:
    """Raises ReferralNotFound where no referral could have such an id."""
    return _checked(request.id("referralId"))


def _checked(id: str) -> str:
    if not reads.is_id(id):
        raise ReferralNotFound("there is no such referral")
    return id


def _text(request: Request[Any, Any], name: str) -> str:
    """An id that others gave. Raises ReferralNotFound where it is longer than any that is kept."""
    text = request.path.get(name, "")
    if not 1 <= len(text) <= LONGEST_ID:
        raise ReferralNotFound("there is no such referral")
    return text
