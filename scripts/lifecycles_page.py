"""Writes docs/lifecycles.md: what may become of each thing, from the tables of transitions that decide."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "layers" / "core" / "python"))

from refledger.domain import partners, programs, referrals, rewards, withdrawals  # noqa: E402  not installed

HEAD = """# What may become of what

Look up here in which states a thing can be and where it can go from each; what is not drawn cannot happen. Made by
`make openapi` from the tables `TRANSITIONS` in `domain/`, which are what decides.
"""
State = TypeVar("State", bound=StrEnum)
Edges = Iterable[tuple[StrEnum, StrEnum, str]]


def page() -> str:
    """The page's text."""
    return HEAD + "".join(
        (
            _chart(
                "A withdrawal",
                "begins as `REQUESTED`, with its money moved from available to reserved. A movement at an "
                "arrow is in the same transaction: `SETTLE` reserved → paid, `RELEASE` reserved → available, `RETURN` "
                "paid → available, `PAY` available → paid.", withdrawals.WithdrawalStatus.REQUESTED,
                [(old, new, kind or "") for (old, new), kind in withdrawals.TRANSITIONS.items()],
                withdrawals.WithdrawalStatus,
            ),
            _chart(
                "A reward",
                "begins as `PENDING`. It is booked into the balance when it becomes `APPROVED`; what a refund or "
                "a dispute takes of it later is an entry of its own.", rewards.RewardStatus.PENDING,
                _edges(rewards.TRANSITIONS), rewards.RewardStatus,
            ),
            _chart(
                "A referral", "begins as `PENDING`, or as `ACCEPTED` where nobody has to look at it.",
                referrals.ReferralStatus.PENDING, _edges(referrals.TRANSITIONS), referrals.ReferralStatus,
            ),
            _chart(
                "A partner", "earns and is paid while `ACTIVE`.", partners.PartnerStatus.ACTIVE,
                _edges(partners.TRANSITIONS), partners.PartnerStatus,
            ),
            _chart(
                "A program", "takes referrals and payments while `ACTIVE`.", programs.ProgramStatus.ACTIVE,
                _edges(programs.TRANSITIONS), programs.ProgramStatus,
            ),
        )
    )  # fmt: skip


def _edges(transitions: Mapping[State, Iterable[State]]) -> Edges:
    order = list(transitions)
    return [(old, new, "") for old, following in transitions.items() for new in sorted(following, key=order.index)]


def _chart(name: str, text: str, first: StrEnum, edges: Edges, states: type[StrEnum]) -> str:
    arrows = "".join(f"    {old} --> {new}{f': {label}' if label else ''}\n" for old, new, label in edges)
    notes = "".join(f"| `{state}` | {why} |\n" for state, why in _comments(states).items())
    table = f"\n| state | |\n|---|---|\n{notes}" if notes else ""
    return f"\n## {name}\n\nIt {text}\n\n```mermaid\nstateDiagram-v2\n    [*] --> {first}\n{arrows}```\n{table}"


def _comments(states: type[StrEnum]) -> dict[str, str]:
    """What the code says beside each state."""
    lines = inspect.getsource(states).splitlines()
    said = (line.partition("  # ") for line in lines if " = " in line)
    return {code.split(" = ")[0].strip(): why for code, mark, why in said if mark}


if __name__ == "__main__":
    sys.stdout.write(page())
