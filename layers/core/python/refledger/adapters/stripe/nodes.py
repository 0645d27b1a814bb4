"""What is inside a Stripe event: objects that know where they are, amounts in Stripe's units, the key of a payment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from refledger.adapters.stripe_units import to_iso
from refledger.domain import currencies
from refledger.domain.errors import Unreadable

SYSTEM: Final = "stripe"


@dataclass(frozen=True, slots=True)
class Node:
    """An object inside the event that knows where it is: errors name the place and never the value."""

    path: str
    fields: Mapping[str, Any]

    def wrong(self, name: str, why: str) -> Unreadable:
        return Unreadable(f"{self.path}.{name}: {why}")

    def optional(self, name: str) -> Node | None:
        value = self.fields.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise self.wrong(name, "not an object")
        return Node(f"{self.path}.{name}", value)

    def required(self, name: str) -> Node:
        node = self.optional(name)
        if node is None:
            raise self.wrong(name, "missing")
        return node

    def objects(self, name: str) -> list[Node]:
        values = self.fields.get(name)
        if not isinstance(values, list) or not all(isinstance(value, Mapping) for value in values):
            raise self.wrong(name, "not a list of objects")
        return [Node(f"{self.path}.{name}[]", value) for value in values]

    def integer(self, name: str) -> int:
        value = self.fields.get(name)
        if type(value) is not int:  # a bool is an int to Python, and not to us
            raise self.wrong(name, "not an integer")
        return value

    def flag(self, name: str) -> bool:
        value = self.fields.get(name)
        if not isinstance(value, bool):
            raise self.wrong(name, "not a boolean")
        return value

    def text(self, name: str) -> str:
        value = self.fields.get(name)
        if not isinstance(value, str):
            raise self.wrong(name, "not a string")
        return value

    def reference(self, name: str) -> str | None:
        """Return the id of another object.

        Which Stripe sends as the id or, expanded, as the whole object.
        """
        value = self.fields.get(name)
        if value is None or isinstance(value, str):
            return value
        return self.required(name).text("id")

    def metadata(self, name: str = "metadata") -> Mapping[str, str]:
        node = self.optional(name)
        if node is None:
            return {}
        if not all(isinstance(value, str) for value in node.fields.values()):
            raise self.wrong(name, "not only strings")
        return node.fields


def payment_key(node: Node) -> str | None:
    """Return the payment that a charge, refund or dispute is about.

    Its intent where it has one, else its charge.
    """
    return node.reference("payment_intent") or node.reference("charge")


def money(node: Node, amount: int) -> tuple[str, int]:
    """Return the currency of `node` in capitals, and Stripe's `amount` in its ISO 4217 minor units.

    Raises Unreadable.
    """
    given = node.text("currency")
    code = given.upper()
    if len(given) != 3 or not given.isascii() or not currencies.is_currency(code):
        raise node.wrong("currency", "not an ISO 4217 currency")
    converted = to_iso(amount, code)
    if converted is None:
        raise node.wrong("currency", "the amount is not exact in its ISO 4217 minor units")
    return code, converted
