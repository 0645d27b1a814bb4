"""Puts a demo program into a local stack that is starting: a partner with a code, and a friend who applied it.

Repeats change nothing. `make run` starts it beside the stack; it waits for the API, does its work and ends.
"""

from __future__ import annotations

import os
import sys
import time

import httpx

from scripts.demo import Client, Failed, say

WAIT_SECONDS = 60
PROGRAM = {
    "id": "demo", "name": "Demo", "currency": "USD", "tierRatesBps": [2000, 1000], "holdDays": 0,
    "payoutMinimum": {"amount": 1000, "currency": "USD"},
}  # fmt: skip
PARTNER = {
    "firstName": "Ida", "lastName": "Demo", "email": "ida@example.com", "phone": "+49 30 123456",
    "companyName": "Insurance Partners", "programId": "demo", "sub": "ida",
}  # fmt: skip


def seed(client: Client) -> None:
    client.post("admin", "/programs", PROGRAM, key="seed")
    partner = client.post("admin", "/partners", PARTNER, key="seed")
    client.post("fred", f"/referrals/apply/{partner['referralCode']}")
    say(f"demo program: partner ida has the code {partner['referralCode']}, fred has applied it")


def main() -> int:
    api = f"http://127.0.0.1:{os.environ.get('API_PORT', '3000')}"
    aws = f"http://127.0.0.1:{os.environ.get('AWS_PORT', '4566')}"
    give_up, stack = time.monotonic() + WAIT_SECONDS, os.getppid()
    while time.monotonic() < give_up and os.getppid() == stack:  # without it there is nothing to wait for
        try:
            httpx.get(f"{api}/_local/about", timeout=5).raise_for_status()
            seed(Client(api, aws))
            return 0
        except httpx.HTTPError:
            time.sleep(0.2)
        except Failed as error:
            say(f"the demo program is not there: {error}")
            return 1
    return 1  # the stack did not start, and has said why


if __name__ == "__main__":
    sys.exit(main())
