"""What is due as soon as it is made becomes money right behind the call, however it was made."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from refledger.adapters.queues import DeadLetters
from refledger.domain.programs import CurrencyTerms
from refledger.domain.times import iso
from refledger.entry import config
from refledger.store import programs as stored_programs
from tests.support.functions import World, load
from tests.support.queues import Sqs

CONVERT = "POST /api/v1/referrals/{referralId}/process-conversion"


def change(world: World, **terms: CurrencyTerms) -> None:
    """The program takes these currencies, too, or on other terms."""
    old = stored_programs.find(world.books.table, "default")
    taking = replace(old, currencies=tuple(sorted({**dict(old.currencies), **terms}.items())))
    world.books.set_terms(taking, old.version)


def by_hand(world: World) -> None:
    body = {"partnerId": world.books.partner("bob").id, "amount": 700, "currency": "USD", "reason": "a fair"}
    assert world.admin("POST /api/v1/rewards", body=body).status == 201


def conversion(world: World) -> None:
    entered = {"referralCode": world.books.partner("bob").code, "source": "PHONE"}
    id = world.admin("POST /api/v1/referrals", body=entered).body["id"]
    assert world.admin(CONVERT, path={"referralId": id}, body={"conversionValue": "35.00"}).status == 200


def lead(world: World) -> None:
    more: dict[str, Any]
    detail = {"leadId": "l1", "referralCode": world.books.partner("bob").code, "occurredAt": iso(world.books.clock())}
    for kind, more in (
        ("Lead Created", {}),
        ("Lead Converted", {"conversionValue": {"amount": 3500, "currency": "USD"}}),
    ):
        body = json.dumps({"source": "leads", "detail-type": kind, "detail": {**detail, **more}})
        answer = load("lead_events").handler({"Records": [{"messageId": "m", "body": body}]}, None)
        assert answer == {"batchItemFailures": []}


def accepted(world: World) -> None:
    world.books.pay("carol", "p1", 3500, currency="EUR")
    change(world, EUR=CurrencyTerms())
    (id,) = (each["id"] for each in world.admin("GET /api/v1/payments/parked").body["data"])
    assert world.admin("POST /api/v1/payments/{paymentId}/accept", path={"paymentId": id}, body={}).status == 200


@pytest.fixture
def queues(fresh: World, sqs: Sqs, monkeypatch: pytest.MonkeyPatch) -> Sqs:
    monkeypatch.setattr(config, "lead_dead_letters", lambda: DeadLetters(sqs, "dead"))
    monkeypatch.setattr(config, "lead_mappings", dict)
    return sqs


@pytest.mark.parametrize("make", [by_hand, conversion, lead, accepted])
def test_it_is_money_without_waiting_for_the_schedule(fresh: World, queues: Sqs, make: Callable[[World], None]) -> None:
    """The message says exactly where the reward is, and the worker books it."""
    make(fresh)
    records = [{"messageId": f"m{n}", "body": each["MessageBody"]} for n, each in enumerate(queues.messages)]
    assert all(json.loads(record["body"])["exact"] for record in records)
    assert load("maturity").handler({"Records": records}, Long()) == {"batchItemFailures": []}
    currency = "EUR" if make is accepted else "USD"
    assert fresh.books.balance("bob", currency) == (700, 0, 0)


@pytest.mark.parametrize("make", [by_hand, conversion, lead, accepted])
def test_what_is_booked_is_answered_so_when_the_queue_is_away(
    fresh: World, queues: Sqs, make: Callable[[World], None], caplog: pytest.LogCaptureFixture
) -> None:
    """The reward is there and the schedule will find it: nobody is told that it failed."""
    queues.refuses |= {fresh.books.partner(name).id for name in ("alice", "bob")}
    make(fresh)
    assert [reward.amount for reward in fresh.books.rewards("bob")] == [700]
    assert "waits for the schedule" in caplog.text


def test_what_is_held_is_not_sent(fresh: World, queues: Sqs) -> None:
    """A reward that waits for a second person stays where it is."""
    change(fresh, USD=CurrencyTerms(adjustment_limit=500))
    by_hand(fresh)
    assert queues.messages == []


class Long:
    def get_remaining_time_in_millis(self) -> Any:
        return 60_000


CANCEL = "POST /api/v1/rewards/{rewardId}/cancel"


def one_by_one(world: World, id: str) -> None:
    assert world.admin(CANCEL, path={"rewardId": id}, body={"note": "not deserved"}).status == 200


def with_others(world: World, id: str) -> None:
    body = {"rewardIds": [id], "note": "not deserved"}
    assert world.admin("POST /api/v1/rewards/bulk-cancel", body=body).body["results"][0]["status"] == "CANCELLED"


def with_the_referral(world: World, id: str) -> None:
    (reward,) = [each for each in world.books.rewards("bob") if each.id == id]
    path, route = {"referralId": reward.referral_id}, "POST /api/v1/referrals/{referralId}/close"
    etag = world.admin("GET /api/v1/referrals/{referralId}", path=path).headers["etag"]
    body = {"reason": "not deserved", "from": iso(reward.earned_at_ms)}
    assert world.admin(route, path=path, body=body, headers={"if-match": etag}).body["cancelled"] == 2


@pytest.mark.parametrize("cancel", [one_by_one, with_others, with_the_referral])
def test_what_a_cancellation_lets_be_covered_is_paid_at_once(
    fresh: World, queues: Sqs, cancel: Callable[[World, str], None]
) -> None:
    """A part of the oldest reward had left; that is the whole of the next one, without waiting for what comes due."""
    books = fresh.books
    books.earn("carol", "first", 10_000)
    books.clock.forward(1_000)
    books.apply("dave", "bob")
    books.earn("dave", "second", 7_500)
    books.pay_out("bob", 1_500)
    oldest, _ = sorted(books.rewards("bob"), key=lambda each: each.entry)
    assert {each.status for each in books.rewards("bob")} == {"APPROVED"}
    queues.messages.clear()
    cancel(fresh, oldest.id)
    records = [{"messageId": f"m{n}", "body": each["MessageBody"]} for n, each in enumerate(queues.messages)]
    assert load("maturity").handler({"Records": records}, Long()) == {"batchItemFailures": []}
    assert sorted(each.status for each in books.rewards("bob")) == ["CANCELLED", "PAID"]
    assert books.faults() == []
