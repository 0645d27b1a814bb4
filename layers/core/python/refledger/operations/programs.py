"""Making programs, and changing them: each change is a version, and customers go by the one they were bound under.

What a change loosens waits for another admin (`operations/program_changes.py`); the rest takes effect at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from refledger.domain.errors import ProgramChangeNotFound, ProgramExists, ProgramNotFound, Stale
from refledger.domain.loosening import STATUS, ProgramChange, TermChange, at_creation, split
from refledger.domain.programs import DEFAULT_PROGRAM, Program, ProgramStatus
from refledger.operations import program_changes
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.idempotency import Once
from refledger.store import program_changes as stored_changes
from refledger.store import programs
from refledger.store.transaction import ConditionFailed

VERSIONS_LOOKED_AT = 100  # back to the one with which a pause began


@dataclass(frozen=True)
class ProgramUpdate:
    """The program as it is now, and what waits for another admin; None for nothing."""

    program: Program
    waiting: ProgramChange | None = None


def find(context: Context, program_id: str) -> Program:
    """Find a program as it is now. Raises ProgramNotFound."""
    return programs.find(context.table, program_id)


def after(context: Context, program_id: str) -> Iterator[tuple[str, Program]]:
    """List (position, program) by id, beyond one of them, a little behind."""
    return programs.after(context.table, program_id)


def version(context: Context, program_id: str, number: int) -> Program:
    """Find a program as it was in a version. Raises ProgramNotFound."""
    return programs.version(context.table, program_id, number)


def versions(context: Context, program_id: str, before: str, limit: int) -> Iterator[tuple[str, Program]]:
    """List (position, program) of a program's versions, newest first."""
    return programs.versions(context.table, program_id, before, limit)


def create(context: Context, program: Program, caller: str, key: str | None, body: str) -> ProgramUpdate:
    """Make a program.

    Idempotent by the Idempotency-Key; without one a second program of the same id is refused.

    What lets one person do more than the safe limits, or than those of the default program, waits for another admin.
    Raises ProgramExists, KeyReused.
    """
    request = Once.of(context, caller, "programs", key, context.ids.hash("body", program.id, body))
    program, terms = at_creation(program, _default(context))
    made = replace(program, changed_at_ms=program.created_at_ms, changed_by=caller)
    return _create(context, request, made, terms, caller)


@retry_on_conflict
def _create(context: Context, request: Once, made: Program, terms: Sequence[TermChange], caller: str) -> ProgramUpdate:
    waiting, there = _asked(context, made, made.version, terms, caller)
    also = [stored_changes.create(waiting)] if waiting and not there else []
    named = {"change": waiting.id} if waiting else {}
    try:
        context.table.commit(*programs.create(made), *also, request.guard(program=made.id, **named))
    except ConditionFailed as failed:
        if earlier := request.earlier(failed):  # as it was made, whatever became of it
            first = programs.version(context.table, earlier.program, 1)
            return ProgramUpdate(first, _found(context, first.id, earlier.change))
        if programs.IS_NEW not in failed.items:
            raise
        raise ProgramExists(f"there is a program {made.id} already") from None
    return ProgramUpdate(made, waiting)


def _default(context: Context) -> Program | None:
    try:
        return programs.find(context.table, DEFAULT_PROGRAM)
    except ProgramNotFound:
        return None


@retry_on_conflict
def change(context: Context, terms: Program, version: int, by: str) -> ProgramUpdate:
    """Make the next version of the program `terms.id` with these terms, if `version` is its current one.

    Idempotent by the version and the terms: asked again, it answers the version that was made of them, whatever came
    after it; and terms that are the current ones already make no version.
    Raises ProgramNotFound, Stale, Conflict where what takes effect now cannot be without what waits.
    """
    old = programs.find(context.table, terms.id)
    base = old if old.version == version else _version(context, terms.id, version)
    if base is None:
        raise Stale(f"the program's current version is {old.version}")
    tightened, looser = split(base, terms, earns=program_changes.earns_in(context, by, terms.id))
    waiting, there = _asked(context, base, version, looser, by)
    if old.version != version:
        again = _repeated(context, base, tightened) if tightened != base else old if waiting else None
        if again and (waiting is None or there):
            return ProgramUpdate(again, waiting)
        raise Stale(f"the program's current version is {old.version}")
    also = [stored_changes.create(waiting)] if waiting and not there else []
    if tightened == base:
        if also:
            context.table.commit(programs.still_as_read(old), *also)
        return ProgramUpdate(old, waiting)
    new = replace(tightened, version=version + 1, changed_at_ms=context.now_ms(), changed_by=by)
    context.table.commit(*programs.change(old, new), *also)
    return ProgramUpdate(new, waiting)


def _repeated(context: Context, base: Program, tightened: Program) -> Program | None:
    """What was made of the same terms before, where something was."""
    made = _version(context, base.id, base.version + 1)
    return made if made and made.says_the_same(tightened) else None


@retry_on_conflict
def change_status(context: Context, program_id: str, status: ProgramStatus, reason: str, by: str) -> ProgramUpdate:
    """Pause, resume or archive: a version like every other change.

    Idempotent: one that has the status stays as it is.

    Who paused it may resume it; anybody else asks for it, and another admin confirms. What a customer pays while it is
    not ACTIVE earns nothing; what was earned matures, and withdrawals go on.
    Raises ProgramNotFound, ProgramClosed where the status cannot follow: an archived program stays so.
    """
    old = programs.find(context.table, program_id)
    if old.status is status:
        return ProgramUpdate(old)
    now_ms = context.now_ms()
    new = replace(
        old.becomes(status, now_ms), reason=reason, version=old.version + 1, changed_at_ms=now_ms, changed_by=by
    )
    if status is ProgramStatus.ACTIVE and _paused_by(context, old) != by:
        terms = [TermChange(STATUS, "", old.status.value, status.value)]
        waiting, there = _asked(context, old, old.version, terms, by)
        if waiting and not there:
            context.table.commit(programs.still_as_read(old), stored_changes.create(waiting))
        return ProgramUpdate(old, waiting)
    context.table.commit(*programs.change(old, new))
    return ProgramUpdate(new)


def _paused_by(context: Context, program: Program) -> str:
    """Who made the version with which the pause began: terms may have changed since."""
    for _ in range(VERSIONS_LOOKED_AT):
        if program.version == 1:
            break
        before = programs.version(context.table, program.id, program.version - 1)
        if before.status is not program.status:
            return program.changed_by
        program = before
    return ""  # too long ago, or paused from the start


def _asked(
    context: Context, program: Program, version: int, terms: Sequence[TermChange], by: str
) -> tuple[ProgramChange | None, bool]:
    return program_changes.asked(context, program, version, terms, by) if terms else (None, False)


def _found(context: Context, program_id: str, change_id: str) -> ProgramChange | None:
    try:
        return stored_changes.find(context.table, program_id, change_id) if change_id else None
    except ProgramChangeNotFound:
        return None


def _version(context: Context, program_id: str, version: int) -> Program | None:
    try:
        return programs.version(context.table, program_id, version)
    except ProgramNotFound:
        return None
