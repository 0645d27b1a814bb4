"""What the stack has found wrong with its books by itself, and how far it has looked: `refledger verify --found`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from refledger.cli.output import duration, say, say_json
from refledger.domain.times import iso
from refledger.operations.context import Context
from refledger.operations.proof.book_checks import Fault
from refledger.store import findings
from refledger.store.findings import FindingReason


def words(fault: Fault, word: str = "FAULT") -> str:
    """Write a line for it."""
    whose = " ".join(filter(None, ["partner" if fault.partner_id else "", fault.partner_id, fault.currency]))
    return f"{word} {whose}: {fault.reason}" if whose else f"{word} {fault.reason}"


def show_found(context: Context, *, is_json: bool) -> int:
    """Show the faults that the deployment found.

    Returns 1 where a fault counts; what was seen once may be a write on its way, and counts when it is seen again.
    """
    now_ms = context.now_ms()
    round, found = findings.kept(context.table, now_ms), list(findings.all_of(context.table))
    faults = sum(each.told for each in found)
    if is_json:
        say_json({
            "faults": list(map(_as_json, _reasons(found, is_told=True))),
            "seenOnce": list(map(_as_json, _reasons(found, is_told=False))),
            "tooLong": list(round.left_out), "wholeAt": iso(round.whole_ms), "place": round.place,
        })  # fmt: skip
        return 1 if faults else 0
    for reason in _reasons(found, is_told=True):
        say(f"{words(_fault(reason))} (since {iso(reason.since_ms)})")
    for reason in _reasons(found, is_told=False):
        say(words(_fault(reason), "SEEN ONCE"))
    for partner_id in round.left_out:
        say(f"TOO LONG partner {partner_id}: the stack reads the newest entries alone; verify --partner {partner_id}")
    say(f"{faults} faults; the last whole sweep ended {duration(now_ms - round.whole_ms)} ago")
    return 1 if faults else 0


def _reasons(found: list[findings.Finding], *, is_told: bool) -> Iterator[FindingReason]:
    return (reason for each in found for reason in each.reasons if reason.is_told is is_told)


def _fault(reason: FindingReason) -> Fault:
    return Fault(reason.partner_id, reason.currency, reason.text)


def _as_json(reason: FindingReason) -> dict[str, str]:
    return {**asdict(_fault(reason)), "since": iso(reason.since_ms)}
