"""The payments function and what events say after a payment: refunds, disputes, other names, and what is parked."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from refledger.domain.times import iso
from tests.support.events import EXAMPLES
from tests.support.functions import World, load
from tests.support.queues import Sqs

Send = Callable[..., None]
PAID = {"paymentId": "p1", "customerId": "carol"}
OF_P1 = {"paymentId": "p1", "disputeId": "d1"}


def money(amount: int, currency: str = "USD") -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


@pytest.fixture
def send(fresh: World, sqs: Sqs) -> Send:
    """One event through the handler, which must not ask for it again."""

    def event(kind: str, **detail: Any) -> None:
        detail = {"occurredAt": iso(fresh.books.clock()), **detail}
        body = json.dumps({"source": "payments", "detail-type": kind, "detail": detail})
        answer = load("payment_events").handler({"Records": [{"messageId": "m", "body": body}]}, None)
        assert answer == {"batchItemFailures": []}

    return event


@pytest.fixture
def stripe(fresh: World, sqs: Sqs) -> Send:
    """One of Stripe's sample events, as if of now, through the handler; what is given changes its object."""

    def event(name: str, **changes: Any) -> None:
        found = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
        seconds = fresh.books.clock() // 1000
        found["detail"]["created"] = seconds
        found["detail"]["data"]["object"] |= {"created": seconds, **changes}
        found["detail"]["data"]["object"].pop("status_transitions", None)
        answer = load("payment_events").handler({"Records": [{"messageId": "m", "body": json.dumps(found)}]}, None)
        assert answer == {"batchItemFailures": []}

    return event


def earned(world: World, currency: str = "USD") -> list[int]:
    """What Bob's rewards are worth, or will be: 20 % of what is left of each payment."""
    rewards = world.books.rewards("bob")
    return sorted(reward.amount - reward.reversed for reward in rewards if reward.currency == currency)


def outcomes(output: str) -> list[str]:
    """What was counted, one metric for each event."""
    counted = [json.loads(line) for line in output.splitlines() if '"_aws"' in line]
    return [each["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"] for each in counted]


def test_a_refund_takes_back_its_part_once(fresh: World, sqs: Sqs, send: Send) -> None:
    """A quarter of the payment is refunded, and told twice; then the rest."""
    send("Payment Succeeded", **PAID, **money(10_000))
    for _ in range(2):
        send("Payment Refunded", refundId="r1", paymentId="p1", **money(2_500))
    assert earned(fresh) == [1_500]
    send("Payment Refunded", refundId="r2", paymentId="p1", **money(7_500))
    assert earned(fresh) == [0]
    assert sqs.dead == []


@pytest.mark.parametrize(("outcome", "left"), [("WON", 2_000), ("LOST", 800)])
@pytest.mark.parametrize("end_first", [False, True])
def test_a_dispute_takes_its_part_until_it_is_won(
    fresh: World, send: Send, outcome: str, left: int, end_first: bool
) -> None:
    """Gone while it is open, back when it is won, gone for good when it is lost, whichever event comes first."""
    send("Payment Succeeded", **PAID, **money(10_000))
    if end_first:
        send("Dispute Closed", **OF_P1, outcome=outcome)
        assert earned(fresh) == [2_000]
    send("Payment Disputed", **OF_P1, **money(6_000))
    if not end_first:
        assert earned(fresh) == [800]
        send("Dispute Closed", **OF_P1, outcome=outcome)
    assert earned(fresh) == [left]


def test_what_comes_before_its_payment_is_parked_and_met_by_it(
    fresh: World, sqs: Sqs, send: Send, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counted as EARLY, listed, and netted when the payment comes; nothing is refused."""
    send("Payment Refunded", refundId="r1", paymentId="p1", **money(2_500))
    assert outcomes(capsys.readouterr().out) == ["EARLY"]
    assert fresh.books.parked() == [fresh.books.ids.payment("payments", "p1")]
    send("Payment Succeeded", **PAID, **money(10_000))
    assert outcomes(capsys.readouterr().out) == ["RECORDED"]
    assert (fresh.books.parked(), earned(fresh), sqs.dead) == ([], [1_500], [])


def test_a_currency_that_the_program_does_not_take_is_parked(
    fresh: World, send: Send, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counted as FOREIGN, which has an alarm; listed, and nobody earns."""
    send("Payment Succeeded", **PAID, **money(10_000, "SEK"))
    assert outcomes(capsys.readouterr().out) == ["FOREIGN"]
    assert fresh.books.parked() == [fresh.books.ids.payment("payments", "p1")]
    assert earned(fresh, "SEK") == []


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("Payment Refunded", {"refundId": "r1", "paymentId": "p1"}),
        ("Payment Disputed", {"disputeId": "d1", "paymentId": "p1"}),
    ],
)
def test_another_currency_than_the_payments_is_put_aside(
    fresh: World, sqs: Sqs, send: Send, kind: str, detail: dict[str, str]
) -> None:
    """Nothing is converted: the message goes to the dead letters, where its reason says why."""
    send("Payment Succeeded", **PAID, **money(10_000))
    send(kind, **detail, **money(2_500, "EUR"))
    (letter,) = sqs.dead
    assert letter["MessageAttributes"]["reason"]["StringValue"] == "currency: not the one of the payment"
    assert earned(fresh) == [2_000]


def test_a_refund_with_another_content_is_told_and_not_taken(
    fresh: World, send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    """The first stands; the error in the log names our id of the payment, and neither theirs nor an amount."""
    send("Payment Succeeded", **PAID, **money(10_000))
    send("Payment Refunded", refundId="refund-of-carol", paymentId="p1", **money(2_500))
    send("Payment Refunded", refundId="refund-of-carol", paymentId="p1", **money(7_777))
    assert "another content" in caplog.text
    logged = str([vars(record) for record in caplog.records])
    assert "7777" not in logged
    assert "refund-of-carol" not in logged
    assert earned(fresh) == [1_500]


# ---------------------------------------------------------------- Stripe


CAROL = {"metadata": {"customerId": "carol"}}
SMALL = {"currency": "usd"}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 0, 1, 2, 2)])
def test_stripes_ways_to_tell_a_refund_count_once(fresh: World, stripe: Send, order: tuple[int, ...]) -> None:
    """The refund, its update and the charge's sum are about the same 15.00 of 59.50, in any order, twice."""
    told = ("stripe_refund_created", "stripe_refund_updated", "stripe_charge_refunded_in_part")
    stripe("stripe_charge_succeeded", **SMALL, **CAROL)
    for number in order:
        stripe(told[number], **SMALL)
    assert earned(fresh) == [890]  # 20 % of 44.50


def test_a_refund_that_failed_gives_back(fresh: World, stripe: Send) -> None:
    """The refund and the sum were told; the money came back to the owner."""
    stripe("stripe_charge_succeeded", **SMALL, **CAROL)
    stripe("stripe_charge_refunded_in_part", **SMALL)
    stripe("stripe_refund_created", **SMALL)
    stripe("stripe_refund_failed", **SMALL)
    assert earned(fresh) == [1_190]


def test_what_was_never_captured_takes_nothing(fresh: World, stripe: Send) -> None:
    """Before basil: of 59.50 reserved 40.00 are taken, then 10.00 refunded; the Refund of the rest is one in name only,
    and comes first.
    """
    key = {"payment_intent": "pi_3Example000000000103", **SMALL}
    stripe("stripe_refund_created", id="re_rest", amount=1_950, **key)
    stripe("stripe_charge_captured", **SMALL, **CAROL)
    stripe("stripe_charge_refunded_capture_in_part_only", **SMALL)
    assert earned(fresh) == [800]
    stripe("stripe_refund_created", id="re_real", amount=1_000, **key)
    stripe("stripe_charge_refunded_after_capture_in_part", **SMALL)
    assert earned(fresh) == [600]


@pytest.mark.parametrize(
    "order",
    [("invoice", "alias", "refund"), ("alias", "refund", "invoice"), ("refund", "alias", "invoice"),
     ("refund", "invoice", "alias"), ("invoice", "refund", "alias")],
)  # fmt: skip
def test_from_basil_on_a_refund_finds_its_invoice(fresh: World, stripe: Send, order: tuple[str, ...]) -> None:
    """The refund names the intent, the invoice itself; `invoice_payment.paid` joins them, whenever it comes."""
    events: dict[str, Callable[[], None]] = {
        "invoice": lambda: stripe("stripe_invoice_paid_basil", **SMALL, **CAROL),
        "alias": lambda: stripe("stripe_invoice_payment_paid", **SMALL),
        "refund": lambda: stripe("stripe_refund_created_basil", **SMALL),
    }
    for name in order:
        events[name]()
    assert earned(fresh) == [0]
    assert fresh.books.parked() == []


INTENTS = {"2020_08_27": "221", "2022_11_15": "231", "": "201", "acacia_shipping": "241", "basil": "211"}


@pytest.mark.parametrize("version", INTENTS)
@pytest.mark.parametrize("charge_first", [True, False])
def test_an_invoice_of_any_version_corrects_its_charge(
    fresh: World, sqs: Sqs, stripe: Send, version: str, charge_first: bool
) -> None:
    """The charge says 119.00 (130.90 with shipping), its invoice what of it is tax: before, the one that came first
    stood. From basil on the charge bears the owner's mark by mistake, and the link says whose it is.
    """
    gross = 13_090 if "shipping" in version else 11_900
    pay = {"payment_intent": f"pi_3Example000000000{INTENTS[version]}", "amount": gross, "amount_captured": gross}
    sample, mark = ("stripe_charge_basil_one_off", {"oneOff": "true"}) if version == "basil" else (
        "stripe_charge_succeeded", {},
    )  # fmt: skip
    events: list[Callable[[], None]] = [
        lambda: stripe(sample, **SMALL, **pay, metadata={"customerId": "carol", **mark}),
        lambda: stripe("_".join(filter(None, ("stripe_invoice_paid", version))), **SMALL, **CAROL),
    ]
    for tell in events if charge_first else events[::-1]:
        tell()
    if version == "basil":
        stripe("stripe_invoice_payment_paid", **SMALL)
    assert sum(earned(fresh)) == (2_200 if "shipping" in version else 2_000)
    assert fresh.books.faults() == []
    assert sqs.dead == []


@pytest.mark.parametrize("order", list(itertools.permutations(["first", "last", "refund"])))
def test_captures_of_one_charge_add_up(
    fresh: World, sqs: Sqs, stripe: Send, order: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    """40.00 and then 100.00 of the same intent, 25.00 refunded, each told twice: 15.00 of 20.00 are left."""
    key = {"payment_intent": "pi_3Example000000000701", "charge": "ch_3Example000000000701"}
    events: dict[str, Callable[[], None]] = {
        "first": lambda: stripe("stripe_charge_updated_capture", **SMALL, **CAROL),
        "last": lambda: stripe("stripe_charge_captured_at_last", **SMALL, **CAROL),
        "refund": lambda: stripe("stripe_refund_created", amount=2_500, **SMALL, **key),
    }
    for name in order:
        events[name]()
        events[name]()
    assert earned(fresh) == [1_500]
    told = outcomes(capfd.readouterr().out)
    assert ("CORRECTED" in told) is (order.index("first") < order.index("last"))
    assert "DIFFERENT" not in told
    assert fresh.books.faults() == []
    assert sqs.dead == []


def test_a_guests_session_corrects_the_charge_that_names_the_customer(fresh: World, sqs: Sqs, stripe: Send) -> None:
    """`payment_intent_data.metadata` are the charge's; the session knows the tax, and nobody's name."""
    intent = "pi_3Example000000000607"
    paid = {"payment_intent": intent, "amount": 7_140, "amount_captured": 7_140}
    stripe("stripe_charge_succeeded", **SMALL, **CAROL, **paid)
    assert earned(fresh) == [1_428]
    stripe("stripe_session_completed_no_customer", **SMALL)
    assert earned(fresh) == [1_200]
    assert sqs.dead == []


@pytest.mark.parametrize("name", ["stripe_invoice_paid_basil", "stripe_session_completed"])
def test_an_account_may_be_the_customer(fresh: World, sqs: Sqs, stripe: Send, name: str) -> None:
    """From 2025-12-15.clover on: `customer` is null where an Account of the v2 API stands for one."""
    fresh.books.chain("bob", "acct_1Example")
    stripe(name, **SMALL, metadata={}, customer=None, customer_account="acct_1Example", parent=None)
    assert len(earned(fresh)) == 1
    assert sqs.dead == []
