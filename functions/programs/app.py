"""Programs: admins make and change them, staff read them and every version there was."""

from __future__ import annotations

from refledger.domain.errors import (
    AlreadyDecided,
    Conflict,
    KeyReused,
    ProgramChangeNotFound,
    ProgramClosed,
    ProgramExists,
    ProgramNotFound,
    SecondPersonNeeded,
    UnknownCurrency,
)
from refledger.domain.programs import ProgramStatus
from refledger.entry import config
from refledger.entry.http import Api, Request
from refledger.entry.models.common import NoBody, NoQuery, Page, PageQuery
from refledger.entry.models.currencies import CurrencyList
from refledger.entry.models.previews import PreviewBody, PreviewView
from refledger.entry.models.program_changes import (
    ChangedProgramView,
    ChangesQuery,
    ProgramChangeDecisionBody,
    ProgramChangeReasonBody,
    ProgramChangeView,
)
from refledger.entry.models.programs import NewProgram, ProgramBody, ProgramsQuery, ProgramView, StatusReason
from refledger.operations import pages, program_changes, programs

api = handler = Api()
PROGRAM = "POST /api/v1/programs/{programId}"
CLOSED = (ProgramNotFound, ProgramClosed)
CHANGE = "/api/v1/programs/{programId}/changes/{changeId}"
NO_CHANGE = (ProgramNotFound, ProgramChangeNotFound)


@api.route(
    "POST /api/v1/programs",
    body=NewProgram,
    answer=ChangedProgramView,
    status=201,
    versioned=True,
    refuses=(ProgramExists, KeyReused, UnknownCurrency),
)
def create(request: Request[NewProgram, NoQuery]) -> ChangedProgramView:
    """Make a program; limits that let one person do more than the safe ones wait for another admin."""
    context, body = config.context(), request.body
    now_ms = context.now_ms()
    program = body.to_program(body.id, now_ms)
    made = programs.create(context, program, request.caller.user, request.key, request.body_hash)
    return ChangedProgramView.of_change(made, now_ms)


@api.route("GET /api/v1/programs", query=ProgramsQuery, answer=Page[ProgramView], refuses=())
def list_all(request: Request[NoBody, ProgramsQuery]) -> Page[ProgramView]:
    """List all programs, or those in a status, by id."""
    context, query = config.context(), request.query
    after = request.position("")
    found = programs.after(context, after)
    page, last = pages.page(found, lambda program: query.status in (None, program.status), query.limit)
    following = request.cursor(last)
    return Page[ProgramView](data=[ProgramView.of(program) for program in page], next_cursor=following)


@api.route("POST /api/v1/programs/preview", body=PreviewBody, answer=PreviewView, refuses=(UnknownCurrency,))
def preview(request: Request[PreviewBody, NoQuery]) -> PreviewView:
    """Say what each tier would earn of a payment by terms that need not be any program's; nothing is changed."""
    return PreviewView.of(request.body)


@api.route("GET /api/v1/currencies", answer=CurrencyList, refuses=())
def list_currencies(request: Request[NoBody, NoQuery]) -> CurrencyList:
    """List the currencies that payments and payouts may be in, with their decimals."""
    return CurrencyList.all()


@api.route("GET /api/v1/programs/{programId}", answer=ProgramView, versioned=True, refuses=(ProgramNotFound,))
def read(request: Request[NoBody, NoQuery]) -> ProgramView:
    """Read a program."""
    return ProgramView.of(programs.find(config.context(), request.id("programId")))


@api.route(
    "PUT /api/v1/programs/{programId}",
    body=ProgramBody,
    answer=ChangedProgramView,
    versioned=True,
    refuses=(ProgramNotFound, UnknownCurrency, Conflict, ProgramClosed),
)
def change(request: Request[ProgramBody, NoQuery]) -> ChangedProgramView:
    """Make the next version of a program; what protects less than before waits until another admin confirms it."""
    context = config.context()
    now_ms = context.now_ms()
    terms = request.body.to_program(request.id("programId"), now_ms)
    made = programs.change(context, terms, request.expected_version, request.caller.user)
    return ChangedProgramView.of_change(made, now_ms)


@api.route(f"{PROGRAM}/pause", body=StatusReason, answer=ChangedProgramView, versioned=True, refuses=CLOSED)
def pause(request: Request[StatusReason, NoQuery]) -> ChangedProgramView:
    """Stop a program for a while: nobody is referred, and what customers pay meanwhile earns nothing."""
    return _become(request, ProgramStatus.PAUSED)


@api.route(f"{PROGRAM}/resume", body=StatusReason, answer=ChangedProgramView, versioned=True, refuses=CLOSED)
def resume(request: Request[StatusReason, NoQuery]) -> ChangedProgramView:
    """Let a paused program go on: at once for who paused it, for others when another admin confirms."""
    return _become(request, ProgramStatus.ACTIVE)


@api.route(f"{PROGRAM}/archive", body=StatusReason, answer=ChangedProgramView, versioned=True, refuses=CLOSED)
def archive(request: Request[StatusReason, NoQuery]) -> ChangedProgramView:
    """End a program for good; what was earned before matures and is paid out."""
    return _become(request, ProgramStatus.ARCHIVED)


def _become(request: Request[StatusReason, NoQuery], status: ProgramStatus) -> ChangedProgramView:
    context, id, by = config.context(), request.id("programId"), request.caller.user
    made = programs.change_status(context, id, status, request.body.reason, by)
    return ChangedProgramView.of_change(made, context.now_ms())


@api.route(
    "GET /api/v1/programs/{programId}/versions", query=PageQuery, answer=Page[ProgramView], refuses=(ProgramNotFound,)
)
def list_versions(request: Request[NoBody, PageQuery]) -> Page[ProgramView]:
    """List the versions of a program, newest first."""
    context, query = config.context(), request.query
    before = request.position("")
    found = programs.versions(context, request.id("programId"), before, query.limit + 1)
    page, following = request.page(found)
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
    return ProgramView.of(programs.version(config.context(), id, int(number)))


@api.route(
    "GET /api/v1/programs/{programId}/changes",
    query=ChangesQuery,
    answer=Page[ProgramChangeView],
    refuses=(ProgramNotFound,),
)
def list_changes(request: Request[NoBody, ChangesQuery]) -> Page[ProgramChangeView]:
    """List the looser terms of a program that wait for another admin, or did, those of the newest version first."""
    context, query = config.context(), request.query
    program, now_ms = programs.find(context, request.id("programId")), context.now_ms()
    before = request.position("")
    found = program_changes.listed(context, program.id, before, pages.LOOKED_AT)
    page, last = pages.page(found, lambda one: query.status in (None, one.status_at(now_ms)), query.limit)
    following = request.cursor(last)
    return Page[ProgramChangeView](
        data=[ProgramChangeView.of(change, now_ms) for change in page], next_cursor=following
    )


@api.route(f"GET {CHANGE}", answer=ProgramChangeView, refuses=NO_CHANGE)
def read_change(request: Request[NoBody, NoQuery]) -> ProgramChangeView:
    """Read looser terms of a program that wait for another admin, or did."""
    context = config.context()
    found = program_changes.find(context, request.id("programId"), request.id("changeId"))
    return ProgramChangeView.of(found, context.now_ms())


@api.route(
    f"POST {CHANGE}/confirm",
    body=ProgramChangeDecisionBody,
    answer=ProgramChangeView,
    refuses=(*NO_CHANGE, SecondPersonNeeded, AlreadyDecided, Conflict, ProgramClosed),
)
def confirm(request: Request[ProgramChangeDecisionBody, NoQuery]) -> ProgramChangeView:
    """Let looser terms take effect, as another admin than who asked for them."""
    context = config.context()
    made = program_changes.confirm(
        context, request.id("programId"), request.id("changeId"), request.caller.user, request.body.note
    )
    return ProgramChangeView.of(made, context.now_ms())


@api.route(
    f"POST {CHANGE}/reject",
    body=ProgramChangeReasonBody,
    answer=ProgramChangeView,
    refuses=(*NO_CHANGE, AlreadyDecided),
)
def reject(request: Request[ProgramChangeReasonBody, NoQuery]) -> ProgramChangeView:
    """Take looser terms off that wait: who asked for them withdraws them, anybody else rejects them."""
    context = config.context()
    made = program_changes.reject(
        context, request.id("programId"), request.id("changeId"), request.caller.user, request.body.note
    )
    return ProgramChangeView.of(made, context.now_ms())
