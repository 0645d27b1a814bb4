"""Two partners' codes for one customer: one of the two earns, in whatever order it is told, and it stays that one."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest

from refledger.domain.times import HOUR_MS, iso
from refledger.operations.earning import unattributed
from refledger.store import bindings
from tests.functions.test_came_by import CUSTOMER, SHOP, click, earned
from tests.functions.test_payment_batches import records
from tests.support.books import START_MS
from tests.support.functions import World, load
from tests.support.queues import Sqs

CALLER = "1pfhierpcm54j7fc"


@pytest.fixture
def shop(fresh: World, sqs: Sqs, monkeypatch: pytest.MonkeyPatch) -> World:
    fresh.books.change_program(links=SHOP)
    monkeypatch.setattr("refledger.entry.config.lead_mappings", dict)
    return fresh


def paid(number: int, at_ms: int = START_MS, **told: Any) -> str:
    detail = {"paymentId": f"p{number}", "customerId": CUSTOMER, "amount": 10_000, "currency": "USD",
              "occurredAt": iso(at_ms), **told}  # fmt: skip
    return json.dumps({"source": "payments", "detail-type": "Payment Succeeded", "detail": detail})


def signed_up(number: int, **told: Any) -> str:
    detail = {"leadId": f"signup-{number}", "customerId": CUSTOMER, "occurredAt": iso(START_MS), **told}
    return json.dumps({"source": "leads", "detail-type": "Lead Created", "detail": detail})


def take(*bodies: str) -> None:
    for body in bodies:
        function = "lead_events" if '"leads"' in body else "payment_events"
        assert load(function).handler(records(body), None) == {"batchItemFailures": []}


def bound(world: World) -> str:
    found = bindings.find(world.books.table, "default", world.books.user(CUSTOMER))
    assert found
    return found.upline[0].partner_id


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_one_of_them_earns_all_of_it(shop: World, order: tuple[int, ...]) -> None:
    """The sum is the same in every order; what comes again, or says that it was earlier, moves nobody."""
    told = [
        signed_up(1, clickId=click(shop, "bob")), signed_up(2, referralCode=shop.books.partner("eve").code),
        paid(1, referralCode=shop.books.partner("eve").code), paid(2),
    ]  # fmt: skip
    take(*(told[place] for place in order))
    unattributed.take(shop.books.context, unattributed.Referred("default", shop.books.user(CUSTOMER)))
    first, sums = bound(shop), (earned(shop, "bob"), earned(shop, "eve"))
    assert sorted(sums) == [0, 4_000]
    take(*reversed(told), paid(3, START_MS - HOUR_MS, clickId=click(shop, "bob")))
    take(paid(4, START_MS - HOUR_MS, referralCode=shop.books.partner("eve").code))
    assert bound(shop) == first
    assert sorted((earned(shop, "bob"), earned(shop, "eve"))) == [0, 8_000]
    assert shop.books.faults() == []


def test_a_code_goes_before_a_click(shop: World) -> None:
    """Within one event nothing depends on order."""
    take(paid(1, clickId=click(shop, "bob"), referralCode=shop.books.partner("eve").code))
    assert bound(shop) == shop.books.partner("eve").id


@pytest.mark.parametrize("caller", [1, None, "site", f"{CALLER}#", CALLER[1:] + "é", [CALLER]])
def test_a_caller_that_is_none_is_put_aside(shop: World, sqs: Sqs, caller: Any) -> None:
    """And not taken for the bus, whose sales have no limit."""
    take(json.dumps({**json.loads(paid(1, referralCode=shop.books.partner("bob").code)), "caller": caller}))
    assert earned(shop) == 0
    assert len(sqs.dead) == 1


def test_what_a_detail_says_of_a_caller_is_nothing(shop: World) -> None:
    """Only beside the source it counts, where no producer writes."""
    take(paid(1, referralCode=shop.books.partner("bob").code, caller=CALLER))
    assert shop.books.payment("p1").caller == ""
    told = {**json.loads(paid(2)), "caller": CALLER}
    take(json.dumps(told))
    assert shop.books.payment("p2").caller == CALLER
