"""Account numbers of many countries: what is mistyped is refused by its field, in words; what may be right passes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from refledger.domain.methods import BankAccount
from refledger.entry.models.payout_method_views import BankAccountView
from refledger.entry.models.payout_methods import PayoutMethodBody
from refledger.operations.payouts import methods
from tests.support.functions import World

HOLDER = {"type": "BANK_TRANSFER", "accountHolder": "Bob Example"}
STRIPE = {"type": "STRIPE", "stripeAccountId": "acct_123456"}
IBAN = {"iban": "DE89370400440532013000"}


def parsed(**given: str) -> BankAccount:
    account = PayoutMethodBody.model_validate_json(json.dumps({**HOLDER, **given})).to_account()
    assert isinstance(account, BankAccount)
    return account


def refused(**given: str) -> tuple[str, str]:
    """The field, and why."""
    with pytest.raises(ValidationError) as error:
        PayoutMethodBody.model_validate_json(json.dumps({**HOLDER, **given}))
    (told,) = error.value.errors()
    return str(told["loc"][0] if told["loc"] else ""), told["msg"].removeprefix("Value error, ")


@pytest.mark.parametrize("bic", ["COBADEFF", "cobadeffxxx", "COBA DE FF", "ABNANL2A", "NLPRXKPR"])
def test_a_bic_beside_an_account(bic: str) -> None:
    """Of eight or eleven characters, in capitals, of an IBAN or of a number."""
    plain = bic.replace(" ", "").upper()
    assert parsed(**IBAN, bic=bic).bic == plain
    assert parsed(accountNumber="1234567", bankCode="1", bic=bic).bic == plain


@pytest.mark.parametrize(
    ("bic", "told"),
    [
        ("COBADEF", "eight or eleven"), ("COBADEFFX", "eight or eleven"), ("COBADEFFXXXX", "eight or eleven"),
        ("C0BADEFF", "four letters"), ("COBAD3FF", "four letters"), ("COBAZZFF", "four letters"), ("", "eight"),
    ],
)  # fmt: skip
def test_what_is_no_bic(bic: str, told: str) -> None:
    """A wrong length, a digit among the letters, a country that there is not."""
    field, why = refused(**IBAN, bic=bic)
    assert field == "bic"
    assert told in why


@pytest.mark.parametrize(
    ("country", "number", "code"),
    [
        ("US", "000123456789", "021000021"), ("us", "1234", "1110-0002-5"), ("US", "12345678901234567", "011401533"),
        ("GB", "55779911", "20-00-00"), ("GB", "00000001", "200000"),
        ("AU", "123456", "062-000"), ("CA", "1234567", "00312345"), ("CA", "123456789012", "000312345"),
        ("IN", "123456789", "HDFC0001234"), ("NZ", "0100194-00", "01-0242"), ("NZ", "0100194000", "010242"),
        ("JP", "1234567", "0001-001"),
    ],
)  # fmt: skip
def test_numbers_as_banks_give_them(country: str, number: str, code: str) -> None:
    """With blanks and dashes or without; of a country whose rule is not known anything that a number may be."""
    account = parsed(country=country, accountNumber=number, bankCode=code)
    assert (account.country, account.number, account.bank_code) == (country.upper(), number, code)


@pytest.mark.parametrize(
    ("country", "number", "code", "field", "told"),
    [
        ("US", "123456", "021000022", "bankCode", "check digit"),
        ("US", "123456", "120000021", "bankCode", "check digit"),
        ("US", "123456", "02100002", "bankCode", "nine digits"),
        ("US", "123456", "02100002A", "bankCode", "nine digits"),
        ("US", "123456789012345678", "021000021", "accountNumber", "4 to 17"),
        ("GB", "5577991", "200000", "accountNumber", "begins with zeros"),
        ("GB", "55779911", "2000001", "bankCode", "six digits"),
        ("AU", "123456", "06200", "bankCode", "BSB"),
        ("CA", "1234567", "123456789", "bankCode", "leading 0"),
        ("IN", "123456789", "HDFC1001234", "bankCode", "IFSC"),
        ("NZ", "0100195-00", "01-0242", "bankCode", "mistyped"),
        ("NZ", "12345", "01-0242", "accountNumber", "suffix"),
    ],
)  # fmt: skip
def test_a_mistyped_number_is_refused_by_its_field(country: str, number: str, code: str, field: str, told: str) -> None:
    """In words, and without the number."""
    where, why = refused(country=country, accountNumber=number, bankCode=code)
    assert where == field
    assert told in why
    assert number not in why


def test_without_a_country_nothing_is_guessed() -> None:
    """Nine digits are a routing number in one country and not in another."""
    assert parsed(accountNumber="123456", bankCode="021000022").country == ""


@pytest.mark.parametrize(
    "given", [{"country": "US"}, {"bic": "COBADEFF"}, {"country": "DE", **IBAN}, {"country": "USA"}]
)
def test_what_does_not_fit_together(given: dict[str, str]) -> None:
    """A country beside an IBAN, which says its own; a bank without an account."""
    assert refused(**given)


def test_a_stripe_account_has_no_bank() -> None:
    """Stripe knows it."""
    with pytest.raises(ValidationError, match="stripeAccountId"):
        PayoutMethodBody.model_validate_json(json.dumps({**STRIPE, "bic": "COBADEFF"}))


def test_staff_see_bank_and_country_of_what_they_pay(world: World, somebody: Callable[[], str]) -> None:
    """Sealed with the account; shown to the partner is the country and the end of the number."""
    account = parsed(country="US", accountNumber="000123456789", bankCode="021000021", bic="CHASUS33")
    books, name = world.books, somebody()
    method = books.method(name, account)
    assert method.masked == "US…6789"
    opened = books.vault.open(method.cipher, method.partner_id, method.id)
    assert opened == account
    view: dict[str, Any] = BankAccountView.of(opened).model_dump(by_alias=True)
    assert (view["bic"], view["country"], view["bankCode"]) == ("CHASUS33", "US", "021000021")


def test_an_account_of_before_is_the_same_account(world: World, somebody: Callable[[], str]) -> None:
    """Its id, and so who vouched for it, does not change because banks can be named; naming one is another."""
    books, name = world.books, somebody()
    partner_id = books.partner(name).id
    plain = BankAccount("Bob Example", iban="DE89370400440532013000")
    was = books.ids.hash("method", partner_id, "BANK_TRANSFER", "Bob Example", plain.iban, "", "")
    assert methods.id_of(books.ids, partner_id, plain) == was
    named = parsed(**IBAN, bic="COBADEFF")
    assert methods.id_of(books.ids, partner_id, named) != was


def test_who_has_the_same_account_is_seen_whatever_bank_is_named(world: World, somebody: Callable[[], str]) -> None:
    """A sort code and number are the IBAN that ends with them."""
    books = world.books
    by_number = parsed(country="GB", accountNumber="55555555", bankCode="20-20-15", bic="BUKBGB22")
    one, other = books.method(somebody(), by_number), books.method(somebody(), parsed(iban="GB33BUKB20201555555555"))
    assert one.account_hash == other.account_hash
