"""The story, and what surrounds it: repeats, races, events of other senders."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from scripts.demo import Client, Story, eventually
from tests.e2e.people import People
from undocked.testing import Stack

EVENTS = Path(__file__).parents[2] / "events" / "payments"


@pytest.fixture
def people(client: Client) -> People:
    """Alice referred Bob, Bob referred Carol."""
    return People(client)


def test_the_story_is_told(client: Client) -> None:
    """From a program to a paid withdrawal, over HTTP, events and the workflow, each step checked."""
    Story(client).tell()


def test_the_books_of_the_story_are_right(client: Client, verified: Callable[[], dict[str, Any]]) -> None:
    """`refledger verify` re-derives every balance of a stack on which the story was told, and finds no fault."""
    Story(client).tell()
    report = verified()
    assert report["faults"] == []
    assert report["checked"]["entries"] >= 6
    assert report["checked"]["withdrawals"] >= 2


def test_a_payment_counts_once_however_often_it_comes(people: People) -> None:
    """Thirty copies of one event, put at once by many, earn once."""
    detail = people.payment(10_000)
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: people.client.put_event(detail), range(30)))
    people.pay(5_000)  # one that counts, behind them: when it is in, so are they
    people.eventually_has(people.bob, 3_000)
    people.eventually_has(people.alice, 1_500)


def test_an_unreadable_event_goes_to_the_dead_letters_with_its_reason(people: People, stack: Stack) -> None:
    """What cannot be read is set aside with the reason; its neighbours earn."""
    people.client.put_event({"paymentId": f"bad-{people.run}", "amount": "100"})
    people.rich_bob()
    sqs = stack.client("sqs")
    url = next(url for url in sqs.list_queues()["QueueUrls"] if "PaymentsDlq" in url)

    def reason() -> str | None:
        for message in sqs.receive_message(
            QueueUrl=url, MessageAttributeNames=["All"], MaxNumberOfMessages=10, VisibilityTimeout=0
        ).get("Messages", []):
            if f"bad-{people.run}" in message["Body"]:
                return str(message["MessageAttributes"]["reason"]["StringValue"])
        return None

    eventually(lambda: "amount" in (reason() or ""), True, "the reason")


def test_an_unreferred_customer_earns_nobody_anything(people: People) -> None:
    """The event of a customer whom nobody referred is done, and does not hold up the others."""
    people.pay(10_000, customer=f"stranger-{people.run}")
    people.rich_bob()
    people.eventually_has(people.alice, 1_000)


@pytest.mark.parametrize("example", ["stripe_invoice_paid", "stripe_charge_succeeded"])
def test_stripes_events_earn(people: People, example: str) -> None:
    """Stripe's own events, as its partner source delivers them, earn on the amount net of tax."""
    event = json.loads((EVENTS / f"{example}.json").read_text())
    subject = event["detail"]["data"]["object"]
    subject["metadata"] = {**subject.get("metadata", {}), "customerId": people.carol}
    for name in ("id", "payment_intent"):
        if subject.get(name):
            subject[name] = f"{subject[name]}{people.run}"
    people.client.put_event(event["detail"], event["source"], event["detail-type"])
    code = subject["currency"].upper()
    eventually(lambda: people.balance(people.bob, code)[0] > 0, True, f"Bob's {code}")
    bob, alice = people.balance(people.bob, code)[0], people.balance(people.alice, code)[0]
    eventually(lambda: people.balance(people.alice, code)[0] > 0, True, f"Alice's {code}")
    assert abs(bob - 2 * people.balance(people.alice, code)[0]) <= 1, alice


def test_currencies_are_kept_apart(people: People) -> None:
    """Yen have no decimals and dinars three; a withdrawal takes from its own currency alone."""
    people.pay(10_007, currency="JPY")
    people.pay(10_007, currency="KWD")
    people.eventually_has(people.bob, 2_001, "JPY")
    people.eventually_has(people.bob, 2_001, "KWD")
    people.client.post(people.bob, "/referrals/withdraw", people.wish(2_001, "JPY"))
    assert people.balance(people.bob, "JPY") == (0, 2_001, 0)
    assert people.balance(people.bob, "KWD") == (2_001, 0, 0)
    refused = people.client.post(people.bob, "/referrals/withdraw", people.wish(1_000), expect=422)
    assert refused["code"] == "INSUFFICIENT_FUNDS"


def friend_of(client: Client, name: str, **rules: Any) -> People:
    """A program of its own with these rules, half of what is paid to a partner called `name`; a friend pays 100.00."""
    program = {"id": f"{name}-{client.api[-4:]}", "name": name, "currency": "USD", "tierRatesBps": [5000], **rules}
    _, made = client.call("admin", "POST", "/programs", program)
    if change := made["pendingChange"]:  # that a rule approves waits for another admin
        client.post("admin-2", f"/programs/{program['id']}/changes/{change['id']}/confirm", {}, expect=200)
    partner = client.post("admin", "/partners", {
        "firstName": name, "lastName": "Example", "email": f"{name}@example.com", "programId": program["id"],
        "sub": name,
    })  # fmt: skip
    client.post(f"friend-of-{name}", f"/referrals/apply/{partner['referralCode']}")
    people = People(client)
    people.pay(10_000, customer=f"friend-of-{name}", programId=program["id"])
    return people


def test_rewards_wait_for_the_programs_hold(client: Client) -> None:
    """With hold days a reward is pending, and not to be had."""
    people = friend_of(client, "ada", holdDays=30)
    eventually(lambda: [b["pending"] for b in client.get("ada", "/referrals/stats")["balances"]], [5_000], "pending")
    assert people.balance("ada") == (0, 0, 0)


def test_of_two_withdrawals_of_everything_one_succeeds(people: People) -> None:
    """As often as a day allows, at the same moment: one is made, the other is told that there is not enough."""
    people.rich_bob()
    for round in range(20):
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(
                lambda n: people.client.call(people.bob, "POST", "/referrals/withdraw", people.wish(2_000), key=f"{n}"),
                (f"{round}-a", f"{round}-b"),
            ))  # fmt: skip
        assert sorted(status for status, _ in answers) == [201, 422], answers
        [made] = [answer for status, answer in answers if status == 201]
        people.client.post(people.bob, f"/referrals/withdrawals/{made['id']}/cancel", expect=200)
    assert people.balance(people.bob) == (2_000, 0, 0)


def test_the_same_key_is_the_same_withdrawal(people: People) -> None:
    """At once or later; with another body it is refused, and nothing changes."""
    people.rich_bob()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: people.withdraw(people.bob, 1_500, "one")["id"], range(8)))
    assert len(set(made)) == 1
    other = people.client.post(people.bob, "/referrals/withdraw", people.wish(1_000), key="one", expect=422)
    assert other["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert people.balance(people.bob) == (500, 1_500, 0)


def test_every_way_out_returns_the_money(people: People) -> None:
    """Reject, cancel and a failed transfer: available again, and a second decision is refused."""
    people.rich_bob()
    rejected = people.withdraw(people.bob, 2_000)["id"]
    people.client.post(people.admin, f"/withdrawals/{rejected}/reject", {"note": "no"}, expect=200)
    people.client.post(people.admin, f"/withdrawals/{rejected}/approve", {"note": "yes"}, expect=409)
    cancelled = people.withdraw(people.bob, 2_000)["id"]
    people.client.post(people.bob, f"/referrals/withdrawals/{cancelled}/cancel", expect=200)
    people.client.post(people.admin, f"/withdrawals/{cancelled}/approve", {"note": "yes"}, expect=409)
    failed = people.withdraw(people.bob, 2_000)["id"]
    people.client.post(people.admin, f"/withdrawals/{failed}/approve", {}, expect=200)
    people.eventually_is(failed, "PAYING")
    people.client.post(
        people.admin,
        f"/withdrawals/{failed}/mark-failed",
        {"note": "account closed", "transactionId": "B-1"},
        expect=200,
    )
    people.client.post(people.admin, f"/withdrawals/{failed}/mark-paid", {"transactionId": "T"}, expect=409)
    assert people.balance(people.bob) == (2_000, 0, 0)


def test_a_first_withdrawal_waits_for_a_person_however_small(client: Client) -> None:
    """The program approves small amounts by itself, but not a new partner's to a new account: it says why."""
    people = friend_of(client, "eve", holdDays=0, autoApproveLimit=1_000)
    people.eventually_has("eve", 5_000)
    own = {"type": "BANK_TRANSFER", "accountHolder": "Eve Example", "accountNumber": "70071324", "bankCode": "10020030"}
    small = client.post("eve", "/referrals/withdraw", people.wish(1_000, payoutMethod=own))["id"]
    risks = [
        "NEW_PAYOUT_METHOD",
        "UNVERIFIED_PAYOUT_METHOD",
        "FIRST_WITHDRAWAL",
        "YOUNG_ACCOUNT",
        "COOLING",
        "MADE_BY_STAFF",
    ]
    eventually(lambda: client.get(people.admin, f"/withdrawals/{small}")["risks"], risks, "the risks")
    assert people.status(small) == "REQUESTED"


def test_lists_page(people: People) -> None:
    """A page ends with a cursor that goes on where it stopped, for the same caller only."""
    people.rich_bob(6_000)
    made = [people.withdraw(people.bob, 1_000)["id"] for _ in range(5)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = people.client.get(people.bob, "/referrals/withdrawals", limit=2, **cursor)
        seen += [w["id"] for w in page["data"]]
        if page["nextCursor"] is None:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert seen == made[::-1]
    forged = cursor["cursor"]
    status, _ = people.client.call(people.alice, "GET", "/referrals/withdrawals", cursor=forged)
    assert status == 422
    entries: list[int] = []
    cursor = {}
    while True:
        page = people.client.get(people.bob, "/ledger/entries", limit=2, **cursor)
        entries += [entry["version"] for entry in page["data"]]
        if page["nextCursor"] is None:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert entries == [1, 2, 3, 4, 5, 6]
