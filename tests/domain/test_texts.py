"""What people may write: all of it shows, and a name is nothing but a name."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain import texts

REAL = [
    "O'Neill",
    "O\u2019Neill",
    "O\u00b4Neill",
    "'t Hooft",
    "Nguy\u1ec5n Th\u1ecb Minh Khai",
    "M\u00fcller-L\u00fcdenscheidt & S\u00f6hne GmbH",
    "\u0645\u062d\u0645\u062f \u0628\u0646 \u0633\u0644\u0645\u0627\u0646",
    "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",  # Persian, with a joiner
    "\u5f20\u4f1f",
    "\u682a\u5f0f\u4f1a\u793e\u300c\u5c71\u7530\u300d\uff08\u6771\u4eac\uff09",
    "\u845b\U000e0100\u98fe",  # a Japanese variant of a character
    "\ud64d\uae38\ub3d9",
    "\u0e2a\u0e21\u0e0a\u0e32\u0e22 \u0e43\u0e08\u0e14\u0e35",
    "\u0936\u094d\u0930\u0940 \u0915\u0943\u0937\u094d\u0923",
    "\u0f56\u0f66\u0f92\u0fb2\u0f74\u0f56\u0f66",  # three marks on a letter
    "\u1000\u103c\u103d\u1031",
    "\u05d3\u05b8\u05bc\u05d5\u05b4\u05d3",
    "\u0418\u0432\u0430\u043d \u0418\u0432\u0430\u043d\u043e\u0432",
    "\u0393\u03b9\u03ce\u03c1\u03b3\u03bf\u03c2",
    "A.P. M\u00f8ller \u2013 M\u00e6rsk A/S",
    "Smith, John",
    "Smith, John (Jr.)",
    "C++ Ltd",
    "Verified Roofing Ltd",
    "Support Our Troops, Inc.",
    "Jos\u00e9 Mar\u00eda da Silva e \u00c7ali\u015fkan",
    "AT&T",
    "Yahoo!",
    "E*TRADE",
    "Acme\u2122 Holdings \u00ae",
    "3M",
    '\u041e\u041e\u041e "\u0420\u043e\u043c\u0430\u0448\u043a\u0430"',
    "X \u00c6 A-12",
    "Ke$ha",
]

BAD = [
    "Alice\u2029Bob",
    "Alice\u2028Bob",
    "\u3164",
    "Alice\u3164",
    "\u115f",
    "\uffa0a",
    "\u2800a",
    "Ali\u034fce",
    "a" + "\u0301" * 99,
    "\u0301a",
    "Alice\u202eecilA",
    "Alice\u2066",
    "Al\u200bice",
    "Al\u200dice",
    "Alice \u200d Bob",
    "\ufeffAlice",
    "Ali\u00adce",
    "Alice\x00",
    "Alice\x1b[31m",
    "Alice\x85",
    "Alice\ue000",
    "Alice\ufffe",
    "Alice\U000e0041",
]

MARKED = [
    "Alice          [VERIFIED]",
    "Alice [VERIFIED]",
    "Alice \uff3bVERIFIED\uff3d",
    "Alice \u3010VERIFIED\u3011",
    "Alice {ok}",
    "Alice <b>",
    "Alice \u2713",
    "Alice \u2714\ufe0f",
    "Alice \u2705",
    "Alice \u2611",
    "Alice \u221a",
    "Alice \U0001f7e2",
    "Alice \u2b50",
    "Alice \u24cb",
    "Alice (VERIFIED)",
    "Alice (verif\u0456ed)",
    "Alice \uff08\uff36\uff25\uff32\uff29\uff26\uff29\uff25\uff24\uff09",
    "Alice - Approved",
    "Alice \u2013 trusted",
    "Alice: Official",
    "Alice * STAFF *",
    "---",
]


@pytest.mark.parametrize("name", REAL)
def test_names_of_people_and_companies_are_kept(name: str) -> None:
    """In every script, as they are written; a payee may be called so, too."""
    assert texts.name(name) == unicodedata.normalize("NFC", name)
    assert texts.holder(name) == texts.name(name)


@pytest.mark.parametrize("text", BAD)
def test_what_does_not_show_is_refused_everywhere(text: str) -> None:
    """In names, and in lines that staff read."""
    with pytest.raises(ValueError, match=r"."):
        texts.name(text)
    if text != "Al\u200dice":  # in a line a joiner may stand between any two characters: emoji need it
        with pytest.raises(ValueError, match=r"."):
            texts.line(text)


@pytest.mark.parametrize("name", MARKED)
def test_a_name_is_no_mark_of_the_staff(name: str) -> None:
    """Signs, brackets, and words set apart that say what staff would say. In a note they are what somebody wrote."""
    with pytest.raises(ValueError, match=r"."):
        texts.name(name)
    assert texts.line(name)


@pytest.mark.parametrize(
    "name",
    ["x;y", "=1+1", "a=b", "A|B", "@home", "a@b", "+1 Ltd", "-x", "x\uff1by", "\uff1d1", "a\\b", "\uff0d1", "a`b"],
)
def test_a_payee_has_nothing_that_a_file_is_split_at(name: str) -> None:
    """As a name of a partner it is odd, as that of an account's holder it is none."""
    with pytest.raises(ValueError, match=r"name"):
        texts.holder(name)


def test_texts_are_normalised() -> None:
    """One form, single blanks; ids stay as they are given."""
    assert texts.name("Jose\u0301   da\u00a0\u3000Silva ") == "Jos\u00e9 da Silva"
    assert texts.line("two\u2003 words ") == "two words"
    assert texts.exact("Jose\u0301  x") == "Jose\u0301  x"
    assert texts.name("") == texts.line("") == ""


@given(st.text(max_size=40))
def test_what_was_taken_is_taken_again(text: str) -> None:
    """A name that is kept can be sent back as it was shown."""
    for rule in (texts.line, texts.name, texts.holder, texts.exact):
        try:
            kept = rule(text)
        except ValueError:
            continue
        assert rule(kept) == kept
        assert not any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") and c not in texts.JOINERS for c in kept)
