"""What Pydantic found wrong, in words: for callers of the API and for the reasons in dead-letter queues.

A place has names of fields and numbers of entries in it, and nothing of how models are built; a reason never repeats
what was sent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from pydantic import ValidationError

from refledger.entry.models.kinds import KINDS, REFUSED

_MAX_FAULTS: Final = 3
_BUILT: Final = (
    "function-",
    "constrained-",
    "lax-or-strict[",
    "json-or-python[",
    "chain[",
    "nullable[",
    "tagged-union[",
    "str-enum[",
    "literal[",
)
_ONE_OF: Final = "one of "
_CHOICE: Final = re.compile(r"\^\(([A-Z_|]+)\)\$")
_WORDS: Final = {
    "missing": "missing",
    "int_type": "not a whole number",
    "int_from_float": "not a whole number",
    "string_type": "not a text",
    "model_type": "not an object",
    "list_type": "not a list",
    "greater_than": "not above {gt}",
    "greater_than_equal": "less than {ge}",
    "less_than_equal": "more than {le}",
    "string_too_long": "longer than {max_length} characters",
    "string_too_short": "shorter than {min_length} characters",
    "string_pattern_mismatch": "not in the form that it must have",
    "literal_error": "not one of {expected}",
}


def place(loc: Sequence[object]) -> str:
    """Write where a fault is: `items.3.amount`; "" for the whole."""
    return ".".join(str(part) for part in loc if part not in KINDS and not str(part).startswith(_BUILT))


def reasons(error: ValidationError, of: str) -> str:
    """Write place and fault of the first few, each place once: `detail.amount: not a whole number`.

    `of`: what was read.
    """
    found: dict[str, str] = {}
    for detail in error.errors(include_url=False, include_input=False):
        ctx = detail.get("ctx", {})
        inside = [*detail["loc"], *([ctx["field"]] if detail["type"] == REFUSED else [])]
        found.setdefault(".".join(filter(None, (of, place(inside)))), _reason(detail))
    named = [f"{where}: {why}" for where, why in list(found.items())[:_MAX_FAULTS]]
    return "; ".join(named + ["…"] * (len(found) > _MAX_FAULTS))


def message(detail: Any) -> str:
    """Write a fault as Pydantic says it.

    In our own words where its own are about Python and not about what was sent.
    """
    match detail:
        case {"type": "value_error", "ctx": {"error": error}}:
            return str(error)
        case {"type": "too_short", "ctx": {"field_type": "Value", "min_length": least}}:
            return f"at least {least} character{'s' if least > 1 else ''}"
        case {"type": "too_long", "ctx": {"field_type": "Value", "max_length": most}}:
            return f"at most {most} characters"
        case {"type": "string_pattern_mismatch", "ctx": {"pattern": pattern}}:  # told in words: few read expressions
            words = _CHOICE.fullmatch(pattern)
            return _ONE_OF + ", ".join(words[1].split("|")) if words else _WORDS["string_pattern_mismatch"]
        case {"type": "enum" | "literal_error", "ctx": {"expected": values}}:
            return _ONE_OF + str(values).replace(" or ", ", ").replace("'", "")
        case {"type": "extra_forbidden", "loc": ("page" | "offset",)}:
            return "not known; lists go on with `cursor`"
        case {"type": "extra_forbidden"}:
            return "not known"
        case _:
            return str(detail["msg"])


def joined(found: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Make one fault of choices at one place: Pydantic names those of each kind of a union by themselves."""
    told: list[dict[str, str]] = []
    for field, message in ((each["field"], each["message"]) for each in found):
        last = told[-1] if told else {"field": "", "message": ""}
        if last["field"] == field and last["message"].startswith(_ONE_OF) and message.startswith(_ONE_OF):
            last["message"] += f", {message.removeprefix(_ONE_OF)}"
        else:
            told.append({"field": field, "message": message})
    return told


def _reason(detail: Any) -> str:
    if detail["type"] == "string_too_short" and detail["ctx"]["min_length"] == 1:
        return "empty"
    words = _WORDS.get(detail["type"])
    return words.format(**detail.get("ctx", {})) if words else message(detail)
