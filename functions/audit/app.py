"""Who did what: by what was changed, or by who changed it."""

from __future__ import annotations

from refledger.domain.errors import PersonNotFound
from refledger.entry import config
from refledger.entry.http import Api, Request
from refledger.entry.models.audit import AuditQuery, AuditView
from refledger.entry.models.common import NoBody, NoQuery, Page
from refledger.entry.models.people import PersonView
from refledger.operations import people
from refledger.operations.proof import audit_lists

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


@api.route("GET /api/v1/people/{personId}", answer=PersonView, refuses=(PersonNotFound,))
def read_person(request: Request[NoBody, NoQuery]) -> PersonView:
    """Read who it is that did something, by the id beside it; `me` for the caller."""
    id = request.id("personId")
    return PersonView.of(people.find(config.context(), request.caller.user if id == "me" else id))
