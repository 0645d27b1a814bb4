"""Codes that leads come with, facts that news become, and amounts as people write them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain import currencies
from refledger.domain.errors import Invalid, UnknownCurrency
from refledger.domain.leads import MAX_CODES, LeadFacts, LeadNews, LeadStep, Value, found_codes

CODE = "ABCDE12345"


@pytest.mark.parametrize(
    ("given", "page", "text", "found"),
    [
        (" abcde12345 ", "", "", (CODE,)),
        ("", "https://www.example.com/?a=1&ref=abcde12345&b=2", "", (CODE,)),
        ("", "https://www.example.com/?ref=IDA-2026#top", "", ("IDA-2026",)),
        ("", "https://www.example.com/?prefer=abcde12345", "", ()),
        ("", "https://www.example.com/?ref=abc", "", ()),
        ("", "", "My referral code: ida-2026, thanks", ("IDA-2026",)),
        ("", "", "the code is ABCDE12345.", (CODE,)),
        ("", "", "Ida sent me (ABCDE12345)!", (CODE,)),
        ("", "", "see https://www.example.com/?ref=abcde12345 please", (CODE,)),
        ("", "", "PERSONALLY I would WHOLEHEART like it, call 5551234567", ()),
        ("", "", "what code do you need", ()),
        ("OTHER-1", "https://x.example/?ref=OTHER-2", "code: other-3 ref: OTHER-1", ("OTHER-1", "OTHER-2", "OTHER-3")),
        ("no code at all, they said", "", "", ()),
    ],
)
def test_codes_are_found_where_they_stand(given: str, page: str, text: str, found: tuple[str, ...]) -> None:
    """The surest first: what was given as a code, then the page's address, then what stands behind a word for it, then
    what looks like one that the system made. Words and telephone numbers are none.
    """
    assert found_codes(given, page, text) == found


@given(st.text(), st.text(), st.text(alphabet="refcod:= ABCDE12345&?#\n-", max_size=3000))
def test_whatever_was_written_there_are_a_few_codes_at_most(given: str, page: str, text: str) -> None:
    """No text takes long, and none makes many look-ups."""
    found = found_codes(given, page, text)
    assert len(found) <= MAX_CODES
    assert len(set(found)) == len(found)


NEWS = st.builds(
    LeadNews,
    st.just("L1"),
    st.integers(0, 5),
    st.sampled_from([None, *LeadStep]),
    codes=st.sampled_from([(), ("A",), ("B",)]),
    value=st.sampled_from([None, Value(amount=1), Value(amount=2)]),
)


@given(st.lists(NEWS, max_size=6))
def test_news_that_come_again_change_nothing(news: list[LeadNews]) -> None:
    """Whatever was told before is known: told again, nothing changes, unless it is as new as the newest."""
    facts = LeadFacts()
    for each in news:
        facts = facts.after(each)
    for each in news:
        newest = all(each.at_ms < other.at_ms or other == each for other in news)
        assert facts.after(each).steps == facts.steps
        if newest:
            assert facts.after(each) == facts


@given(st.permutations([LeadNews("L1", at, step) for at, step in enumerate([*LeadStep, *LeadStep])]))
def test_steps_are_in_order_of_their_first_time(news: list[LeadNews]) -> None:
    """In whatever order they were told; at one moment a conversion comes before a rejection."""
    facts = LeadFacts()
    for each in news:
        facts = facts.after(each)
    assert facts.in_order() == list(LeadStep)
    assert LeadFacts().after(LeadNews("L1", 1, LeadStep.REJECTED)).after(
        LeadNews("L1", 1, LeadStep.CONVERTED)
    ).in_order() == [
        LeadStep.CONVERTED,
        LeadStep.REJECTED,
    ]


@pytest.mark.parametrize(
    ("major", "currency", "minor"),
    [
        ("1000.0", "USD", 100_000),
        ("12.5", "USD", 1250),
        ("0.01", "USD", 1),
        ("1E+3", "JPY", 1000),
        ("5.250", "KWD", 5250),
        ("9999999999999.99", "USD", 999_999_999_999_999),
    ],
)
def test_major_units_become_minor_ones_exactly(major: str, currency: str, minor: int) -> None:
    """As it was written, up to the decimals of the currency."""
    assert currencies.minor(Decimal(major), currency) == minor


@pytest.mark.parametrize(
    ("major", "currency"),
    [
        ("0.001", "USD"),
        ("10.000", "JPY"),
        ("1.000", "USD"),
        ("1.5", "JPY"),
        ("1E+400", "USD"),
        ("NaN", "USD"),
        ("Infinity", "USD"),
        ("10000000000000.01", "USD"),
    ],
)
def test_what_has_no_unit_is_refused(major: str, currency: str) -> None:
    """Nothing is rounded."""
    with pytest.raises(Invalid):
        currencies.minor(Decimal(major), currency)
    with pytest.raises(UnknownCurrency):
        currencies.minor(Decimal(1), "usd")
