"""A day's sums by the hour, marks, and currencies that count together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.errors import Invalid
from refledger.domain.exposures import HOURS, MARKS_KEPT, Exposure, ExposureTally, Marked, passes
from refledger.domain.programs import CurrencyTerms, Weights
from refledger.domain.times import DAY_MS, HOUR_MS
from tests.support.programs import a_program

NOW_MS = 1_790_000_000_000
BOTH: dict[str, Any] = {"adjustment_limit": 1_000, "currencies": {"EUR": CurrencyTerms(adjustment_limit=5_000)}}


@given(st.lists(st.tuples(st.integers(0, 3 * DAY_MS), st.integers(0, 1_000)), max_size=40))
def test_a_sum_is_of_the_last_day_and_at_most_an_hour_more(acts: list[tuple[int, int]]) -> None:
    """Nothing of the last 24 hours is left out, and nothing older than 25 is in it or is kept."""
    exposure, now_ms = Exposure("p"), NOW_MS
    done: list[tuple[int, int]] = []
    for later_ms, amount in sorted(acts):
        now_ms = NOW_MS + later_ms
        exposure = exposure.plus(ExposureTally.MADE, "USD", amount, now_ms)
        done.append((now_ms, amount))
    got = exposure.sums(ExposureTally.MADE, now_ms).get("USD", 0)
    assert got >= sum(amount for at_ms, amount in done if now_ms - at_ms < DAY_MS)
    assert got <= sum(amount for at_ms, amount in done if now_ms - at_ms <= DAY_MS + HOUR_MS)
    assert len(exposure.hours) <= HOURS + 1


def test_sums_are_kept_apart() -> None:
    """By what they are of, and by currency; an hour that another clock has begun counts."""
    exposure = Exposure("p").plus(ExposureTally.MADE, "USD", 1, NOW_MS).plus(ExposureTally.MADE, "EUR", 2, NOW_MS)
    exposure = exposure.plus(ExposureTally.OUT, "USD", 4, NOW_MS).plus(ExposureTally.MADE, "USD", 8, NOW_MS + HOUR_MS)
    assert exposure.sums(ExposureTally.MADE, NOW_MS) == {"USD": 9, "EUR": 2}
    assert exposure.sums(ExposureTally.OUT, NOW_MS) == {"USD": 4}
    assert exposure.sums(ExposureTally.TOLD, NOW_MS) == {}


def test_the_last_time_somebody_did_it_counts() -> None:
    """One mark for each kind and person, bounded, and none that no window reaches."""
    exposure = Exposure("p").marked(Marked.LINKED, "ann", 1).marked(Marked.LINKED, "ann", 2)
    assert [(mark.actor, mark.at_ms) for mark in exposure.marks] == [("ann", 2)]
    for number in range(MARKS_KEPT + 5):
        exposure = exposure.marked(Marked.CREDITED, f"{number}", 3)
    assert len(exposure.marks) == MARKS_KEPT
    assert exposure.marks[-1].actor == f"{MARKS_KEPT + 4}"
    assert len(exposure.marked(Marked.LIFTED, "eve", 500 * DAY_MS).marks) == 1


def test_each_currency_counts_by_itself_unless_the_program_weighs_them() -> None:
    """With weights all of them count together, rounded up, against the limit of the currency that they are of."""
    apart = a_program(**BOTH)
    assert not passes(apart, "adjustmentLimit", {"EUR": 5_000}, "USD", 1_000)
    together = a_program(**BOTH, exposure=Weights("USD", (("EUR", 100),)))
    assert not passes(together, "adjustmentLimit", {"EUR": 5_000}, "USD", 500)
    assert passes(together, "adjustmentLimit", {"EUR": 5_000}, "USD", 501)
    assert passes(together, "adjustmentLimit", {"EUR": 4_990, "USD": 500}, "EUR", 11)
    assert passes(together, "adjustmentLimit", {"USD": 1_000}, "EUR", 1)  # a tenth of a cent is one
    assert passes(together, "adjustmentLimit", {}, "EUR", 5_001)  # its own limit holds beside it
    assert not passes(together, "adjustmentLimit", {"GBP": 10**9}, "EUR", 1)  # of another program
    assert not passes(together, "adjustmentLimit", {"USD": 10**9}, "EUR", 0)


def test_what_machines_tell_has_the_limit_of_people_unless_it_has_its_own() -> None:
    """And a currency that the program does not take has a limit of nothing."""
    assert a_program(adjustment_limit=5).limit("conversionLimit", "USD") == 5
    assert a_program(adjustment_limit=5, conversion_limit=9).limit("conversionLimit", "USD") == 9
    assert a_program().limit("conversionLimit", "USD") is None
    assert a_program().limit("conversionLimit", "GBP") == 0


@pytest.mark.parametrize(
    ("currency", "rates"),
    [("USD", (("USD", 1),)), ("USD", (("EUR", 1), ("EUR", 2))), ("USD", (("EUR", 0),)), ("USD", ()), ("GBP", ())],
)
def test_weights_are_of_all_currencies_each_once(currency: str, rates: tuple[tuple[str, int], ...]) -> None:
    """What has no weight would count nothing."""
    with pytest.raises(Invalid):
        a_program(**BOTH, exposure=Weights(currency, rates))


@pytest.mark.parametrize("days", [-1, 366])
def test_the_window_is_bounded(days: int) -> None:
    """A mark is kept for longer than any window."""
    with pytest.raises(Invalid):
        a_program(maker_window_days=days)
