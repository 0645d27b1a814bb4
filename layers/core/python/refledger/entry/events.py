"""Payment events as they come out of the queue: one JSON text in; a payment, or a reason to do nothing, out.

Two senders are known. The owner's own systems send `source: payments`, `detail-type: Payment Succeeded`; its
detail is `events/schemas/payment_succeeded.schema.json`, which a test holds against the model below. Stripe's
partner event source is read by `adapters/stripe.py`.

Fields that are not known are passed over: producers add fields, and a payment must not be lost over one. (The
HTTP API refuses them, because there a person reads the answer.) What is known is strict: no number in a
string, no 1.0 for 1.

Every refusal is an `Unreadable` whose text names the place and the kind of fault, never a value: it becomes
an attribute of the message in the dead-letter queue.
"""

from __future__ import annotations

import json
import re
import time
import unicodedata
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from refledger.adapters import stripe
from refledger.domain import currencies, times
from refledger.domain.errors import Unreadable
from refledger.domain.payments import DEFAULT_PROGRAM, PaymentReceived, Skipped

SYSTEM: Final = "payments"
SOURCE: Final = "payments"
DETAIL_TYPE: Final = "Payment Succeeded"

MAX_BODY_CHARACTERS: Final = 1_048_576  # a message of SQS and an entry of EventBridge hold at most 1 MiB
MAX_DEPTH: Final = 32
MAX_ID_CHARACTERS: Final = 256
MAX_FUTURE_MS: Final = times.DAY_MS  # clocks differ; a payment of next month is a mistake
_MAX_FAULTS: Final = 3

# RFC 3339, with a zone always. `fromisoformat` alone would take week dates, spaces and no zone at all.
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
# Control characters, and lone halves of a surrogate pair: no store can encode those.
_UNPRINTABLE: Final = frozenset(("Cc", "Cs"))


def parse_body(text: str) -> dict[str, Any]:
    """The JSON object in `text`, the body of a queue message.

    Numbers with a point or an exponent become Decimal: Stripe's tax rates have them, money never has. Of a
    name that occurs twice the last one counts. Raises Unreadable for what is not JSON (NaN and Infinity are
    not), too long or nested too deeply.
    """
    if len(text) > MAX_BODY_CHARACTERS:
        raise Unreadable("body: too long")
    try:
        body = json.loads(text, parse_float=Decimal, parse_constant=_not_a_number)
    except RecursionError:
        raise Unreadable("body: nested too deeply") from None
    except (ValueError, ArithmeticError):  # or a number beyond all bounds. `from None`: they quote the text
        raise Unreadable("body: not JSON") from None
    if not isinstance(body, dict):
        raise Unreadable("body: not an object")
    _refuse_depth(body)
    return body


def read_payment(
    event: dict[str, Any], *, now_ms: int | None = None, livemode: bool | None = True
) -> PaymentReceived | Skipped:
    """What an EventBridge event comes to: a payment, or a reason for there being nothing to do.

    `now_ms` is the present in epoch milliseconds (None: the clock's). `livemode` is the Stripe mode that
    counts here; events of the other one are skipped (None: both count). Raises Unreadable.
    """
    source, kind, detail = event.get("source"), event.get("detail-type"), event.get("detail")
    if not isinstance(detail, dict):
        raise Unreadable("detail: not an object")
    if source == SOURCE and kind == DETAIL_TYPE:
        found = _own(detail)
    elif isinstance(source, str) and source.startswith(stripe.SOURCE_PREFIX):
        if kind != detail.get("type"):
            raise Unreadable("detail-type: not the type of the Stripe event")
        found = stripe.read(detail, livemode=livemode)
    else:
        raise Unreadable("unknown source or detail-type")
    if isinstance(found, Skipped):
        return found
    return _checked(found, time.time_ns() // 1_000_000 if now_ms is None else now_ms)


def _not_a_number(_: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


def _refuse_depth(body: dict[str, Any]) -> None:
    level: list[Any] = [body]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise Unreadable("body: nested too deeply")


def _id_fault(text: str) -> str | None:
    if not 1 <= len(text) <= MAX_ID_CHARACTERS:
        return "not 1 to 256 characters"
    if any(unicodedata.category(character) in _UNPRINTABLE for character in text):
        return "a control character"
    return None


def _identifier(text: str) -> str:
    if fault := _id_fault(text):
        raise PydanticCustomError("identifier", "{fault}", {"fault": fault})
    return text


def _currency(code: str) -> str:
    if not currencies.is_currency(code):
        raise PydanticCustomError("unknown_currency", "not an ISO 4217 currency")
    return code


def _moment_ms(text: str) -> int:
    """Epoch milliseconds of an RFC 3339 text. Raises ValueError, also for the 30th of February."""
    if not _MOMENT.fullmatch(text):
        raise ValueError("not a time with a zone")
    return times.from_datetime(datetime.fromisoformat(text))


def _moment(text: str) -> str:
    try:
        _moment_ms(text)
    except ValueError:
        raise PydanticCustomError("time_with_zone", "not an RFC 3339 time with a zone") from None
    return text


_Identifier = Annotated[str, AfterValidator(_identifier)]
_Money = Annotated[int, Field(ge=0, le=currencies.MAX_AMOUNT)]


class _Detail(BaseModel):
    """The detail of a "Payment Succeeded" event. Amounts are whole ISO 4217 minor units."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, alias_generator=to_camel)

    payment_id: _Identifier
    customer_id: _Identifier
    program_id: _Identifier = DEFAULT_PROGRAM
    amount: _Money
    tax_amount: _Money = 0
    discount_amount: _Money = 0
    currency: Annotated[str, AfterValidator(_currency)]
    occurred_at: Annotated[str, AfterValidator(_moment)]


def _own(fields: dict[str, Any]) -> PaymentReceived | Skipped:
    try:
        detail = _Detail.model_validate(fields)
    except ValidationError as error:
        raise Unreadable(_faults(error)) from None  # pydantic's own text quotes the values
    paid = detail.amount - detail.discount_amount
    base = paid - detail.tax_amount
    if base < 0:
        raise Unreadable("detail: tax and discount are more than the amount")
    if paid == 0:
        return Skipped("NOTHING_PAID")
    return PaymentReceived(
        system=SYSTEM,
        payment_id=detail.payment_id,
        customer_id=detail.customer_id,
        program_id=detail.program_id,
        amount=paid,
        base=base,
        currency=detail.currency,
        occurred_at_ms=_moment_ms(detail.occurred_at),
    )


def _faults(error: ValidationError) -> str:
    """Place and kind of fault: "detail.amount: int_type". Unknown fields are ignored: each name is ours."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    named = [f"detail.{'.'.join(map(str, each['loc']))}: {each['type']}" for each in faults[:_MAX_FAULTS]]
    return "; ".join(named + ["…"] * (len(faults) > _MAX_FAULTS))


def _checked(payment: PaymentReceived, now_ms: int) -> PaymentReceived:
    """What must hold whoever sent it. The base follows from the amount, so one limit serves both."""
    for name, text in (
        ("payment id", payment.payment_id),
        ("customer id", payment.customer_id),
        ("program id", payment.program_id),
    ):
        if fault := _id_fault(text):
            raise Unreadable(f"{name}: {fault}")
    if payment.amount > currencies.MAX_AMOUNT:
        raise Unreadable("amount: too large")
    if not 0 <= payment.occurred_at_ms <= now_ms + MAX_FUTURE_MS:
        raise Unreadable("time: before 1970, or more than a day in the future")
    return payment
