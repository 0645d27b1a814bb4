"""Names of counters: what is written is read again as what it was, and no two counters have one name."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.journal import Account, EntryKind
from refledger.domain.referrals import ReferralSource, ReferralStatus
from refledger.domain.rewards import RewardStatus
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.operations.figures import counter_names
from refledger.operations.figures.counter_names import TOOK_DAYS, CounterName, Counts, by_currency, by_key, parse
from refledger.operations.figures.counters import COHORT_MONTHS, LABEL

CODES = st.from_regex(r"[A-Z0-9]+([-_][A-Z0-9]+)*", fullmatch=True)
KEYS: dict[Counts, st.SearchStrategy[str]] = {
    Counts.CUSTOMERS: st.integers(1, 10).map(str),
    Counts.EARNED: st.integers(1, 10).map(str),
    Counts.REFERRALS: st.sampled_from(list(map(str, ReferralStatus))),
    Counts.CODE_REFERRALS: CODES,
    Counts.CODE_CONVERSIONS: CODES,
    Counts.REWARDS: st.sampled_from(list(map(str, RewardStatus))),
    Counts.REWARDS_AMOUNT: st.sampled_from(list(map(str, RewardStatus))),
    Counts.PARTNERS: st.sampled_from(["ACTIVE", "SUSPENDED", "TERMINATED"]),
    Counts.LABELLED: st.from_regex(LABEL, fullmatch=True),
    Counts.SOURCE_REFERRALS: st.sampled_from(list(map(str, ReferralSource))),
    Counts.SOURCE_CONVERSIONS: st.sampled_from(list(map(str, ReferralSource))),
    Counts.TOOK_DAYS: st.sampled_from(list(map(str, TOOK_DAYS))),
    Counts.MADE_ON: st.sampled_from(list(map(str, ReferralStatus))),
    Counts.DEBITED: st.sampled_from(list(map(str, Account))),
    Counts.CREDITED: st.sampled_from(list(map(str, Account))),
    Counts.ENTRIES: st.sampled_from(list(map(str, EntryKind))),
    Counts.ENTRIES_AMOUNT: st.sampled_from(list(map(str, EntryKind))),
    Counts.WITHDRAWALS: st.sampled_from(list(map(str, WithdrawalStatus))),
    Counts.WITHDRAWALS_AMOUNT: st.sampled_from(list(map(str, WithdrawalStatus))),
}
DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))
FORMATS = {Counts.MADE_ON: "%m%d", Counts.DUE_ON: "%Y%m%d"}


@st.composite
def names(draw: st.DrawFn) -> CounterName:
    """Any counter, with the parts that its name has."""
    counts = draw(st.sampled_from(list(Counts)))
    has = set(re.findall(r"{(\w+)}", counts.form))
    return CounterName(
        counts,
        draw(st.from_regex("[A-Z]{3}", fullmatch=True)) if "currency" in has else "",
        draw(KEYS[counts]) if "key" in has else "",
        draw(DAYS).strftime(FORMATS.get(counts, "%m")) if "when" in has else "",
        draw(st.integers(0, COHORT_MONTHS)) if "after" in has else 0,
    )


@given(names())
def test_what_is_written_is_read_again(name: CounterName) -> None:
    """Of every counter; and the name is one that expressions take as #name."""
    assert parse(str(name)) == name
    assert re.fullmatch(r"\w+", str(name), re.ASCII)


@given(names(), names())
def test_no_two_counters_have_one_name(one: CounterName, other: CounterName) -> None:
    """Whatever they count, and whatever of it."""
    assert (str(one) == str(other)) == (one == other)


def test_kinds_of_entries_are_no_states_of_withdrawals() -> None:
    """Both follow a currency: only that tells their counters apart."""
    assert not set(map(str, EntryKind)) & set(map(str, WithdrawalStatus))


@pytest.mark.parametrize("text", ["stamped", "late_pay_n", "pay", "t_n", "t1_x", "m1_n", "USD", "", "code__n", "hw"])
def test_what_is_no_counter_says_nothing(text: str) -> None:
    """Other attributes of the items, and names that are cut off."""
    assert parse(text) is None


def test_the_page_of_counters_names_them_all() -> None:
    """The table in the module's docstring has the form of each."""
    told = counter_names.__doc__ or ""
    example = {"currency": "USD", "after": "02"}
    when = {Counts.MADE_ON: "0131", Counts.DUE_ON: "20261231"}
    keys = {"t": "1", "f": "STATUS", "code": "CODE", "r": "STATUS", "p": "STATUS", "pt": "LABEL", "s": "SOURCE"}
    keys |= {"ttc": "DAYS", "d": "STATUS"}
    books = {"DEBITED": "ACCOUNT", "CREDITED": "ACCOUNT", "ENTRIES": "KIND", "WITHDRAWALS": "STATUS"}
    for counts in Counts:
        head = re.split(r"[{_]", counts.form)[0]
        key = keys.get(head) or books.get(counts.name.removesuffix("_AMOUNT"), "")
        name = counts.form.format(key=key, when=when.get(counts, "01"), **example)
        assert re.search(rf"(?<!\w){re.escape(name)}(?!\w)", told), name


def test_readers_get_what_is_not_nothing_in_order() -> None:
    """By currency, and by key; of one meaning alone."""
    counters = {"pay_USD": 5, "pay_EUR": 7, "pay_GBP": 0, "pay_n": 3, "p_ACTIVE": 2, "pt_GOLD": 1}
    assert list(by_currency(counters, Counts.PAID).items()) == [("EUR", 7), ("USD", 5)]
    assert by_key(counters, Counts.PARTNERS) == {"ACTIVE": 2}
