"""What a withdrawal takes from the request to its end."""

from __future__ import annotations

from typing import Any

from benchmarks.bench import Bench, design, today
from refledger.adapters.stepfunctions import Waker, Workflow
from refledger.domain.times import DAY_MS
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.operations.payouts import payouts, sweeper, withdrawals, workflow_callbacks, workflow_tasks

S = WithdrawalStatus
AMOUNT = 1_500
TOKEN = "t" * 700  # about as long as those of Step Functions
MACHINE = "arn:aws:states:eu-central-1:000000000000:stateMachine:approval"


class Quiet:
    """Step Functions, where every execution runs and takes what it is told."""

    def __getattr__(self, _: str) -> Any:
        return lambda **_: {"status": "RUNNING"}


def withdrawing(bench: Bench) -> None:
    """Bob has earned more than he asks for."""
    books, context, waker = bench.books, bench.books.context, Waker(Quiet())
    with bench.measure("payout method: a new account", today(4, 1, 8, 4)):
        books.method("bob")
    with bench.measure("withdrawal: request", design(1, 1, 8, 6)):
        asked = books.withdraw("bob", AMOUNT, "k1")
    with bench.measure("… repeated", design(1, 0, 0, 6)):
        assert books.withdraw("bob", AMOUNT, "k1") == asked
    with bench.measure(
        "withdrawal: workflow assesses", today(8, 1, 1, 20)
    ):  # one: what staff did for the partner; rewards keep more of themselves (94)
        workflow_tasks.admit(context, asked.id)
    with bench.measure("withdrawal: workflow waits for approval", today(1, 1, 1, 1)):
        workflow_callbacks.wait(context, waker, asked.id, workflow_callbacks.APPROVAL, TOKEN)
    with bench.measure("withdrawal: approve, with a note", today(8, 1, 16, 21)):
        approved = withdrawals.decide(context, asked.id, S.APPROVED, "admin", "r1", "known well")
    with bench.measure("… and wake the workflow", today(1, 0, 0, 1)):
        workflow_callbacks.tell(context, waker, approved)
    with bench.measure("withdrawal: start the payout", today(3, 1, 10, 5)):
        started = payouts.start(context, dict, lambda: books.vault, asked.id)
    with bench.measure("… and wait for its end", today(1, 1, 1, 1)):
        payouts.wait_for_end(context, waker, started, TOKEN)
    with bench.measure("withdrawal: settle (mark paid)", today(4, 1, 16, 7)):
        withdrawals.conclude(context, asked.id, S.PAID, "admin", "r2", transaction_id="TX-1")

    rejected, cancelled = books.withdraw("bob", AMOUNT, "k2"), books.withdraw("bob", AMOUNT, "k3")
    with bench.measure("withdrawal: reject, with a note", today(2, 1, 10, 3)):
        withdrawals.decide(context, rejected.id, S.REJECTED, "admin", "r1", "not known")
    with bench.measure("withdrawal: cancel", today(2, 1, 8, 2)):
        withdrawals.cancel(context, cancelled, books.user("bob"), "r1")

    _maturing_on_demand(bench)
    machine = Workflow(Quiet(), MACHINE)
    books.withdraw("bob", AMOUNT, "k4")
    books.clock.forward(DAY_MS)
    with bench.measure("sweeper: two withdrawals are open and well", today(7, 0, 0, "6.5")):
        assert sweeper.sweep(context, machine, waker, lambda: True).looked_at == 2


def _maturing_on_demand(bench: Bench) -> None:
    """Dora has earned, and nothing has matured yet."""
    books = bench.books
    books.apply("dora's friend", "dora")
    for number in range(20):
        books.pay("dora's friend", f"d{number}", 10_000)
    books.clock.forward(2 * DAY_MS)
    books.context.program("default")  # which a worker reads once a minute
    books.context.program_version("default", books.rewards("dora")[-1].rule_version)  # and this once: it never changes
    with bench.measure("withdrawal: request, 20 rewards mature on demand", today(7, 3, 60, 14)):
        books.withdraw("dora", AMOUNT, "k1")
