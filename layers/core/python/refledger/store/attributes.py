"""Plain values as DynamoDB has them, {"S": "text"} for "text", and back.

Texts, whole numbers, flags, None, bytes, lists and maps: what items are made of. A float is refused, and so is every
other type; numbers have 38 digits at most, as DynamoDB keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from refledger.store.transaction import Item

TOO_LARGE = 10**38
Attribute = dict[str, Any]


def pack(values: Mapping[str, Any]) -> dict[str, Attribute]:
    """Return an item, or a part of one, as a request has it.

    Raises TypeError for what no item may have in it, OverflowError for a number of more than 38 digits.
    """
    return {
        name: {"S": value} if type(value) is str else _packed(value)  # most are texts
        for name, value in values.items()
    }


def unpack(values: Mapping[str, Attribute]) -> Item:
    """Return what an answer has as plain values.

    Raises KeyError for a type that no item has, ValueError for a number that is not whole.
    """
    plain: Item = {}
    for name, value in values.items():  # `_plain`, of which an item has many
        ((kind, inner),) = value.items()
        plain[name] = inner if kind == "S" else _READS[kind](inner)
    return plain


def _packed(value: Any) -> Attribute:
    write = _WRITES.get(type(value))
    return write(value) if write else _packed_alike(value)


def _packed_alike(value: Any) -> Attribute:
    """Of what is such a type as well: members of an enum are texts."""
    for kind, write in _ALIKE:
        if isinstance(value, kind):
            return write(value)
    raise TypeError(f"no value of an item: {type(value).__name__}")


def _number(value: int) -> Attribute:
    if not -TOO_LARGE < value < TOO_LARGE:
        raise OverflowError("a number of more than 38 digits")
    return {"N": str(int(value))}


_WRITES: dict[type, Callable[[Any], Attribute]] = {
    str: lambda value: {"S": value},
    int: _number,
    bool: lambda value: {"BOOL": value},
    type(None): lambda _: {"NULL": True},
    bytes: lambda value: {"B": value},
    list: lambda value: {"L": list(map(_packed, value))},
    tuple: lambda value: {"L": list(map(_packed, value))},
    dict: lambda value: {"M": pack(value)},
}
_ALIKE = [(kind, _WRITES[kind]) for kind in (str, int, bytes, list, tuple)] + [(Mapping, _WRITES[dict])]


def _plain(value: Attribute) -> Any:
    ((kind, inner),) = value.items()
    return inner if kind == "S" else _READS[kind](inner)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        from decimal import Decimal  # 1E+2, which is whole

        number = Decimal(text)
        if number != int(number):
            raise
        return int(number)


_READS: dict[str, Callable[[Any], Any]] = {
    "S": str,
    "N": _whole,
    "BOOL": bool,
    "NULL": lambda _: None,
    "B": bytes,
    "L": lambda values: list(map(_plain, values)),
    "M": unpack,
}
