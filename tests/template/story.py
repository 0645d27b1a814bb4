"""Every function at its work, through its real handler, with exactly what its role in the template allows."""

from __future__ import annotations

import functools
import importlib
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from refledger.adapters import aws
from refledger.adapters.ids import Ids
from refledger.domain.times import DAY_MS, MINUTE_MS, iso
from refledger.entry import config
from refledger.operations.context import Context
from refledger.store.table import Table
from tests.support.books import Clock
from tests.template.deployed import FUNCTION, FUNCTIONS, declared, function_id, of_type
from tests.template.policy import MACHINE, PolicedQueues, PolicedTable, PolicedWorkflow, Role

HASH_KEY = "a secret of the tests"
TABLE = "refledger"
MACHINE_ARN = f"arn:aws:states:eu-central-1:123456789012:stateMachine:{MACHINE}"
# low enough for every count to be written at once, high enough for the story
PARAMETERS = {"RequestsPerMinute": "40", "WithdrawalsPerMinute": "20", "UnknownCodesPerMinute": "20"}
METHOD = {"type": "BANK_TRANSFER", "accountHolder": "Bob Example", "iban": "DE89370400440532013000"}

Json = dict[str, Any]


def variables(name: str) -> dict[str, str]:
    """A function's environment as the template says, references made into what the clients here expect."""
    made = {"Table": TABLE, MACHINE: MACHINE_ARN}
    defaults = {id: str(each["Default"]) for id, each in declared()["Parameters"].items()}
    found = {}
    for variable, value in of_type(FUNCTION)[function_id(name)]["Environment"]["Variables"].items():
        match value:
            case {"Ref": str(id)}:
                found[variable] = (made | defaults | PARAMETERS).get(id, id)
            case {"Fn::Sub": _}:
                found[variable] = HASH_KEY
            case _:
                found[variable] = str(value)
    return found


@dataclass
class Story:
    """Calls functions as Lambda does. `sent`: messages by queue."""

    client: Any
    monkeypatch: pytest.MonkeyPatch
    clock: Clock = field(default_factory=Clock)
    roles: dict[str, Role] = field(default_factory=lambda: {name: Role(name) for name in FUNCTIONS})
    sent: dict[str, list[Json]] = field(default_factory=dict)
    running: bool = True
    requests: int = 0

    def invoke(self, name: str, event: Json) -> Any:
        """One invocation of a function in a fresh environment."""
        role, given = self.roles[name], variables(name)
        for variable in {variable for each in FUNCTIONS for variable in variables(each)}:
            self.monkeypatch.delenv(variable, raising=False)
        for variable, value in given.items():
            self.monkeypatch.setenv(variable, value)
        clients = {
            "dynamodb": PolicedTable(self.client, role),
            "sqs": PolicedQueues(role, self.sent),
            "stepfunctions": PolicedWorkflow(role, "RUNNING" if self.running else "FAILED"),
        }
        self.monkeypatch.setattr(aws, "client", clients.__getitem__)
        config.reset()
        table, ids = Table(clients["dynamodb"], given["TABLE_NAME"]), Ids(given["HASH_KEY"])
        self.monkeypatch.setattr(config, "context", functools.cache(lambda: Context(table, ids, self.clock)))
        answer = handler(name)(event, SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000))
        assert role.refused == [], f"{name} needs more than its role allows"
        return answer

    def call(self, name: str, who: str, route: str, body: Json | None = None, **more: str) -> Json:
        """A request; `more`: path parameters, and `key`, `query`. Returns the answer's body."""
        self.requests += 1
        headers = {"content-type": "application/json"} | ({"idempotency-key": more.pop("key")} if "key" in more else {})
        query = dict([more.pop("query").split("=")]) if "query" in more else None
        answer = self.invoke(name, {
            "routeKey": route, "headers": headers, "pathParameters": more, "queryStringParameters": query,
            "body": json.dumps(body) if body is not None else None,
            "requestContext": {"requestId": f"r{self.requests}", "authorizer": {"jwt": {"claims": {
                "sub": who, "token_use": "access",
                "cognito:groups": "[admin]" if who.startswith("admin") else "",
            }}}},
        })  # fmt: skip
        assert answer["statusCode"] < 300, (route, answer)
        found: Json = json.loads(answer["body"])
        return found

    def pay(self, customer: str, payment_id: str, amount: int) -> None:
        """A payment event, in a batch with one that nobody can read."""
        detail = {"paymentId": payment_id, "customerId": customer, "amount": amount, "currency": "USD",
                  "occurredAt": iso(self.clock())}  # fmt: skip
        event = {"source": "payments", "detail-type": "Payment Succeeded", "detail": detail}
        self.work("payments", json.dumps(event), "not JSON")

    def work(self, name: str, *bodies: str) -> None:
        """A batch of messages, of which none may come back."""
        records = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
        assert self.invoke(name, {"Records": records}) == {"batchItemFailures": []}

    def task(self, action: str, withdrawal_id: str, **more: str) -> str:
        """A task of the workflow; returns the status."""
        answer = self.invoke("workflow", {"action": action, "withdrawalId": withdrawal_id, **more})
        return str(answer["status"])

    def withdraw(self, who: str, amount: int) -> str:
        body = {"amount": amount, "currency": "USD", "payoutMethod": METHOD}
        return str(self.call("withdrawals", who, "POST /api/v1/referrals/withdraw", body)["id"])

    def stream(self, *partitions: str) -> None:
        """The newest items of these partitions, as the table's stream would tell of them."""
        records = []
        for number, partition in enumerate(partitions, start=1):
            found = self.client.query(
                TableName=TABLE,
                KeyConditionExpression="pk = :p",
                ExpressionAttributeValues={":p": {"S": partition}},
            )
            change = {
                "SequenceNumber": str(self.clock() + number),
                "ApproximateCreationDateTime": self.clock() / 1000,
                "NewImage": found["Items"][-1],
            }
            records.append({"dynamodb": change})
        event = {"Records": records, "shardId": "shardId-00000001"}
        assert self.invoke("statistics", event) == {"state": {}}


def handler(name: str) -> Any:
    return importlib.import_module(f"functions.{name}.app").handler


def tell(story: Story) -> None:
    """Alice referred Bob, Bob referred Carol, Carol pays, they are paid: all that functions do, done once."""
    onboard(story)
    earn(story)
    withdraw_and_decide(story)
    sweep_and_count(story)


def onboard(story: Story) -> None:
    program = {
        "id": "default",
        "name": "Friends",
        "currency": "USD",
        "tierRatesBps": [2000, 1000],
        "holdDays": 0,
    }
    story.call("programs", "admin", "POST /api/v1/programs", program, key="k1")
    story.call("programs", "admin", "GET /api/v1/programs")
    story.call("programs", "admin", "GET /api/v1/programs/{programId}", programId="default")
    codes = {who: story.call("referrals", who, "GET /api/v1/referrals/code")["code"] for who in ("alice", "bob")}
    story.call("referrals", "bob", "POST /api/v1/referrals/apply/{code}", code=codes["alice"])
    story.call("referrals", "carol", "POST /api/v1/referrals/apply/{code}", code=codes["bob"])
    new = {"firstName": "Dora", "lastName": "Example", "email": "dora@example.com"}
    dora = story.call("partners", "admin", "POST /api/v1/partners", new, key="k2")["id"]
    link = "POST /api/v1/partners/{partnerId}/link-user"
    story.call("partners", "admin", link, {"sub": "dora"}, partnerId=dora)
    # Acme, who never signs in, refers Erik, who then signs in as a partner who was onboarded before
    acme = story.call("partners", "admin", "POST /api/v1/partners", {**new, "email": "acme@example.com"}, key="k3")
    story.call("referrals", "erik", "POST /api/v1/referrals/apply/{code}", code=acme["referralCode"])
    fox = story.call("partners", "admin", "POST /api/v1/partners", {**new, "email": "fox@example.com"}, key="k4")
    story.call("partners", "admin", link, {"sub": "erik"}, partnerId=fox["id"])
    for query in ("limit=5", "status=ACTIVE"):
        assert story.call("partners", "admin", "GET /api/v1/partners", query=query)["data"]
    story.call("partners", "admin", "GET /api/v1/partners/{partnerId}", partnerId=dora)
    suspend = "POST /api/v1/partners/{partnerId}/suspend"
    story.call("partners", "admin", suspend, {"reason": "checked"}, partnerId=dora)


def earn(story: Story) -> None:
    story.pay("carol", "p1", 100_000)
    assert story.sent["PaymentsDlq"]
    story.work("maturity", *[message["MessageBody"] for message in story.sent.pop("MaturityQueue")])
    story.pay("carol", "p2", 100_000)
    story.sent.clear()
    for _ in range(2):  # the second time from where the first one looked
        story.clock.forward(MINUTE_MS)
        assert story.invoke("maturity", {})["DUE"] == 2
    assert story.call("referrals", "bob", "GET /api/v1/referrals/stats")["balances"]
    assert story.call("ledger", "bob", "GET /api/v1/ledger/entries")["data"]
    assert story.call("ledger", "admin2", "GET /api/v1/ledger/entries")["data"]
    assert story.call("ledger", "bob", "GET /api/v1/ledger/balances")["data"]


def withdraw_and_decide(story: Story) -> None:
    first = story.withdraw("bob", 30_000)  # more than is available: what is due matures at once
    assert story.task("assess", first) == "REQUESTED"
    story.task("request-approval", first, token="t1")
    cancel = "POST /api/v1/referrals/withdrawals/{withdrawalId}/cancel"
    story.call("withdrawals", "bob", cancel, withdrawalId=first)
    assert story.task("request-approval", first, token="t2") == "CANCELLED"
    assert story.call("withdrawals", "bob", "GET /api/v1/referrals/withdrawals")["data"]
    story.call("withdrawals", "bob", "GET /api/v1/referrals/withdrawals/{withdrawalId}", withdrawalId=first)

    paid, rejected, expired = (story.withdraw("bob", amount) for amount in (1_000, 2_000, 3_000))
    for withdrawal, verb in ((paid, "approve"), (rejected, "reject")):
        story.task("request-approval", withdrawal, token="t3")
        story.call(
            "approvals",
            "admin",
            f"POST /api/v1/withdrawals/{{withdrawalId}}/{verb}",
            {},
            withdrawalId=withdrawal,
        )
    assert story.task("release", expired, **{"as": "EXPIRED"}) == "EXPIRED"
    assert story.task("start-payout", paid) == "PAYING"
    story.task("await-settlement", paid, token="t4")
    assert story.call("approvals", "admin", "GET /api/v1/withdrawals", query="status=PAYING")["data"]
    story.call("approvals", "admin", "GET /api/v1/withdrawals/{withdrawalId}", withdrawalId=paid)
    mark = "POST /api/v1/withdrawals/{withdrawalId}/mark-paid"
    story.call("approvals", "admin", mark, {"transactionId": "bank-1"}, withdrawalId=paid)
    assert story.task("settle", paid) == "PAID"


def sweep_and_count(story: Story) -> None:
    _, approved = story.withdraw("bob", 4_000), story.withdraw("bob", 5_000)
    story.task("request-approval", approved, token="t5")
    story.call("approvals", "admin", "POST /api/v1/withdrawals/{withdrawalId}/approve", {}, withdrawalId=approved)
    cursor = {"pk": {"S": "SYS"}, "sk": {"S": "SWEEP-REQUESTED"}, "at": {"S": ""}}
    story.client.put_item(TableName=TABLE, Item=cursor)
    story.clock.forward(10 * MINUTE_MS)
    assert story.invoke("sweeper", {})["woken"] == 1
    story.running = False
    assert story.invoke("sweeper", {})["resumed"] == 2

    ids = Ids(HASH_KEY)
    bob = ids.partner(ids.user("bob"))
    story.stream(f"R#{bob}", f"F#{bob}")
    story.clock.forward(5 * DAY_MS)  # the day is closed by then: its parts become one
    story.stream(f"R#{bob}")
    assert story.call("referrals", "bob", "GET /api/v1/referrals/stats")["balances"]
