"""Money that does not count by one event: remembered, found by its refunds, and in the way of nothing that counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from refledger.domain.payment_events import PaymentSkipped
from refledger.domain.payments import PaymentKind
from refledger.domain.tellers import MAYBE_OF_INVOICE
from refledger.operations.earning import payments
from refledger.operations.earning.payments import RecordOutcome
from tests.support import worlds
from tests.support.books import Books

pytestmark = worlds.lives_in(worlds.one_tier, currencies=("EUR",))


def skip(books: Books, id: str = "pi", amount: int = 11_900) -> payments.Recorded:
    return payments.skip(books.context, PaymentSkipped("payments", id, amount, "USD", books.clock(), MAYBE_OF_INVOICE))


def test_its_refund_is_no_riddle(books: Books) -> None:
    """Before, each refund of a charge that did not count was parked for ever."""
    assert skip(books).outcome is RecordOutcome.SKIPPED
    assert books.refund("pi", 11_900).outcome is RecordOutcome.RECORDED
    assert books.parked() == []
    assert (books.payment("pi").kind, books.payment("pi").reason) == (PaymentKind.IGNORED, MAYBE_OF_INVOICE)
    assert books.faults() == []


def test_a_refund_that_came_first_waits_no_longer(books: Books) -> None:
    """It leaves the list when its payment is known to count for nobody."""
    assert books.refund("pi", 11_900).outcome is RecordOutcome.EARLY
    assert skip(books).outcome is RecordOutcome.SKIPPED
    assert books.parked() == []
    assert books.payment("pi").back.refunded == 11_900


@pytest.mark.parametrize("skipped_first", [True, False])
@pytest.mark.parametrize("refund_at", [0, 1, 2])
def test_what_counts_takes_its_place(books: Books, skipped_first: bool, refund_at: int) -> None:
    """Charge, session and a refund of half of it in any order: half is left, once."""
    steps: list[Callable[[], object]] = [lambda: skip(books), lambda: books.earn("carol", "pi", 10_000)]
    if not skipped_first:
        steps.reverse()
    steps.insert(refund_at, lambda: books.refund("pi", 5_000))
    for step in steps:
        step()
        step()
    assert books.balance("bob")[0] == 1_000
    assert books.parked() == []
    assert books.faults() == []
