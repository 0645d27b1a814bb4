"""The file of a batch: what RFC 4180 and spreadsheets make of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain import csv_files
from refledger.domain.batches import HEAD, Batch, TransferLine, as_csv, major_units
from refledger.domain.currencies import EXPONENTS, MAX_AMOUNT
from refledger.domain.methods import BankAccount

LINE = TransferLine("w1", "p1", "m1", 1, 1500, "USD")
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


@given(st.lists(st.builds(BankAccount, TEXT, TEXT, TEXT, TEXT), max_size=5))
def test_every_reader_gets_the_same_cells(accounts: list[BankAccount]) -> None:
    """Quotes, commas and other alphabets: as many rows and columns as were written, and each as it was."""
    text = as_csv([(LINE, account) for account in accounts])
    assert text.count("\r\n") == len(accounts) + 1
    (_, head), *rows = csv_files.read(text)
    assert tuple(head) == HEAD
    for (_, row), account in zip(rows, accounts, strict=True):
        assert row == ["w1", account.holder, account.iban, account.number, account.bank_code, "15.00", "USD"]


def test_banks_have_columns_where_an_account_names_one() -> None:
    """In every line then; files of batches in which none does are what they were."""
    plain, named = (
        BankAccount("Bob", iban="DE89370400440532013000"),
        BankAccount("Eve", "", "123", "021000021", "", "US"),
    )
    (_, head), (_, first), (_, second) = csv_files.read(as_csv([(LINE, plain), (LINE, named)]))
    assert tuple(head) == (*HEAD, "bic", "country")
    assert (first[-2:], second[-2:]) == (["", ""], ["", "US"])


def test_texts_are_quoted_and_amounts_are_numbers() -> None:
    """A holder is whatever a partner typed, and the file is opened where `;` separates."""
    text = as_csv([(LINE, BankAccount("x;=cmd|'/C calc'!A0;y", number="123", bank_code="9"))])
    assert text.splitlines()[1] == '"w1","x;\'=cmd|\'/C calc\'!A0;y","","123","9",15.00,"USD"'


def test_totals_are_per_currency() -> None:
    """Nothing is added up that is not of one kind."""
    lines = (LINE, LINE, TransferLine("w2", "p1", "m1", 1, 7, "EUR"))
    assert Batch("b", 1, "ann", "body", lines).totals == {"EUR": 7, "USD": 3000}
