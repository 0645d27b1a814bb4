"""What stands still for an hour, a day, fifteen days, and then goes on: nothing is lost by waiting.

The table of docs/failure-model.md names the tests that hold each of its cells; those that belong nowhere else are here.
"""

from __future__ import annotations

import pytest

from refledger.domain.errors import PayoutUnavailable
from refledger.domain.maturity import MaturityMessage
from refledger.domain.programs import CurrencyTerms
from refledger.domain.referrals import ReferralSource, ReferralStatus
from refledger.domain.rewards import RewardStatus
from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.domain.withdrawals import PayoutProblem, WithdrawalStatus
from refledger.operations.earning import due_scan, maturity
from refledger.operations.earning.payments import RecordOutcome
from refledger.operations.payouts import transitions
from refledger.operations.payouts.sweeper import COVER_AGAIN_MS, Swept, cover_again, sweep
from refledger.operations.referring import expiry, lifecycle
from refledger.operations.referring.lifecycle import NewReferral
from refledger.store import referrals
from tests.support.books import Books
from tests.support.payouts import Provider, approved, start
from tests.support.stepfunctions import StepFunctions

HOUR_MS = 60 * MINUTE_MS
S = WithdrawalStatus
AWAY = pytest.mark.parametrize("away_ms", [HOUR_MS, DAY_MS, 15 * DAY_MS])


@pytest.fixture
def books(books: Books) -> Books:
    """Bob has 50.00 to take out, and refers Carol."""
    books.program(hold_days=30, currencies={"EUR": CurrencyTerms()}, payout_minimum=1000)
    books.chain("bob", "carol")
    books.grant("bob", 5000)
    books.mature("bob")
    return books


@AWAY
@pytest.mark.parametrize("statuses", [(), (S.APPROVED,), (S.APPROVED, S.PAYING)])
def test_withdrawals_wait_for_their_sweeper(books: Books, away_ms: int, statuses: tuple[S, ...]) -> None:
    """No execution runs and no schedule looks: then each is begun once, with its money where it was.

    What nobody decided about in the program's week expires at once, and its money is back.
    """
    made, machine = books.withdraw("bob", 2000), StepFunctions()
    for status in statuses:
        transitions.step(books.context, made.id, status, "ann")
    books.clock.forward(away_ms)
    is_over = not statuses and books.clock() >= made.expires_at_ms
    for expected in (1, 0):
        swept = sweep(books.context, machine.workflow, machine.waker, lambda: True)
        assert (swept.expired if is_over else swept.resumed) == expected
    assert list(machine.executions) == ([] if is_over else [f"{made.id}-1"])
    assert books.balance("bob") == ((5000, 0, 0) if is_over else (3000, 2000, 0))


@AWAY
def test_what_was_paid_waits_for_its_mark(books: Books, away_ms: int) -> None:
    """The workflow ended before it marked what was covered, and nobody looked since."""
    made = books.withdraw("bob", 5000)
    for status in (S.APPROVED, S.PAYING, S.PAID):
        transitions.step(books.context, made.id, status, "ann")
    books.clock.forward(COVER_AGAIN_MS + away_ms)
    swept = Swept()
    cover_again(books.context, swept, lambda: True)
    assert swept.covered == 1
    assert {reward.status for reward in books.rewards("bob")} == {RewardStatus.PAID}
    assert books.faults() == []


@AWAY
@pytest.mark.parametrize("fate", ["DOWN", "LOST"])
def test_a_provider_that_is_away_pays_once_or_waits_for_a_person(books: Books, away_ms: int, fate: str) -> None:
    """Whether it had made the payout or not: what it made is found, what it did not make is sent as long as its key
    counts, and left to a person after that.
    """
    made, provider = approved(books), Provider([fate])
    with pytest.raises(PayoutUnavailable):
        start(books, made.id, provider)
    books.clock.forward(away_ms)
    told = start(books, made.id, provider)
    if fate == "LOST" or away_ms < provider.idempotent_ms:
        assert (told.status, books.balance("bob")) == (S.PAID, (3000, 0, 2000))
        assert len(provider.paid) == 1
    else:
        assert (told.status, told.problem, books.balance("bob")) == (
            S.PAYING,
            PayoutProblem.UNKNOWN,
            (3000, 2000, 0),
        )
        assert provider.paid == {}
    assert books.faults() == []


@AWAY
def test_what_is_due_waits_for_its_schedule(books: Books, away_ms: int) -> None:
    """No tick for so long, while payments became due: the first ones that come find all of them."""
    for number in range(4):
        books.pay("carol", f"p{number}", 10_000)
        books.clock.forward(HOUR_MS)
    books.clock.forward(30 * DAY_MS + away_ms)
    sent: list[MaturityMessage] = []
    due_scan.find_due(books.context, sent.extend, lambda: True)
    for message in sent:
        maturity.mature_all(books.context, message.partner_id, message.currency, message.since)
    assert books.balance("bob") == (5000 + 4 * 2000, 0, 0)
    assert books.faults() == []


@AWAY
def test_events_wait_in_their_queue(books: Books, away_ms: int) -> None:
    """A payment, its refund and its dispute, taken so much later, and in the wrong order: as if they had just come."""
    paid_ms = books.clock()
    books.clock.forward(away_ms)
    books.dispute("p1", 5_000)
    books.refund("p1", 4_000)
    assert books.pay("carol", "p1", 10_000, occurred_at_ms=paid_ms).outcome is RecordOutcome.RECORDED
    (reward,) = [each for each in books.rewards("bob") if each.referral_id]
    assert (reward.amount, reward.reversed) == (2000, 1800)
    assert books.faults() == []


@AWAY
def test_referrals_wait_for_their_expiry(books: Books, away_ms: int) -> None:
    """Nobody closed them in time: one who paid in time is not closed, whenever that is told; the other one is."""
    books.change_program(attribution_days=30)
    made = {}
    for name in ("in-time", "never"):
        new = NewReferral(code=books.partner("bob").code, source=ReferralSource.PHONE, customer=books.user(name))
        made[name] = lifecycle.create(books.context, new, "ann", None, "")
    paid_ms = books.clock()
    books.clock.forward(30 * DAY_MS + away_ms)
    books.pay("in-time", "p1", 10_000, occurred_at_ms=paid_ms)
    expiry.check_expired(books.context, lambda: True)
    statuses = {name: referrals.find(books.table, each.id).status for name, each in made.items()}
    assert statuses == {"in-time": ReferralStatus.CONVERTED, "never": ReferralStatus.EXPIRED}
    assert len([each for each in books.rewards("bob") if each.referral_id]) == 1
