"""What people do to single rewards: hold, release, approve, cancel; in every status, twice, and never to their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from refledger.domain.errors import AlreadyDecided, Conflict, Forbidden, Invalid, Refledger, RewardNotFound
from refledger.domain.partners import PartnerStatus
from refledger.domain.rewards import DISPUTED, Cancelled, Reward, RewardStatus
from refledger.domain.times import DAY_MS
from refledger.operations.earning import reward_decisions
from refledger.operations.partners import partners
from refledger.store import rewards as stored
from tests.support.books import Books

S = RewardStatus
Act = Callable[[Reward], Reward]
HOLD_MS = 30 * DAY_MS


@pytest.fixture
def books(books: Books) -> Books:
    """Alice refers Bob, held for 30 days; in another program Wendy refers Xaver, and a person approves each reward."""
    books.program(hold_days=30)
    books.chain("alice", "bob")
    books.program("watched", reviews_rewards=True)
    books.member("wendy", "watched")
    books.apply("xaver", "wendy")
    return books


def in_status(books: Books, status: RewardStatus) -> Reward:
    """A reward of 2000 of Alice's or Wendy's that is there now."""
    if status is S.CALCULATED:
        books.earn("xaver", "p1", 10_000, program_id="watched")
        return books.rewards("wendy")[0]
    books.pay("bob", "p1", 10_000)
    if status is not S.PENDING:
        books.clock.forward(HOLD_MS)
        books.mature("alice")
    if status is S.PAID:
        books.pay_out("alice", 2000)
    if status is S.CANCELLED:
        books.refund("p1", 10_000)
    (reward,) = books.rewards("alice")
    assert reward.status is status
    return reward


def now(books: Books, reward: Reward) -> Reward:
    return stored.find(books.table, reward.id)


# what becomes of a reward in each status, or the error
ENDS: dict[str, dict[RewardStatus, RewardStatus | type[Refledger]]] = {
    "hold": {
        S.PENDING: S.PENDING, S.CALCULATED: S.CALCULATED, S.APPROVED: AlreadyDecided, S.PAID: AlreadyDecided,
        S.CANCELLED: AlreadyDecided,
    },
    "release": {status: status for status in S},
    "approve": {
        S.PENDING: S.APPROVED, S.CALCULATED: S.APPROVED, S.APPROVED: S.APPROVED, S.PAID: S.PAID,
        S.CANCELLED: AlreadyDecided,
    },
    "cancel": {
        S.PENDING: S.CANCELLED, S.CALCULATED: S.CANCELLED, S.APPROVED: S.CANCELLED, S.PAID: AlreadyDecided,
        S.CANCELLED: S.CANCELLED,
    },
}  # fmt: skip


@pytest.mark.parametrize("status", S)
@pytest.mark.parametrize("act", ENDS)
def test_each_status(books: Books, act: str, status: RewardStatus) -> None:
    """What may be done in which status; a repeat is the same; what is refused changes nothing."""
    reward, does = in_status(books, status), getattr(books, act)
    end = ENDS[act][status]
    if isinstance(end, RewardStatus):
        done = does(reward)
        assert done.status is end
        assert (does(reward), now(books, reward)) == (done, done)
    else:
        with pytest.raises(end):
            does(reward)
        assert now(books, reward) == reward
    assert books.faults() == []


@pytest.mark.parametrize("act", ENDS)
def test_nobody_decides_about_their_own(books: Books, act: str) -> None:
    """Whatever role they have."""
    reward = in_status(books, S.PENDING)
    with pytest.raises(Forbidden):
        getattr(books, act)(reward, by=books.user("alice"))
    assert now(books, reward) == reward


def test_of_one_that_is_not_there(books: Books) -> None:
    """Every action says so."""
    id = "a" * 48
    for act in (reward_decisions.hold, reward_decisions.release, reward_decisions.approve, reward_decisions.cancel):
        with pytest.raises(RewardNotFound):
            act(books.context, id, "note", "admin")


# ---------------------------------------------------------------- hold and release


def test_held_it_never_matures_by_itself(books: Books) -> None:
    """Years later it waits still; released it is there at once, for the schedule is long past it."""
    reward = in_status(books, S.PENDING)
    books.hold(reward)
    for _ in range(3):
        books.clock.forward(400 * DAY_MS)
        books.mature("alice")
    assert books.balance("alice") == (0, 0, 0)
    assert books.faults() == []
    assert books.release(reward).status is S.APPROVED
    assert books.balance("alice") == (2000, 0, 0)
    assert books.faults() == []


def test_released_before_its_time_it_waits(books: Books) -> None:
    """A release is no approval."""
    reward = in_status(books, S.PENDING)
    books.hold(reward)
    assert books.release(reward).status is S.PENDING
    books.clock.forward(HOLD_MS)
    books.mature("alice")
    assert books.balance("alice") == (2000, 0, 0)


def test_released_in_time_it_may_need_a_person_still(books: Books) -> None:
    """In a program whose rewards are reviewed, a release does not stand for the review."""
    books.program("both", hold_days=30, reviews_rewards=True)
    books.member("yara", "both")
    books.apply("zoe", "yara")
    books.pay("zoe", "p1", 10_000, program_id="both")
    (reward,) = books.rewards("yara")
    books.hold(reward)
    books.clock.forward(HOLD_MS)
    assert books.release(reward).status is S.CALCULATED
    assert books.approve(reward).status is S.APPROVED
    assert books.balance("yara") == (2000, 0, 0)
    assert books.faults() == []


def test_a_release_leaves_the_dispute(books: Books) -> None:
    """People take off what people put on; both off, it is free, in whatever order."""
    reward = in_status(books, S.PENDING)
    books.hold(reward)
    books.dispute("p1", 10_000)
    books.clock.forward(HOLD_MS)
    assert books.release(reward).held == (DISPUTED,)
    books.close("p1", "WON")
    assert now(books, reward).status is S.APPROVED
    assert books.faults() == []


def test_a_won_dispute_leaves_peoples_reasons(books: Books) -> None:
    """WON frees it only of the dispute."""
    reward = in_status(books, S.PENDING)
    books.hold(reward, "one")
    books.hold(reward, "another")
    books.dispute("p1", 10_000)
    books.clock.forward(HOLD_MS)
    books.close("p1", "WON")
    assert (now(books, reward).status, now(books, reward).held) == (S.PENDING, ("another", "one"))
    assert books.release(reward).status is S.APPROVED
    assert books.faults() == []


def test_a_hold_outlasts_a_refund_that_failed(books: Books) -> None:
    """Cancelled by a refund and given back, it is held as before; also where the hold was taken off meanwhile."""
    reward = in_status(books, S.PENDING)
    books.hold(reward)
    books.refund("p1", 10_000)
    books.clock.forward(HOLD_MS)
    books.refund("p1", 10_000, failed=True)
    assert (now(books, reward).status, now(books, reward).held) == (S.PENDING, ("looks odd",))
    books.refund("p1", 10_000, "r2")
    books.release(reward)
    books.refund("p1", 10_000, "r2", failed=True)
    assert books.balance("alice") == (2000, 0, 0)
    assert books.faults() == []


def test_reasons_are_few_and_peoples_own(books: Books) -> None:
    """DISPUTE is said by disputes alone; five reasons are enough."""
    reward = in_status(books, S.PENDING)
    with pytest.raises(Invalid):
        books.hold(reward, DISPUTED)
    for number in range(5):
        books.hold(reward, f"reason {number}")
    with pytest.raises(Conflict):
        books.hold(reward, "reason 5")
    assert len(books.hold(reward, "reason 4").held) == 5


# ---------------------------------------------------------------- approve


def test_approved_before_its_time_it_counts_at_once_and_once(books: Books) -> None:
    """The schedule that comes later passes it over."""
    reward = in_status(books, S.PENDING)
    books.approve(reward)
    assert books.balance("alice") == (2000, 0, 0)
    books.clock.forward(HOLD_MS)
    books.mature("alice")
    assert books.balance("alice") == (2000, 0, 0)
    assert books.faults() == []


@pytest.mark.parametrize("disputed", [False, True])
def test_held_it_must_be_released_first(books: Books, disputed: bool) -> None:
    """By a person or by a dispute."""
    reward = in_status(books, S.PENDING)
    if disputed:
        books.dispute("p1", 1)
    else:
        books.hold(reward)
    with pytest.raises(Conflict):
        books.approve(reward)
    assert books.balance("alice") == (0, 0, 0)


def test_a_person_cannot_approve_what_an_idle_partner_earned(books: Books) -> None:
    """By hand as by time: it is cancelled."""
    partners.change_status(books.context, books.partner("alice").id, PartnerStatus.INACTIVE, "", "ann")
    reward = in_status(books, S.PENDING)
    assert books.approve(reward).cancelled is Cancelled.IDLE
    assert books.balance("alice") == (0, 0, 0)
    assert books.faults() == []


def test_a_refund_after_the_approval_takes_it_back(books: Books) -> None:
    """As if time had approved it."""
    reward = in_status(books, S.CALCULATED)
    books.approve(reward)
    books.refund("p1", 5_000)
    assert books.balance("wendy") == (1000, 0, 0)
    assert books.faults() == []


# ---------------------------------------------------------------- cancel


def test_cancelled_money_leaves_into_debt_if_it_must(books: Books) -> None:
    """A part of it is in an open withdrawal: that stays, and the rest is owed."""
    reward = in_status(books, S.APPROVED)
    books.withdraw("alice", 1500)
    books.cancel(reward)
    assert books.balance("alice") == (-1500, 1500, 0)
    assert books.faults() == []


@pytest.mark.parametrize("before", [True, False])
def test_cancelled_by_hand_it_stays_so(books: Books, before: bool) -> None:
    """Refunded, failed, disputed, won, due: nothing brings it back, also where a refund had cancelled it first."""
    reward = in_status(books, S.PENDING)
    if before:
        books.refund("p1", 10_000)
    books.cancel(reward)
    books.refund("p1", 10_000)
    books.refund("p1", 10_000, failed=True)
    books.dispute("p1", 10_000)
    books.close("p1", "WON")
    books.clock.forward(HOLD_MS)
    books.mature("alice")
    assert (now(books, reward).status, now(books, reward).cancelled) == (S.CANCELLED, Cancelled.BY_HAND)
    assert now(books, reward).reversed == 0
    assert books.balance("alice") == (0, 0, 0)
    assert books.faults() == []


def test_who_did_it_and_why_is_on_it(books: Books) -> None:
    """The last word of a person, and a reward that needs nobody any more is in no list of those who wait."""
    reward = in_status(books, S.PENDING)
    held = books.hold(reward, "looks odd", by="ann")
    assert (held.note, held.by) == ("looks odd", "ann")

    def listed(state: str) -> list[str]:
        return [id for _, id in stored.waiting(books.table, "default", state, "", 10)]

    assert (listed("HELD"), listed("CANCELLED")) == ([reward.id], [])
    cancelled = books.cancel(reward, by="eve")
    assert (cancelled.note, cancelled.by) == ("not deserved", "eve")
    assert (listed("HELD"), listed("CANCELLED")) == ([], [reward.id])
