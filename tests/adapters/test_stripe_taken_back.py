"""Stripe's refunds and disputes: which money they are about, in every API version, and what of it is gone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.adapters import stripe
from refledger.domain.payment_events import (
    CodeGiven,
    DisputeClosed,
    DisputeOpened,
    DisputeOutcome,
    PaymentAlias,
    PaymentEvent,
    PaymentReceived,
    RefundReceived,
    RefundTotal,
    Skipped,
)
from refledger.domain.payments import TakenBack
from tests.support.stripe import BASIL, OLD, example, payment, read


def payment_of(name: str, **changes: Any) -> str:
    found = read(name, **changes)
    assert isinstance(found, RefundReceived | RefundTotal | DisputeOpened | DisputeClosed)
    return found.payment_id


# ---------------------------------------------------------------- one key


ABOUT_101 = [
    "stripe_charge_refunded", "stripe_refund_created", "stripe_refund_failed", "stripe_charge_refund_updated",
    "stripe_dispute_created", "stripe_dispute_closed_won",
]  # fmt: skip


@pytest.mark.parametrize("name", ABOUT_101)
def test_refunds_and_disputes_name_the_payment_as_its_charge_does(name: str) -> None:
    """By the intent where there is one; of a charge without an intent by the charge."""
    assert payment_of(name) == payment("stripe_charge_succeeded").payment_id
    without = {"payment_intent": None}
    assert payment_of(name, **without) == payment("stripe_charge_succeeded", **without).payment_id
    expanded = {"payment_intent": None, "charge": {"id": "ch_3Example000000000101", "object": "charge"}}
    assert payment_of(name, **expanded) == "ch_3Example000000000101"


def test_before_basil_a_refund_of_an_invoice_names_the_invoices_payment() -> None:
    """The charge of the invoice is skipped as a payment, and its refunds are the invoice's."""
    assert payment_of("stripe_charge_refunded_of_invoice") == payment(OLD).payment_id


@pytest.mark.parametrize("name", ["stripe_refund_created_basil", "stripe_dispute_created_basil"])
def test_from_basil_on_an_alias_leads_to_the_invoice(name: str) -> None:
    """What refunds and disputes name is what the alias is for, and the alias leads to what was counted."""
    link = read("stripe_invoice_payment_paid")
    assert isinstance(link, PaymentAlias)
    assert link.alias_id == payment_of(name)
    assert link.payment_id == payment(BASIL).payment_id


def test_an_alias_of_a_charge_without_an_intent() -> None:
    """Stripe names the charge only where it has no intent."""
    link = read("stripe_invoice_payment_paid_by_charge")
    assert isinstance(link, PaymentAlias)
    assert link.alias_id == "ch_3Example000000000212"


@pytest.mark.parametrize(
    ("invoice", "leads_to"),
    [
        ({"id": "in_9", "object": "invoice"}, "in_9"),
        ({"id": "in_9", "object": "invoice", "payment_intent": "pi_9"}, "pi_9"),
    ],
)
def test_an_expanded_invoice_leads_to_the_key_that_it_is_counted_by(invoice: dict[str, Any], leads_to: str) -> None:
    """The same rule as for the invoice's own event."""
    link = read("stripe_invoice_payment_paid", invoice=invoice)
    assert isinstance(link, PaymentAlias)
    assert link.payment_id == leads_to


def test_no_alias_is_made_of_a_payments_own_key() -> None:
    """An invoice that is counted by its intent is found by it; another name would be the same."""
    invoice = {"id": "in_9", "object": "invoice", "payment_intent": "pi_3Example000000000211"}
    assert read("stripe_invoice_payment_paid", invoice=invoice) == Skipped("KEY_OF_INVOICE")


# ---------------------------------------------------------------- refunds


def test_a_refund_says_the_same_in_each_of_its_events() -> None:
    """Created, updated, told by an old version: one refund with one time; only whether and when it failed differs."""
    first = read("stripe_refund_created")
    assert isinstance(first, RefundReceived)
    assert read("stripe_refund_updated") == first
    assert first.charge == example("stripe_refund_created")["data"]["object"]["charge"]  # whose sums it is part of
    for name in ("stripe_refund_failed", "stripe_charge_refund_updated"):
        at_ms = 1000 * example(name)["created"]
        assert read(name) == replace(first, occurred_at_ms=at_ms, failed=True)


@pytest.mark.parametrize(
    ("status", "failed"), [("pending", False), ("succeeded", False), ("failed", True), ("canceled", True)]
)
@pytest.mark.parametrize("name", ["stripe_refund_created", "stripe_refund_updated", "stripe_refund_failed"])
def test_the_status_decides_and_not_the_type(name: str, status: str, failed: bool) -> None:
    """Stripe does not promise the order of events: a late `refund.created` carries its own state."""
    found = read(name, status=status)
    assert isinstance(found, RefundReceived)
    assert found.failed is failed


def test_what_waits_for_the_customer_has_not_been_refunded() -> None:
    """`requires_action`: the money is still the owner's; when it moves, an event says so."""
    assert read("stripe_refund_requires_action") == Skipped("REFUND_NOT_MADE")


PAYMENT, RESERVED, TAKEN = "stripe_charge_captured", 5950, 4000


def gone(paid: PaymentReceived, *events: PaymentEvent | Skipped) -> int:
    """What of a payment is gone after these events, as the operations add it up."""
    refunds = {event.refund_id: event for event in events if isinstance(event, RefundReceived)}
    back = TakenBack(
        refunds=sum(refund.amount for refund in refunds.values()),
        total=max((event.total for event in events if isinstance(event, RefundTotal)), default=0),
        uncaptured=paid.uncaptured,
    )
    return back.of(paid.amount)


@given(
    refunded=st.lists(st.integers(1, 1500), max_size=3).filter(lambda parts: sum(parts) <= TAKEN),
    told=st.sampled_from(["one by one", "as a sum", "both"]),
    basil=st.booleans(),
)
def test_what_was_never_captured_is_not_refunded(refunded: list[int], told: str, basil: bool) -> None:
    """Of 59.50 reserved 40.00 are taken, and refunded in parts: exactly these are gone, in every version, however told.

    Before basil Stripe calls the other 19.50 refunded as well: a Refund of its own, and a part of the sum.
    """
    shape: dict[str, Any] = {"invoice": ...} if basil else {}
    metadata = {"oneOff": "true", "customerId": "user-4711"}
    paid = payment(PAYMENT, metadata=metadata, amount=RESERVED, amount_captured=TAKEN, **shape)
    parts = refunded if basil else [RESERVED - TAKEN, *refunded]
    key = example(PAYMENT)["data"]["object"]["payment_intent"]
    ones = [
        read("stripe_refund_created", id=f"re_{number}", amount=part, payment_intent=key)
        for number, part in enumerate(parts)
    ]
    sums = [
        read("stripe_charge_refunded_after_capture_in_part", amount_refunded=sum(parts[:count]), **shape)
        for count in range(1, len(parts) + 1)
    ]
    events = {"one by one": ones, "as a sum": sums, "both": [*sums, *ones]}[told]
    assert gone(paid, *events) == sum(refunded)
    assert {event.payment_id for event in events if not isinstance(event, Skipped | CodeGiven)} <= {paid.payment_id}


def test_a_reservation_that_is_given_up_is_no_refund() -> None:
    """Nothing was paid, so nothing waits for a payment that never comes."""
    assert read("stripe_charge_refunded_not_captured") == Skipped("NOT_CAPTURED")
    assert read("stripe_refund_of_expired_reservation") == Skipped("NOT_CAPTURED")


def test_a_sum_of_nothing_is_nothing_to_do() -> None:
    """The capture of a part is told as `charge.refunded` before basil, before anything was refunded."""
    assert read("stripe_charge_refunded", amount_refunded=0) == Skipped("NOTHING_REFUNDED")
    assert read("stripe_charge_refunded_capture_in_part_only") == Skipped("NOTHING_REFUNDED")


def test_a_captured_charge_has_nothing_uncaptured() -> None:
    """Neither in full, nor where more was captured than reserved, nor in an invoice."""
    assert payment("stripe_charge_succeeded").uncaptured == 0
    assert payment("stripe_charge_succeeded", amount_captured=7000).uncaptured == 0
    assert payment(OLD).uncaptured == payment(BASIL).uncaptured == 0


# ---------------------------------------------------------------- disputes


@pytest.mark.parametrize(
    ("status", "case", "outcome"),
    [
        ("won", "chargeback", DisputeOutcome.WON),
        ("lost", "chargeback", DisputeOutcome.LOST),
        ("warning_closed", "inquiry", DisputeOutcome.WON),
        ("prevented", "block", DisputeOutcome.WON),
        ("prevented", "resolution", DisputeOutcome.LOST),
        ("prevented", None, DisputeOutcome.LOST),
    ],
)
def test_how_a_dispute_ends(status: str, case: str | None, outcome: DisputeOutcome) -> None:
    """The owner has the money, or has not; where Stripe does not say, it is taken to be gone."""
    method = {"type": "card", "card": {"brand": "visa", "case_type": case}} if case else None
    found = read("stripe_dispute_closed_won", status=status, payment_method_details=method)
    assert isinstance(found, DisputeClosed)
    assert found.outcome is outcome


@pytest.mark.parametrize("status", ["needs_response", "under_review", "warning_needs_response", "lost", "won"])
def test_a_dispute_is_open_until_its_end_is_told(status: str) -> None:
    """Also one that is lost from its beginning, as bank debits are: the closing event follows. An inquiry may become a
    chargeback without being created again, so it holds the money already.
    """
    found = read("stripe_dispute_created", status=status)
    assert isinstance(found, DisputeOpened)
    assert (found.dispute_id, found.amount, found.currency) == ("du_1Example000000000501", 5950, "EUR")


def test_a_dispute_that_was_blocked_took_nothing() -> None:
    """The bank never asked: nothing is held, and nothing waits for an end that is not told."""
    assert read("stripe_dispute_created_blocked") == Skipped("DISPUTE_BLOCKED")
    assert isinstance(read("stripe_dispute_created_resolved"), DisputeOpened)


# ---------------------------------------------------------------- whose


@pytest.mark.parametrize("name", ["stripe_charge_refunded", "stripe_refund_created", "stripe_dispute_created"])
def test_another_mode_and_another_account_are_skipped(name: str) -> None:
    """As for payments: a test card takes nothing from anybody, and neither does a connected account."""
    event = example(name)
    assert stripe.read(event | {"livemode": False}, livemode=True) == Skipped("TEST_MODE")
    assert stripe.read(event, livemode=False) == Skipped("LIVE_MODE")
    assert stripe.read(event | {"account": "acct_1"}, livemode=True) == Skipped("CONNECTED_ACCOUNT")


@pytest.mark.parametrize(
    ("status", "outcome"), [("won", DisputeOutcome.WON), ("warning_closed", DisputeOutcome.WON), ("lost", None)]
)
def test_funds_that_come_back_tell_that_it_was_won(status: str, outcome: DisputeOutcome | None) -> None:
    """A dispute that was lost is won after all: told by its status, for funds come back of refunded payments, too."""
    event = example("stripe_dispute_closed_lost")
    told = {**event, "type": "charge.dispute.funds_reinstated", "created": event["created"] + 100}
    told["data"] = {"object": {**event["data"]["object"], "status": status}}
    found = stripe.read(told, livemode=True)
    if outcome is None:
        assert found == Skipped("DISPUTE_NOT_WON")
    else:
        assert isinstance(found, DisputeClosed)
        assert (found.outcome, found.occurred_at_ms) == (outcome, 1000 * told["created"])
