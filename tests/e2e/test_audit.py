"""What follows a change, in the running system: the audit, a partner who is found, a referral, a notice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.demo import Client, eventually
from tests.e2e.people import Json, People
from undocked.testing import Stack

BUS = "refledger"


@pytest.fixture
def notices(stack: Stack) -> Iterator[list[Json]]:
    """The details of what refledger puts on its bus, as a rule of the owner's sends them to a queue of theirs."""
    events, sqs = stack.client("events"), stack.client("sqs")
    url = sqs.create_queue(QueueName="notices")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="notices", EventBusName=BUS, EventPattern=json.dumps({"source": ["refledger"]}))
    events.put_targets(Rule="notices", EventBusName=BUS, Targets=[{"Id": "queue", "Arn": arn}])
    yield Told(sqs, url)
    events.remove_targets(Rule="notices", EventBusName=BUS, Ids=["queue"])
    events.delete_rule(Name="notices", EventBusName=BUS)


class Told(list[Json]):
    """Grows by what has come whenever it is asked for."""

    def __init__(self, sqs: Any, url: str) -> None:
        super().__init__()
        self._sqs, self._url = sqs, url

    def of(self, partner: str) -> list[str]:
        """The kinds of notices of a partner so far."""
        found = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages", [])
        self.extend(json.loads(each["Body"]) for each in found)
        return sorted({each["detail-type"] for each in self if each["detail"]["partnerId"] == partner})


def choose_all(client: Client, who: str) -> str:
    """`who` wants to be told of everything; returns their partner id."""
    partner = str(client.get(who, "/referrals/code")["partnerId"])
    headers = {"authorization": f"Bearer {client.token(who)}"}
    seen = client.http.get("/api/v1/me/notifications", headers=headers)
    chosen = {"events": seen.json()["available"]}
    done = client.http.put(
        "/api/v1/me/notifications", headers={**headers, "if-match": seen.headers["etag"]}, json=chosen
    )
    assert done.status_code == 200, done.text
    return partner


def test_what_follows_a_change(client: Client, notices: Told) -> None:
    """Bob chooses notices, Carol pays, Bob asks for money and is refused: each leaves its traces, within seconds."""
    people = People(client)
    bob = choose_all(client, people.bob)
    people.rich_bob()
    eventually(lambda: notices.of(bob), ["Referral Converted", "Reward Approved"], "notices to Bob")
    asked = people.withdraw(people.bob, 1_500)["id"]
    client.post(people.admin, f"/withdrawals/{asked}/reject", {"note": "a test"}, expect=200)
    kinds = ["Referral Converted", "Reward Approved", "Withdrawal Rejected"]
    eventually(lambda: notices.of(bob), kinds, "notices to Bob")

    def told(entity: str) -> list[tuple[str, str]]:
        found = client.get(people.admin, "/audit", entity=entity)["data"]
        return [(each["actor"]["kind"], each["action"]) for each in found]

    # the refusal, and the note that was written with it
    eventually(lambda: {("admin", "CHANGED"), ("admin", "CREATED")} <= {*told(asked)}, True, "the refusal in the audit")
    assert told(asked)[-1] == ("partner", "CREATED")
    assert ("partner", "CHANGED") in told(bob)
    referral = next(each["detail"]["referralId"] for each in notices if "referralId" in each["detail"])
    assert told(referral)[0] == ("system", "CHANGED")


def test_a_partner_is_found_by_their_company(client: Client) -> None:
    """A new partner is in the search a moment later."""
    people = People(client)
    body = {"firstName": "Ada", "lastName": "Example", "email": f"ada-{people.run}@example.com"}
    made = client.post(people.admin, "/partners", {**body, "companyName": f"Zeta {people.run}"})["id"]

    def found() -> list[str]:
        query = {"q": f"zeta {people.run}", "programId": "default"}
        return [each["id"] for each in client.get(people.admin, "/partners", **query)["data"]]

    eventually(found, [made], "the new partner in the search")
