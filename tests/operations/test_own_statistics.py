"""What somebody reads of their own figures, whose partner id need not be made of their user's."""

from __future__ import annotations

import pytest

from refledger.operations.figures import rollups
from refledger.operations.figures.rollups import PartnerStatistics
from refledger.operations.partners import partners
from refledger.operations.partners.partners import NewPartner
from refledger.store import partners as stored
from tests.support.books import Books
from tests.support.rollups import Counting


@pytest.fixture
def books(books: Books) -> Books:
    """Bob refers one customer, and so does Acme, whom an admin has given Eve as their user."""
    books.program(hold_days=0)
    books.partner("bob")
    new = NewPartner("Acme", "Ltd", "acme@example.com", program_id="default")
    acme = partners.create(books.context, new, "admin", None, "body")
    partners.link_user(books.context, acme.id, books.user("eve"), "admin")
    for partner in ("bob", "eve"):
        books.apply(f"customer of {partner}", partner)
        books.earn(f"customer of {partner}", f"payment of {partner}", 1_000)
    Counting(books)()
    return books


def own(books: Books, name: str) -> PartnerStatistics:
    return rollups.of_user(books.context, books.user(name))


def test_a_user_whom_an_admin_linked_reads_the_partners_figures(books: Books) -> None:
    """Not those of the partner whom the user would have been, of whom nobody knows."""
    assert own(books, "eve") == PartnerStatistics(
        own(books, "bob").tiers, own(books, "bob").pending, {}, own(books, "eve").balances
    )
    assert own(books, "eve").tiers[1].referrals == 1
    assert [balance.available for balance in own(books, "eve").balances] == [200]


def test_nobodys_figures_are_none(books: Books) -> None:
    """Who is no partner yet has nothing, and no partner comes of it."""
    assert own(books, "somebody") == PartnerStatistics({}, {}, {}, [])
    assert stored.id_of_user(books.table, books.user("somebody")) is None
