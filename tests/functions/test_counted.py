"""What functions count when something is wrong outside of them, and that the template's alarm rings by it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from refledger.adapters.queues import JobQueue
from refledger.entry import config
from refledger.store import keys
from refledger.store.attributes import pack
from tests.support.alarms import Heard, rings
from tests.support.events import EXAMPLES
from tests.support.functions import World, load
from tests.support.queues import Sqs
from tests.support.rollups import Counting
from tests.support.secrets import LEADS, STRIPE
from tests.template.deployed import ALARM, MAPPING
from tests.template.resolved import Resolved
from undocked.mappings import Filters

STACK = "refledger"
HOOK = "POST /api/v1/webhooks/stripe"
SECRETS = "whsec_" + "5IvUdHgMzfDtCfBNZ3W6hjWJ4gQX2mZa"


@pytest.fixture(scope="module")
def stack() -> Resolved:
    return Resolved(STACK)


@pytest.fixture
def named(fresh: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Functions that count under the name of the stack."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", STACK)
    return fresh


def ringing(stack: Resolved, output: str) -> set[str]:
    """The alarms that ring in the hour in which functions wrote this; not those that ring by hearing nothing."""
    heard = Heard()
    heard.put_output(0, output)
    found = {id: alarm for id, kind, alarm in stack.resources() if kind == ALARM}
    quiet = {id: alarm for id, alarm in found.items() if alarm["TreatMissingData"] == "notBreaching"}
    return {id for id, alarm in quiet.items() if any(rings(alarm, heard, now) for now in range(1, 61))}


def test_a_wrong_webhook_secret_rings(
    named: World, stack: Resolved, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the third delivery of an hour; that somebody tried once is no alarm."""
    named.secrets.put(STRIPE, webhookSecrets=SECRETS)
    monkeypatch.setitem(named.variables, "STRIPE_MODE", "live")
    output = ""
    for expected in (set(), set(), {"BadSignatureAlarm"}):
        answer = named.call(HOOK, sub=None, text="{}", headers={"stripe-signature": "t=1,v1=ab"})
        assert (answer.status, answer.code) == (401, "BAD_SIGNATURE")
        output += capsys.readouterr().out
        assert ringing(stack, output) == expected


def test_a_secret_that_is_none_rings(
    named: World, stack: Resolved, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like any other 500: once is enough, a caller would have to tell of it otherwise."""
    named.secrets.put(STRIPE, webhookSecrets="short")
    assert named.call(HOOK, sub=None, text="{}").status == 500
    assert ringing(stack, capsys.readouterr().out) == {"UnexpectedAlarm"}


@pytest.mark.parametrize("hook", [HOOK, "POST /api/v1/webhooks/referrals", "POST /api/v1/webhooks/hubspot"])
@pytest.mark.parametrize(
    "kept", ["AccessDeniedException", "ResourceNotFoundException", "not JSON", '{"another": "name"}', '{"hubspot": 1}']
)
def test_a_webhook_secret_that_cannot_be_read_rings_and_opens_nothing(
    named: World, stack: Resolved, capsys: pytest.CaptureFixture[str], hook: str, kept: str
) -> None:
    """Gone, forbidden or no object with its name: never as if there were none, and nothing is taken."""
    named.secrets.failing = kept if kept.endswith("Exception") else ""
    for arn in (STRIPE, LEADS):
        named.secrets.texts[arn] = kept
    assert named.call(hook, sub=None, text="{}", headers={"stripe-signature": "t=1,v1=ab"}).status == 500
    assert ringing(stack, capsys.readouterr().out) == {"UnexpectedAlarm"}


@pytest.mark.parametrize("hook", [HOOK, "POST /api/v1/webhooks/referrals", "POST /api/v1/webhooks/hubspot"])
def test_while_the_secrets_are_away_senders_are_told_to_come_again(named: World, hook: str) -> None:
    """As for any service that does not answer; nothing is taken unsigned meanwhile."""
    named.secrets.failing = "InternalServiceError"
    answer = named.call(hook, sub=None, text="{}", headers={"stripe-signature": "t=1,v1=ab"})
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "UNAVAILABLE", "5")


def test_events_of_the_other_mode_ring(
    named: World, sqs: Sqs, stack: Resolved, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """StripeMode is wrong: nobody earns, and nothing fails."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", STACK)
    event: dict[str, Any] = json.loads((EXAMPLES / "stripe_charge_succeeded.json").read_text(encoding="utf-8"))
    event["detail"]["livemode"] = False
    records = [{"messageId": str(n), "body": json.dumps(event)} for n in range(3)]
    assert load("payment_events").handler({"Records": records}, None) == {"batchItemFailures": []}
    output = capsys.readouterr().out
    assert ringing(stack, output) == {"OtherModeAlarm"}
    assert "TAKEN" not in output


def test_the_tick_of_jobs_changes_what_both_readers_of_the_stream_meet(
    named: World, sqs: Sqs, stack: Resolved, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every time, and they make nothing of it: no audit, no figures, no notices."""
    job_worker = load("job_worker")
    monkeypatch.setattr(config, "job_queue", lambda: JobQueue(sqs, "jobs"))
    for _ in range(2):
        named.books.clock.at_ms += 60_000
        job_worker.handler({}, None)
        (item,) = named.books.table.query(keys.cursor("HEARD")["pk"], "HEARD", "HEARD")
        assert item["at"] == named.books.clock.at_ms
    change = {
        "Keys": pack({name: item[name] for name in ("pk", "sk")}), "NewImage": pack(item), "SequenceNumber": "100",
        "ApproximateCreationDateTime": 1.0,
    }  # fmt: skip
    told = {"eventID": "1", "dynamodb": change}
    mappings = [given for _, kind, given in stack.resources() if kind == MAPPING]
    filters = [given["FilterCriteria"] for given in mappings if "FilterCriteria" in given]
    assert [Filters(each).match(told) for each in filters] == [True, True]
    monkeypatch.setitem(named.variables, "NOTICES", "all")
    monkeypatch.setattr(config, "bus", lambda: None)  # nothing is sent
    assert load("stream_projections").handler({"Records": [told]}, None) == {"audited": 0}
    before = list(named.books.table.query(keys.journal_statistics(0)))
    load("stream_rollups").handler({"Records": [told], "shardId": "s"}, None)
    assert list(named.books.table.query(keys.journal_statistics(0))) == before


def test_the_tick_of_jobs_says_what_is_owed_waits_and_was_paid(
    named: World, sqs: Sqs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By currency, in minor units; and nothing where there is no money at all."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", STACK)
    monkeypatch.setattr(config, "job_queue", lambda: JobQueue(sqs, "jobs"))
    load("job_worker").handler({}, None)
    assert "OWED" not in capsys.readouterr().out
    books = named.books
    count_stream = Counting(books)
    books.earn("carol", "p1", 100_000)
    books.withdraw("bob", 5_000)
    count_stream()
    load("job_worker").handler({}, None)
    (told,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "OWED" in line]
    assert (told["currency"], told["service"]) == ("USD", STACK)
    assert (told["WAITING"], told["PAID_TODAY"]) == ([5_000], [0])
    balances = [books.balance(name) for name in ("alice", "bob")]
    assert told["OWED"] == [sum(available + reserved for available, reserved, _ in balances)]
    assert told["OWED"] > [5_000]


@pytest.mark.parametrize("code", ["DisabledException", "KMSInvalidStateException"])
def test_a_key_that_is_disabled_rings(
    named: World, stack: Resolved, capsys: pytest.CaptureFixture[str], code: str
) -> None:
    """Or that will be deleted: the first account that cannot be sealed."""
    named.books.partner("bob")
    named.books.kms.failing = code
    body = {"type": "BANK_TRANSFER", "accountHolder": "Bob Example", "iban": "DE89370400440532013000"}
    assert named.call("POST /api/v1/payout-methods", sub="bob", body=body).status == 500
    assert ringing(stack, capsys.readouterr().out) == {"UnexpectedAlarm"}
