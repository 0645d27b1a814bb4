"""What a million of something cost, by scripts/prices.json, and what the template and Lambda add to it.

Lambda's time is worked out, not measured: the processor time that was measured here, at the share of a processor that
the memory buys, and the calls one after another at latencies that DynamoDB has. What every account has for nothing is
left out: a million of anything uses it up.
"""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from benchmarks import ROOT
from benchmarks.pipeline import Taken
from scripts.cost import PRICES
from tests.template.deployed import declared

MILLION = 1_000_000
GB = 0.5  # of a function's memory
SHARE = 512 / 1769  # of a processor, that they come with
READ_MS, WRITE_MS = 5, 12  # of a call
ACCESS_LOG_BYTES = 260  # a line of the API's
PLATFORM_LOG_BYTES = 600  # what Lambda says of each call, where its own level is not WARN
EVENT_BYTES = 1_000


@dataclass(frozen=True)
class Around:
    """What is not a call of a function: `events` on the bus, `requests` to the API, `transitions` of the workflow."""

    events: float = 0
    requests: float = 0
    transitions: float = 0


NOTHING = Around()


def dollars(taken: Taken, of: int, around: Around = NOTHING) -> dict[str, float]:
    """Of a million, by what they are paid for. `taken`: by `of` of them."""
    prices = PRICES["prices"]
    ms = taken.cpu_ms / SHARE + taken.reads * READ_MS + taken.writes * WRITE_MS
    said = taken.log_bytes + taken.invocations * _platform_bytes()
    parts = {
        "DynamoDB": (
            float(taken.wru) * prices["dynamodb_million_writes"] + float(taken.rru) * prices["dynamodb_million_reads"]
        ) / of,
        "Lambda": (
            taken.invocations * prices["lambda_million_requests"]
            + ms / 1000 * GB * MILLION * prices["lambda_gb_second_arm64"]
        ) / of,
        "queues": (
            taken.queued * prices["sqs_million_requests"] + taken.ordered * prices["sqs_fifo_million_requests"]
        ) / of,
        "events": around.events
        * (prices["eventbridge_million_events"] + EVENT_BYTES * MILLION / 1e9 * prices["eventbridge_archive_gb"]),
        "API": around.requests * prices["http_api_million_requests"],
        "workflow": around.transitions * prices["step_functions_million_transitions"],
        "logs": (said / of + around.requests * ACCESS_LOG_BYTES) * MILLION / 1e9 * prices["logs_gb"],
    }  # fmt: skip
    return {name: part for name, part in parts.items() if part}


def _platform_bytes() -> int:
    """By the level that the template sets."""
    logging = declared()["Globals"]["Function"]["LoggingConfig"]
    return 0 if logging.get("SystemLogLevel") == "WARN" else PLATFORM_LOG_BYTES


def transitions() -> int:
    """How many states a usual withdrawal enters, from the first to the last: tests/statemachines count them."""
    text = (ROOT / "statemachines" / "withdrawal_approval.asl.yaml").read_text(encoding="utf-8")
    machine = yaml.safe_load(text)
    entered, state = 0, machine["StartAt"]
    while state:
        entered, state = entered + 1, machine["States"][state].get("Next")
    return entered
