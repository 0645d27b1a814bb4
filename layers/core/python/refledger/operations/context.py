"""What every operation works with, and how it is repeated when others were at the same money."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from refledger.adapters.clock import now_ms
from refledger.adapters.ids import Ids
from refledger.domain.errors import Busy, ProgramNotFound
from refledger.domain.programs import Program
from refledger.domain.times import MINUTE_MS, SECOND_MS
from refledger.store import programs, shards, stops
from refledger.store.read_only import ReadOnlyTable
from refledger.store.shards import Shards
from refledger.store.stops import Stop
from refledger.store.table import Table
from refledger.store.transaction import RetryableConflict, Write

ATTEMPTS = 8
FIRST_PAUSE_MS = 20
PROGRAM_KEPT_MS = MINUTE_MS
CLOCK_SKEW_MS = 5 * SECOND_MS  # between the clocks of two machines
STOP_KEPT_MS = 5 * SECOND_MS  # so long a worker may not know yet that it is to stop
VERSIONS_KEPT = 200  # in the memory of a worker
NAMES_KEPT = 200

Result = TypeVar("Result")
Params = ParamSpec("Params")


def pause(milliseconds: int) -> None:
    time.sleep(milliseconds / 1000)


@dataclass(frozen=True)
class Context:
    """The table, the ids, the clock; tests give others."""

    table: Table
    ids: Ids
    now_ms: Callable[[], int] = now_ms
    pause: Callable[[int], None] = pause
    seals_customers: bool = False  # whether of customers only keyed hashes are kept
    _programs: dict[str, tuple[int, Program]] = field(default_factory=dict)
    _shards: list[tuple[int, Shards]] = field(default_factory=list)  # the last, and when it was read
    _versions: dict[tuple[str, int], Program] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)  # who acted here, by id: their name is kept
    noted: dict[str, int] = field(default_factory=dict)  # by partner, when the stream's word of them was last noted
    _stop: list[tuple[int, Stop | None]] = field(default_factory=list)  # when it was read, and what was there

    def looking(self) -> Context:
        """Return the same, for an operation that is to come as far as what it would write."""
        return replace(self, table=ReadOnlyTable(self.table))

    def program(self, program_id: str) -> Program:
        """Return a program as it was at most a minute ago: its rules are frozen on what they make.

        Raises ProgramNotFound.
        """
        read_at_ms, program = self._programs.get(program_id, (0, None))
        if program is None or self.now_ms() - read_at_ms > PROGRAM_KEPT_MS:
            program = programs.find(self.table, program_id)
            self._programs[program_id] = (self.now_ms(), program)
        return program

    def program_after(self, program_id: str, at_ms: int) -> Program:
        """Return a program as it was read after the moment `at_ms`: it knows whether it was paused then.

        Raises ProgramNotFound.
        """
        read_at_ms, program = self._programs.get(program_id, (0, None))
        if program is None or read_at_ms <= at_ms + CLOCK_SKEW_MS:
            program = programs.find(self.table, program_id)
            self._programs[program_id] = (self.now_ms(), program)
        return program

    def program_version(self, program_id: str, version: int) -> Program:
        """Return a program as it was in one of its versions, which never changes. Raises ProgramNotFound."""
        _, current = self._programs.get(program_id, (0, None))
        if current and current.version == version:
            return current
        if (program_id, version) not in self._versions:
            if len(self._versions) >= VERSIONS_KEPT:
                self._versions.clear()
            self._versions[program_id, version] = programs.version(self.table, program_id, version)
        return self._versions[program_id, version]

    def shards(self) -> int:
        """Over how many shards payments are spread, as it was at most a minute ago: it only grows."""
        return self._known_shards().count

    def spread(self, partner_id: str) -> int:
        """Return with which spread rewards of the partner are made now: see `keys.reward_id`."""
        return self._known_shards().spread(partner_id, self.now_ms())

    def reward_partitions(self, partner_id: str) -> tuple[str, ...]:
        """Return where the partner's rewards lie, for whoever reads them.

        A minute old is new enough: see `shards`.
        """
        return self._known_shards().partitions(partner_id)

    def _known_shards(self) -> Shards:
        if not self._shards or self.now_ms() - self._shards[0][0] > PROGRAM_KEPT_MS:
            self._shards[:] = [(self.now_ms(), shards.read(self.table))]
        return self._shards[0][1]

    def stopped(self) -> Stop | None:
        """Return whether everything that books and pays is stopped, as it was at most five seconds ago."""
        if not self._stop or self.now_ms() - self._stop[0][0] > STOP_KEPT_MS:
            self._stop[:] = [(self.now_ms(), stops.read(self.table))]
        return self._stop[0][1]

    def called(self, id: str, name: str) -> None:
        """Remember that somebody's name is kept: no need to look again in this worker."""
        if len(self.named) >= NAMES_KEPT:
            self.named.clear()
        self.named[id] = name

    def customer_id(self, told: str) -> str:
        """Return what is kept of the id by which the owner calls a customer."""
        return "" if self.seals_customers else told

    def has_program(self, program_id: str) -> bool:
        try:
            self.program(program_id)
        except ProgramNotFound:
            return False
        return True


def retry_on_conflict(
    operation: Callable[Concatenate[Context, Params], Result],
) -> Callable[Concatenate[Context, Params], Result]:
    """Run the operation from its first read on, until nobody is in the way.

    It raises Busy after eight tries.

    What must be the same in every try (an id that is made, what a caller has counted) is a parameter.
    """

    @wraps(operation)
    def retrying(context: Context, /, *args: Params.args, **kwargs: Params.kwargs) -> Result:
        for attempt in range(ATTEMPTS):
            try:
                return operation(context, *args, **kwargs)
            except RetryableConflict:
                context.pause(random.randrange(FIRST_PAUSE_MS << attempt))
        raise Busy("others keep changing the same data; nothing was done, please try again")

    return retrying


def of_table(read: Callable[Concatenate[Table, Params], Result]) -> Callable[Concatenate[Context, Params], Result]:
    """Return what reads the table as what reads that of a context: functions have a context, and no table."""

    @wraps(read)
    def reading(context: Context, /, *args: Params.args, **kwargs: Params.kwargs) -> Result:
        return read(context.table, *args, **kwargs)

    return reading


@contextmanager
def busy_on_conflict() -> Iterator[None]:
    """Turn a conflict into Busy, without a try of its own: whoever called tries again."""
    try:
        yield
    except RetryableConflict as error:
        raise Busy("the table is busy") from error


@retry_on_conflict
def commit(context: Context, *writes: Write) -> None:
    """Write, whatever was there before: conditions that fail are tried again as well."""
    context.table.commit(*writes)
