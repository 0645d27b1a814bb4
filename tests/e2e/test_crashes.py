"""The stack is killed half-way, and everything goes on where it was."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from scripts.demo import Client
from tests.e2e.conftest import ROOT, new_stack, verify
from tests.e2e.people import PROGRAM, People
from undocked.testing import Stack, wait_until

KILLS = 3


def test_waiting_withdrawals_survive_a_crash(tmp_path: Path) -> None:
    """kill -9 of everything while withdrawals wait for approval and for settlement: after a start both go on."""
    with new_stack(tmp_path) as stack:
        client = Client(stack.api, stack.aws)
        client.post("admin", "/programs", PROGRAM)
        people = People(client)
        people.rich_bob(3_000)
        waiting = people.withdraw(people.bob, 1_000)["id"]
        paying = people.withdraw(people.bob, 2_000)["id"]
        client.post(people.admin, f"/withdrawals/{paying}/approve", {}, expect=200)
        people.eventually_is(paying, "PAYING")
        stack.kill9()

        stack.start()
        assert people.balance(people.bob) == (0, 3_000, 0)
        client.post(people.admin, f"/withdrawals/{waiting}/approve", {}, expect=200)
        sweep_until(stack, lambda: people.status(waiting) == "PAYING")  # no execution knew of it any more
        for id in (waiting, paying):
            client.post(people.admin, f"/withdrawals/{id}/mark-paid", {"transactionId": f"T-{id}"}, expect=200)
        assert people.balance(people.bob) == (0, 0, 3_000)
        assert verify(stack)["faults"] == []


def impatient_copy(folder: Path, seconds: int = 5) -> Path:
    """The project with other queues: what a dead worker had comes again after seconds, not minutes.

    `seconds`: above ten where the schedule of due rewards must get through, which wants so many left to begin a slice.
    """
    for name in ("functions", "layers", "statemachines"):
        (folder / name).symlink_to(ROOT / name)
    template = folder / "template.yaml"
    text = (ROOT / "template.yaml").read_text()
    text = re.sub(r"VisibilityTimeout: (180|360)$", f"VisibilityTimeout: {seconds}", text, flags=re.MULTILINE)
    template.write_text(re.sub(r"\bTimeout: (30|60)$", f"Timeout: {seconds}", text, flags=re.MULTILINE))
    return template


def sweep_until(stack: Stack, done: Callable[[], bool]) -> None:
    """Call the sweeper, whose schedule is a minute, until it has done its work."""

    def swept() -> bool:
        stack.client("lambda").invoke(FunctionName="refledger-SweeperFunction", Payload=b"{}")
        return done()

    wait_until(swept, step=1)


def test_workers_that_are_killed_lose_nothing(tmp_path: Path) -> None:
    """Function processes are killed again and again while payments come in: each payment earns once."""
    with new_stack(tmp_path / "data", impatient_copy(tmp_path)) as stack:
        client = Client(stack.api, stack.aws)
        client.post("admin", "/programs", PROGRAM)
        people = People(client)
        people.rich_bob(1_000)
        for round in range(KILLS):
            for number in range(10):
                people.pay(1_000, payment_id=f"{round}-{number}-{people.run}")
            workers = stack.about()["workers"]
            for name, pids in workers.items():
                if "Payments" in name or "Maturity" in name:
                    for pid in pids:
                        with suppress(ProcessLookupError):  # dead since the last round
                            os.kill(pid, signal.SIGKILL)
        people.eventually_has(people.bob, 1_000 + KILLS * 10 * 200)
        people.eventually_has(people.alice, 500 + KILLS * 10 * 100)
        assert verify(stack)["faults"] == []


def test_a_withdrawal_nobody_decides_about_expires(tmp_path: Path) -> None:
    """When the program's time is over the money is available again, and an approval comes too late."""
    with new_stack(tmp_path) as stack:
        client = Client(stack.api, stack.aws)
        client.post("admin", "/programs", {**PROGRAM, "approvalTimeoutSeconds": 2})
        people = People(client)
        people.rich_bob()
        made = people.withdraw(people.bob, 1_500)["id"]
        sweep_until(stack, lambda: people.status(made) == "EXPIRED")
        assert people.balance(people.bob) == (2_000, 0, 0)
        late = client.post(people.admin, f"/withdrawals/{made}/approve", {}, expect=409)
        assert late["code"] == "ALREADY_DECIDED"
