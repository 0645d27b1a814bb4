"""Puts a program called `default` into a local stack: a partner with a code, and a friend who applied it.

Repeats change nothing. `make run` has it run when its own stack answers, and never when that could not start: another
one may be at its ports then.
"""

from __future__ import annotations

import sys

import httpx

from scripts.demo import PROGRAM, Client, Failed, check, connect, say

PARTNER = {
    "firstName": "Ida", "lastName": "Demo", "email": "ida@example.com", "phone": "+49 30 123456",
    "companyName": "Insurance Partners", "sub": "ida",
}  # fmt: skip
CUSTOMER = "fred"


def seed(client: Client) -> None:
    """Make what is not there yet. Raises Failed."""
    status, answer = client.call("admin", "POST", "/programs", PROGRAM)
    check(status in (201, 409), f"POST /programs: {status} {answer}")  # 409: from an earlier run
    partner = client.post("admin", "/partners", PARTNER, key=f"seed-{PARTNER['sub']}")
    client.post(CUSTOMER, f"/referrals/apply/{partner['referralCode']}")
    say(f"program default: partner {PARTNER['sub']} has the code {partner['referralCode']}, {CUSTOMER} has applied it")


def main() -> int:
    try:
        seed(connect())
    except (httpx.HTTPError, Failed) as error:
        say(f"program default is not there: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
