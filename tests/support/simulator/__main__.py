"""`make simulate SEEDS=20000`, long ones: `make simulate SEEDS=500 ARGS=--long`, one again: `ARGS="--seed 17"`."""

from __future__ import annotations

import argparse
import gc
import io
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from multiprocessing import Pool

from tests.support.simulator import insider_run
from tests.support.simulator.deployment import SERVICE_CALLS, rig
from tests.support.simulator.faults import ALL, AT_SERVICE, AT_TABLE
from tests.support.simulator.run import LENGTHS, Failed, Outcome, simulate

PART = 50  # seeds that a process is given at once


def main() -> int:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seed", type=int, help="this one alone, and what happens in it")
    parser.add_argument("--seeds", type=int, default=1000, help="so many, from --first on")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at once")
    lengths = parser.add_mutually_exclusive_group()
    for name, meaning in (
        ("short", "a few things at once; this is the default"),
        ("long", "rounds of it, and nine days"),
        ("insider", "one person with every role and tool, for days"),
    ):
        lengths.add_argument(
            f"--{name}", action="store_const", dest="length", const=name, default="short", help=meaning
        )
    told = parser.parse_args()
    logging.disable(logging.CRITICAL)
    run = insider_run.simulate if told.length == "insider" else partial(simulate, length=LENGTHS[told.length])
    if told.seed is not None:
        return _one(told.seed, run)
    return _many(range(told.first, told.first + told.seeds), run, told.jobs)


def _one(seed: int, run: Callable[..., Outcome]) -> int:
    try:
        with redirect_stdout(io.StringIO()):  # metrics
            outcome = run(seed)
    except Failed as failed:
        print(failed, file=sys.stderr)
        raise failed.__cause__ or failed from None
    print(*outcome.actions, sep="\n")
    for (site, fault), times in sorted(outcome.injected.items()):
        print(f"{fault:14} {times:3} times at {site}")
    print(f"seed {seed}: right; {outcome.calls} calls, {outcome.commits} commits, {len(outcome.choices)} choices")
    return 0


def _some(seeds: range, run: Callable[..., Outcome]) -> tuple[list[Outcome], list[str], float]:
    """What they were, what was wrong, and CPU seconds. Rubbish is looked for before a part, and no companies in it."""
    began, outcomes, wrong = time.process_time(), [], []
    gc.collect()
    gc.freeze()
    gc.disable()
    with redirect_stdout(io.StringIO()), rig() as here:
        for seed in seeds:
            try:
                outcomes.append(run(seed, here=here))
            except Failed as error:
                outcomes.append(error.outcome)
                wrong.append(str(error))
    return outcomes, wrong, time.process_time() - began


def _many(seeds: range, run: Callable[..., Outcome], jobs: int) -> int:
    sites: Counter[tuple[str, str]] = Counter()
    injected: Counter[tuple[str, str]] = Counter()
    failed, calls, commits, choices, seconds = 0, 0, 0, 0, 0.0
    parts = [seeds[start : start + PART] for start in range(0, len(seeds), PART)]
    with Pool(jobs) as pool:
        for outcomes, wrong, spent in pool.imap_unordered(partial(_some, run=run), parts):
            seconds += spent
            for outcome in outcomes:
                calls, commits = calls + outcome.calls, commits + outcome.commits
                choices += len(outcome.choices)
                sites.update(outcome.sites)
                injected.update(outcome.injected)
            for each in wrong:
                failed += 1
                print(each, end="\n\n", flush=True)
    _report(sites, injected)
    print(f"{len(seeds)} seeds, {calls} calls, {choices} choices, {commits} commits; ", end="")
    print(f"{seconds:.0f} CPU s, {len(seeds) / seconds:.1f} seeds a second and core")
    print(f"{failed} seeds failed; keep them in tests/proof/seeds.txt" if failed else "all were right")
    return 1 if failed else 0


def _report(sites: Counter[tuple[str, str]], injected: Counter[tuple[str, str]]) -> None:
    """Of each fault, how often and at how many calls in the code it struck, of those at which it may."""
    print(f"{len(sites)} calls in the code were reached")
    for fault in ALL:
        calls = AT_TABLE.get(fault, ())
        possible = sum(name in calls or (name in SERVICE_CALLS and fault in AT_SERVICE) for _, name in sites)
        struck = [times for (_, kind), times in injected.items() if kind == fault]
        of = f" at {len(struck)} of {possible} calls" if possible else ""
        print(f"    {fault:14}{sum(struck):8} times{of}")


if __name__ == "__main__":
    raise SystemExit(main())
