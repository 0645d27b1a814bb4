"""What refunds, disputes, holds and paid rewards take."""

from __future__ import annotations

from benchmarks.bench import Bench, Budget, model, today
from refledger.domain.payments import DisputeClosed, DisputeOpened, DisputeOutcome, RefundReceived
from refledger.domain.times import DAY_MS
from refledger.operations import covering, disputes, refunds, rewards
from refledger.operations.payments import Outcome

BASE = 10_000
PARTNERS, REWARDS_EACH = 500, 20


def correcting(bench: Bench) -> None:
    """Payments of two tiers: refunded and disputed before and after their rewards are approved."""
    books = bench.books
    for payment_id in ("c1", "c2", "c3", "c4"):
        books.pay("customer", payment_id, BASE)
    _refund(bench, "refund, rewards pending", "c1", model(2, 1, 8, 3))
    _refund(bench, "… repeated", "c1", today(1, 0, 0, 2))
    with bench.measure("dispute, rewards pending", model(2, 1, 11, 3)):
        disputes.opened(books.context, _opened(bench, "c2"))
    with bench.measure("dispute won, rewards pending", today(2, 1, 11, 3)):
        disputes.closed(books.context, _closed(bench, "c2", DisputeOutcome.WON))
    held = books.rewards("bob")[-1]
    with bench.measure("hold a reward", today(2, 1, 2, 2)):
        rewards.hold(books.context, held.id, "looks odd", "admin")
    with bench.measure("release it, not yet due", today(2, 1, 2, 2)):
        rewards.release(books.context, held.id, "is fine", "admin")
    books.clock.forward(2 * DAY_MS)
    for name in ("alice", "bob"):
        books.mature(name)
    _refund(bench, "refund, rewards approved", "c3", model(4, 1, 16, 5))
    with bench.measure("dispute, rewards approved", model(4, 1, 19, 5)):
        disputes.opened(books.context, _opened(bench, "c4"))
    with bench.measure("dispute lost, rewards approved", today(3, 1, 19, 5)):
        disputes.closed(books.context, _closed(bench, "c4", DisputeOutcome.LOST))
    with bench.measure("refund before its payment", model(1, 1, 5, 1)):
        assert refunds.refund(books.context, _refunded(bench, "c5")).outcome is Outcome.EARLY
    with bench.measure("… and the payment that finds it", today(2, 2, 12, 2)):
        assert books.pay("customer", "c5", BASE).outcome is Outcome.RECORDED


def covering_payouts(bench: Bench) -> None:
    """A payout of everything, and the rewards that it paid."""
    books = bench.books
    books.grant("carl", *[500] * 95)
    books.mature("carl")
    books.pay_out("carl", 95 * 500)
    carl = books.partner("carl").id
    with bench.measure("mark 95 rewards as paid, per reward", model(3, 1, "2.04", "0.3"), per=95):
        assert covering._cover(books.context, carl, "USD", "w") == 95


def maturing_many(bench: Bench) -> None:
    """Ten thousand rewards that are due, of five hundred partners."""
    books = bench.books
    names = [f"many {number}" for number in range(PARTNERS)]
    ids = [books.partner(name).id for name in names]
    for name in names:
        books.grant(name, *[500] * REWARDS_EACH)
    count = PARTNERS * REWARDS_EACH
    with bench.measure(f"maturity of {count:,} rewards of {PARTNERS} partners, per reward", _per_reward(), per=count):
        for id in ids:
            rewards.mature_from(books.context, id, "USD", "")


def _per_reward() -> Budget:
    return model(None, None, "2.2", None)


def _refund(bench: Bench, name: str, payment_id: str, budget: Budget) -> None:
    with bench.measure(name, budget):
        refunds.refund(bench.books.context, _refunded(bench, payment_id))


def _refunded(bench: Bench, payment_id: str) -> RefundReceived:
    return RefundReceived("payments", f"refund of {payment_id}", payment_id, BASE // 2, "USD", bench.books.clock())


def _opened(bench: Bench, payment_id: str) -> DisputeOpened:
    return DisputeOpened("payments", f"dispute of {payment_id}", payment_id, BASE, "USD", bench.books.clock())


def _closed(bench: Bench, payment_id: str, outcome: DisputeOutcome) -> DisputeClosed:
    return DisputeClosed("payments", f"dispute of {payment_id}", payment_id, outcome, bench.books.clock())
