"""Referral codes: what the system makes, and what it takes for one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain import codes


@given(st.binary(min_size=10, max_size=32))
def test_a_made_code_reads_the_same_after_it_is_typed(digest: bytes) -> None:
    """Ten characters, none of them I, L, O or U; small letters and spaces around it do not matter."""
    code = codes.make(digest)
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{10}", code)
    assert codes.normalise(f"  {code.lower()}\n") == code


@given(st.binary(min_size=10, max_size=10), st.binary(max_size=22))
def test_only_the_first_ten_bytes_count(head: bytes, tail: bytes) -> None:
    """The same digest always gives the same code, whatever follows in it."""
    assert codes.make(head) == codes.make(head + tail)


def test_all_32_characters_can_occur() -> None:
    """Every byte maps into the alphabet evenly: eight bytes each."""
    made = "".join(codes.make(bytes([byte]) * 10)[0] for byte in range(256))
    assert {made.count(character) for character in codes.ALPHABET} == {8}


@given(st.text(max_size=40) | st.text(st.characters(max_codepoint=127), max_size=40))
def test_what_is_no_code_is_none_and_what_is_one_stays_one(typed: str) -> None:
    """Whatever was typed: None, or 4 to 32 of A-Z, 0-9, - and _, which normalise to themselves."""
    code = codes.normalise(typed)
    if code is not None:
        assert re.fullmatch(r"[A-Z0-9_-]{4,32}", code)
        assert codes.normalise(code) == code


@pytest.mark.parametrize(
    "typed",
    [
        "", "ABC", "A" * 33, "AB#CD", "AB CD", "AB\x00CD", "AB\ud800CD", "stra\u00dfe", "\u0131stanbul",
        "\uff21\uff22\uff23\uff24",
    ],
)  # fmt: skip
def test_look_alikes_and_separators_are_no_codes(typed: str) -> None:
    """Separators of keys, controls, lone surrogates, and letters that only become ASCII in capitals."""
    assert codes.normalise(typed) is None


@pytest.mark.parametrize(("typed", "code"), [("abcd", "ABCD"), (" VIP-2026_x ", "VIP-2026_X"), ("A" * 32, "A" * 32)])
def test_codes_that_people_choose(typed: str, code: str) -> None:
    """Dashes and underscores are kept."""
    assert codes.normalise(typed) == code
