"""How long HTTP routes take on the local stack, one call after another.

Not a promise: the gateway and DynamoDB are local stand-ins. It shows what the functions' own code adds, and whether a
route has become slower than its neighbours.
"""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import httpx

from benchmarks import ROOT
from benchmarks.tables import table
from tests.local.harness import Stack, wait_until

WARM_UP_CALLS, CALLS = 20, 80  # together below the 120 withdrawals that a caller may ask for in a minute
EARNED, AMOUNT = 1_000_000, 1_000
PROGRAM = {
    "id": "default", "name": "Friends", "currency": "USD", "tierRatesBps": [2000, 1000], "holdDays": 0,
    "payoutMinimum": {"amount": 1000, "currency": "USD"},
}  # fmt: skip
METHOD = {"type": "BANK_TRANSFER", "accountHolder": "Alice", "iban": "DE89370400440532013000"}
Call = Callable[[], httpx.Response]


def report() -> str:
    """Starts a stack of its own and ends it. A table of milliseconds."""
    version = ".".join(platform.python_version_tuple()[:2])
    with Stack(ROOT / "template.yaml", name="refledger", parameters={"PythonRuntime": f"python{version}"}) as stack:
        routes = _prepare(stack)
        rows = [[name, *_percentiles(call)] for name, call in routes.items()]
    return table([f"route on the local stack, {CALLS} calls (ms)", "p50", "p99"], rows)


def _prepare(stack: Stack) -> dict[str, Call]:
    """Alice refers Bob and has earned; what is measured is then Alice's."""
    admin, alice, bob = stack.token("admin", ["admin"]), stack.token("alice"), stack.token("bob")

    def call(method: str, path: str, token: str = alice, body: dict[str, Any] | None = None) -> httpx.Response:
        return stack.request(method, f"/api/v1{path}", token=token, **({"json": body} if body else {}))

    call("POST", "/programs", admin, PROGRAM).raise_for_status()
    code = call("GET", "/referrals/code").raise_for_status().json()["code"]
    call("POST", f"/referrals/apply/{code}", bob).raise_for_status()
    detail = {
        "paymentId": "p-1", "customerId": "bob", "amount": 5 * EARNED, "currency": "USD",
        "occurredAt": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    event = {"EventBusName": "refledger", "Source": "payments", "DetailType": "Payment Succeeded"}
    stack.client("events").put_events(Entries=[{**event, "Detail": json.dumps(detail)}])
    wait_until(lambda: [b for b in call("GET", "/ledger/balances").json()["data"] if b["available"] == EARNED])
    withdrawal = {"amount": AMOUNT, "currency": "USD", "payoutMethod": METHOD}
    id = call("POST", "/referrals/withdraw", body=withdrawal).raise_for_status().json()["id"]
    return {
        "GET code": lambda: call("GET", "/referrals/code"),
        "GET stats": lambda: call("GET", "/referrals/stats"),
        "GET balances": lambda: call("GET", "/ledger/balances"),
        "GET journal": lambda: call("GET", "/ledger/entries"),
        "GET a withdrawal": lambda: call("GET", f"/referrals/withdrawals/{id}"),
        "POST apply, repeated": lambda: call("POST", f"/referrals/apply/{code}", bob),
        "POST a withdrawal": lambda: call("POST", "/referrals/withdraw", body=withdrawal),
    }


def _percentiles(call: Call) -> list[str]:
    """The middle and the slowest hundredth of the calls, after some to warm up."""
    taken_ms = []
    for number in range(-WARM_UP_CALLS, CALLS):
        begun = time.perf_counter()
        call().raise_for_status()
        if number >= 0:
            taken_ms.append((time.perf_counter() - begun) * 1000)
    cuts = statistics.quantiles(taken_ms, n=100, method="inclusive")
    return [f"{cuts[49]:.1f}", f"{cuts[98]:.1f}"]
