"""Stripe's signed events about payouts: whose they are, what they do, and what is left alone."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refledger.adapters.payouts import stripe_webhook
from refledger.adapters.payouts.stripe_webhook import Ignored, Told
from refledger.domain.errors import BadSignature, Unreadable
from refledger.domain.methods import StripeAccount, masked
from refledger.domain.provider_events import Delivered, Said
from tests.support import functions, stripe_server
from tests.support.functions import Answer, World, api_of, assert_problem
from tests.support.secrets import STRIPE
from tests.support.stripe_server import SECRET, Json, StripeServer, signature

ROUTE = "POST /api/v1/webhooks/stripe"
NOBODYS = "w" * 24
NEW, OLD = "whsec_" + "n" * 32, "whsec_" + "o" * 32


def transfer(withdrawal_id: str = NOBODYS, **changes: Any) -> Json:
    """A transfer as Stripe shows it."""
    return {
        "id": "tr_1", "object": "transfer", "amount": 1500, "amount_reversed": 0, "currency": "usd",
        "destination": stripe_server.ACCOUNT, "livemode": False, "reversed": False, "transfer_group": withdrawal_id,
        "metadata": {"withdrawalId": withdrawal_id, "key": f"{withdrawal_id}-1"}, **changes,
    }  # fmt: skip


def event(kind: str = "transfer.created", subject: Json | None = None, **changes: Any) -> Json:
    return StripeServer().event(kind, transfer() if subject is None else subject) | changes


def send(world: World, body: bytes | Json, signed: str | None = None, **told: Any) -> Answer:
    """As API Gateway hands it on; signed now with the endpoint's secret, unless told otherwise."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"stripe-signature": signature(raw, SECRET) if signed is None else signed}
    return world.call(ROUTE, sub=None, text=raw.decode(), headers=headers, **told)


@pytest.fixture(scope="module")
def world(dynamodb_endpoint: str) -> Iterator[World]:
    with functions.world(dynamodb_endpoint) as made:
        made.books.program()
        yield made


# ---------------------------------------------------------------- who signed


def test_a_signed_event_is_taken(world: World) -> None:
    """Of a withdrawal that is not here, it is taken all the same: sent again it would still not be here."""
    answer = send(world, event())
    assert (answer.status, answer.body) == (200, {"outcome": "UNKNOWN_WITHDRAWAL"})


@pytest.mark.parametrize(
    "signed",
    [
        "", "x", "t=1", "v1=ab", f"t={int(time.time())}", "t=,v1=", "t=1,v1=\u00e4", "t=\u0661,v1=00", "=,=", ",",
        f"t={'9' * 5000},v1=00", f"t={int(time.time())},v0={'0' * 64}", f"t={int(time.time())},v1={'0' * 64}",
        signature(json.dumps(event()).encode(), "whsec_of_somebody_else"), signature(b"{}", SECRET),
    ],
    ids=range(15),  # the time is in some: every worker must call them the same
)  # fmt: skip
def test_what_is_not_signed_by_stripe_is_refused(world: World, signed: str) -> None:
    """No signature, another's, one for another body, another scheme, anything at all: 401, and nobody learns why."""
    answer = send(world, event(), signed)
    assert_problem(answer, 401)
    assert answer.code == "BAD_SIGNATURE"
    assert SECRET not in json.dumps(answer.body)


def test_a_signature_counts_for_five_minutes(world: World) -> None:
    """What somebody wrote down cannot be played back for ever."""
    body = json.dumps(event()).encode()
    now = int(time.time())
    assert send(world, body, signature(body, SECRET, now - 290)).status == 200
    assert_problem(send(world, body, signature(body, SECRET, now - 310)), 401)


def test_the_bytes_are_signed_not_what_they_mean(world: World) -> None:
    """One blank more is another body, though the JSON is the same."""
    body = json.dumps(event())
    assert_problem(send(world, (body + " ").encode(), signature(body.encode(), SECRET)), 401)
    spaced = json.dumps(event(), indent=2).encode()
    assert send(world, spaced).status == 200


def test_a_body_in_base64_is_the_same_body(world: World) -> None:
    """API Gateway may hand on what it takes for binary in base64."""
    body = json.dumps({**event(), "note": "\u00e4\u20ac"}, ensure_ascii=False).encode()
    told = world.event(ROUTE, sub=None, encoded=body, headers={"stripe-signature": signature(body, SECRET)})
    assert base64.b64decode(told["body"]) == body
    assert api_of(ROUTE)(told, None)["statusCode"] == 200


def test_two_secrets_count_while_one_is_rolled(world: World) -> None:
    """Stripe signs with the old and the new one; so does whoever has only one of them yet."""
    world.secrets.put(STRIPE, webhookSecrets=f"{NEW}, {OLD}")
    try:
        body = json.dumps(event()).encode()
        for secret in (NEW, OLD):
            assert send(world, body, signature(body, secret)).status == 200
        both = signature(body, "whsec_older") + "," + signature(body, NEW).split(",")[1]
        assert send(world, body, both).status == 200
        assert_problem(send(world, body, signature(body, SECRET)), 401)
    finally:
        world.secrets.put(STRIPE, webhookSecrets=SECRET)


@pytest.mark.parametrize("none", ["", " ", ",", " , "])
def test_without_a_secret_nothing_is_believed(world: World, none: str) -> None:
    """A deployment without Stripe refuses all; an empty secret, which everybody knows, is none."""
    world.secrets.put(STRIPE, webhookSecrets=none)
    try:
        body = json.dumps(event()).encode()
        assert_problem(send(world, body, signature(body, none)), 401)
        assert_problem(send(world, body, signature(body, "")), 401)
    finally:
        world.secrets.put(STRIPE, webhookSecrets=SECRET)


def test_a_body_without_end_is_refused(world: World) -> None:
    """Larger than any event about a transfer: not even looked at."""
    assert_problem(send(world, b" " * 70_000), 413)


def test_bytes_that_are_no_text_are_refused(world: World) -> None:
    """They cannot be Stripe's, whatever signs them."""
    body = b"\xff\xfe{}"
    told = world.event(ROUTE, sub=None, encoded=body, headers={"stripe-signature": signature(body, SECRET)})
    assert api_of(ROUTE)(told, None)["statusCode"] == 401


# ---------------------------------------------------------------- what it says


def read(body: Json, livemode: bool | None = False) -> Told | Ignored:
    raw = json.dumps(body).encode()
    return stripe_webhook.read(raw, signature(raw, SECRET), [SECRET], livemode=livemode)


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("transfer.created", {}, Said.PAID),
        ("transfer.reversed", {"amount_reversed": 1500, "reversed": True}, Said.RETURNED),
        ("transfer.reversed", {"amount_reversed": 500}, Said.PARTLY_RETURNED),
        ("transfer.updated", {"amount_reversed": 1500, "reversed": True}, Said.RETURNED),
        ("transfer.updated", {"amount_reversed": 1}, Said.PARTLY_RETURNED),
    ],
)
def test_what_an_event_says_about_a_payout(kind: str, changes: Json, said: Said) -> None:
    """There, taken back, or taken back in part; with the ids of transfer, payout and message."""
    told = event(kind, transfer(**changes), id="evt_7")
    returned = changes["amount_reversed"] if said is Said.PARTLY_RETURNED else 0
    delivered = Delivered(1500, "USD", "…EwkZ")
    assert read(told) == Told(NOBODYS, said, "tr_1", f"{NOBODYS}-1", "evt_7", delivered, returned)


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        (500, "isk", 5), (501, "isk", None), (500, "jpy", 500), (5120, "kwd", 5120), (5121, "kwd", None),
        (25_000, "mga", 2_500_000), (500, "ugx", None), (1000, "iqd", None), (1, "usdc", None),
        (1, "xts", None), (1, "", None), (0, "usd", 0),
    ],
)  # fmt: skip
def test_amounts_are_in_the_units_of_the_books(amount: int, currency: str, expected: int | None) -> None:
    """Exactly what would be asked of Stripe for it, or nothing that fits any withdrawal."""
    told = read(event("transfer.created", transfer(amount=amount, currency=currency)))
    assert isinstance(told, Told)
    assert (told.delivered.amount, told.delivered.currency) == (expected, currency.upper())


@pytest.mark.parametrize("destination", [None, "", {}, {"id": None}, "acct_2"])
def test_another_destination_looks_like_another(destination: object) -> None:
    """None at all is not the partner's either."""
    told = read(event("transfer.created", transfer(destination=destination)))
    assert isinstance(told, Told)
    assert told.delivered.account != masked(StripeAccount("", stripe_server.ACCOUNT))


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (event("payout.paid"), "OTHER_KIND"),
        (event("transfer.paid"), "OTHER_KIND"),
        (event("account.updated", {"object": "account"}), "OTHER_KIND"),
        (event("transfer.updated"), "NOTHING_NEW"),
        (event("transfer.created", transfer(metadata={})), "NOT_A_PAYOUT"),
        (event("transfer.created", transfer(metadata={"withdrawalId": ""})), "NOT_A_PAYOUT"),
        (event(account="acct_somebody"), "CONNECTED_ACCOUNT"),
        (event(livemode=True), "LIVE_MODE"),
    ],
)
def test_what_is_not_about_a_payout_of_ours_is_left_alone(world: World, told: Json, reason: str) -> None:
    """Taken, so that Stripe does not send it again, and nothing is done."""
    answer = send(world, told)
    assert (answer.status, answer.body) == (200, {"outcome": reason})


def test_the_mode_is_the_deployments() -> None:
    """A test transfer never settles a live withdrawal; with "any" both count."""
    assert read(event(), livemode=True) == Ignored("TEST_MODE")
    assert isinstance(read(event(), livemode=None), Told)
    assert isinstance(read(event(livemode=True), livemode=None), Told)


NOT_UNDERSTOOD = [
    b"", b"{", b"null", b"[]", b"1", b'"event"', b"{}", b"[" * 50_000, b'{"object": "event"}',
    json.dumps(event(livemode=None)).encode(), json.dumps(event(id=1)).encode(),
    json.dumps(event(type=None)).encode(), json.dumps(event(data=None)).encode(),
    json.dumps(event(data={"object": "tr_1"})).encode(),
    *(
        json.dumps(event("transfer.reversed", transfer() | {name: value})).encode()
        for name, value in [
            ("id", None), ("id", "ch_1"), ("amount", "1500"), ("amount", True), ("amount_reversed", -1),
            ("amount_reversed", 0.5), ("reversed", "false"), ("livemode", None), ("currency", 1),
            ("metadata", "x"), ("object", "charge"),
        ]
    ),
]  # fmt: skip


# numbered, because they have the time in them and workers of a test run must call them by one name
@pytest.mark.parametrize("body", NOT_UNDERSTOOD, ids=range(len(NOT_UNDERSTOOD)))
def test_what_stripe_signs_and_nobody_understands_is_refused(world: World, body: bytes) -> None:
    """It is not taken for "nothing to do": Stripe sends it again, and shows the owner that it fails."""
    assert_problem(send(world, body), 422)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from(["object", "type", "id", "livemode", "account", "data"]),
    st.sampled_from(["id", "object", "metadata", "amount", "amount_reversed", "reversed", "destination"]),
)
def test_any_json_in_any_field_is_read_or_refused(value: Any, outer: str, inner: str) -> None:
    """Whatever is in it, an event is understood, left alone or unreadable: nothing else comes out."""
    for body in (event(**{outer: value}), event("transfer.reversed", transfer(**{inner: value}))):
        raw = json.dumps(body).encode()
        try:
            found = stripe_webhook.read(raw, signature(raw, SECRET), [SECRET], livemode=None)
        except (Unreadable, BadSignature):
            continue
        assert isinstance(found, Told | Ignored)


# ---------------------------------------------------------------- what it does


@pytest.mark.parametrize("id", ["", "a#b", "W#x", "../x", "x" * 65, "\x00", "\u00e4"])
def test_an_id_that_nothing_has_is_unknown(world: World, id: str) -> None:
    """A label that the owner wrote into a transfer never becomes a key of something else."""
    answer = send(world, event("transfer.created", transfer(metadata={"withdrawalId": id})))
    assert answer.body["outcome"] in ("UNKNOWN_WITHDRAWAL", "NOT_A_PAYOUT")
    assert answer.status == 200
