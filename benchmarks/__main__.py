"""python -m benchmarks [PART …] [--runs N]: prints tables, writes docs/benchmarks.md; 1 where a budget is broken."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import benchmarks  # noqa: F401  makes the layer importable
from benchmarks import artefact, batches, capacity, cold_start, ends, growth, imports, page, partitions, proof, routes
from benchmarks.peers import measure as peers
from tests.support import dynamodb


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)}; without any: {', '.join(USUAL)}"
    )
    parser.add_argument("--runs", type=int, default=9, help="cold starts per function")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    broken: list[str] = []
    for part in given.parts or USUAL:
        broken += PARTS[part](given.runs)
    print("\nOver budget:\n  " + "\n  ".join(broken) if broken else "\nAll within budget.")
    return bool(broken)


def _capacity(_: int) -> list[str]:
    with dynamodb.running() as endpoint:
        measured = capacity.measure(endpoint)
    _say(capacity.report(measured))
    return measured.broken


def _say(report: str) -> None:
    print(f"\n{report}")
    page.write(report)


def _ends(_: int) -> list[str]:
    with dynamodb.running() as endpoint:
        measured = ends.measure(endpoint)
    _say(ends.report(measured))
    return measured.broken


def _cold_start(runs: int) -> list[str]:
    with tempfile.TemporaryDirectory() as byte_code:
        taken = cold_start.measure(runs, Path(byte_code))
    text, broken = cold_start.report(taken)
    functions = {name: starts[0].modules for name, starts in taken.items() if name not in cold_start.OTHERS}
    _say(f"{text}\n\n{imports.report(functions)}")
    return broken


def _routes(_: int) -> list[str]:
    _say(routes.report())
    return []


def _partitions(_: int) -> list[str]:
    broken: list[str] = []
    with dynamodb.running() as endpoint:
        for hold_days in (1, 0):
            loads = partitions.measure(endpoint, hold_days=hold_days)
            _say(partitions.report(loads, hold_days))
            broken += partitions.broken(loads)
        _say(partitions.newcomers(partitions.measure(endpoint, partitions.CUSTOMERS, new_customers=True)))
    return broken


def _batches(_: int) -> list[str]:
    with dynamodb.running() as endpoint:
        taken_ms = batches.measure(endpoint)
    _say(batches.report(taken_ms))
    return batches.broken(taken_ms)


def _peers(_: int) -> list[str]:
    found = peers.measure()
    _say(peers.report(found))
    return peers.broken(found)


def _growth(_: int) -> list[str]:
    with dynamodb.running() as endpoint:
        found = growth.measure(endpoint)
    _say(growth.report(found))
    return growth.broken(found)


def _verify(_: int) -> list[str]:
    with dynamodb.running() as endpoint:
        _say(proof.report(proof.measure(endpoint)))
    return []


def _built(runs: int) -> list[str]:
    reference, taken = artefact.measure(runs)
    _say(artefact.report(reference, taken))
    return artefact.broken(reference, taken)


PARTS = {
    "ends": _ends, "capacity": _capacity, "cold-start": _cold_start, "routes": _routes, "partitions": _partitions,
    "batches": _batches, "peers": _peers, "growth": _growth, "verify": _verify, "built": _built,
}  # fmt: skip
# those that take minutes, or need more than `make setup` brings: by their names
USUAL = ("ends", "capacity", "cold-start", "routes", "batches")


sys.exit(main())
