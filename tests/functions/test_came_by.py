"""Who came by a share link is their partner's customer, whatever tells of it, in whatever order, and whoever dies."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from refledger.domain import clicks
from refledger.domain.links import Links
from refledger.domain.referrals import ReferralSource
from refledger.domain.times import DAY_MS, MINUTE_MS, SECOND_MS, iso
from refledger.entry import config
from refledger.operations.earning import payments, unattributed
from refledger.operations.referring import reads
from refledger.store import bindings
from tests.functions.test_payment_batches import handle, paid, records
from tests.support.books import START_MS
from tests.support.functions import World, load
from tests.support.queues import Sqs

SHOP = Links("https://shop.example.com/", ("shop.example.com",), cookie_days=10, campaigns=("spring",))
CUSTOMER = "cus_1"


@pytest.fixture
def shop(fresh: World, sqs: Sqs, monkeypatch: pytest.MonkeyPatch) -> World:
    """The default program has links to a shop; nothing is held."""
    fresh.books.change_program(links=SHOP)
    monkeypatch.setattr(config, "lead_mappings", dict)
    return fresh


def click(world: World, name: str = "bob", **query: str) -> str:
    """Follow a partner's link; the id of the click."""
    path = {"code": world.books.partner(name).code}
    location = world.call("GET /r/{code}", sub=None, path=path, query=query).headers["location"]
    (found,) = parse_qs(urlsplit(location).query)["ref_id"]
    return found


def stripe(kind: str, at_ms: int = START_MS, **fields: Any) -> str:
    told = {"object": "event", "id": "evt_1", "type": kind, "livemode": True, "created": at_ms // SECOND_MS,
            "data": {"object": {"currency": "usd", "metadata": {}, **fields}}}  # fmt: skip
    return json.dumps({"source": "aws.partner/stripe.com/ed_1", "detail-type": kind, "detail": told})


def session(**fields: Any) -> str:
    told = {"id": "cs_1", "mode": "payment", "payment_status": "paid", "amount_total": 10_000, "customer": CUSTOMER,
            "payment_intent": "pi_1", "invoice": None, "total_details": {"amount_tax": 0}, **fields}  # fmt: skip
    return stripe("checkout.session.completed", **told)


def invoice(id: str = "in_1", **fields: Any) -> str:
    told = {"id": id, "status": "paid", "amount_paid": 10_000, "total": 10_000, "tax": None, "customer": CUSTOMER,
            "payment_intent": f"pi_{id}", "amount_shipping": 0, "lines": {"data": []}, **fields}  # fmt: skip
    return stripe("invoice.paid", **told)


def lead(world: World, **detail: Any) -> None:
    told = {"leadId": "signup-1", "customerId": CUSTOMER, "occurredAt": iso(START_MS), **detail}
    body = json.dumps({"source": "leads", "detail-type": "Lead Created", "detail": told})
    assert load("lead_events").handler(records(body), None) == {"batchItemFailures": []}


def referred(world: World) -> None:
    """What the stream's reader says of the customer, once somebody has referred them."""
    unattributed.take(world.books.context, unattributed.Referred("default", world.books.user(CUSTOMER)))


def earned(world: World, name: str = "bob") -> int:
    return sum(reward.amount for reward in world.books.rewards(name))


WAYS = {
    "own, clickId": lambda id, code: paid("p1", CUSTOMER, clickId=id),
    "own, referralCode": lambda id, code: paid("p1", CUSTOMER, referralCode=code.lower()),
    "session, reference": lambda id, code: session(client_reference_id=id),
    "session, reference of a code": lambda id, code: session(client_reference_id=code),
    "session, metadata": lambda id, code: session(metadata={"clickId": id}, client_reference_id="cart-1"),
    "session of a guest": lambda id, code: session(customer=None, client_reference_id=id),
    "invoice, metadata": lambda id, code: invoice(metadata={"clickId": id}),
    "invoice, subscription's": lambda id, code: invoice(subscription_details={"metadata": {"referralCode": code}}),
    "a wrong code and a click": lambda id, code: paid("p1", CUSTOMER, referralCode="NOBODYS", clickId=id),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_payment_brings_its_referral_along(shop: World, way: str) -> None:
    """One event, one call of one function: the customer is bound and the partner has earned; again, once."""
    body = WAYS[way](click(shop), shop.books.partner("bob").code)
    for _ in range(2):
        assert handle(body) == []
        assert earned(shop) == 2_000
    assert shop.books.faults() == []


def test_the_click_says_where_from(shop: World) -> None:
    """Source and campaign of the link are the referral's."""
    assert handle(paid("p1", CUSTOMER, clickId=click(shop, source="email", campaign="spring"))) == []
    referral = reads.by_lead(shop.books.context, "payments p1")
    assert (referral.source, referral.campaign) == (ReferralSource.EMAIL, "spring")


ORDERS = ("payment", "invoice", "session", "lead", "again", "referred")


@pytest.mark.parametrize("order", list(itertools.permutations(ORDERS[:4])), ids=" ".join)
def test_every_order_earns_the_same(shop: World, order: tuple[str, ...]) -> None:
    """A payment with the click, one without, a subscription's session, a sign-up, a repeat, the stream's word."""
    id = click(shop)
    steps: dict[str, Callable[[], object]] = {
        "payment": lambda: handle(paid("p1", CUSTOMER, clickId=id)),
        "invoice": lambda: handle(invoice()),
        "session": lambda: handle(session(mode="subscription", payment_intent=None, client_reference_id=id)),
        "lead": lambda: lead(shop, clickId=id),
        "again": lambda: handle(invoice(), paid("p1", CUSTOMER, clickId=id)),
        "referred": lambda: referred(shop),
    }
    for step in (*order, *ORDERS):  # whatever was left out comes after all
        steps[step]()
    assert earned(shop) == 4_000
    assert shop.books.faults() == []


def test_the_first_partner_keeps_the_customer(shop: World) -> None:
    """A later click on somebody else's link takes nobody away, by whatever it is told."""
    assert handle(paid("p1", CUSTOMER, clickId=click(shop))) == []
    other = click(shop, "eve")
    lead(shop, clickId=other)
    assert handle(paid("p2", CUSTOMER, clickId=other), session(client_reference_id=other)) == []
    assert (earned(shop), earned(shop, "eve")) == (6_000, 0)


@pytest.mark.parametrize("dies", ["before", "between", "after"])
def test_whoever_dies_is_met_by_the_repeat(shop: World, dies: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the referral, between it and the payment, and with the payment written: the message comes again."""
    body, real = paid("p1", CUSTOMER, clickId=click(shop)), payments.record

    def record(*args: Any) -> Any:
        if dies == "after":
            real(*args)
        raise RuntimeError("died")

    target, name, fault = (bindings, "bind", record) if dies == "before" else (payments, "record", record)
    with monkeypatch.context() as patch:
        patch.setattr(target, name, fault)
        assert handle(body) == ["m0"]
    assert handle(body) == []
    assert earned(shop) == 2_000


def test_a_payment_that_comes_days_late_is_not_lost(shop: World) -> None:
    """Its own click counts by when it was paid, and not by when the message was at last worked on."""
    shop.books.change_program(links=SHOP, new_customers_only=True)
    body = paid("p1", CUSTOMER, clickId=click(shop))
    shop.books.clock.forward(20 * DAY_MS)
    assert handle(body) == []
    assert earned(shop) == 2_000


def test_a_click_counts_as_long_as_its_cookie(shop: World) -> None:
    """Ten days here; a minute later it brings nobody, and the payment is nobody's."""
    id = click(shop)
    shop.books.clock.forward(11 * DAY_MS)
    late, in_time = START_MS + 10 * DAY_MS + MINUTE_MS, START_MS + 10 * DAY_MS - MINUTE_MS
    assert handle(paid("p1", CUSTOMER, clickId=id, occurredAt=iso(late))) == []
    assert shop.books.payment("p1").is_nobodys
    assert handle(paid("p2", "cus_2", clickId=id, occurredAt=iso(in_time))) == []
    assert earned(shop) == 2_000


def test_a_click_id_cannot_be_made_up(shop: World) -> None:
    """Another tag, another code under the same tag, another key, a piece, noise: none brings anybody."""
    id = click(shop)
    _, tag = clicks.split(id) or (b"", b"")
    of_eve = clicks.Click(shop.books.partner("eve").code, START_MS)
    forged = [
        id[:-1] + ("0" if id[-1] != "0" else "8"),
        clicks.id_of(of_eve, b"12345", lambda _: tag),
        clicks.id_of(of_eve, b"12345", lambda _: bytes(10)),
        id[:-8], id + "00000000", "clk_" + "0" * 60, "clk_" + "v" * 176, id.replace("clk_", "clk-"), id.upper(),
    ]  # fmt: skip
    for number, text in enumerate(forged):
        assert handle(paid(f"f{number}", f"cus_f{number}", clickId=text)) == []
        assert shop.books.payment(f"f{number}").is_nobodys
    assert (earned(shop), earned(shop, "eve")) == (0, 0)


def test_nobody_refers_themselves_by_a_click(shop: World) -> None:
    """Alice's own purchase by her own link earns her nothing; nor does she by the link of her own customer."""
    assert handle(paid("p1", "alice", clickId=click(shop, "alice")), paid("p2", "alice", clickId=click(shop))) == []
    assert shop.books.payment("p1").is_nobodys
    assert (earned(shop, "alice"), earned(shop)) == (0, 0)


def test_of_another_program_it_takes_nothing_here(shop: World) -> None:
    """A payment that names its program is of that one, though the click was of another."""
    shop.books.program("other")
    id = click(shop)
    assert handle(paid("p1", CUSTOMER, clickId=id, programId="other")) == []
    referred(shop)
    assert shop.books.payment("p1").is_nobodys
    assert handle(paid("p2", CUSTOMER, clickId=id)) == []
    assert earned(shop) == 2_000


def test_who_looks_or_is_a_robot_gets_no_click_id(shop: World) -> None:
    """Nor does a code that refers nobody."""
    code = shop.books.partner("bob").code
    for headers in ({"user-agent": "Googlebot/2.1"}, {"purpose": "prefetch"}):
        answer = shop.call("GET /r/{code}", sub=None, path={"code": code}, headers=headers)
        assert answer.headers["location"] == f"https://shop.example.com/?ref={code}"


def test_an_id_in_the_address_asked_for_is_replaced(shop: World) -> None:
    """Whoever writes a link writes no click into it."""
    id, to = click(shop), "https://shop.example.com/?ref_id=clk_x&a=1&ref%5Fid=y"
    path = {"code": shop.books.partner("bob").code}
    location = shop.call("GET /r/{code}", sub=None, path=path, query={"to": to}).headers["location"]
    told = parse_qs(urlsplit(location).query)
    assert set(told) == {"a", "ref", "ref_id"}
    assert len(told["ref_id"]) == 1
    assert told["ref_id"][0] not in (id, "clk_x", "y"), "no two clicks have one id"
