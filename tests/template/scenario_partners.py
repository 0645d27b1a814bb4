"""The part of the story in which staff look after partners, and others become partners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from refledger.entry import config

if TYPE_CHECKING:
    from tests.template.story import Story

ONE = "/api/v1/partners/{partnerId}"
PERSON = {"firstName": "Gil", "lastName": "Example", "email": "gil@example.com"}


def tell(story: Story, partner: str) -> None:
    """`partner`: the id of one in their second version, whom somebody referred."""
    edit(story, partner)
    codes(story, partner)
    find(story, partner)
    invite(story)
    apply(story)
    make_keys(story)


def edit(story: Story, partner: str) -> None:
    moved = story.call(
        "partners", "admin", f"PATCH {ONE}", {"email": "vixen@example.com"}, partnerId=partner, match="2"
    )
    assert moved["version"] == 3
    story.call("partners", "admin", f"PUT {ONE}/tags", {"tags": ["agency"]}, partnerId=partner, match="3")
    whole = {name: moved[name] for name in ("firstName", "lastName", "email", "phone", "companyName")}
    whole |= {"tier": "SILVER", "tags": ["agency"]}
    story.call("partners", "admin", f"PUT {ONE}", whole, partnerId=partner, match="4")
    for version, status in (("5", "INACTIVE"), ("6", "ACTIVE")):
        change = {"status": status, "reason": "asked for"}
        story.call("partners", "admin", f"PATCH {ONE}", change, partnerId=partner, match=version)
    story.call("partners", "admin", f"POST {ONE}/notes", {"text": "called"}, partnerId=partner, key="note")
    assert story.call("partners", "admin", f"GET {ONE}/notes", partnerId=partner)["data"]
    items = {
        "create": [{**PERSON, "email": "hal@example.com"}], "update": [{"id": partner, "version": 7, "tier": "gold"}],
        "status": [{"id": partner, "status": "active", "reason": "why"}],
    }  # fmt: skip
    for _ in range(2):
        results = story.call("partners", "admin", "POST /api/v1/partners/bulk", items, key="bulk")["results"]
        assert [each["status"] for each in results] == ["ACTIVE"] * 3
    gone = story.call("partners", "admin", f"DELETE {ONE}", partnerId=results[0]["id"])
    assert gone["status"] == "TERMINATED"


def codes(story: Story, partner: str) -> None:
    main = story.call("partners", "admin", f"GET {ONE}", partnerId=partner)["referralCode"]
    story.call("partners", "admin", f"POST {ONE}/codes", {"code": "fox-trot"}, partnerId=partner, key="code")
    story.call("partners", "admin", f"POST {ONE}/codes/rotate", {}, partnerId=partner, key="rotate")
    for action in ("disable", "enable"):
        story.call("partners", "admin", f"POST {ONE}/codes/{{code}}/{action}", partnerId=partner, code=main)
    assert len(story.call("partners", "admin", f"GET {ONE}/codes", partnerId=partner)["data"]) == 3
    told = story.call("partners", "gil", "POST /api/v1/partners/validate-referral-code", {"referralCode": "fox-trot"})
    assert told == {"valid": True}
    assert story.call("partners", "admin", "GET /api/v1/partners/by-code/{code}", code=main)["id"] == partner


def find(story: Story, partner: str) -> None:
    address = "GET /api/v1/partners/by-email/{email}"
    assert story.call("partners", "admin", address, email="vixen@example.com")["id"] == partner
    assert story.call("partners", "admin", "GET /api/v1/partners", query="q=vix")["data"] == []  # the stream is late
    assert story.call("partners", "admin", f"GET {ONE}/upline", partnerId=partner)["data"]
    assert story.call("partners", "admin", f"GET {ONE}/downline", partnerId=partner)["data"] == []
    assert story.call("partners", "admin", f"GET {ONE}/signals", partnerId=partner)["data"] == []
    alice = story.call("partners", "admin", f"GET {ONE}/upline", partnerId=story.bob())["data"][0]["partnerId"]
    assert (
        story.call("partners", "admin", f"GET {ONE}/downline", partnerId=alice)["data"][0]["partnerId"] == story.bob()
    )


def invite(story: Story) -> None:
    made = story.call("invitations", "admin", "POST /api/v1/invitations", PERSON, key="invite")
    accept = "POST /api/v1/invitations/{token}/accept"
    for _ in range(2):
        story.call("invitations", "gil", accept, {}, token=made["token"])
    other = story.call("invitations", "admin", "POST /api/v1/invitations", PERSON, key="invite 2")["id"]
    story.call("invitations", "admin", "DELETE /api/v1/invitations/{invitationId}", invitationId=other)
    for query in ("limit=5", "status=REVOKED"):
        assert story.call("invitations", "admin", "GET /api/v1/invitations", query=query)["data"]


def apply(story: Story) -> None:
    new = {**PERSON, "email": "ivy@example.com"}
    one, decide = "/api/v1/applications/{applicationId}", ("reject", "approve")
    for verb in decide:
        made = story.call("invitations", "ivy", "POST /api/v1/applications", new)
        assert story.call("invitations", "ivy", "POST /api/v1/applications", new) == made
        assert story.call("invitations", "ivy", "GET /api/v1/me/applications")["data"] == [made]
        assert story.call("invitations", "ivy", f"GET {one}", applicationId=made["id"]) == made
        story.call("invitations", "admin", f"POST {one}/{verb}", {"reason": "why"}, applicationId=made["id"])
    waits = {**PERSON, "email": "uma@example.com"}  # nobody has decided about it yet
    story.call("invitations", "uma", "POST /api/v1/applications", waits)
    for query in ("limit=5", "status=REJECTED"):
        assert story.call("invitations", "admin", "GET /api/v1/applications", query=query)["data"]


def make_keys(story: Story) -> None:
    """A key that two admins agree on, turned over and used; one that is taken back; and what the list says."""
    new, one = {"name": "Shop", "scopes": ["events:write", "programs:read"]}, "/api/v1/api-keys/{apiKeyId}"
    for _ in range(2):
        made = story.call("api_keys", "admin", "POST /api/v1/api-keys", new, key="a key")
    story.call("api_keys", "admin2", f"POST {one}/confirm", apiKeyId=made["id"])
    turned = story.call("api_keys", "admin", f"POST {one}/rotate", {}, apiKeyId=made["id"], key="turned")
    with_key(story, turned["key"])
    gone = story.call("api_keys", "admin", "POST /api/v1/api-keys", {**new, "scopes": ["programs:read"]})
    story.call("api_keys", "admin2", f"DELETE {one}", apiKeyId=gone["id"])
    assert story.call("api_keys", "admin", f"GET {one}", apiKeyId=made["id"])["lastUsedAt"]
    assert len(story.call("api_keys", "admin", "GET /api/v1/api-keys")["data"]) == 2


def with_key(story: Story, text: str) -> None:
    """A key is looked up and its use noted, and the function of the route is called."""
    called: list[str] = []

    class Functions:
        def call(self, name: str, event: dict[str, Any]) -> dict[str, Any]:
            called.append(name)
            return {"statusCode": 200, "headers": {}, "body": ""}

    story.monkeypatch.setattr(config, "functions", Functions)
    context = {"requestId": "keyed", "http": {"method": "GET"}}
    story.invoke("dispatch", {
        "routeKey": "ANY /keyed/{proxy+}", "rawPath": "/keyed/api/v1/programs", "requestContext": context,
        "headers": {"authorization": f"Bearer {text}"},
    })  # fmt: skip
    assert called == ["programs"]
