"""What each side can be asked for, whatever it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

PARTNERS, TOPS = 320, 20  # each of the others is referred by one of the tops, and has one customer
CURRENCY = "USD"
RATES_BPS = (2000, 1000)


def upline(partner: int) -> int | None:
    return None if partner < TOPS else partner % TOPS


@dataclass(frozen=True)
class Payment:
    """`partner`: by number, whose customer pays. `amount`: in cents."""

    id: str
    partner: int
    amount: int


@dataclass
class Books:
    """What is wrong with them. Money in cents; None: it cannot be asked here."""

    payments: int = 0
    counted_twice: int | None = 0
    off: int = 0  # what rewards and balances differ by, summed over partners
    beyond: int = 0  # withdrawn, and never earned

    @property
    def balance(self) -> bool:
        return not (self.counted_twice or self.off or self.beyond)


class Side(Protocol):
    """One of those that are compared. Calls come from many threads at once."""

    name: str
    batch: int  # payments in a delivery, at most
    has_keys: bool  # whether a repeated withdrawal is known by its Idempotency-Key

    def pay(self, payments: Sequence[Payment]) -> None:
        """Record them; a repeat is taken for one where ids are known."""

    def settle(self) -> None:
        """Do what a payment leaves to be done until it is in balances and figures."""

    def mature(self) -> None:
        """Do what a payment leaves to be done until it is in balances."""

    def statistics(self, partner: int) -> None:
        """A partner reads their figures."""

    def withdraw(self, partner: int, amount: int, key: str) -> bool:
        """A partner asks for an amount; whether it was granted."""

    def available(self, partner: int) -> int: ...

    def application_ms(self) -> float: ...

    def database_ms(self) -> float: ...

    def books(self) -> Books: ...
