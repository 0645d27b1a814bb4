"""refledger's side: payments from a queue, requests from a gateway, the stream; each function in runtime clients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from benchmarks.bench import TABLE
from benchmarks.clocks import cpu_ms
from benchmarks.peers import side
from benchmarks.peers.side import CURRENCY, PARTNERS, TOPS, Payment
from benchmarks.pipeline import SHARD, SQS_BATCH, STREAM_BATCH, Pipeline, passes, payment_message
from benchmarks.workers import Deployment, Failed, Function, deployment
from refledger.adapters.clock import now_ms
from tests.support import dynamodb
from tests.support.books import Books, Clock
from tests.support.changes import Tail

STREAMED = ("stream_rollups", "stream_projections")


@dataclass
class Refledger:
    """A program without a hold, so that a payment is a partner's money at once, as with the peers."""

    deployed: Deployment
    world: Books
    database_pid: int
    functions: dict[str, Function]
    methods: list[str]
    pipeline: Pipeline  # for its stream
    name: str = "refledger"
    batch: int = SQS_BATCH
    has_keys: bool = True

    def pay(self, payments: Sequence[Payment]) -> None:
        self.functions["payment_events"].deliver(
            [payment_message(each.id, f"customer-{each.partner}", each.amount, now_ms()) for each in payments]
        )

    def mature(self) -> None:
        """Each partner's messages by themselves, as the queue's groups have it."""
        bodies = self.deployed.services.take("maturity")
        for start in range(0, len(bodies), SQS_BATCH):
            self.functions["maturity"].deliver(bodies[start : start + SQS_BATCH])

    def settle(self) -> None:
        """What matured, and then what the stream's readers make of all of it, until there is nothing new."""
        self.mature()
        while records := self.pipeline.told():
            for name in STREAMED:
                wanted = [each for each in records if passes(name, each)]
                for start in range(0, len(wanted), STREAM_BATCH):
                    event = {"Records": wanted[start : start + STREAM_BATCH], "shardId": SHARD}
                    self.functions[name].invoke(event)

    def statistics(self, partner: int) -> None:
        status, body = self.functions["member_referrals"].call("GET /api/v1/referrals/stats", person(partner))
        if status != 200:
            raise Failed(f"{body}")

    def withdraw(self, partner: int, amount: int, key: str) -> bool:
        asked = {"amount": amount, "currency": CURRENCY, "payoutMethodId": self.methods[partner]}
        route, sender = "POST /api/v1/referrals/withdraw", self.functions["member_withdrawals"]
        status, body = sender.call(route, person(partner), asked, **{"idempotency-key": key})
        if status not in (201, 409, 422, 429, 503):
            raise Failed(f"{body}")
        return status == 201

    def available(self, partner: int) -> int:
        return self.world.balance(person(partner))[0]

    def application_ms(self) -> float:
        return self.deployed.cpu_ms()

    def database_ms(self) -> float:
        return cpu_ms(self.database_pid)

    def books(self) -> side.Books:
        """Rewards against balances; what `verify` finds besides is an error."""
        if faults := self.world.faults():
            raise Failed(f"verify: {faults}")
        told = side.Books()
        paid: set[str] = set()
        for partner in range(PARTNERS):
            name = person(partner)
            rewards = self.world.rewards(name)
            available, reserved, gone = self.world.balance(name)
            told.off += abs(sum(each.amount for each in rewards) - available - reserved - gone)
            told.beyond += max(0, reserved + gone - sum(each.amount for each in rewards))
            first = [each.payment for each in rewards if each.tier == 1]
            told.counted_twice = (told.counted_twice or 0) + len(first) - len(set(first))
            paid.update(first)
        told.payments = len(paid)
        return told


def person(partner: int) -> str:
    return f"partner-{partner}"


@contextmanager
def running(clients: int) -> Iterator[Refledger]:
    """`clients`: how many calls of a function there are at once, each in a process of its own."""
    with dynamodb.running() as endpoint:
        client = dynamodb.new_database(endpoint, TABLE)
        world = Books(client, TABLE, Clock(now_ms()))
        world.program(hold_days=0, payout_minimum=1, tier_rates_bps=side.RATES_BPS)
        for partner in range(PARTNERS):
            world.partner(person(partner))
        for partner in range(TOPS, PARTNERS):
            world.apply(person(partner), person(partner % TOPS))
            world.apply(f"customer-{partner}", person(partner))
        methods = [world.method(person(partner)).id for partner in range(PARTNERS)]
        [database] = [
            each.pid for each in psutil.Process().children() if "DynamoDBLocal.jar" in " ".join(each.cmdline())
        ]
        key = dynamodb.access_key(client)
        with deployment(endpoint, key) as deployed:
            many = ("payment_events", "member_referrals", "member_withdrawals")
            functions = {name: deployed.function(name, clients) for name in many}
            functions |= {name: deployed.function(name) for name in ("maturity", *STREAMED)}
            yield Refledger(
                deployed, world, database, functions, methods, Pipeline(world, client, client, Tail(client, TABLE))
            )
