"""Ways in for partners: staff invite, somebody accepts; or somebody applies, and staff decide."""

from __future__ import annotations

from typing import Any

from refledger.domain.errors import (
    AlreadyDecided,
    ApplicationNotFound,
    Conflict,
    EmailTaken,
    InvitationNotFound,
    KeyReused,
    ProgramClosed,
    ProgramNotFound,
    UserTaken,
)
from refledger.entry import config
from refledger.entry.http import Api, Request
from refledger.entry.models.common import NoBody, NoQuery, Page
from refledger.entry.models.invitations import (
    AcceptBody,
    AcceptedView,
    ApplicationDecisionBody,
    ApplicationQuery,
    ApplicationView,
    InvitationQuery,
    InvitationView,
    NewApplication,
    NewInvitation,
    NewInvitationView,
    OwnApplications,
    RejectionBody,
)
from refledger.operations.idempotency import Once
from refledger.operations.partners import applications, invitations

api = handler = Api()


# ---------------------------------------------------------------- invitations


@api.route(
    "POST /api/v1/invitations",
    body=NewInvitation,
    answer=NewInvitationView,
    status=201,
    refuses=(ProgramNotFound, ProgramClosed, KeyReused),
)
def invite(request: Request[NewInvitation, NoQuery]) -> NewInvitationView:
    """Invite somebody to be a partner; the answer has the token that they need."""
    context, by = config.context(), request.caller.user
    once = Once.of(context, by, request.route, request.key, request.body_hash)
    made, token = invitations.invite(context, request.body.to_invited(), by, once)
    return NewInvitationView.made(made, token, context.now_ms())


@api.route("GET /api/v1/invitations", query=InvitationQuery, answer=Page[InvitationView], refuses=())
def list_invitations(request: Request[NoBody, InvitationQuery]) -> Page[InvitationView]:
    """List invitations, newest first; or those of one status, open longest first."""
    context, query = config.context(), request.query
    now_ms = context.now_ms()
    before = request.position("")
    found = invitations.listed(context, query.status, now_ms, before, query.limit + 1)
    ids, following = request.page(found)
    page = invitations.many(context, ids)
    return Page[InvitationView](data=[InvitationView.of(each, now_ms) for each in page], next_cursor=following)


@api.route(
    "DELETE /api/v1/invitations/{invitationId}", answer=InvitationView, refuses=(InvitationNotFound, AlreadyDecided)
)
def revoke(request: Request[NoBody, NoQuery]) -> InvitationView:
    """Take an invitation back; it stays on the list."""
    context = config.context()
    return InvitationView.of(invitations.revoke(context, request.id("invitationId")), context.now_ms())


@api.route(
    "POST /api/v1/invitations/{token}/accept",
    body=AcceptBody,
    answer=AcceptedView,
    status=201,
    refuses=(InvitationNotFound, Conflict, AlreadyDecided, UserTaken, EmailTaken, ProgramNotFound, ProgramClosed),
)
def accept(request: Request[AcceptBody, NoQuery]) -> AcceptedView:
    """Become the partner whom the invitation is for; the answer has their code."""
    token, user, told = request.path.get("token", ""), request.caller.user, request.body.to_person()
    return AcceptedView.of(invitations.accept(config.context(), config.limits(), token, user, told))


# ---------------------------------------------------------------- applications


@api.route(
    "POST /api/v1/applications",
    body=NewApplication,
    answer=ApplicationView,
    status=201,
    refuses=(ProgramNotFound, ProgramClosed, UserTaken, Conflict),
)
def apply(request: Request[NewApplication, NoQuery]) -> ApplicationView:
    """Ask to be a partner; the same again answers the application that waits."""
    context, body, user = config.context(), request.body, request.caller.user
    return ApplicationView.of(
        applications.apply(context, user, body.to_person(), body.program_id, body.message, request.body_hash)
    )


@api.route("GET /api/v1/applications", query=ApplicationQuery, answer=Page[ApplicationView], refuses=())
def list_applications(request: Request[NoBody, ApplicationQuery]) -> Page[ApplicationView]:
    """List applications, newest first."""
    context, query = config.context(), request.query
    before = request.position("")
    status = query.status
    found = applications.listed(context, status, before, query.limit + 1)
    ids, following = request.page(found)
    page = applications.many(context, ids)
    return Page[ApplicationView](data=[ApplicationView.of(each) for each in page], next_cursor=following)


@api.route("GET /api/v1/me/applications", answer=OwnApplications, refuses=())
def own_applications(request: Request[NoBody, NoQuery]) -> OwnApplications:
    """List the caller's own application that waits for a decision, if there is one."""
    found = applications.waiting_of(config.context(), request.caller.user)
    return OwnApplications(data=[ApplicationView.of(each) for each in found])


@api.route("GET /api/v1/applications/{applicationId}", answer=ApplicationView, refuses=(ApplicationNotFound,))
def read_application(request: Request[NoBody, NoQuery]) -> ApplicationView:
    """Read an application: who applied their own, staff everybody's."""
    found = applications.find(config.context(), request.id("applicationId"))
    if not request.caller.is_staff and found.user != request.caller.user:
        raise ApplicationNotFound("there is no such application")
    return ApplicationView.of(found)


@api.route(
    "POST /api/v1/applications/{applicationId}/approve",
    body=ApplicationDecisionBody,
    answer=ApplicationView,
    refuses=(ApplicationNotFound, AlreadyDecided, ProgramNotFound, ProgramClosed, UserTaken, EmailTaken),
)
def approve(request: Request[ApplicationDecisionBody, NoQuery]) -> ApplicationView:
    """Make a partner of who applied."""
    return _decide(applications.approve, request)


@api.route(
    "POST /api/v1/applications/{applicationId}/reject",
    body=RejectionBody,
    answer=ApplicationView,
    refuses=(ApplicationNotFound, AlreadyDecided),
)
def reject(request: Request[RejectionBody, NoQuery]) -> ApplicationView:
    """Refuse an application; they may apply again."""
    return _decide(applications.reject, request)


def _decide(how: Any, request: Request[Any, NoQuery]) -> ApplicationView:
    context, id = config.context(), request.id("applicationId")
    return ApplicationView.of(how(context, id, request.caller.user, request.body.reason))
