"""A partner's month: what was there at its beginning, every movement, what was there at its end.

It is made of the journal alone, backwards from the balance: a balance less every entry since then is the balance of
then, to the last minor unit. So a statement of a month that is over never changes, whenever it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from refledger.domain.errors import Invalid, NotFound
from refledger.domain.journal import LEGS, Account, Balance, EntryKind, JournalEntry
from refledger.domain.times import MINUTE_MS, day, from_datetime, months_after

MAX_LINES = 1_000  # of one currency; with more movements, those of one kind and day are one line
MAX_ENTRIES = 20_000  # of one currency and month: some ten megabytes that one call reads
LATE_MS = 15 * MINUTE_MS  # an entry may be written so long after its time; then the month is over for good
_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")


class Gap(Exception):
    """Entries are missing from a journal: no statement can be made of it. `verify` says what is wrong."""


@dataclass(frozen=True)
class StatementMonth:
    """A calendar month in UTC: from `from_ms` to just before `until_ms`."""

    year: int
    number: int

    @property
    def from_ms(self) -> int:
        return from_datetime(datetime(self.year, self.number, 1, tzinfo=UTC))

    @property
    def until_ms(self) -> int:
        return months_after(self.from_ms, 1)

    @property
    def closed_ms(self) -> int:
        """When it is over for good: nothing is written into it any more."""
        return self.until_ms + LATE_MS

    def __str__(self) -> str:
        return f"{self.year}-{self.number:02d}"


def month(text: str, now_ms: int) -> StatementMonth:
    """Parse a month as `2026-11`.

    Raises NotFound for what is no month, and for one that has not begun.
    """
    found = _MONTH.fullmatch(text)
    if not found:
        raise NotFound("a month is written as 2026-11")
    made = StatementMonth(int(found[1]), int(found[2]))
    if made.from_ms > now_ms:
        raise NotFound("this month has not begun")
    return made


def check_closed(text: str, now_ms: int) -> None:
    """Raise Invalid for a month that is not closed: its figures would be others tomorrow."""
    if StatementMonth(int(text[:4]), int(text[5:])).closed_ms > now_ms:
        raise Invalid("filters.month: this month is not closed yet")


@dataclass(frozen=True)
class Holdings:
    """The three accounts of a partner and currency, or a change of them, in minor units."""

    available: int = 0
    reserved: int = 0
    paid: int = 0

    def __add__(self, other: Holdings) -> Holdings:
        return Holdings(
            self.available + other.available, self.reserved + other.reserved, self.paid + other.paid
        )  # fmt: skip

    def __sub__(self, other: Holdings) -> Holdings:
        return self + Holdings(-other.available, -other.reserved, -other.paid)


@dataclass(frozen=True)
class Movement:
    """One entry; or `count` of one kind and day, the last of them at `at_ms`. `after`: what there is with it. `first`,
    `last`: ids of the first and last of the rewards that one entry sums, in the order of their due times.
    `transaction`: the bank's or provider's reference of a payout.
    """

    at_ms: int
    kind: EntryKind
    reference: str
    count: int
    change: Holdings
    after: Holdings
    first: str = ""
    last: str = ""
    transaction: str = ""


@dataclass(frozen=True)
class AccountStatement:
    """One currency. `version`: of the last entry up to the end of the month; `hash`: of the month's last entry, which
    ties the statement to the journal and to the manifests; "" where there is none.
    """

    currency: str
    opening: Holdings
    closing: Holdings
    movements: tuple[Movement, ...] = ()
    totals: dict[EntryKind, tuple[int, int]] = field(default_factory=dict)  # how many, how much
    version: int = 0
    hash: str = ""

    @property
    def is_empty(self) -> bool:
        return not self.movements and self.opening == self.closing == Holdings()


def effect(entry: JournalEntry) -> Holdings:
    """Return what an entry changes on the partner's side, in minor units."""
    debit, credit = LEGS[entry.kind]
    sides = dict.fromkeys(Account, 0)
    sides[debit] -= entry.amount
    sides[credit] += entry.amount
    return Holdings(sides[Account.AVAILABLE], sides[Account.RESERVED], sides[Account.PAID])


def account(balance: Balance, since: Iterable[JournalEntry], until_ms: int) -> AccountStatement:
    """Make the statement of one currency up to `until_ms`.

    `since`: all entries from the beginning of the month on. Entries that are younger than the balance are left out.

    Raises Gap where one is missing.
    """
    within: list[JournalEntry] = []
    later = Holdings()
    count, first = 0, balance.version + 1
    for entry in since:
        if entry.version > balance.version:
            break
        first, count = min(first, entry.version), count + 1
        if entry.at_ms < until_ms:
            within.append(entry)
        else:
            later += effect(entry)
    if first + count != balance.version + 1:
        raise Gap(f"{count} entries from version {first} on, and the balance is at {balance.version}")
    closing = Holdings(balance.available, balance.reserved, balance.paid) - later
    opening = closing
    totals: dict[EntryKind, tuple[int, int]] = {}
    for entry in within:
        opening -= effect(entry)
        number, amount = totals.get(entry.kind, (0, 0))
        totals[entry.kind] = number + 1, amount + entry.amount
    last = within[-1] if within else None
    return AccountStatement(
        balance.currency, opening, closing, tuple(_lines(opening, within)), totals,
        last.version if last else first - 1, last.hash if last else "",
    )  # fmt: skip


def _lines(opening: Holdings, entries: list[JournalEntry]) -> Iterator[Movement]:
    """A line for each entry; of too many, one for each day and kind."""
    lines: dict[tuple[object, ...], Movement] = {}
    for entry in entries:
        key = (day(entry.at_ms), entry.kind) if len(entries) > MAX_LINES else (entry.version,)
        first, last = (entry.partner_id + each if each else "" for each in (entry.first, entry.last))
        line = Movement(entry.at_ms, entry.kind, entry.reference, 1, effect(entry), opening, first, last)
        if one := lines.get(key):
            change = one.change + line.change
            line = replace(line, reference="", count=one.count + 1, change=change, first="", last="")
        lines[key] = line
    after = opening
    for line in lines.values():
        after += line.change
        yield replace(line, after=after)
