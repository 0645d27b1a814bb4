"""What tiers earn of a payment: rounded down, never more than was promised, whatever the depth."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.currencies import MAX_AMOUNT
from refledger.domain.programs import BASIS_POINTS, MAX_TIERS
from refledger.domain.rewards import TRANSITIONS, Reward, RewardStatus, matured, net, shares, worth

REWARD = Reward(
    id="r", partner_id="p", tier=1, amount=100, currency="EUR", status=RewardStatus.PENDING, base=500,
    rate_bps=2000, rule_version=1, program_id="default", payment="e", referral_id="f", matures_at_ms=2,
    earned_at_ms=1,
)  # fmt: skip


@st.composite
def rates(draw: st.DrawFn) -> list[int]:
    """Rates of 1 to 10 tiers that together are at most the whole payment."""
    left, chosen = BASIS_POINTS, []
    for _ in range(draw(st.integers(1, MAX_TIERS))):
        rate = draw(st.integers(0, left))
        chosen.append(rate)
        left -= rate
    return chosen


@given(st.integers(0, MAX_AMOUNT), rates())
def test_each_tier_is_rounded_down_by_less_than_one(base: int, rates_bps: list[int]) -> None:
    """A share is whole, at most its exact part of the base, and less than one minor unit below it."""
    for part, rate in zip(shares(base, rates_bps), rates_bps, strict=True):
        assert type(part) is int
        assert 0 <= base * rate - part * BASIS_POINTS < BASIS_POINTS


@given(st.integers(0, MAX_AMOUNT), rates())
def test_together_they_never_pass_the_sum_of_the_rates(base: int, rates_bps: list[int]) -> None:
    """All tiers together get at most the sum of the rates, and so never more than the payment."""
    assert sum(shares(base, rates_bps)) <= base * sum(rates_bps) // BASIS_POINTS <= base


@given(st.integers(0, MAX_AMOUNT - 1), rates())
def test_a_larger_payment_never_earns_less(base: int, rates_bps: list[int]) -> None:
    """One minor unit more in the base lowers nobody's share."""
    assert all(a <= b for a, b in zip(shares(base, rates_bps), shares(base + 1, rates_bps), strict=True))


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        (10_000, [2000, 1000]),
        (1_999, [399, 199]),
        (9, [1, 0]),
        (4, [0, 0]),
        (0, [0, 0]),
        (10**15, [2 * 10**14, 10**14]),
    ],
)
def test_twenty_and_ten_per_cent(base: int, expected: list[int]) -> None:
    """The default program, on round, odd, tiny and the largest amounts."""
    assert shares(base, (2000, 1000)) == expected


@given(st.sampled_from(RewardStatus), st.integers(0, 100))
def test_only_an_approved_reward_is_worth_anything(status: RewardStatus, taken_back: int) -> None:
    """Pending and cancelled rewards are in no balance; an approved one is worth what refunds left of it."""
    reward = replace(REWARD, status=status, reversed=taken_back)
    assert net(reward) == 100 - taken_back
    assert worth(reward) == (100 - taken_back if status is RewardStatus.APPROVED else 0)


def test_what_is_due_is_approved_or_cancelled() -> None:
    """Maturity knows two ends, and both are moves that the table of transitions allows."""
    assert matured(REWARD, earns=True) is RewardStatus.APPROVED
    assert matured(REWARD, earns=False) is RewardStatus.CANCELLED
    ends = {status: set(after) for status, after in TRANSITIONS.items() if after}
    assert ends == {RewardStatus.PENDING: {RewardStatus.APPROVED, RewardStatus.CANCELLED}}
    assert set(TRANSITIONS) == set(RewardStatus)
