"""Bank transfers on the whole system: accounts sealed before a crash are opened after it, and exported once."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from scripts.demo import IBAN, Client
from tests.e2e.conftest import new_stack, verify
from tests.e2e.people import People
from undocked.testing import Stack

PROGRAM = {
    "id": "default",
    "name": "Friends",
    "currency": "USD",
    "tierRatesBps": [2000, 1000],
    "holdDays": 0,
    "coolingHours": 0,
}


def rows(stack: Stack, client: Client, admin: str, batch: str) -> list[dict[str, str]]:
    """The file of a batch."""
    answer = stack.get(f"/api/v1/payout-batches/{batch}/file", token=client.token(admin, "admin"))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text, newline=""), strict=True))


def test_transfers_are_exported_once_over_a_crash(tmp_path: Path) -> None:
    """A method is given, withdrawn to by its id, taken out of use; everything dies; the batch has its whole account."""
    with new_stack(tmp_path) as stack:
        client = Client(stack.api, stack.aws)
        client.post("admin", "/programs", PROGRAM)
        people = People(client)
        people.rich_bob(3_000)
        method = {"type": "BANK_TRANSFER", "accountHolder": "Bob Example", "iban": IBAN}
        method_id = client.post(people.bob, "/payout-methods", method)["id"]
        ask = {"amount": 2_000, "currency": "USD", "payoutMethodId": method_id}
        asked = client.post(people.bob, "/referrals/withdraw", ask, key="k")
        assert client.call(people.bob, "DELETE", f"/payout-methods/{method_id}")[0] == 200
        client.post(people.admin, f"/withdrawals/{asked['id']}/approve", {"note": "asked by telephone"}, expect=200)
        people.eventually_is(asked["id"], "PAYING")
        stack.kill9()

        stack.start()
        batch = client.post(people.admin, "/payout-batches", {}, key="k")
        assert client.post(people.admin, "/payout-batches", {}, key="k") == batch
        client.post(people.admin, "/payout-batches", {}, expect=409)
        (row,) = rows(stack, client, people.admin, batch["id"])
        assert (row["reference"], row["iban"], row["amount"]) == (asked["id"], IBAN, "20.00")
        client.post(people.admin, f"/withdrawals/{asked['id']}/mark-paid", {"transactionId": "T-1"}, expect=200)
        assert rows(stack, client, people.admin, batch["id"]) == [row]
        (line,) = client.get(people.admin, f"/payout-batches/{batch['id']}")["lines"]
        assert (line["status"], line["account"], line["transactionId"]) == ("PAID", "DE…3000", "T-1")
        assert IBAN not in stack.output
        assert verify(stack)["faults"] == []
