"""What must hold of ids, times and amounts, whoever sent them."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Final, assert_never

from refledger.domain import currencies, times
from refledger.domain.errors import Unreadable
from refledger.domain.payment_events import (
    CodeGiven,
    DisputeClosed,
    DisputeOpened,
    PaymentAlias,
    PaymentEvent,
    PaymentReceived,
    PaymentSkipped,
    RefundReceived,
    RefundTotal,
)

MAX_ID_CHARACTERS: Final = 256
MAX_FUTURE_MS: Final = times.DAY_MS  # clocks differ; a payment of next month is a mistake

# RFC 3339, with a zone always. `fromisoformat` alone would take week dates, spaces and no zone at all.
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
# Control characters, and lone halves of a surrogate pair: no store can encode those.
_UNPRINTABLE: Final = frozenset(("Cc", "Cs"))


def id_fault(text: str) -> str | None:
    """Return what is wrong with an id, None where nothing is."""
    if not 1 <= len(text) <= MAX_ID_CHARACTERS:
        return "not 1 to 256 characters"
    if not text.isprintable() and any(unicodedata.category(character) in _UNPRINTABLE for character in text):
        return "a control character"
    return None


def moment_ms(text: str) -> int:
    """Parse an RFC 3339 text to epoch milliseconds.

    Raises ValueError, also for the 30th of February.
    """
    if not _MOMENT.fullmatch(text):
        raise ValueError("not a time with a zone")
    return times.from_datetime(datetime.fromisoformat(text))


def checked(event: PaymentEvent, now_ms: int) -> PaymentEvent:
    """Return the event as it is, or refuse it.

    One limit serves a payment's amount and its base, which is never more. Raises Unreadable.
    """
    for name, text in _ids(event).items():
        if fault := id_fault(text):
            raise Unreadable(f"{name}: {fault}")
    if _amount(event) > currencies.MAX_AMOUNT:
        raise Unreadable("amount: too large")
    if not 0 <= event.occurred_at_ms <= now_ms + MAX_FUTURE_MS:
        raise Unreadable("time: before 1970, or more than a day in the future")
    return event


def _ids(event: PaymentEvent) -> dict[str, str]:
    if isinstance(event, CodeGiven):
        return {"id": event.given_in, "customer id": event.customer_id}
    ids = {"payment id": event.payment_id}
    match event:
        case PaymentReceived():
            ids |= {"customer id": event.customer_id, "program id": event.program_id}
            ids |= {f"name {number}": name for number, name in enumerate(event.names, 1)} | _products(event)
            return ids | ({"other customer id": event.other_customer_id} if event.other_customer_id else {})
        case RefundReceived():
            return ids | {"refund id": event.refund_id}
        case DisputeOpened() | DisputeClosed():
            return ids | {"dispute id": event.dispute_id}
        case PaymentAlias():
            return ids | {"alias id": event.alias_id}
        case PaymentSkipped():
            return ids | (_products(event.told) if event.told else {})
        case RefundTotal():
            return ids
        case _:
            assert_never(event)


def _products(event: PaymentReceived) -> dict[str, str]:
    named = {"product id": event.product_id} if event.product_id else {}
    return named | {f"product of line {number}": name for number, (name, _) in enumerate(event.lines, 1) if name}


def _amount(event: PaymentEvent) -> int:
    match event:
        case PaymentReceived():
            return event.amount + event.uncaptured
        case RefundReceived() | DisputeOpened() | PaymentSkipped():
            return event.amount
        case RefundTotal():
            return event.total
        case DisputeClosed() | PaymentAlias() | CodeGiven():
            return 0
        case _:
            assert_never(event)
