"""The peers: applications on PostgreSQL, each with a database of its own in one cluster, asked over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks import ROOT
from benchmarks.clocks import family_ms
from benchmarks.peers import postgres
from benchmarks.peers.side import CURRENCY, PARTNERS, TOPS, Books, Payment, upline
from benchmarks.workers import Failed
from scripts import setup

APPS = Path(__file__).with_name("apps")
START_LIMIT_SECONDS = 120
SAID_AT_MOST = 2000  # characters of what an application that does not start has said

FASTAPI_BOOKS = """
SELECT (SELECT count(*) FROM payment), (SELECT count(*) - count(DISTINCT (payment, tier)) FROM reward),
    coalesce(sum(abs(coalesce(earned.amount, 0) - balance.available - balance.reserved)), 0),
    coalesce(sum(greatest(0, coalesce(gone.amount, 0) - coalesce(earned.amount, 0))), 0)
FROM balance
LEFT JOIN (SELECT partner, sum(amount) AS amount FROM reward GROUP BY partner) AS earned USING (partner)
LEFT JOIN (SELECT partner, sum(amount) AS amount FROM withdrawal GROUP BY partner) AS gone USING (partner)
"""
DJANGO_BOOKS = """
WITH action AS (SELECT metadata->>'payment' AS payment FROM affiliates_referralaction)
SELECT (SELECT count(DISTINCT payment) FROM action), (SELECT count(*) - count(DISTINCT payment) FROM action),
    (100 * coalesce(sum(abs(coalesce(earned.amount, 0) - balance - coalesce(gone.amount, 0))), 0))::bigint,
    (100 * coalesce(sum(greatest(0, coalesce(gone.amount, 0) - coalesce(earned.amount, 0))), 0))::bigint
FROM affiliates_affiliate AS affiliate
LEFT JOIN (SELECT affiliate_id AS id, sum(amount) AS amount FROM affiliates_commission GROUP BY 1) AS earned USING (id)
LEFT JOIN (SELECT affiliate_id AS id, sum(amount) AS amount FROM affiliates_payout GROUP BY 1) AS gone USING (id)
"""


@dataclass
class OnPostgres:
    """A side whose application answers HTTP. A payment is in balances and figures once it is answered."""

    name: str
    cluster: postgres.Cluster
    database: str
    server: psutil.Process
    port: int
    books_sql: str
    batch: int = 1
    has_keys: bool = True

    def __post_init__(self) -> None:
        self._kept = threading.local()  # a connection for each client

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and body of an answer, on the client's own connection."""
        connection: http.client.HTTPConnection | None = getattr(self._kept, "connection", None)
        if connection is None:
            connection = self._kept.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        text = None if body is None else json.dumps(body).encode()
        connection.request(method, path, text, {"content-type": "application/json", **headers})
        answer = connection.getresponse()
        said = answer.read()
        if answer.status >= 500:
            raise Failed(f"{self.name}: {answer.status} {said[:SAID_AT_MOST].decode(errors='replace')}")
        return answer.status, json.loads(said)

    def mature(self) -> None: ...

    def settle(self) -> None: ...

    def application_ms(self) -> float:
        return family_ms([self.server.pid])

    def database_ms(self) -> float:
        """Of the processes that serve this database: the cluster's own do next to nothing."""
        mark = f" {postgres.USER} {self.database} "
        serving = [each.pid for each in psutil.Process(self.cluster.pid).children() if mark in _title(each)]
        return family_ms(serving)

    def query(self, sql: str) -> list[int]:
        """The first row of an answer."""
        return [int(each) for each in self.cluster.ask(self.database, sql).split("|")]

    def books(self) -> Books:
        return Books(*self.query(self.books_sql))

    def _expect(self, answer: tuple[int, Any], *statuses: int) -> bool:
        status, body = answer
        if status not in statuses:
            raise Failed(f"{self.name}: {status} {body}")
        return status < 400


@dataclass
class FastApi(OnPostgres):
    def pay(self, payments: Sequence[Payment]) -> None:
        for each in payments:
            body = {"id": each.id, "customer": f"customer-{each.partner}", "amount": each.amount, "currency": CURRENCY}
            self._expect(self.request("POST", "/payments", body), 201)

    def statistics(self, partner: int) -> None:
        self._expect(self.request("GET", "/statistics", **{"x-user": f"partner-{partner}"}), 200)

    def withdraw(self, partner: int, amount: int, key: str) -> bool:
        told = {"x-user": f"partner-{partner}", "idempotency-key": key}
        return self._expect(
            self.request("POST", "/withdrawals", {"amount": amount, "currency": CURRENCY}, **told), 201, 409
        )

    def available(self, partner: int) -> int:
        return self.query(f"SELECT coalesce(sum(available), 0) FROM balance WHERE partner = {partner}")[0]


@dataclass
class Django(OnPostgres):
    """One tier: what a payment's upline would get is not in it. A withdrawal takes all that there is."""

    has_keys: bool = False

    def pay(self, payments: Sequence[Payment]) -> None:
        for each in payments:
            body = {
                "referral_code": f"CODE{each.partner}", "event_type": "purchase",
                "conversion_value": f"{each.amount // 100}.{each.amount % 100:02}", "metadata": {"payment": each.id},
            }  # fmt: skip
            self._expect(self.request("POST", "/referral-actions/track/", body), 201)

    def statistics(self, partner: int) -> None:
        self._expect(self.request("GET", "/affiliates/stats/", **{"x-user": f"partner-{partner}"}), 200)

    def withdraw(self, partner: int, amount: int, key: str) -> bool:
        return self._expect(self.request("POST", "/payouts/request/", {}, **{"x-user": f"partner-{partner}"}), 201, 400)

    def available(self, partner: int) -> int:
        sql = f"SELECT (100 * balance)::bigint FROM affiliates_affiliate WHERE code = 'CODE{partner}'"
        return self.query(sql)[0]


def _title(process: psutil.Process) -> str:
    try:
        return f"{' '.join(process.cmdline())} "
    except psutil.NoSuchProcess:
        return ""


@contextmanager
def running(clients: int) -> Iterator[tuple[FastApi, Django]]:
    """Both, in an environment of their own under .local, which is made where it is not there or not as it is pinned."""
    setup.STATE.mkdir(exist_ok=True)
    setup.make_environment("peers")
    python = ROOT / setup.ENVIRONMENTS["peers"][0] / "bin" / "python"
    with postgres.running() as cluster, ExitStack() as stack:
        yield _fastapi(stack, cluster, python), _django(stack, cluster, python, clients)


def _fastapi(stack: ExitStack, cluster: postgres.Cluster, python: Path) -> FastApi:
    cluster.ask("postgres", "CREATE DATABASE fastapi")
    told = {"DATABASE_URL": cluster.url("postgresql+asyncpg", "fastapi")}
    done = subprocess.run(
        [python, "-c", "import fastapi_app; print(fastapi_app.SCHEMA)"], cwd=APPS, env={**os.environ, **told},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    cluster.ask("fastapi", done.stdout)
    people = ", ".join(f"({number}, 'partner-{number}', {_or_null(upline(number))})" for number in range(PARTNERS))
    cluster.ask("fastapi", f"INSERT INTO partner VALUES {people}")
    customers = ", ".join(f"('customer-{number}', {number})" for number in range(TOPS, PARTNERS))
    cluster.ask("fastapi", f"INSERT INTO customer VALUES {customers}")
    port = postgres.free_port()
    command = [
        str(python), "-m", "uvicorn", "fastapi_app:app", "--port", str(port), "--loop", "uvloop", "--http", "httptools",
        "--no-access-log", "--log-level", "warning", "--timeout-keep-alive", "600",
    ]  # fmt: skip
    server = stack.enter_context(_serving(command, told, port))
    return FastApi("FastAPI + SQLAlchemy", cluster, "fastapi", server, port, FASTAPI_BOOKS)


def _or_null(number: int | None) -> str:
    return "NULL" if number is None else str(number)


def _django(stack: ExitStack, cluster: postgres.Cluster, python: Path, clients: int) -> Django:
    cluster.ask("postgres", "CREATE DATABASE django")
    told = {"DATABASE_ADDRESS": f"127.0.0.1:{cluster.port}", "DATABASE_NAME": "django"}
    made = [str(python), "django_app.py", str(PARTNERS)]
    subprocess.run(made, cwd=APPS, env={**os.environ, **told}, check=True, capture_output=True)
    port = postgres.free_port()
    command = [
        str(python), "-m", "gunicorn", "django_app:application", "--bind", f"127.0.0.1:{port}", "--workers", "1",
        "--worker-class", "gthread", "--threads", str(clients), "--keep-alive", "600", "--log-level", "warning",
    ]  # fmt: skip
    server = stack.enter_context(_serving(command, told, port))
    return Django("django-affiliate-system", cluster, "django", server, port, DJANGO_BOOKS)


@contextmanager
def _serving(command: list[str], told: dict[str, str], port: int) -> Iterator[psutil.Process]:
    """An application that listens, until the block ends."""
    process = psutil.Popen(command, cwd=APPS, env={**os.environ, **told}, stdout=subprocess.DEVNULL)
    try:
        _wait(lambda: _listens(port) or process.poll() is not None)
        if process.poll() is not None:
            raise Failed(f"{command[2]} ended")
        yield process
    finally:
        process.terminate()
        process.wait(START_LIMIT_SECONDS)


def _listens(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.connect()
    except OSError:
        return False
    connection.close()
    return True


def _wait(until: Callable[[], bool]) -> None:
    give_up = time.monotonic() + START_LIMIT_SECONDS
    while not until():
        if time.monotonic() > give_up:
            raise Failed("an application did not start")
        time.sleep(0.1)
