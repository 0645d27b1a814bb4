"""Where a partner is paid. The account itself is a secret: it exists in clear only where a payout is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Final, assert_never, get_args

MAX_ACTIVE = 20  # methods that a partner may have in use
MAX_EVER = 200  # methods, and versions of them, that a partner may ever have had: they are never deleted

# How many digits the bank code and the number have that an IBAN ends with. Source: ISO 13616 registry, BBAN structures
_DOMESTIC: Final = {"DE": (8, 10), "GB": (6, 8), "AT": (5, 11), "CH": (5, 12), "LI": (5, 12)}


class MethodType(StrEnum):
    """How money gets to a partner."""

    # told apart by a `match` without a default: mypy names every place that a new one is missing in
    BANK_TRANSFER = "BANK_TRANSFER"  # a person makes the transfer and confirms it
    STRIPE = "STRIPE"  # a transfer to a connected account

    @property
    def is_paid_by_person(self) -> bool:
        """Whether a person makes the payout and confirms it; else the workflow hands it to a provider."""
        match self:
            case MethodType.BANK_TRANSFER:
                return True
            case MethodType.STRIPE:
                return False
            case _:
                assert_never(self)

    @property
    def goes_into_files(self) -> bool:
        """Whether batches of it are exported as a file for a bank: its accounts are then `BankAccount`."""
        match self:
            case MethodType.BANK_TRANSFER:
                return True
            case MethodType.STRIPE:
                return False
            case _:
                assert_never(self)


@dataclass(frozen=True)
class BankAccount:
    """Either an IBAN, or an account number and a bank code. No number is in its `repr`, so in no traceback or log.

    `bic`: of the bank, "" where it was not said. `country`: of the bank, where there is no IBAN that says it.
    """

    type: ClassVar = MethodType.BANK_TRANSFER
    holder: str
    iban: str = field(default="", repr=False)
    number: str = field(default="", repr=False)
    bank_code: str = field(default="", repr=False)
    bic: str = field(default="", repr=False)
    country: str = field(default="", repr=False)


@dataclass(frozen=True)
class StripeAccount:
    """A connected account of the owner's platform, `acct_…`."""

    type: ClassVar = MethodType.STRIPE
    holder: str
    account_id: str = field(repr=False)


Account = BankAccount | StripeAccount
# Of which class the accounts of a type are: the one place that says so.
ACCOUNTS: Final[dict[MethodType, type[Account]]] = {account.type: account for account in get_args(Account)}


@dataclass(frozen=True)
class PayoutMethod:
    """A partner's payout method. `cipher`: the account, encrypted for this partner and method.

    The id is made of the account, so another account is another method. A method that was disabled and is given again
    is a new version, which nobody has verified.
    """

    id: str
    partner_id: str
    version: int
    type: MethodType
    holder: str
    masked: str
    cipher: bytes = field(repr=False)
    created_at_ms: int
    verified_at_ms: int = 0  # 0: not verified
    verified_by: str = ""
    disabled_at_ms: int = 0  # 0: in use
    account_hash: str = ""  # keyed, of the number alone: the same for every partner; "" for methods of before

    @property
    def is_active(self) -> bool:
        return not self.disabled_at_ms

    @property
    def is_payable(self) -> bool:
        """Whether a withdrawal to it is taken: who pays it looks at it, or somebody has verified it before."""
        return self.is_active and (self.type.is_paid_by_person or self.verified_at_ms > 0)


def identity(account: Account) -> tuple[str, ...]:
    """Return what makes two accounts the same, however they were written.

    The holder's name is part of it.
    """
    match account:
        case BankAccount():
            parts = [account.iban, account.number, account.bank_code]
            parts += [account.bic, account.country] if account.bic or account.country else []  # ids of before stay
        case StripeAccount():
            return account.type.value, " ".join(account.holder.split()), account.account_id
        case _:
            assert_never(account)
    return account.type.value, " ".join(account.holder.split()), *map(_plain, parts)


def number_of(account: Account) -> tuple[str, ...]:
    """Return what makes two accounts the same whoever they are said to belong to.

    However the number is written: an IBAN of a country in which it is made of a bank code and a number is the same as
    these two.
    """
    match account:
        case StripeAccount():
            return MethodType.STRIPE.value, account.account_id
        case BankAccount(iban=""):
            return "DOMESTIC", _plain(account.bank_code).lstrip("0"), _plain(account.number).lstrip("0")
        case BankAccount():
            iban = _plain(account.iban)
            if iban[:2] not in _DOMESTIC:
                return "IBAN", iban
            bank, number = _DOMESTIC[iban[:2]]
            return "DOMESTIC", iban[-bank - number : -number].lstrip("0"), iban[-number:].lstrip("0")
        case _:
            assert_never(account)


def _plain(part: str) -> str:
    return part.replace(" ", "").replace("-", "").upper()


def masked(account: Account) -> str:
    """Return what may be shown: the country, where it is said, and the last four characters.

    Or half of a number that is shorter than eight.
    """
    match account:
        case BankAccount(iban="", number=number, country=country):
            pass
        case BankAccount(iban=number):
            country = number[:2]
        case StripeAccount(account_id=number):
            country = ""
        case _:
            assert_never(account)
    shown = min(4, len(number) // 2)
    return f"{country}…{number[len(number) - shown :]}"
