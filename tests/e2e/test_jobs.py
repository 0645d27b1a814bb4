"""Exports and imports on the running stack: through its queue and its bucket, with links that really give files."""

from __future__ import annotations

import csv
import io
import secrets
from typing import Any

import httpx

from scripts.demo import Client, eventually
from tests.e2e.people import People

HEAD = "firstName,lastName,email,phone\r\n"


def exported(client: Client, admin: str, what: str, **filters: str) -> list[dict[str, str]]:
    """The file behind the link, which works without any token."""
    job = client.post(admin, "/exports", {"what": what, "filters": filters, "format": "CSV"}, expect=202)["id"]
    eventually(lambda: client.get(admin, f"/exports/{job}")["status"], "DONE", f"export of {what}")
    link = client.get(admin, f"/exports/{job}")["link"]
    answer = httpx.get(link, timeout=120).raise_for_status()
    assert f"{what.lower()}-{job}.csv" in answer.headers["content-disposition"]
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def send(client: Client, admin: str, text: str, **query: str) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {client.token(admin, 'admin')}", "content-type": "text/csv"}
    answer = client.http.post("/api/v1/imports/partners", content=text.encode(), headers=headers, params=query)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    eventually(lambda: client.get(admin, f"/imports/{found['id']}")["status"], "DONE", "import")
    return client.get(admin, f"/imports/{found['id']}")


def test_rewards_and_entries_are_exported(client: Client) -> None:
    """What was earned a moment ago is in the file of rewards and in that of the ledger, to the cent."""
    people = People(client)
    people.rich_bob(2_000)
    bob = str(client.get(people.bob, "/referrals/code")["partnerId"])
    (reward,) = exported(client, people.admin, "REWARDS", partnerId=bob)
    assert (reward["amount"], reward["status"], reward["currency"]) == ("2000", "APPROVED", "USD")
    (entry,) = exported(client, people.admin, "LEDGER", partnerId=bob)
    assert (entry["amount"], entry["credit"]) == ("2000", "available")
    everybody = exported(client, people.admin, "REWARDS")
    assert [row for row in everybody if row["id"] == reward["id"]] == [reward]


def test_partners_are_imported_and_exported_again(client: Client) -> None:
    """On trial, for real, and from the file of an export again: nobody is there twice."""
    run = secrets.token_hex(4)
    admin = f"admin-{run}"
    text = HEAD + "".join(f"Ada,Number {each},{run}-{each}@example.com,+49 30 {each}\r\n" for each in range(30))
    assert send(client, admin, text, dryRun="true")["counts"]["wouldCreate"] == 30
    made = send(client, admin, text)
    assert made["counts"]["created"] == 30
    lines = client.get(admin, f"/imports/{made['id']}/report", limit=100)["data"]
    rows = {row["id"]: row for row in exported(client, admin, "PARTNERS")}
    assert [rows[line["id"]]["email"] for line in lines] == [f"{run}-{each}@example.com" for each in range(30)]
    assert rows[lines[0]["id"]]["phone"] == "'+49 30 0"
    again = [",".join([row["firstName"], row["lastName"], row["email"], row["phone"]]) for row in rows.values()]
    counts = send(client, admin, HEAD + "\r\n".join(line for line in again if run in line))["counts"]
    assert (counts["created"], counts["duplicate"]) == (0, 30)
