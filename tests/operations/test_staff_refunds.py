"""Staff take a payment back, whatever told of it: once, with a second person above the limit, and undo a mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from refledger.domain.errors import (
    AlreadyDecided,
    Forbidden,
    Invalid,
    KeyReused,
    PaymentNotFound,
    RefundNotFound,
    SecondPersonNeeded,
)
from refledger.domain.payments import Refund
from refledger.operations.earning import manual_rewards, staff_refunds
from refledger.operations.earning.staff_refunds import RefundRequest
from refledger.store import exposures, keys
from tests.support import worlds
from tests.support.books import Books
from tests.support.faults import Death, FaultInjectingClient, die

ROUTE = "POST refunds"

pytestmark = worlds.lives_in(worlds.two_tiers, currencies=("EUR",), adjustment_limit=1_000)


def ask(
    books: Books, payment: str, amount: int, key: str | None = "k", by: str = "ann", currency: str = "USD",
    system: str = "payments", **more: Any,
) -> Refund:  # fmt: skip
    asked = RefundRequest(amount, currency, "by wire", **more)
    id = books.ids.payment(system, payment)
    return staff_refunds.request(books.context, id, asked, by, ROUTE, key, f"{asked}").refund


def test_a_small_one_counts_at_once_and_once(books: Books) -> None:
    """On every tier, by an entry; the same call again is the same refund, with another body it is refused."""
    books.earn("carol", "p1", 10_000)
    made = ask(books, "p1", 2_500)
    assert not made.waits
    assert (books.balance("bob"), books.balance("alice")) == ((1500, 0, 0), (750, 0, 0))
    assert ask(books, "p1", 2_500) == made
    with pytest.raises(KeyReused):
        ask(books, "p1", 2_600)
    assert ask(books, "p1", 500, key=None) != made
    assert books.balance("bob") == (1400, 0, 0)
    assert books.faults() == []


def test_a_large_one_waits_for_somebody_else(books: Books) -> None:
    """Nothing moves before; who asked is not enough, nor who earns; then it counts, once."""
    books.earn("carol", "p1", 10_000)
    made = ask(books, "p1", 10_000)
    id = books.payment("p1").id
    assert made.waits
    assert books.balance("bob") == (2000, 0, 0)
    assert books.parked() == [id]
    with pytest.raises(Forbidden):
        staff_refunds.confirm(books.context, id, made.hash, books.user("bob"))
    with pytest.raises(SecondPersonNeeded):
        staff_refunds.confirm(books.context, id, made.hash, "ann")
    for _ in range(2):
        assert not staff_refunds.confirm(books.context, id, made.hash, "ben").refund.waits
    assert (books.balance("bob"), books.balance("alice")) == ((0, 0, 0), (0, 0, 0))
    assert books.parked() == []
    with pytest.raises(AlreadyDecided):
        staff_refunds.confirm(books.context, id, made.hash, "cleo")
    assert books.faults() == []


def test_many_small_ones_are_one_large_one(books: Books) -> None:
    """What a day takes on the word of one person is summed."""
    for number in range(4):
        books.earn("carol", f"p{number}", 10_000)
    waits = [ask(books, f"p{number}", 1_500, key=f"k{number}").waits for number in range(4)]
    assert waits == [False, False, True, True]  # 3.00 of Bob's and 1.50 of Alice's each: 9.00 of 10.00 after two
    assert books.faults() == []


def test_a_mistake_is_undone(books: Books) -> None:
    """What it took comes back; above the limit two people say so; what a provider told is not theirs to undo."""
    books.earn("carol", "p1", 10_000)
    id = books.payment("p1").id
    small, large = ask(books, "p1", 1_000, "small"), ask(books, "p1", 9_000, "large")
    staff_refunds.confirm(books.context, id, large.hash, "ben")
    assert staff_refunds.undo(books.context, id, small.hash, "wrong", "ann").refund.failed
    assert books.balance("bob") == (200, 0, 0)
    asks = staff_refunds.undo(books.context, id, large.hash, "wrong too", "ann").refund
    assert (asks.failed, asks.undone_by) == (False, "ann")
    with pytest.raises(SecondPersonNeeded):
        staff_refunds.undo(books.context, id, large.hash, "wrong too", "ann")
    for _ in range(2):
        assert staff_refunds.undo(books.context, id, large.hash, "wrong too", "ben").refund.failed
    assert books.balance("bob") == (2000, 0, 0)
    books.refund("p1", 1_000, "r1")
    with pytest.raises(AlreadyDecided):
        staff_refunds.undo(books.context, id, books.ids.hash("refund", "payments", "r1"), "no", "ann")
    assert books.faults() == []


def test_both_who_undo_it_have_given_money(books: Books) -> None:
    """Neither lets it out; who takes off what only waited gave nobody anything."""
    books.earn("carol", "p1", 100_000)
    id = books.payment("p1").id
    large = ask(books, "p1", 90_000, by="mia")
    staff_refunds.confirm(books.context, id, large.hash, "ben")
    for by in ("ann", "eve"):
        staff_refunds.undo(books.context, id, large.hash, "wrong", by)
    waits = ask(books, "p1", 90_000, key="other", by="mia")
    staff_refunds.undo(books.context, id, waits.hash, "no", "kim")
    partner_id = books.partner("bob").id
    item = books.table.get(keys.exposure_of_partner(partner_id))
    marked = {mark.actor for mark in exposures.from_item(partner_id, item).marks}
    assert marked == {"ann", "eve"}


def test_what_waits_is_undone_by_whoever_sees_it(books: Books) -> None:
    """It took nothing, so nothing comes back."""
    books.earn("carol", "p1", 10_000)
    made = ask(books, "p1", 10_000)
    staff_refunds.undo(books.context, books.payment("p1").id, made.hash, "no", "ann")
    with pytest.raises(AlreadyDecided):
        staff_refunds.confirm(books.context, books.payment("p1").id, made.hash, "ben")
    assert books.balance("bob") == (2000, 0, 0)
    assert books.parked() == []
    assert books.faults() == []


REFUSED: dict[str, tuple[type[Exception], Callable[[Books], object]]] = {
    "another currency": (Invalid, lambda b: ask(b, "p1", 100, currency="EUR")),
    "more than was paid": (Invalid, lambda b: ask(b, "p1", 10_001)),
    "no payment": (PaymentNotFound, lambda b: ask(b, "p9", 100)),
    "one that has not come": (PaymentNotFound, lambda b: ask(b, "early", 100)),
    "whose money it is": (Forbidden, lambda b: ask(b, "p1", 100, by=b.user("bob"))),
    "no refund": (RefundNotFound, lambda b: staff_refunds.undo(b.context, b.payment("p1").id, "x", "no", "ann")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_changes_nothing(books: Books, name: str) -> None:
    """Each with its reason."""
    books.earn("carol", "p1", 10_000)
    books.refund("early", 1)
    error, act = REFUSED[name]
    with pytest.raises(error):
        act(books)
    assert books.balance("bob") == (2000, 0, 0)
    assert books.faults() == []


def test_a_reward_by_hand_goes_back_too(books: Books) -> None:
    """It is booked as a payment, so it can be taken back in part."""
    gift = manual_rewards.Gift(books.partner("bob").id, 800, "USD", "spoke for us")
    given = manual_rewards.give(books.context, gift, "ben", "k")
    books.mature("bob")
    asked = RefundRequest(200, "USD", "only in part")
    staff_refunds.request(books.context, given.payment, asked, "ann", ROUTE, "k", "b")
    assert books.balance("bob") == (600, 0, 0)
    assert books.faults() == []


def test_it_adds_to_what_a_provider_says(books: Books) -> None:
    """A wire beside the card: the provider's sums know nothing of it."""
    books.earn("carol", "pi", 10_000, system="stripe")
    books.refund_total("pi", 2_000, system="stripe", charge="ch")
    ask(books, "pi", 1_000, system="stripe")
    assert books.balance("bob") == (1400, 0, 0)
    assert books.faults() == []


def test_dying_at_any_write_the_repeat_completes_it(books: Books) -> None:
    """Of request, confirmation and undoing: each once."""
    books.earn("carol", "p1", 10_000)
    id, asked = books.payment("p1").id, RefundRequest(9_000, "USD", "by wire")
    hash = ""
    acts: list[Callable[[Any], staff_refunds.RefundResult]] = [
        lambda c: staff_refunds.request(c, id, asked, "ann", ROUTE, "k", "b"),
        lambda c: staff_refunds.confirm(c, id, hash, "ben"),
        lambda c: staff_refunds.undo(c, id, hash, "no", "ann"),
        lambda c: staff_refunds.undo(c, id, hash, "no", "ben"),
    ]
    for act in acts:
        for at in range(20):
            try:
                hash = act(books.behind(FaultInjectingClient(books.client, at, after=die))).refund.hash
                break
            except Death:
                assert books.faults() == []
            except SecondPersonNeeded:  # died after it was written: said again, it is said before
                break
    assert books.balance("bob") == (2000, 0, 0)
    assert books.faults() == []
