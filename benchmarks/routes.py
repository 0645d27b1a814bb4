"""How long HTTP routes take on the local stack, one call after another: every GET, and the POSTs of every day.

Not a promise: the gateway and DynamoDB are local stand-ins. It shows what the functions' own code adds, and whether a
route has become slower than its neighbours. Routes come from `entry/access.py`, so a new one is measured by itself; one
that answers with anything but success is named below the table, with what it said.
"""

from __future__ import annotations

import itertools
import platform
import re
import statistics
import time
from collections.abc import Callable, Iterator

import httpx

from benchmarks import ROOT
from benchmarks.seed import CSV, METHOD, PERSON, Json, Seeded, seed
from benchmarks.tables import table
from refledger.domain.jobs import MOST_OPEN
from refledger.entry import access
from refledger.operations.payouts.withdrawals import BOUNDS
from undocked.testing import Stack

WARM_UP_CALLS, CALLS = 3, 40
# what would otherwise end the measurement, and is none of its business
UNLIMITED = dict.fromkeys(
    (
        "RequestsPerSecond", "ReadsPerMinute", "WritesPerMinute", "HeavyPerMinute", "WithdrawalsPerMinute",
        "UnknownCodesPerMinute", "AccountsPerMinute",
    ),
    "100000",
)  # fmt: skip
QUERIES: dict[str, str] = {
    "GET /api/v1/audit": "entity={partnerId}",
    "GET /api/v1/partners/top": "by=rewards",
    "GET /api/v1/payments": "programId=default",
    "GET /api/v1/referrals/trends": "interval=day",
    "GET /api/v1/rewards": "partnerId={partnerId}",
    "GET /api/v1/rewards/trends": "interval=day",
}
Call = Callable[[], httpx.Response]


def report(calls: int = CALLS) -> str:
    """Starts a stack of its own and ends it. A table of milliseconds, and what could not be measured."""
    version = ".".join(platform.python_version_tuple()[:2])
    parameters = {"PythonRuntime": f"python{version}", "FreshSignInMinutes": "1440", **UNLIMITED}
    rows, missing = [], []
    with Stack(ROOT / "template.yaml", name="refledger", parameters=parameters) as stack:
        made = seed(stack)
        for name, call in itertools.chain(reads(made), writes(made, WARM_UP_CALLS + calls + 1)):
            if refused := _refusal(call):
                missing.append(f"  {name}: {refused}")
            else:
                rows.append([name, *percentiles(call, calls)])
    text = table([f"route on the local stack, {calls} calls (ms)", "p50", "p99"], rows)
    return text + ("\n\nNot measured:\n" + "\n".join(missing) if missing else "")


def reads(made: Seeded) -> Iterator[tuple[str, Call]]:
    """Every GET, as somebody who may: partners for what is their own, an admin for the rest."""
    for route, allowed in access.ROUTES.items():
        method, path = route.split(" ")
        if method != "GET":
            continue
        who = "" if allowed is None else "admin" if allowed.roles else "alice"
        query = QUERIES.get(route, "")
        wanted = set(re.findall(r"{(\w+)}", path + query))
        if wanted <= set(made.known):
            address = path.format(**made.known) + (f"?{query.format(**made.known)}" if query else "")
            yield route, lambda who=who, address=address: made.call(who, "GET", address)  # type: ignore[misc]
        else:
            yield route, lambda wanted=wanted: _unknown(wanted - set(made.known))  # type: ignore[misc]


def _unknown(names: set[str]) -> httpx.Response:
    """What a route answers for which there is nothing in the stack."""
    return httpx.Response(404, json={"code": "", "detail": f"nothing was made with {', '.join(sorted(names))}"})


def writes(made: Seeded, calls: int) -> Iterator[tuple[str, Call]]:
    """The POSTs of every day, each call with something new; of what one person may have a few of, by one after another
    of as many people as `calls` of a route need.
    """
    numbers, known = itertools.count(), made.known

    def post(who: str | Iterator[str], path: str, body: Callable[[str], Json]) -> Call:
        names = itertools.repeat(who) if isinstance(who, str) else who
        return lambda: made.call(next(names), "POST", f"/api/v1{path}", body(f"{next(numbers)}"))

    def people(name: str, each: int) -> list[str]:
        return [f"{name}{number}" for number in range(-(-calls // each))]

    alice, money = known["partnerId"], {"currency": "USD"}
    yield "POST partners", post("admin", "/partners", lambda n: {**PERSON, "email": f"ada{n}@example.com"})
    yield "POST partners/bulk, 10 new", post(
        "admin", "/partners/bulk",
        lambda n: {"create": [{**PERSON, "email": f"b{n}-{each}@example.com"} for each in range(10)]},
    )  # fmt: skip
    yield "POST partners/{partnerId}/notes", post("admin", f"/partners/{alice}/notes", lambda n: {"text": f"note {n}"})
    yield (
        "POST validate-referral-code",
        post("alice", "/partners/validate-referral-code", lambda _: {"referralCode": known["code"]}),
    )
    yield (
        "POST referrals",
        post("admin", "/referrals", lambda n: {"partnerId": alice, "source": "PHONE", "leadId": f"l{n}"}),
    )
    yield "POST referrals/apply, repeated", post("bob", f"/referrals/apply/{known['code']}", lambda _: {})
    yield (
        "POST rewards, by hand",
        post("admin", "/rewards", lambda n: {**money, "partnerId": alice, "amount": 100, "reason": f"talk {n}"}),
    )
    yield (
        "POST adjustments",
        post("admin", "/adjustments", lambda n: {**money, "partnerId": alice, "amount": 100, "reason": f"gift {n}"}),
    )
    exporters = itertools.cycle([made.sign_in(who) for who in people("admin-exports-", MOST_OPEN)])
    yield "POST exports", post(exporters, "/exports", lambda _: {"what": "PAYMENTS"})
    importers = itertools.cycle([made.sign_in(who) for who in people("admin-imports-", MOST_OPEN)])
    yield "POST imports/partners, on trial", lambda: made.call(
        next(importers), "POST", "/api/v1/imports/partners?dryRun=true", content=CSV.encode(),
        headers={"content-type": "text/csv"},
    )  # fmt: skip
    most = min(BOUNDS.open, BOUNDS.a_day)
    earners = itertools.cycle([made.earner(who, most * 1000) for who in people("earner-", most)])
    yield (
        "POST referrals/withdraw",
        post(earners, "/referrals/withdraw", lambda _: {**money, "amount": 1000, "payoutMethod": METHOD}),
    )


def _refusal(call: Call) -> str:
    """Why the route cannot be measured, "" where it can."""
    answer = call()
    if answer.status_code < 400:
        return ""
    told = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    return f"{answer.status_code} {told.get('code', '')} {told.get('detail', '')}".strip()


def percentiles(call: Call, calls: int) -> list[str]:
    """The middle and the slowest hundredth of the calls, after some to warm up. "-" where one of them was refused."""
    taken_ms = []
    for number in range(-WARM_UP_CALLS, calls):
        begun = time.perf_counter()
        answer = call()
        if answer.status_code >= 400:
            return ["-", f"{answer.status_code}"]
        if number >= 0:
            taken_ms.append((time.perf_counter() - begun) * 1000)
    cuts = statistics.quantiles(taken_ms, n=100, method="inclusive")
    return [f"{cuts[49]:.1f}", f"{cuts[98]:.1f}"]
