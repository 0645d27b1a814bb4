"""A Stripe transfer as far as a payout is concerned, read from an API answer or from an event. No SDK, no network.

Source: https://docs.stripe.com/api/transfers/object (read in November 2026). `reversed` is true only where all of it
came back; a part of it shows in `amount_reversed` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from refledger.adapters import stripe_units
from refledger.domain.errors import UnknownCurrency


class NotATransfer(ValueError):
    """What was read is no transfer, or not as Stripe documents one. The text names the field and never its value."""


@dataclass(frozen=True)
class Transfer:
    """`amount` and `amount_reversed` in Stripe's units. `withdrawal_id`, `key`: empty where they are not ours."""

    id: str
    amount: int
    amount_reversed: int
    currency: str  # as in ISO 4217, in capitals
    destination: str = field(repr=False)  # the connected account
    livemode: bool
    reversed: bool
    withdrawal_id: str
    key: str

    @property
    def iso_amount(self) -> int | None:
        """`amount` in ISO 4217 minor units.

        None where that is not exact, or Stripe would not be asked for it so.
        """
        try:
            converted = stripe_units.to_iso(self.amount, self.currency)
        except UnknownCurrency:
            return None
        exact = converted is not None and stripe_units.from_iso(converted, self.currency) == self.amount
        return converted if exact else None

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Read a Transfer object of Stripe's.

        Raises NotATransfer.
        """
        if given.get("object") != "transfer":
            raise NotATransfer("object: not a transfer")
        destination, metadata = given.get("destination"), given.get("metadata") or {}
        if isinstance(destination, Mapping):  # expanded
            destination = destination.get("id")
        if not isinstance(metadata, Mapping):
            raise NotATransfer("metadata: not an object")
        made = cls(
            id=_text(given, "id"),
            amount=_whole(given, "amount"),
            amount_reversed=_whole(given, "amount_reversed"),
            currency=_text(given, "currency").upper(),
            destination=destination if isinstance(destination, str) else "",
            livemode=_truth(given, "livemode"),
            reversed=_truth(given, "reversed"),
            withdrawal_id=_label(metadata, "withdrawalId"),
            key=_label(metadata, "key"),
        )
        if not made.id.startswith("tr_"):
            raise NotATransfer("id: not that of a transfer")
        return made


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str):
        raise NotATransfer(f"{name}: not a text")
    return value


def _whole(given: Mapping[str, Any], name: str) -> int:
    value = given.get(name)
    if type(value) is not int or value < 0:  # a bool is an int to Python, and not to us
        raise NotATransfer(f"{name}: not a whole number of minor units")
    return value


def _truth(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name)
    if not isinstance(value, bool):
        raise NotATransfer(f"{name}: neither true nor false")
    return value


def _label(metadata: Mapping[str, Any], name: str) -> str:
    value = metadata.get(name, "")
    return value if isinstance(value, str) else ""
