"""Payout methods: what makes two accounts one, what may be shown of them, and when they can be paid to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.methods import Account, BankAccount, MethodType, PayoutMethod, StripeAccount, identity, masked

NUMBERS = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=34)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            BankAccount("Bob", number="123-456 78", bank_code="100 200"),
            BankAccount("Bob", number="12345678", bank_code="100200"),
        ),
        (
            BankAccount("Bob  Example", number="ab1", bank_code="x"),
            BankAccount("Bob Example", number="AB1", bank_code="X"),
        ),
    ],
)
def test_how_a_number_is_written_does_not_matter(one: Account, other: Account) -> None:
    """Blanks, dashes and small letters do not make another account."""
    assert identity(one) == identity(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (BankAccount("Bob", number="12", bank_code="3"), BankAccount("Bob", number="1", bank_code="23")),
        (BankAccount("Bob", iban="DE1"), BankAccount("Bob", number="DE1")),
        (BankAccount("Bob", iban="DE1"), BankAccount("Eve", iban="DE1")),
        (StripeAccount("", "acct_aBcDeF"), StripeAccount("", "acct_abcdef")),
        (StripeAccount("Bob", "acct_1"), StripeAccount("", "acct_1")),
    ],
)
def test_what_differs_in_anything_else_is_another_account(one: Account, other: Account) -> None:
    """Also where only the holder's name differs: whoever vouched for one did not vouch for the other."""
    assert identity(one) != identity(other)


@pytest.mark.parametrize(
    ("account", "shown"),
    [
        (BankAccount("B", iban="DE89370400440532013000"), "DE…3000"),
        (BankAccount("B", number="123456789", bank_code="1"), "…6789"),
        (BankAccount("B", number="12345", bank_code="1"), "…45"),
        (BankAccount("B", number="1", bank_code="1"), "…"),
        (StripeAccount("B", "acct_1032D82eZvKYlo2C"), "…lo2C"),
    ],
)
def test_what_may_be_shown(account: Account, shown: str) -> None:
    """The end of the number, enough for its owner to know it."""
    assert masked(account) == shown


@given(NUMBERS)
def test_never_more_than_half_of_a_number_is_shown(number: str) -> None:
    """Nor more than four characters, however short or long it is."""
    shown = masked(BankAccount("B", number=number, bank_code="1")).removeprefix("…")
    assert len(shown) <= min(4, len(number) / 2)
    assert number.endswith(shown)


@pytest.mark.parametrize(
    ("kind", "verified", "disabled", "payable"),
    [
        (MethodType.BANK_TRANSFER, 0, 0, True),
        (MethodType.BANK_TRANSFER, 5, 9, False),
        (MethodType.STRIPE, 0, 0, False),
        (MethodType.STRIPE, 5, 0, True),
        (MethodType.STRIPE, 5, 9, False),
    ],
)
def test_when_a_withdrawal_is_taken(kind: MethodType, verified: int, disabled: int, payable: bool) -> None:
    """In use; and verified, where no person looks at the transfer."""
    method = PayoutMethod("m", "p", 1, kind, "B", "…1", b"", 1, verified, "ann" if verified else "", disabled)
    assert method.is_payable is payable
