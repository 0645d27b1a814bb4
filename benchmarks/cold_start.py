"""Cold starts: what it takes a fresh interpreter to import a function and to make the clients of its first event.

Measured in the workers' environment, which holds what the layer and Lambda's runtime hold, with byte code present, as
the build ships it. What Lambda adds (a sandbox, the runtime client, a TLS handshake) is the same whatever the code is.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import LAYER, ROOT
from benchmarks.tables import table

WORKER = Path(os.environ.get("LOCAL_WORKER_PYTHON", ROOT / ".venv-worker" / "bin" / "python"))
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))
UNIT = "json,ssl,http.client,pydantic"  # what an API's function in Python hardly does without, whatever it calls
# 170 ms where these take 51, and `import boto3` alone 120; the budget has room for a machine that does more at once
TARGET_RATIO, BUDGET_RATIO = 3.3, 3.6
OTHERS = {UNIT: f"import {UNIT.replace(',', ', ')}", "boto3": "import boto3, make a client"}
SECONDS_LIMIT = 60
# Whatever a function may ask for; nothing is called, so nothing has to exist.
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none",
    "TABLE_NAME": "table", "HASH_KEY_ARN": "arn:none", "GROUPS_CLAIM": "cognito:groups",
    "ROLE_NAMES": "admin,finance,support", "SCOPE_PREFIX": "refledger/",
    "WORKFLOW_ARN": "arn:aws:states:eu-central-1:000000000000:stateMachine:approval",
    "MATURITY_QUEUE_URL": "https://queue.invalid/maturity.fifo", "PAYMENTS_DLQ_URL": "https://queue.invalid/dlq",
    "LEADERBOARDS_QUEUE_URL": "https://queue.invalid/leaderboards",
    "LIMITS": "reads=1200,writes=600,heavy=60,withdrawals=120,unknown-codes=20",
    "ACCOUNTS_KEY_ARN": "arn:aws:kms:eu-central-1:000000000000:key/none",
    "MANIFEST_BUCKET": "bucket", "MANIFEST_KEY_ARN": "arn:aws:kms:eu-central-1:000000000000:key/none",
    "STRIPE_SECRET_ARN": "", "STRIPE_READ_SECRET_ARN": "", "STRIPE_API_BASE": "",
    "JOBS_QUEUE_URL": "https://queue.invalid/jobs.fifo", "FILES_BUCKET": "bucket",
    "FUNCTIONS": "me=none", "PAYMENTS_QUEUE_URL": "https://queue.invalid/payments",
    "LEADS_QUEUE_URL": "https://queue.invalid/leads", "LEADS_DLQ_URL": "https://queue.invalid/leads-dlq",
    "LEADS_SECRET_ARN": "", "CDN_SECRET_ARN": "", "HUBSPOT_WEBHOOK_URL": "",
    "HUBSPOT_MAPPING": "object=contact", "SALESFORCE_MAPPING": "object=Lead",
    "BUS_NAME": "bus", "NOTICES": "chosen",
    "PYDANTIC_DISABLE_PLUGINS": "__all__",
    "STRIPE_MODE": "live", "POWERTOOLS_SERVICE_NAME": "refledger", "POWERTOOLS_METRICS_NAMESPACE": "refledger",
}  # fmt: skip


@dataclass(frozen=True)
class Start:
    """One cold start. Milliseconds of CPU, and on the clock."""

    import_cpu_ms: float
    ready_cpu_ms: float
    ready_wall_ms: float
    modules: frozenset[str]


def start(module: str, function: str = "", layer: Path = LAYER, byte_code: Path | None = None) -> Start:
    """Import `module` in a fresh interpreter. `byte_code`: a directory in which it is kept."""
    source = ROOT / "functions" / function
    factories = clients(function) if function else []
    done = subprocess.run(
        [WORKER, "-P", Path(__file__).with_name("probe.py"), module, *factories],
        env={
            **ENVIRONMENT,
            "PYTHONPATH": os.pathsep.join(map(str, (source, layer) if function else ())),
            **({"PYTHONPYCACHEPREFIX": str(byte_code)} if byte_code else {}),
        },
        capture_output=True, check=True, text=True, timeout=SECONDS_LIMIT,
    )  # fmt: skip
    told = json.loads(done.stdout)
    (cpu, wall), (cpu_imported, _), (cpu_ready, wall_ready) = told["begun"], told["imported"], told["ready"]
    return Start((cpu_imported - cpu) / 1e6, (cpu_ready - cpu) / 1e6, (wall_ready - wall) / 1e6,
                 frozenset(told["modules"]))  # fmt: skip


def function(name: str, layer: Path = LAYER, byte_code: Path | None = None) -> Start:
    """A function's cold start, with all clients that its code can ask for."""
    return start("app", name, layer, byte_code)


def clients(name: str) -> list[str]:
    """Everything of `config` that the function calls; the context and its key, so DynamoDB and secrets, always."""
    text = (ROOT / "functions" / name / "app.py").read_text()
    return sorted({"context", "secrets", *re.findall(r"\bconfig\.(\w+)\(\)", text)})


def measure(runs: int, byte_code: Path) -> dict[str, list[Start]]:
    """`runs` starts of each function, of UNIT and of boto3, in turns, so that a busy moment is everybody's."""
    starts: dict[str, Callable[[], Start]] = {
        name: lambda name=name: start(name, byte_code=byte_code)  # type: ignore[misc]
        for name in OTHERS
    }
    for name in FUNCTIONS:
        starts[name] = lambda name=name: function(name, byte_code=byte_code)  # type: ignore[misc]
    for begin in starts.values():
        begin()  # writes the byte code
    taken: dict[str, list[Start]] = {name: [] for name in starts}
    for _ in range(runs):
        for name, begin in starts.items():
            taken[name].append(begin())
    return taken


def report(taken: dict[str, list[Start]]) -> tuple[str, list[str]]:
    """A table of medians, and which functions are over the budget."""
    unit_ms = _median([one.import_cpu_ms for one in taken[UNIT]])
    rows, broken = [], []
    for name, starts in taken.items():
        ready_ms = _median([one.ready_cpu_ms for one in starts])
        ratio, over = ready_ms / unit_ms, ready_ms > BUDGET_RATIO * unit_ms
        if over and name not in OTHERS:
            broken.append(f"cold start of {name}: {ratio:.2f} times {OTHERS[UNIT]}, not {BUDGET_RATIO}")
        verdict = "OVER" if over else "misses its target" if ratio > TARGET_RATIO else ""
        rows.append([
            OTHERS.get(name, name), f"{_median([one.import_cpu_ms for one in starts]):.0f}", f"{ready_ms:.0f}",
            f"{_median([one.ready_wall_ms for one in starts]):.0f}", f"{ratio:.2f}",
            *(("", "", "") if name in OTHERS else (f"{BUDGET_RATIO}", f"{TARGET_RATIO}", verdict)),
        ])  # fmt: skip
    head = ["cold start (medians, ms)", "import, CPU", "with clients, CPU", "wall", "x the first", "≤", "target", ""]
    return table(head, rows), broken


def _median(figures: Sequence[float]) -> float:
    return statistics.median(figures)
