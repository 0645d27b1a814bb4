"""`verify` names what one person posted alone and may not have: by the limits of that moment."""

from __future__ import annotations

from itertools import count

import pytest

from refledger.domain.adjustments import Adjustment, AdjustmentKind, AdjustmentRequest
from refledger.domain.times import HOUR_MS
from refledger.operations import adjustments
from refledger.store import keys
from refledger.store.transaction import delete, update
from tests.support import worlds
from tests.support.books import Books

LIMIT = 2_000
numbers = count()


pytestmark = worlds.lives_in(worlds.some_partners, names=["bob"], adjustment_limit=LIMIT)


def adjust(books: Books, amount: int, by: str = "ann") -> Adjustment:
    asked = AdjustmentRequest(books.partner("bob").id, "USD", amount, AdjustmentKind.ADJUSTMENT, "why")
    return adjustments.request(books.context, asked, books.user(by), "route", f"{next(numbers)}", f"{asked}")


def forget(books: Books) -> None:
    """As before the day's sums were kept: what was let through then is in running tables."""
    for key in (keys.exposure_of_partner(books.partner("bob").id), keys.exposure_of_actor(books.user("ann"))):
        books.table.commit(delete("it is there", key, "attribute_exists(pk)"))


def reasons(books: Books) -> list[str]:
    return [fault.reason for fault in books.faults()]


def test_pieces_of_one_day_are_named(books: Books) -> None:
    """Each that went above the limit; those of another day, and those that two people posted, count not."""
    adjust(books, LIMIT)
    books.clock.forward(26 * HOUR_MS)
    adjust(books, LIMIT)
    two = adjust(books, -10 * LIMIT)
    adjustments.approve(books.context, two.id, books.user("eve"), "r", "")
    assert reasons(books) == []
    forget(books)
    books.clock.forward(HOUR_MS)
    third = adjust(books, -LIMIT)
    assert reasons(books) == [f"adjustment {third.id}: one person posted 4000 in a day, the limit was 2000"]


def test_one_above_the_limit_is_named_by_the_limit_of_its_moment(books: Books) -> None:
    """A limit that is lowered later makes nothing wrong; one that is raised later makes nothing right."""
    made = adjust(books, LIMIT)
    books.clock.forward(2 * HOUR_MS)
    books.change_program(adjustment_limit=LIMIT - 1)
    assert reasons(books) == []
    books.clock.forward(26 * HOUR_MS)
    other = adjust(books, LIMIT)
    assert other.status == "WAITING"
    posted = update("it is there", keys.adjustment(made.id), "SET #created = :now", now=books.clock())
    books.table.commit(posted)
    assert reasons(books) == [f"adjustment {made.id}: one person posted 2000 in a day, the limit was 1999"]
    books.clock.forward(2 * HOUR_MS)
    books.change_program(adjustment_limit=None)
    assert len(reasons(books)) == 1


@pytest.mark.parametrize(
    ("name", "told"), [("approver", "who asked for it posted it"), ("requester", "is the partner")]
)
def test_who_posted_their_own_is_named(books: Books, name: str, told: str) -> None:
    """Who asked and approved, and who asked for themselves."""
    made = adjust(books, LIMIT)
    value = books.user("ann") if name == "approver" else books.user("bob")
    books.table.commit(update("it is there", keys.adjustment(made.id), f"SET #{name} = :who", who=value))
    assert [reason.endswith(told) for reason in reasons(books)] == [True]
