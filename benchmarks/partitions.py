"""Which partition of the table or its indexes breaks first when 10,000 payments come in a second.

A sample of payments goes through the real operations: recorded, followed in batches by both readers of the stream,
found due, matured. What each call takes is charged to the partition of its key, and scaled up. One partner has a third
of all customers; their rewards, and those of whoever referred them, are spread as their owner asked by
`refledger shards`. Where nothing is held back, what a payment earned matures by its own message, as the queue gives
them out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any

from benchmarks.bench import MIRROR, TABLE
from benchmarks.meter import Call, Meter
from refledger.domain.maturity import MaturityMessage
from refledger.domain.times import DAY_MS
from refledger.operations.earning import due_scan, maturity
from refledger.operations.earning.payments import RecordOutcome
from refledger.operations.figures import projection
from refledger.operations.payouts import settlement
from refledger.operations.referring import progress_projection
from refledger.store import keys, shards
from refledger.store.stream import Record
from refledger.store.table import Table
from refledger.store.transaction import Item
from tests.support import dynamodb
from tests.support.books import Books

PER_SECOND = 10_000
WRU_LIMIT, RRU_LIMIT = 1_000, 3_000  # of a partition: the service's
STREAM_SHARDS = PER_SECOND * 6 // 1_000  # of the table's stream: one for each thousand units that are written
BATCH = 100
PARTNERS, CUSTOMERS_EACH = 60, 1  # beside the big one
CUSTOMERS = PARTNERS * CUSTOMERS_EACH * 3 // 2
BUSY = ("big", "upline")  # a third of all payments each
SPREAD = 32  # of their rewards
MESSAGES = 10  # of the queue's in one batch


@dataclass
class Charged(Meter):
    """A meter that knows of which partition each unit is."""

    written: Counter[str] = field(default_factory=Counter)  # in thousandths of a unit
    read: Counter[str] = field(default_factory=Counter)

    in_transaction: bool = False

    def _write(self, method: Callable[..., Call], call: Call, actions: list[tuple[str, Call]]) -> Call:
        self.in_transaction = "TransactItems" in call
        return super()._write(method, call, actions)

    def _alone(self, kind: str, action: Call) -> tuple[Decimal, Decimal]:
        key = action.get("Key") or {name: action["Item"][name] for name in ("pk", "sk")}
        before = self._mirrored(key)
        table_units, index_units = super()._alone(kind, action)
        self.written[key["pk"]["S"]] += int(table_units * (2_000 if self.in_transaction else 1_000))
        images = (before, self._mirrored(key))
        places = {image[name]["S"] for image in images for name in ("listed_in", "waits_in") if name in image}
        for partition in places if index_units else ():
            self.written[partition] += int(index_units * 1_000 / len(places))
        return table_units, index_units

    def _read(self, method: Any, call: Call) -> Call:
        answer = super()._read(method, call)
        asked = [key for table in call.get("RequestItems", {}).values() for key in table["Keys"]]
        if "Key" in call:
            asked = [call["Key"]]
        partitions = [key["pk"]["S"] for key in asked] or [call["ExpressionAttributeValues"][":p"]["S"]]
        capacity = answer["ConsumedCapacity"]
        each = capacity if isinstance(capacity, list) else [capacity]
        units = sum(Decimal(str(one["CapacityUnits"])) for one in each)
        for partition in partitions:
            self.read[partition] += int(max(units * 1_000 / len(partitions), Decimal(500)))
        return answer


@dataclass(frozen=True)
class Load:
    """Of one partition, in units a second."""

    partition: str
    wru: int
    rru: int

    @property
    def times(self) -> float:
        """Of what it takes."""
        return max(self.wru / WRU_LIMIT, self.rru / RRU_LIMIT)


def measure(
    endpoint: str, payments: int = 1_260, *, spread: int = SPREAD, hold_days: int = 1, new_customers: bool = False
) -> list[Load]:
    """The load of every partition, the heaviest first.

    `spread`: shards of a busy partner's rewards. `new_customers`: none has paid before.
    """
    client = dynamodb.new_database(endpoint, TABLE)
    client.create_table(TableName=MIRROR, **dynamodb.table_properties())
    meter = Charged(client, MIRROR)
    books = Books(meter, TABLE)
    books.program(hold_days=hold_days)
    customers = _customers(books)
    for name in BUSY if spread > 1 else ():
        books.table.commit(shards.grow_rewards(shards.read(books.table), books.partner(name).id, spread, books.clock()))
    books.clock.forward(shards.SPREAD_AFTER_MS)
    if not new_customers:  # a customer's first payment moves their referral, and is another question
        _follow(books, list(_pay(books, Table(client, TABLE), customers, range(len(customers)))))
        _mature_due(books)
    meter.written.clear()
    meter.read.clear()
    numbers = range(len(customers), len(customers) + payments)
    _follow(books, list(_pay(books, Table(client, TABLE), customers, numbers)))
    _mature_due(books)
    scale = PER_SECOND / payments / 1_000
    loads = [
        Load(partition, round(meter.written[partition] * scale), round(meter.read[partition] * scale))
        for partition in {*meter.written, *meter.read}
    ]
    return sorted(loads, key=lambda load: (-load.times, load.partition))


def _mature_due(books: Books) -> None:
    """Days later, as the schedule does it."""
    books.clock.forward(2 * DAY_MS)
    sent: list[MaturityMessage] = []
    due_scan.find_due(books.context, sent.extend, lambda: True)
    for message in sent:
        maturity.mature_all(books.context, message.partner_id, message.currency, message.since)


def _follow(books: Books, records: list[Record]) -> None:
    """As both readers of the stream do."""
    for start in range(0, len(records), BATCH):
        batch = records[start : start + BATCH]
        projection.project(books.context, f"shard-{start % STREAM_SHARDS:08d}", batch)
        progress_projection.follow(books.context, batch)


def _customers(books: Books) -> list[str]:
    """One in three payments is of a customer of the big partner, whom somebody referred too."""
    books.apply("big", "upline")
    names = [f"customer {n} of {p}" for p in range(PARTNERS) for n in range(CUSTOMERS_EACH)]
    for number, name in enumerate(names):
        books.apply(name, f"partner {number // CUSTOMERS_EACH}")
    big = [f"customer {n} of the big one" for n in range(len(names) // 2)]
    for name in big:
        books.apply(name, "big")
    return names + big


def _pay(books: Books, plain: Table, customers: list[str], payments: range) -> Iterable[Record]:
    """Records of the stream, of payments whose customers take turns. What is due at once matures on the way."""
    numbers, said = count(1), defaultdict[tuple[str, str], dict[str, MaturityMessage]](dict)
    for number in payments:
        recorded = books.pay(customers[number % len(customers)], f"p{number}", 10_000)
        assert recorded.outcome is RecordOutcome.RECORDED
        for message in recorded.due:
            waiting = said[message.partner_id, message.currency]
            waiting[message.deduplication] = message
            if len(waiting) == MESSAGES:
                _mature(books, list(waiting.values()))
                waiting.clear()
        books.clock.forward(1)
        payment = plain.get(keys.payment(recorded.payment))
        assert payment
        images: list[Item | None] = [payment]
        images += plain.get_many([keys.reward(id) for id, _ in payment["rewards"]])
        yield from (Record(str(next(numbers)), books.clock(), {}, image) for image in images if image)
    for waiting in said.values():
        if waiting:
            _mature(books, list(waiting.values()))


def _mature(books: Books, messages: list[MaturityMessage]) -> None:
    """One partner's messages, as the handler does it."""
    partner_id, currency = messages[0].partner_id, messages[0].currency
    maturity.mature_from(books.context, partner_id, currency, min(each.since for each in messages))
    settlement.cover_all(books.context, partner_id, currency)


def report(loads: list[Load], hold_days: int = 1) -> str:
    heaviest: dict[str, Load] = {}
    for load in loads:
        heaviest.setdefault(_kind(load.partition), load)
    held = f"rewards held for {hold_days} days" if hold_days else "nothing held back"
    lines = [f"{PER_SECOND:,} payments a second, one partner a third, {held}: the heaviest partition of each kind", ""]
    lines += ["| partition | WRU/s | RRU/s | of the limit |", "|---|---:|---:|---:|"]
    lines += [f"| {load.partition} | {load.wru:,} | {load.rru:,} | {load.times:.2f} |" for load in heaviest.values()]
    first = loads[0]
    lines += ["", f"First to break: {first.partition}, at {int(PER_SECOND / first.times):,} payments a second."]
    return "\n".join(lines)


def newcomers(loads: list[Load]) -> str:
    """How many customers who never paid before the referrals' partitions take."""
    referrals = [load for load in loads if load.partition.startswith(("REFERRAL#", "REFERRALS#"))]
    first = max(referrals, key=lambda load: load.times)
    return (
        f"Of customers who pay for the first time, {first.partition} takes {int(PER_SECOND / first.times):,} a second."
    )


def _kind(partition: str) -> str:
    head, _, rest = partition.partition("#")
    return f"{head} {rest.partition('#')[0]}" if head == "STATISTICS" else head


def broken(loads: list[Load]) -> list[str]:
    return [f"{load.partition}: {load.times:.1f} times what a partition takes" for load in loads if load.times > 1]
