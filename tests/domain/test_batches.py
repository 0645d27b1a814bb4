"""The file of a batch: what RFC 4180 and spreadsheets make of it."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.batches import FORMULA, HEAD, Batch, Line, as_csv, cell, major_units
from refledger.domain.currencies import EXPONENTS, MAX_AMOUNT
from refledger.domain.methods import BankAccount

LINE = Line("w1", "p1", "m1", 1, 1500, "USD")
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20) | st.text("=+-@\",'; \u20ac", max_size=6)


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        (1500, "USD", "15.00"),
        (5, "USD", "0.05"),
        (100, "EUR", "1.00"),
        (1500, "JPY", "1500"),
        (1500, "KWD", "1.500"),
        (MAX_AMOUNT, "USD", "10000000000000.00"),
    ],
)
def test_amounts_are_in_the_major_unit(amount: int, currency: str, said: str) -> None:
    """As many decimals as the currency has, and always all of them: a bank reads 15 and 1500 as it likes."""
    assert major_units(amount, currency) == said


@given(st.integers(0, MAX_AMOUNT), st.sampled_from(sorted(EXPONENTS)))
def test_amounts_lose_nothing(amount: int, currency: str) -> None:
    """Without the point it is the amount again."""
    assert int(major_units(amount, currency).replace(".", "")) == amount


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("http://x")'])
def test_no_cell_is_a_formula(evil: str) -> None:
    """A holder's name is whatever a partner typed: a spreadsheet shows it and does nothing else."""
    (_, row) = csv.reader(io.StringIO(as_csv([(LINE, BankAccount(evil, iban="DE1"))]), newline=""))
    assert row[1] == f"'{evil}"
    assert cell("Bob = Example") == "Bob = Example"


@given(st.lists(st.builds(BankAccount, TEXT, TEXT, TEXT, TEXT), max_size=5))
def test_every_reader_gets_the_same_cells(accounts: list[BankAccount]) -> None:
    """Quotes, commas and other alphabets: as many rows and columns as were written, and none begins a formula."""
    text = as_csv([(LINE, account) for account in accounts])
    assert text.count("\r\n") == len(accounts) + 1
    head, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert tuple(head) == HEAD
    for row, account in zip(rows, accounts, strict=True):
        assert [field.removeprefix("'") for field in row[1:5]] == [
            field.removeprefix("'") for field in (account.holder, account.iban, account.number, account.bank_code)
        ]
        assert not any(field.startswith(FORMULA) for field in row)


def test_totals_are_per_currency() -> None:
    """Nothing is added up that is not of one kind."""
    lines = (LINE, LINE, Line("w2", "p1", "m1", 1, 7, "EUR"))
    assert Batch("b", 1, "ann", "body", lines).totals == {"EUR": 7, "USD": 3000}
