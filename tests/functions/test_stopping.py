"""A deployment that is stopped: nothing books or pays, people may read, and nothing that came in is lost."""

from __future__ import annotations

from typing import Any

import pytest

from refledger.domain.errors import Stopped
from refledger.domain.journal import chain
from refledger.entry import access, config
from refledger.entry.stopping import stops
from refledger.operations.context import STOP_KEPT_MS
from refledger.operations.jobs import jobs
from refledger.operations.recovery import stopping
from tests.functions.test_queue_functions import LONG, paid, records
from tests.support.functions import World, load
from tests.support.queues import Sqs

WRITING = sorted(route for route in access.ROUTES if access.stops(route))


def everything(world: World) -> dict[tuple[str, str], Any]:
    """All that is in the table, but for what counts how often somebody called."""
    pages = world.books.client.get_paginator("scan").paginate(TableName=world.books.table_name)
    items = [item for page in pages for item in page["Items"]]
    return {(item["pk"]["S"], item["sk"]["S"]): item for item in items if not item["pk"]["S"].startswith("LIMIT#")}


@pytest.fixture
def stopped(fresh: World) -> World:
    """Somebody has stopped it, and every worker has heard of it."""
    stopping.stop(fresh.books.context, {}, "arn:aws:iam::1:user/ann", "an entry was edited")
    fresh.books.clock.forward(STOP_KEPT_MS + 1)
    return fresh


def test_only_what_moves_nothing_goes_on() -> None:
    """Whatever is new and writes is stopped until somebody has said that it need not be."""
    writes = {route for route in access.ROUTES if not route.startswith("GET ")}
    assert writes - set(WRITING) == access.GOES_ON
    assert set(WRITING) - writes == {"GET /api/v1/payout-batches/{batchId}/file"}


@pytest.mark.parametrize("route", WRITING)
def test_what_writes_is_refused(stopped: World, route: str) -> None:
    """503, when to come again, and nothing is changed: with whatever it was called."""
    before, told = everything(stopped), access.ROUTES[route]
    groups = tuple(sorted(told.roles)) if told else ()
    path = {name.split("}")[0]: "p" for name in route.split("{")[1:]}
    answer = stopped.call(route, sub="ann" if told else None, groups=groups, path=path, body={})
    assert (answer.status, answer.code) == (503, Stopped.code)
    assert int(answer.headers["retry-after"]) >= 60
    assert everything(stopped) == before


def test_tampering_is_put_right_meanwhile(fresh: World) -> None:
    """An anchor is asked for and posted by two people while all is stopped; corrections of money wait."""
    fresh.books.grant("bob", 5_000)
    fresh.books.mature("bob")
    ann: Any = {"sub": "ann", "groups": ("finance",)}
    eve: Any = {"sub": "eve", "groups": ("admin",)}
    route, one = "POST /api/v1/adjustments", "POST /api/v1/adjustments/{adjustmentId}"
    body = {"partnerId": fresh.books.partner("bob").id, "currency": "USD", "reason": "put back from the backup"}
    money = {**body, "amount": 100}
    fresh.books.change_program(adjustment_limit=1)
    waits = fresh.call(route, body=money, **ann).body["id"]
    stopping.stop(fresh.books.context, {}, "ann", "an entry was edited")
    fresh.books.clock.forward(STOP_KEPT_MS + 1)
    anchor = {**body, "kind": "anchor", "amount": 0, "entries": 1, "chain": chain(fresh.books.entries("bob"))}
    assert fresh.call(route, body=money, **ann).code == Stopped.code
    for verb in ("approve", "reject"):
        assert fresh.call(f"{one}/{verb}", path={"adjustmentId": waits}, body={}, **eve).code == Stopped.code
    made = fresh.call(route, body=anchor, **ann)
    assert (made.status, made.body["status"], made.body["entries"]) == (201, "WAITING", 1)
    posted = fresh.call(f"{one}/approve", path={"adjustmentId": made.body["id"]}, body={}, **eve)
    assert (posted.status, posted.body["status"], posted.body["entry"]) == (200, "POSTED", 2)
    assert fresh.books.balance("bob") == (5_000, 0, 0)
    for wrong in ({**anchor, "amount": 1}, {**anchor, "chain": None}, {**money, "entries": 1}, {**body, "amount": 0}):
        assert fresh.call(route, body=wrong, **ann).status == 422


def test_people_may_look(stopped: World) -> None:
    """Who finds out what has happened sees the money, the journal and who did what: also who stopped it, and why."""
    for route in ("GET /api/v1/ledger/balances", "GET /api/v1/withdrawals", "GET /api/v1/programs"):
        query = {"partnerId": stopped.books.partner("bob").id} if "balances" in route else None
        assert stopped.call(route, sub="ann", groups=("finance",), query=query).status == 200
    told = stopped.call("GET /api/v1/audit", sub="ann", groups=("admin",), query={"entity": stopping.ENTITY})
    (entry,) = told.body["data"]
    assert {each["field"]: each["after"] for each in entry["changes"]} == {
        "by": "arn:aws:iam::1:user/ann", "reason": "an entry was edited",
    }  # fmt: skip


def test_a_repeat_with_its_key_is_done_once_it_goes_on(stopped: World) -> None:
    """Who was told to come again does what they wanted, once."""
    stopped.books.grant("bob", 5_000)
    stopped.books.mature("bob")
    account = stopped.books.method("bob").id
    asked: Any = {
        "sub": "bob", "body": {"amount": 2_000, "currency": "USD", "payoutMethodId": account},
        "headers": {"idempotency-key": "k1"},
    }  # fmt: skip
    route = "POST /api/v1/referrals/withdraw"
    assert stopped.call(route, **asked).status == 503
    stopping.go(stopped.books.context, {}, "ann", "looked at")
    stopped.books.clock.forward(STOP_KEPT_MS + 1)
    first, again = stopped.call(route, **asked), stopped.call(route, **asked)
    assert (first.status, again.status) == (201, 201)
    assert first.body["id"] == again.body["id"]


@pytest.mark.parametrize("name", ["payment_events", "maturity", "lead_events", "job_worker"])
def test_messages_come_again(stopped: World, sqs: Sqs, name: str) -> None:
    """None is read, so none can be taken for unreadable and put aside; what they tell is done once it goes on."""
    del sqs
    before = everything(stopped)
    answer = load(name).handler(records("not even JSON", paid(stopped, "1")), LONG)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}, {"itemIdentifier": "m1"}]}
    assert everything(stopped) == before


def test_a_payment_that_waited_earns_once(stopped: World, sqs: Sqs) -> None:
    """After the stop, and once."""
    del sqs
    event = records(paid(stopped, "1"))
    assert load("payment_events").handler(event, LONG)["batchItemFailures"]
    stopping.go(stopped.books.context, {}, "ann", "looked at")
    stopped.books.clock.forward(STOP_KEPT_MS + 1)
    for _ in range(2):
        assert load("payment_events").handler(event, LONG) == {"batchItemFailures": []}
    assert sum(reward.amount for reward in stopped.books.rewards("bob")) == 2_000


def test_bookings_may_go_on_before_payouts(stopped: World, sqs: Sqs) -> None:
    """Payments earn and mature; the workflow, the sweeper and routes stay stopped."""
    del sqs
    stopping.go(stopped.books.context, {}, "ann", "replay", but_payouts=True)
    stopped.books.clock.forward(STOP_KEPT_MS + 1)
    assert load("payment_events").handler(records(paid(stopped, "1")), LONG) == {"batchItemFailures": []}
    assert load("sweeper").handler({}, LONG) == {"batchItemFailures": []}
    with pytest.raises(Stopped):
        load("workflow").handler({"action": "settle", "withdrawalId": "w"}, None)
    assert stopped.call("POST /api/v1/rewards", sub="ann", groups=("finance",), body={}).status == 503


@pytest.mark.parametrize("name", ["maturity", "sweeper", "expiry"])
def test_a_tick_leaves_its_work_to_the_next(stopped: World, sqs: Sqs, name: str) -> None:
    """It ends well, and has sent and written nothing."""
    before = everything(stopped)
    load(name).handler({}, LONG)
    assert everything(stopped) == before
    assert sqs.batches == []


def test_the_heartbeat_of_the_stream_goes_on(stopped: World, sqs: Sqs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stops payments still wants to hear that a reader of the stream has stopped."""
    del sqs
    monkeypatch.setattr(jobs, "wake", lambda *_: {"woken": 7})
    assert load("job_worker").handler({}, LONG) == {"woken": 7}


def test_a_task_of_the_workflow_is_asked_for_again(stopped: World) -> None:
    """By the name of its error, which the state machine retries; the item keeps its status."""
    with pytest.raises(Stopped):
        load("workflow").handler({"action": "settle", "withdrawalId": "w"}, None)


def test_what_is_at_work_ends(fresh: World) -> None:
    """A loop that has minutes left has none once it is stopped, and leaves the rest as at the end of its time."""
    seen: list[int] = []

    @stops(pays=True)
    def loop(_: dict[str, Any], lambda_context: Any) -> dict[str, Any]:
        seen.append(lambda_context.get_remaining_time_in_millis())
        stopping.stop(config.context(), {}, "ann", "now")
        fresh.books.clock.forward(STOP_KEPT_MS + 1)
        seen.append(lambda_context.get_remaining_time_in_millis())
        return {}

    loop({}, LONG)
    assert seen == [60_000, 0]


def test_a_worker_hears_of_it_within_seconds(fresh: World) -> None:
    """And asks no more often: for five seconds what it has read counts."""
    assert config.context().stopped() is None
    stopping.stop(fresh.books.context, {}, "ann", "now")
    fresh.books.clock.forward(STOP_KEPT_MS)
    assert config.context().stopped() is None
    fresh.books.clock.forward(1)
    found = config.context().stopped()
    assert found
    assert found.since_ms == fresh.books.clock() - STOP_KEPT_MS - 1
