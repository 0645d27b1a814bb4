"""Partners over the running stack: found by names as the stream tells them, bound by codes, let in by invitations."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

import pytest

from scripts.demo import Client, eventually

Json = dict[str, Any]


@pytest.fixture
def run() -> str:
    """What tells this run's people from those of others."""
    return secrets.token_hex(4)


def test_a_partner_is_found_by_each_name_they_have_and_no_other(client: Client, run: str) -> None:
    """Rows follow the partner by way of the stream: after onboarding, and after another name and address."""
    admin, name = f"admin-{run}", f"Zoë{run}"
    new = {"firstName": name, "lastName": "Example", "email": f"{run}@example.com", "companyName": f"{run} Ltd"}
    made = client.post(admin, "/partners", new)

    def found(text: str) -> list[str]:
        return [each["id"] for each in client.get(admin, "/partners", q=text)["data"]]

    for text in (f"zoe{run} EX", f"example zoe{run}", f"{run}@ex", f"{run} l"):
        eventually(partial(found, text), [made["id"]], text)
    change = {"firstName": f"Ada{run}", "email": f"new-{run}@example.com"}
    changed = client.http.patch(
        f"/api/v1/partners/{made['id']}",
        json=change,
        headers={"authorization": f"Bearer {client.token(admin, 'admin')}", "if-match": f'"{made["version"]}"'},
    )
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    eventually(lambda: found(f"ada{run}"), [made["id"]], "the new name")
    assert found(f"zoe{run}") == found(f"{run}@ex") == []
    assert client.get(admin, f"/partners/by-email/NEW-{run}@example.com")["id"] == made["id"]


def test_codes_bind_until_they_are_disabled(client: Client, run: str) -> None:
    """Two codes of one partner; one is switched off, and says so to whoever applies it."""
    admin, alice = f"admin-{run}", f"alice-{run}"
    partner = client.get(alice, "/referrals/code")
    one = f"/partners/{partner['partnerId']}"
    code = client.post(admin, f"{one}/codes", {"code": f"go-{run}"}, key=run)["code"]
    rotated = client.post(admin, f"{one}/codes/rotate", {}, expect=200)["referralCode"]
    for number, each in enumerate((code, partner["code"], rotated)):
        assert client.post(f"bob-{number}-{run}", f"/referrals/apply/{each}")["partnerId"] == partner["partnerId"]
    client.post(admin, f"{one}/codes/{partner['code']}/disable", expect=200)
    status, refused = client.call(f"carol-{run}", "POST", f"/referrals/apply/{partner['code']}")
    assert (status, refused["code"]) == (422, "CODE_NOT_ACTIVE")
    assert client.get(alice, "/referrals/code")["code"] == rotated
    told = client.post(alice, "/partners/validate-referral-code", {"referralCode": code}, expect=200)
    assert told == {"valid": True}
    assert len(client.get(admin, f"{one}/downline")["data"]) == 3


def test_who_is_invited_or_applies_becomes_a_partner(client: Client, run: str) -> None:
    """One by a token, one by a decision; both have a code of their own afterwards."""
    admin, kim, lee = f"admin-{run}", f"kim-{run}", f"lee-{run}"
    token = client.post(admin, "/invitations", {"email": f"kim-{run}@example.com", "tier": "gold"}, key=run)["token"]
    accepted = client.post(kim, f"/invitations/{token}/accept", {"firstName": "Kim"})
    assert client.get(kim, "/referrals/code")["partnerId"] == accepted["partnerId"]
    assert client.get(admin, f"/partners/{accepted['partnerId']}")["tier"] == "GOLD"
    body = {"firstName": "Lee", "lastName": "Example", "email": f"lee-{run}@example.com"}
    waiting = client.post(lee, "/applications", body)
    approved = client.post(admin, f"/applications/{waiting['id']}/approve", {}, expect=200)
    assert client.get(lee, "/referrals/code")["partnerId"] == approved["partnerId"]
    assert client.get(lee, f"/applications/{waiting['id']}")["status"] == "APPROVED"
