"""What has to be there before a disaster: archives of what came, keys for another Region, and who may tell what."""

from __future__ import annotations

import json
from typing import Any

import pytest
from moto.events.models import EventPattern

from refledger.adapters.bus import SOURCE
from tests.template.deployed import RULE, declared, of_type, referred, resources, statements
from tests.template.resolved import Resolved

ARCHIVE, BUS = "AWS::Events::Archive", "AWS::Events::EventBus"
SOURCES = {"StripeEventSource": "aws.partner/stripe.com/ed_1", "SalesforceEventSource": "aws.partner/salesforce.com/1"}
# one event of each source that a rule may look for
OUTSIDE = ("payments", "leads", "aws.partner/stripe.com/ed_1", "aws.partner/salesforce.com/1", "aws.partner/appflow")


def archive_of(bus: str) -> dict[str, Any]:
    (found,) = [given for given in of_type(ARCHIVE).values() if referred(given["SourceArn"]) == bus]
    return found


@pytest.mark.parametrize("bus", sorted(of_type(BUS)))
def test_every_bus_is_archived(bus: str) -> None:
    """For as long as is said, and wherever there is the bus there is its archive."""
    archive = archive_of(bus)
    assert archive["RetentionDays"] == {"Ref": "ArchiveDays"}
    (id,) = [id for id, given in of_type(ARCHIVE).items() if given is archive]
    assert resources()[id].get("Condition") == resources()[bus].get("Condition")
    assert declared()["Parameters"]["ArchiveDays"]["Default"] == 90


@pytest.mark.parametrize("rule", sorted(of_type(RULE)))
def test_all_that_a_rule_takes_is_archived(rule: str) -> None:
    """An event that a rule delivers is in the archive of the rule's bus; of S3's own it is in the bucket."""
    given = of_type(RULE)[rule]
    if "EventPattern" not in given or given["EventPattern"]["source"] == ["aws.s3"]:
        return
    archived = archive_of(referred(given["EventBusName"])).get("EventPattern", {})
    taken = [event(source, given) for source in OUTSIDE if matches(given["EventPattern"], event(source, given))]
    assert taken, "no event that this test knows"
    assert all(matches(archived, each) for each in taken)


def event(source: str, rule: dict[str, Any]) -> dict[str, Any]:
    kinds = rule["EventPattern"].get("detail-type", ["anything"])
    return {"source": source, "detail-type": kinds[0], "detail": {}}


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    given: Any = event  # of moto's own type
    return bool(EventPattern.load(json.dumps(pattern)).matches_event(given)) if pattern else True


def test_our_own_events_are_not_archived() -> None:
    """A replay tells nobody a second time that a partner has been paid."""
    own = {"source": SOURCE, "detail-type": "Withdrawal Paid", "detail": {}}
    assert not matches(archive_of("Bus")["EventPattern"], own)


def test_a_stack_with_all_buses_has_all_archives() -> None:
    """Resolved both ways: partner buses come and go with their archives."""
    with_all = [id for id, kind, _ in Resolved("refledger", SOURCES).resources() if kind == ARCHIVE]
    assert sorted(with_all) == ["Archive", "SalesforceArchive", "StripeArchive"]
    assert [id for id, kind, _ in Resolved("refledger").resources() if kind == ARCHIVE] == ["Archive"]


def test_keys_can_go_to_another_region() -> None:
    """A key that was made for one Region is for one Region for ever."""
    for given, wanted in (
        ({}, True),
        ({"MultiRegionKeys": "false"}, None),
    ):  # a stack that was made before keeps its own
        found = [key for _, kind, key in Resolved("refledger", given).resources() if kind == "AWS::KMS::Key"]
        assert [key.get("MultiRegion") for key in found] == [wanted, wanted]


def test_whoever_puts_events_puts_our_own_alone() -> None:
    """No function may put an event that somebody would take for a payment."""
    putting = [
        (id, statement)
        for id in of_type("AWS::IAM::Role")
        for statement in statements(id)
        if "events:PutEvents" in str(statement["Action"])
    ]
    assert [id for id, _ in putting] == ["StreamProjectionsRole"]
    for _, statement in putting:
        assert statement["Condition"] == {
            "ForAllValues:StringEquals": {"events:source": SOURCE}, "Null": {"events:source": "false"},
        }  # fmt: skip


def test_nobody_else_puts_our_own_events() -> None:
    """The bus refuses them from all but the function that tells, whatever other policies of the account allow."""
    (policy,) = of_type("AWS::Events::EventBusPolicy").values()
    assert referred(policy["EventBusName"]) == "Bus"
    statement = policy["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "events:PutEvents")
    assert statement["Condition"] == {
        "ForAnyValue:StringEquals": {"events:source": SOURCE},
        "ArnNotEquals": {"aws:PrincipalArn": {"Fn::GetAtt": ["StreamProjectionsRole", "Arn"]}},
    }
    for id, rule in of_type(RULE).items():
        own = {"source": SOURCE, "detail-type": rule.get("EventPattern", {}).get("detail-type", ["x"])[0], "detail": {}}
        assert "EventPattern" not in rule or not matches(rule["EventPattern"], own), id
