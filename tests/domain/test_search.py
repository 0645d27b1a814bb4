"""What partners are found by: both sides are folded alike, and nothing of a key's own form gets in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.search import LONGEST, fold, matches, terms
from refledger.store import keys


@given(st.text())
def test_folding_again_changes_nothing(text: str) -> None:
    """And what comes out is short, has no mark of a key, and is text that can be sent."""
    folded = fold(text)
    assert fold(folded) == folded
    assert len(folded) <= LONGEST
    assert "#" not in folded
    assert folded.encode() == folded.strip().encode()


@given(st.text(), st.text())
def test_what_begins_a_text_begins_it_when_folded(start: str, rest: str) -> None:
    """But for an accent that follows, which belongs to the letter before; so words are cut at blanks here."""
    assert fold(f"{start} {rest}").startswith(fold(start))


@given(
    st.text(min_size=1, max_size=200),
    st.text(st.sampled_from("abcdefghijklmnopqrstuv0123456789"), min_size=16, max_size=16),
)
def test_a_row_says_what_it_was_made_of(text: str, partner_id: str) -> None:
    """The key is cut at its last mark, stays within its limit, and lies between the bounds of all its beginnings."""
    folded = fold(text)
    key = keys.search_row("default", folded, partner_id)
    assert keys.found_in(key) == (folded, partner_id)
    assert len(key["sk"].encode()) <= 1024
    for length in range(len(folded) + 1):
        partition, low, high = keys.search_rows("default", folded[:length])
        assert partition == key["pk"]
        assert low.encode() <= key["sk"].encode() <= high.encode()


@pytest.mark.parametrize(
    ("start", "found"), [("ada", 2), ("lovelace", 1), ("", 4), ("x", 0), ("ada@", 1), ("engines", 1)]
)
def test_a_partner_has_a_term_for_each_beginning(start: str, found: int) -> None:
    """Either name first, the address, the company; what is not known is none."""
    ada = Partner(
        "p" * 16, "default", "CODE", PartnerStatus.ACTIVE, "", 0, "Ada", "Lovelace", "Ada@example.com",
        company_name="Engines Ltd",
    )  # fmt: skip
    assert len(matches(ada, start)) == found
    assert terms(Partner("p" * 16, "default", "CODE", PartnerStatus.ACTIVE, "", 0)) == frozenset()
