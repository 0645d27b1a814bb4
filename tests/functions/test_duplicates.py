"""What two systems told of the same money, over HTTP: who sees it, and who says what of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from refledger.domain.times import HOUR_MS
from tests.support.functions import Answer, World, assert_problem

EVE: dict[str, Any] = {"sub": "eve", "groups": ("admin",)}
SUPPORT: dict[str, Any] = {"sub": "sue", "groups": ("support",)}
DECIDE = "POST /api/v1/payments/{paymentId}/duplicate"


@pytest.fixture
def pair(world: World, somebody: Callable[[], str]) -> tuple[str, str, str]:
    """A partner, and our ids of their customer's payment and of what may be the same."""
    partner, customer = somebody(), somebody()
    world.books.chain(partner, customer)
    world.books.pay(customer, f"order of {customer}", 10_000)
    world.books.clock.forward(HOUR_MS)
    world.books.pay(customer, f"in_{customer}", 10_000, system="stripe")
    ids = world.books.ids
    return partner, ids.payment("payments", f"order of {customer}"), ids.payment("stripe", f"in_{customer}")


def decide(world: World, id: str, verdict: str, **told: Any) -> Answer:
    return world.call(DECIDE, path={"paymentId": id}, body={"verdict": verdict, "note": "asked"}, **(told or EVE))


def listed(world: World) -> dict[str, str]:
    found = world.call("GET /api/v1/payments/duplicates", **SUPPORT).body["data"]
    return {each["payment"]["id"]: each["mayBe"]["id"] for each in found}


def test_it_is_seen_everywhere(world: World, pair: tuple[str, str, str]) -> None:
    """In the list of pairs, at the payment, at its reward; a partner learns that staff look at it."""
    partner, first, second = pair
    assert listed(world)[second] == first
    read = world.call("GET /api/v1/payments/{paymentId}", path={"paymentId": second}, **SUPPORT).body
    assert (read["toldBy"], read["possibleDuplicateOf"], read["clearedBy"]) == ("stripe", first, None)
    [reward] = read["rewards"]
    assert (reward["held"], reward["possibleDuplicateOf"]) == (["POSSIBLE_DUPLICATE"], first)
    mine = world.call("GET /api/v1/rewards/{rewardId}", path={"rewardId": reward["id"]}, sub=partner).body
    assert (mine["held"], mine["possibleDuplicateOf"]) == (["REVIEW"], None)


def test_another_payment(world: World, pair: tuple[str, str, str]) -> None:
    """Said once it is so; the other word is refused then."""
    _, _, second = pair
    done = decide(world, second, "another")
    assert (done.status, done.body["possibleDuplicateOf"], done.body["note"]) == (200, None, "asked")
    assert done.body["clearedBy"] == world.books.user("eve")
    assert [each["status"] for each in done.body["rewards"]] == ["APPROVED"]
    assert decide(world, second, "ANOTHER").body == done.body
    assert_problem(decide(world, second, "SAME"), 409)
    assert second not in listed(world)


def test_the_same_payment(world: World, pair: tuple[str, str, str]) -> None:
    """It is a name of the other from then on."""
    partner, first, second = pair
    done = decide(world, second, "SAME")
    assert (done.status, done.body["id"], len(done.body["rewards"])) == (200, first, 1)
    [reward] = [each for each in world.books.rewards(partner) if each.payment == second]
    assert reward.cancelled == "DUPLICATE"
    assert decide(world, second, "SAME").body == done.body
    assert_problem(decide(world, second, "ANOTHER"), 409)
    assert second not in listed(world)


def test_who_decides(world: World, pair: tuple[str, str, str]) -> None:
    """Staff who decide about money, not support, not the partner; and of nothing that is not suspected."""
    partner, first, second = pair
    assert decide(world, second, "ANOTHER", **SUPPORT).status == 403
    assert decide(world, second, "ANOTHER", sub=partner).status == 403
    assert decide(world, second, "SAME", sub=partner, groups=("admin",)).status == 403
    assert_problem(decide(world, first, "ANOTHER"), 409)
    assert decide(world, "nothing", "ANOTHER").status == 404
    assert decide(world, second, "PERHAPS").status == 422
