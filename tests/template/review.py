"""The part of the story in which the stream is followed, and somebody looks at who did what."""

from __future__ import annotations

from typing import Any

from refledger.domain.notices import Kind
from refledger.store import keys
from tests.support.changes import Tail, batches
from tests.template.story import Story

Json = dict[str, Any]
AUDIT = "GET /api/v1/audit"
# Routes that change nothing which people may ask about, however they are called
CHANGE_NOTHING = {
    "POST /api/v1/partners/validate-referral-code",  # a question
}


def review(story: Story) -> None:
    """All that ever happened reaches the function that follows it, some of it twice; admins read what was written."""
    tail = Tail(story.client)
    write(story, "notices", {"L": [{"S": kind.value} for kind in Kind]})  # Bob chooses all
    told = list(batches(tail.new(), keys.AUDITED))
    told += batches(tail.new(), keys.AUDITED)
    for event in [*told, told[0]]:
        story.invoke("changes", event)
    for event in batches(tail.new(), keys.AUDITED):  # what it wrote to referrals itself
        story.invoke("changes", event)
    rename(story, tail)
    assert {"Reward Approved", "Withdrawal Paid", "Withdrawal Rejected"} <= {e["DetailType"] for e in story.events}
    bob = story.bob()
    assert story.call("audit", "admin", AUDIT, query=f"entity={bob}")["data"]
    (first, *_) = story.call("audit", "admin", AUDIT, query="entity=default")["data"]
    assert story.call("audit", "admin", AUDIT, query=f"actor={first['actor']['id']}")["data"]


def rename(story: Story, tail: Tail) -> None:
    """A partner with another name is found by that one and no more by the old one."""
    for company in ("Before", "After"):
        write(story, "company", {"S": company})
        for event in batches(tail.new(), keys.AUDITED):
            story.invoke("changes", event)


def write(story: Story, attribute: str, value: Json) -> None:
    """Something of Bob's, as the table holds it."""
    story.client.update_item(
        TableName="refledger", Key={"pk": {"S": f"P#{story.bob()}"}, "sk": {"S": "A"}},
        UpdateExpression="SET #name = :value", ExpressionAttributeNames={"#name": attribute},
        ExpressionAttributeValues={":value": value},
    )  # fmt: skip


def audited(story: Story) -> list[Json]:
    """Every audit entry that there is, as an item."""
    pages = story.client.get_paginator("scan").paginate(TableName="refledger")
    return [item for page in pages for item in page["Items"] if item["pk"]["S"].startswith("A#")]


def unaudited(story: Story) -> set[str]:
    """Routes that somebody called to change something, and that left no entry any time they were called."""
    requests = {item["request"]["S"] for item in audited(story)}
    called = {route for route, _ in story.calls if not route.startswith("GET ")}
    return called - {route for route, request in story.calls if request in requests} - CHANGE_NOTHING
