"""A program is its last version, no version is missing, and what was loosened is what another person confirmed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from refledger.domain.loosening import ChangeStatus
from refledger.domain.programs import Program
from refledger.operations.context import Context
from refledger.operations.proof.book_checks import UNREADABLE, Fault, looks
from refledger.store import program_changes, programs

PAGE = 100


def verify_programs(context: Context) -> Iterator[tuple[str, Fault]]:
    """Yield (id, what is wrong with it) of each program. There are few."""
    try:
        ids = [program.id for _, program in programs.after(context.table, "")]
    except UNREADABLE as error:
        yield "", Fault("", "", f"a program cannot be read: {type(error).__name__}: {error}")
        return
    for id in ids:
        reasons: list[str] = []
        for _ in looks(context):
            try:
                reasons = list(_faults(context, id))
            except UNREADABLE as error:
                reasons = [f"cannot be read: {type(error).__name__}: {error}"]
            if not reasons:
                break
        yield from ((id, Fault("", "", f"program {id}: {reason}")) for reason in reasons)


def _faults(context: Context, id: str) -> Iterator[str]:
    now = programs.find(context.table, id)
    versions = [version for _, version in programs.versions(context.table, id, "", PAGE)]
    made = {each.version: each for _, each in program_changes.of_program(context.table, id, "", PAGE) if each.version}
    if not versions or _terms(versions[0]) != _terms(now):
        yield f"is not what its version {versions[0].version if versions else 1} says"
    for newer, older in pairwise(versions):
        if newer.version != older.version + 1:
            yield f"version {newer.version} comes after version {older.version}"
    if versions and versions[-1].version != 1:
        yield "its first version is not there"
    for change in made.values():
        if change.stored_status is not ChangeStatus.CONFIRMED or change.decided_by in ("", change.asked_by):
            yield f"version {change.version} was made of a change that no other person confirmed"


def _terms(program: Program) -> Program:
    """What was said of it then; since when it is counted is said of what it is now alone."""
    return replace(program, data_format=0, counted_since_ms=0)
