"""A statement's figures are those of the journal, to the last minor unit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain import statements
from refledger.domain.errors import NotFound
from refledger.domain.journal import LEGS, Balance, EntryKind, JournalEntry, post
from refledger.domain.statements import Gap, Holdings, StatementMonth, account, effect
from refledger.domain.times import DAY_MS

NOVEMBER = StatementMonth(2026, 11)
START, END = NOVEMBER.from_ms, NOVEMBER.until_ms
Told = list[tuple[EntryKind, int, int]]  # kind, amount, milliseconds after October began
KINDS = st.sampled_from(sorted(kind for kind in LEGS if kind is not EntryKind.ANCHOR))  # an anchor has no amount
OCTOBER = StatementMonth(2026, 10).from_ms
TOLD = st.lists(st.tuples(KINDS, st.integers(1, 10**12), st.integers(0, 92 * DAY_MS - 1)), max_size=40)


def journal(told: Told) -> tuple[Balance, list[JournalEntry]]:
    """The balance and all entries, in the order of their times."""
    balance, entries = Balance("p" * 16, "USD"), []
    for kind, amount, after in sorted(told, key=lambda each: each[2]):
        balance, entry = post(balance, kind, amount, f"of {after}", OCTOBER + after)
        entries.append(entry)
    return balance, entries


def since(entries: list[JournalEntry], at_ms: int) -> list[JournalEntry]:
    return [entry for entry in entries if entry.at_ms >= at_ms]


@given(TOLD)
def test_a_statement_is_what_the_journal_says(told: Told) -> None:
    """Opening is the sum of all entries before, closing of all up to the end, counted forwards from nothing."""
    balance, entries = journal(told)
    made = account(balance, since(entries, START), END)
    before = [effect(entry) for entry in entries if entry.at_ms < START]
    until = [effect(entry) for entry in entries if entry.at_ms < END]
    assert made.opening == sum(before, Holdings())
    assert made.closing == sum(until, Holdings())
    assert [(each.reference, each.count) for each in made.movements] == [
        (entry.reference, 1) for entry in entries if START <= entry.at_ms < END
    ]
    after = made.opening
    for each in made.movements:
        after += each.change
        assert each.after == after
    assert after == made.closing
    assert sum(count for count, _ in made.totals.values()) == len(made.movements)


@given(TOLD)
def test_one_month_begins_as_the_one_before_ended(told: Told) -> None:
    """Closing is the next opening, month after month, and the first one begins with nothing."""
    balance, entries = journal(told)
    months = [StatementMonth(2026, 10), NOVEMBER, StatementMonth(2026, 12)]
    made = [account(balance, since(entries, month.from_ms), month.until_ms) for month in months]
    assert made[0].opening == Holdings()
    assert [each.closing for each in made[:2]] == [each.opening for each in made[1:]]
    assert made[2].closing == Holdings(balance.available, balance.reserved, balance.paid)
    assert made[2].version == balance.version


@given(TOLD, TOLD)
def test_what_is_booked_later_changes_no_month_that_is_over(told: Told, more: Told) -> None:
    """A statement of a closed month is the same whenever it is made, and leaves out what the balance does not hold."""
    balance, entries = journal(told)
    first = account(balance, since(entries, START), END)
    later, all_entries = balance, list(entries)
    for kind, amount, after in more:
        later, entry = post(later, kind, amount, "later", END + after)
        all_entries.append(entry)
    end = max(END, balance.at_ms + 1)
    again = account(later, since(all_entries, START), END)
    if end == END:
        assert again == first
    assert account(balance, since(all_entries, START), END) == first


def test_many_movements_become_one_line_for_each_day_and_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much happens, a statement stays short; its sums are the same, and each line leads to the next."""
    monkeypatch.setattr(statements, "MAX_LINES", 5)
    told: Told = [(EntryKind.EARN, 10, 40 * DAY_MS + n) for n in range(4)] + [(EntryKind.REVERSE, 3, 40 * DAY_MS + 2)]
    told += [(EntryKind.EARN, 1, 41 * DAY_MS)]
    balance, entries = journal(told)
    made = account(balance, since(entries, START), END)
    shown = [(each.kind, each.count, each.change.available, each.reference) for each in made.movements]
    assert shown == [
        (EntryKind.EARN, 4, 40, ""),
        (EntryKind.REVERSE, 1, -3, "of 3456000002"),
        (EntryKind.EARN, 1, 1, "of 3542400000"),
    ]
    assert [each.after.available for each in made.movements] == [40, 37, 38]
    assert made.totals == {EntryKind.EARN: (5, 41), EntryKind.REVERSE: (1, 3)}


def test_no_statement_is_made_of_a_journal_that_misses_an_entry() -> None:
    """A wrong figure on paper is worse than none."""
    balance, entries = journal([(EntryKind.EARN, 10, 40 * DAY_MS + n) for n in range(5)])
    for missing in range(1, 5):
        with pytest.raises(Gap):
            account(balance, since(entries[:missing] + entries[missing + 1 :], START), END)
    with pytest.raises(Gap):
        account(replace(balance, version=9), since(entries, START), END)


def test_months() -> None:
    """From midnight UTC to midnight UTC; the one that runs now is one, the next one is not yet."""
    assert (END - START, NOVEMBER.until_ms) == (30 * DAY_MS, StatementMonth(2026, 12).from_ms)
    assert StatementMonth(2028, 2).until_ms - StatementMonth(2028, 2).from_ms == 29 * DAY_MS
    assert StatementMonth(2026, 12).until_ms == StatementMonth(2027, 1).from_ms
    assert statements.month("2026-11", START) == NOVEMBER
    wrong = ("2026-12", "2026-13", "2026-00", "2026-1", "202611", "1999-11", "2026-11-01", "", "2026-\uff11\uff11")
    for text in wrong:
        with pytest.raises(NotFound, match="month"):
            statements.month(text, START)
