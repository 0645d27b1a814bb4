"""Every function at its work, through its real handler, with exactly what its role in the template allows."""

from __future__ import annotations

import functools
import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from refledger.adapters import aws
from refledger.adapters.ids import Ids
from refledger.domain import duties
from refledger.domain.manifest import SIGNATURE
from refledger.domain.times import DAY_MS, MINUTE_MS, iso
from refledger.entry import config
from refledger.store import keys, methods
from refledger.store.table import Table
from refledger.store.transaction import update
from tests.support import stripe_server
from tests.support.books import Clock
from tests.support.buckets import Bucket
from tests.support.events import EXAMPLES
from tests.support.kms import KEY_ARN, Kms
from tests.support.manifests import Drawer
from tests.support.stripe_server import StripeServer
from tests.template import scenario_partners
from tests.template.deployed import FUNCTION, FUNCTIONS, declared, function_id, of_type
from tests.template.policy import (
    MACHINE,
    PolicedBucket,
    PolicedEvents,
    PolicedFiles,
    PolicedKms,
    PolicedQueues,
    PolicedSecrets,
    PolicedTable,
    PolicedWorkflow,
    Role,
)

HASH_KEY = "a secret of the tests"
TABLE = "refledger"
MACHINE_ARN = f"arn:aws:states:eu-central-1:123456789012:stateMachine:{MACHINE}"
# low enough for every count to be written at once, high enough for the story
LIMITS = "reads=40,writes=40,heavy=20,withdrawals=20,unknown-codes=20"
STRIPE_SECRETS = {"apiKey": "sk_live_ofTheStory", "webhookSecrets": stripe_server.SECRET}
LEAD_SECRETS = {"referrals": "whsec_of_the_story_that_is_long_enough", "hubspot": "a-secret-of-the-story-that-is-long"}
CDN_SECRET = "c" * 64
SECRETS = {  # what the template's parameters name here
    "HashKey": HASH_KEY, "StripePayoutsSecretArn": json.dumps(STRIPE_SECRETS),
    "LeadWebhooksSecretArn": json.dumps(LEAD_SECRETS), "CdnSecretArn": CDN_SECRET,
    "StripeReadSecretArn": json.dumps({"apiKey": STRIPE_SECRETS["apiKey"]}),
    "StripePaymentsSecretArn": json.dumps({"webhookSecrets": stripe_server.SECRET}),
}  # fmt: skip
METHOD = {"type": "BANK_TRANSFER", "accountHolder": "Bob Example", "iban": "DE89370400440532013000"}

DECIDE, CONTEXT = duties.decide, config.context

Json = dict[str, Any]


def variables(name: str) -> dict[str, str]:
    """A function's environment as the template says, references made into what the clients here expect."""
    made = {"Table": TABLE, MACHINE: MACHINE_ARN}
    defaults = {id: str(each["Default"]) for id, each in declared()["Parameters"].items()}
    found = {}
    for variable, value in of_type(FUNCTION)[function_id(name)]["Environment"]["Variables"].items():
        match value:
            case {"Ref": str(id)}:
                found[variable] = id if id in SECRETS else (made | defaults).get(id, id)
            case {"Fn::If": ["OwnTable", {"Ref": str(id)}, _]}:
                found[variable] = made[id]
            case {"Fn::GetAtt": ["AccountsKeyArn", "Value"]}:
                found[variable] = KEY_ARN
            case {"Fn::GetAtt": ["HashKeyArn", "Value"]}:
                found[variable] = "HashKey"
            case {"Fn::Sub": _}:
                found[variable] = LIMITS
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
    events: list[Json] = field(default_factory=list)  # that were put on the bus
    calls: list[tuple[str, str]] = field(default_factory=list)  # route and request of each that was answered
    decided: list[tuple[str, duties.Act]] = field(default_factory=list)  # on which route which duty was looked at
    running: bool = True
    requests: int = 0
    stripe: StripeServer = field(default_factory=lambda: StripeServer(key=STRIPE_SECRETS["apiKey"], livemode=True))
    kms: Kms = field(default_factory=Kms)
    manifests: Drawer = field(default_factory=Drawer)
    files: Bucket = field(default_factory=Bucket)

    def invoke(self, name: str, event: Json) -> Any:
        """One invocation of a function in a fresh environment."""
        role, given = self.roles[name], variables(name)
        self.monkeypatch.setattr(duties, "decide", self._deciding(event.get("routeKey", name)))
        if "routeKey" in event:  # through the CDN
            by_cdn = {"x-cdn-secret": CDN_SECRET, "x-viewer-address": "198.51.100.7"}
            event = {**event, "headers": {**event.get("headers", {}), **by_cdn}}
        if "STRIPE_API_BASE" in given:
            given["STRIPE_API_BASE"] = self.stripe.base
        for variable in {variable for each in FUNCTIONS for variable in variables(each)}:
            self.monkeypatch.delenv(variable, raising=False)
        for variable, value in given.items():
            self.monkeypatch.setenv(variable, value)
        clients = {
            "dynamodb": PolicedTable(self.client, role),
            "sqs": PolicedQueues(role, self.sent),
            "stepfunctions": PolicedWorkflow(role, "RUNNING" if self.running else "FAILED"),
            "kms": PolicedKms(role, self.kms),
            "s3": PolicedFiles(role, self.files) if "FILES_BUCKET" in given else PolicedBucket(role, self.manifests),
            "events": PolicedEvents(role, self.events),
            "secretsmanager": PolicedSecrets(role, SECRETS),
        }
        self.monkeypatch.setattr(aws, "client", clients.__getitem__)
        config.reset()
        made = CONTEXT.__wrapped__()  # as the function makes it, with these clients
        self.monkeypatch.setattr(config, "context", functools.cache(lambda: replace(made, now_ms=self.clock)))
        answer = handler(name)(event, SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000))
        assert role.refused == [], f"{name} needs more than its role allows"
        if "routeKey" in event and answer["statusCode"] < 300:
            self.calls.append((event["routeKey"], event["requestContext"]["requestId"]))
        return answer

    def _deciding(self, route: str) -> Callable[[duties.Act, duties.DutyFacts], duties.Verdict]:
        """The real decision, noted with where it was asked for."""

        def decide(act: duties.Act, facts: duties.DutyFacts) -> duties.Verdict:
            self.decided.append((route, act))
            return DECIDE(act, facts)

        return decide

    def call(self, name: str, who: str, route: str, body: Json | None = None, **more: str) -> Json:
        """A request; `more`: path parameters, and `key`, `match`, `query`. Returns the answer's body."""
        self.requests += 1
        headers = {"content-type": "application/json"} | ({"idempotency-key": more.pop("key")} if "key" in more else {})
        headers |= {"authorization": f"Bearer {more.pop('bearer')}"} if "bearer" in more else {}
        if "match" in more:
            headers["if-match"] = f'"{more.pop("match")}"'
        query = dict(each.split("=") for each in more.pop("query").split("&")) if "query" in more else None
        answer = self.invoke(name, {
            "routeKey": route, "headers": headers, "pathParameters": more, "queryStringParameters": query,
            "body": json.dumps(body) if body is not None else None,
            "requestContext": {"requestId": f"r{self.requests}", "authorizer": {"jwt": {"claims": {
                "sub": who, "token_use": "access", "name": f"{who} of {name}",  # so that each function keeps it
                "auth_time": str(self.clock() // 1000),
                "scope": "refledger/events:write refledger/portal:write" if who == "server" else "",
                "cognito:groups": "[admin]" if who.startswith("admin") or who.endswith("admin") else "",
            }}}},
        })  # fmt: skip
        assert answer["statusCode"] < 300, (route, answer)
        is_json = answer["headers"]["content-type"] == "application/json"
        found: Json = json.loads(answer["body"]) if is_json else {"text": answer["body"]}
        return found

    def deliver(self, route: str, body: bytes, headers: dict[str, str]) -> None:
        """A signed message without a token, which must be taken."""
        answer = self.invoke("payout_webhooks", {
            "routeKey": route, "headers": headers, "body": body.decode(), "isBase64Encoded": False,
            "requestContext": {"requestId": "delivery"},
        })  # fmt: skip
        assert answer["statusCode"] == 200, answer

    def pay(self, customer: str, payment_id: str, amount: int) -> None:
        """A payment event, in a batch with one that nobody can read."""
        detail = {"paymentId": payment_id, "customerId": customer, "amount": amount, "currency": "USD"}
        self.work("payment_events", self.event("Payment Succeeded", **detail), "not JSON")

    def event(self, kind: str, **detail: Any) -> str:
        """The text of one of our own events, of now."""
        detail["occurredAt"] = iso(self.clock())
        return json.dumps({"source": "payments", "detail-type": kind, "detail": detail})

    def example(self, name: str) -> str:
        """The text of one of Stripe's sample events, of now."""
        event = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
        for node in (event["detail"], event["detail"]["data"]["object"]):
            node["created"] = self.clock() // 1000
        return json.dumps(event)

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
        return str(self.call("member_withdrawals", who, "POST /api/v1/referrals/withdraw", body)["id"])

    def bob(self) -> str:
        """Bob's partner id."""
        return str(self.call("member_referrals", "bob", "GET /api/v1/referrals/code")["partnerId"])

    def forget_account(self, partner_id: str) -> None:
        """The partner's methods as they were before it was kept which account each is."""
        table = Table(self.client, TABLE)
        for each in methods.of_partner(table, partner_id):
            table.commit(update("a method of before", keys.method(partner_id, each.id, each.version), "REMOVE #same"))

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
        assert self.invoke("stream_rollups", event) == {"state": {}}


def handler(name: str) -> Any:
    return importlib.import_module(f"functions.{name}.app").handler


def tell(story: Story) -> None:
    """Alice referred Bob, Bob referred Carol, Carol pays, they are paid: all that functions do, done once."""
    onboard(story)
    earn(story)
    withdraw_and_decide(story)
    decide_about_many(story)
    read_statements(story)
    method = pay_by_stripe(story)
    sweep_and_count(story)
    report(story)
    attest(story)
    follow_links(story)
    look_at_oneself(story)
    look_at_a_partner(story)
    compare_with_stripe(story, method)
    for route in ("GET /api/v1/openapi.json", "GET /docs"):
        assert story.invoke("docs", {"routeKey": route, "requestContext": {"requestId": "reader"}})["body"]
    assert story.invoke("web", {"routeKey": "GET /", "requestContext": {"requestId": "reader"}})["statusCode"] == 302


PROGRAM: Json = {
    "name": "Friends",
    "currency": "USD",
    "rules": {
        "tiers": [{"rateBps": 2000}, {"rateBps": 1000}],
        "limitMonths": 120,
        "firstPayment": {"tiers": [{"rateBps": 2000}]},
    },
    "holdDays": 0,
    "coolingHours": 0,
    "attributionDays": None,
    "links": {"defaultUrl": "https://shop.example.com/", "allowedDomains": ["shop.example.com"]},
    "portal": {"allowedOrigins": ["https://shop.example.com"]},
}


def rename(story: Story, name: str) -> None:
    """The program's next version: what waits was asked for under an earlier one."""
    one = "/api/v1/programs/{programId}"
    version = str(story.call("programs", "admin", f"GET {one}", programId="default")["version"])
    story.call("programs", "admin", f"PUT {one}", {**PROGRAM, "name": name}, programId="default", match=version)


def onboard(story: Story) -> None:
    story.call("programs", "admin", "POST /api/v1/programs", {"id": "default", **PROGRAM}, key="k1")
    story.call("programs", "admin", "GET /api/v1/programs")
    story.call("programs", "admin", "GET /api/v1/programs/{programId}", programId="default")
    codes = {who: story.call("member_referrals", who, "GET /api/v1/referrals/code")["code"] for who in ("alice", "bob")}
    story.call("member_referrals", "bob", "POST /api/v1/referrals/apply/{code}", code=codes["alice"])
    story.call("member_referrals", "carol", "POST /api/v1/referrals/apply/{code}", code=codes["bob"])
    # Carol stays with the first version: her payments read it, and are counted by it
    one = "/api/v1/programs/{programId}"
    story.call("programs", "admin", f"PUT {one}", {**PROGRAM, "name": "Fellows"}, programId="default", match="1")
    assert len(story.call("programs", "admin", f"GET {one}/versions", programId="default")["data"]) == 2
    story.call("programs", "admin", f"GET {one}/versions/{{version}}", programId="default", version="1")
    new = {"firstName": "Dora", "lastName": "Example", "email": "dora@example.com"}
    dora = story.call("partners", "admin", "POST /api/v1/partners", new, key="k2")["id"]
    rates = {"rates": [{"rateBps": 2500}], "reason": "a deal"}
    story.call("partners", "admin", "PUT /api/v1/partners/{partnerId}/commission", rates, partnerId=dora, match="1")
    link = "POST /api/v1/partners/{partnerId}/link-user"
    story.call("partners", "admin", link, {"sub": "dora"}, partnerId=dora)
    # Acme, who never signs in, refers Erik, who then signs in as a partner who was onboarded before
    acme = story.call("partners", "admin", "POST /api/v1/partners", {**new, "email": "acme@example.com"}, key="k3")
    story.call("member_referrals", "erik", "POST /api/v1/referrals/apply/{code}", code=acme["referralCode"])
    fox = story.call("partners", "admin", "POST /api/v1/partners", {**new, "email": "fox@example.com"}, key="k4")
    story.call("partners", "admin", link, {"sub": "erik"}, partnerId=fox["id"])
    for query in ("limit=5", "status=ACTIVE"):
        assert story.call("partners", "admin", "GET /api/v1/partners", query=query)["data"]
    story.call("partners", "admin", "GET /api/v1/partners/{partnerId}", partnerId=dora)
    suspend = "POST /api/v1/partners/{partnerId}/suspend"
    story.call("partners", "admin", suspend, {"reason": "checked"}, partnerId=dora)
    scenario_partners.tell(story, fox["id"])


def follow_links(story: Story) -> None:
    """Clicks on Alice's link, on days of which the first ones are closed by the last; and a code that is nobody's."""
    mine = story.call("member_referrals", "alice", "GET /api/v1/referrals/code")["code"]

    def click(code: str) -> int:
        request = {"requestId": "click", "http": {"method": "GET", "sourceIp": "192.0.2.1"}}
        event = {"routeKey": "GET /r/{code}", "pathParameters": {"code": code}, "requestContext": request}
        return int(story.invoke("links", event)["statusCode"])

    assert [click(code) for code in (mine, "NOBODYS")] == [302, 404]
    story.clock.forward(5 * DAY_MS)
    assert {click(mine) for _ in range(3)} == {302}


def read_statements(story: Story) -> None:
    """Bob's month, for himself and for staff."""
    month = iso(story.clock())[:7]
    assert story.call("statements", "bob", "GET /api/v1/me/statements/{month}", month=month)["accounts"]
    of_partner = "GET /api/v1/partners/{partnerId}/statements/{month}"
    told = story.call("statements", "admin", of_partner, partnerId=story.bob(), month=month, query="format=csv")
    assert "OPENING" in told["text"]
    for _ in ("made", "kept"):
        story.call("statements", "admin", of_partner, partnerId=story.bob(), month="2024-01", query="format=pdf")
    assert [name for name in story.files.objects if name.startswith("statements/")]


def embed(story: Story) -> None:
    """Bob's portal on the owner's page reads as he does; the page itself needs a build, and no right."""
    begun = story.call("embed", "server", "POST /api/v1/portal-sessions", {"partnerId": story.bob()})
    for name in ("program", "links", "balance", "upcoming", "rewards", "referrals"):
        assert story.call("me", "nobody", f"GET /api/v1/embed/{name}", bearer=begun["token"]), name
    story.call("analytics", "nobody", "GET /api/v1/embed/performance", bearer=begun["token"])
    (reward, *_) = story.call("me", "nobody", "GET /api/v1/embed/rewards", bearer=begun["token"])["data"]
    why, id = "GET /api/v1/embed/rewards/{rewardId}/explain", reward["id"]
    assert story.call("rewards", "nobody", why, rewardId=id, bearer=begun["token"])["earned"]


def look_at_oneself(story: Story) -> None:
    """All that Bob sees of himself, and what he says."""
    of_me = "/api/v1/me"
    version = str(story.call("me", "bob", f"GET {of_me}")["version"])
    for phone in ("+49 30 1234567", "+49 30 7654321"):  # others may have the same name and number
        changed = story.call("me", "bob", f"PATCH {of_me}", {"firstName": "Robert", "phone": phone}, match=version)
        version = str(changed["version"])
    events = {"events": ["REWARD_APPROVED"]}
    story.call("me", "bob", f"PUT {of_me}/notifications", events, match=str(changed["version"]))
    assert story.call("me", "bob", f"GET {of_me}/notifications")["events"] == events["events"]
    for name in ("codes", "links", "referrals", "rewards", "balance", "withdrawals", "payout-methods"):
        assert story.call("me", "bob", f"GET {of_me}/{name}")["data"], name
    assert story.call("me", "bob", f"GET {of_me}/statistics")["balances"]
    assert story.call("me", "bob", "GET /api/v1/session")["partner"]
    story.call("me", "bob", f"GET {of_me}/upcoming")
    embed(story)
    assert story.call("me", "bob", f"GET {of_me}/program")["currencies"]
    assert story.task("assess", story.withdraw("bob", 1_000)) == "REQUESTED", "who else has the name is looked for"


def look_at_a_partner(story: Story) -> None:
    """All that staff see of Bob, each in the function that has the right to it."""
    owners = {
        "referrals": "referrals", "rewards": "rewards", "withdrawals": "withdrawals", "balance": "ledger",
        "ledger": "ledger", "links": "partners",
    }  # fmt: skip
    for name, function in owners.items():
        route = f"GET /api/v1/partners/{{partnerId}}/{name}"
        assert story.call(function, "admin", route, partnerId=story.bob())["data"], name


def earn(story: Story) -> None:
    story.pay("carol", "p0", 100)
    early = json.loads(
        story.event("Payment Succeeded", paymentId="p00", customerId="carol", amount=100, currency="USD")
    )
    early["detail"]["occurredAt"] = iso(story.clock() - DAY_MS)  # p0 was not the first: what Alice has of it comes now
    story.work("payment_events", json.dumps(early))
    story.pay("carol", "p1", 100_000)
    assert story.sent["PaymentsDlq"]
    story.work("maturity", *[message["MessageBody"] for message in story.sent.pop("MaturityQueue")])
    story.pay("carol", "p2", 100_000)
    take_back(story)
    story.sent.clear()
    for minutes, look in ((1, "DUE"), (60, "DUE-LATE")):  # the second time from where the first one looked
        story.clock.forward(minutes * MINUTE_MS)
        assert story.invoke("maturity", {})[look] == 2
    assert story.call("member_referrals", "bob", "GET /api/v1/referrals/stats")["balances"]
    assert story.call("ledger", "bob", "GET /api/v1/ledger/entries")["data"]
    assert story.call("ledger", "admin2", "GET /api/v1/ledger/entries")["data"]
    assert story.call("ledger", "bob", "GET /api/v1/ledger/balances")["data"]


def take_back(story: Story) -> None:
    """A refund of money that has been earned already, disputes of which one's end is told first, and Stripe's names."""
    money = {"amount": 10_000, "currency": "USD"}
    of_p1, of_p2 = {"paymentId": "p1", "disputeId": "d1"}, {"paymentId": "p2", "disputeId": "d2"}
    story.work("payment_events", story.event("Payment Refunded", refundId="r1", paymentId="p1", **money))
    story.work("payment_events", story.event("Payment Disputed", **of_p1, **money))
    story.work("payment_events", story.event("Dispute Closed", **of_p1, outcome="WON"))
    story.work("payment_events", story.event("Dispute Closed", **of_p2, outcome="LOST"))
    story.work("payment_events", story.event("Payment Disputed", **of_p2, **money))
    for name in ("stripe_refund_created_basil", "stripe_invoice_payment_paid", "stripe_invoice_payment_paid_by_charge"):
        story.work("payment_events", story.example(name))


def withdraw_and_decide(story: Story) -> None:
    first = story.withdraw("bob", 30_000)  # more than is available: what is due matures at once
    story.call("payout_methods", "alice", "POST /api/v1/payout-methods", METHOD)  # bob's account
    assert story.task("admit", first) == "REQUESTED"  # as executions that began before
    assert story.task("decide", first, token="t1") == "REQUESTED"
    cancel = "POST /api/v1/referrals/withdrawals/{withdrawalId}/cancel"
    story.call("member_withdrawals", "bob", cancel, withdrawalId=first)
    assert story.task("request-approval", first, token="t2") == "CANCELLED"
    assert story.call("member_withdrawals", "bob", "GET /api/v1/referrals/withdrawals")["data"]
    story.call("member_withdrawals", "bob", "GET /api/v1/referrals/withdrawals/{withdrawalId}", withdrawalId=first)

    assert story.call("withdrawals", "admin", "GET /api/v1/inbox")["data"]
    paid, rejected, expired = (story.withdraw("bob", amount) for amount in (19_000, 2_000, 3_000))
    rename(story, "Friends again")
    for withdrawal, verb in ((paid, "approve"), (rejected, "reject")):
        story.task("decide", withdrawal, token="t3")
        story.call(
            "withdrawals",
            "paying-admin",
            f"POST /api/v1/withdrawals/{{withdrawalId}}/{verb}",
            {"note": "known well"},
            withdrawalId=withdrawal,
        )
    assert story.task("release", expired, **{"as": "EXPIRED"}) == "EXPIRED"
    assert story.task("pay", paid, token="t4") == "PAYING"
    assert story.call("withdrawals", "paying-admin", "GET /api/v1/withdrawals", query="status=PAYING")["data"]
    story.forget_account(story.bob())
    assert story.call("withdrawals", "paying-admin", "GET /api/v1/withdrawals/{withdrawalId}", withdrawalId=paid)[
        "account"
    ]
    export(story)
    mark = "POST /api/v1/withdrawals/{withdrawalId}/mark-paid"
    story.call("withdrawals", "marking-admin", mark, {"transactionId": "bank-1"}, withdrawalId=paid)
    assert story.task("finish", paid, heard="PAID", token="t8") == "PAID"


def decide_about_many(story: Story) -> None:
    """Alice's two transfers, approved and confirmed together; one comes back. No workflow marks what they covered."""
    both = [story.withdraw("alice", amount) for amount in (9_500, 1_000)]
    story.call("withdrawals", "paying-admin", "POST /api/v1/withdrawals/bulk-approve", {"withdrawalIds": both})
    items = [{"withdrawalId": id, "transactionId": f"of {id}"} for id in both]
    paid = story.call("withdrawals", "paying-admin", "POST /api/v1/withdrawals/bulk-mark-paid", {"items": items})[
        "results"
    ]
    assert [each["status"] for each in paid] == ["PAID", "PAID"]
    third = story.withdraw("alice", 1_000)
    unwanted = {"withdrawalIds": [third], "note": "asked for by mistake"}
    story.call("withdrawals", "paying-admin", "POST /api/v1/withdrawals/bulk-reject", unwanted)
    back = "POST /api/v1/withdrawals/{withdrawalId}/mark-returned"
    story.call("withdrawals", "paying-admin", back, {"note": "closed", "transactionId": "R-1"}, withdrawalId=both[1])
    assert story.call("withdrawals", "paying-admin", "GET /api/v1/withdrawals", query="problem=true")["data"] == []


def pay_alice(story: Story, transaction: str, amount: int) -> None:
    id = story.withdraw("alice", amount)
    story.call("withdrawals", "paying-admin", "POST /api/v1/withdrawals/{withdrawalId}/approve", {}, withdrawalId=id)
    mark = "POST /api/v1/withdrawals/{withdrawalId}/mark-paid"
    story.call("withdrawals", "paying-admin", mark, {"transactionId": transaction}, withdrawalId=id)


def export(story: Story) -> None:
    """One bank transfer waits to be made; its method is seen by its owner and by staff, and another is added."""
    (used,) = story.call("payout_methods", "bob", "GET /api/v1/payout-methods")["data"]
    of_bob = story.bob()
    staff = "/api/v1/partners/{partnerId}/payout-methods"
    assert story.call("payout_batches", "admin", f"GET {staff}", partnerId=of_bob)["data"]
    verify = f"POST {staff}/{{methodId}}/verify"
    assert story.call("payout_batches", "vouching-admin", verify, partnerId=of_bob, methodId=used["id"])["verifiedAt"]
    connected = {"type": "STRIPE", "stripeAccountId": "acct_1234567890"}
    added = story.call("payout_methods", "bob", "POST /api/v1/payout-methods", connected)["id"]
    story.call("payout_methods", "bob", "DELETE /api/v1/payout-methods/{methodId}", methodId=added)
    found_out(story, of_bob)
    batch = story.call("payout_batches", "admin", "POST /api/v1/payout-batches", {}, key="k5")["id"]
    assert story.call("payout_batches", "admin", "GET /api/v1/payout-batches")["data"]
    assert story.call("payout_batches", "admin", "GET /api/v1/payout-batches/{batchId}", batchId=batch)["lines"]
    assert (
        METHOD["iban"]
        in story.call("payout_batches", "admin", "GET /api/v1/payout-batches/{batchId}/file", batchId=batch)["text"]
    )


def found_out(story: Story, partner: str) -> None:
    """From now on each till looks whether something of this customer waits to be paid out."""
    body = {"partnerId": partner, "customerId": "found out", "source": "phone"}
    made = story.call("referrals", "admin", "POST /api/v1/referrals", body, key="found-out")["id"]
    reject = "POST /api/v1/referrals/{referralId}/reject"
    story.call("referrals", "admin", reject, {"reason": "the partner's own"}, referralId=made)


def pay_by_stripe(story: Story) -> str:
    """A transfer to Bob's connected account, which is taken back later: Stripe tells of it. Returns the method."""
    connected = {"type": "STRIPE", "accountHolder": "Bob Example", "stripeAccountId": stripe_server.ACCOUNT}
    with stripe_server.running(story.stripe) as stripe:
        method = str(story.call("payout_methods", "bob", "POST /api/v1/payout-methods", connected)["id"])
        verify = "POST /api/v1/partners/{partnerId}/payout-methods/{methodId}/verify"
        assert story.call("payout_batches", "vouching-admin", verify, partnerId=story.bob(), methodId=method)[
            "verifiedAt"
        ]
        id = transferred(story, method)
        story.task("await-settlement", id, token="t7")  # an execution that began before waits with its own
        stripe.deliver = lambda body, headers: story.deliver("POST /api/v1/webhooks/stripe", body, headers)
        stripe.reverse(stripe.transfers[0]["id"])
    assert story.task("finish", id, heard="PAID", token="t9") == "RETURNED"
    return method


def transferred(story: Story, method: str) -> str:
    body = {"amount": 1_500, "currency": "USD", "payoutMethodId": method}
    id = str(story.call("member_withdrawals", "bob", "POST /api/v1/referrals/withdraw", body)["id"])
    story.task("request-approval", id, token="t6")
    story.call("withdrawals", "paying-admin", "POST /api/v1/withdrawals/{withdrawalId}/approve", {}, withdrawalId=id)
    assert story.task("pay", id, token="t7") == "PAID"
    return id


def compare_with_stripe(story: Story, method: str) -> None:
    """From the first tick on."""
    with stripe_server.running(story.stripe) as stripe:
        stripe.clock, stripe.deliver = lambda: story.clock() / 1000, None
        story.invoke("reconciliation", {})
        story.task("await-settlement", transferred(story, method), token="t8")
        compare(story, stripe)


def compare(story: Story, stripe: StripeServer) -> None:
    """Nobody heard that the last transfer came back, nor of a refund, a dispute and a sum of a charge that is here,
    and another charge.
    """
    charge = json.loads(story.example("stripe_charge_succeeded"))["detail"]
    charge["data"]["object"] |= {"metadata": {"customerId": "carol"}, "currency": "usd"}
    here = stripe.happen(charge["type"], charge["data"]["object"])
    source = "aws.partner/stripe.com/ed_1"
    story.work("payment_events", json.dumps({"source": source, "detail-type": here["type"], "detail": here}))
    stripe.reverse(stripe.transfers[-1]["id"])
    names = ("refund_created", "charge_refunded_in_part", "dispute_created", "charge_basil_one_off")
    for name in names:
        event = json.loads(story.example(f"stripe_{name}"))["detail"]
        event["data"]["object"] |= {"currency": "usd"}
        stripe.happen(event["type"], event["data"]["object"])
    story.clock.forward(8 * 60 * MINUTE_MS)
    story.sent.clear()
    assert story.invoke("reconciliation", {})["told"] == 1
    assert len(story.sent.pop("PaymentsQueue")) == len(names)


def sweep_and_count(story: Story) -> None:
    asked, approved = story.withdraw("bob", 4_000), story.withdraw("bob", 5_000)
    story.task("request-approval", approved, token="t5")
    story.call(
        "withdrawals", "paying-admin", "POST /api/v1/withdrawals/{withdrawalId}/approve", {}, withdrawalId=approved
    )
    cursor = {"pk": {"S": "SYSTEM"}, "sk": {"S": "SWEEP-REQUESTED"}, "at": {"S": ""}}
    story.client.put_item(TableName=TABLE, Item=cursor)
    story.clock.forward(10 * MINUTE_MS)
    assert story.invoke("sweeper", {})["woken"] == 1
    story.running = False
    of_bob = story.bob()
    story.call("partners", "admin", "POST /api/v1/partners/{partnerId}/suspend", {"reason": "why"}, partnerId=of_bob)
    assert story.task("finish", approved, heard="APPROVED", token="t10") == "APPROVED", "sent back"
    assert story.task("pay", approved, token="t11") == "HELD"
    rename(story, "Friends for ever")
    assert story.invoke("sweeper", {})["resumed"] == 1, "the other one is held"
    story.call(
        "partners", "vouching-admin", "POST /api/v1/partners/{partnerId}/activate", {"reason": "so"}, partnerId=of_bob
    )
    story.clock.forward(120 * MINUTE_MS)
    key, now = {"pk": {"S": f"WITHDRAWAL#{asked}"}, "sk": {"S": "ROOT"}}, {":now": {"N": str(story.clock())}}
    change = "SET expires = :now"
    story.client.update_item(TableName=TABLE, Key=key, UpdateExpression=change, ExpressionAttributeValues=now)
    swept = story.invoke("sweeper", {})
    assert (swept["covered"], swept["expired"]) == (2, 1)
    pay_alice(story, "500 more", 500)
    # a refund moves Alice's money, and whoever matures looks what her payouts covered
    story.sent.clear()
    story.work(
        "payment_events", story.event("Payment Refunded", refundId="r2", paymentId="p1", amount=100, currency="USD")
    )
    story.work("maturity", *[message["MessageBody"] for message in story.sent.pop("MaturityQueue")])

    ids = Ids(HASH_KEY)
    bob = ids.partner(ids.user("bob"))
    story.stream(f"REWARD#{bob}", f"REFERRAL#{bob}")
    story.clock.forward(5 * DAY_MS)  # the day is closed by then: its parts become one
    story.stream(f"REWARD#{bob}")
    assert story.call("member_referrals", "bob", "GET /api/v1/referrals/stats")["balances"]


def report(story: Story) -> None:
    """What the stream told of Bob is in leaderboards and reports."""
    story.work("leaderboards", *[message["MessageBody"] for message in story.sent.pop("LeaderboardsQueue")])
    assert story.call("analytics", "admin", "GET /api/v1/partners/top", query="by=rewards")["data"]
    bob = story.bob()
    assert story.call("analytics", "admin", "GET /api/v1/partners/{partnerId}/statistics", partnerId=bob)["allTime"]
    assert story.call("analytics", "bob", "GET /api/v1/me/performance")["allTime"]
    assert story.call("analytics", "admin", "GET /api/v1/referrals/trends", query="interval=week")["data"]
    assert story.call("analytics", "admin", "GET /api/v1/analytics/overview")["allTime"]["rewards"]["total"]


def attest(story: Story) -> None:
    """The day's manifest: begun by a call that dies before it has signed, finished by the next one."""

    def die(name: str) -> None:
        if name.endswith(SIGNATURE):
            raise TimeoutError

    story.manifests.before = die
    with pytest.raises(TimeoutError):
        story.invoke("manifest", {})
    story.manifests.before = lambda _: None
    assert story.invoke("manifest", {})["outcome"] == "WRITTEN"
    assert story.invoke("manifest", {})["outcome"] == "COMPLETE"
