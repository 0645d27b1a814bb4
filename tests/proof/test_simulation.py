"""The proof: everything that can happen to the deployment, in any order, at once and half done, from a seed.

After each commit the cheap invariants hold; when faults stop everything drains, and then `verify` finds nothing, what
was sent explains what is there, and the independent model agrees. Thousands of seeds: `make simulate SEEDS=5000`.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from refledger.operations.context import Context
from refledger.operations.proof.book_checks import Checked, Fault
from refledger.operations.proof.verification import verify
from refledger.store import ledger
from refledger.store.attributes import pack, unpack
from refledger.store.transaction import Item, Write
from tests.support import seeds
from tests.support.memory.tables import Table
from tests.support.simulator import faults, run
from tests.support.simulator.__main__ import main
from tests.support.simulator.checks import verified
from tests.support.simulator.deployment import rig
from tests.support.simulator.remembered import Reader
from tests.support.simulator.run import LONG, SHORT, Failed, Length, Outcome, again, simulate
from tests.support.simulator.scheduler import Scheduler, Task

log = logging.getLogger(__name__)
pytestmark = pytest.mark.usefixtures("quiet")
SHARE, SHORT_SHARE = 30, 200
KEPT = [
    int(line.split()[0]) for line in (Path(__file__).parent / "seeds.txt").read_text().splitlines() if line[0] != "#"
]


@pytest.mark.parametrize("seed", KEPT)
def test_seeds_that_failed_once(seed: int) -> None:
    simulate(seed, LONG)


def test_anything_in_any_order() -> None:
    """Events, maturity, people, payouts, schedules, stream, workflow, provider and time, with and without faults."""
    first = seeds.seed("FIRST_SEED")
    _simulate(range(first, first + SHARE), LONG)
    _simulate(range(first, first + SHORT_SHARE), SHORT)


def _shown(outcome: Outcome) -> tuple[object, ...]:
    return outcome.actions, outcome.choices, outcome.injected, outcome.calls, outcome.commits


def test_a_seed_is_one_run() -> None:
    """Whatever ran before: the same actions, choices, calls and faults."""
    runs = [(seed, length) for length in (LONG, SHORT) for seed in range(12)]
    first = [_shown(simulate(*each)) for each in runs]
    assert first == [_shown(simulate(*each)) for each in reversed(runs)][::-1]
    assert any(shown[2] for shown in first), "a fault struck"
    assert any(shown[1] for shown in first), "there was something to choose"


@pytest.mark.parametrize("length", [LONG, SHORT], ids=lambda length: length.name)
def test_a_balance_without_its_conditions_is_found(monkeypatch: pytest.MonkeyPatch, length: Length) -> None:
    """The simulation sees what a lost update does, and says how to see it again."""

    def careless(*given: Any) -> list[Write]:
        return [replace(each, condition="", values={
            name: value for name, value in each.values.items() if f":{name}" in each.change
        }) for each in post(*given)]  # fmt: skip

    post = ledger.post
    monkeypatch.setattr(ledger, "post", careless)
    with pytest.raises(Failed) as failed:
        _simulate(range(1000), length)
    assert str(failed.value).startswith(again(failed.value.outcome.seed, length))


def _simulate(seeds: range, length: Length) -> list[Outcome]:
    with rig() as here:
        return [simulate(seed, length, here) for seed in seeds]


def test_what_was_found_before_is_what_would_be_found_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a short seed reads what has changed, and finds something where the whole `verify` does: not now, and
    with any amount of a payment, a reward, an entry or a balance edited.
    """
    chosen, found_something = random.Random(1), Counter[bool]()

    def both(context: Context, table: Table, reader: Reader) -> list[Fault]:
        assert verified(context, table, reader) == list(verify(context, Checked())) == []
        items = map(unpack, reader.client.scan(TableName=table.name)["Items"])
        money = [(item, name) for item in items for name in ("amount", "available") if _is_booked(item, name)]
        for item, name in chosen.sample(money, min(len(money), 4)):
            reader.client.put_item(TableName=table.name, Item=pack({**item, name: item[name] + 1}))
            later = Reader(reader.client, table, reader.begun, reader.shared)
            with later.reads(context.table):
                found = verified(context, table, later)
            whole = list(verify(context, Checked()))
            assert bool(found) == bool(whole), (item, found, whole)
            found_something[bool(whole)] += 1
            reader.client.put_item(TableName=table.name, Item=pack(item))
        return []

    monkeypatch.setattr(run, "verified", both)
    _simulate(range(15), SHORT)
    assert found_something[True] >= 20


def _is_booked(item: Item, name: str) -> bool:
    return name in item and item["pk"].startswith(("PAYMENT#", "REWARD#", "PARTNER#", "JOURNAL#"))


def test_many_seeds_are_run_by_processes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As `make simulate` does: it tells what was reached."""
    monkeypatch.setattr("sys.argv", ["simulate", "--seeds", "3", "--jobs", "1"])
    assert main() == 0
    told = capsys.readouterr().out
    assert "3 seeds, " in told
    assert "all were right" in told


def test_each_fault_strikes() -> None:
    """In some of the first seeds."""
    struck = {fault for outcome in _simulate(range(50), LONG) for _, fault in outcome.injected}
    assert set(faults.ALL) - struck == {"skewed clock"}


def _counted(choices: Iterator[int]) -> tuple[int, list[int]]:
    """Two who add one to a number that they read before; what it comes to, and who was chosen."""
    number = 0

    def add() -> None:
        nonlocal number
        scheduler.switch()
        was = number
        scheduler.switch()
        number = was + 1

    scheduler = Scheduler(lambda below: next(choices) % below)
    scheduler.run([Task("one", add), Task("other", add)])
    return number, scheduler.choices


def test_an_interleaving_is_a_list_of_numbers() -> None:
    """One after the other, in turns, and once more by the numbers."""
    assert _counted(iter([0] * 9))[0] == 2
    lost, choices = _counted(iter([0, 1, 0, 1, 0, 1, 0, 1]))
    assert lost == 1
    assert _counted(iter(choices)) == (lost, choices)


def test_what_a_task_raises_is_raised() -> None:
    def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Scheduler(lambda _: 0).run([Task("fails", fails), Task("goes on", lambda: None)])


def test_tasks_of_a_task_end_before_it() -> None:
    """Side by side, at most so many at once, in the order given; who dies takes the others along."""
    scheduler, done = Scheduler(lambda below: below - 1), list[int]()

    def work(number: int) -> int:
        scheduler.switch()
        done.append(number)
        return 10 * number

    task = Task("parent", lambda: scheduler.side_by_side(work, [1, 2, 3], 2))
    scheduler.run([task])
    assert task.result == [10, 20, 30]
    assert sorted(done) == [1, 2, 3]
