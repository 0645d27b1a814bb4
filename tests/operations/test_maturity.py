"""Rewards become money when their time has come: not before, once, and none is left behind."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from refledger.domain.errors import PartnerNotFound
from refledger.domain.journal import EntryKind, contents_hash
from refledger.domain.partners import PartnerStatus
from refledger.domain.rewards import RewardStatus
from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.operations.earning import maturity
from refledger.operations.partners import partners
from refledger.store import keys, ledger
from refledger.store import rewards as stored_rewards
from tests.support import worlds
from tests.support.books import Books, Faulty

P, R = PartnerStatus, RewardStatus

pytestmark = worlds.lives_in(worlds.two_tiers, hold_days=30)


def become(books: Books, name: str, status: PartnerStatus) -> None:
    partners.change_status(books.context, books.partner(name).id, status, "why", "ann")


def statuses(books: Books, name: str) -> list[str]:
    return [reward.status.value for reward in books.rewards(name)]


def cursor_of(books: Books, name: str, currency: str = "USD") -> str:
    return stored_rewards.looked_until(books.table, books.partner(name).id, currency)


def times(number: int) -> Callable[[], bool]:
    """Says yes so many times."""
    left = iter(range(number))
    return lambda: next(left, None) is not None


# ---------------------------------------------------------------- when


def test_on_time_and_not_before(books: Books) -> None:
    """A millisecond before its time a reward waits; at its time it is the partner's."""
    books.pay("carol", "p1", 10_000)
    books.clock.forward(30 * DAY_MS - 1)
    books.mature("bob")
    assert (books.balance("bob"), statuses(books, "bob")) == ((0, 0, 0), ["PENDING"])
    books.clock.forward(1)
    books.mature("bob")
    assert (books.balance("bob"), statuses(books, "bob")) == ((2000, 0, 0), ["APPROVED"])
    assert books.faults() == []


def test_what_is_not_due_stays_while_others_mature(books: Books) -> None:
    """One of two payments is due: only its reward moves."""
    books.pay("carol", "p1", 10_000)
    books.clock.forward(DAY_MS)
    books.pay("carol", "p2", 20_000)
    books.clock.forward(29 * DAY_MS)
    books.mature("bob")
    assert statuses(books, "bob") == ["APPROVED", "PENDING"]
    books.clock.forward(DAY_MS)
    books.mature("bob")
    assert books.balance("bob") == (6000, 0, 0)


def test_maturing_again_changes_nothing(books: Books) -> None:
    """A repeat finds nothing that waits: no second entry, no other balance."""
    books.grant("bob", 100, 200)
    for _ in range(3):
        books.mature("bob")
    assert books.balance("bob") == (300, 0, 0)
    assert len(books.entries("bob")) == 1


def test_sixteen_at_once_are_one(books: Books) -> None:
    """Sixteen workers with the same message: every reward is counted once."""
    books.grant("bob", *range(1, 41))
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: maturity.mature_all(books.context, books.partner("bob").id, "USD"), range(16)))
    assert books.balance("bob") == (820, 0, 0)
    assert [entry.amount for entry in books.entries("bob")] == [820]
    assert books.faults() == []


# ---------------------------------------------------------------- how much at a time


def test_more_than_one_transaction_can_hold(books: Books) -> None:
    """200 rewards are 95, 95 and 10, each batch with an entry that sums exactly its own."""
    books.grant("bob", *range(1, 201))
    books.mature("bob")
    in_order = books.rewards("bob")
    batches = [in_order[:95], in_order[95:190], in_order[190:]]
    assert [reward.entry for reward in in_order] == [1] * 95 + [2] * 95 + [3] * 10
    for entry, batch in zip(books.entries("bob"), batches, strict=True):
        assert (entry.kind, entry.amount) == (EntryKind.EARN, sum(reward.amount for reward in batch))
        assert (entry.first, entry.last) == (batch[0].id[16:], batch[-1].id[16:])
        assert entry.contents == contents_hash((reward.id, reward.amount) for reward in batch)
    assert books.faults() == []


def test_when_time_is_up_it_says_where_it_stopped(books: Books) -> None:
    """After two batches of 95 there is no time left: the answer is where to go on, and the cursor has not moved."""
    books.grant("bob", *[1] * 200)
    bob = books.partner("bob").id
    stopped = maturity.mature_all(books.context, bob, "USD", go_on=times(1))
    assert (books.balance("bob"), cursor_of(books, "bob")) == ((190, 0, 0), "")
    assert stopped == keys.reward(books.rewards("bob")[189].id)["sk"]
    assert maturity.mature_from(books.context, bob, "USD", stopped) == ""
    assert books.balance("bob") == (200, 0, 0)


def test_what_was_cancelled_does_not_hide_what_comes_after(books: Books) -> None:
    """A hundred rewards that all are cancelled make no entry, and the batch behind them is still found."""
    become(books, "bob", P.INACTIVE)
    books.grant("bob", *[1] * 100)
    books.clock.forward(1)
    become(books, "bob", P.ACTIVE)
    books.grant("bob", 7)
    books.mature("bob")
    assert statuses(books, "bob") == ["CANCELLED"] * 100 + ["APPROVED"]
    assert books.balance("bob") == (7, 0, 0)
    assert len(books.entries("bob")) == 1


# ---------------------------------------------------------------- who


def test_what_was_earned_while_idle_is_cancelled(books: Books) -> None:
    """Payments before and after a pause count, those within do not; the tier above is not touched by it."""
    books.pay("carol", "before", 1_000)
    books.clock.forward(DAY_MS)
    become(books, "bob", P.INACTIVE)
    books.pay("carol", "within", 10_000)
    books.clock.forward(DAY_MS)
    become(books, "bob", P.ACTIVE)
    books.pay("carol", "after", 100_000)
    books.clock.forward(30 * DAY_MS)
    for name in ("alice", "bob"):
        books.mature(name)
    assert statuses(books, "bob") == ["APPROVED", "CANCELLED", "APPROVED"]
    assert books.balance("bob") == (20_200, 0, 0)
    assert books.balance("alice") == (11_100, 0, 0)
    assert books.faults() == []


@pytest.mark.parametrize("status", [P.INACTIVE, P.SUSPENDED, P.TERMINATED])
def test_what_was_earned_before_stays(books: Books, status: PartnerStatus) -> None:
    """Whoever stops being active keeps what was earned until then, though it matures later."""
    books.pay("carol", "p1", 10_000)
    books.clock.forward(1)
    become(books, "bob", status)
    books.pay("carol", "p2", 10_000)
    books.clock.forward(30 * DAY_MS)
    books.mature("bob")
    assert statuses(books, "bob") == ["APPROVED", "CANCELLED"]
    assert books.balance("bob") == (2000, 0, 0)


def test_a_payment_that_arrives_late_counts_when_it_was_made(books: Books) -> None:
    """The event of a payment made in a pause comes after it: still nothing; and the other way round."""
    books.clock.forward(DAY_MS)
    paid_while_active_ms = books.clock()
    books.clock.forward(DAY_MS)
    become(books, "bob", P.INACTIVE)
    books.pay("carol", "late", 10_000, occurred_at_ms=paid_while_active_ms)
    paid_while_idle_ms = books.clock()
    books.clock.forward(DAY_MS)
    become(books, "bob", P.ACTIVE)
    books.pay("carol", "later", 10_000, occurred_at_ms=paid_while_idle_ms)
    books.clock.forward(30 * DAY_MS)
    books.mature("bob")
    assert statuses(books, "bob") == ["APPROVED", "CANCELLED"]


def test_a_partner_who_earned_nothing_has_no_books(books: Books) -> None:
    """When all is cancelled there is neither a balance nor an entry, and nothing to find wrong."""
    become(books, "bob", P.SUSPENDED)
    books.pay("carol", "p1", 10_000)
    books.clock.forward(30 * DAY_MS)
    books.mature("bob")
    assert statuses(books, "bob") == ["CANCELLED"]
    assert (books.entries("bob"), ledger.balances(books.table, books.partner("bob").id)) == ([], [])
    assert books.faults() == []


def test_rewards_of_nobody_are_told(books: Books) -> None:
    """A message about a partner who does not exist fails, and is not swallowed."""
    with pytest.raises(PartnerNotFound):
        maturity.mature_all(books.context, "nobody", "USD")


# ---------------------------------------------------------------- currencies


def test_each_currency_has_books_of_its_own(books: Books) -> None:
    """Maturing one currency leaves the others waiting; each has its own balance and versions from 1."""
    for currency in ("USD", "JPY", "KWD"):
        books.grant("bob", 5, 6, currency=currency)
    books.mature("bob", "JPY")
    assert [books.balance("bob", c)[0] for c in ("USD", "JPY", "KWD")] == [0, 11, 0]
    books.mature("bob", "USD")
    books.mature("bob", "KWD")
    assert [books.balance("bob", c)[0] for c in ("USD", "JPY", "KWD")] == [11, 11, 11]
    assert [[e.version for e in books.entries("bob", c)] for c in ("USD", "JPY", "KWD")] == [[1], [1], [1]]
    assert books.faults() == []


# ---------------------------------------------------------------- nothing is left behind


def test_a_reward_committed_just_behind_the_cursor_is_found(books: Books) -> None:
    """A payment that began before a maturity and ended after it: ten minutes late is not too late."""
    books.grant("bob", 1)
    books.mature("bob")
    books.grant("bob", 2, due_ms=books.clock() - 10 * MINUTE_MS)
    books.mature("bob")
    assert books.balance("bob") == (3, 0, 0)


def test_a_reward_far_behind_the_cursor_is_found_by_its_message(books: Books) -> None:
    """The schedule names the first reward that is due, and looking begins there, however far the cursor is."""
    books.grant("bob", 1)
    books.mature("bob")
    books.clock.forward(DAY_MS)
    books.grant("bob", 2)
    books.mature("bob")
    books.grant("bob", 4, due_ms=books.clock() - DAY_MS)
    books.mature("bob")
    assert books.balance("bob") == (3, 0, 0)
    since = keys.due_from(books.clock() - DAY_MS)
    cursor = cursor_of(books, "bob")
    maturity.mature_all(books.context, books.partner("bob").id, "USD", since)
    assert books.balance("bob") == (7, 0, 0)
    assert cursor_of(books, "bob") >= cursor


def test_the_cursor_stays_a_quarter_of_an_hour_behind_the_clock(books: Books) -> None:
    """It moves with each look that found all there is, never beyond what may still be committed late, never back."""
    books.partner("bob")
    seen = [cursor_of(books, "bob")]
    for _ in range(3):
        books.clock.forward(DAY_MS)
        books.mature("bob")
        seen.append(cursor_of(books, "bob"))
    assert seen == sorted(set(seen))
    assert seen[-1] == keys.due_from(books.clock() - 15 * MINUTE_MS)
    books.clock.at_ms -= DAY_MS
    books.mature("bob")
    assert cursor_of(books, "bob") == seen[-1]


@pytest.mark.parametrize("status", [P.ACTIVE, P.INACTIVE])
def test_what_was_looked_at_is_not_read_again(books: Books, status: PartnerStatus) -> None:
    """However long a partner's history, and whether it became money or nothing: the next look is one page."""
    become(books, "bob", status)
    books.grant("bob", *[1] * 300)
    books.clock.forward(DAY_MS)
    books.mature("bob")
    books.clock.forward(DAY_MS)
    reads: list[str] = []

    class Watching:
        def __getattr__(self, name: str) -> Any:
            reads.append(name)
            return getattr(books.client, name)

    worker = books.behind(Watching())
    worker.shards()  # known for a minute, whomever it works for
    reads.clear()
    maturity.mature_all(worker, books.partner("bob").id, "USD")
    assert reads.count("query") == len(worker.reward_partitions(books.partner("bob").id))
    assert len(reads) - reads.count("query") <= 3


def test_an_exact_message_matures_its_own_and_moves_no_cursor(books: Books) -> None:
    """What a payment made is matured from there on; what waits before it is found by everybody else."""
    books.grant("bob", 1, due_ms=books.clock() - DAY_MS)
    books.grant("bob", 2)
    since = keys.reward(books.rewards("bob")[-1].id)["sk"]
    assert maturity.mature_from(books.context, books.partner("bob").id, "USD", since) == ""
    assert (books.balance("bob"), cursor_of(books, "bob")) == ((2, 0, 0), "")
    books.mature("bob")
    assert books.balance("bob") == (3, 0, 0)
    assert books.faults() == []


def test_a_message_that_is_ahead_of_the_workers_clock_is_no_fault(books: Books) -> None:
    """Two machines differ by a second: what the one has called due is due, and the other one's clock stays right."""
    books.grant("bob", 2, due_ms=books.clock() + 1000)
    since = keys.reward(books.rewards("bob")[-1].id)["sk"]
    maturity.mature_from(books.context, books.partner("bob").id, "USD", since)
    assert books.balance("bob") == (2, 0, 0)
    books.grant("bob", 4, due_ms=books.clock() + 60_000)
    maturity.mature_from(books.context, books.partner("bob").id, "USD", keys.reward(books.rewards("bob")[-1].id)["sk"])
    assert books.balance("bob") == (2, 0, 0)  # a minute is no difference between clocks


@pytest.mark.parametrize("seed", range(3))
def test_conflicts_and_lost_answers_change_nothing(books: Books, seed: int) -> None:
    """Where a transaction is refused, or done without an answer, each reward still counts once."""
    books.grant("bob", *range(1, 121))
    faulty = Faulty(books.client, 60, seed)
    maturity.mature_all(books.behind(faulty), books.partner("bob").id, "USD")
    assert books.balance("bob") == (7260, 0, 0)
    assert books.faults() == []


def test_a_batch_reads_its_program_once(books: Books) -> None:
    """However many rewards of it were earned just now: a busy partner's would read it thousands of times a second."""
    books.change_program(hold_days=0)
    for number in range(12):
        books.pay("carol", f"p{number}", 10_000)
    asked: list[dict[str, Any]] = []

    class Watching:
        def __getattr__(self, name: str) -> Any:
            return getattr(books.client, name)

        def get_item(self, **call: Any) -> Any:
            asked.append(call["Key"])
            return books.client.get_item(**call)

    maturity.mature_from(books.behind(Watching()), books.partner("bob").id, "USD", keys.due_from(0))
    assert [key["sk"]["S"] for key in asked if key["pk"]["S"] == "PROGRAMS"] == ["default"]
    assert books.balance("bob") == (12 * 2_000, 0, 0)
