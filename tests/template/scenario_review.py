"""The part of the story in which the stream is followed, and somebody looks at who did what."""

from __future__ import annotations

from typing import Any

from refledger.adapters.ids import Ids
from refledger.cli.migrate import whole_table
from refledger.domain.notices import NoticeKind
from refledger.domain.times import MINUTE_MS
from refledger.entry import access
from refledger.operations.context import Context
from refledger.operations.recovery import migrating
from refledger.store import dimensions, generations, keys, shards
from refledger.store.table import Table
from tests.support.changes import Tail, batches
from tests.template.scenario_verification import verify
from tests.template.story import HASH_KEY, TABLE, Story

Json = dict[str, Any]
AUDIT = "GET /api/v1/audit"
# Routes that change nothing which people may ask about, however they are called
CHANGE_NOTHING = {
    "POST /api/v1/partners/validate-referral-code",  # a question
    "POST /api/v1/portal-sessions",  # writes nothing
    "POST /api/v1/programs/preview",  # the same
    # a message: what comes of it names its sender
    "POST /api/v1/events/lead",
    "POST /api/v1/events/sale",
}


def do_the_rest(story: Story) -> None:
    """What staff do seldom, once each, so that every route that changes something has been called."""
    new: dict[str, Any] = {"firstName": "Gil", "lastName": "Example", "email": "gil.of.the.rest@example.com"}
    new |= {"externalId": "crm-1", "metadata": {"region": "north"}}
    gil = story.call("partners", "admin", "POST /api/v1/partners", new)["id"]
    renamed = story.call(
        "partners", "admin", "PATCH /api/v1/partners/{partnerId}", {"externalId": "crm-2"}, match="1", partnerId=gil
    )
    assert renamed["externalId"] == "crm-2"
    assert story.call("partners", "admin", "GET /api/v1/partners", query="externalId=crm-2")["data"][0]["id"] == gil
    for verb in ("deactivate", "activate", "terminate"):
        route = f"POST /api/v1/partners/{{partnerId}}/{verb}"
        story.call("partners", "admin", route, {"reason": "a test"}, partnerId=gil)
    story.clock.forward(MINUTE_MS)
    for payment in ("one more", "and another"):
        story.pay("carol", payment, 100_000)
    story.sent.clear()
    rewards = story.call("rewards", "bob", "GET /api/v1/rewards")["data"]
    one, other = [each["id"] for each in rewards if each["status"] == "PENDING"][:2]
    for verb, reward in (("approve", one), ("cancel", other)):
        story.call("rewards", "admin", f"POST /api/v1/rewards/{{rewardId}}/{verb}", {"note": "a test"}, rewardId=reward)
    body = {"partnerId": story.bob(), "amount": -5_001, "currency": "USD", "reason": "counted wrong"}
    wrong = story.call("adjustments", "admin", "POST /api/v1/adjustments", body)["id"]
    reject = "POST /api/v1/adjustments/{adjustmentId}/reject"
    story.call("adjustments", "admin2", reject, {"note": "it was right"}, adjustmentId=wrong)
    for verb, problem in (("mark-failed", ""), ("retry", "DECLINED"), ("resolve", "PAID_TWICE")):
        id = story.withdraw("bob", 1_000)
        story.call(
            "withdrawals", "paying-admin", "POST /api/v1/withdrawals/{withdrawalId}/approve", {}, withdrawalId=id
        )
        assert story.task("pay", id, token="t12") == "PAYING"
        write(story, keys.withdrawal(id), "problem", {"S": problem})
        one_more = f"POST /api/v1/withdrawals/{{withdrawalId}}/{verb}"
        story.call("withdrawals", "paying-admin", one_more, {"note": "a test"}, withdrawalId=id)


def review(story: Story) -> None:
    """All that ever happened reaches the function that follows it, some of it twice; admins read what was written."""
    do_the_rest(story)
    tail = Tail(story.client)
    bob = keys.partner(story.bob())
    write(story, bob, "notices", {"L": [{"S": kind.value} for kind in NoticeKind]})  # Bob chooses all
    told = list(batches(tail.new(), keys.AUDITED))
    told += batches(tail.new(), keys.AUDITED)
    for event in [*told, told[0]]:
        story.invoke("stream_projections", event)
    for event in batches(tail.new(), keys.AUDITED):  # what it wrote to referrals itself
        story.invoke("stream_projections", event)
    found = story.call("referrals", "admin", "GET /api/v1/referrals", query="programId=default")["data"]
    assert "PAID" in [each["payoutStatus"] for each in found]
    for company in ("Before", "After"):  # found by this name, and no more by that one
        write(story, bob, "company", {"S": company})
        for event in batches(tail.new(), keys.AUDITED):
            story.invoke("stream_projections", event)
    assert {"Reward Approved", "Withdrawal Paid", "Withdrawal Rejected"} <= {e["DetailType"] for e in story.events}
    assert story.call("audit", "admin", AUDIT, query=f"entity={story.bob()}")["data"]
    (first, *_) = story.call("audit", "admin", AUDIT, query="entity=default")["data"]
    assert story.call("audit", "admin", AUDIT, query=f"actor={first['actor']['id']}")["data"]
    me = story.call("audit", "admin", "GET /api/v1/people/{personId}", personId="me")["id"]
    others = [each["id"] for each in story.call("audit", "admin", "GET /api/v1/people")["data"] if each["id"] != me]
    story.call("audit", "admin", "DELETE /api/v1/people/{personId}", personId=others[0])
    assert story.call("audit", "admin", "GET /api/v1/settings")["stage"]
    (entry, *_) = story.call("ledger", "admin", "GET /api/v1/ledger/entries")["data"]
    assert story.call("ledger", "admin", "GET /api/v1/ledger/entries/{entryId}", entryId=entry["id"])["intact"]
    operate(story)
    verify(story)
    assert story.invoke("manifest", {})["outcome"] == "WRITTEN"
    assert story.call("audit", "admin", "GET /api/v1/ledger/verification")["signedAt"]


def operate(story: Story) -> None:
    """What an operator's commands leave behind, in the middle of their work or after it."""
    ids = Ids(HASH_KEY)
    context = Context(Table(story.client, TABLE), ids, story.clock, pause=story.clock.forward)
    context.table.commit(shards.grow(keys.DUE_SHARDS + 1))
    for migration in migrating.ALL:
        assert migrating.migrate(context, migration, whole_table(context.table)).ended_ms
    bob = dimensions.partner(story.bob()).subject  # `rebuild statistics`, interrupted as it began
    context.table.commit(generations.begin(bob, story.clock()))


def write(story: Story, key: keys.Key, attribute: str, value: Json) -> None:
    """Something that became so by itself, or that is another test's."""
    story.client.update_item(
        TableName="refledger", Key={name: {"S": part} for name, part in key.items()},
        UpdateExpression="SET #name = :value", ExpressionAttributeNames={"#name": attribute},
        ExpressionAttributeValues={":value": value},
    )  # fmt: skip


def audited(story: Story) -> list[Json]:
    """Every audit entry that there is, as an item."""
    pages = story.client.get_paginator("scan").paginate(TableName="refledger")
    return [item for page in pages for item in page["Items"] if item["pk"]["S"].startswith("AUDIT#")]


def unaudited(story: Story) -> set[str]:
    """Routes that somebody called to change something, and that left no entry any time they were called."""
    requests = {item["request"]["S"] for item in audited(story)}
    called = {route for route, _ in story.calls}
    return changing() & called - {route for route, request in story.calls if request in requests} - CHANGE_NOTHING


def uncalled(story: Story) -> set[str]:
    """Routes that change something for somebody who is known, and that nobody in the story has called."""
    return changing() - {route for route, _ in story.calls}


def changing() -> set[str]:
    return {route for route, allowed in access.ROUTES.items() if allowed and not route.startswith("GET ")}
