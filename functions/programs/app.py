"""Programs: admins make and change them, staff read them and every version there was."""

from __future__ import annotations

from refledger.domain.errors import Conflict, KeyReused, ProgramClosed, ProgramExists, ProgramNotFound, UnknownCurrency
from refledger.domain.programs import ProgramStatus
from refledger.entry import config, paging
from refledger.entry.http import Api, Request
from refledger.entry.models.common import NoBody, NoQuery, Page, PageQuery
from refledger.entry.models.programs import NewProgram, ProgramBody, ProgramsQuery, ProgramView, StatusReason
from refledger.operations import listing, programs
from refledger.store import programs as stored

api = handler = Api()
PROGRAM = "POST /api/v1/programs/{programId}"
CLOSED = (ProgramNotFound, ProgramClosed)


@api.route(
    "POST /api/v1/programs",
    body=NewProgram,
    answer=ProgramView,
    status=201,
    versioned=True,
    refuses=(ProgramExists, KeyReused, UnknownCurrency),
)
def create(request: Request[NewProgram, NoQuery]) -> ProgramView:
    """Make a program."""
    context, body = config.context(), request.body
    program = body.to_program(body.id, context.now_ms())
    return ProgramView.of(programs.create(context, program, request.caller.user, request.key, request.body_hash))


@api.route("GET /api/v1/programs", query=ProgramsQuery, answer=Page[ProgramView], refuses=())
def list_all(request: Request[NoBody, ProgramsQuery]) -> Page[ProgramView]:
    """List all programs, or those in a status, by id."""
    context, query = config.context(), request.query
    asked = (request.caller.user, request.route, query.status)
    after = paging.position(context.ids, query.cursor, *asked)
    found = stored.after(context.table, after or "")
    page, last = listing.page(found, lambda program: query.status in (None, program.status), query.limit)
    following = None if last is None else paging.cursor(context.ids, last, *asked)
    return Page[ProgramView](data=[ProgramView.of(program) for program in page], next_cursor=following)


@api.route("GET /api/v1/programs/{programId}", answer=ProgramView, versioned=True, refuses=(ProgramNotFound,))
def read(request: Request[NoBody, NoQuery]) -> ProgramView:
    """Read a program."""
    return ProgramView.of(stored.find(config.context().table, request.id("programId")))


@api.route(
    "PUT /api/v1/programs/{programId}",
    body=ProgramBody,
    answer=ProgramView,
    versioned=True,
    refuses=(ProgramNotFound, UnknownCurrency, Conflict, ProgramClosed),
)
def change(request: Request[ProgramBody, NoQuery]) -> ProgramView:
    """Make the next version of a program; customers who were bound before go by the rules of their own."""
    context = config.context()
    terms = request.body.to_program(request.id("programId"), context.now_ms())
    return ProgramView.of(programs.change(context, terms, request.expected_version, request.caller.user))


@api.route(f"{PROGRAM}/pause", body=StatusReason, answer=ProgramView, versioned=True, refuses=CLOSED)
def pause(request: Request[StatusReason, NoQuery]) -> ProgramView:
    """Stop a program for a while: nobody is referred, and what customers pay meanwhile earns nothing."""
    return _become(request, ProgramStatus.PAUSED)


@api.route(f"{PROGRAM}/resume", body=StatusReason, answer=ProgramView, versioned=True, refuses=CLOSED)
def resume(request: Request[StatusReason, NoQuery]) -> ProgramView:
    """Let a paused program go on."""
    return _become(request, ProgramStatus.ACTIVE)


@api.route(f"{PROGRAM}/archive", body=StatusReason, answer=ProgramView, versioned=True, refuses=CLOSED)
def archive(request: Request[StatusReason, NoQuery]) -> ProgramView:
    """End a program for good; what was earned before matures and is paid out."""
    return _become(request, ProgramStatus.ARCHIVED)


def _become(request: Request[StatusReason, NoQuery], status: ProgramStatus) -> ProgramView:
    id, by = request.id("programId"), request.caller.user
    return ProgramView.of(programs.change_status(config.context(), id, status, request.body.reason, by))


@api.route(
    "GET /api/v1/programs/{programId}/versions", query=PageQuery, answer=Page[ProgramView], refuses=(ProgramNotFound,)
)
def list_versions(request: Request[NoBody, PageQuery]) -> Page[ProgramView]:
    """List the versions of a program, newest first."""
    context, query = config.context(), request.query
    asked = (request.caller.user, request.route, request.path)
    before = paging.position(context.ids, query.cursor, *asked) or ""
    found = stored.versions(context.table, request.id("programId"), before, query.limit + 1)
    page, following = paging.cut(context.ids, found, query.limit, *asked)
    if not page:
        raise ProgramNotFound("there is no such program")
    return Page[ProgramView](data=[ProgramView.of(program) for program in page], next_cursor=following)


@api.route(
    "GET /api/v1/programs/{programId}/versions/{version}",
    answer=ProgramView,
    versioned=True,
    refuses=(ProgramNotFound,),
)
def read_version(request: Request[NoBody, NoQuery]) -> ProgramView:
    """Read a program as it was in one of its versions."""
    id, number = request.id("programId"), request.id("version")
    if not number.isdecimal():
        raise ProgramNotFound("there is no such version")
    return ProgramView.of(stored.version(config.context().table, id, int(number)))
