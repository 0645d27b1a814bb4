"""What refunds, disputes, holds and the marking of paid rewards take; and ten thousand rewards that are due."""

from __future__ import annotations

from benchmarks.bench import Bench, model, today
from refledger.domain.times import DAY_MS
from refledger.operations.earning import manual_rewards
from refledger.operations.earning.manual_rewards import Gift
from refledger.operations.earning.maturity import mature_from
from refledger.operations.earning.payments import RecordOutcome
from refledger.operations.payouts import single_payouts

BASE, HALF = 10_000, 5_000
PARTNERS, REWARDS_EACH = 500, 20


def correcting(bench: Bench) -> None:
    """Payments of two tiers: refunded and disputed before and after their rewards are approved.

    The units written are the data model's. It counts fewer read: a BatchGet takes a whole one for each small item, and
    for a refund that is not there yet. In return it is one call instead of two. Two written and one read are the guard:
    of which payment the refund or dispute is, once told, for ever.
    """
    books = bench.books
    for payment_id in ("c1", "c2", "c3", "c4"):
        books.pay("customer", payment_id, BASE)
    with bench.measure("refund, two tiers, rewards pending", today(2, 1, 10, 5)):
        books.refund("c1", HALF)
    with bench.measure("… repeated", today(1, 0, 0, 3)):
        assert books.refund("c1", HALF).outcome is RecordOutcome.REPEATED
    with bench.measure("dispute, rewards pending", today(2, 1, 13, 5)):
        books.dispute("c2", BASE)
    with bench.measure("dispute won, rewards pending", model(3, 1, 19, 6)):
        books.close("c2", "WON")
    [held, *_] = (reward for reward in books.rewards("bob") if reward.payment == books.payment("c2").id)
    with bench.measure("hold a reward", today(2, 1, 2, 3)):
        books.hold(held)
    with bench.measure("release it before its time", today(2, 1, 2, 3)):
        books.release(held)
    books.clock.forward(2 * DAY_MS)
    for name in ("alice", "bob"):
        books.mature(name)
    with bench.measure("refund, rewards approved", today(3, 1, 18, 9)):
        books.refund("c3", HALF)
    with bench.measure("dispute, rewards approved", today(3, 1, 21, 9)):
        books.dispute("c4", BASE)
    with bench.measure("dispute lost, rewards approved", model(3, 1, 19, 6)):
        books.close("c4", "LOST")
    with bench.measure("refund before its payment", today(1, 1, 7, 3)):
        assert books.refund("c5", HALF).outcome is RecordOutcome.EARLY
    # one read is over how many shards payments are spread, which a worker asks once a minute
    with bench.measure("… and the payment that finds it", today(4, 1, 11, 4)):
        assert books.pay("customer", "c5", BASE).outcome is RecordOutcome.RECORDED


def by_hand(bench: Bench) -> None:
    """A reward that is given by hand, and paid by itself when it is in the balance. The day's sums of the
    partner and of who does it are read, and written with it."""
    books = bench.books
    gift = Gift(books.partner("dora").id, BASE, "USD", "spoke for us")
    with bench.measure("reward by hand", today(3, 1, 10, 5)):
        made = manual_rewards.give(books.context, gift, "ann", "k")
    with bench.measure("… repeated", today(2, 0, 0, 4)):
        assert manual_rewards.give(books.context, gift, "ann", "k") == made
    books.mature("dora")
    with bench.measure("reward: process-payment", today(7, 1, 16, 10)):
        single_payouts.process(books.context, made.id, "CASH", "TX-1", "ben", "r")


def covering_payouts(bench: Bench) -> None:
    """A payout of everything, and the rewards that it paid."""
    books = bench.books
    books.grant("carl", *[500] * 94)
    books.mature("carl")
    asked = books.withdraw("carl", 94 * 500)
    books.conclude_paid(asked)
    with bench.measure(
        "mark 94 rewards as paid, and see that it was all, per reward", model(None, None, "2.1", "0.4"), 94
    ):
        assert books.cover("carl", withdrawal_id=asked.id) == 94


def maturing_many(bench: Bench) -> None:
    """Ten thousand rewards that are due, of five hundred partners."""
    books = bench.books
    names = [f"many {number}" for number in range(PARTNERS)]
    for name in names:
        books.grant(name, *[500] * REWARDS_EACH)
    ids, count = [books.partner(name).id for name in names], PARTNERS * REWARDS_EACH
    budget = model(None, None, "2.2", None)
    with bench.measure(f"maturity of {count:,} rewards of {PARTNERS} partners, per reward", budget, count):
        for id in ids:
            mature_from(books.context, id, "USD", "")
