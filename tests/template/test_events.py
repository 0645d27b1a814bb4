"""Queues, rules, schedules and the stream: nothing is lost without somebody being told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from refledger.adapters import salesforce
from refledger.adapters.stripe import READERS, SOURCE_PREFIX
from refledger.entry.events import leads
from refledger.entry.events.own import MODELS, SOURCE
from refledger.operations.figures.counters import figures
from refledger.store import images, keys
from refledger.store.attributes import unpack
from tests.template.deployed import (
    FUNCTION,
    MAPPING,
    QUEUE,
    RULE,
    SCHEDULE,
    called,
    dead_letter_queues,
    declared,
    of_type,
    referred,
    referred_in,
    statements,
    targets,
)
from undocked.mappings import Filters

SHAPES, KEY = Path(__file__).parents[1] / "shapes" / "next.json", ("pk", "sk")
FORTNIGHT_SECONDS = 14 * 86_400
HEARD = {
    "pk": {"S": ["SYSTEM"]},
    "sk": {"S": ["HEARD"]},
}  # written every five minutes: a reader who is not called does not read


def test_events_reach_their_queues() -> None:
    """What is understood of the owner's events, Stripe's and Salesforce's goes to the queue of payments or of leads,
    from whichever bus it comes.
    """
    rules = dict(of_type(RULE))
    records = rules.pop("RecordsRule")
    assert records["EventPattern"]["detail"] == {"bucket": {"name": [{"Ref": "RecordsBucket"}]}}
    assert [referred(target["Arn"]) for target in records["Targets"]] == ["StreamProjectionsDlq"]
    patterns = {id: (rule["EventPattern"], referred(rule["EventBusName"])) for id, rule in rules.items()}
    stripe = {"source": [{"prefix": SOURCE_PREFIX}], "detail-type": list(READERS)}
    of_salesforce = {"source": [{"prefix": prefix} for prefix in salesforce.PREFIXES]}
    assert patterns == {
        "PaymentsRule": ({"source": [SOURCE], "detail-type": list(MODELS)}, "Bus"),
        "StripeRule": (stripe, "Bus"),
        "StripePartnerRule": (stripe, "StripePartnerBus"),
        "LeadsRule": ({"source": [leads.SOURCE], "detail-type": list(leads.KINDS)}, "Bus"),
        "SalesforceRule": (of_salesforce, "Bus"),
        "SalesforcePartnerRule": (of_salesforce, "SalesforcePartnerBus"),
    }
    for id, rule in rules.items():
        queue = "LeadsQueue" if id.startswith(("Leads", "Salesforce")) else "PaymentsQueue"
        assert [referred(target["Arn"]) for target in rule["Targets"]] == [queue]
    for sender in ("Stripe", "Salesforce"):
        bus = declared()["Resources"][f"{sender}PartnerBus"]
        assert bus["Condition"] == f"{sender}Bus"
        assert bus["Properties"]["EventSourceName"] == {"Ref": f"{sender}EventSource"}


def test_deliveries_that_fail_are_kept() -> None:
    """Every target of a rule or a schedule has a DLQ for what cannot be delivered, and bounded retries."""
    assert len(targets()) >= 9
    for target in targets():
        assert referred(target["DeadLetterConfig"]["Arn"]) in of_type(QUEUE)
        assert {"MaximumRetryAttempts", "MaximumEventAgeInSeconds"} <= set(target["RetryPolicy"])


def test_every_queue_has_a_dlq_or_is_one() -> None:
    """A message that cannot be processed ends in a DLQ of the same kind, which keeps it for a fortnight."""
    queues = of_type(QUEUE)
    purposes = (
        "Jobs", "Payments", "Leads", "Maturity", "Events", "Schedules", "StreamRollups", "StreamProjections",
        "Leaderboards",
    )  # fmt: skip
    assert dead_letter_queues() == {f"{purpose}Dlq" for purpose in purposes}
    for id, queue in queues.items():
        assert queue["MessageRetentionPeriod"] == FORTNIGHT_SECONDS
        assert queue["SqsManagedSseEnabled"] is True
        if id in dead_letter_queues():
            assert "RedrivePolicy" not in queue
            continue
        dlq = queues[referred(queue["RedrivePolicy"]["deadLetterTargetArn"])]
        assert queue["RedrivePolicy"]["maxReceiveCount"] == 20
        assert queue.get("FifoQueue") == dlq.get("FifoQueue")


def test_messages_stay_hidden_while_they_are_worked_on() -> None:
    """A queue hides a message for six times as long as its function may run, as Lambda asks for."""
    mappings = [m for m in of_type(MAPPING).values() if "BatchSize" in m]
    queues = [m for m in mappings if referred(m["EventSourceArn"]) in of_type(QUEUE)]
    assert len(queues) == len(set(of_type(QUEUE)) - dead_letter_queues())
    for mapping in queues:
        queue = of_type(QUEUE)[referred(mapping["EventSourceArn"])]
        function = of_type(FUNCTION)[called(mapping["FunctionName"])]
        assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
        gathers = called(mapping["FunctionName"]) == "LeaderboardsFunction"  # a partner is placed once a window
        assert (mapping["BatchSize"], mapping.get("MaximumBatchingWindowInSeconds")) == (
            (1_000, 60) if gathers else (10, None)
        )
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_schedules() -> None:
    """The sweeper looks every minute, maturity every five; a manifest that is not complete is gone on with."""
    found = {called(s["Target"]["Arn"]): s["ScheduleExpression"] for s in of_type(SCHEDULE).values()}
    assert found == {
        "MaturityFunction": "rate(5 minutes)", "SweeperFunction": "rate(1 minute)",
        "ManifestFunction": "rate(15 minutes)", "JobWorkerFunction": "rate(5 minutes)",
        "ExpiryFunction": "rate(15 minutes)", "ReconciliationFunction": "rate(60 minutes)",
        "VerifierFunction": "rate(5 minutes)",
    }  # fmt: skip
    assert of_type(FUNCTION)["ManifestFunction"]["Timeout"] < 15 * 60, "one tick ends before the next begins"


def test_asynchronous_invocations_that_fail_are_told() -> None:
    """A function that is invoked without being waited for has a failure destination, and may send there."""
    asynchronous = {called(target["Arn"]) for target in targets()} & set(of_type(FUNCTION))
    assert asynchronous
    configs = {called(c["FunctionName"]): c for c in of_type("AWS::Lambda::EventInvokeConfig").values()}
    assert set(configs) == asynchronous
    for function, config in configs.items():
        assert {"MaximumRetryAttempts", "MaximumEventAgeInSeconds"} <= set(config)
        queue = referred(config["DestinationConfig"]["OnFailure"]["Destination"])
        assert queue in may_send_to(function)


def test_the_stream_is_read_as_the_roll_ups_need_it() -> None:
    """Statistics get one batch of a shard at a time, with its name; a bad record does not stop the others."""
    (mapping,) = [each for each in of_type(MAPPING).values() if "TumblingWindowInSeconds" in each]
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["TableStreamArn", "Value"]}
    assert referred(mapping["FunctionName"]) == "StreamRollupsFunction"
    assert (mapping["BatchSize"], mapping["TumblingWindowInSeconds"]) == (100, 900)
    assert mapping["ParallelizationFactor"] == 1
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["BisectBatchOnFunctionError"] is True
    assert 0 < mapping["MaximumRetryAttempts"] <= 60
    assert mapping["MaximumRecordAgeInSeconds"] < 86_400
    # with partial answers all that follows the first failure would be given up with it
    assert "FunctionResponseTypes" not in mapping
    destination = mapping["DestinationConfig"]["OnFailure"]["Destination"]
    assert referred(destination) in may_send_to("StreamRollupsFunction")
    assert json.loads(mapping["FilterCriteria"]["Filters"][-1]["Pattern"])["dynamodb"]["Keys"] == HEARD


def test_statistics_are_told_of_everything_that_they_count() -> None:
    """Of the items that a release leaves, each that adds to a counter passes the filter, and no other but the
    schedule's word: one that is kept out is never counted, and nothing says so.
    """
    (mapping,) = [each for each in of_type(MAPPING).values() if "TumblingWindowInSeconds" in each]
    filters = Filters(mapping["FilterCriteria"])
    items = json.loads(SHAPES.read_text(encoding="utf-8"))["items"]
    passing = [item for item in items if filters.match({"dynamodb": {"Keys": {name: item[name] for name in KEY}}})]
    counted = [item for item in items if any(figures(images.read(_as_told(item))))]
    of_partners = {_key(item)["sk"].partition("#")[0] for item in counted if keys.kind_of(_key(item)) == "PARTNER"}
    assert of_partners == {"ROOT", "CAP"}
    assert [item for item in counted if item not in passing] == []
    kinds = {item["pk"]["S"].split("#")[0] for item in counted}
    assert {item["pk"]["S"].split("#")[0] for item in passing} - kinds == {"SYSTEM"}


def _key(item: dict[str, Any]) -> keys.Key:
    return {name: item[name]["S"] for name in KEY}


def _as_told(item: dict[str, Any]) -> dict[str, Any]:
    """Without what is sealed, which no reader of the stream is shown."""
    return unpack({name: value for name, value in item.items() if "B" not in value})


def test_the_stream_has_a_second_reader_for_what_people_ask() -> None:
    """It gets all that can be audited, of what it writes only referrals, and gives up only what is bad."""
    (mapping,) = [
        each for each in of_type(MAPPING).values() if referred(each["FunctionName"]) == "StreamProjectionsFunction"
    ]
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["TableStreamArn", "Value"]}
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["BisectBatchOnFunctionError"] is True
    assert 0 < mapping["MaximumRetryAttempts"] <= 60
    assert mapping["MaximumRecordAgeInSeconds"] < 86_400
    assert "FunctionResponseTypes" not in mapping
    assert referred(mapping["DestinationConfig"]["OnFailure"]["Destination"]) == "RecordsBucket"
    filtered, heard = mapping["FilterCriteria"]["Filters"]
    assert json.loads(heard["Pattern"])["dynamodb"]["Keys"] == HEARD
    wanted = json.loads(filtered["Pattern"])["dynamodb"]["Keys"]["pk"]["S"]
    assert wanted[0] == keys.programs()
    assert {keys.programs(), *(each["prefix"].rstrip("#") for each in wanted[1:])} == keys.AUDITED
    items = json.loads(SHAPES.read_text(encoding="utf-8"))["items"]
    told = [item for item in items if keys.is_audited(_key(item)) and keys.told_of(_key(item))]
    filters = Filters(mapping["FilterCriteria"])
    assert [item for item in told if not filters.match({"dynamodb": {"Keys": {n: item[n] for n in KEY}}})] == []
    assert {keys.kind_of(_key(item)) for item in told} == keys.AUDITED, "programs' changes, too, and not only programs"
    readers = [each for each in of_type(MAPPING).values() if referred(each["EventSourceArn"]) == "Table"]
    assert len(readers) == 2, "a stream has room for two"


def may_send_to(function: str) -> set[str]:
    """The queues that a function's role may send to."""
    role = function.replace("Function", "Role")
    granted = [each for each in statements(role) if "sqs:SendMessage" in each["Action"]]
    return {queue for statement in granted for queue in referred_in(statement["Resource"])}
