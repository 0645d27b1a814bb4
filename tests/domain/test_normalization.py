"""Addresses and names that are one to a reader or a mail server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain import normalization

VICTIM = [
    "victim@gmail.com",
    "vic.tim@gmail.com",
    "v.i.c.t.i.m@gmail.com",
    "victim+a@gmail.com",
    "victim+a+b@gmail.com",
    "victim@googlemail.com",
    "\uff56ictim@gmail.com",
    "victim@\uff47mail.com",
    "v\u00edctim@gmail.com",
    "vi\u0301ctim@gmail.com",
    "vi\u00adctim@gmail.com",
    "vic\u200btim@gmail.com",
    "VICTIM@gmail.com\u3164",
    "VICTIM@GMAIL.COM",
    '"victim"@gmail.com',
    '"vic\\tim"@gmail.com',
    "victim(me)@gmail.com",
    "v\u0131ct\u0131m@gmail.com",
    "V\u0130CTIM@gmail.com",
    "v\u0456ctim@gmail.com",  # a Cyrillic letter
    "victim@gmail.com.",
    "victim@gmail\u3002com",
]


@pytest.mark.parametrize("address", VICTIM)
def test_one_mailbox_folds_to_one_text(address: str) -> None:
    """Widths, forms, invisible characters, dots, tags, quotes, the provider's other name, look-alikes."""
    assert normalization.email(address) == "victim@gmail.com"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.b@example.com", "ab@example.com"),  # elsewhere dots count
        ("a@example.com", "a@example.org"),
        ("ann@example.com", "anna@example.com"),
        ("a@m\u00fcnchen.de", "a@munchen.de"),  # two domains
        ("+@example.com", "@example.com"),
        ("\u0438\u0432\u0430\u043d@example.com", "ivan@example.com"),  # all Cyrillic: another name
    ],
)
def test_two_mailboxes_stay_two(one: str, other: str) -> None:
    """A signal that is always on says nothing."""
    assert normalization.email(one) != normalization.email(other)


def test_a_tag_is_cut_everywhere_and_domains_are_read() -> None:
    """Tags are known to most providers; `xn--` is how a domain is written for machines."""
    assert normalization.email("ada+shop@example.com") == normalization.email("Ada@Example.com") == "ada@example.com"
    assert normalization.email("a@xn--mnchen-3ya.de") == normalization.email("a@M\u00dcNCHEN.de")
    assert normalization.email("no address") == normalization.email("") == normalization.email("@") == ""


@given(st.text(max_size=30))
def test_whatever_is_given_folds(text: str) -> None:
    """Old addresses are what they are: nothing raises, and the domain stays."""
    folded = normalization.email(f"{text}@example.com")
    assert folded == "" or folded.endswith("@example.com")


def test_a_person_is_their_name_and_phone() -> None:
    """Words in any order, any form, capitals and accents; the last digits of the number."""
    ada = normalization.person("Ada", "L\u00f6velace", "+49 30 1234567")
    assert ada
    assert normalization.person("LO\u0308VELACE,", "ada", "030/1234567") == ada
    assert normalization.person("\u0410da", "Lovelace", "\uff11\uff12\uff134567 8 301234567") == ada
    assert normalization.person("Ada", "Lovelace", "+49 30 7654321") != ada
    assert normalization.person("Ada", "Lovelace", "") == normalization.person("", "", "0301234567") == ""
    assert normalization.person("Ada", "Lovelace", "12345") == ""


@pytest.mark.parametrize("name", ["\u0410lice", "Ada L\u03bfvelace", "\u0421ompany Ltd"])
def test_mixed_scripts_are_seen(name: str) -> None:
    """A Cyrillic or Greek letter in a Latin word."""
    assert normalization.is_mixed(name)


@pytest.mark.parametrize(
    "name",
    ["Alice", "\u0410\u043d\u043d\u0430 Smith", "\u5c71\u7530 Taro", "\u5f20\u4f1fA\u80a1", "Nguy\u1ec5n", "3M", ""],
)
def test_names_of_one_script_a_word_are_not(name: str) -> None:
    """Two words of two scripts, and Latin letters in Chinese, are ordinary."""
    assert not normalization.is_mixed(name)
