"""The table goes away in the middle of everything, and comes back: who asked is told the truth, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from scripts.demo import Client
from tests.e2e.conftest import new_stack, verify
from tests.e2e.people import PROGRAM, People
from tests.e2e.test_crashes import impatient_copy
from undocked.testing import Stack, wait_until

PAYMENTS, AMOUNT = 30, 1_000
ASKS, ASKED = 5, 100  # as many as may be open at once
AWAY_SECONDS = 8


@contextmanager
def away(stack: Stack, after: ExitStack) -> Iterator[None]:
    """DynamoDB is killed; at the end the same process is started again, on the same data, until `after` ends.

    Functions stand still for a moment before: DynamoDB Local answers before what it wrote is safe from a kill, which
    DynamoDB does not, and a payment that was booked would be gone with its message.
    """
    running = psutil.Process(stack.about()["dynamodb"])
    command, where = running.cmdline(), running.cwd()
    workers = [each for each in psutil.Process(running.ppid()).children(recursive=True) if each != running]
    for each in workers:
        each.suspend()
    time.sleep(2)
    wait_until(lambda: time.time() - last_write(stack) > 1)  # a slow machine takes longer
    os.kill(running.pid, signal.SIGKILL)
    running.wait(60)
    for each in workers:
        each.resume()
    yield
    back = subprocess.Popen(
        command, cwd=where, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    after.callback(back.wait)
    after.callback(back.kill)
    wait_until(lambda: answers(stack))


def last_write(stack: Stack) -> float:
    """When DynamoDB Local has written into its files, in seconds since 1970."""
    moments = [0.0]
    for each in (stack.data / "dynamodb").glob("*.db*"):
        with suppress(FileNotFoundError):  # a journal ends with its transaction
            moments.append(each.stat().st_mtime)
    return max(moments)


def answers(stack: Stack) -> bool:
    try:
        stack.client("dynamodb").list_tables(Limit=1)
    except Exception:
        return False
    return True


def ask_until_done(stack: Stack, token: str, body: Any, key: str, seen: list[Any]) -> str:
    """The id of the withdrawal: asked for with one key, again and again, as a careful client does."""

    def once() -> str:
        answer = stack.post(
            "/api/v1/referrals/withdraw", token=token, json=body, headers={"idempotency-key": key}, timeout=120
        )
        told = answer.json()
        seen.append((answer.status_code, told.get("code"), answer.headers.get("retry-after")))
        return str(told["id"]) if answer.status_code == 201 else ""

    return wait_until(once, step=0.5)


def test_a_table_that_goes_away_loses_nothing(tmp_path: Path) -> None:
    """503 with Retry-After, never 500; each payment earns once, each withdrawal is there once, the books are right."""
    template, options = impatient_copy(tmp_path, seconds=15), ["--no-restart-dynamodb"]
    with ExitStack() as after, new_stack(tmp_path / "data", template, options) as stack:
        client = Client(stack.api, stack.aws)
        client.post("admin", "/programs", PROGRAM)
        people = People(client)
        people.rich_bob(2 * ASKS * ASKED)
        token, seen = stack.token(people.bob), list[Any]()
        ids: dict[str, str] = {}

        def ask(number: int) -> None:
            key = f"{people.run}-{number}"
            ids[key] = ask_until_done(stack, token, people.wish(ASKED), key, seen)

        is_away = threading.Event()

        def ask_all() -> None:
            for number in range(ASKS):  # the first are there when the table goes, the others not before it is away
                if number == ASKS // 2:
                    is_away.wait()
                ask(number)

        asking = threading.Thread(target=ask_all)
        asking.start()
        for number in range(PAYMENTS // 2):
            people.pay(AMOUNT, payment_id=f"before-{number}-{people.run}")
        with away(stack, after):
            is_away.set()
            for number in range(PAYMENTS // 2):
                people.pay(AMOUNT, payment_id=f"while-{number}-{people.run}")
            time.sleep(AWAY_SECONDS)  # calls that began before have given up: what follows meets no table at all
            answer = stack.get("/api/v1/referrals/stats", token=token, timeout=120)
            assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
            assert "same Idempotency-Key" in answer.json()["detail"]
            assert int(answer.headers["retry-after"]) > 0
            wait_until(lambda: [each for each in seen if each[0] != 201])
        asking.join()

        refused = [each for each in seen if each[0] != 201]
        assert refused, "somebody asked while it was away"
        assert {status for status, _, _ in refused} == {503}
        assert all(wait and int(wait) > 0 for _, _, wait in refused)
        assert len(set(ids.values())) == ASKS
        earned = 2 * ASKS * ASKED + PAYMENTS * AMOUNT // 5
        # what a message was lost of, the schedule finds within some minutes
        people.eventually_has(people.bob, earned - ASKS * ASKED, seconds=900)
        assert people.balance(people.bob) == (earned - ASKS * ASKED, ASKS * ASKED, 0)
        assert verify(stack)["faults"] == []
