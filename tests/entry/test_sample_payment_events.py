"""Every example file under events/payments: what it is read as, or why it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from refledger.domain.errors import Unreadable
from refledger.domain.payment_events import (
    CodeGiven,
    DisputeClosed,
    DisputeOpened,
    DisputeOutcome,
    PaymentAlias,
    PaymentEvent,
    PaymentReceived,
    PaymentSkipped,
    RefundReceived,
    RefundTotal,
    Skipped,
)
from refledger.domain.tellers import Teller
from refledger.entry.events import own
from refledger.entry.events.payments import read_event
from tests.support.events import DAY_MS, EVENTS, EXAMPLES, NOW_MS, load, schema, validator

MONTH_LATER_MS = NOW_MS + 30 * DAY_MS  # the last of the examples lies in the meantime
PAID_MS = 1_793_610_929_000  # 2026-11-02T09:15:29Z, like all Stripe's payments but one
REFUNDED_MS = 1_793_697_329_000  # a day later, like all its refunds and disputes
TOLD_MS = REFUNDED_MS + 1_000
CLOSED_MS = 1_795_079_730_000
OWN_MS = 1_793_613_600_000  # 2026-11-02T10:00:00Z


OURS, STRIPES = "user-4711", "cus_Example00000001"  # a customer's id


def paid(
    system: str, id: str, amount: int, base: int, currency: str, at_ms: int = PAID_MS, customer: str = OURS, **more: Any
) -> PaymentEvent:
    return PaymentReceived(
        system, id, customer, "default", amount, base, currency, at_ms, **{"program_said": False, **more}
    )


def stripe(number: str, *rest: Any, **more: Any) -> PaymentEvent:
    """A payment of Stripe's whose key is an intent of this number, as its charge tells of it."""
    return paid("stripe", f"pi_3Example000000000{number}", *rest, **{"teller": Teller.CHARGE, **more})


def invoice(key: str, number: str, *rest: Any, **more: Any) -> PaymentEvent:
    """A payment of the invoice of this number, which is the key or another name of it."""
    names = () if key == IN + number else (IN + number,)
    return paid("stripe", key, *rest, **{"names": names, "teller": Teller.INVOICE, **more})


def session(number: str, *rest: Any, **more: Any) -> PaymentEvent:
    """A payment of the intent of this number, as its Checkout session tells of it."""
    return stripe(number, *rest, **{"teller": Teller.SESSION, **more})


def skipped(number: str, reason: str, amount: int = 5950, at_ms: int = PAID_MS + 1000) -> PaymentEvent:
    """Money that is remembered and does not count by this event."""
    return PaymentSkipped("stripe", f"pi_3Example000000000{number}", amount, "EUR", at_ms, reason)


def refund(refund_id: str, payment_id: str, amount: int, currency: str = "EUR") -> RefundReceived:
    id = f"re_3Example000000000{refund_id}"
    return RefundReceived("stripe", id, payment_id, amount, currency, REFUNDED_MS)


def failed(refund_id: str) -> RefundReceived:
    """One that did not arrive: its time is that of the event which says so, a day later."""
    id = f"re_3Example000000000{refund_id}"
    return RefundReceived("stripe", id, PI + "101", 1500, "EUR", TOLD_MS + DAY_MS, failed=True)


def total(payment_id: str, amount: int) -> RefundTotal:
    return RefundTotal("stripe", payment_id, amount, "EUR", TOLD_MS)


def opened(number: str, payment_id: str, amount: int = 5950, currency: str = "EUR") -> DisputeOpened:
    return DisputeOpened("stripe", f"du_1Example000000000{number}", payment_id, amount, currency, REFUNDED_MS)


def closed(number: str, outcome: DisputeOutcome, at_ms: int = CLOSED_MS) -> DisputeClosed:
    return DisputeClosed("stripe", f"du_1Example000000000{number}", "pi_3Example000000000101", outcome, at_ms)


GOLD, BASIC = "prod_ExampleGold", "prod_ExampleBasic"
PI, CH, IN = "pi_3Example000000000", "ch_3Example000000000", "in_1Example000000000"

OUTCOMES: dict[str, PaymentEvent | str] = {
    "payment_succeeded": paid("payments", "order-20261102-0001", 11900, 10000, "EUR", PAID_MS + 412),
    "payment_succeeded_minimal": paid("payments", "order-20261102-0002", 4980, 4980, "JPY"),
    "payment_succeeded_three_decimals": paid(
        "payments", "order-20261102-0003", 5250, 5000, "KWD", PAID_MS, "user-0815"
    ),
    "payment_succeeded_product": paid("payments", "order-20261102-0005", 4980, 4980, "JPY", product_id="team-yearly"),
    "payment_succeeded_nothing_paid": "NOTHING_PAID",
    "payment_refunded": RefundReceived("payments", "refund-0001", "order-20261102-0001", 11900, "EUR", OWN_MS),
    "payment_refunded_in_part": RefundReceived(
        "payments", "refund-0002", "order-20261102-0003", 1250, "KWD", OWN_MS + 250
    ),
    "payment_disputed": DisputeOpened("payments", "dispute-0001", "order-20261102-0002", 4980, "JPY", OWN_MS),
    "dispute_closed_won": DisputeClosed("payments", "dispute-0001", "order-20261102-0002", DisputeOutcome.WON, OWN_MS),
    "dispute_closed_lost": DisputeClosed(
        "payments", "dispute-0001", "order-20261102-0002", DisputeOutcome.LOST, OWN_MS
    ),
    "stripe_invoice_paid": invoice(PI + "201", "201", 11900, 10000, "EUR"),
    "stripe_invoice_paid_basil": invoice(IN + "211", "211", 11900, 10000, "EUR", product_id="prod_Example00000001"),
    "stripe_invoice_paid_2020_08_27": invoice(
        PI + "221", "221", 11900, 10000, "EUR", lines=((BASIC, 5000), (GOLD, 5000))
    ),
    "stripe_invoice_paid_2022_11_15": invoice(
        PI + "231", "231", 11900, 10000, "EUR", code="ADA2026", lines=((GOLD, 6667), ("prod_ExampleSeats", 3333))
    ),
    "stripe_invoice_paid_acacia_shipping": invoice(PI + "241", "241", 13090, 11000, "EUR", shipping=1000),
    "stripe_invoice_paid_basil_two_products": invoice(
        IN + "251", "251", 23800, 20000, "EUR", lines=((BASIC, 10000), (GOLD, 10000))
    ),
    "stripe_invoice_paid_of_earlier_debt": invoice(IN + "261", "261", 5000, 5000, "EUR"),
    "stripe_session_completed": session("601", 7140, 6000, "EUR", PAID_MS + 1000, shipping=1000),
    "stripe_session_completed_with_invoice": session(
        "602", 7140, 6000, "EUR", PAID_MS + 1000, shipping=1000, names=(IN + "602",)
    ),
    "stripe_session_completed_payment_link": session(
        "603", 5950, 5000, "EUR", PAID_MS + 1000, STRIPES, code="ADA2026", other_customer_id="ADA2026"
    ),
    "stripe_session_completed_not_paid_yet": "NOT_PAID_YET",
    "stripe_session_async_payment_succeeded": session("604", 7140, 6000, "EUR", PAID_MS + 1000, shipping=1000),
    "stripe_session_completed_subscription": CodeGiven(
        "stripe", "cs_live_Example000000000605", "user-4711", "ADA2026", PAID_MS + 1000
    ),
    "stripe_session_completed_nothing_paid": "NOTHING_PAID",
    "stripe_session_completed_no_customer": skipped("607", "NO_CUSTOMER", 7140),
    "stripe_charge_updated_capture": stripe("701", 4000, 4000, "EUR", PAID_MS + DAY_MS, STRIPES),
    "stripe_charge_captured_at_last": stripe("701", 10000, 10000, "EUR", PAID_MS + DAY_MS + 3_600_000, STRIPES),
    "stripe_charge_updated_description": "NOTHING_CAPTURED",
    "stripe_dispute_closed_charge_refunded": closed("501", DisputeOutcome.WON),
    "stripe_invoice_paid_partly_by_credit": invoice(PI + "202", "202", 5000, 4201, "EUR"),
    "stripe_invoice_paid_out_of_band": invoice(IN + "203", "203", 11900, 10000, "EUR"),
    "stripe_invoice_nothing_paid": "NOTHING_PAID",
    "stripe_charge_succeeded": stripe("101", 5950, 5000, "EUR", PAID_MS + 1000),
    "stripe_charge_captured": stripe("103", 4000, 4000, "EUR", PAID_MS + DAY_MS, STRIPES, uncaptured=1950),
    "stripe_charge_not_captured": "NOT_CAPTURED",
    "stripe_charge_of_invoice": "CHARGE_OF_INVOICE",
    "stripe_charge_no_customer": skipped("114", "NO_CUSTOMER"),
    "stripe_charge_test_mode": "TEST_MODE",
    "stripe_charge_zero_decimals": stripe("105", 4980, 4980, "JPY", PAID_MS + 1000, STRIPES),
    "stripe_charge_three_decimals": stripe("106", 5120, 5120, "KWD", PAID_MS + 1000, STRIPES),
    "stripe_charge_isk": stripe("107", 5, 5, "ISK", PAID_MS + 1000, STRIPES),
    "stripe_charge_mga": stripe("108", 2_500_000, 2_500_000, "MGA", PAID_MS + 1000, STRIPES),
    "stripe_charge_basil": skipped("111", "CHARGE_MAYBE_OF_INVOICE"),
    "stripe_charge_basil_of_invoice": "CHARGE_OF_INVOICE",
    "stripe_charge_basil_one_off": stripe("113", 5950, 5950, "EUR", PAID_MS + 1000),
    "stripe_charge_refunded": total(PI + "101", 5950),
    "stripe_charge_refunded_in_part": total(PI + "101", 1500),
    "stripe_charge_refunded_of_invoice": total(PI + "201", 11900),
    "stripe_charge_refunded_after_capture_in_part": total(PI + "103", 1000),
    "stripe_charge_refunded_capture_in_part_only": "NOTHING_REFUNDED",
    "stripe_charge_refunded_basil_after_capture_in_part": total(PI + "114", 1000),
    "stripe_charge_refunded_not_captured": "NOT_CAPTURED",
    "stripe_charge_refunded_no_intent": total(CH + "116", 5950),
    "stripe_refund_created": refund("401", PI + "101", 1500),
    "stripe_refund_created_basil": refund("402", PI + "211", 11900),
    "stripe_refund_created_isk": refund("403", PI + "107", 3, "ISK"),
    "stripe_refund_updated": refund("401", PI + "101", 1500),
    "stripe_refund_failed": failed("401"),
    "stripe_charge_refund_updated": failed("401"),
    "stripe_refund_pending": refund("404", PI + "101", 1500),
    "stripe_refund_requires_action": "REFUND_NOT_MADE",
    "stripe_refund_canceled": failed("405"),
    "stripe_refund_no_intent": refund("406", CH + "116", 1500),
    "stripe_refund_of_no_payment": "REFUND_OF_NO_PAYMENT",
    "stripe_refund_of_expired_reservation": "NOT_CAPTURED",
    "stripe_dispute_created": opened("501", PI + "101"),
    "stripe_dispute_created_inquiry": opened("502", PI + "101"),
    "stripe_dispute_created_basil": opened("503", PI + "211", 11900),
    "stripe_dispute_created_mga": opened("504", PI + "108", 2_500_000, "MGA"),
    "stripe_dispute_created_blocked": "DISPUTE_BLOCKED",
    "stripe_dispute_created_resolved": opened("506", PI + "101"),
    "stripe_dispute_closed_won": closed("501", DisputeOutcome.WON),
    "stripe_dispute_closed_lost": closed("501", DisputeOutcome.LOST),
    "stripe_dispute_closed_inquiry": closed("502", DisputeOutcome.WON),
    "stripe_dispute_closed_prevented": closed("506", DisputeOutcome.LOST, TOLD_MS + DAY_MS),
    "stripe_invoice_payment_paid": PaymentAlias("stripe", PI + "211", IN + "211", PAID_MS + 1000),
    "stripe_invoice_payment_paid_by_charge": PaymentAlias("stripe", CH + "212", IN + "212", PAID_MS + 1000),
    "stripe_invoice_payment_paid_outside": "PAID_OUTSIDE_STRIPE",
}
REASONS = {
    "amount_with_a_point": "detail.amount: not a whole number",
    "amount_in_a_string": "detail.amount: not a whole number",
    "time_without_zone": "detail.occurredAt: not an RFC 3339 time with a zone",
    "unknown_currency": "detail.currency: not an ISO 4217 currency",
    "tax_above_amount": "detail: tax and discount are more than the amount",
    "customer_missing": "detail.customerId: missing",
    "unknown_detail_type": "unknown source or detail-type",
    "refund_of_nothing": "detail.amount: not above 0",
    "refund_negative": "detail.amount: not above 0",
    "refund_without_id": "detail.refundId: missing",
    "dispute_amount_in_a_string": "detail.amount: not a whole number",
    "dispute_outcome_unknown": "detail.outcome: not one of 'WON' or 'LOST'",
    "stripe_fraction_of_isk": "detail.data.object.currency: the amount is not exact in its ISO 4217 minor units",
    "stripe_customer_created": "detail.type: nothing about a payment",
    "stripe_refund_status_unknown": "detail.data.object.status: not one of a refund",
    "stripe_refund_fraction_of_isk": "detail.data.object.currency: the amount is not exact in its ISO 4217 minor units",
    "stripe_dispute_closed_still_open": "detail.data.object.status: not one of a closed dispute",
    "stripe_dispute_funds_withdrawn": "detail.type: nothing about a payment",
    "stripe_invoice_payment_open": "detail.data.object.status: not paid",
}
SCHEMAS = {
    "Payment Succeeded": "payment_succeeded",
    "Payment Refunded": "payment_refunded",
    "Payment Disputed": "payment_disputed",
    "Dispute Closed": "dispute_closed",
}


def test_the_tables_name_every_example_file() -> None:
    """An example without an expected outcome is not an example."""
    assert {path.stem for path in EXAMPLES.glob("*.json")} == OUTCOMES.keys()
    assert {path.stem for path in (EXAMPLES / "unreadable").glob("*.json")} == REASONS.keys()


@pytest.mark.parametrize("name", OUTCOMES)
def test_every_example_is_read_as_documented(name: str) -> None:
    """The files that documentation, demo and functions use mean what they are said to mean, to the millisecond."""
    found = read_event(load(name), now_ms=MONTH_LATER_MS, livemode=True)
    if isinstance(found, RefundReceived | RefundTotal):
        assert found.system == "payments" or found.charge.startswith("ch_"), "which charge it is of"
        found = replace(found, charge="")
    if isinstance(found, PaymentReceived):
        text = (EXAMPLES / f"{name}.json").read_text(encoding="utf-8")
        assert found.program_said is ('"programId"' in text)
        found = replace(found, program_said=False)
    if isinstance(found, RefundReceived):
        found = replace(found, told_at_ms=0)
    assert (found.reason if isinstance(found, Skipped) else found) == OUTCOMES[name]


@pytest.mark.parametrize("name", REASONS)
def test_every_unreadable_example_says_why(name: str) -> None:
    """The reason names place and fault; it is what an operator sees in the dead-letter queue."""
    with pytest.raises(Unreadable) as refused:
        read_event(load(f"unreadable/{name}"), now_ms=MONTH_LATER_MS, livemode=True)
    assert refused.value.detail == REASONS[name]


@pytest.mark.parametrize("name", [name for name in OUTCOMES if not name.startswith("stripe")])
def test_every_example_of_ours_is_valid(name: str) -> None:
    """As EventBridge delivers it, against the schema of its type and no other; with another sender it is not."""
    event = load(name)
    valid = [kind for kind, stem in SCHEMAS.items() if validator(f"{stem}.event.schema.json").is_valid(event)]
    assert valid == [event["detail-type"]]
    envelope = validator(f"{SCHEMAS[event['detail-type']]}.event.schema.json")
    assert not envelope.is_valid(event | {"source": "orders"})
    assert not envelope.is_valid(event | {"detail": {}})


def test_every_type_of_ours_has_its_schemas() -> None:
    """One for the detail, one for the whole event, and examples in them that are readable."""
    assert SCHEMAS.keys() == own.MODELS.keys()
    files = {path.name for path in EVENTS.glob("schemas/*.json")}
    assert files >= {f"{stem}{kind}.schema.json" for stem in SCHEMAS.values() for kind in ("", ".event")}
    for kind, stem in SCHEMAS.items():
        assert schema(f"{stem}.schema.json")["title"] == kind
        for example in schema(f"{stem}.schema.json")["examples"]:
            event = {"source": "payments", "detail-type": kind, "detail": example}
            assert not isinstance(read_event(event, now_ms=MONTH_LATER_MS, livemode=None), Skipped)


def test_every_reason_to_skip_is_documented() -> None:
    """An owner who asks why an event did not count finds the word."""
    text = (EVENTS.parent / "docs" / "events.md").read_text(encoding="utf-8")
    reasons = {outcome for outcome in OUTCOMES.values() if isinstance(outcome, str)}
    reasons |= {outcome.reason for outcome in OUTCOMES.values() if isinstance(outcome, PaymentSkipped)}
    more = {"SESSION_OF_SUBSCRIPTION", "LIVE_MODE", "NOTHING_CAPTURED", "CONNECTED_ACCOUNT", "KEY_OF_INVOICE"}
    assert [reason for reason in sorted(reasons | more) if f"`{reason}`" not in text] == []
