"""What no metric tells: alarms that reach nobody, and partner event sources of which nothing comes."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from refledger.cli.target import Target

TOPIC = "AlarmTopic"  # in the template
SOURCES = ("StripeEventSource", "SalesforceEventSource")  # parameters of it


def unheard(target: Target) -> list[str]:
    """Tell what nobody hears, a line for each.

    An empty list where somebody hears alarms and all sources that the stack was given are active.
    """
    return [*_topic(target), *_sources(target)]


def _topic(target: Target) -> Iterator[str]:
    """https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html."""
    arn = target.resource(TOPIC)
    told = target.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    if int(told["SubscriptionsConfirmed"]):
        return
    waiting = int(told["SubscriptionsPending"])
    why = "the mail from AWS is not confirmed" if waiting else "it has no subscription"
    yield f"alarms reach nobody: {why} ({arn})"


def _sources(target: Target) -> Iterator[str]:
    """https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DescribeEventSource.html."""
    for parameter in SOURCES:
        name = target.parameters.get(parameter)
        if not name:
            continue
        try:
            state = str(target.client("events").describe_event_source(Name=name)["State"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            state = "not there"
        if state != "ACTIVE":
            yield f"nothing comes from {parameter}: {name} is {state}"
