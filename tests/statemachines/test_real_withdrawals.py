"""The deployed state machine with the real tasks, on a real table, and a provider that does what a test tells it."""

from __future__ import annotations

import pytest

from refledger.domain.partners import PartnerStatus
from refledger.domain.rewards import RewardStatus
from refledger.domain.times import DAY_MS
from refledger.domain.withdrawals import PayoutProblem, WithdrawalStatus
from refledger.operations.payouts import withdrawals, workflow_callbacks
from tests.statemachines.real import MakeReal, ended, known, suspended, take_all_back
from tests.support.payouts import IDEMPOTENT_MS

S = WithdrawalStatus
P = PayoutProblem


def test_approved_paid_and_covered(make: MakeReal) -> None:
    """From the request to the rewards that the payout covered: the two oldest."""
    real = make()
    arn = real.start()
    real.waits("decide")
    real.approve()
    ended(real, real.finish(arn), S.PAID, (3000, 0, 2000))
    assert real.calls == ["decide", "pay", "finish"]
    earned = real.books.rewards("bob")
    assert [reward.status for reward in earned].count(RewardStatus.PAID) == 2
    assert {reward.paid_by for reward in earned} == {real.id, ""}


def test_a_provider_that_is_down_five_times(make: MakeReal) -> None:
    """Asked again each time, first for what it knows; one key, one payment."""
    real = make(*["DOWN"] * 5)
    arn = real.start()
    real.waits("decide")
    real.approve()
    ended(real, real.finish(arn), S.PAID, (3000, 0, 2000))
    assert real.calls.count("pay") == 6
    assert real.provider.sent == [f"{real.id}-1"] * 6
    assert real.provider.looked_up == [f"{real.id}-1"] * 5


def test_declined_for_good(make: MakeReal) -> None:
    """The money is available again, once; the reason is in the history."""
    real = make("DECLINED")
    arn = real.start()
    real.waits("decide")
    real.approve()
    ended(real, real.finish(arn), S.FAILED, (5000, 0, 0))
    assert real.calls[-2:] == ["pay", "finish"]
    assert "account_closed" in real.found.steps[-1].note


def test_declined_and_tried_again(make: MakeReal) -> None:
    """The machine waits with the problem; a person's retry goes on with another key, in the same execution."""
    real = make("NO FUNDS")
    arn = real.start()
    real.waits("decide")
    real.approve()
    real.waits("pay")
    assert real.found.problem is P.DECLINED
    real.retry()
    ended(real, real.finish(arn), S.PAID, (3000, 0, 2000))
    assert real.calls == ["decide", "pay", "finish"] * 2
    assert list(real.provider.paid) == [f"{real.id}-2"]


def test_unknown_for_good_waits_for_a_person(make: MakeReal) -> None:
    """Down for longer than the machine asks: it fails and is resumed.

    When the provider has forgotten the key nothing is sent any more, and the person says that it was paid.
    """
    real = make(*["DOWN"] * 8)
    arn = real.start()
    real.waits("decide")
    real.approve()
    assert real.finish(arn)["error"] == "PayoutUnavailable"
    assert (real.found.status, real.books.balance("bob")) == (S.PAYING, (3000, 2000, 0))
    real.books.clock.forward(IDEMPOTENT_MS)
    resumed = real.start(attempt=1)
    real.waits("pay", times=9)
    assert real.found.problem is P.UNKNOWN
    assert len(real.provider.sent) == 8
    paid = withdrawals.conclude(real.context, real.id, S.PAID, "ann", "r", transaction_id="found-by-hand")
    workflow_callbacks.tell(real.context, real.waker, paid)
    ended(real, real.finish(resumed), S.PAID, (3000, 0, 2000))


def test_a_function_that_dies_after_the_send(make: MakeReal) -> None:
    """Paid, and the answer lost for good: the resumed execution asks, and sends nothing."""
    real = make("LOST")
    real.provider.deaf = 7
    arn = real.start()
    real.waits("decide")
    real.approve()
    assert real.finish(arn)["error"] == "PayoutUnavailable"
    ended(real, real.finish(real.start(attempt=1)), S.PAID, (3000, 0, 2000))
    assert len(real.provider.sent) == 1


def test_paid_late(make: MakeReal) -> None:
    """Accepted at first; days later the webhook says paid, and the machine goes on to settle."""
    real = make("AWAITING")
    arn = real.start()
    real.waits("decide")
    real.approve()
    real.waits("pay")
    real.books.clock.forward(5 * DAY_MS)
    assert not real.says("PAID").reported
    ended(real, real.finish(arn), S.PAID, (3000, 0, 2000))
    assert real.calls[-1] == "finish"


def test_paid_after_failed(make: MakeReal) -> None:
    """The machine has ended, the money is available; the provider's late word is a problem, and a person books it."""
    real = make("AWAITING")
    arn = real.start()
    real.waits("decide")
    real.approve()
    real.waits("pay")
    real.says("FAILED")
    ended(real, real.finish(arn), S.FAILED, (5000, 0, 0))
    assert real.says("PAID").reported
    assert real.found.problem is P.PAID_AFTER_FAILED
    withdrawals.conclude(real.context, real.id, S.PAID, "ann", "r", transaction_id="t")
    assert real.books.balance("bob") == (3000, 0, 2000)
    assert real.books.faults() == []


def test_returned_days_later(make: MakeReal) -> None:
    """Paid and settled; the money comes back by a journal entry; an execution begun for it has nothing to do."""
    real = make()
    arn = real.start()
    real.waits("decide")
    real.approve()
    ended(real, real.finish(arn), S.PAID, (3000, 0, 2000))
    real.books.clock.forward(5 * DAY_MS)
    real.says("RETURNED")
    ended(real, real.finish(real.start(attempt=1)), S.RETURNED, (5000, 0, 0))


def test_paid_and_returned_before_the_machine_heard(make: MakeReal) -> None:
    """Both while it waits for the settlement: it ends."""
    real = make("AWAITING")
    arn = real.start()
    real.waits("decide")
    real.approve()
    real.waits("pay")
    real.says("RETURNED")
    ended(real, real.finish(arn), S.RETURNED, (5000, 0, 0))


def test_two_people(make: MakeReal) -> None:
    """The first approval leaves the machine waiting, the second one lets it go on."""
    real = make(second_approval_limit=1999)
    arn = real.start()
    real.waits("decide")
    real.approve("ann")
    assert (real.found.status, len(real.provider.sent)) == (S.REQUESTED, 0)
    real.approve("eve")
    ended(real, real.finish(arn), S.PAID, (3000, 0, 2000))
    assert real.calls.count("decide") == 1


def test_automatic_approval_and_its_risks(make: MakeReal) -> None:
    """The first withdrawal needs a person, who reads why; where he was paid before, it needs nobody."""
    first = make(auto_approve_limit=5000)
    arn = first.start()
    first.waits("decide")
    first.until(lambda: first.found.are_risks_known)
    assert [risk.value for risk in first.found.risks] == ["FIRST_WITHDRAWAL"]
    known(first)
    second = first.start(attempt=1)
    ended(first, first.finish(second), S.PAID, (2000, 0, 3000))
    assert first.found.steps[0].by == "system"
    first.client.stop_execution(executionArn=arn)


def test_a_debt_between_automatic_approval_and_payout(make: MakeReal) -> None:
    """Back to people, and no loop: assessed again, it waits for two, who approve in spite of the debt and say why."""
    real = make(auto_approve_limit=5000)
    known(real)
    real.meanwhile["pay"] = lambda: take_all_back(real)
    arn = real.start()
    real.waits("decide", times=2)
    assert real.calls == ["decide", "pay", "finish", "decide"]
    assert (real.found.status, real.provider.sent) == (S.REQUESTED, [])
    for by in ("ann", "eve"):
        real.approve(by, "they pay it back")
    ended(real, real.finish(arn), S.PAID, (-3000, 0, 3000))


@pytest.mark.parametrize("paid_after_all", [False, True])
def test_tried_again_and_sent_back_to_people(make: MakeReal, paid_after_all: bool) -> None:
    """A debt came up between two payouts: whatever ends the wait for people, the machine hears of it at once."""
    real = make("NO FUNDS")
    arn = real.start()
    real.waits("decide")
    real.approve()
    real.waits("pay")
    real.meanwhile["pay"] = lambda: take_all_back(real)
    real.retry()
    real.waits("decide", times=3)
    assert (real.found.status, real.found.payout) == (S.REQUESTED, 1)
    if paid_after_all:
        real.says("PAID")
    else:
        for by in ("tom", "eve"):
            real.approve(by, "they pay it back")
    ended(real, real.finish(arn), S.PAID, (-2000, 0, 2000))
    assert list(real.provider.paid) == ([] if paid_after_all else [f"{real.id}-2"])


@pytest.mark.parametrize("fates", [(), ("DOWN",)])
def test_suspended_between_approval_and_payout(make: MakeReal, fates: tuple[str, ...]) -> None:
    """The machine ends, nothing is lost and nothing sent; a later attempt, when that is over, pays once."""
    real = make(*fates)
    at = 1 + len(fates)  # before the first try, or between two of them
    tries = iter(range(1, 10))

    def meanwhile() -> None:
        if next(tries) == at:
            suspended(real, PartnerStatus.SUSPENDED)
        elif fates:
            real.meanwhile["pay"] = meanwhile

    real.meanwhile["pay"] = meanwhile
    arn = real.start()
    real.waits("decide")
    real.approve()
    before = S.PAYING if fates else S.APPROVED
    ended(real, real.finish(arn), before, (3000, 2000, 0))
    assert (real.found.blocked, real.provider.paid, len(real.provider.sent)) == (("SUSPENDED",), {}, len(fates))
    suspended(real, PartnerStatus.ACTIVE)
    ended(real, real.finish(real.start(attempt=1)), S.PAID, (3000, 0, 2000))
    assert list(real.provider.paid) == [f"{real.id}-1"]
