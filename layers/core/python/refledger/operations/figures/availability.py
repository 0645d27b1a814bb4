"""Whether figures may be told: those of older data were counted by other rules, or began in the middle of history.

A program's item says what its data are like. It is kept for a minute by whoever reads it, so asking costs nothing where
all is well; figures that were made anew are told, whatever the program says.
"""

from __future__ import annotations

from refledger.domain.errors import NotCounted
from refledger.domain.programs import DATA_FORMAT, DEFAULT_PROGRAM
from refledger.domain.times import day, iso
from refledger.operations.context import Context
from refledger.store import dimensions, generations
from refledger.store.dimensions import Dimension

MEND = "an operator has to run `bin/refledger rebuild statistics` once"


def check_counted(context: Context, program_id: str, first: str = "") -> None:
    """Refuse figures of a program that older rules counted.

    `first`: the first day (`20261231`) of what is asked for, "" for all of history.

    Raises ProgramNotFound; NotCounted where what is asked for was not counted by the rules of this code.
    """
    _check(context, program_id, dimensions.program(program_id), first)


def check_partner_counted(context: Context, partner_id: str, program_id: str) -> None:
    """Refuse figures of all history of a partner, who is as old as their home program at most."""
    _check(context, program_id, dimensions.partner(partner_id))


def check_books_counted(context: Context, first: str = "") -> None:
    """Refuse figures of the journals and withdrawals of all.

    They are as old as the program that is there by default.
    """
    if context.has_program(DEFAULT_PROGRAM):
        _check(context, DEFAULT_PROGRAM, dimensions.JOURNAL, first)


def _check(context: Context, program_id: str, dimension: Dimension, first: str = "") -> None:
    program = context.program(program_id)
    if program.data_format >= DATA_FORMAT:
        return
    since_ms = program.counted_since_ms
    if since_ms and first > day(since_ms):  # the whole of each day
        return
    if generations.find(context.table, dimension.subject).current:
        return
    if since_ms:
        raise NotCounted(f"not counted before {iso(since_ms)}, when this release took over: {MEND}")
    raise NotCounted(
        "nobody knows since when these figures are counted: they may lack what was there before the upgrade; " + MEND
    )
