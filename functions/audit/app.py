"""What auditors ask: who did what, who they are, how the books stand, and what the stack was told."""

from __future__ import annotations

from refledger.domain.errors import Forbidden, PersonNotFound
from refledger.entry import config
from refledger.entry.http import Api, Request
from refledger.entry.models.audit import AuditQuery, AuditView
from refledger.entry.models.common import NoBody, NoQuery, Page, PageQuery
from refledger.entry.models.people import PersonView
from refledger.entry.models.standing import SettingsView, StopView, VerificationView
from refledger.operations import people
from refledger.operations.proof import audit_lists, standing

api = handler = Api()


@api.route("GET /api/v1/audit", query=AuditQuery, answer=Page[AuditView], refuses=())
def entries(request: Request[NoBody, AuditQuery]) -> Page[AuditView]:
    """List what was done to an entity, or by somebody, newest first. Personal data is for admins and finance."""
    context, query = config.context(), request.query
    before = request.position("")
    found = audit_lists.entries(
        context, query.entity, query.actor, query.from_ms, query.to_ms, before, query.limit + 1
    )  # fmt: skip
    page, following = request.page(found)
    masks = request.caller.sees_masked
    return Page[AuditView](data=[AuditView.of(entry, masks=masks) for entry in page], next_cursor=following)


@api.route("GET /api/v1/people", query=PageQuery, answer=Page[PersonView], refuses=())
def people_who_acted(request: Request[NoBody, PageQuery]) -> Page[PersonView]:
    """List who acts for you, the latest name first."""
    context = config.context()
    ids, following = request.page(people.listed(context, request.position(""), request.query.limit + 1))
    return Page[PersonView](data=[PersonView.of(each) for each in people.many(context, ids)], next_cursor=following)


@api.route("GET /api/v1/people/{personId}", answer=PersonView, refuses=(PersonNotFound,))
def read_person(request: Request[NoBody, NoQuery]) -> PersonView:
    """Read who it is that did something, by the id beside it; `me` for the caller."""
    id = request.id("personId")
    return PersonView.of(people.find(config.context(), request.caller.user if id == "me" else id))


@api.route("DELETE /api/v1/people/{personId}", answer=PersonView, refuses=(PersonNotFound, Forbidden))
def forget_person(request: Request[NoBody, NoQuery]) -> PersonView:
    """Forget the name of somebody else who acted: what they did stays, under their id, and who acts again is named."""
    id = request.id("personId")
    if id == request.caller.user:
        raise Forbidden("nobody forgets their own name")
    return PersonView.of(people.forget(config.context(), id))


@api.route("GET /api/v1/ledger/verification", answer=VerificationView, refuses=())
def verification(request: Request[NoBody, NoQuery]) -> VerificationView:
    """Say how the books stand: what the stack's own check found, since when, and the last signed manifest."""
    return VerificationView.of(standing.standing(config.context(), config.signed_days()))


@api.route("GET /api/v1/settings", answer=SettingsView, refuses=())
def settings(request: Request[NoBody, NoQuery]) -> SettingsView:
    """Say what this stack was told by its parameters, and whether it books and pays."""
    env, stopped = config.environment(), config.context().stopped()
    return SettingsView(
        stage=env["STAGE"],
        stopped=StopView.of(stopped) if stopped else None,
        limits={kind.value: number for kind, number in config.limits().allowed.items()},
        sign_in_minutes=config.sign_in_minutes() or None,
        link_base=env["LINK_BASE"] or None,
        stripe_mode=env["STRIPE_MODE"],
        stripe_payouts=bool(env["STRIPE_SECRET_ARN"]),
        lead_webhooks=bool(env["LEADS_SECRET_ARN"]),
        cdn=bool(env["CDN_SECRET_ARN"]),
        customer_ids_sealed=env.is_on("SEAL_CUSTOMER_IDS"),
        notices=env["NOTICES"],
        manifest_retention_days=env.number("MANIFEST_RETENTION_DAYS"),
    )
