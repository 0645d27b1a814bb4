"""The text of a queue message, before anybody asks what it says."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final

from refledger.adapters.ids import is_user_id
from refledger.domain.errors import Unreadable

MAX_BODY_CHARACTERS: Final = 1_048_576  # a message of SQS and an entry of EventBridge hold at most 1 MiB
MAX_DEPTH: Final = 32


def parse_body(text: str) -> dict[str, Any]:
    """Parse the JSON object in `text`, the body of a queue message.

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


def told_by(event: dict[str, Any]) -> str:
    """Return who told of it over HTTP (keyed hash), "" for nobody.

    Raises Unreadable: who that is must not be lost over a fault.
    """
    caller = event.get("caller", "")
    if not isinstance(caller, str) or (caller and not is_user_id(caller)):
        raise Unreadable("caller: not an id")
    return caller


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
