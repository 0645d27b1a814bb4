"""What a check of the books says: faults, how much was read, and what is held against everything before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from refledger.domain.errors import ProgramNotFound
from refledger.domain.programs import Program
from refledger.operations.context import Context
from refledger.store import programs

LOOKS = 6  # at books that keep moving; what is wrong stays wrong
PAUSE_MS = 200
NOW = 0  # instead of a version of a program: the current one, as it was read first
VERSIONS_KEPT = 500  # of programs
VERSIONS_PAGE = 100  # of a program that are read at once
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError)  # what a broken item makes of its reader


@dataclass(frozen=True)
class Fault:
    """`partner_id` and `currency` are "" where a fault belongs to none."""

    partner_id: str
    currency: str
    reason: str


class Firsts:
    """Whose something was first, on disk: memory does not grow with the books."""

    def __init__(self) -> None:
        import sqlite3  # functions that never look at the books do without

        self._database = sqlite3.connect("")  # a file of its own, gone when it is closed
        self._database.execute("CREATE TABLE firsts (kind, id, whose, PRIMARY KEY (kind, id)) WITHOUT ROWID")

    def of(self, kind: str, id: str, whose: str) -> str:
        """Return whose it was first; from now on `whose`, where it was nobody's."""
        self.is_new(kind, id, whose)
        asked = "SELECT whose FROM firsts WHERE kind = ? AND id = ?"
        return str(self._database.execute(asked, (kind, id)).fetchone()[0])

    def is_new(self, kind: str, id: str, whose: str = "") -> bool:
        """Return whether nobody has asked for it before."""
        added = self._database.execute("INSERT OR IGNORE INTO firsts VALUES (?, ?, ?)", (kind, id, whose))
        return added.rowcount == 1


@dataclass
class Checked:
    """How much was read."""

    partners: int = 0
    balances: int = 0
    entries: int = 0
    rewards: int = 0
    payments: int = 0
    withdrawals: int = 0
    referrals: int = 0
    _known: list[Fault] = field(default_factory=list, repr=False)  # what people have anchored: no faults any more
    _place: str = ""
    _owners: Counter[str] = field(default_factory=Counter, repr=False)  # what the owner's accounts come to, by currency
    _held: Counter[str] = field(default_factory=Counter, repr=False)  # what balances hold
    _firsts: Firsts = field(default_factory=Firsts, repr=False)
    _histories: dict[str, tuple[int, list[Program]]] = field(default_factory=dict, repr=False)
    _versions: dict[tuple[str, int], Program | None] = field(default_factory=dict, repr=False)

    @property
    def known(self) -> list[Fault]:
        """Broken hashes that two people have said to be known, by an entry that names them."""
        return self._known

    @property
    def place(self) -> str:
        """Where a walk goes on after what was looked at whole; "" before the first."""
        return self._place

    def version(self, context: Context, program_id: str, number: int) -> Program | None:
        """Return a program as it was in a version, or is NOW, read once. None: it is not there."""
        if (program_id, number) not in self._versions:
            if len(self._versions) >= VERSIONS_KEPT:
                self._versions.clear()
            with suppress(ProgramNotFound):
                self._versions[program_id, number] = (
                    programs.find(context.table, program_id)
                    if number == NOW
                    else programs.version(context.table, program_id, number)
                )
        return self._versions.setdefault((program_id, number), None)

    def history(self, context: Context, program_id: str, at_ms: int) -> list[Program]:
        """Return the versions of a program, newest first, as they were read after a moment."""
        read_at_ms, found = self._histories.get(program_id, (0, []))
        if not found or read_at_ms <= at_ms:
            read_at_ms = context.now_ms()
            found = [version for _, version in programs.versions(context.table, program_id, "", VERSIONS_PAGE)]
            self._histories[program_id] = (read_at_ms, found)
        return found

    def counts(self) -> dict[str, int]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


def looks(context: Context) -> Iterator[int]:
    """Yield one look after another, with a pause between.

    An index may be behind, and books may move while they are read.
    """
    for number in range(LOOKS):
        if number:
            context.pause(PAUSE_MS)
        yield number
