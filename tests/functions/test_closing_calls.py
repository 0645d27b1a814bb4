"""Closing a converted referral over HTTP: people alone, from a moment, with or without what is not paid out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from refledger.domain.times import iso
from refledger.operations.referring import reads
from tests.support.functions import Answer, World

CLOSE = "POST /api/v1/referrals/{referralId}/close"


@pytest.fixture
def id(world: World, somebody: Callable[[], str]) -> str:
    """A referral whose customer has paid 100.00 a minute ago."""
    partner, customer = somebody(), somebody()
    world.books.chain(partner, customer)
    world.books.earn(customer, f"of {customer}", 10_000)
    world.books.clock.forward(60_000)
    return reads.by_customer(world.books.context, "default", world.books.user(customer)).id


def close(world: World, id: str, body: Any, **told: Any) -> Answer:
    return world.admin(CLOSE, path={"referralId": id}, body={"reason": "the customer is the partner", **body}, **told)


def test_it_is_closed_from_a_moment_and_says_so(world: World, id: str) -> None:
    """Shown on the referral to staff and partner; the answer counts what was cancelled, once."""
    now = iso(world.books.clock())
    answer = close(world, id, {"cancelUnpaid": True})
    assert (answer.status, answer.body["cancelled"], answer.body["complete"]) == (200, 1, True)
    assert (answer.body["closedFrom"], answer.body["closedAt"]) == (now, now)
    assert answer.body["reason"] == "the customer is the partner"
    shown = world.admin("GET /api/v1/referrals/{referralId}", path={"referralId": id}).body
    assert (shown["closedFrom"], shown["reason"]) == (now, "the customer is the partner")
    assert close(world, id, {"cancelUnpaid": True}).body == {**answer.body, "cancelled": 0}
    earlier = close(world, id, {"from": "2026-01-31T12:00:00Z"})
    assert earlier.body["closedFrom"] == "2026-01-31T12:00:00.000Z"
    late = close(world, id, {"from": now})
    assert (late.status, late.code) == (409, "CONFLICT")


@pytest.mark.parametrize("moment", ["2026-01-31", "2026-01-31T12:00:00", "yesterday", 5, "2999-01-01T00:00:00Z"])
def test_a_moment_has_a_zone_and_has_come(world: World, id: str, moment: Any) -> None:
    """Anything else is refused."""
    assert close(world, id, {"from": moment}).status == 422


def test_neither_machines_nor_support_close_it(world: World, id: str) -> None:
    """People of admin or finance."""
    assert close(world, id, {}, sub="shop", groups=(), claims={"scope": "refledger/referrals:write"}).status == 403
    assert close(world, id, {}, groups=("support",)).status == 403
    assert close(world, id, {}, groups=("finance",)).status == 200
