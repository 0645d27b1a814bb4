"""A partner becomes a busy one in the middle of their life: nothing is lost, nothing counts twice, nobody waits."""

from __future__ import annotations

import csv
import io
import threading
from collections import Counter

from refledger.adapters.files import Files
from refledger.domain.jobs import ExportSubject
from refledger.domain.maturity import MaturityMessage
from refledger.domain.rewards import Reward, RewardStatus
from refledger.domain.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from refledger.operations.context import Context
from refledger.operations.earning import due_scan, maturity, overdue, reward_lists
from refledger.operations.jobs import export_run, jobs
from refledger.operations.partners import anonymization
from refledger.operations.referring import closing
from refledger.store import jobs as stored_jobs
from refledger.store import keys, shards
from refledger.store import rewards as stored
from refledger.store.attributes import unpack
from refledger.store.transaction import delete
from tests.support import worlds
from tests.support.books import Books
from tests.support.buckets import Bucket

S = RewardStatus
SOON_MS = 2 * MINUTE_MS

pytestmark = worlds.lives_in(worlds.two_tiers, hold_days=1, payout_minimum=1)


def spread(books: Books, name: str, to: int) -> None:
    """As the command does it."""
    known = shards.read(books.table)
    books.table.commit(shards.grow_rewards(known, books.partner(name).id, to, books.clock()))


def pay(books: Books, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        books.pay("carol", f"p{number}", 1_000)
        books.clock.forward(1)


def partitions(books: Books, name: str) -> Counter[str]:
    """Of all items of the table that are rewards of the partner."""
    items = map(unpack, books.client.scan(TableName=books.table_name)["Items"])
    id = books.partner(name).id
    return Counter(item["pk"] for item in items if keys.kind_of(item) == "REWARD" and keys.owner_of(item) == id)


def tick(books: Books) -> list[MaturityMessage]:
    sent: list[MaturityMessage] = []
    due_scan.find_due(books.context, sent.extend, lambda: True)
    for message in sent:
        maturity.mature_all(books.context, message.partner_id, message.currency, message.since)
    return sent


def listed(books: Books, name: str, limit: int) -> list[Reward]:
    found: list[Reward] = []
    before: str | None = ""
    while before is not None:
        page, before = reward_lists.of_partner(books.context, books.partner(name).id, lambda _: True, before, limit)
        found += page
    return found


def test_a_partner_becomes_busy(books: Books) -> None:
    """Payments before, in the hour between and after; then more shards still. Maturity, refunds, a withdrawal, lists,
    an export and the check of the books see each reward once.
    """
    pay(books, 12)
    spread(books, "bob", 4)
    books.clock.forward(SOON_MS)
    pay(books, 12, 12)
    assert set(partitions(books, "bob")) == set(keys.rewards(books.partner("bob").id, 0)), "readers first"
    books.clock.forward(HOUR_MS)
    pay(books, 24, 24)
    spread(books, "bob", 16)
    books.clock.forward(2 * HOUR_MS)
    pay(books, 60, 48)
    assert set(partitions(books, "alice")) == set(keys.rewards(books.partner("alice").id, 0)), "nobody else's"
    found = partitions(books, "bob")
    assert sum(found.values()) == 108
    assert set(found) > set(keys.rewards(books.partner("bob").id, 2))
    assert set(found) <= set(keys.rewards(books.partner("bob").id, 4))
    assert [each.payment for each in books.rewards("bob")] == [books.payment(f"p{n}").id for n in range(108)]
    assert books.faults() == []

    books.refund("p3", 1_000)
    books.refund("p90", 500)
    books.clock.forward(DAY_MS)
    assert {m.partner_id for m in tick(books)} == {books.partner("bob").id, books.partner("alice").id}
    assert books.balance("bob") == (106 * 200 + 100, 0, 0)
    assert books.balance("alice") == (106 * 100 + 50, 0, 0)
    assert tick(books) == [], "nothing matures twice"
    assert len([e for e in books.entries("bob") if e.amount]) == 1 + 107 // 95
    assert books.faults() == []

    paid = books.pay_out("bob", 150 * 100)
    covered = [each for each in books.rewards("bob") if each.status is S.PAID]
    assert [each.paid_by for each in covered] == [paid.id] * 75
    assert [each.payment for each in covered] == [books.payment(f"p{n}").id for n in range(76) if n != 3], (
        "oldest first"
    )
    books.refund("p80", 1_000)
    assert books.balance("bob") == (106 * 200 + 100 - 15_000 - 200, 0, 15_000)
    assert books.faults() == []

    for limit in (1, 7, 40, 200):
        assert [each.id for each in listed(books, "bob", limit)] == [each.id for each in books.rewards("bob")][::-1]
    assert exported(books, "bob") == [each.id for each in books.rewards("bob")][::-1]


def exported(books: Books, name: str) -> list[str]:
    bucket = Bucket(least=600)
    asked = {"partnerId": books.partner(name).id}
    job = jobs.export(books.context, lambda *_: None, ExportSubject.REWARDS, asked, "ann", None, "body")
    while export_run.run(
        books.context, Files(bucket, "files"), stored_jobs.find(books.table, job.id), lambda: False, 600
    ):
        pass  # it stops after every page, and goes on from there
    text = bucket.objects[f"exports/{job.id}.csv"].decode()
    return [row["id"] for row in csv.DictReader(io.StringIO(text, newline=""))]


def test_every_worker_reads_where_any_worker_writes(books: Books) -> None:
    """One that has read the number a minute ago, before it was raised, and one that knows it: when the second one makes
    the first reward in a new shard, the first has read the number anew.
    """
    late = Context(books.table, books.ids, books.clock, pause=lambda _: None)
    id = books.partner("bob").id
    assert late.reward_partitions(id) == keys.rewards(id, 0)
    spread(books, "bob", 8)
    fresh = Context(books.table, books.ids, books.clock, pause=lambda _: None)
    assert fresh.reward_partitions(id) == keys.rewards(id, 3)
    for _ in range(70):
        assert fresh.spread(id) == 0 or set(late.reward_partitions(id)) == set(keys.rewards(id, 3))
        assert late.spread(id) in (0, 3)
        books.clock.forward(MINUTE_MS)
    assert (fresh.spread(id), late.spread(id)) == (3, 3)


def test_what_the_schedule_lost_is_found_in_every_shard(books: Books) -> None:
    """The daily look goes by the partner's mark, which stays before the first reward that waits, wherever it lies."""
    spread(books, "bob", 16)
    books.clock.forward(HOUR_MS)
    pay(books, 40)
    books.clock.forward(2 * DAY_MS)
    pending = {each.id for each in books.rewards("bob")}
    late = list(overdue.waiting_too_long(books.context, [books.partner("bob").id]))
    assert len(late) == 40
    sent: list[MaturityMessage] = []
    overdue.find_overdue(books.context, sent.extend, lambda: True)
    first = {m.partner_id: m.since for m in sent}[books.partner("bob").id]
    assert books.partner("bob").id + first == min(pending), "one message, from the first of all shards"
    maturity.mature_all(books.context, books.partner("bob").id, "USD", first)
    assert books.balance("bob") == (40 * 200, 0, 0)
    assert list(overdue.waiting_too_long(books.context, [books.partner("bob").id])) == []


def test_a_held_reward_and_a_closed_referral(books: Books) -> None:
    """What people decide reward by reward, and what is swept by time, reaches every shard."""
    spread(books, "bob", 16)
    books.clock.forward(HOUR_MS)
    pay(books, 30)
    held = books.rewards("bob")[7]
    books.hold(held)
    books.clock.forward(2 * DAY_MS)
    tick(books)
    assert books.balance("bob") == (29 * 200, 0, 0)
    books.release(books.rewards("bob")[7])
    assert books.balance("bob") == (30 * 200, 0, 0)
    asked = books.rewards("bob")[0]
    stops = iter([True] * 2)
    closed = closing.close(
        books.context, asked.referral_id, "a test", "ann", from_ms=asked.earned_at_ms, go_on=lambda: next(stops, False)
    )
    while not closed.complete:
        closed = closing.close(
            books.context, asked.referral_id, "a test", "ann", from_ms=asked.earned_at_ms, go_on=lambda: True
        )
    assert books.balance("bob") == (0, 0, 0)
    assert {each.status for each in books.rewards("bob")} == {S.CANCELLED}
    assert books.faults() == []


def test_the_notes_in_every_shard_are_forgotten(books: Books) -> None:
    """Somebody who is to be forgotten has no note on any reward, once the years are over."""
    spread(books, "bob", 16)
    books.clock.forward(HOUR_MS)
    pay(books, 20)
    for each in books.rewards("bob"):
        books.hold(each, f"about {each.payment}")
    assert sum("wait" in why for why in anonymization.why_not(books.context, books.partner("bob").id)) == 1
    books.clock.forward(20 * 366 * DAY_MS)
    anonymization.partner(books.context, books.partner("bob").id)
    assert {each.note for each in books.rewards("bob")} == {""}


def test_a_number_that_was_lost_is_named(books: Books) -> None:
    """Without it rewards lie where nobody looks: the check says which, and raising the number again mends it."""
    spread(books, "bob", 16)
    books.clock.forward(HOUR_MS)
    pay(books, 20)
    assert books.faults() == []
    books.table.commit(delete("there", keys.shards(), ""))
    books.clock.forward(SOON_MS)
    lost = [each for each in books.faults() if "in a shard where nobody looks" in str(each)]
    assert len(lost) == 20 - partitions(books, "bob")[keys.rewards(books.partner("bob").id, 0)[0]]
    spread(books, "bob", 16)
    books.clock.forward(SOON_MS)
    assert books.faults() == []


def test_many_at_once(books: Books) -> None:
    """Payments, maturity and the one who raises the number at the same time, each a worker of their own."""
    books.change_program(hold_days=0)
    pay(books, 10)
    failed: list[BaseException] = []

    def worker(work: object) -> threading.Thread:
        def run() -> None:
            try:
                work(Context(books.table, books.ids, books.clock, pause=lambda _: None))  # type: ignore[operator]
            except BaseException as error:
                failed.append(error)

        return threading.Thread(target=run)

    def raise_it(_: Context) -> None:
        for to in (2, 8, 16):
            spread(books, "bob", to)
            books.clock.forward(shards.SPREAD_AFTER_MS + SOON_MS)

    def pays(_: Context) -> None:
        pay(books, 60, 10)

    def matures(context: Context) -> None:
        for _ in range(25):
            maturity.mature_all(context, books.partner("bob").id, "USD")

    threads = [worker(each) for each in (raise_it, pays, matures, matures)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    books.clock.forward(DAY_MS)
    for name in ("alice", "bob"):
        books.mature(name)
    assert books.balance("bob") == (70 * 200, 0, 0)
    assert len(list(stored.all_of(books.table, books.context.reward_partitions(books.partner("bob").id)))) == 70
    assert books.faults() == []


def test_messages_of_a_busy_partner_are_one_a_second(books: Books) -> None:
    """Nothing is held back: a queue that gives out one partner's messages ten at a time would never come to an end of
    thousands a second. It takes one of each name, and gives it out before the others of its second were sent; what that
    one does not see is money with the next second's, and what the last one does not see with the schedule's look.
    """
    books.change_program(hold_days=0)
    spread(books, "bob", 16)
    books.clock.forward(HOUR_MS - books.clock() % SECOND_MS)
    taken: set[str] = set()
    alice = 0
    for number in range(60):
        for message in books.pay("carol", f"p{number}", 1_000).due:
            alice += message.partner_id == books.partner("alice").id
            if message.deduplication not in taken:
                taken.add(message.deduplication)
                maturity.mature_from(books.context, message.partner_id, message.currency, message.since)
        books.clock.forward(100)
    assert alice == 60, "who has no shards is told of each"
    assert len(taken) == 60 + 6
    assert books.balance("alice") == (60 * 100, 0, 0)
    assert books.balance("bob") == (51 * 200, 0, 0), "all but what was paid after the last one"
    books.clock.forward(SOON_MS)
    assert {m.partner_id for m in tick(books)} == {books.partner("bob").id}
    assert books.balance("bob") == (60 * 200, 0, 0)
    assert books.faults() == []


def test_the_next_look_does_not_read_a_busy_partners_last_hour_again(books: Books) -> None:
    """The cursor follows every few minutes, a quarter of an hour behind; another partner's once an hour."""
    spread(books, "bob", 16)
    books.clock.forward(HOUR_MS)
    pay(books, 3)
    books.clock.forward(DAY_MS)
    for name in ("bob", "alice"):
        books.mature(name)
    begun = {name: stored.looked_until(books.table, books.partner(name).id, "USD") for name in ("bob", "alice")}
    books.clock.forward(6 * MINUTE_MS)
    for name in ("bob", "alice"):
        books.mature(name)
    moved = {name: stored.looked_until(books.table, books.partner(name).id, "USD") for name in ("bob", "alice")}
    assert moved["alice"] == begun["alice"]
    assert keys.due_at(moved["bob"]) == books.clock() - 15 * MINUTE_MS
