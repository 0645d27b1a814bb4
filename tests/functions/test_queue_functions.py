"""Functions behind queues, schedules, the stream and the workflow: one bad message never takes others with it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from refledger.adapters.queues import GO_ON
from refledger.domain.errors import Busy, WithdrawalNotFound
from refledger.domain.maturity import MaturityMessage
from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.entry import config
from refledger.operations.earning import due_scan, maturity, payments
from refledger.operations.figures import rollups
from refledger.store import changed_partners, keys
from refledger.store.attributes import pack
from refledger.store.transaction import RetryableConflict, update
from tests.support import streams
from tests.support.functions import World, load
from tests.support.queues import Sqs

EVENTS = Path(__file__).parents[2] / "events"


class Time:
    """What Lambda tells a function of its remaining time."""

    def __init__(self, *left_ms: int) -> None:
        self._left_ms = list(left_ms)

    def get_remaining_time_in_millis(self) -> int:
        return self._left_ms.pop(0) if len(self._left_ms) > 1 else self._left_ms[0]


LONG = Time(60_000)


def paid(world: World, id: str, customer: str = "carol", amount: Any = 10_000) -> str:
    """The text of one of our own payment events."""
    from refledger.domain.times import iso

    detail = {
        "paymentId": id,
        "customerId": customer,
        "amount": amount,
        "currency": "USD",
        "occurredAt": iso(world.books.clock()),
    }
    return json.dumps({"source": "payments", "detail-type": "Payment Succeeded", "detail": detail})


def records(*bodies: str) -> dict[str, Any]:
    return {"Records": [{"messageId": f"m{number}", "body": body} for number, body in enumerate(bodies)]}


def failed(answer: dict[str, Any]) -> list[str]:
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


# ---------------------------------------------------------------- payments


def test_payments_are_recorded_and_sent_to_mature(fresh: World, sqs: Sqs) -> None:
    """Two payments, one of them twice: four rewards, and messages grouped by partner."""
    handler = load("payment_events").handler
    assert failed(handler(records(paid(fresh, "1"), paid(fresh, "1"), paid(fresh, "2")), None)) == []
    assert [reward.amount for reward in fresh.books.rewards("bob")] == [2000, 2000]
    partners = {fresh.books.partner(name).id for name in ("alice", "bob")}
    assert {message["MessageGroupId"] for message in sqs.messages} == partners
    assert len({message["MessageDeduplicationId"] for message in sqs.messages}) == 4


@pytest.mark.parametrize(
    "error", [Busy("x"), RetryableConflict("x"), RuntimeError("x"), ClientError({"Error": {"Code": "X"}}, "x")]
)
def test_one_payment_that_fails_fails_alone(
    fresh: World, sqs: Sqs, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The table is busy for one of three: that one comes again, the others are done, and the function does not fail."""
    record = payments.record

    def once(context: Any, payment: Any) -> Any:
        if payment.payment_id == "bad":
            raise error
        return record(context, payment)

    monkeypatch.setattr(payments, "record", once)
    handler = load("payment_events").handler
    assert failed(handler(records(paid(fresh, "1"), paid(fresh, "bad"), paid(fresh, "2")), None)) == ["m1"]
    assert len(fresh.books.rewards("bob")) == 2


def test_a_payment_whose_message_is_not_taken_comes_again(fresh: World, sqs: Sqs) -> None:
    """The rewards are there, the message is not: the repeat sends it."""
    handler, bob = load("payment_events").handler, fresh.books.partner("bob").id
    sqs.refuses.add(bob)
    assert failed(handler(records(paid(fresh, "1")), None)) == ["m0"]
    sqs.refuses.clear()
    sqs.batches.clear()
    assert failed(handler(records(paid(fresh, "1")), None)) == []
    assert bob in {message["MessageGroupId"] for message in sqs.messages}
    assert len(fresh.books.rewards("bob")) == 1


@pytest.mark.parametrize("body", ["", "{", "[]", "\x00", '{"source": "payments"}'])
def test_what_cannot_be_read_is_put_aside_with_its_reason(fresh: World, sqs: Sqs, body: str) -> None:
    """It goes to the dead letters once, word for word, while its neighbours are done."""
    assert failed(load("payment_events").handler(records(paid(fresh, "1"), body), None)) == []
    (letter,) = sqs.dead
    assert letter["MessageBody"] == body
    assert letter["MessageAttributes"]["code"]["StringValue"] == "UNREADABLE"
    assert letter["MessageAttributes"]["reason"]["StringValue"]
    assert len(fresh.books.rewards("bob")) == 1


def test_a_payment_with_another_content_is_told_and_not_taken(
    fresh: World, sqs: Sqs, caplog: pytest.LogCaptureFixture
) -> None:
    """An error in the log, without customer or amount; the first stands."""
    assert (
        failed(load("payment_events").handler(records(paid(fresh, "1"), paid(fresh, "1", amount=77_777)), None)) == []
    )
    assert "another content" in caplog.text
    logged = str([vars(record) for record in caplog.records])
    assert "carol" not in logged
    assert "77777" not in logged
    assert len(fresh.books.rewards("bob")) == 1


# ---------------------------------------------------------------- maturity


def message(world: World, name: str, since: str = "!", exact: bool = False) -> str:
    return MaturityMessage(world.books.partner(name).id, "USD", since, exact).body()


def test_a_partners_messages_are_done_together(fresh: World, sqs: Sqs) -> None:
    """Three messages of two partners: each partner's rewards become money, with one entry each."""
    fresh.books.pay("carol", "1", 10_000)
    fresh.books.pay("carol", "2", 10_000)
    handler = load("maturity").handler
    assert failed(handler(records(message(fresh, "bob"), message(fresh, "alice"), message(fresh, "bob")), LONG)) == []
    assert (fresh.books.balance("bob"), fresh.books.balance("alice")) == ((4000, 0, 0), (2000, 0, 0))
    assert len(fresh.books.entries("bob")) == 1


def test_exact_messages_begin_at_the_earliest_of_them(fresh: World, sqs: Sqs) -> None:
    """What payments sent is matured from the first of their rewards on."""
    due = [m for n in ("1", "2") for m in fresh.books.pay("carol", n, 10_000).due]
    assert failed(load("maturity").handler(records(*(m.body() for m in due)), LONG)) == []
    assert fresh.books.balance("bob") == (4000, 0, 0)


def test_a_partner_who_fails_fails_alone(fresh: World, sqs: Sqs, monkeypatch: pytest.MonkeyPatch) -> None:
    """All messages of that partner come again, in their order; the other partner's are done."""
    fresh.books.pay("carol", "1", 10_000)
    mature, bob = maturity.mature, fresh.books.partner("bob").id

    def broken(context: Any, partner_id: str, *rest: Any, **more: Any) -> str:
        if partner_id == bob:
            raise Busy("x")
        return mature(context, partner_id, *rest, **more)

    monkeypatch.setattr(maturity, "mature", broken)
    handler = load("maturity").handler
    answer = handler(records(message(fresh, "bob"), message(fresh, "alice"), message(fresh, "bob")), LONG)
    assert failed(answer) == ["m0", "m2"]
    assert fresh.books.balance("alice") == (1000, 0, 0)


def test_when_time_is_short_the_rest_is_sent_on(fresh: World, sqs: Sqs) -> None:
    """After a batch of 95 there is no time: nothing fails, and a message goes on exactly where it stopped."""
    fresh.books.grant("bob", *[1] * 200)
    handler, body = load("maturity").handler, message(fresh, "bob")
    for left in (105, 10, 0):
        assert failed(handler(records(body), Time(9_000))) == []
        assert fresh.books.balance("bob") == (200 - left, 0, 0)
        assert len(sqs.messages) == (left > 0)
        body = sqs.messages[0]["MessageBody"] if left else body
        sqs.batches.clear()
    assert fresh.books.faults() == []


def test_a_tick_finds_what_is_due_and_sends_it(fresh: World, sqs: Sqs) -> None:
    """One message per partner; the mark moves only when the queue took all of them."""
    fresh.books.pay("carol", "1", 10_000)
    handler, bob = load("maturity").handler, fresh.books.partner("bob").id
    fresh.books.clock.forward(MINUTE_MS)
    sqs.refuses.add(bob)
    with pytest.raises(RuntimeError):
        handler({}, LONG)
    sqs.refuses.clear()
    fresh.books.clock.forward(3 * DAY_MS)
    sqs.batches.clear()
    assert handler({}, LONG)["DUE"] == 2
    assert {message["MessageGroupId"] for message in sqs.messages} == {bob, fresh.books.partner("alice").id}
    assert failed(handler(records(*(message["MessageBody"] for message in sqs.messages)), LONG)) == []
    assert fresh.books.balance("bob") == (2000, 0, 0)


@pytest.mark.parametrize("left_ms", [9_000, 50_000])
def test_a_tick_tells_how_far_behind_it_is(
    fresh: World, sqs: Sqs, left_ms: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """In minutes, for an alarm: one that has no time for what is due, and one that has done it all."""
    fresh.books.pay("carol", "1", 10_000)
    load("maturity").handler({}, LONG)
    fresh.books.clock.forward(3 * 60 * MINUTE_MS)
    capsys.readouterr()
    load("maturity").handler({}, Time(left_ms))
    (told,) = (json.loads(line) for line in capsys.readouterr().out.splitlines() if "DUE_BEHIND_MINUTES" in line)
    (behind,) = told["DUE_BEHIND_MINUTES"]
    assert behind == 0 if left_ms > 10_000 else 120 < behind <= 240


class Short(Time):
    """Time for so many questions, and then for no more."""

    def __init__(self, questions: int) -> None:
        super().__init__(*[60_000] * questions, 9_000)


def test_a_tick_that_has_no_time_for_all_that_is_due_goes_on_by_message(
    fresh: World, sqs: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other until nothing is left, and not one slice every five minutes. In a batch partners come first,
    and what fails in it is told by its own id.
    """
    monkeypatch.setattr(due_scan, "SLICE", 2)
    for number in range(8):
        fresh.books.pay("carol", str(number), 10_000)
    handler = load("maturity").handler
    fresh.books.clock.forward(MINUTE_MS)
    handler({}, Short(12))
    workers = 0
    while sqs.dead:
        (told,) = sqs.dead
        assert (told["MessageGroupId"], told["MessageBody"]) == ("schedule", GO_ON)
        sqs.dead.clear()
        bodies = [message["MessageBody"] for message in sqs.messages]
        sqs.batches.clear()
        assert failed(handler(records(*bodies, GO_ON), Short(6))) == []
        workers += 1
        assert workers < 20
    assert workers > 1
    assert fresh.books.balance("bob") == (16_000, 0, 0)
    sqs.refuses.add(fresh.books.partner("bob").id)
    fresh.books.pay("carol", "more", 10_000)
    fresh.books.clock.forward(2 * MINUTE_MS)
    assert failed(handler(records(message(fresh, "alice", keys.due_from(0)), GO_ON), LONG)) == ["m1"]


# ---------------------------------------------------------------- workflow, sweeper, statistics


def test_each_action_of_the_workflow(fresh: World) -> None:
    """The tasks by their names, with what Step Functions passes on; the answer is JSON."""
    fresh.books.grant("bob", 5000)
    fresh.books.mature("bob")
    id = fresh.books.withdraw("bob", 1500).id
    fresh.machine.waiting |= {"one", "two", "three", "four"}
    handler = load("workflow").handler

    def task(action: str, **more: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(json.dumps(handler({"action": action, "withdrawalId": id, **more}, None)))
        assert answer["withdrawalId"] == id
        return answer

    assert task("decide", token="one")["status"] == "REQUESTED"
    path = {"withdrawalId": id}
    route = "POST /api/v1/withdrawals/{withdrawalId}/approve"
    assert fresh.call(route, sub="fin", groups=("finance",), path=path).status == 200
    assert task("finish", heard="APPROVED", token="two")["status"] == "APPROVED"
    assert fresh.machine.failed == [("two", "Unfinished")], "open, so it is sent back to the beginning"
    assert task("pay", token="three")["status"] == "PAYING"
    assert task("finish", heard="HELD", token="four")["status"] == "PAYING"
    assert [token for token, _ in fresh.machine.woken] == ["one", "four"]
    assert fresh.books.balance("bob") == (3500, 1500, 0)


def test_each_action_of_executions_that_began_before(fresh: World) -> None:
    """They live up to a year, by the definition that they began with (tests/statemachines/former)."""
    fresh.books.grant("bob", 5000)
    fresh.books.mature("bob")
    id = fresh.books.withdraw("bob", 1500).id
    fresh.machine.waiting |= {"one", "two"}
    handler = load("workflow").handler

    def task(action: str, **more: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(json.dumps(handler({"action": action, "withdrawalId": id, **more}, None)))
        assert answer["withdrawalId"] == id
        return answer

    admitted = task("admit")
    assert (admitted["status"], admitted["approvalSeconds"] > 0, admitted["settlementSeconds"] > 0) == (
        "REQUESTED", True, True,
    )  # fmt: skip
    assessed = task("assess")
    assert (assessed["status"], assessed["autoApprove"]) == ("REQUESTED", False)
    assert task("request-approval", token="one")["status"] == "REQUESTED"
    path = {"withdrawalId": id}
    route = "POST /api/v1/withdrawals/{withdrawalId}/approve"
    assert fresh.call(route, sub="fin", groups=("finance",), path=path).status == 200
    assert fresh.machine.woken == [("one", {"withdrawalId": id, "status": "APPROVED"})]
    assert task("release", **{"as": "EXPIRED"})["status"] == "APPROVED"
    assert task("start-payout")["status"] == "PAYING"
    assert task("await-settlement", token="two")["status"] == "PAYING"
    assert task("settle")["status"] == "PAYING"
    assert task("release", **{"as": "FAILED"})["status"] == "PAYING", "no payout is released by the workflow"
    assert fresh.books.balance("bob") == (3500, 1500, 0)


def test_a_task_that_nobody_knows_is_an_error(fresh: World) -> None:
    """Neither an unknown action nor an unknown withdrawal is answered with something made up."""
    handler = load("workflow").handler
    with pytest.raises(ValueError, match="no task"):
        handler({"action": "pay-twice", "withdrawalId": "w"}, None)
    with pytest.raises(WithdrawalNotFound):
        handler({"action": "assess", "withdrawalId": "w"}, None)


def test_a_busy_table_has_a_name_that_the_workflow_retries(fresh: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What passes by itself leaves the function as Busy, which the state machine's Retry names."""

    def throttled(*_: Any) -> Any:
        raise RetryableConflict("throttled")

    monkeypatch.setattr(fresh.books.table, "query", throttled)
    with pytest.raises(Busy):
        load("workflow").handler({"action": "assess", "withdrawalId": "w"}, None)


def test_the_sweeper_says_what_it_did(fresh: World, sqs: Sqs) -> None:
    """One withdrawal that was never started is; with no time left nothing is looked at."""
    fresh.books.grant("bob", 5000)
    fresh.books.mature("bob")
    fresh.books.withdraw("bob", 1500)
    fresh.books.clock.forward(DAY_MS)
    handler = load("sweeper").handler
    assert handler({}, Time(5_000))["looked_at"] == 0
    assert handler({}, LONG)["resumed"] == 1
    assert handler({}, LONG)["resumed"] == 0


def test_a_withdrawal_that_cannot_be_helped_stops_no_other_and_is_told(fresh: World, sqs: Sqs) -> None:
    """Step Functions refuses one of three: the two others are started, and the run ends in an error for the alarm."""
    fresh.books.grant("bob", 9000)
    fresh.books.mature("bob")
    ids = [fresh.books.withdraw("bob", 1500).id for _ in range(3)]
    fresh.books.clock.forward(DAY_MS)
    start = fresh.machine.start_execution

    def refusing(**given: str) -> dict[str, str]:
        if given["name"].startswith(ids[0]):
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "StartExecution")
        return start(**given)

    fresh.machine.start_execution = refusing  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="1 withdrawals could not be looked after, 3 open"):
        load("sweeper").handler({}, LONG)
    assert set(fresh.machine.executions) == {f"{id}-1" for id in ids[1:]}


def test_the_verifier_says_what_counts(
    fresh: World, sqs: Sqs, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """How old the last sweep is, always; how many faults, where there are some; and each of them once in the log."""
    fresh.books.grant("bob", 5000)
    fresh.books.mature("bob")
    handler = load("verifier").handler
    assert handler({}, LONG)["faults"] == 0
    assert '"VERIFIED_AGE_HOURS"' in capsys.readouterr().out
    balance = keys.balance(fresh.books.partner("bob").id, "USD")
    fresh.books.table.commit(update("an edit", balance, "SET #available = :available", "", available=7))
    lines = []
    for hours, expected in ((21, 0), (0, 2), (0, 2)):
        fresh.books.clock.forward(hours * 60 * MINUTE_MS + 5 * MINUTE_MS)
        assert handler({}, LONG)["faults"] == expected
        out = capsys.readouterr().out
        lines.append(caplog.messages.count("the books have a fault"))
        assert out.count('"BOOK_FAULTS"') == 2 * bool(expected)
    assert lines == [0, 2, 2], "told once"


def test_the_stream_becomes_figures(fresh: World, sqs: Sqs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records as Lambda hands them on, in batches that come twice; the answer holds the window's state.

    Leaderboards are told whose figures changed, each time anew; what they make of it is who earned most.
    """
    fresh.books.pay("carol", "1", 10_000)
    fresh.books.mature("bob")
    told = [
        {"dynamodb": {
            "SequenceNumber": each.sequence_number, "ApproximateCreationDateTime": each.at_ms / 1000,
            **({"OldImage": pack(each.old)} if each.old else {}), **({"NewImage": pack(each.new)} if each.new else {}),
        }}
        for each in streams.records(fresh.books.client)
    ]  # fmt: skip
    sent: list[str] = []
    monkeypatch.setattr(config, "leaderboard_queue", lambda: SimpleNamespace(send=sent.append))
    handler, half = load("stream_rollups").handler, len(told) // 2
    for batch in (told[:half], told[:half], told[half - 2 :], told[half - 2 :], []):
        event = {"Records": batch, "shardId": "shardId-000000001", "state": {"kept": 1}}
        assert handler(event, None) == {"state": {"kept": 1}}
    found = rollups.of_user(fresh.books.context, fresh.books.user("bob"))
    assert (found.tiers[1].referrals, found.tiers[1].earnings) == (1, {"USD": 2000})
    answer = fresh.call("GET /api/v1/referrals/stats")
    assert answer.body["tier1"] == {"referrals": 1, "earnings": [{"currency": "USD", "amount": 2000}]}
    assert len(sent) == 2
    assert sent[0] == sent[1]
    for _ in range(2):
        asked = [{"messageId": str(number), "body": body} for number, body in enumerate([*sent, "not JSON"])]
        failed = load("leaderboards").handler({"Records": asked}, None)
        assert failed == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    rows = fresh.admin("GET /api/v1/partners/top", query={"by": "rewards"}).body["data"]
    assert [(row["partnerId"], row["value"]) for row in rows] == [
        (fresh.books.partner("bob").id, 2000), (fresh.books.partner("alice").id, 1000),
    ]  # fmt: skip


def test_whose_money_it_is_is_noted_of_what_cannot_be_read(fresh: World) -> None:
    """A reward with a status that nobody knows fails its batch, and its partner is verified all the same."""
    fresh.books.chain("alice", "bob", "carol")
    fresh.books.pay("carol", "1", 10_000)
    (reward,) = fresh.books.rewards("bob")
    fresh.books.table.commit(update("an edit", keys.reward(reward.id), "SET #status = :unknown", unknown="UNKNOWN"))
    image = fresh.books.table.get(keys.reward(reward.id))
    assert image
    told = {"SequenceNumber": "1", "ApproximateCreationDateTime": 1_790_000_000, "NewImage": pack(image)}
    event = {"Records": [{"dynamodb": told}], "shardId": "shardId-000000001"}
    with pytest.raises(ValueError, match="UNKNOWN"):
        load("stream_rollups").handler(event, None)
    now_ms = fresh.books.clock()
    noted = changed_partners.within(fresh.books.table, now_ms, now_ms + 1)
    assert [ids for _, ids in noted] == [[reward.partner_id]]


# ---------------------------------------------------------------- configuration


def test_a_missing_variable_is_named() -> None:
    """A function that lacks one says which, and nothing of the others."""
    environment = config.Environment({"BUS_NAME": "secret"})
    with pytest.raises(config.Misconfigured, match="TABLE_NAME") as told:
        environment["TABLE_NAME"]
    assert "secret" not in str(told.value)


def test_the_environment_is_read_once_and_then_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Later changes do not count until somebody says so."""
    config.reset()
    monkeypatch.setenv("TABLE_NAME", "one")
    assert config.environment()["TABLE_NAME"] == "one"
    monkeypatch.setenv("TABLE_NAME", "two")
    assert config.environment()["TABLE_NAME"] == "one"
    config.reset()
    assert config.environment()["TABLE_NAME"] == "two"
    config.reset()
