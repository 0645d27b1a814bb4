"""The text of a queue message: what is taken for an event, and what is refused before a look inside."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.errors import Unreadable
from refledger.entry.events.body import MAX_BODY_CHARACTERS, parse_body


def test_numbers_with_a_point_become_decimals_and_never_floats() -> None:
    """Stripe's tax rates have them; 0.1 stays 0.1."""
    body = parse_body('{"rate": 0.1, "big": 1e400, "whole": 12345678901234567890, "list": [19.0]}')
    assert body == {
        "rate": Decimal("0.1"),
        "big": Decimal("1e400"),
        "whole": 12345678901234567890,
        "list": [19],
    }
    assert type(body["rate"]) is type(body["list"][0]) is Decimal


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "body: not JSON"),
        ("no", "body: not JSON"),
        ('{"a": NaN}', "body: not JSON"),
        ('{"a": -Infinity}', "body: not JSON"),
        ('{"a": 1} {"b": 2}', "body: not JSON"),
        ("\ufeff{}", "body: not JSON"),
        ('{"a": ' + "9" * 5000 + "}", "body: not JSON"),
        ('{"a": 1e99999999999999999999}', "body: not JSON"),
        ("[]", "body: not an object"),
        ("null", "body: not an object"),
        ('"text"', "body: not an object"),
        ('{"a":' * 33 + "1" + "}" * 33, "body: nested too deeply"),
        ('{"a":' + "[" * 32 + "]" * 32 + "}", "body: nested too deeply"),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "body: nested too deeply"),
        ('{"a": "' + "x" * MAX_BODY_CHARACTERS + '"}', "body: too long"),
    ],
)
def test_bodies_that_are_no_event_say_so(text: str, reason: str) -> None:
    """Broken, endless and bottomless texts end as one kind of error, which does not quote them."""
    with pytest.raises(Unreadable) as refused:
        parse_body(text)
    assert refused.value.detail == reason
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_the_deepest_body_allowed_is_read() -> None:
    """The limit is 32 levels, the body itself included; Stripe's events have about ten."""
    assert parse_body('{"a":' * 32 + "1" + "}" * 32)


@given(st.text())
def test_any_text_is_an_object_or_unreadable(text: str) -> None:
    """The queue may hold anything."""
    reason = ""
    try:
        assert isinstance(parse_body(text), dict)
    except Unreadable as refused:
        reason = refused.detail
    assert reason in ("", "body: not JSON", "body: not an object")
