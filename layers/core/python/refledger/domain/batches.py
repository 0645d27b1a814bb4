"""Bank transfers that a person makes together: which they are, and the file for a bank's page or a spreadsheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from refledger.domain import csv_files
from refledger.domain.currencies import exponent
from refledger.domain.methods import BankAccount

MAX_LINES: Final = 90  # with the batch itself they go into one transaction, which may hold 100 items
HEAD: Final = ("reference", "accountHolder", "iban", "accountNumber", "bankCode", "amount", "currency")
OF_BANKS: Final = ("bic", "country")


@dataclass(frozen=True)
class TransferLine:
    """One transfer. Everything in it was fixed when the withdrawal was asked for. `amount` in minor units."""

    withdrawal_id: str
    partner_id: str
    method_id: str
    method_version: int
    amount: int
    currency: str


@dataclass(frozen=True)
class Batch:
    """It never changes, so its file is always the same: exported twice is not paid twice."""

    id: str
    created_at_ms: int
    created_by: str  # keyed hash of the user's `sub`
    body: str  # hash of the request's body
    lines: tuple[TransferLine, ...]

    @property
    def totals(self) -> dict[str, int]:
        """Minor units by currency, in alphabetical order."""
        sums = Counter[str]()
        for line in self.lines:
            sums[line.currency] += line.amount
        return dict(sorted(sums.items()))


@dataclass(frozen=True)
class Download:
    """Somebody was given the file, with the whole accounts in it."""

    by: str
    at_ms: int


def major_units(amount: int, currency: str) -> str:
    """Write an amount in major units: 1500 USD is "15.00", 1500 JPY is "1500"."""
    digits = exponent(currency)
    if digits == 0:
        return str(amount)
    whole, rest = divmod(amount, 10**digits)
    return f"{whole}.{rest:0{digits}}"


def as_csv(lines: Iterable[tuple[TransferLine, BankAccount]]) -> str:
    """Make the file, see `csv_files`: a head, and a line for each. `reference` is the withdrawal's id.

    Bank and country have columns where an account of the batch says them: files of before stay as they were.
    """
    told = list(lines)
    banks = any(account.bic or account.country for _, account in told)
    return csv_files.write([
        (*HEAD, *(OF_BANKS if banks else ())),
        *(
            (
                line.withdrawal_id, account.holder, account.iban, account.number, account.bank_code,
                Decimal(major_units(line.amount, line.currency)), line.currency,
                *((account.bic, account.country) if banks else ()),
            )
            for line, account in told
        ),
    ])  # fmt: skip
