"""A journal that was tampered with goes on: two people name what is broken, nothing else is excused, nothing moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from refledger.domain.adjustments import Adjustment, AdjustmentKind, AdjustmentRequest, AdjustmentStatus
from refledger.domain.errors import CurrencyNotTaken, Invalid, OwnAdjustment, SecondPersonNeeded
from refledger.domain.journal import EntryKind, JournalEntry, chain, post, seal
from refledger.domain.manifest import ManifestRow
from refledger.operations import adjustments
from refledger.operations.proof import attestation
from refledger.operations.proof.book_checks import Checked
from refledger.operations.proof.partner_checks import verify_partner
from refledger.store import keys, ledger
from refledger.store.attributes import pack, unpack
from tests.support.books import Books

WHY = "entries 1 and 2 were rewritten on the 21st; put back from the backup of the 20th, and equal to its manifest"
LIMIT = 2_000


@pytest.fixture
def books(books: Books) -> Books:
    """Bob has 50.00 and 30.00."""
    books.program(adjustment_limit=LIMIT)
    for amount in (5_000, 3_000):
        books.grant("bob", amount)
        books.mature("bob")
    return books


def items(books: Books) -> list[dict[str, Any]]:
    """Bob's journal, as it stands in the table."""
    found = books.client.query(
        TableName=books.table_name, KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": {"S": keys.journal(books.partner("bob").id, "USD")}},
    )  # fmt: skip
    return [dict(item) for item in found["Items"]]


def put(books: Books, *written: dict[str, Any]) -> None:
    for item in written:
        books.client.put_item(TableName=books.table_name, Item=item)


def change(books: Books, version: int, **attributes: Any) -> None:
    """Somebody edits an entry past the system."""
    (item,) = [each for each in items(books) if each["ver"] == {"N": str(version)}]
    put(books, item | pack(attributes))


def set_balance(books: Books, **attributes: Any) -> None:
    key = keys.balance(books.partner("bob").id, "USD")
    item = books.client.get_item(TableName=books.table_name, Key=pack(dict(key)), ConsistentRead=True)["Item"]
    put(books, item | pack(attributes))


def rewrite(books: Books) -> list[dict[str, Any]]:
    """Compute the chain anew from the first entry on, the balance's head as well; returns what was there."""
    was, previous = items(books), ""
    for item, entry in zip(was, books.entries("bob"), strict=True):
        forged = replace(entry, at_ms=entry.at_ms + 1, previous=previous)
        previous = seal(forged)
        put(books, item | pack({"at": forged.at_ms, "prev": forged.previous, "hash": previous}))
    set_balance(books, head=previous)
    return was


def found(books: Books) -> tuple[list[str], list[str]]:
    """(faults, what is known)."""
    checked = Checked()
    faults = [fault.reason for fault in verify_partner(books.context, books.partner("bob").id, checked)]
    return faults, [fault.reason for fault in checked.known]


def ask(books: Books, entries: int, *, of: str | None = None, by: str = "ann", **changes: Any) -> Adjustment:
    partner_id = books.partner("bob").id
    named = of or chain(books.entries("bob")[:entries])
    asked = AdjustmentRequest(**{
        "partner_id": partner_id, "currency": "USD", "amount": 0, "kind": AdjustmentKind.ANCHOR, "reason": WHY,
        "entries": entries, "chain": named, **changes,
    })  # fmt: skip
    return adjustments.request(books.context, asked, books.user(by), "route", None, f"{asked}")


def anchor(books: Books, entries: int, *, of: str | None = None) -> Adjustment:
    """One person asks for it, another one posts it."""
    made = ask(books, entries, of=of)
    return adjustments.approve(books.context, made.id, books.user("eve"), "r", "seen the manifest")


def tampered(books: Books) -> None:
    """The chain is rewritten, something is booked onto it, and then the entries are put back as they were."""
    was = rewrite(books)
    asked = AdjustmentRequest(books.partner("bob").id, "USD", 100, AdjustmentKind.ADJUSTMENT, "goodwill")
    adjustments.request(books.context, asked, books.user("ann"), "route", None, "body")
    put(books, *was)


FOREVER = "entry 3: does not follow the hash of the entry before it"


def test_what_was_put_back_is_red_until_it_is_anchored(books: Books) -> None:
    """The third entry hangs on a hash that is gone: no edit heals that. The anchor does, and the books go on."""
    tampered(books)
    assert found(books) == ([FOREVER], [])
    before = books.balance("bob")
    made = anchor(books, 3)
    assert (made.status, made.entry) == (AdjustmentStatus.POSTED, 4)
    assert found(books) == ([], [FOREVER])
    assert books.balance("bob") == before, "no money moved"
    books.grant("bob", 700)
    books.mature("bob")
    books.pay_out("bob", 1_000)
    assert found(books) == ([], [FOREVER])


EDITS: dict[str, Callable[[Books], object]] = {
    "an amount": lambda books: change(books, 2, amount=3_001),
    "a time, and its hash": lambda books: rewrite_one(books, 2),
    "what stands behind the anchor": lambda books: change(books, 4, ref="another"),
    "an entry that is taken away": lambda books: books.client.delete_item(
        TableName=books.table_name, Key={name: items(books)[0][name] for name in ("pk", "sk")}
    ),
    "the balance": lambda books: set_balance(books, available=1_000_000),
    "the balance's head": lambda books: set_balance(books, head="0" * 64),
}


def rewrite_one(books: Books, version: int) -> None:
    entry = replace(books.entries("bob")[version - 1], at_ms=7)
    change(books, version, at=7, hash=seal(entry))


@pytest.mark.parametrize("name", EDITS)
def test_new_tampering_rings(books: Books, name: str) -> None:
    """Also with what the anchor names: it is known as it stood, and in no other way."""
    tampered(books)
    anchor(books, 3)
    assert not found(books)[0]
    EDITS[name](books)
    assert found(books)[0]


def test_an_edit_before_the_anchor_takes_the_excuse_away(books: Books) -> None:
    """All that was known rings again, with what is new; a second anchor names both, and the first is history."""
    tampered(books)
    anchor(books, 3)
    change(books, 1, hash="f" * 64)
    faults, known = found(books)
    assert known == []
    assert {FOREVER, "entry 4: anchors entries that are not as they stand now"} < set(faults)
    anchor(books, 4)
    faults, known = found(books)
    assert faults == []
    assert {FOREVER, "entry 1: its hash is not that of its contents"} <= set(known)


@pytest.mark.parametrize(
    "edit",
    [
        lambda books: change(books, 2, amount=9_000),
        lambda books: set_balance(books, available=1_000_000),
        lambda books: set_balance(books, reserved=5),
    ],
)
def test_money_is_never_excused(books: Books, edit: Callable[[Books], None]) -> None:
    """Two people anchor a journal, or a balance, that somebody has made richer: the figures ring as before."""
    edit(books)
    before = {fault for fault in found(books)[0] if "hash" not in fault}
    assert before
    balance = books.balance("bob")
    anchor(books, 2)
    assert before <= set(found(books)[0])
    assert books.balance("bob") == balance, "nor is anything moved"


def test_it_always_takes_two(books: Books) -> None:
    """Whatever the limits: who asked does not post it, nor does the partner ask or post."""
    books.change_program(adjustment_limit=None)
    tampered(books)
    made = ask(books, 3)
    assert made.status is AdjustmentStatus.WAITING
    assert len(books.entries("bob")) == 3
    with pytest.raises(SecondPersonNeeded):
        adjustments.approve(books.context, made.id, books.user("ann"), "r", "I say so")
    with pytest.raises(OwnAdjustment):
        ask(books, 3, by="bob")
    with pytest.raises(OwnAdjustment):
        adjustments.approve(books.context, made.id, books.user("bob"), "r", "mine")
    assert found(books) == ([FOREVER], [])
    adjustments.reject(books.context, made.id, books.user("eve"), "r", "not yet")
    assert found(books) == ([FOREVER], [])


def test_one_that_names_another_chain_heals_nothing(books: Books) -> None:
    """A wrong digest, by mistake or on purpose, rings by itself; the right one afterwards ends that, too."""
    tampered(books)
    anchor(books, 3, of="0" * 64)
    assert set(found(books)[0]) == {FOREVER, "entry 4: anchors entries that are not as they stand now"}
    anchor(books, 4)
    assert found(books) == ([], [FOREVER])


def test_one_that_came_before_hides_nothing(books: Books) -> None:
    """An insider has a journal anchored that is right, and edits it then."""
    anchor(books, 2)
    assert found(books) == ([], [])
    rewrite_one(books, 1)
    assert "entry 3: anchors entries that are not as they stand now" in found(books)[0]


def forge(books: Books, reference: str, entries: int) -> JournalEntry:
    """An anchor that is written past the system, with all its hashes right."""
    named = chain(books.entries("bob")[:entries])
    old = ledger.find_balance(books.table, books.partner("bob").id, "USD")
    new, entry = post(old, EntryKind.ANCHOR, 0, reference, books.clock(), span=("", f"{entries}"), contents=named)
    books.table.commit(*ledger.post(old, new, entry))
    return entry


def test_nobody_anchors_past_the_two(books: Books) -> None:
    """An entry of nobody's; one that names an adjustment that waits, or one of another kind."""
    tampered(books)
    forge(books, "nobody", 3)
    assert {FOREVER, "entry 4: an anchor that no two people agreed on"} < set(found(books)[0])
    forge(books, ask(books, 4).id, 4)
    assert "entry 5: an anchor that no two people agreed on" in found(books)[0]


def test_a_manifest_from_before_still_tells(books: Books) -> None:
    """An anchor is no word against what was signed: who rewrote a journal and had it anchored is found by the day."""
    partner_id = books.partner("bob").id
    balance = ledger.find_balance(books.table, partner_id, "USD")
    row = ManifestRow(partner_id, "USD", balance.version, balance.head, balance.at_ms)
    rewrite(books)
    anchor(books, 2)
    told = [fault.reason for fault in attestation.check(books.context, [row], Checked())]
    assert told == ["entry 2: has another hash than in the manifest: it or an entry before it was rewritten"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 1}, {"entries": 0}, {"chain": ""}, {"chain": "A" * 64}, {"entries": 3},
        {"kind": AdjustmentKind.ADJUSTMENT, "amount": 5}, {"kind": AdjustmentKind.WRITE_OFF, "amount": 5},
        {"currency": "EUR"},
    ],
)  # fmt: skip
def test_what_is_no_anchor_is_refused(books: Books, wrong: dict[str, Any]) -> None:
    """One with an amount, without entries or a chain, of entries that are not there; a chain on anything else."""
    right = {"entries": 2, "of": chain(books.entries("bob"))}
    with pytest.raises((Invalid, CurrencyNotTaken)):
        ask(books, **{**right, **wrong})
    assert len(books.entries("bob")) == 2


def test_an_item_of_an_older_release_is_read(books: Books) -> None:
    """Adjustments from before there were anchors have neither entries nor a chain."""
    asked = AdjustmentRequest(books.partner("bob").id, "USD", 100, AdjustmentKind.ADJUSTMENT, "goodwill")
    made = adjustments.request(books.context, asked, books.user("ann"), "route", None, "body")
    item = books.client.get_item(TableName=books.table_name, Key=pack(dict(keys.adjustment(made.id))))["Item"]
    assert not {"entries", "chain"} & set(unpack(item))
    assert found(books) == ([], [])
