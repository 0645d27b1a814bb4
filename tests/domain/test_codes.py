"""Referral codes: what the system makes, and what it takes for one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain import codes
from refledger.domain.errors import CodeNotAllowed


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


# ---------------------------------------------------------------- codes that people choose

CHOSEN = st.from_regex(r"[A-Za-z0-9]{2,10}([-_][A-Za-z0-9]{2,10})?", fullmatch=True).filter(lambda code: len(code) >= 4)


@given(CHOSEN)
def test_a_chosen_code_is_stored_as_it_is_found(typed: str) -> None:
    """In capitals; what is stored is what a look-up of the same text comes to. Small letters look the same."""
    try:
        code = codes.chosen(f" {typed} ")
    except CodeNotAllowed:
        return
    assert code == codes.normalise(typed) == codes.chosen(typed.lower())
    assert codes.fold(code) == codes.fold(codes.fold(code))


@given(st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_codes_that_are_made_and_look_alike_are_found_out(one: bytes, other: bytes) -> None:
    """The same code looks like itself; one that differs in a character that is not a pair's half looks different."""
    first, second = codes.make(one), codes.make(other)
    differ = [(a, b) for a, b in zip(first, second, strict=True) if a != b]
    if codes.fold(first) == codes.fold(second):
        assert all(codes.fold(a) == codes.fold(b) for a, b in differ) or "W" in codes.fold(first)
    assert codes.is_made(first)


@pytest.mark.parametrize(
    ("one", "other"),
    [("O0Q", "000"), ("I1L", "111"), ("UV", "VV"), ("S5", "55"), ("Z2", "22"), ("B8", "88"), ("G6", "66"), ("W", "UU"),
     ("M", "RN"), ("A-B_C", "ABC")],
)  # fmt: skip
def test_what_is_mistaken_for_each_other_looks_alike(one: str, other: str) -> None:
    """Whichever of both is there first."""
    assert codes.fold(one) == codes.fold(other)


@pytest.mark.parametrize(
    "typed", ["support", "SUPP0RT", "Sup-Port", "admin", "adm1n", "api-", "api_", "payment5", "NULL"]
)
def test_nobody_chooses_what_sounds_official(typed: str) -> None:
    """Nor anything that looks like it."""
    with pytest.raises(CodeNotAllowed):
        codes.chosen(typed)


@pytest.mark.parametrize(
    "typed", ["supporters", "go-team-ada", "ADA", "A" * 33, "a b c d", "aaaa", "vvuu", "_abc", "a__b"]
)
def test_only_whole_words_are_official_and_codes_have_a_form(typed: str) -> None:
    """A longer word that begins so is nobody's; what is too short, too long, odd or all the same is refused."""
    if typed in ("supporters", "go-team-ada"):
        assert codes.chosen(typed) == typed.upper()
    else:
        with pytest.raises(CodeNotAllowed):
            codes.chosen(typed)
