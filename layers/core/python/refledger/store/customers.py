"""What is known of a customer over all programs: where somebody referred them, and what they paid while nobody had.

Small items in a partition of the customer's own, each written again without harm.
"""

from __future__ import annotations

from refledger.domain.times import DAY_MS
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, put

NOBODYS_KEPT_DAYS = 540  # like the payments themselves
PROGRAMS_LIMIT = 10  # of one customer that are looked at


def referred(customer: str, program_id: str) -> Write:
    """Note that somebody has referred the customer in this program."""
    return put("", {**keys.customer_program(customer, program_id), "program": program_id}, "")


def programs_of(table: Table, customer: str, *, strong: bool = True) -> list[str]:
    """Programs in which the customer was referred, whether that still counts or not."""
    found = table.query(*keys.programs_of_customer(customer), page_size=PROGRAMS_LIMIT, strong=strong)
    return [item["program"] for _, item in zip(range(PROGRAMS_LIMIT), found, strict=False)]


def nobodys(customer: str, payment_id: str, at_ms: int, now_ms: int, customer_id: str = "") -> Write:
    """The customer, whom the owner calls `customer_id`, paid at `at_ms`, and nobody had referred them."""
    expires = (now_ms + NOBODYS_KEPT_DAYS * DAY_MS) // 1000
    named = {"customer_id": customer_id} if customer_id else {}
    key = keys.nobodys_payment(customer, at_ms, payment_id)
    return put("", {**key, "payment": payment_id, "ttl": expires, **named}, "")


def of_nobodys(item: Item) -> dict[str, str]:
    """Return what the owner calls who made the payment, by its id; {} for what is no payment of nobody."""
    return {item["payment"]: item.get("customer_id", "")} if "payment" in item else {}


def nobodys_since(table: Table, customer: str, from_ms: int, limit: int) -> list[str]:
    """Return the ids of payments that were nobody's, made at `from_ms` or later, the first of them first."""
    found = table.query(*keys.nobodys_payments(customer, from_ms), page_size=limit)
    return [item["payment"] for _, item in zip(range(limit), found, strict=False)]


def paid_before(table: Table, customer: str, before_ms: int) -> bool:
    """Return whether the customer paid before that moment while nobody had referred them."""
    found = table.query(*keys.nobodys_payments(customer, 0, before_ms), page_size=1)
    return next(found, None) is not None
