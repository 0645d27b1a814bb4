"""Runs in a fresh interpreter of the workers' environment: imports one thing, makes its clients, says what it took.

    probe.py MODULE[,…] [FACTORY …]       factories are those of refledger.entry.config, called in this order

Standard library only, and no more of it than the interpreter has loaded by itself until the end.
"""

import sys
import time


def now() -> tuple[int, int]:
    """CPU and wall time, in nanoseconds."""
    return time.process_time_ns(), time.perf_counter_ns()


begun = now()
for name in sys.argv[1].split(","):
    module = __import__(name)
imported = now()
if sys.argv[1] == "boto3":
    module.client("dynamodb")
elif sys.argv[2:]:
    config = sys.modules["refledger.entry.config"]
    for factory in sys.argv[2:]:
        getattr(config, factory)()
ready = now()

import json  # noqa: E402  after everything is measured

json.dump({"begun": begun, "imported": imported, "ready": ready, "modules": sorted(sys.modules)}, sys.stdout)
