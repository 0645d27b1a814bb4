"""The daily manifest: complete, written once whatever happens, and right; what was changed since is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refledger.domain import manifest
from refledger.domain.journal import Balance, JournalEntry, seal
from refledger.domain.manifest import INDEX, SIGNATURE, Damaged, ManifestRow, part_name, read_index, read_part
from refledger.domain.times import MINUTE_MS
from refledger.operations.proof import attestation, manifests
from refledger.operations.proof.book_checks import Checked, Fault
from refledger.operations.proof.manifests import ManifestOutcome
from refledger.operations.proof.verification import verify
from refledger.store import keys, ledger
from refledger.store.transaction import Item, delete, put
from tests.support import dynamodb
from tests.support.books import Books
from tests.support.manifests import Drawer, Pen

DAY = "2026-11-21"
NAMES = ("ann", "ben", "cat", "dan", "eve")


def write(books: Books, drawer: Drawer, pen: Pen, go_on: Callable[[], bool] = lambda: True) -> ManifestOutcome:
    return manifests.write(books.context, drawer, pen, DAY, go_on)


def with_history(books: Books) -> Books:
    """Five partners, four of whom have a balance, with several entries each."""
    books.program(tier_rates_bps=(2000, 1000))
    books.chain(*NAMES)
    books.partner("eve")  # refers nobody
    for number in range(4):
        for name in NAMES[1:]:
            books.clock.forward(MINUTE_MS)
            books.earn(name, f"{name} {number}", 10_000 + number)
    for number in range(2):
        books.withdraw("ben", 1500 + number, f"w{number}")
    return books


@pytest.fixture
def books(books: Books) -> Books:
    return with_history(books)


def rows(drawer: Drawer, pen: Pen) -> list[ManifestRow]:
    return list(attestation.rows_of(drawer, pen, DAY))


def balances(books: Books) -> list[Balance]:
    return [balance for name in NAMES for balance in ledger.balances(books.table, books.partner(name).id)]


def wanted(books: Books) -> set[tuple[str, str, int, str]]:
    return {(b.partner_id, b.currency, b.version, b.head) for b in balances(books)}


def told(found: list[ManifestRow]) -> set[tuple[str, str, int, str]]:
    assert len({(row.partner_id, row.currency) for row in found}) == len(found), "each balance once"
    return {(row.partner_id, row.currency, row.version, row.head) for row in found}


# ---------------------------------------------------------------- written


def test_every_balance_is_in_it(books: Books) -> None:
    """One row for each balance, with the version and hash of its last entry; then there is nothing left to do."""
    drawer, pen = Drawer(), Pen()
    assert write(books, drawer, pen) is ManifestOutcome.WRITTEN
    assert set(drawer.there) == {part_name(1), INDEX, SIGNATURE}
    assert told(rows(drawer, pen)) == wanted(books)
    assert len(wanted(books)) == 4
    before = dict(drawer.there)
    assert write(books, drawer, pen) is ManifestOutcome.COMPLETE
    assert drawer.there == before
    assert read_index(drawer.there[INDEX]).table == books.table_name


def test_without_partners_it_is_empty_and_signed(dynamodb_endpoint: str) -> None:
    """A deployment in which nothing happened yet has a manifest too."""
    books, drawer, pen = Books(dynamodb.new_database(dynamodb_endpoint)), Drawer(), Pen()
    assert write(books, drawer, pen) is ManifestOutcome.WRITTEN
    assert rows(drawer, pen) == []


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_parts_hold_so_many_rows(books: Books, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """However the rows are cut into parts, each balance is in one of them."""
    monkeypatch.setattr(manifests, "ROWS_LIMIT", size)
    monkeypatch.setattr(manifests, "PAGE", 2)
    drawer, pen = Drawer(), Pen()
    write(books, drawer, pen)
    parts = read_index(drawer.there[INDEX]).parts
    assert max(part.rows for part in parts) <= size
    assert told(rows(drawer, pen)) == wanted(books)


def test_where_time_is_up_the_next_call_goes_on(books: Books) -> None:
    """A call with time for one partner writes a part with one; the last one signs."""
    drawer, pen, outcomes = Drawer(), Pen(), []
    for _ in range(10):
        time = iter([True])
        outcomes.append(write(books, drawer, pen, lambda time=time: next(time, False)))  # type: ignore[misc]
        if outcomes[-1] is ManifestOutcome.WRITTEN:
            break
    assert outcomes == [ManifestOutcome.UNFINISHED] * 4 + [ManifestOutcome.WRITTEN]
    assert len(read_index(drawer.there[INDEX]).parts) == 5
    assert told(rows(drawer, pen)) == wanted(books)


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("name", [part_name(1), part_name(3), INDEX, SIGNATURE])
def test_wherever_it_dies_the_next_call_finishes(
    books: Books, monkeypatch: pytest.MonkeyPatch, name: str, done: bool
) -> None:
    """Before or after each put: no row twice, none missing, and what is there stays as it is."""
    monkeypatch.setattr(manifests, "ROWS_LIMIT", 1)
    drawer, pen = Drawer(), Pen()

    def die(about: str) -> None:
        if about == name:
            raise TimeoutError

    if done:
        drawer.after = die
    else:
        drawer.before = die
    with pytest.raises(TimeoutError):
        write(books, drawer, pen)
    left = dict(drawer.there)
    drawer.before = drawer.after = lambda _: None
    books.earn("eve", "meanwhile", 10_000)
    assert write(books, drawer, pen) is (
        ManifestOutcome.COMPLETE if (name, done) == (SIGNATURE, True) else ManifestOutcome.WRITTEN
    )
    assert {n: drawer.there[n] for n in left} == left
    found = rows(drawer, pen)
    assert {row.partner_id for row in found} == {balance.partner_id for balance in balances(books)}
    assert list(attestation.check(books.context, found, Checked())) == []


@pytest.mark.parametrize("name", [part_name(1), INDEX, SIGNATURE])
def test_two_at_once_write_one(books: Books, name: str) -> None:
    """Whoever comes second to a name leaves it to the other."""
    drawer, pen = Drawer(), Pen()

    def meanwhile(about: str) -> None:
        if about == name:
            drawer.before = lambda _: None
            assert write(books, drawer, pen) is ManifestOutcome.WRITTEN

    drawer.before = meanwhile
    assert write(books, drawer, pen) is ManifestOutcome.ELSEWHERE
    assert told(rows(drawer, pen)) == wanted(books)


def test_a_partner_who_comes_meanwhile_is_in_it(books: Books) -> None:
    """The list is walked from the oldest on: new partners are at its end."""
    drawer, pen, time = Drawer(), Pen(), iter([True])
    assert write(books, drawer, pen, lambda: next(time, False)) is ManifestOutcome.UNFINISHED
    books.clock.forward(MINUTE_MS)
    books.apply("fay", "eve")
    books.earn("fay", "new", 10_000)
    write(books, drawer, pen)
    assert books.partner("eve").id in {row.partner_id for row in rows(drawer, pen)}


# ---------------------------------------------------------------- believed


def test_a_manifest_that_another_key_signed_is_not_believed(books: Books) -> None:
    """Nor one whose index was changed after it was signed."""
    drawer, pen = Drawer(), Pen()
    write(books, drawer, pen)
    with pytest.raises(Damaged, match="signature"):
        list(attestation.rows_of(drawer, Pen(), DAY))
    drawer.there[INDEX] = drawer.there[INDEX].replace(b'"rows":4', b'"rows":5', 1)
    with pytest.raises(Damaged, match="signature"):
        rows(drawer, pen)


def test_a_part_that_was_changed_or_is_gone_is_noticed(books: Books) -> None:
    """The index holds every part by its hash."""
    drawer, pen = Drawer(), Pen()
    write(books, drawer, pen)
    whole = drawer.there[part_name(1)]
    drawer.there[part_name(1)] = whole.replace(b'"version":', b'"version":1', 1)
    with pytest.raises(Damaged, match=r"part-00001\.jsonl is not the one"):
        rows(drawer, pen)
    del drawer.there[part_name(1)]
    with pytest.raises(Damaged, match=r"part-00001\.jsonl is not there"):
        rows(drawer, pen)


def test_another_days_manifest_is_not_this_ones(books: Books) -> None:
    """A signed index that was put under another day's name says which day it is of."""
    drawer, pen = Drawer(), Pen()
    write(books, drawer, pen)
    with pytest.raises(Damaged, match=f"that of {DAY}"):
        list(attestation.rows_of(drawer, pen, "2026-11-22"))
    assert len(list(attestation.rows_of(drawer, pen, None))) == 4


@given(st.binary(max_size=60) | st.sampled_from([b"[]", b"{}", b'{"table":1}', b'{"through":""}\n', b"null\n"]))
def test_what_is_no_manifest_is_said_to_be_none(text: bytes) -> None:
    """Whatever the bytes: Damaged, and nothing else."""
    with pytest.raises(Damaged):
        read_part(text)
    with pytest.raises(Damaged):
        read_index(text)


@given(
    st.lists(st.builds(ManifestRow, st.text(), st.text(), st.integers(1), st.text(), st.integers(0)), max_size=5),
    st.text(),
)
def test_a_part_is_read_as_it_was_written(given_rows: list[ManifestRow], through: str) -> None:
    """Nothing in a row can run into its neighbours."""
    part = manifest.Part(tuple(given_rows), through, is_last=True)
    assert read_part(part.text()) == part


# ---------------------------------------------------------------- held against the table


@pytest.fixture(scope="module")
def signed(dynamodb_endpoint: str) -> tuple[Books, list[ManifestRow]]:
    """Books with a manifest, and entries since; for tests that put back what they change."""
    books = with_history(Books(dynamodb.new_database(dynamodb_endpoint)))
    drawer, pen = Drawer(), Pen()
    write(books, drawer, pen)
    books.earn("eve", "since", 10_000)
    books.withdraw("ben", 1600, "since")
    return books, rows(drawer, pen)


@contextmanager
def changed(books: Books, *partitions: tuple[str, str]) -> Iterator[None]:
    """The items of (partition, sort key or "" for all) are as before when the block ends."""
    before: dict[tuple[str, str], Item] = {}
    for pk, sk in partitions:
        before |= {
            (item["pk"], item["sk"]): item for item in books.table.query(pk, sk or keys.LOWEST, sk or keys.HIGHEST)
        }
    try:
        yield
    finally:
        for pk, sk in partitions:
            for item in books.table.query(pk, sk or keys.LOWEST, sk or keys.HIGHEST):
                if (item["pk"], item["sk"]) not in before:
                    books.table.commit(delete("restored", {"pk": item["pk"], "sk": item["sk"]}, ""))
        for item in before.values():
            books.table.commit(put("restored", item, condition=""))


def chain_of(row: ManifestRow) -> tuple[tuple[str, str], tuple[str, str]]:
    """Where a journal and its balance are."""
    balance = keys.balance(row.partner_id, row.currency)
    return (keys.journal(row.partner_id, row.currency), ""), (balance["pk"], balance["sk"])


def store(books: Books, entry: JournalEntry) -> None:
    """An entry, written as it is and not as operations would."""
    books.table.commit(put("a forgery", {
        **keys.entry(entry.partner_id, entry.currency, entry.at_ms, entry.version), "ver": entry.version,
        "kind": entry.kind.value, "debit": entry.debit.value, "credit": entry.credit.value, "amount": entry.amount,
        "ref": entry.reference, "at": entry.at_ms, "prev": entry.previous, "first": entry.first, "last": entry.last,
        "refs": entry.contents, "hash": entry.hash,
    }, condition=""))  # fmt: skip


def rewrite(books: Books, entries: list[JournalEntry], balance: Balance) -> None:
    """A chain of these entries that is right in itself, from the first version on, and a balance that fits it."""
    for item in list(books.table.query(keys.journal(balance.partner_id, balance.currency))):
        books.table.commit(delete("a forgery", {"pk": item["pk"], "sk": item["sk"]}, ""))
    previous, at_ms = "", 0
    sums = dict.fromkeys(("available", "reserved", "paid"), 0)
    for version, entry in enumerate(entries, start=1):
        at_ms = max(at_ms, entry.at_ms)
        forged = replace(entry, version=version, previous=previous, at_ms=at_ms, hash="")
        forged = replace(forged, hash=seal(forged))
        store(books, forged)
        for account, sign in ((entry.debit.value, -1), (entry.credit.value, 1)):
            if account in sums:
                sums[account] += sign * entry.amount
        previous = forged.hash
    stored = books.table.get(keys.balance(balance.partner_id, balance.currency))
    assert stored
    fitting = {**stored, **sums, "ver": len(entries), "head": previous, "at": at_ms}
    books.table.commit(put("a forgery", fitting, condition=""))


def everything(books: Books, found: list[ManifestRow]) -> list[Fault]:
    """What `refledger verify --manifest` finds."""
    checked = Checked()
    return [*verify(books.context, checked), *attestation.check(books.context, found, checked)]


def test_right_books_are_those_of_the_manifest(signed: tuple[Books, list[ManifestRow]]) -> None:
    """What was booked since changes nothing of what the manifest saw."""
    assert everything(*signed) == []


EDITS = st.one_of(
    st.tuples(st.just("edit"), st.integers(0, 99), st.sampled_from(["amount", "reference", "at_ms", "contents"])),
    st.tuples(st.just("delete"), st.integers(0, 99), st.just("")),
    st.tuples(st.just("swap"), st.integers(0, 99), st.just("")),
)


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(who=st.sampled_from(NAMES[:4]), edit=EDITS, covered=st.booleans())
def test_any_edit_deletion_or_swap_of_an_entry_is_named(
    signed: tuple[Books, list[ManifestRow]], who: str, edit: tuple[str, int, str], covered: bool
) -> None:
    """Of an entry that the manifest covers: with partner, currency and entry. Also where whoever did it computed the
    chain anew, and the balance (`covered`): then the entry that the manifest holds is named.
    """
    books, found = signed
    kind, place, field = edit
    (row,) = [row for row in found if row.partner_id == books.partner(who).id]
    balance = ledger.find_balance(books.table, row.partner_id, row.currency)
    entries = books.entries(who)
    at = place % row.version
    forged = list(entries)
    if kind == "edit":
        old = getattr(forged[at], field)
        change: dict[str, Any] = {field: old + 1 if isinstance(old, int) else old + "x"}
        forged[at] = replace(forged[at], **change)
    elif kind == "delete":
        del forged[at]
    else:
        at = min(at, row.version - 2)
        forged[at], forged[at + 1] = forged[at + 1], forged[at]
    with changed(books, *chain_of(row)):
        if covered:
            rewrite(books, forged, balance)
        else:
            for item in list(books.table.query(keys.journal(row.partner_id, row.currency))):
                books.table.commit(delete("a forgery", {"pk": item["pk"], "sk": item["sk"]}, ""))
            for version, entry in enumerate(forged, start=1) if kind == "swap" else ((e.version, e) for e in forged):
                store(books, replace(entry, version=version))
        told_now = everything(books, found)
    mine = {fault.reason.split(":")[0] for fault in told_now if fault.partner_id == row.partner_id}
    assert {fault.currency for fault in told_now if fault.reason.startswith("entry ")} == {row.currency}
    if covered:
        assert f"entry {row.version}" in mine
    else:
        assert mine & {f"entry {at + 1}", f"entry {at + 2}"}
    assert everything(books, found) == [], "put back"


def test_a_journal_that_was_rolled_back_is_named(signed: tuple[Books, list[ManifestRow]]) -> None:
    """The last entries and the balance as they were before: a chain that is right, and ends too early."""
    books, found = signed
    row = next(row for row in found if row.partner_id == books.partner("ben").id)
    balance = ledger.find_balance(books.table, row.partner_id, row.currency)
    with changed(books, *chain_of(row)):
        rewrite(books, books.entries("ben")[: row.version - 1], balance)
        reasons = [fault.reason for fault in attestation.check(books.context, found, Checked())]
    assert [reason.split(",")[0] for reason in reasons] == [
        f"entry {row.version}: is not there", f"balance: is at version {row.version - 1}",
    ]  # fmt: skip


def test_a_partner_who_was_taken_off_the_list_is_named_and_verified(signed: tuple[Books, list[ManifestRow]]) -> None:
    """By the manifest, which still knows them, whatever they earned; and by a walk, where a payment leads to them."""
    books, found = signed
    id = books.partner("cat").id
    partner = keys.partner(id)
    entry = keys.entry(id, "USD", books.entries("cat")[0].at_ms, 1)
    with changed(books, (partner["pk"], partner["sk"]), (entry["pk"], entry["sk"])):
        item, first = books.table.get(partner), books.table.get(entry)
        assert item
        assert first
        for name in ("listed_in", "listed_at"):
            del item[name]
        books.table.commit(put("hidden", item, condition=""))
        books.table.commit(put("an edit", {**first, "amount": first["amount"] + 1}, condition=""))
        walked = [fault.reason for fault in verify(books.context, Checked()) if fault.partner_id == id]
        reasons = [
            fault.reason for fault in attestation.check(books.context, found, Checked()) if fault.partner_id == id
        ]
    for named in (reasons, walked):
        assert any("not in the list of partners" in reason for reason in named)
        assert "entry 1: its hash is not that of its contents" in named


def test_a_balance_that_is_gone_is_named(signed: tuple[Books, list[ManifestRow]]) -> None:
    """With the balance taken away, and the journal left."""
    books, found = signed
    key = keys.balance(books.partner("cat").id, "USD")
    with changed(books, (key["pk"], key["sk"])):
        books.table.commit(delete("gone", key, ""))
        reasons = [fault.reason for fault in attestation.check(books.context, found, Checked())]
    assert len(reasons) == 1
    assert reasons[0].startswith("balance: is at version 0")
