"""What the roll-ups take when they are written, and when they are read."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

from benchmarks.bench import Bench, design, today
from benchmarks.handlers import call, serving
from refledger.domain import periods
from refledger.domain.rewards import Reward, RewardStatus
from refledger.domain.times import DAY_MS
from refledger.operations.context import Context
from refledger.operations.figures import projection
from refledger.store import keys
from refledger.store import rewards as stored_rewards
from refledger.store import statistics as stored
from refledger.store.stream import Record
from refledger.store.table import Table
from refledger.store.transaction import Item

SHARDS = ("shardId-00000000000000000001-a1b2c3d4", "shardId-00000000000000000001-e5f6a7b8")
YEAR_DAYS = 365
HOLD_DAYS = 30
SIZES = (1_000, 10_000, 100_000)  # rewards in a year: what is read must not grow with them
YEAR_RRU = "13.5"  # the data model's figure for a year of days


def projecting(bench: Bench) -> None:
    """The stream's records of payments with two tiers, as the consumer gets them."""
    context = bench.books.context
    numbers = count(1)
    alone, later, between = (_records(bench, numbers, name) for name in ("r1", "r2", "r3"))
    batch = _records(bench, numbers, *(f"batch {n}" for n in range(25)))
    with bench.measure("roll-ups of a payment alone, first of its day", design(None, None, 5, None)):
        projection.project(context, SHARDS[0], alone)
    with bench.measure("roll-ups of a payment alone", design(None, None, 5, None)):
        projection.project(context, SHARDS[0], later)
    with bench.measure("… repeated", today(1, 0, 0, 3)):  # which generation counts is read each time, of 3 subjects
        projection.project(context, SHARDS[0], later)
    projection.project(context, SHARDS[0], between)
    with bench.measure("roll-ups of 25 payments in a batch, per payment", design(None, None, 1, None), per=25):
        projection.project(context, SHARDS[0], batch)


def _records(bench: Bench, numbers: count[int], *payment_ids: str) -> list[Record]:
    """Payments of one customer, and what the stream says of each."""
    books = bench.books
    plain = Table(bench.client, books.table_name)  # past the meter
    images: list[Item | None] = []
    for payment_id in payment_ids:
        recorded = books.pay("customer", payment_id, 10_000)
        payment = plain.get(keys.payment(recorded.payment))
        assert payment
        images += [payment, *plain.get_many([keys.reward(id) for id, _ in payment["rewards"]])]
    return [Record(str(next(numbers)), books.clock(), {}, image) for image in images if image]


def reading_a_year(bench: Bench, rewards: int, days: int = YEAR_DAYS) -> None:
    """A year of a partner's rewards, and what their statistics cost then.

    The rewards exist as stream records only (the roll-ups cannot know), in two shards, and are told past the meter.
    """
    books = bench.books
    name = f"partner with {rewards}"
    partner_id = books.partner(name).id
    context = Context(Table(bench.client, books.table_name), books.ids, books.clock)
    numbers = {shard: count(1) for shard in SHARDS}
    for day in range(days):
        today_count = (day + 1) * rewards // days - day * rewards // days
        for shard, share in zip(SHARDS, (today_count - today_count // 2, today_count // 2), strict=True):
            now_ms = books.clock()
            item = _reward(partner_id, now_ms)
            records = [Record(str(next(numbers[shard])), now_ms, {}, item) for _ in range(share)]
            if records:
                projection.project(context, shard, records)
        books.clock.forward(DAY_MS)
    told = f"{rewards:,} rewards in {days} days"
    with bench.measure(f"statistics of a partner, {told}", design(2, 0, 0, None)):
        totals = stored.totals(books.table, keys.statistics(partner_id))
    assert totals["t1_USD"] == 5 * rewards, "nothing is lost or counted twice by folding"
    with serving(books):
        call("member_referrals", "GET /api/v1/referrals/stats", name)  # knows the program from now on
        with bench.measure(f"GET stats, {told}", today(3, 0, 0, "3")):
            call("member_referrals", "GET /api/v1/referrals/stats", name)
    reporting(bench, partner_id, told, rewards, days)


def reporting(bench: Bench, partner_id: str, told: str, rewards: int, days: int) -> None:
    """What staff reads of that year: sums, and a point or a line for each day of it."""
    last = periods.today(bench.books.clock())
    year = {"from": (last - timedelta(days=days)).isoformat(), "to": last.isoformat()}
    with serving(bench.books):
        call("analytics", "GET /api/v1/analytics/overview", "root", "admin")  # knows the program from now on
        for name, budget, route, query, path in (
            ("a program's overview", design(2, 0, 0, 2), "analytics/overview", {}, {}),
            ("rewards by status", design(2, 0, 0, 2), "rewards/statistics", {}, {}),
            ("forecast", design(2, 0, 0, 2), "analytics/forecast", {}, {}),
            ("cohorts", design(2, 0, 0, 2), "analytics/cohorts", {}, {}),
            ("a leaderboard", design(1, 0, 0, 2), "partners/top", {}, {}),
            ("the trial balance", design(2, 0, 0, 2), "ledger/trial-balance", {}, {}),
            ("rewards by day", today(2, 0, 0, YEAR_RRU), "rewards/trends", year, {}),
            ("a partner, by day", today(3, 0, 0, YEAR_RRU), "partners/{partnerId}/statistics", year,
             {"partnerId": partner_id}),
        ):  # fmt: skip
            with bench.measure(f"{name}, {told}", budget):
                answer = call("analytics", f"GET /api/v1/{route}", "root", "admin", query=query, path=path)
            if route == "rewards/statistics":
                assert answer["total"] == rewards, "nothing is lost or counted twice by folding"


def _reward(partner_id: str, created_ms: int) -> Item:
    """A reward that waits, as the stream tells of it."""
    made = Reward(
        id=keys.reward_id(partner_id, 0, "USD", "0" * 24, 1), partner_id=partner_id, tier=1, amount=5, currency="USD",
        status=RewardStatus.PENDING, base=100, rate_bps=500, rule_version=1, program_id="default", payment="0" * 24,
        referral_id="", matures_at_ms=created_ms + HOLD_DAYS * DAY_MS, earned_at_ms=created_ms,
    )  # fmt: skip
    return stored_rewards.create(made, created_ms).target
