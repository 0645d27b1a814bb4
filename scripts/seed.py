"""Puts a program called `default` into a local stack, and a demo world; `--empty`: the program alone.

Repeats change nothing. `make run` has it run when its own stack answers, and never when that could not start: another
one may be at its ports then.
"""

from __future__ import annotations

import sys

import httpx

from scripts.demo import PROGRAM, Client, Failed, check, connect, say
from scripts.demo_world import World

PARTNER = {
    "firstName": "Ida", "lastName": "Demo", "email": "ida@example.com", "phone": "+49 30 123456",
    "companyName": "Insurance Partners", "sub": "ida",
}  # fmt: skip
CUSTOMER = "fred"


def seed(client: Client, *, is_empty: bool = False) -> None:
    """Make what is not there yet. Raises Failed."""
    status, answer = client.call("admin", "POST", "/programs", PROGRAM)
    check(status in (201, 409), f"POST /programs: {status} {answer}")  # 409: from an earlier run
    if is_empty:
        say("program default: is there, and nobody in it")
        return
    partner = client.post("admin", "/partners", PARTNER, key=f"seed-{PARTNER['sub']}")
    client.post(CUSTOMER, f"/referrals/apply/{partner['referralCode']}")
    say(f"program default: partner {PARTNER['sub']} has the code {partner['referralCode']}, {CUSTOMER} has applied it")
    World(client).tell(partner["referralCode"])


def main() -> int:
    try:
        seed(connect(), is_empty="--empty" in sys.argv[1:])
    except (httpx.HTTPError, Failed) as error:
        say(f"the demo is not whole: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
