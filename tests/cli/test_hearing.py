"""`refledger status`, of what no metric tells: who hears alarms, and whether partner event sources are active."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from refledger.cli.hearing import SOURCES, TOPIC, unheard
from refledger.cli.target import Target
from tests.template.deployed import declared

STRIPE = "aws.partner/stripe.com/ed_1"


def a_target(confirmed: int = 1, pending: int = 0, state: str = "ACTIVE", **parameters: str) -> Any:
    """A stack with such a topic, and partner event sources of which EventBridge says so."""

    def described(Name: str) -> dict[str, str]:  # noqa: N803
        if not state:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": ""}}, "DescribeEventSource")
        return {"Name": Name, "State": state}

    told = {"SubscriptionsConfirmed": str(confirmed), "SubscriptionsPending": str(pending)}
    clients = {
        "sns": SimpleNamespace(get_topic_attributes=lambda TopicArn: {"Attributes": told}),  # noqa: N803
        "events": SimpleNamespace(describe_event_source=described),
    }
    return SimpleNamespace(client=clients.__getitem__, resource=lambda name: f"arn:{name}", parameters=parameters)


def test_the_template_has_what_is_asked_about() -> None:
    assert declared()["Resources"][TOPIC]["Type"] == "AWS::SNS::Topic"
    assert set(SOURCES) <= set(declared()["Parameters"])


def test_nothing_is_said_where_all_is_heard() -> None:
    """Also where a stack has no partner event source at all."""
    assert unheard(a_target()) == []
    assert unheard(a_target(confirmed=2, pending=1, StripeEventSource=STRIPE, SalesforceEventSource="")) == []


@pytest.mark.parametrize(("pending", "why"), [(1, "the mail from AWS is not confirmed"), (0, "it has no subscription")])
def test_alarms_that_reach_nobody(pending: int, why: str) -> None:
    assert unheard(a_target(confirmed=0, pending=pending)) == [f"alarms reach nobody: {why} (arn:AlarmTopic)"]


@pytest.mark.parametrize("state", ["PENDING", "DELETED", ""])
def test_a_source_of_which_nothing_comes(state: str) -> None:
    """Not made into a bus yet, taken away by the partner, or in another account."""
    target: Target = a_target(state=state, StripeEventSource=STRIPE)
    assert unheard(target) == [f"nothing comes from StripeEventSource: {STRIPE} is {state or 'not there'}"]
