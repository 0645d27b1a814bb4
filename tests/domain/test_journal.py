"""The journal: right books have no fault, and nothing in them can be touched without being named."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.journal import LEGS, Account, Balance, EntryKind, JournalEntry, contents_hash, faults, post, seal

Books = tuple[list[JournalEntry], Balance]
# which is of 0: tests/operations/test_anchoring.py
MOVING = [kind for kind in EntryKind if kind is not EntryKind.ANCHOR]
MOVEMENTS = st.tuples(st.sampled_from(MOVING), st.integers(1, 10**15), st.text(max_size=5), st.integers(-1000, 1000))


@st.composite
def some_books(draw: st.DrawFn, least: int = 0) -> Books:
    """A journal that any sequence of movements leaves, at times that may run backwards."""
    balance, entries, at_ms = Balance("p", "EUR"), [], 10_000
    for kind, amount, reference, later_ms in draw(st.lists(MOVEMENTS, min_size=least, max_size=8)):
        at_ms += later_ms
        balance, entry = post(balance, kind, amount, reference, at_ms)
        entries.append(entry)
    return entries, balance


def named(books: Books, version: int) -> bool:
    """Whether a fault speaks of the entry of that version."""
    return any(fault.startswith(f"entry {version}:") for fault in faults(*books))


@given(some_books())
def test_any_sequence_of_movements_gives_books_without_a_fault(books: Books) -> None:
    """Whatever is posted in whatever order, journal and balance agree."""
    assert list(faults(*books)) == []


@given(some_books())
def test_versions_have_no_gap_and_time_never_runs_back(books: Books) -> None:
    """Entries count 1, 2, 3, …; each names the hash before it and is no earlier than the one before."""
    entries, balance = books
    assert [entry.version for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry.previous for entry in entries] == ["", *(entry.hash for entry in entries)][: len(entries)]
    assert [entry.at_ms for entry in entries] == sorted(entry.at_ms for entry in entries)
    assert balance.version == len(entries)


@given(some_books())
def test_money_is_neither_made_nor_lost(books: Books) -> None:
    """All accounts of all entries sum to nothing: partners hold what rewards, corrections and write-offs gave."""
    entries, balance = books
    given_away = sum(e.amount for e in entries if e.kind in (EntryKind.EARN, EntryKind.CREDIT, EntryKind.WRITE_OFF))
    taken_back = sum(e.amount for e in entries if e.kind in (EntryKind.REVERSE, EntryKind.DEBIT))
    assert balance.available + balance.reserved + balance.paid == given_away - taken_back


CHANGED: dict[str, Any] = {
    "partner_id": "q", "currency": "USD", "amount": 10**16, "reference": "another one", "at_ms": 0,
    "previous": "f" * 64, "first": "0", "last": "0", "contents": "0", "hash": "0" * 64,
}  # fmt: skip


def edited(entry: JournalEntry, name: str) -> JournalEntry:
    """The entry with one field changed to something else."""
    match name:
        case "version":
            return replace(entry, version=entry.version + 100)
        case "kind":
            return replace(entry, kind=EntryKind.EARN if entry.kind is not EntryKind.EARN else EntryKind.REVERSE)
        case "debit" | "credit":
            other: Any = next(a for a in Account if a is not getattr(entry, name))
            return replace(entry, **{name: other})
        case _:
            return replace(entry, **{name: CHANGED[name]})


@given(some_books(least=1), st.data())
def test_any_edit_of_an_entry_is_named(books: Books, data: st.DataObject) -> None:
    """Whichever field of whichever entry is changed, a fault speaks of that entry."""
    entries, balance = books
    place = data.draw(st.integers(0, len(entries) - 1))
    name = data.draw(st.sampled_from([field.name for field in fields(JournalEntry)]))
    entries[place] = edited(entries[place], name)
    assert named((entries, balance), entries[place].version)


@given(some_books(least=1), st.data())
def test_an_edit_that_is_sealed_again_breaks_the_chain(books: Books, data: st.DataObject) -> None:
    """Who computes the hash of an edited entry anew is found by the next entry, or by the balance's head."""
    entries, balance = books
    place = data.draw(st.integers(0, len(entries) - 1))
    forged = replace(entries[place], amount=entries[place].amount + 1)
    entries[place] = replace(forged, hash=seal(forged))
    if place + 1 < len(entries):
        assert named((entries, balance), place + 2)
    assert any(fault.startswith("balance:") for fault in faults(entries, balance))


@given(some_books(least=1), st.data())
def test_a_missing_entry_is_named(books: Books, data: st.DataObject) -> None:
    """Without one entry the next stands at a wrong version; without the last the balance is ahead."""
    entries, balance = books
    place = data.draw(st.integers(0, len(entries) - 1))
    del entries[place]
    if place < len(entries):
        assert named((entries, balance), place + 2)
    else:
        wanted = f"balance: is at version {place + 1}, the journal at {place}"
        assert wanted in list(faults(entries, balance))


@given(some_books(least=2), st.data())
def test_swapped_entries_are_named(books: Books, data: st.DataObject) -> None:
    """Two entries that changed places are both out of their order."""
    entries, balance = books
    a, b = sorted(data.draw(st.lists(st.integers(0, len(entries) - 1), min_size=2, max_size=2, unique=True)))
    entries[a], entries[b] = entries[b], entries[a]
    assert named((entries, balance), a + 1)
    assert named((entries, balance), b + 1)


@given(some_books(least=1), st.data())
def test_an_entry_that_stands_twice_is_named(books: Books, data: st.DataObject) -> None:
    """A copy of an entry is one too many."""
    entries, balance = books
    place = data.draw(st.integers(0, len(entries) - 1))
    entries.insert(place, entries[place])
    assert named((entries, balance), place + 1)


@given(
    some_books(),
    st.sampled_from(["available", "reserved", "paid", "version"]),
    st.integers(-5, 5).filter(bool),
)
def test_any_edit_of_the_balance_is_named(books: Books, name: str, difference: int) -> None:
    """Every amount in the balance, and its version, are those that the journal says."""
    entries, balance = books
    touched = replace(balance, **{name: getattr(balance, name) + difference})
    found = list(faults(entries, touched))
    assert len(found) == 1
    assert found[0].startswith("balance: is at version" if name == "version" else f"balance: {name} is")


@pytest.mark.parametrize("kind", EntryKind)
@pytest.mark.parametrize("amount", [0, -1, -(10**15)])
def test_a_movement_has_a_positive_amount(amount: int, kind: EntryKind) -> None:
    """The kind says where money goes; a sign would say it twice. What came in over a cap is an EARN of nothing, and an
    ANCHOR moves nothing.
    """
    if amount == 0 and kind in (EntryKind.EARN, EntryKind.ANCHOR):
        assert post(Balance("p", "EUR"), kind, amount, "", 0)[0].available == 0
        return
    with pytest.raises(ValueError, match="positive"):
        post(Balance("p", "EUR"), kind, amount, "", 0)


def test_an_entry_with_wrong_legs_is_named_even_when_all_hashes_fit() -> None:
    """A sealed chain that moves money from nowhere allowed is still a fault."""
    forged = JournalEntry("p", "EUR", 1, EntryKind.EARN, Account.PAID, Account.AVAILABLE, 5, "", 0, "")
    forged = replace(forged, hash=seal(forged))
    balance = Balance("p", "EUR", available=5, paid=-5, version=1, head=forged.hash)
    assert list(faults([forged], balance)) == ["entry 1: EARN with wrong legs or amount"]


def test_each_kind_moves_between_its_two_accounts() -> None:
    """The ten movements there are, and the entry that is none, written out."""
    moves = {kind.value: (debit.value, credit.value) for kind, (debit, credit) in LEGS.items()}
    assert moves == {
        "EARN": ("rewards", "available"),
        "REVERSE": ("available", "rewards"),
        "RESERVE": ("available", "reserved"),
        "RELEASE": ("reserved", "available"),
        "SETTLE": ("reserved", "paid"),
        "RETURN": ("paid", "available"),
        "PAY": ("available", "paid"),
        "CREDIT": ("adjustments", "available"),
        "DEBIT": ("available", "adjustments"),
        "WRITE_OFF": ("write_offs", "available"),
        "ANCHOR": ("available", "available"),
    }


def test_unpaid_and_what_an_entry_sums_are_carried_along() -> None:
    """`unpaid` is moved by a difference; the span and hash of the rewards stand in the entry."""
    before = Balance("p", "EUR", unpaid=10)
    after, entry = post(before, EntryKind.EARN, 7, "maturity", 1, unpaid=7, span=("a", "b"), contents="c")
    assert after.unpaid == 17
    assert (entry.first, entry.last, entry.contents) == ("a", "b", "c")


def test_contents_hash_tells_ids_amounts_and_order_apart() -> None:
    """Another id, amount or order is another hash; the same pairs are the same."""
    parts = [("a", 1), ("b", 2)]
    others = [[("a", 1), ("b", 3)], [("a", 1), ("c", 2)], [("b", 2), ("a", 1)], [("a", 1)], []]
    assert contents_hash(parts) == contents_hash(iter(parts))
    assert len({contents_hash(p) for p in [parts, *others]}) == 6


def test_an_anchor_moves_nothing() -> None:
    """Whatever amount it is given is refused."""
    for amount in (1, 10**9):
        with pytest.raises(ValueError, match="positive"):
            post(Balance("p", "EUR"), EntryKind.ANCHOR, amount, "", 0)
