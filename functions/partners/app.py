"""Partners: admins onboard them and say who may earn, staff read them, find them, and write notes."""

from __future__ import annotations

from typing import Any

from refledger.domain.codes import CodeStatus
from refledger.domain.errors import (
    CodeClosesCircle,
    CodeNotAllowed,
    CodeNotFound,
    CodeTaken,
    Conflict,
    EmailTaken,
    ExternalIdTaken,
    FreshSignInNeeded,
    KeyReused,
    NotCounted,
    PartnerNotFound,
    ProgramNotFound,
    TooManyCodes,
    UserTaken,
)
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.programs import DEFAULT_PROGRAM
from refledger.domain.rules import Own
from refledger.entry import config
from refledger.entry.http import Api, Request
from refledger.entry.models.common import NoBody, NoQuery, Page, PageQuery
from refledger.entry.models.links import LinksOfPartner
from refledger.entry.models.partner_bulk import BulkBody, BulkView, PartnerBulkResult
from refledger.entry.models.partner_codes import (
    BelowView,
    CodesView,
    DownlineQuery,
    NewCodeBody,
    PartnerCodeView,
    RotateBody,
    UplineQuery,
    UplineView,
    ValidateBody,
    ValidView,
)
from refledger.entry.models.partners import (
    CommissionBody,
    NewPartnerBody,
    PartnerNoteBody,
    PartnerNoteView,
    PartnerPatch,
    PartnerQuery,
    PartnerView,
    Reason,
    TagsBody,
    UserBody,
    WholePartner,
)
from refledger.entry.models.rules import to_own
from refledger.entry.models.signals import Signals, SignalView
from refledger.operations import likeness
from refledger.operations.idempotency import Once
from refledger.operations.partners import (
    networks,
    partner_bulk,
    partner_codes,
    partner_lists,
    partner_profile,
    partners,
    reads,
)
from refledger.operations.partners.partner_profile import ProfileChanges
from refledger.operations.rate_limits import LimitKind

VERBS = {
    PartnerStatus.ACTIVE: "activate",
    PartnerStatus.INACTIVE: "deactivate",
    PartnerStatus.SUSPENDED: "suspend",
    PartnerStatus.TERMINATED: "terminate",
}

api = handler = Api()


def _view(partner: Partner) -> PartnerView:
    return PartnerView.of(partner, config.context().program(partner.program_id).tier_rates_bps)


@api.route(
    "POST /api/v1/partners",
    body=NewPartnerBody,
    answer=PartnerView,
    status=201,
    versioned=True,
    refuses=(ProgramNotFound, EmailTaken, UserTaken, ExternalIdTaken, KeyReused),
)
def create(request: Request[NewPartnerBody, NoQuery]) -> PartnerView:
    """Onboard a partner, who gets a code of their own."""
    context = config.context()
    user = context.ids.user(request.body.sub) if request.body.sub else ""
    new = request.body.to_partner(user)
    caller = request.caller
    made = partners.create(context, new, caller.user, request.key, request.body_hash, by_machine=caller.is_machine)
    return _view(made)


@api.route("GET /api/v1/partners", query=PartnerQuery, answer=Page[PartnerView], refuses=())
def list_all(request: Request[NoBody, PartnerQuery]) -> Page[PartnerView]:
    """List partners, newest first, or those whose name, address or company begins with `q`."""
    context, query = config.context(), request.query
    wanted = query.to_wanted()
    position = request.position("")
    if query.external_id is not None:
        found = partner_lists.called(context, query.program_id or DEFAULT_PROGRAM, query.external_id, wanted)
        return Page[PartnerView](data=[_view(partner) for partner in found])
    if query.q is None:
        page, last = partner_lists.newest(context, wanted, position, query.limit)
    else:
        program = query.program_id or DEFAULT_PROGRAM
        page, last = partner_lists.beginning_with(context, program, query.q, wanted, position, query.limit)
    following = request.cursor(last)
    return Page[PartnerView](data=[_view(partner) for partner in page], next_cursor=following)


@api.route(
    "POST /api/v1/partners/bulk",
    body=BulkBody,
    answer=BulkView,
    refuses=(KeyReused,),
)
def change_many(request: Request[BulkBody, NoQuery]) -> BulkView:
    """Create partners, change them and their status, up to 50 in all; with a result for each."""
    context, by = config.context(), request.caller.user
    steps = request.body.to_steps(context.ids)
    results = partner_bulk.change_many(context, steps, by, _once(request), by_machine=request.caller.is_machine)
    return BulkView(results=[PartnerBulkResult.of(each) for each in results])


@api.route("POST /api/v1/partners/validate-referral-code", body=ValidateBody, answer=ValidView, refuses=())
def validate_code(request: Request[ValidateBody, NoQuery]) -> ValidView:
    """Say whether a code would bind a customer now."""
    context, limits, caller = config.context(), config.limits(), request.caller
    taken = None  # who reads all partners has nothing to guess
    if not caller.is_staff:
        taken = limits.take(context, caller.user, LimitKind.UNKNOWN_CODES)
    partner_id = partner_codes.validate(context, request.body.referral_code)
    if partner_id and taken:
        limits.give_back(context, caller.user, LimitKind.UNKNOWN_CODES, taken)
    return ValidView(valid=partner_id is not None, partner_id=partner_id if caller.is_staff else None)


@api.route(
    "GET /api/v1/partners/by-code/{code}", answer=PartnerView, versioned=True, refuses=(CodeNotFound, PartnerNotFound)
)
def by_code(request: Request[NoBody, NoQuery]) -> PartnerView:
    """Read the partner whose code this is, active or not."""
    return _view(reads.by_code(config.context(), request.path.get("code", "")))


@api.route("GET /api/v1/partners/by-email/{email}", answer=PartnerView, versioned=True, refuses=(PartnerNotFound,))
def by_email(request: Request[NoBody, NoQuery]) -> PartnerView:
    """Read the partner whose e-mail address this is."""
    context = config.context()
    return _view(reads.by_address(context, partners.address(context, request.path.get("email", "").strip())))


@api.route("GET /api/v1/partners/{partnerId}", answer=PartnerView, versioned=True, refuses=(PartnerNotFound,))
def read(request: Request[NoBody, NoQuery]) -> PartnerView:
    """Read a partner."""
    return _view(reads.find(config.context(), request.id("partnerId")))


@api.route(
    "PATCH /api/v1/partners/{partnerId}",
    body=PartnerPatch,
    answer=PartnerView,
    versioned=True,
    refuses=(PartnerNotFound, Conflict, EmailTaken, ExternalIdTaken, ProgramNotFound, FreshSignInNeeded),
)
def change(request: Request[PartnerPatch, NoQuery]) -> PartnerView:
    """Change what a partner is called, where they are reached, and their label; or their status, or their rates."""
    body, reason = request.body, request.body.reason or ""
    if body.status is not None:
        request.require(f"POST /api/v1/partners/{{partnerId}}/{VERBS[body.status]}")
        return _become(request, body.status, reason, request.expected_version)
    if body.commission_rates is not None:
        request.require("PUT /api/v1/partners/{partnerId}/commission")
        return _set_rates(request, to_own(body.commission_rates), reason)
    return _changed(request, body.to_changes())


@api.route(
    "PUT /api/v1/partners/{partnerId}",
    body=WholePartner,
    answer=PartnerView,
    versioned=True,
    refuses=(PartnerNotFound, Conflict, EmailTaken, ExternalIdTaken),
)
def replace_all(request: Request[WholePartner, NoQuery]) -> PartnerView:
    """Say all of what a partner is called, where they are reached, their label and their tags."""
    return _changed(request, request.body.to_changes())


@api.route(
    "PUT /api/v1/partners/{partnerId}/tags",
    body=TagsBody,
    answer=PartnerView,
    versioned=True,
    refuses=(PartnerNotFound, Conflict),
)
def set_tags(request: Request[TagsBody, NoQuery]) -> PartnerView:
    """Say which tags a partner has."""
    return _changed(request, ProfileChanges(tags=tuple(request.body.tags)))


@api.route("DELETE /api/v1/partners/{partnerId}", answer=PartnerView, versioned=True, refuses=(PartnerNotFound,))
def delete(request: Request[NoBody, NoQuery]) -> PartnerView:
    """End a partnership for good; what was earned, and the history, stay."""
    return _become(request, PartnerStatus.TERMINATED, "deleted")


@api.route(
    "POST /api/v1/partners/{partnerId}/activate",
    body=Reason,
    answer=PartnerView,
    versioned=True,
    refuses=(PartnerNotFound, Conflict),
)
def activate(request: Request[Reason, NoQuery]) -> PartnerView:
    """Let a partner earn again."""
    return _change(request, PartnerStatus.ACTIVE)


@api.route(
    "POST /api/v1/partners/{partnerId}/deactivate",
    body=Reason,
    answer=PartnerView,
    versioned=True,
    refuses=(PartnerNotFound, Conflict),
)
def deactivate(request: Request[Reason, NoQuery]) -> PartnerView:
    """Stop a partner from earning."""
    return _change(request, PartnerStatus.INACTIVE)


@api.route(
    "POST /api/v1/partners/{partnerId}/suspend",
    body=Reason,
    answer=PartnerView,
    versioned=True,
    refuses=(PartnerNotFound, Conflict),
)
def suspend(request: Request[Reason, NoQuery]) -> PartnerView:
    """Stop a partner from earning and from withdrawing."""
    return _change(request, PartnerStatus.SUSPENDED)


@api.route(
    "POST /api/v1/partners/{partnerId}/terminate",
    body=Reason,
    answer=PartnerView,
    versioned=True,
    refuses=(PartnerNotFound, Conflict),
)
def terminate(request: Request[Reason, NoQuery]) -> PartnerView:
    """End a partnership for good; what was earned stays and may be withdrawn."""
    return _change(request, PartnerStatus.TERMINATED)


@api.route(
    "POST /api/v1/partners/{partnerId}/link-user",
    body=UserBody,
    answer=PartnerView,
    versioned=True,
    refuses=(PartnerNotFound, UserTaken, Conflict, CodeClosesCircle),
)
def link_user(request: Request[UserBody, NoQuery]) -> PartnerView:
    """Say who signs in as a partner who was onboarded without a user."""
    context = config.context()
    return _view(
        partners.link_user(context, request.id("partnerId"), context.ids.user(request.body.sub), request.caller.user)
    )


@api.route(
    "PUT /api/v1/partners/{partnerId}/commission",
    body=CommissionBody,
    answer=PartnerView,
    versioned=True,
    refuses=(PartnerNotFound, ProgramNotFound),
)
def set_commission(request: Request[CommissionBody, NoQuery]) -> PartnerView:
    """Say what a partner earns from customers referred from now on, instead of what the program pays in tier 1."""
    return _set_rates(request, request.body.to_own(), request.body.reason)


def _set_rates(request: Request[Any, NoQuery], own: Own, reason: str) -> PartnerView:
    partner_id, version, by = request.id("partnerId"), request.expected_version, request.caller.user
    return _view(partners.set_rates(config.context(), partner_id, own, version, reason, by))


# ---------------------------------------------------------------- codes


@api.route("GET /api/v1/partners/{partnerId}/codes", answer=CodesView, refuses=(PartnerNotFound,))
def list_codes(request: Request[NoBody, NoQuery]) -> CodesView:
    """List a partner's codes, the main one first."""
    context = config.context()
    partner = reads.find(context, request.id("partnerId"), strong=False)
    return CodesView(data=[PartnerCodeView.of(each) for each in reads.codes_of(context, partner)])


@api.route(
    "POST /api/v1/partners/{partnerId}/codes",
    body=NewCodeBody,
    answer=PartnerCodeView,
    status=201,
    refuses=(PartnerNotFound, Conflict, CodeNotAllowed, CodeTaken, TooManyCodes, KeyReused),
)
def add_code(request: Request[NewCodeBody, NoQuery]) -> PartnerCodeView:
    """Give a partner one code more, a wished one or one that the system makes."""
    partner_id, body = request.id("partnerId"), request.body
    once = _once(request)
    return PartnerCodeView.of(
        partner_codes.add(config.context(), partner_id, body.code, body.label, body.campaign, once)
    )


@api.route(
    "POST /api/v1/partners/{partnerId}/codes/rotate",
    body=RotateBody,
    answer=PartnerView,
    versioned=True,
    refuses=(PartnerNotFound, Conflict, CodeNotAllowed, CodeTaken, TooManyCodes, KeyReused),
)
def rotate_code(request: Request[RotateBody, NoQuery]) -> PartnerView:
    """Give a partner another main code; the old one binds until it is disabled."""
    partner_id = request.id("partnerId")
    return _view(partner_codes.rotate(config.context(), partner_id, request.body.code, _once(request)))


@api.route(
    "POST /api/v1/partners/{partnerId}/codes/{code}/disable",
    answer=PartnerCodeView,
    refuses=(PartnerNotFound, CodeNotFound, Conflict),
)
def disable_code(request: Request[NoBody, NoQuery]) -> PartnerCodeView:
    """Let a code bind nobody any more; it stays the partner's."""
    return _change_code(request, CodeStatus.DISABLED)


@api.route(
    "POST /api/v1/partners/{partnerId}/codes/{code}/enable",
    answer=PartnerCodeView,
    refuses=(PartnerNotFound, CodeNotFound),
)
def enable_code(request: Request[NoBody, NoQuery]) -> PartnerCodeView:
    """Let a code bind again."""
    return _change_code(request, CodeStatus.ACTIVE)


def _change_code(request: Request[NoBody, NoQuery], status: CodeStatus) -> PartnerCodeView:
    partner_id, code = request.id("partnerId"), request.path.get("code", "")
    return PartnerCodeView.of(partner_codes.change_status(config.context(), partner_id, code, status))


# ---------------------------------------------------------------- chains and notes


@api.route("GET /api/v1/partners/{partnerId}/upline", query=UplineQuery, answer=UplineView, refuses=(PartnerNotFound,))
def read_upline(request: Request[NoBody, UplineQuery]) -> UplineView:
    """Read by whom a partner was referred, nearest first, as it was frozen then."""
    return UplineView.of(networks.above(config.context(), request.id("partnerId"), request.query.program_id))


@api.route(
    "GET /api/v1/partners/{partnerId}/downline", query=DownlineQuery, answer=Page[BelowView], refuses=(PartnerNotFound,)
)
def list_downline(request: Request[NoBody, DownlineQuery]) -> Page[BelowView]:
    """List whom a partner referred, newest first."""
    context, query, partner_id = config.context(), request.query, request.id("partnerId")
    before = request.position("")
    reads.find(context, partner_id, strong=False)
    page, last = networks.below(context, partner_id, before, query.limit)
    following = request.cursor(last)
    return Page[BelowView](data=[BelowView.of(each) for each in page], next_cursor=following)


@api.route(
    "GET /api/v1/partners/{partnerId}/notes", query=PageQuery, answer=Page[PartnerNoteView], refuses=(PartnerNotFound,)
)
def list_notes(request: Request[NoBody, PageQuery]) -> Page[PartnerNoteView]:
    """List what staff wrote about a partner, newest first."""
    context, query, partner_id = config.context(), request.query, request.id("partnerId")
    before = request.position("")
    reads.find(context, partner_id, strong=False)
    found = reads.notes_on(context, partner_id, before, query.limit + 1)
    page, following = request.page(found)
    return Page[PartnerNoteView](data=[PartnerNoteView.of(each) for each in page], next_cursor=following)


@api.route(
    "POST /api/v1/partners/{partnerId}/notes",
    body=PartnerNoteBody,
    answer=PartnerNoteView,
    status=201,
    refuses=(PartnerNotFound, Conflict, KeyReused),
)
def write_note(request: Request[PartnerNoteBody, NoQuery]) -> PartnerNoteView:
    """Write something about a partner, who does not see it."""
    context, by = config.context(), request.caller.user
    partner_id, text = request.id("partnerId"), request.body.text
    return PartnerNoteView.of(partner_profile.write_note(context, partner_id, text, by, _once(request)))


@api.route(
    "GET /api/v1/partners/{partnerId}/links",
    answer=LinksOfPartner,
    refuses=(PartnerNotFound, ProgramNotFound, NotCounted),
)
def list_links(request: Request[NoBody, NoQuery]) -> LinksOfPartner:
    """List a partner's links with their clicks, the customers they brought, and the rates between them."""
    from refledger.operations.figures import link_figures

    context = config.context()
    partner = reads.find(context, request.id("partnerId"), strong=False)
    base = config.link_base(request.host) if context.program(partner.program_id).links else ""
    return LinksOfPartner.all_of(link_figures.of_partner(context, partner), base)


def _once(request: Request[Any, NoQuery]) -> Once:
    """Of this request to this partner; the same key for another one is another request."""
    context = config.context()
    body = context.ids.hash("body", request.path, request.body_hash)
    return Once.of(context, request.caller.user, request.route, request.key, body)


def _changed(request: Request[Any, NoQuery], changes: ProfileChanges) -> PartnerView:
    partner_id, version = request.id("partnerId"), request.expected_version
    return _view(partner_profile.change(config.context(), partner_id, changes, version))


def _change(request: Request[Reason, NoQuery], status: PartnerStatus) -> PartnerView:
    return _become(request, status, request.body.reason)


def _become(
    request: Request[Any, NoQuery], status: PartnerStatus, reason: str, version: int | None = None
) -> PartnerView:
    partner_id, caller = request.id("partnerId"), request.caller
    changed = partners.change_status(
        config.context(), partner_id, status, reason, caller.user, by_machine=caller.is_machine, version=version
    )
    return _view(changed)


@api.route("GET /api/v1/partners/{partnerId}/signals", answer=Signals, refuses=(PartnerNotFound,))
def read_signals(request: Request[NoBody, NoQuery]) -> Signals:
    """Say what the partner has in common with others, and which of them they earn from."""
    signals, named = likeness.of_partner(config.context(), request.id("partnerId"))
    return Signals(data=[SignalView.from_signal(each, named) for each in signals])
