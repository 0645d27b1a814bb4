"""Amounts in answers stand there twice: in minor units, and in major ones as files have them."""

from __future__ import annotations

import pytest

from refledger.entry.models.common import View, in_major
from tests.support.functions import World


class Row(View):
    currency: str
    amount: int
    amount_decimal = in_major("amount")


@pytest.mark.parametrize(
    ("amount", "currency", "told"),
    [(1_234, "USD", "12.34"), (5, "USD", "0.05"), (-1, "KWD", "-0.001"), (1_234, "JPY", "1234"), (0, "KWD", "0.000")],
)
def test_all_decimals_of_the_currency(amount: int, currency: str, told: str) -> None:
    assert Row(amount=amount, currency=currency).model_dump(by_alias=True) == {
        "amount": amount, "currency": currency, "amountDecimal": told,
    }  # fmt: skip


def test_rows_of_lists_have_both(fresh: World) -> None:
    """Payments, rewards, journal, balances, withdrawals, statements: each amount, and the same as a decimal."""
    books = fresh.books
    books.change_program(currencies=("USD", "KWD"))
    books.apply("eve", "bob")
    books.earn("eve", "order", 10_000, "KWD")
    books.withdraw("bob", 1_500, currency="KWD")
    pid = books.partner("bob").id
    for route, query, fields in (
        ("payments", {"programId": "default"}, ("amount", "base", "gone")),
        ("rewards", {"partnerId": pid}, ("amount", "net", "reversed", "base")),
        ("ledger/entries", {"partnerId": pid}, ("amount",)),
        ("withdrawals", {"status": "REQUESTED"}, ("amount",)),
    ):
        (row, *_) = fresh.admin(f"GET /api/v1/{route}", query=query).body["data"]
        for field in fields:
            assert row[f"{field}Decimal"] == f"{row[field] // 1000}.{row[field] % 1000:03d}", (route, field)


def test_what_waits_without_a_currency_is_nothing_of_none(fresh: World) -> None:
    """The end of a dispute that came before all else names none."""
    fresh.books.close("never told of")
    (row,) = fresh.admin("GET /api/v1/payments/parked").body["data"]
    assert (row["currency"], row["amountDecimal"], row["lostDecimal"]) == ("", None, "0")
