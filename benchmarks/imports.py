"""What each function has loaded once it is ready for its first event, of what is worth a question."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks import LAYER, cold_start
from benchmarks.tables import table

# what → the module that is loaded where it is used. Powertools' own __init__ loads its metrics everywhere (a
# millisecond), so the project's module tells whether a function has metrics.
PARTS = {
    "pydantic": "pydantic",
    "logger": "refledger.entry.observability",
    "metrics": "refledger.entry.metrics",
    "http": "refledger.entry.http",
    "limits": "refledger.operations.rate_limits",
    "queues": "refledger.adapters.queues",
    "workflow": "refledger.adapters.stepfunctions",
    "stripe": "refledger.adapters.stripe",
}
# Nothing in Lambda has a use for these: boto3 is loaded when a call needs it, tracing is Lambda's own, and the rest is
# for tests.
NEVER = (
    "boto3",
    "botocore.client",
    "aws_xray_sdk",
    "requests",
    "moto",
    "jwt",
    "cryptography",
    "yaml",
    "pytest",
    "hypothesis",
)


def loaded(layer: Path = LAYER) -> dict[str, frozenset[str]]:
    """The modules of each function, after its imports and after its clients are made."""
    with ThreadPoolExecutor(2) as pool:
        starts = pool.map(lambda name: cold_start.function(name, layer), cold_start.FUNCTIONS)
        return {name: start.modules for name, start in zip(cold_start.FUNCTIONS, starts, strict=True)}


def parts(modules: frozenset[str]) -> set[str]:
    """Which of the parts are among the modules."""
    return {part for part, module in PARTS.items() if module in modules}


def report(taken: dict[str, frozenset[str]]) -> str:
    """Who has loaded what."""
    rows = [
        [name, *("x" if part in parts(modules) else "" for part in PARTS), str(len(modules))]
        for name, modules in taken.items()
    ]
    return table(["loaded when ready", *PARTS, "modules"], rows)
