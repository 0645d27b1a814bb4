"""Making programs, and changing them: each change is a version, and customers go by the one they were bound under."""

from __future__ import annotations

from dataclasses import replace

from refledger.domain.errors import ProgramExists, ProgramNotFound, Stale
from refledger.domain.programs import Program, ProgramStatus
from refledger.operations.context import Context
from refledger.operations.once import Once
from refledger.store import programs
from refledger.store.transaction import Moved


def create(context: Context, program: Program, caller: str, key: str | None, body: str) -> Program:
    """Idempotent by the Idempotency-Key; without one a second program of the same id is refused.

    Raises ProgramExists, KeyReused.
    """
    request = Once.of(context, caller, "programs", key, context.ids.hash("body", program.id, body))
    made = replace(program, changed_at_ms=program.created_at_ms, changed_by=caller)

    def once() -> Program:
        try:
            context.table.commit(*programs.create(made), request.guard(program=made.id))
        except Moved as moved:
            if earlier := request.earlier(moved):  # as it was made, whatever became of it
                return programs.version(context.table, earlier["program"], 1)
            raise ProgramExists(f"there is a program {made.id} already") from None
        return made

    return context.repeat(once)


def change(context: Context, terms: Program, version: int, by: str) -> Program:
    """Make the next version of the program `terms.id` with these terms, if `version` is its current one.

    Idempotent by the version and the terms: asked again, it answers the version that was made of them, whatever came
    after it; and terms that are the current ones already make no version.
    Raises ProgramNotFound, Stale.
    """

    def once() -> Program:
        old = programs.find(context.table, terms.id)
        if old.version == version and old.says_the_same(terms):
            return old
        if old.version != version:
            made = _next(context, terms.id, version)
            if made and made.says_the_same(terms):
                return made
            raise Stale(f"the program's current version is {old.version}")
        new = replace(
            terms, status=old.status, idle=old.idle, reason=old.reason, version=version + 1,
            created_at_ms=old.created_at_ms, changed_at_ms=context.now_ms(), changed_by=by,
        )  # fmt: skip
        context.table.commit(*programs.change(old, new))
        return new

    return context.repeat(once)


def change_status(context: Context, program_id: str, status: ProgramStatus, reason: str, by: str) -> Program:
    """Pause, resume or archive: a version like every other change. Idempotent: one that has the status stays as it is.

    What a customer pays while it is not ACTIVE earns nothing; what was earned matures, and withdrawals go on.
    Raises ProgramNotFound, ProgramClosed where the status cannot follow: an archived program stays so.
    """

    def once() -> Program:
        old = programs.find(context.table, program_id)
        if old.status is status:
            return old
        now_ms = context.now_ms()
        new = replace(
            old.becomes(status, now_ms), reason=reason, version=old.version + 1, changed_at_ms=now_ms, changed_by=by
        )
        context.table.commit(*programs.change(old, new))
        return new

    return context.repeat(once)


def _next(context: Context, program_id: str, version: int) -> Program | None:
    try:
        return programs.version(context.table, program_id, version + 1)
    except ProgramNotFound:
        return None
