"""`refledger anchor`: says what two people must agree on, and what has to be put right before."""

from __future__ import annotations

import json

from refledger.domain.adjustments import AdjustmentKind, AdjustmentRequest
from refledger.operations import adjustments
from tests.cli.conftest import Command
from tests.operations.test_anchoring import change, rewrite, set_balance, tampered
from tests.support.books import Books


def test_what_it_says_heals(refledger: Command, books: Books) -> None:
    """Nothing is broken; then what is, with the request that two people make; then `verify` knows it and is green."""
    books.program()
    for amount in (5_000, 3_000):
        books.grant("bob", amount)
        books.mature("bob")
    bob = books.partner("bob").id
    assert refledger("anchor", bob, "USD").lines == ["nothing is broken"]
    tampered(books)
    done = refledger("anchor", bob, "USD")
    assert done.status == 0
    assert done.lines[0] == "entry 3: does not follow the hash of the entry before it"
    body = json.loads(done.lines[-1])
    assert refledger("verify", "--partner", bob).status == 1
    asked = AdjustmentRequest(
        body["partnerId"], body["currency"], body["amount"], AdjustmentKind(body["kind"]), body["reason"],
        body["entries"], body["chain"],
    )  # fmt: skip
    made = adjustments.request(books.context, asked, "ann", "route", None, "body")
    adjustments.approve(books.context, made.id, "eve", "r", "seen")
    verified = refledger("verify", "--partner", bob)
    assert verified.status == 0
    assert verified.lines[0] == f"KNOWN partner {bob} USD: entry 3: does not follow the hash of the entry before it"
    assert [each["reason"] for each in refledger("verify", "--json").json["known"]] == [done.lines[0]]
    assert refledger("anchor", bob, "USD").lines == ["nothing is broken"]


def test_money_comes_first(refledger: Command, books: Books) -> None:
    """What an anchor does not excuse is named, and no request: it would heal nothing."""
    books.program()
    books.grant("bob", 5_000)
    books.mature("bob")
    bob = books.partner("bob").id
    rewrite(books)
    change(books, 1, amount=9_000)
    set_balance(books, available=9_000)
    done = refledger("anchor", bob, "USD")
    assert done.status == 1
    assert "to be put right first: USD rewards are worth 5000, the journal credits 9000 for them" in done.lines
    assert all(line.startswith("to be put right first: ") for line in done.lines)
    assert refledger("anchor", "nobody", "USD").status == 2
