"""How large DynamoDB takes an item to be: what its capacity is rounded up from.

The rules are those of the Developer Guide, "DynamoDB item sizes and formats".
"""

from __future__ import annotations

from typing import Any

Attribute = dict[str, Any]  # {"S": "text"}, as the client sends it

_CONTAINER_BYTES, _ELEMENT_BYTES = 3, 1


def item_bytes(item: dict[str, Attribute]) -> int:
    """Names and values of an item in the client's own form."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(attribute: Attribute) -> int:
    [(kind, value)] = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "B":
            return len(value)
        case "N":
            return _number_bytes(value)
        case "BOOL" | "NULL":
            return 1
        case "L":
            return _CONTAINER_BYTES + sum(_ELEMENT_BYTES + _value_bytes(part) for part in value)
        case "M":
            return _CONTAINER_BYTES + len(value) * _ELEMENT_BYTES + item_bytes(value)
        case _:
            raise ValueError(f"the table has no attributes of type {kind}")


def _number_bytes(text: str) -> int:
    """One byte for two significant digits and one more; zeros at the end are free, a sign costs a byte."""
    digits = text.lstrip("-").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")
