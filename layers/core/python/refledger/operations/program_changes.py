"""Looser terms of a program wait here until another admin confirms them, or somebody takes them off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from refledger.domain.duties import Act, check_stranger
from refledger.domain.errors import AlreadyDecided, Conflict, ProgramChangeNotFound
from refledger.domain.loosening import (
    MAX_WAITING,
    ChangeStatus,
    ProgramChange,
    TermChange,
    apply,
    expires_at,
)
from refledger.domain.programs import Program
from refledger.operations.context import Context, retry_on_conflict
from refledger.store import keys, partners, program_changes, programs

MAX_REPEATS = 50  # of the same wish from the same version, after each was taken off
LOOKED_AT = 200  # changes of a program, newest version first, among which those that wait are


def earns_in(context: Context, user: str, program_id: str) -> bool:
    """Return whether the user is a partner of the program.

    Then they are, or may become, an up-line in it, too.
    """
    return partners.program_of_user(context.table, user) == program_id


def asked(
    context: Context, program: Program, version: int, terms: Sequence[TermChange], by: str
) -> tuple[ProgramChange, bool]:
    """Return the change that a wish is, and whether it is there already.

    The same wish again is the same change.

    `version`: the program's that who asks had read. One that was taken off, or expired, can be asked for again.
    Raises Conflict where too many wait.
    """
    now_ms = context.now_ms()
    for number in range(MAX_REPEATS):
        digest = context.ids.hash("program-change", program.id, str(version), repr(tuple(terms)), str(number))
        id = keys.program_change_id(version, digest)
        try:
            there = program_changes.find(context.table, program.id, id)
        except ProgramChangeNotFound:
            change = ProgramChange(id, program.id, version, tuple(terms), by, now_ms, expires_at(now_ms))
            _check_room(context, program.id, now_ms)
            return change, False
        if there.status_at(now_ms) in (ChangeStatus.PENDING, ChangeStatus.CONFIRMED):
            return there, True
    raise Conflict("this change was taken off many times: make another version of the program first")


def _check_room(context: Context, program_id: str, now_ms: int) -> None:
    newest = islice(program_changes.of_program(context.table, program_id, "", LOOKED_AT), LOOKED_AT)
    if sum(change.status_at(now_ms) is ChangeStatus.PENDING for _, change in newest) >= MAX_WAITING:
        raise Conflict(f"{MAX_WAITING} changes of the program wait already: confirm or reject them first")


@retry_on_conflict
def confirm(context: Context, program_id: str, change_id: str, by: str, note: str = "") -> ProgramChange:
    """Let looser terms take effect: the next version of the program has exactly what the change shows.

    Other terms of the program may have moved since it was asked for; one of its own may not. Idempotent for who did.
    Raises ProgramNotFound, ProgramChangeNotFound, SecondPersonNeeded for who asked, Forbidden for who would earn from
    higher rates, AlreadyDecided, Conflict where a term has become another one since.
    """
    program = programs.find(context.table, program_id)
    old = program_changes.find(context.table, program_id, change_id)
    if old.stored_status is ChangeStatus.CONFIRMED and old.decided_by == by:
        return old
    now_ms = context.now_ms()
    earners = [by] if old.raises_rates and earns_in(context, by, program_id) else []
    check_stranger(Act.CONFIRM_TERMS, by, *earners, requester=old.asked_by)
    _check_waits(old, now_ms)
    new = replace(apply(program, old, now_ms), version=program.version + 1, changed_at_ms=now_ms, changed_by=by)
    if new.status is not program.status:
        new = replace(new, reason=note)
    decided = _decided(old, ChangeStatus.CONFIRMED, by, note, now_ms, new.version)
    context.table.commit(*programs.change(program, new), program_changes.decide(decided))
    return decided


@retry_on_conflict
def reject(context: Context, program_id: str, change_id: str, by: str, note: str) -> ProgramChange:
    """Take looser terms off: WITHDRAWN by who asked for them, REJECTED by anybody else.

    Idempotent for who did.

    Raises ProgramNotFound, ProgramChangeNotFound, AlreadyDecided.
    """
    programs.find(context.table, program_id)
    old = program_changes.find(context.table, program_id, change_id)
    status = ChangeStatus.WITHDRAWN if by == old.asked_by else ChangeStatus.REJECTED
    if old.stored_status is status and old.decided_by == by:
        return old
    now_ms = context.now_ms()
    _check_waits(old, now_ms)
    decided = _decided(old, status, by, note, now_ms, 0)
    context.table.commit(program_changes.decide(decided))
    return decided


def _check_waits(change: ProgramChange, now_ms: int) -> None:
    status = change.status_at(now_ms)
    if status is not ChangeStatus.PENDING:
        raise AlreadyDecided(f"the change is {status}")


def _decided(
    change: ProgramChange, status: ChangeStatus, by: str, note: str, now_ms: int, version: int
) -> ProgramChange:
    return replace(change, stored_status=status, decided_by=by, decided_at_ms=now_ms, note=note, version=version)


def find(context: Context, program_id: str, change_id: str) -> ProgramChange:
    """Find looser terms that wait, or did. Raises ProgramChangeNotFound."""
    return program_changes.find(context.table, program_id, change_id)


def listed(context: Context, program_id: str, before: str, limit: int) -> Iterator[tuple[str, ProgramChange]]:
    """List (position, change) of a program, those of the newest version first."""
    return program_changes.of_program(context.table, program_id, before, limit)
