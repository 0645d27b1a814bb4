"""Stripe's invoices and charges, in the shapes before and from API version 2025-03-31.basil on."""

from __future__ import annotations

from typing import Any

import pytest

from refledger.domain.errors import Unreadable
from refledger.domain.payment_events import (
    PaymentReceived,
    PaymentSkipped,
    Skipped,
)
from refledger.domain.tellers import Teller
from tests.support.stripe import BASIL, OLD, PAID_AT_MS, example, payment, read, skipped


@pytest.mark.parametrize(("name", "key"), [(OLD, "pi_3Example000000000201"), (BASIL, "in_1Example000000000211")])
def test_an_invoice_of_either_shape_is_a_payment(name: str, key: str) -> None:
    """Both shapes give the same money, customer, program and time; only basil's key is the invoice."""
    assert payment(name) == PaymentReceived(
        system="stripe",
        payment_id=key,
        customer_id="user-4711",
        program_id="default",
        amount=11900,
        base=10000,
        currency="EUR",
        occurred_at_ms=PAID_AT_MS,
        product_id="" if name == OLD else "prod_Example00000001",
        names=("in_1Example000000000201",) if name == OLD else (),
        teller=Teller.INVOICE,
    )


def test_an_invoice_and_its_charge_have_one_key_and_count_once() -> None:
    """Before basil: whichever comes first, the charge says that it is the invoice's, and is skipped."""
    charge = example("stripe_charge_of_invoice")["data"]["object"]
    assert charge["payment_intent"] == payment(OLD).payment_id
    assert read("stripe_charge_of_invoice") == Skipped("CHARGE_OF_INVOICE")


def test_a_charge_that_gets_its_invoice_afterwards_shares_the_key_with_it() -> None:
    """Checkout's invoice_creation makes the invoice after the charge: before basil the key is what meets."""
    before = payment("stripe_charge_succeeded")
    after = payment(OLD, payment_intent=example("stripe_charge_succeeded")["data"]["object"]["payment_intent"])
    assert before.payment_id == after.payment_id


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"customerId": "user-4711"},
        {"oneOff": "false"},
        {"oneOff": "TRUE"},
        {"oneOff": ""},
        {"invoice": "none"},
    ],
)
def test_from_basil_on_a_charge_counts_only_if_the_owner_says_so(metadata: dict[str, str]) -> None:
    """A charge that might be an invoice's does not count: their keys would not meet. It is remembered."""
    found = read("stripe_charge_basil", metadata=metadata)
    assert isinstance(found, PaymentSkipped)
    assert (found.payment_id, found.amount, found.reason) == (
        "pi_3Example000000000111", 5950, "CHARGE_MAYBE_OF_INVOICE",
    )  # fmt: skip


def test_from_basil_on_a_marked_charge_counts() -> None:
    """`oneOff: "true"` is the owner's word that no invoice is made of the payment."""
    found = payment("stripe_charge_basil_one_off")
    assert (found.payment_id, found.customer_id) == ("pi_3Example000000000113", "user-4711")
    assert (found.amount, found.base) == (5950, 5950)


@pytest.mark.parametrize(
    "sign",
    [
        {"receipt_url": "https://pay.stripe.com/receipts/invoices/Example?s=ap"},
        {"payment_details": {"customer_reference": None, "order_reference": "in_1Example000000000211"}},
        {"invoice": "in_1Example000000000211"},
        {"invoice": {"id": "in_1Example000000000211", "object": "invoice"}},
    ],
)
def test_what_is_certainly_an_invoices_charge_is_skipped_even_if_marked(sign: dict[str, Any]) -> None:
    """A mark that the payload contradicts does not pay twice."""
    assert read("stripe_charge_basil_one_off", **sign) == Skipped("CHARGE_OF_INVOICE")


def test_other_references_do_not_make_a_charge_an_invoices() -> None:
    """An order reference of the owner's own, and a missing receipt, say nothing."""
    changes = {"payment_details": {"order_reference": "order-7"}, "receipt_url": None}
    assert payment("stripe_charge_basil_one_off", **changes).amount == 5950


def test_from_basil_on_an_invoice_is_its_own_key_whatever_lists_its_payments() -> None:
    """An event has no `payments`; were they there, the key would still be the one that the alias is of."""
    listed = {"data": [{"status": "paid", "payment": {"payment_intent": "pi_1"}}], "has_more": False}
    assert payment(BASIL, payments=listed).payment_id == payment(BASIL).payment_id == "in_1Example000000000211"


def test_keys_of_an_invoice_without_payment_intent() -> None:
    """Old sources made charges without an intent; what was paid elsewhere has neither."""
    assert payment(OLD, payment_intent=None).payment_id == "ch_3Example000000000102"
    assert payment(OLD, payment_intent=None, charge=None).payment_id == "in_1Example000000000201"
    assert payment("stripe_charge_succeeded", payment_intent=None).payment_id == "ch_3Example000000000101"


def test_expanded_objects_are_read_like_ids() -> None:
    """A reference is an id or the whole object, as the destination has it."""
    expanded = {
        "payment_intent": {"id": "pi_9", "object": "payment_intent"},
        "customer": {"id": "cus_9", "object": "customer", "deleted": True},
        "subscription_details": {"metadata": None},
    }
    found = payment(OLD, **expanded)
    assert (found.payment_id, found.customer_id) == ("pi_9", "cus_9")


@pytest.mark.parametrize(("name", "parent"), [(OLD, False), (BASIL, True)])
def test_the_invoices_own_metadata_win_over_the_subscriptions(name: str, parent: bool) -> None:
    """Customer, program and product come from the invoice, then the subscription, then Stripe's customer."""
    details = {"metadata": {"customerId": "of-subscription", "programId": "spring", "productId": "yearly"}}
    of_subscription: dict[str, Any] = (
        {"parent": {"subscription_details": details}} if parent else {"subscription_details": details}
    )
    both = payment(name, metadata={"customerId": "of-invoice"}, **of_subscription)
    assert (both.customer_id, both.program_id) == ("of-invoice", "spring")
    assert payment(name, **of_subscription).customer_id == "of-subscription"
    of_subscription = {"parent": None} if parent else {"subscription_details": None}
    assert (both.product_id, payment(name, metadata={"productId": "seat"}).product_id) == ("yearly", "seat")
    neither = payment(name, **of_subscription)
    assert (neither.customer_id, neither.program_id) == ("cus_Example00000001", "default")
    assert neither.product_id == ("" if name == OLD else "prod_Example00000001"), "that of its line"


@pytest.mark.parametrize("name", [OLD, BASIL, "stripe_charge_succeeded"])
def test_money_of_nobody_is_skipped(name: str) -> None:
    """Without metadata and without Stripe's customer there is nobody to look up."""
    changes: dict[str, Any] = {"customer": None, "metadata": {}}
    if name == OLD:
        changes["subscription_details"] = None
    if name == BASIL:
        changes["parent"] = None
    assert skipped(name, **changes) == "NO_CUSTOMER"


@pytest.mark.parametrize("name", [OLD, BASIL])
@pytest.mark.parametrize(
    ("paid", "total", "net", "base"),
    [
        (11900, 11900, 10000, 10000),
        (5000, 11900, 10000, 4201),  # 4201.68: rounded down
        (23800, 11900, 10000, 20000),  # debt of earlier invoices paid along
        (1, 11900, 10000, 0),
        (11900, 11900, 11900, 11900),
        (11900, 11900, 0, 0),
    ],
)
def test_the_base_of_an_invoice_is_net_of_tax_in_proportion(
    name: str, paid: int, total: int, net: int, base: int
) -> None:
    """Commission is paid on what was really paid, less the tax in it, never more than exact."""
    found = payment(name, amount_paid=paid, total=total, total_excluding_tax=net)
    assert (found.amount, found.base) == (paid, base)


@pytest.mark.parametrize(
    ("name", "changes", "base"),
    [
        (OLD, {}, 10000),
        (OLD, {"total_tax_amounts": [{"amount": 1000}, {"amount": 500}]}, 10400),
        (OLD, {"total_tax_amounts": ..., "tax": 900}, 11000),
        (OLD, {"total_tax_amounts": ..., "tax": None}, 11900),
        (OLD, {"total_tax_amounts": []}, 11900),
        (BASIL, {}, 10000),
        (BASIL, {"total_taxes": []}, 11900),
    ],
)
def test_where_the_total_without_tax_is_not_given_it_is_computed(name: str, changes: dict[str, Any], base: int) -> None:
    """Each version's own list of taxes is used; a single `tax` is the oldest form."""
    assert payment(name, total_excluding_tax=None, **changes).base == base


def test_discount_is_already_out_of_the_total() -> None:
    """The example sells for 125.00 less 25.00: the base is 100.00 and not 75.00."""
    invoice = example(OLD)["data"]["object"]
    assert invoice["subtotal"] == 12500
    assert sum(each["amount"] for each in invoice["total_discount_amounts"]) == 2500
    assert payment(OLD).base == 10000


def test_an_invoice_marked_as_paid_elsewhere_counts_like_any_other() -> None:
    """Basil puts such money into amount_paid; before, it is the amount that was due. Both count the same."""
    assert payment("stripe_invoice_paid_out_of_band").amount == payment(BASIL).amount == 11900


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        (OLD, {"amount_paid": 0}),
        (BASIL, {"amount_paid": 0, "total": 0, "total_excluding_tax": 0}),
        ("stripe_invoice_paid_out_of_band", {"amount_due": 0}),
        ("stripe_charge_succeeded", {"amount_captured": 0}),
    ],
)
def test_nothing_paid_is_nothing_to_do(name: str, changes: dict[str, Any]) -> None:
    """Trials, full discounts and invoices paid from credit are no payments."""
    assert read(name, **changes) == Skipped("NOTHING_PAID")


def test_only_what_was_captured_counts_and_when_it_was() -> None:
    """A reservation is no payment; of a capture the captured part is, at the time of the capture."""
    assert read("stripe_charge_not_captured") == Skipped("NOT_CAPTURED")
    found = payment("stripe_charge_captured", metadata={"productId": "seat"})
    assert (found.amount, found.base, found.product_id) == (4000, 4000, "seat")
    assert found.occurred_at_ms == PAID_AT_MS + 86_400_000


def test_a_charge_names_its_tax_in_the_metadata() -> None:
    """`taxAmount`, in Stripe's units, is taken off in proportion to the capture: a charge knows no tax."""
    assert payment("stripe_charge_succeeded").base == 5000
    half = payment("stripe_charge_succeeded", amount_captured=2975)
    assert (half.amount, half.base) == (2975, 2500)


@pytest.mark.parametrize("tax", ["-1", "9.50", "1e3", " 950", "950\n", "\u0663", "", "5951", "9" * 16, "9" * 5000])
def test_a_tax_that_cannot_be_right_is_unreadable(tax: str) -> None:
    """A wrong tax would pay commission on tax: better a message in the dead-letter queue."""
    with pytest.raises(Unreadable, match=r"metadata\.taxAmount"):
        read("stripe_charge_succeeded", metadata={"taxAmount": tax})
