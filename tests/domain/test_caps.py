"""A monthly cap leaves the same of a month's rewards, in whatever order they come, give back and are paid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.caps import CappedMonth, month_of
from refledger.domain.rewards import Reward, RewardStatus

S = RewardStatus
REWARD = Reward(
    id="r", partner_id="p", tier=1, amount=100, currency="EUR", status=S.PENDING, base=500, rate_bps=2000,
    rule_version=1, program_id="default", payment="e", referral_id="f", matures_at_ms=2,
    earned_at_ms=1_790_000_000_000, cap=150,
)  # fmt: skip
EMPTY = CappedMonth("p", "EUR", "default", "202609")
AMOUNTS = st.integers(1, 400)
CAPS = st.sampled_from([100, 150, 300])


def filled(*rewards: Reward, used: int = 0) -> CappedMonth:
    """The month after they came into the balance, one after the other."""
    month = replace(EMPTY, used=used)
    for reward in rewards:
        month = month.moved(replace(reward, status=S.PENDING), reward)
    return month


def approved(amount: int, cap: int = 150, reversed: int = 0, status: RewardStatus = S.APPROVED) -> Reward:
    return replace(REWARD, amount=amount, cap=cap, reversed=reversed, status=status)


REWARDS = st.builds(approved, AMOUNTS, CAPS, st.just(0), st.sampled_from([S.APPROVED, S.PAID]))


@given(st.lists(AMOUNTS, max_size=8), st.integers(1, 1000))
def test_one_cap_leaves_what_was_kept_up_to_it(amounts: list[int], cap: int) -> None:
    """min(cap, kept), and over is the rest."""
    month = filled(*(approved(amount, cap) for amount in amounts))
    assert month.worth == min(cap, sum(amounts))
    assert month.over == max(0, sum(amounts) - cap)


@given(st.lists(REWARDS, max_size=8), st.randoms(), st.integers(0, 200))
def test_no_order_matters(rewards: list[Reward], chance: Any, used: int) -> None:
    """Whatever caps they have: the sums are the same, and so is what they come to."""
    assert filled(*chance.sample(rewards, len(rewards)), used=used) == filled(*rewards, used=used)


@given(st.lists(REWARDS, max_size=8), st.integers(0, 400))
def test_each_cap_holds_for_its_rewards_and_those_of_smaller_ones(rewards: list[Reward], used: int) -> None:
    """The month never passes its greatest cap; rewards of a smaller one never that, together with what was granted."""
    for cap in (100, 150, 300):
        smaller = [reward for reward in rewards if (reward.cap or 0) <= cap]
        assert 0 <= filled(*smaller, used=used).worth <= max(0, cap - used)
    whole = filled(*rewards, used=used)
    assert whole.worth + whole.over == sum(reward.amount for reward in rewards)


@given(st.lists(REWARDS, min_size=1, max_size=8), st.data())
def test_a_refund_makes_room_for_what_was_over(rewards: list[Reward], data: st.DataObject) -> None:
    """After it, and after it failed, the month is what it would be without it, or as if it had never been."""
    place = data.draw(st.integers(0, len(rewards) - 1))
    old = rewards[place]
    new = replace(old, reversed=data.draw(st.integers(0, old.amount)))
    month = filled(*rewards)
    after = month.moved(old, new)
    assert after == filled(*rewards[:place], new, *rewards[place + 1 :])
    assert month.over >= after.over
    assert after.moved(new, old) == month


@given(st.lists(REWARDS, max_size=8))
def test_what_is_owed_is_less_with_each_that_is_paid_and_nothing_in_the_end(rewards: list[Reward]) -> None:
    """In any order of paying: each takes what is left of the cap for it, and all together what the month is worth."""
    month, owed = filled(*rewards), []
    for reward in rewards:
        if reward.status is S.APPROVED:
            before = month.owed
            month = month.moved(reward, replace(reward, status=S.PAID))
            owed.append(before - month.owed)
            assert 0 <= owed[-1] <= reward.amount
    assert month.owed == 0
    assert sum(owed) == filled(*rewards).owed


@given(REWARDS, REWARDS)
def test_what_comes_never_takes_money_and_what_goes_never_gives_any(first: Reward, second: Reward) -> None:
    """So one entry says enough: it earns, or it reverses."""
    assert filled(first, second).worth >= filled(first).worth


def test_what_was_granted_for_good_stands_for_itself() -> None:
    """A reward with a limit is counted by no month, and one without a cap neither; what they took of it stays taken."""
    assert month_of(replace(REWARD, limit=7)) is month_of(replace(REWARD, cap=None)) is None
    month = filled(approved(100), used=90)
    assert (month.worth, month.over) == (60, 40)


@pytest.mark.parametrize(("at_ms", "month"), [(1_793_491_199_999, "202610"), (1_793_491_200_000, "202611")])
def test_it_is_the_month_of_the_payment(at_ms: int, month: str) -> None:
    """In UTC, by when the customer paid, per program, partner and currency."""
    counted = month_of(replace(REWARD, earned_at_ms=at_ms, program_id="other"))
    assert counted == CappedMonth("p", "EUR", "other", month)
    assert counted.name == f"other {month}"


@pytest.mark.parametrize(
    ("kept", "worth"), [({100: 80}, 80), ({100: 180}, 100), ({100: 180, 150: 30}, 130), ({150: 120, 100: 90}, 150)]
)
def test_smaller_caps_come_first(kept: Mapping[int, int], worth: int) -> None:
    """Of 180 under 100 and 30 under 150: 100 and 30; of 90 and 120: never more than 150."""
    assert replace(EMPTY, kept=kept).worth == worth
