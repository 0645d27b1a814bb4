"""`refledger withdrawals`: those that stand still, and how to set one going again."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from refledger.adapters.stepfunctions import Workflow
from refledger.cli.output import HOUR_MS, duration, say, say_json, table
from refledger.cli.target import Target, add_target
from refledger.domain.currencies import money
from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.domain.withdrawals import OPEN, Withdrawal
from refledger.operations.payouts import sweeper
from refledger.store import withdrawals
from refledger.store.table import BATCH_LIMIT

WORKFLOW = "WithdrawalApproval"  # in the template
COLUMNS = ("WITHDRAWAL", "PARTNER", "AMOUNT", "STATUS", "FOR", "PROBLEM", "ATTEMPT", "WORKFLOW")
UNITS = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}


def age(text: str) -> int:
    """Parse `30m`, `24h`, `3d` to milliseconds."""
    found = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: 30m, 24h and 3d are")
    return int(found[1]) * UNITS[found[2]]


def add_to(commands: Any) -> None:
    parser = commands.add_parser("withdrawals", help="withdrawals that stand still")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    stuck = verbs.add_parser("stuck", help="open ones that nothing has happened to for long, oldest first")
    stuck.add_argument("--older", type=age, default="24h", metavar="TIME", help="for how long (default 24h)")
    stuck.add_argument("--json", action="store_true", help="a line of JSON for each")
    stuck.set_defaults(run=list_stuck)
    resume = verbs.add_parser("resume", help="start the next attempt of one's workflow")
    resume.add_argument("id", metavar="ID")
    resume.add_argument("--anyway", action="store_true", help="also where an attempt runs: the new one runs beside it")
    resume.set_defaults(run=resume_one)
    for verb in (stuck, resume):
        add_target(verb)


def list_stuck(options: argparse.Namespace) -> int:
    target = Target(options)
    workflow, now_ms = _workflow(target), target.context.now_ms()
    rows: list[tuple[str, ...]] = [
        ("WITHDRAWAL", "PARTNER", "AMOUNT", "STATUS", "FOR", "PROBLEM", "ATTEMPT", "WORKFLOW")
    ]
    for withdrawal in _open(target):
        still_ms = now_ms - withdrawal.entered_at_ms
        if still_ms < options.older:
            continue
        problem, status = withdrawal.problem.value if withdrawal.problem else "", workflow.status(withdrawal)
        if options.json:
            say_json({
                "id": withdrawal.id, "partner": withdrawal.partner_id, "amount": withdrawal.amount,
                "currency": withdrawal.currency, "status": withdrawal.status.value, "stillSeconds": still_ms // 1000,
                "problem": problem, "attempt": withdrawal.attempt, "workflow": status,
            })  # fmt: skip
        rows.append((
            withdrawal.id, withdrawal.partner_id, money(withdrawal.amount, withdrawal.currency),
            withdrawal.status.value, duration(still_ms), problem or "-", str(withdrawal.attempt), status,
        ))  # fmt: skip
    if not options.json:
        table(rows)
    return 0


def resume_one(options: argparse.Namespace) -> int:
    target = Target(options)
    workflow, withdrawal = _workflow(target), withdrawals.find(target.context.table, options.id)
    if reason := _why_not(workflow, withdrawal, anyway=options.anyway):
        say(f"withdrawal {withdrawal.id} is not resumed: {reason}")
        return 1
    if not sweeper.resume(target.context, workflow, withdrawal):
        say(f"withdrawal {withdrawal.id} is being resumed by somebody else at this moment")
        return 1
    say(f"withdrawal {withdrawal.id}: attempt {withdrawal.attempt + 1} started")
    return 0


def _why_not(workflow: Workflow, withdrawal: Withdrawal, *, anyway: bool) -> str:
    """What a new attempt would not help with, or "" where it may."""
    if withdrawal.status not in OPEN:
        return f"it has ended as {withdrawal.status}"
    if withdrawal.problem:
        return (
            f"it has the problem {withdrawal.problem}, about which a person must decide (retry, mark-paid, mark-failed)"
        )
    if not anyway and workflow.is_running(withdrawal):
        return f"its workflow runs and waits in {withdrawal.status}; --anyway starts another one beside it"
    return ""


def _open(target: Target) -> Iterator[Withdrawal]:
    """Every withdrawal whose money is reserved, by status, oldest first; then those with a problem."""
    found = target.context.table
    for status in OPEN:
        yield from _many(target, (id for _, id in withdrawals.oldest_with_status(found, status, "")))
    with_problem = (id for _, id in withdrawals.with_problem(found, "", BATCH_LIMIT))
    yield from (each for each in _many(target, with_problem) if each.status in OPEN)


def _many(target: Target, ids: Iterator[str]) -> Iterator[Withdrawal]:
    while batch := list(islice(ids, BATCH_LIMIT)):
        yield from withdrawals.many(target.context.table, batch)


def _workflow(target: Target) -> Workflow:
    return Workflow(target.client("stepfunctions"), target.resource(WORKFLOW))
