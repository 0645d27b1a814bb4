"""The check of the books finds whatever was changed behind the back of the operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from refledger.domain.journal import seal
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.operations import withdrawals
from refledger.operations.verification import Checked, verify
from refledger.store import keys
from refledger.store import ledger as stored_ledger
from refledger.store.transaction import delete, put, update
from tests.support import dynamodb
from tests.support.books import Books
from tests.support.payouts import start

S = WithdrawalStatus


@pytest.fixture(scope="module")
def books(dynamodb_endpoint: str) -> Books:
    """For all tests that put back what they change."""
    return with_history(Books(dynamodb.new_database(dynamodb_endpoint)))


def with_history(books: Books) -> Books:
    """Alice, Bob and Carol with rewards in two currencies, and withdrawals of Bob's in every way they can end."""
    books.program()
    books.chain("alice", "bob", "carol")
    for number in range(3):
        books.earn("carol", f"p{number}", 100_000)
    books.earn("carol", "yen", 100_000, "JPY")
    books.pay("carol", "waiting", 100_000)
    for number, end in enumerate((None, S.REJECTED, S.PAID, S.FAILED)):
        made = books.withdraw("bob", 1000 + number, f"w{number}")
        if end in (S.PAID, S.FAILED):
            withdrawals.decide(books.context, made.id, S.APPROVED, "ann", "r", "")
            start(books, made.id)
        if end:
            withdrawals.step(books.context, made.id, end, "ann")
    return books


def edit(books: Books, key: dict[str, str], **values: Any) -> None:
    """Change attributes of an item directly in the table."""
    change = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
    books.table.commit(update("an edit", key, change, "attribute_exists(pk)", **values))


def entry_key(books: Books, version: int) -> dict[str, str]:
    entry = books.entries("bob")[version - 1]
    return keys.entry(entry.partner_id, "USD", entry.at_ms, version)


def balance_key(books: Books) -> dict[str, str]:
    return keys.balance(books.partner("bob").id, "USD")


def reward_key(books: Books, place: int) -> dict[str, str]:
    return keys.reward([r for r in books.rewards("bob") if r.currency == "USD"][place].id)


def withdrawal_key(books: Books, number: int) -> dict[str, str]:
    return keys.withdrawal(books.ids.withdrawal(books.partner("bob").id, f"w{number}"))


def approved(books: Books) -> dict[str, str]:
    """A reward that is in the balance."""
    return keys.reward(next(r.id for r in books.rewards("bob") if r.currency == "USD" and r.entry))


def pending(books: Books) -> dict[str, str]:
    return keys.reward(next(r.id for r in books.rewards("bob") if not r.entry))


def test_right_books_have_no_fault_and_everything_was_read(books: Books) -> None:
    """Two partners; Bob's two journals, four withdrawals and all rewards were looked at."""
    checked = Checked()
    assert list(verify(books.context, checked)) == []
    assert (checked.partners, checked.balances, checked.withdrawals) == (2, 4, 4)
    assert checked.rewards == 2 * 5
    assert checked.entries == 2 * 4 + (4 + 1 + 1 + 1)


# What is edited, how (None: removed), and what is said about it.
EDITS: dict[str, tuple[Callable[[Books], dict[str, str]], dict[str, Any] | None, str]] = {
    "an entry's amount": (lambda b: entry_key(b, 2), {"amount": 1}, "entry 2: its hash"),
    "an entry's reference": (lambda b: entry_key(b, 5), {"ref": "another"}, "entry 5: its hash"),
    "an entry's time": (lambda b: entry_key(b, 1), {"at": 1}, "entry 1: its hash"),
    "an entry's hash": (lambda b: entry_key(b, 3), {"hash": "0"}, "entry 4: does not follow"),
    "an entry removed": (lambda b: entry_key(b, 3), None, "entry 4: found where version 3 belongs"),
    "the first entry removed": (lambda b: entry_key(b, 1), None, "entry 2: found where version 1 belongs"),
    "the last entry removed": (lambda b: entry_key(b, len(b.entries("bob"))), None, "balance: is at version"),
    "available": (lambda b: balance_key(b), {"available": 999_999}, "balance: available is 999999"),
    "reserved": (lambda b: balance_key(b), {"reserved": 1}, "balance: reserved is 1"),
    "paid": (lambda b: balance_key(b), {"paid": 0}, "balance: paid is 0"),
    "unpaid": (lambda b: balance_key(b), {"unpaid": 1}, "unpaid is 1"),
    "the version": (lambda b: balance_key(b), {"ver": 99}, "balance: is at version 99"),
    "the head": (lambda b: balance_key(b), {"head": "0"}, "balance: is at version"),
    "the balance removed": (lambda b: balance_key(b), None, "balance: is at version 0"),
    "a reward's amount": (lambda b: approved(b), {"amount": 1}, "its rewards are worth"),
    "a reward's reversal": (lambda b: approved(b), {"reversed": 5}, "its rewards are worth"),
    "a reward cancelled": (lambda b: approved(b), {"status": "CANCELLED"}, "its rewards are worth"),
    "a reward put back": (lambda b: approved(b), {"status": "PENDING"}, "its rewards are worth"),
    "a reward approved": (lambda b: pending(b), {"status": "APPROVED"}, "rewards are worth"),
    "a reward's entry": (lambda b: approved(b), {"entry": 99}, "entry 99: credits 0"),
    "a reward's currency": (lambda b: approved(b), {"currency": "JPY"}, "its rewards are worth"),
    "a reward removed": (lambda b: approved(b), None, "its rewards are worth"),
    "an open withdrawal's amount": (lambda b: withdrawal_key(b, 0), {"amount": 1}, "RESERVE is booked 0 times"),
    "an open withdrawal rejected": (lambda b: withdrawal_key(b, 0), {"status": "REJECTED"}, "RELEASE is booked 0"),
    "an open withdrawal paid": (lambda b: withdrawal_key(b, 0), {"status": "PAID"}, "SETTLE is booked 0"),
    "an open withdrawal removed": (lambda b: withdrawal_key(b, 0), None, "the open withdrawals say otherwise"),
    "a rejected one opened": (lambda b: withdrawal_key(b, 1), {"status": "REQUESTED"}, "RELEASE is booked 1 times"),
    "a paid one failed": (lambda b: withdrawal_key(b, 2), {"status": "FAILED"}, "SETTLE is booked 1 times"),
    "a paid one removed": (lambda b: withdrawal_key(b, 2), None, "the paid withdrawals say otherwise"),
    "a failed one paid": (lambda b: withdrawal_key(b, 3), {"status": "PAID"}, "the paid withdrawals say otherwise"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_in_the_table_is_found(books: Books, name: str) -> None:
    """Whatever was edited or removed, a fault says so, of the partner it belongs to; put back, all is right again."""
    key_of, values, told = EDITS[name]
    key = key_of(books)
    before = books.table.get(key)
    assert before is not None
    if values is None:
        books.table.commit(delete("a removal", key, "attribute_exists(pk)"))
    else:
        edit(books, key, **values)
    found = books.faults()
    books.table.commit(put("as it was", before, condition=""))
    assert any(told in fault.reason for fault in found), found
    assert {fault.partner_id for fault in found} == {books.partner("bob").id}
    assert books.faults() == []


def test_a_forged_journal_that_fits_itself_is_found(dynamodb_endpoint: str) -> None:
    """Entries, hashes and balance rewritten consistently still say something else than the rewards."""
    books, previous = with_history(Books(dynamodb.new_database(dynamodb_endpoint))), ""
    for entry in books.entries("bob"):
        amount = entry.amount + 7 if entry.version == 1 else entry.amount
        forged = replace(entry, amount=amount, previous=previous, hash="")
        forged = replace(forged, hash=seal(forged))
        where = keys.entry(entry.partner_id, "USD", entry.at_ms, entry.version)
        edit(books, where, amount=forged.amount, prev=forged.previous, hash=forged.hash)
        previous = forged.hash
    balance = stored_ledger.find_balance(books.table, books.partner("bob").id, "USD")
    edit(books, balance_key(books), head=previous, available=balance.available + 7, unpaid=balance.unpaid + 7)
    reasons = [fault.reason for fault in books.faults()]
    assert any(reason.startswith("entry 1: credits") for reason in reasons), reasons
    assert not any("hash" in reason for reason in reasons), "the forgery is good; only the rewards give it away"
