"""Machines decide nothing about money, rights or status: what a service's token asks for, and what it is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from refledger.domain.partners import PartnerStatus
from refledger.store import partners
from tests.support.functions import Answer, World

P = "/api/v1/partners"


def service(world: World, route: str, scope: str, **told: Any) -> Answer:
    return world.call(route, sub="shop", claims={"scope": f"refledger/{scope}"}, **told)


def person(email: str, **more: str) -> dict[str, str]:
    return {"firstName": "Ada", "lastName": "Example", "email": email, **more}


def test_a_service_does_not_say_who_signs_in(world: World, somebody: Callable[[], str]) -> None:
    """The attack: POST /partners {sub} with partners:write. Alone or many at once; without a user it may."""
    sub = somebody()
    body = person(f"{sub}@example.com", sub=sub)
    refused = service(world, f"POST {P}", "partners:write", body=body)
    assert (refused.status, refused.code) == (403, "FORBIDDEN")
    many = {"create": [body, person(f"{sub}-2@example.com")]}
    first, second = service(world, f"POST {P}/bulk", "partners:write", body=many).body["results"]
    assert (first["code"], second["status"]) == ("FORBIDDEN", "ACTIVE")
    assert partners.id_of_user(world.books.table, world.books.user(sub)) is None
    assert service(world, f"POST {P}", "partners:write", body=person(f"{sub}-3@example.com")).status == 201
    assert world.admin(f"POST {P}", body=body).status == 201, "an admin may"


def test_nor_by_an_invitation(world: World, somebody: Callable[[], str]) -> None:
    """The attack: its answer has the token, and whoever accepts with that signs in as the partner."""
    invitations = "POST /api/v1/invitations"
    refused = service(world, invitations, "partners:write", body={"email": f"{somebody()}@example.com"})
    assert (refused.status, refused.code) == (403, "FORBIDDEN")


@pytest.mark.parametrize("verb", ["activate", "deactivate", "terminate", "DELETE"])
def test_a_service_lifts_no_suspension(world: World, somebody: Callable[[], str], verb: str) -> None:
    """To whatever other status: those who are not suspended are paid. It may suspend, and move who is not suspended."""
    id = world.books.partner(somebody()).id
    path = {"partnerId": id}
    reason = {"reason": "a rule of the shop"}
    assert service(world, f"POST {P}/{{partnerId}}/deactivate", "partners:write", path=path, body=reason).status == 200
    assert service(world, f"POST {P}/{{partnerId}}/suspend", "partners:write", path=path, body=reason).status == 200
    if verb == "DELETE":
        refused = service(world, f"DELETE {P}/{{partnerId}}", "partners:write", path=path)
    else:
        refused = service(world, f"POST {P}/{{partnerId}}/{verb}", "partners:write", path=path, body=reason)
        status = {"activate": "ACTIVE", "deactivate": "INACTIVE", "terminate": "TERMINATED"}[verb]
        many = {"status": [{"id": id, "status": status, "reason": "why"}]}
        (result,) = service(world, f"POST {P}/bulk", "partners:write", body=many).body["results"]
        assert result["code"] == "FORBIDDEN"
    assert (refused.status, refused.code) == (403, "FORBIDDEN")
    assert partners.find(world.books.table, id).status is PartnerStatus.SUSPENDED


def test_who_earns_above_a_partner_does_not_set_their_rates(world: World, somebody: Callable[[], str]) -> None:
    """Neither the partner nor anybody of their up-line, however far above."""
    top, middle, low = somebody(), somebody(), somebody()
    world.books.chain(top, middle, low)
    id = world.books.partner(low).id
    for sub in (top, middle, low):
        answer = world.admin(
            f"PUT {P}/{{partnerId}}/commission", path={"partnerId": id}, headers={"if-match": '"1"'}, sub=sub,
            body={"rates": [{"rateBps": 9000}], "reason": "a deal"},
        )  # fmt: skip
        assert (answer.status, answer.code) == (403, "FORBIDDEN")


def test_labels_and_tags_bring_nobody_more(world: World, somebody: Callable[[], str]) -> None:
    """Whoever sets them: what a partner earns is said by rates alone."""
    name, friend = somebody(), somebody()
    world.books.chain(name, friend)
    id = world.books.partner(name).id
    before = world.admin(f"GET {P}/{{partnerId}}", path={"partnerId": id}).body
    body = {"tier": "GOLD"}
    changed = service(
        world, f"PATCH {P}/{{partnerId}}", "partners:write", path={"partnerId": id}, body=body,
        headers={"if-match": f'"{before["version"]}"'},
    ).body  # fmt: skip
    assert (changed["tier"], changed["commissionRates"]) == ("GOLD", before["commissionRates"])
    world.books.pay(friend, f"of {friend}", 10_000)
    assert [reward.amount for reward in world.books.rewards(name)] == [2_000]
