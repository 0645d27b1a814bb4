"""Programs: admins make them, staff read them."""

from __future__ import annotations

from refledger.entry import config, paging
from refledger.entry.http import Api, Request
from refledger.entry.models.common import NoBody, NoQuery, Page, PageQuery
from refledger.entry.models.programs import NewProgram, ProgramView
from refledger.operations import programs
from refledger.store import programs as stored

api = handler = Api()


@api.route("POST /api/v1/programs", body=NewProgram, answer=ProgramView, status=201)
def create(request: Request[NewProgram, NoQuery]) -> ProgramView:
    """Make a program."""
    context = config.context()
    program = request.body.to_program(context.now_ms())
    return ProgramView.of(programs.create(context, program, request.caller.user, request.key, request.body_hash))


@api.route("GET /api/v1/programs", query=PageQuery, answer=Page[ProgramView])
def list_all(request: Request[NoBody, PageQuery]) -> Page[ProgramView]:
    """List all programs, by id."""
    context, asked = config.context(), (request.caller.user, request.route)
    after = paging.position(context.ids, request.query.cursor, *asked)
    found = stored.after(context.table, after or "")
    page, following = paging.cut(context.ids, found, request.query.limit, *asked)
    return Page[ProgramView](data=[ProgramView.of(program) for program in page], next_cursor=following)


@api.route("GET /api/v1/programs/{programId}", answer=ProgramView)
def read(request: Request[NoBody, NoQuery]) -> ProgramView:
    """Read a program."""
    return ProgramView.of(stored.find(config.context().table, request.id("programId")))
