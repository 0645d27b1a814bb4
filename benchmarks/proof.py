"""How long `verify` takes for ten thousand rewards, whole and from the middle on; it says how far it is as it goes."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from benchmarks.bench import TABLE
from benchmarks.growth import copy
from benchmarks.tables import table
from refledger.adapters.clock import now_ms
from refledger.operations.context import Context
from refledger.operations.proof.book_checks import Checked
from refledger.operations.proof.verification import totals, walk
from refledger.store.table import Table
from tests.support import dynamodb
from tests.support.books import Books, Clock

REWARDS, PARTNERS, AMOUNT = 10_000, 50, 5_000
SAID_EVERY = 10  # steps


@dataclass(frozen=True)
class Walked:
    rewards: int
    steps: int
    seconds: float
    cpu_seconds: float
    middle: str = ""  # a place to go on from


def measure(endpoint: str, rewards: int = REWARDS) -> dict[str, Walked]:
    """Books that real operations have written in memory, read on a DynamoDB Local."""
    books = Books(dynamodb.in_memory(TABLE), TABLE, Clock(now_ms()))
    books.program(hold_days=0)
    for number in range(PARTNERS):
        books.chain("top", f"partner {number}")
        books.apply(f"customer {number}", f"partner {number}")
    for number in range(rewards // 2):  # of two tiers
        books.earn(f"customer {number % PARTNERS}", f"payment {number}", AMOUNT)
    context = replace(books.context, table=Table(copy(books.client, endpoint), TABLE))
    whole = _walk(context)
    return {"the whole books": whole, "from the middle on": _walk(context, whole.middle)}


def _walk(context: Context, place: str = "") -> Walked:
    """Raises AssertionError where the books are not right: a walk that ends early would be quick."""
    checked, places = Checked(), list[str]()
    begun, begun_cpu = time.perf_counter(), time.process_time()
    for found in walk(context, checked, place):
        assert not found, found
        places.append(checked.place)
        if len(places) % SAID_EVERY == 0:
            print(f"verify: {checked.partners} partners, {checked.rewards} rewards, {checked.payments} payments …")
    if not place:
        assert not list(totals(checked))
    seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - begun_cpu
    return Walked(checked.rewards, len(places), seconds, cpu_seconds, places[len(places) // 2])


def report(found: dict[str, Walked]) -> str:
    head = ["verify", "rewards", "steps", "seconds", "CPU s"]
    return table(head, [
        [name, f"{each.rewards:,}", f"{each.steps}", f"{each.seconds:.1f}", f"{each.cpu_seconds:.1f}"]
        for name, each in found.items()
    ])  # fmt: skip
