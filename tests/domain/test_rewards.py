"""The life of a reward: what it is worth, what refunds take of it, what becomes of it when its time has come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.payments import ChargeSum, Dispute, DisputeStatus, Refund, TakenBack, summed
from refledger.domain.rewards import (
    DISPUTED,
    IN_BALANCE,
    TRANSITIONS,
    Cancelled,
    Reward,
    RewardStatus,
    cap_key,
    granted,
    holding,
    net,
    owed,
    revalue,
    reversal,
    ripe,
    worth,
)

S = RewardStatus
REWARD = Reward(
    id="r", partner_id="p", tier=1, amount=100, currency="EUR", status=S.PENDING, base=500, rate_bps=2000,
    rule_version=1, program_id="default", payment="e", referral_id="f", matures_at_ms=2,
    earned_at_ms=1_790_000_000_000,
)  # fmt: skip
MONEY = st.integers(1, 10**12)
SUMS = st.builds(
    TakenBack, refunds=st.integers(0, 3000), failed=st.integers(0, 3000), total=st.integers(0, 3000),
    disputed=st.sampled_from([0, 0, 1, 500, 3000]), lost=st.integers(0, 3000), uncaptured=st.integers(0, 100),
)  # fmt: skip
REASONS = st.sampled_from([(), ("odd",), (DISPUTED,), (DISPUTED, "odd")])


@st.composite
def lives(draw: st.DrawFn) -> Reward:
    """A reward as it may be found, whatever happened to it before."""
    status = draw(st.sampled_from(S))
    cancelled = draw(st.sampled_from(Cancelled)) if status is S.CANCELLED else None
    amount = draw(st.integers(1, 400))
    return replace(
        REWARD, amount=amount, status=status, cancelled=cancelled, held=draw(REASONS),
        reversed=draw(st.integers(0, amount)), limit=draw(st.none() | st.integers(0, amount)),
    )  # fmt: skip


# ---------------------------------------------------------------- worth


@given(lives())
def test_only_what_is_in_the_balance_is_worth_anything(reward: Reward) -> None:
    """Approved and paid ones are worth what refunds and the cap left; no payout has covered the approved ones yet."""
    assert net(reward) == reward.amount - reward.reversed
    assert granted(reward) == min(net(reward), net(reward) if reward.limit is None else reward.limit)
    assert worth(reward) == (granted(reward) if reward.status in IN_BALANCE else 0)
    assert owed(reward) == (worth(reward) if reward.status is S.APPROVED else 0)
    assert 0 <= owed(reward) <= worth(reward) <= granted(reward) <= net(reward) <= reward.amount


# ---------------------------------------------------------------- reversal


@given(MONEY, MONEY, st.data())
def test_a_reversal_is_a_share_rounded_for_the_owner(amount: int, paid: int, data: st.DataObject) -> None:
    """Never above the original, never less with more gone, all when all is gone; off by less than one minor unit."""
    gone = data.draw(st.integers(0, paid))
    more = data.draw(st.integers(gone, paid))
    taken = reversal(amount, paid, gone)
    assert 0 <= taken <= reversal(amount, paid, more) <= amount
    assert reversal(amount, paid, 0) == 0
    assert reversal(amount, paid, paid) == amount
    assert 0 <= taken * paid - amount * gone < paid


@given(MONEY, st.lists(MONEY, min_size=1, max_size=12))
def test_partial_refunds_take_together_what_one_takes(amount: int, parts: list[int]) -> None:
    """Piece by piece until all is gone: each piece takes something or nothing, the last one the remainder."""
    paid = sum(parts)
    done, steps = 0, []
    for part in parts:
        before, done = reversal(amount, paid, done), done + part
        steps.append(reversal(amount, paid, done) - before)
    assert min(steps) >= 0
    assert sum(steps) == amount


# ---------------------------------------------------------------- revalue


@given(lives(), st.lists(SUMS, max_size=4), SUMS)
def test_what_is_gone_decides_and_not_how_it_came_to_that(
    reward: Reward, before: list[TakenBack], last: TakenBack
) -> None:
    """After whatever sums came first, the last ones leave of it what they leave alone; once more changes nothing."""
    paid, at_once, later = 1000, revalue(reward, 1000, last), reward
    for back in [*before, last]:
        later = revalue(later, paid, back)
    assert later.reversed == at_once.reversed == reversal(reward.amount, paid, last.of(paid))
    assert (DISPUTED in later.held) is (DISPUTED in at_once.held) or S.CANCELLED in (later.status, at_once.status)
    assert revalue(later, paid, last) == later


@given(lives().filter(lambda r: r.status is S.PENDING), st.lists(SUMS, max_size=4), SUMS)
def test_one_that_waits_comes_to_the_same_by_every_way(
    reward: Reward, before: list[TakenBack], last: TakenBack
) -> None:
    """Cancelled and back, held and free: a reward that waits for its time follows from the last sums in every field."""
    later = reward
    for back in before:
        later = revalue(later, 1000, back)
    assert revalue(later, 1000, last) == revalue(reward, 1000, last)


@given(lives(), SUMS)
def test_revalue_keeps_what_people_and_time_decided(reward: Reward, back: TakenBack) -> None:
    """Paid stays paid, cancelled by hand or for an idle partner stays so, people's reasons to hold stay; money only."""
    new = revalue(reward, 1000, back)
    assert 0 <= new.reversed <= new.amount == reward.amount
    assert {*new.held} - {DISPUTED} == {*reward.held} - {DISPUTED}
    assert new.limit == reward.limit
    if reward.status is S.PAID or reward.cancelled in (Cancelled.BY_HAND, Cancelled.IDLE):
        assert (new.status, new.cancelled) == (reward.status, reward.cancelled)
        assert DISPUTED not in new.held
    elif new.status is S.CANCELLED:
        assert new.cancelled is Cancelled.REFUNDED
        assert net(new) == 0
        assert not back.disputed
    else:
        assert (DISPUTED in new.held) is (back.disputed > 0)
        assert net(new) > 0 or back.disputed
    if new.status is not reward.status:
        assert new.status in TRANSITIONS[reward.status]


def test_a_refund_that_cancelled_and_failed_gives_it_back() -> None:
    """Fully refunded it is cancelled; the refund fails, and it waits for its time again with its whole amount."""
    gone = revalue(REWARD, 500, TakenBack(refunds=500))
    assert (gone.status, gone.cancelled, gone.reversed) == (S.CANCELLED, Cancelled.REFUNDED, 100)
    assert revalue(gone, 500, TakenBack(failed=500)) == REWARD


def test_what_is_counted_elsewhere_is_a_duplicate() -> None:
    """All of it is taken back, whatever else is told, and an open dispute of it gives nothing back."""
    gone = revalue(REWARD, 500, TakenBack(elsewhere=500, disputed=100))
    assert (gone.status, gone.cancelled, net(gone), gone.held) == (S.CANCELLED, Cancelled.DUPLICATE, 0, ())


def test_a_dispute_of_all_cancels_nothing_until_it_is_lost() -> None:
    """It may come back, so it is held with nothing left; WON frees it, LOST cancels it."""
    disputed = revalue(REWARD, 500, TakenBack(disputed=500))
    assert (disputed.status, disputed.held, net(disputed)) == (S.PENDING, (DISPUTED,), 0)
    assert revalue(disputed, 500, TakenBack()) == REWARD
    lost = revalue(disputed, 500, TakenBack(lost=500))
    assert (lost.status, lost.cancelled, lost.held) == (S.CANCELLED, Cancelled.REFUNDED, ())


# ---------------------------------------------------------------- sums


REFUNDS = st.lists(
    st.builds(Refund, st.text(max_size=1), st.integers(1, 99), st.just("EUR"), st.just(1), st.booleans())
)
DISPUTES = st.lists(st.builds(
    Dispute, st.text(max_size=1), st.just("e"), st.integers(0, 99), st.just("EUR"), st.sampled_from(DisputeStatus),
    st.just(1),
))  # fmt: skip


@given(REFUNDS, DISPUTES, st.randoms())
def test_sums_do_not_know_an_order(refunds: list[Refund], disputes: list[Dispute], chance: Any) -> None:
    """Refunds and disputes in any order come to the same, and what failed or was won takes nothing."""
    back = summed(refunds, disputes)
    mixed, others = chance.sample(refunds, len(refunds)), chance.sample(disputes, len(disputes))
    assert summed(mixed, others) == back
    counting = [r.amount for r in refunds if not r.failed]
    counting += [d.amount for d in disputes if d.status is not DisputeStatus.WON]
    assert back.of(10**6) == sum(counting)


@given(SUMS, st.integers(1, 5000))
def test_never_more_is_gone_than_was_paid(back: TakenBack, paid: int) -> None:
    """Whatever is told, between nothing and all of it."""
    assert 0 <= back.of(paid) <= paid


def test_a_sum_and_its_refunds_count_once() -> None:
    """A provider's sum counts where it says more than the refunds known by themselves; one that failed leaves both."""
    assert TakenBack(refunds=300, total=300).refunded == 300
    assert TakenBack(refunds=100, total=300).refunded == 300
    assert TakenBack(refunds=300, total=100).refunded == 300
    assert TakenBack(refunds=0, failed=300, total=300).refunded == 0
    assert TakenBack(refunds=200, failed=300, total=500).refunded == 200
    assert TakenBack(refunds=400, uncaptured=400).refunded == 0


@given(st.sampled_from(DisputeStatus), st.sampled_from(DisputeStatus), st.booleans())
def test_a_dispute_told_under_two_names_is_one(first: DisputeStatus, other: DisputeStatus, ended_only: bool) -> None:
    """The one that knows the amount says it; an end stands, and of two ends the later one, whoever is asked."""
    known = Dispute("h", "e", 0 if ended_only else 50, "" if ended_only else "EUR", first, 1)
    later = Dispute("h", "x", 50, "EUR", other, 2)
    for joined in (known.joined(later), later.joined(known)):
        assert (joined.amount, joined.currency) == (50, "EUR")
        assert joined.status is (other if other is not DisputeStatus.OPEN else first)


def test_of_two_ends_at_once_the_money_is_gone() -> None:
    """Whichever is told first; and that it was opened, told late, undoes neither."""
    won, lost = (Dispute("h", "e", 50, "EUR", status, 1, 5) for status in (DisputeStatus.WON, DisputeStatus.LOST))
    assert won.joined(lost).status is lost.joined(won).status is DisputeStatus.LOST
    late = Dispute("h", "e", 50, "EUR", DisputeStatus.OPEN, 9)
    assert late.joined(won).status is won.joined(late).status is DisputeStatus.WON


CHARGE_SUMS = [ChargeSum("a", 6_000, 1), ChargeSum("b", 1_000, 2)]


def test_sums_of_two_charges_add_up() -> None:
    """The kind of fault: a sum of a part was taken for that of the whole, so a later, smaller one gave money back."""
    back = TakenBack().told("a", 6_000, 1).told("b", 1_000, 2)
    assert back.refunded == 7_000
    assert back.told("a", 5_000, 0).refunded == 7_000  # an older sum of it
    assert back.told("a", 8_000, 3).refunded == 9_000


@given(st.permutations([
    Refund("r1", 6_000, "USD", 1, failed=False, made_at_ms=1, charge="a"),
    Refund("r2", 700, "USD", 1, failed=False, made_at_ms=1, charge="b"),
    Refund("r3", 500, "USD", 1, failed=False, made_at_ms=1),
    Refund("r4", 300, "USD", 1, failed=False, made_at_ms=1, outside=True),
    Refund("r5", 200, "USD", 1, failed=True, failed_at_ms=3, charge="b"),
]))  # fmt: skip
def test_refunds_beside_sums_count_once(order: list[Refund]) -> None:
    """Of a charge the larger; what does not say its charge fills the gap of a sum; what no provider knows adds."""
    back = summed(order, (), TakenBack(sums=tuple(CHARGE_SUMS)))
    assert back.refunded == 6_000 + max(700 + 500, 1_000 - 200) + 300
    for refund in order:
        back = back.minus(refund)
    assert back == TakenBack(sums=tuple(CHARGE_SUMS))


# ---------------------------------------------------------------- ripe


def test_what_is_due_is_approved_reviewed_or_cancelled() -> None:
    """The program's wish for a person is met by a person; who earned nothing then gets nothing, whoever approves."""
    assert ripe(REWARD, earns=True) == replace(REWARD, status=S.APPROVED)
    reviewed = replace(REWARD, review=True)
    assert ripe(reviewed, earns=True).status is S.CALCULATED
    assert ripe(ripe(reviewed, earns=True), earns=True, by_hand=True).status is S.APPROVED
    for by_hand in (False, True):
        idle = ripe(reviewed, earns=False, by_hand=by_hand)
        assert (idle.status, idle.cancelled) == (S.CANCELLED, Cancelled.IDLE)


@pytest.mark.parametrize(("at_ms", "month"), [
    (1_793_491_199_999, "202610"), (1_793_491_200_000, "202611"),
])  # fmt: skip
def test_a_cap_counts_a_month_of_payments(at_ms: int, month: str) -> None:
    """In UTC, by when the customer paid, per program."""
    assert cap_key(replace(REWARD, earned_at_ms=at_ms, program_id="other")) == f"other {month}"


# ---------------------------------------------------------------- the rest


@given(REASONS, st.sampled_from([DISPUTED, "odd"]), st.booleans())
def test_reasons_come_and_go_one_by_one(held: tuple[str, ...], reason: str, on: bool) -> None:
    """Each once, sorted; the others stay."""
    new = holding(held, reason, on=on)
    assert (reason in new) is on
    assert {*new} - {reason} == {*held} - {reason}
    assert list(new) == sorted(set(new))


def test_paid_is_an_end_and_only_a_failed_refund_wakes_what_it_cancelled() -> None:
    """The table of transitions knows every status; nothing leaves PAID, and CANCELLED only leads back to waiting."""
    assert set(TRANSITIONS) == set(S)
    assert TRANSITIONS[S.PAID] == frozenset()
    assert TRANSITIONS[S.CANCELLED] == {S.PENDING}
