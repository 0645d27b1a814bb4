"""`refledger forget`: said first, done with --yes, refused while money is open, and the books are green afterwards."""

from __future__ import annotations

import time

import pytest

from refledger.domain.partners import PartnerStatus
from refledger.domain.people import PersonKind
from refledger.domain.times import DAY_MS
from refledger.operations import people
from refledger.operations.partners import partners
from refledger.operations.partners.partners import NewPartner
from refledger.operations.referring import lifecycle
from refledger.operations.referring.lifecycle import NewReferral
from refledger.store import partners as stored_partners
from refledger.store import referrals as stored_referrals
from tests.cli.conftest import Command
from tests.support.books import SECRET, Books


@pytest.fixture
def books(books: Books, monkeypatch: pytest.MonkeyPatch) -> Books:
    """Bob, onboarded with a name, has earned; carol is his customer."""
    monkeypatch.setenv("HASH_KEY", SECRET)
    books.clock.at_ms = time.time_ns() // 1_000_000 - 3 * DAY_MS
    books.program(payout_minimum=0)
    new = NewPartner("Bob", "Builder", "bob@example.com", "030 1234", user=books.user("bob"))
    partners.create(books.context, new, "ina", None, "")  # who names the user does not pay them
    books.apply("carol", "bob")
    books.earn("carol", "p", 10_000)
    return books


def end(books: Books) -> str:
    """Bob is paid what is his, and terminated."""
    books.pay_out("bob", 2_000)
    bob = books.partner("bob").id
    partners.change_status(books.context, bob, PartnerStatus.TERMINATED, "asked to be forgotten", "ann")
    return bob


def test_it_is_said_before_it_is_done(refledger: Command, books: Books) -> None:
    """Without --yes nothing changes; with it, the address is gone and the books are right; again does nothing."""
    bob = end(books)
    said = refledger("forget", bob)
    assert (said.status, said.lines[0]) == (0, f"partner {bob}: would take away 1 payout methods, 1 profile")
    assert said.lines[1].startswith("kept for the books until 20")
    assert said.lines[-1] == "nothing was changed: --yes does it"
    assert stored_partners.find(books.table, bob).email == "bob@example.com"
    done = refledger("forget", bob, "--yes")
    assert (done.status, done.lines[0]) == (0, f"partner {bob} is forgotten: 1 payout methods, 1 profile")
    assert stored_partners.find(books.table, bob).email == ""
    verified = refledger("verify")
    assert (verified.status, verified.out[:8]) == (0, "0 faults")
    again = refledger("forget", "partner", bob, "--yes")
    assert again.lines[0] == f"partner {bob} is forgotten: nothing is left"
    last = refledger("forget", bob, "--keep-years", "0")
    assert "would" in last.out or "nothing is left" in last.out


def test_it_is_refused_while_money_is_open(refledger: Command, books: Books) -> None:
    """1, every reason, and nothing is done; --anyway gives up what nobody asked for, and nothing else."""
    bob = books.partner("bob").id
    done = refledger("forget", bob, "--yes", "--anyway")
    assert (done.status, len(done.lines)) == (1, 1)
    assert "the partner is ACTIVE" in done.out
    partners.change_status(books.context, bob, PartnerStatus.TERMINATED, "asked", "ann")
    done = refledger("forget", bob, "--yes")
    assert done.status == 1
    assert done.out == f"partner {bob} is not forgotten: 20.00 USD are in the balance\n"
    assert stored_partners.find(books.table, bob).email
    assert refledger("forget", bob, "--yes", "--anyway").status == 0
    assert not stored_partners.find(books.table, bob).email


def test_a_customer_by_the_shops_id(refledger: Command, books: Books) -> None:
    """What was written with their referrals; who is a partner too is said to be one, with 1."""
    bob = books.partner("bob").id
    new = NewReferral(bob, customer=books.user("dora"), lead="crm-1", note="met at a fair")
    made = lifecycle.create(books.context, new, "ann", "key", "body")
    assert refledger("forget", "customer", "dora").lines[0] == "the customer: would take away 1 referrals"
    assert refledger("forget", "customer", "dora", "--yes").status == 0
    for nobody in ("dora", "dorra"):
        assert refledger("forget", "customer", nobody).lines[0].startswith("nothing is known of such a customer")
    found = stored_referrals.find(books.table, made.id)
    assert (found.note, found.lead) == ("", "")
    also = refledger("forget", "customer", "bob", "--yes")
    assert (also.status, also.lines[-1]) == (1, f"they sign in as partner {bob}, who is forgotten apart")


def test_one_of_the_staff_by_id_or_by_sub(refledger: Command, books: Books) -> None:
    """The name goes, and nothing else; said first, and again it is gone."""
    ann = books.user("ann")
    people.remember(books.context, ann, "Ann Admin", PersonKind.PERSON)
    assert refledger("forget", "person", ann).lines[0] == f"person {ann}: would take away 1 name"
    done = refledger("forget", "person", "ann", "--yes")
    assert (done.status, done.lines[0]) == (0, "person ann is forgotten: 1 name")
    assert ann not in people.names(books.table, [ann])
    assert "none any more" in refledger("forget", "person", ann, "--yes").out


def test_what_is_no_command(refledger: Command, books: Books) -> None:
    """2, and what to say instead; one whom there is not, in the words of the API."""
    for words in (["customer"], ["admin", "x"], ["a", "b", "c"]):
        done = refledger("forget", *words)
        said = "refledger: say whom: forget ID for a partner, forget customer ID, or forget person ID\n"
        assert (done.status, done.err) == (2, said)
    assert refledger("forget", "x", "--keep-years", "-1").status == 2
    done = refledger("forget", "nobody", "--yes")
    assert (done.status, done.err) == (2, "refledger: there is no such partner\n")


def test_it_needs_the_secret(refledger: Command, books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it nobody is found by what they are called: said, and nothing is done by halves."""
    monkeypatch.delenv("HASH_KEY")
    done = refledger("forget", books.partner("bob").id, "--yes")
    assert (done.status, done.err) == (2, "refledger: the stack refledger has no HashKey\n")
