"""Writes docs/access.md: who may use which route, from the table that is enforced."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "layers" / "core" / "python"))

from refledger.entry import access  # noqa: E402  the layer is not installed

HEAD = """# Who may do what

Made by `make openapi` from `entry/access.py`, which is what is enforced. Staff are known by their groups, a service by
the scopes of its access token, and everybody else who is signed in gets at what is their own: there another's id is
answered by 404. `yes`: everybody's; `own`: their own. `fresh`:
people, not services, must have signed in within `FreshSignInMinutes` ([operations](operations.md#a-fresh-sign-in)).

Limits are counted by caller and minute, per class: 1200 reads (`ReadsPerMinute`), 600 writes (`WritesPerMinute`), 60
heavy calls (`HeavyPerMinute`), 120 about withdrawals (`WithdrawalsPerMinute`), and besides 20 codes that do not exist
(`UnknownCodesPerMinute`) and 60 whole account numbers shown (`AccountsPerMinute`).

| route | admin | finance | support | partner | service | limit | sign-in |
|---|---|---|---|---|---|---|---|
"""


def page() -> str:
    """The page's text."""
    return HEAD + "".join(map(_row, sorted(access.ROUTES, key=lambda route: (route.split()[1], route))))


def _row(route: str) -> str:
    told = access.ROUTES[route]
    if told is None:
        return f"| `{route}` | anybody | anybody | anybody | anybody | anybody | | |\n"
    if told.embedded:
        return f"| `{route}` | no | no | no | own, by a portal session | no | {access.limit(route)} | |\n"
    nobody = "own" if told.own else "no"
    staff = " | ".join("yes" if role in told.roles else nobody for role in access.Role)
    service = f"`{told.scope}`" if told.scope else "no"
    return f"| `{route}` | {staff} | {nobody} | {service} | {access.limit(route)} | {'fresh' if told.fresh else ''} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
