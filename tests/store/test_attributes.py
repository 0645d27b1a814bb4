"""Values of items, held against boto3's own serializer."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any

import pytest
from boto3.dynamodb.types import DYNAMODB_CONTEXT, TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from refledger.store.attributes import pack, unpack

serialize, deserialize = TypeSerializer().serialize, TypeDeserializer().deserialize
MOST = 10**38 - 1
numbers = st.integers(-MOST, MOST) | st.sampled_from([0, MOST, -MOST, 10**37, 10**18])
plain = st.recursive(
    st.one_of(st.text(), numbers, st.booleans(), st.none(), st.binary()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


class Status(StrEnum):
    PAID = "PAID"


class Level(IntEnum):
    TWO = 2


class Amount(int):
    """Which says itself in other words."""

    def __str__(self) -> str:
        return "two"


@given(item=st.dictionaries(st.text(max_size=4), plain, max_size=5))
def test_values_are_written_and_read_as_boto3_does(item: dict[str, Any]) -> None:
    """Both ways, and what is read is what was written."""
    packed = pack(item)
    assert packed == {name: serialize(value) for name, value in item.items()}
    assert unpack(packed) == item
    assert pack(unpack(packed)) == packed


@pytest.mark.parametrize("value", [
    Status.PAID, Level.TWO, Amount(2), (1, "a"), MappingProxyType({"a": 1}), True, [[], {}, [None]],
], ids=repr)  # fmt: skip
def test_what_is_alike_is_written_alike(value: Any) -> None:
    """Members of enums, tuples, other maps: as the text, number, list or map that they are."""
    assert pack({"v": value})["v"] == serialize(value)


@pytest.mark.parametrize("value", [1.0, float("nan"), {1, 2}, object(), [0.5], {"a": {"b": 2.5}}, 1j, Decimal("1.5")])
def test_what_no_item_has_is_refused(value: Any) -> None:
    """A float above all; and a fraction that calls itself something else."""
    with pytest.raises(TypeError, match="no value of an item"):
        pack({"v": value})


@pytest.mark.parametrize("value", [MOST + 1, -MOST - 1, 10**40, 12 * 10**40 + 1])
def test_a_number_has_38_digits(value: int) -> None:
    """More would be rounded by the table; boto3 refuses them too."""
    with pytest.raises(OverflowError):
        pack({"v": value})
    with pytest.raises(ArithmeticError):
        DYNAMODB_CONTEXT.create_decimal(value)


@pytest.mark.parametrize(
    ("text", "number"), [("1E+2", 100), ("-3e0", -3), ("7.0", 7), ("0", 0), ("1" * 38, int("1" * 38))]
)
def test_whole_numbers_in_other_forms(text: str, number: int) -> None:
    """DynamoDB may write a number as it likes."""
    assert unpack({"v": {"N": text}}) == {"v": number}
    assert int(deserialize({"N": text})) == number


@pytest.mark.parametrize(
    "wire", [{"N": "1.5"}, {"N": "1E-2"}, {"N": "a"}, {"SS": ["a"]}, {"X": 1}, {}, {"S": "a", "N": "1"}]
)
def test_what_no_item_can_say_is_no_value(wire: Any) -> None:
    """Nothing is cut off a number, and nothing is read as if it were not there."""
    with pytest.raises((ValueError, KeyError, ArithmeticError)):
        unpack({"v": wire})
