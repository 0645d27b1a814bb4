"""Attribute values as tuples, ("S", "text") for {"S": "text"}: they never change, so whoever has one may keep it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

Value = tuple[str, Any]
Attributes = Mapping[str, Value]

ITEM_LIMIT_BYTES = 400 * 1024
DIGITS = 38
_WHOLE = re.compile(r"0|-?[1-9][0-9]*")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_PLAIN = {"S": str, "B": bytes, "BOOL": bool}


class NotModelled(BaseException):
    """What DynamoDB would do is not known here: it is to be added, and held against DynamoDB Local.

    No Exception: a handler that sets aside what fails must not set this aside.
    """


class Invalid(Exception):
    """A request that DynamoDB answers with ValidationException, whatever is in the table."""


class Unfit(Invalid):
    """The same, because of what the item is: in a transaction it is the reason of one action."""


def read(wire: Any) -> Value:
    """The value of {"S": "text"}. Raises Invalid."""
    if not isinstance(wire, dict) or len(wire) != 1:
        raise NotModelled(f"not one type and one value: {wire!r}")
    ((kind, value),) = wire.items()
    if kind in _PLAIN:
        if not isinstance(value, _PLAIN[kind]):
            raise NotModelled(f"botocore refuses this: {wire!r}")
        return kind, value
    match kind:
        case "N":
            return kind, _number(value)
        case "NULL" if value is True:
            return kind, True
        case "L":
            return kind, tuple(map(read, value))
        case "M":
            return kind, read_all(value)
    raise NotModelled(f"values of type {kind}: {wire!r}")


def read_all(wire: Mapping[str, Any]) -> Attributes:
    """The attributes of an item or a map."""
    return {name: read(value) for name, value in wire.items()}


def write(value: Value) -> dict[str, Any]:
    """The value as an answer has it, the caller's own."""
    kind, plain = value
    match kind:
        case "N":
            return {kind: str(plain)}
        case "L":
            return {kind: [write(part) for part in plain]}
        case "M":
            return {kind: write_all(plain)}
    return {kind: plain}


def write_all(attributes: Attributes) -> dict[str, Any]:
    return {name: {"S": value[1]} if value[0] == "S" else write(value) for name, value in attributes.items()}


def number(value: int) -> Value:
    """The sum of two numbers."""
    if _digits(value) > DIGITS:
        raise NotModelled(f"a sum of more than {DIGITS} digits: {value}")
    return "N", value


def _number(text: Any) -> int:
    if not isinstance(text, str):
        raise NotModelled(f"botocore refuses this number: {text!r}")
    if not _NUMBER.fullmatch(text):
        raise Invalid("A value provided cannot be converted into a number")
    if not _WHOLE.fullmatch(text):
        raise NotModelled(f"numbers with fractions, exponents or idle zeros: {text}")
    if _digits(int(text)) > DIGITS:
        raise Invalid(f"DynamoDB only supports precision up to {DIGITS} digits")
    return int(text)


def _digits(value: int) -> int:
    return len(str(abs(value)).rstrip("0"))


def size(value: Value) -> int:
    """Bytes that a value counts: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html"""
    kind, plain = value
    match kind:
        case "S":
            return len(str(plain).encode())
        case "B":
            return len(bytes(plain))
        case "N":
            return (_digits(plain) + 1) // 2 + 1 + int(plain < 0)
        case "L":
            return 3 + sum(1 + size(part) for part in plain)
        case "M":
            return 3 + len(plain) + size_all(plain)
    return 1


def size_all(attributes: Attributes) -> int:
    """Bytes that an item counts: names and values."""
    return sum(len(name.encode()) + size(value) for name, value in attributes.items())


class Item(dict[str, Value]):
    """The attributes of an item that stays as it is: its size is counted once."""

    @cached_property
    def bytes(self) -> int:
        return size_all(self)
