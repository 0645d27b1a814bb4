"""Many partners in one call: each by itself, and each once, whatever came in between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest

from refledger.domain.errors import KeyReused
from refledger.domain.partners import PartnerStatus
from refledger.operations.idempotency import Once
from refledger.operations.partners import partner_bulk
from refledger.operations.partners.partner_bulk import StatusChange, Step, Update
from refledger.operations.partners.partner_profile import ProfileChanges
from refledger.operations.partners.partners import NewPartner
from refledger.store import partners as stored
from refledger.store.transaction import Item
from tests.support.books import Books

JO = NewPartner("Jo", "Example", "jo@example.com", tier="GOLD")


def call(books: Books, steps: list[Step], key: str | None = "key", body: str = "body") -> list[Item]:
    request = Once.of(books.context, "ann", "bulk", key, body)
    return partner_bulk.change_many(books.context, steps, "ann", request)


def number_of_partners(books: Books) -> int:
    return len(list(stored.newest(books.table, "", 100)))


@pytest.fixture
def steps(books: Books) -> list[Step]:
    """One of each, and one of each that is refused."""
    books.program()
    bob = books.partner("bob")
    return [
        JO, replace(JO, first_name="Second"), replace(JO, email="x@example.com", program_id="nowhere"),
        Update(bob.id, ProfileChanges(tier="SILVER"), 1), Update(bob.id, ProfileChanges(tier="BRONZE"), 1),
        StatusChange(bob.id, PartnerStatus.SUSPENDED, "why"), StatusChange("nobody", PartnerStatus.ACTIVE, "why"),
    ]  # fmt: skip


def test_each_has_its_result_in_its_place(books: Books, steps: list[Step]) -> None:
    """What is refused keeps nothing else from being done."""
    results = call(books, steps)
    assert [each["status"] or each["code"] for each in results] == [
        "ACTIVE", "EMAIL_TAKEN", "PROGRAM_NOT_FOUND", "ACTIVE", "STALE", "SUSPENDED", "PARTNER_NOT_FOUND",
    ]  # fmt: skip
    bob = books.partner("bob")
    assert (bob.tier, bob.status, results[3]["id"]) == ("SILVER", PartnerStatus.SUSPENDED, bob.id)
    assert (results[1]["id"], results[6]["id"]) == (None, "nobody")
    assert stored.find(books.table, results[0]["id"]).tier == "GOLD"


def test_the_repeat_answers_the_same_and_does_nothing(books: Books, steps: list[Step]) -> None:
    """Later and at once; another body under the key is refused."""
    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(lambda _: call(books, steps), range(4))
    assert all(other[0] == first[0] for other in others)
    assert call(books, steps) == call(books, steps)
    assert number_of_partners(books) == 2
    with pytest.raises(KeyReused):
        call(books, steps, body="other")


@pytest.mark.parametrize("died_after", range(1, 12, 2))
def test_a_call_that_died_in_the_middle_is_finished_by_its_repeat(
    books: Books, steps: list[Step], died_after: int
) -> None:
    """However far it came: nobody is there twice, nothing is left out."""

    class CrashingTable:
        def __init__(self) -> None:
            self.left = died_after

        def __getattr__(self, name: str) -> object:
            method = getattr(books.client, name)
            if name not in ("transact_write_items", "put_item", "update_item"):
                return method

            def write(**told: object) -> object:
                self.left -= 1
                if self.left < 0:
                    raise TimeoutError
                return method(**told)

            return write

    alive = books.context
    books.context = books.behind(CrashingTable())
    with suppress(TimeoutError):
        call(books, steps)
    books.context = alive
    results = call(books, steps)
    assert [each["status"] or each["code"] for each in results][:1] == ["ACTIVE"]
    assert (books.partner("bob").tier, number_of_partners(books)) == ("SILVER", 2)
    assert books.partner("bob").status is PartnerStatus.SUSPENDED
