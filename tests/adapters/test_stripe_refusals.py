"""What Stripe's events are refused for, and the property that holds for any of them: units, modes, junk."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.adapters import stripe, stripe_units
from refledger.domain.currencies import EXPONENTS, exponent
from refledger.domain.errors import UnknownCurrency, Unreadable
from refledger.domain.payment_events import (
    DisputeOpened,
    PaymentEvent,
    PaymentReceived,
    RefundReceived,
    RefundTotal,
    Skipped,
)
from tests.support.events import EXAMPLES
from tests.support.stripe import OLD, PAID_AT_MS, example, payment, read


@pytest.mark.parametrize(
    ("amount", "code", "iso"),
    [
        (1099, "EUR", 1099),
        (500, "JPY", 500),
        (5120, "KWD", 5120),
        (500, "ISK", 5),
        (500, "UGX", 5),
        (25000, "MGA", 2_500_000),
        (1045, "HUF", 1045),
        (80045, "TWD", 80045),
        (550, "ISK", None),
        (1, "UGX", None),
        (1000, "IQD", None),
        (1000, "LYD", None),
    ],
)
def test_stripes_units_become_isos(amount: int, code: str, iso: int | None) -> None:
    """Where the two lists differ the amount is converted; what is not exact or documented is not guessed."""
    assert stripe_units.to_iso(amount, code) == iso


@given(st.sampled_from(sorted(EXPONENTS)), st.integers(0, 10**15))
def test_conversion_never_changes_the_value(code: str, amount: int) -> None:
    """In major units both numbers are the same decimal, or there is no result."""
    special = {"MGA": 0, "ISK": 2, "UGX": 2}
    iso = stripe_units.to_iso(amount, code)
    if iso is not None:
        assert Decimal(iso).scaleb(-exponent(code)) == Decimal(amount).scaleb(-special.get(code, exponent(code)))


def test_conversion_of_no_currency_is_refused() -> None:
    """The caller has to know the currency first."""
    with pytest.raises(UnknownCurrency):
        stripe_units.to_iso(1, "XTS")


@pytest.mark.parametrize(
    ("name", "amount", "currency"),
    [
        ("stripe_charge_zero_decimals", 4980, "JPY"),
        ("stripe_charge_three_decimals", 5120, "KWD"),
        ("stripe_charge_isk", 5, "ISK"),
        ("stripe_charge_mga", 2_500_000, "MGA"),
    ],
)
def test_payments_come_in_isos_units(name: str, amount: int, currency: str) -> None:
    """The amount and the base are converted, the code is in capitals."""
    found = payment(name)
    assert (found.amount, found.base, found.currency) == (amount, amount, currency)


@pytest.mark.parametrize("currency", ["bgn", "xts", "eurx", "", "\uff45\uff55\uff52", None, 978])
def test_an_unknown_currency_is_unreadable(currency: Any) -> None:
    """Codes that ISO has withdrawn are among them: a person decides."""
    with pytest.raises(Unreadable, match="currency"):
        read("stripe_charge_succeeded", currency=currency)


@pytest.mark.parametrize("live", [True, False])
def test_only_the_mode_of_the_deployment_counts(live: bool) -> None:
    """A test card never pays anybody, and a test deployment never counts real money."""
    event = example("stripe_charge_succeeded")
    event["livemode"] = live
    assert isinstance(stripe.read(event, livemode=live), PaymentReceived)
    assert stripe.read(event, livemode=not live) == Skipped("LIVE_MODE" if live else "TEST_MODE")


def test_events_of_connected_accounts_are_skipped() -> None:
    """With Connect, that money was paid to somebody else."""
    event = example("stripe_charge_succeeded") | {"account": "acct_1Example00000001"}
    assert stripe.read(event, livemode=True) == Skipped("CONNECTED_ACCOUNT")


@pytest.mark.parametrize(
    ("name", "changes", "place"),
    [
        (OLD, {"amount_paid": True}, "amount_paid"),
        (OLD, {"amount_paid": Decimal("11900")}, "amount_paid"),
        (OLD, {"amount_paid": "11900"}, "amount_paid"),
        (OLD, {"amount_paid": -1}, "amount_paid"),
        (OLD, {"amount_paid": ...}, "amount_paid"),
        (OLD, {"status": "open"}, "status"),
        (OLD, {"total_excluding_tax": 11901}, "total_excluding_tax"),
        (OLD, {"total_excluding_tax": -1}, "total_excluding_tax"),
        (OLD, {"total_excluding_tax": ..., "total_tax_amounts": ..., "tax": ...}, "total_excluding_tax"),
        (OLD, {"total_excluding_tax": None, "total_tax_amounts": {}}, "total_tax_amounts"),
        (OLD, {"total_excluding_tax": None, "total_tax_amounts": [{}]}, "amount"),
        (OLD, {"payment_intent": 7}, "payment_intent"),
        (OLD, {"payment_intent": {}}, "payment_intent.id"),
        (OLD, {"metadata": {"customerId": 7}}, "metadata"),
        (OLD, {"metadata": []}, "metadata"),
        (OLD, {"status_transitions": {"paid_at": "now"}}, "paid_at"),
        ("stripe_charge_succeeded", {"status": "pending"}, "status"),
        ("stripe_charge_succeeded", {"captured": None}, "captured"),
        ("stripe_charge_succeeded", {"amount_captured": ...}, "amount_captured"),
        ("stripe_charge_succeeded", {"amount_captured": -1}, "amount_captured"),
        ("stripe_charge_succeeded", {"amount": 0}, "amount"),
        ("stripe_charge_refunded", {"captured": None}, "captured"),
        ("stripe_charge_refunded", {"amount_refunded": "5950"}, "amount_refunded"),
        ("stripe_charge_refunded", {"amount_refunded": -1}, "amount_refunded"),
        ("stripe_charge_refunded", {"amount_captured": ...}, "amount_captured"),
        ("stripe_charge_refunded", {"payment_intent": None, "id": None}, "id"),
        ("stripe_refund_created", {"amount": 0}, "amount"),
        ("stripe_refund_created", {"amount": Decimal("1500")}, "amount"),
        ("stripe_refund_created", {"currency": "EURO"}, "currency"),
        ("stripe_refund_created", {"status": None}, "status"),
        ("stripe_refund_created", {"status": "Succeeded"}, "status"),
        ("stripe_refund_created", {"id": ...}, "id"),
        ("stripe_refund_created", {"created": "now"}, "created"),
        ("stripe_refund_created", {"charge": 7, "payment_intent": None}, "charge"),
        ("stripe_dispute_created", {"amount": 0}, "amount"),
        ("stripe_dispute_created", {"amount": -5950}, "amount"),
        ("stripe_dispute_created", {"status": None}, "status"),
        ("stripe_dispute_created", {"charge": None, "payment_intent": None}, "charge"),
        ("stripe_dispute_created", {"created": True}, "created"),
        ("stripe_dispute_created_blocked", {"payment_method_details": []}, "payment_method_details"),
        ("stripe_dispute_closed_won", {"status": "under_review"}, "status"),
        ("stripe_dispute_closed_won", {"charge": None, "payment_intent": None}, "charge"),
        ("stripe_invoice_payment_paid", {"payment": None}, "payment"),
        ("stripe_invoice_payment_paid", {"status": "canceled"}, "status"),
        ("stripe_invoice_payment_paid", {"invoice": None}, "invoice"),
    ],
)
def test_what_is_not_understood_completely_is_unreadable(name: str, changes: dict[str, Any], place: str) -> None:
    """The reason ends with the place of the fault, so that a person finds it in the message."""
    with pytest.raises(Unreadable) as refused:
        read(name, **changes)
    assert refused.value.detail.split(":")[0].endswith(place)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "customer.created"},
        {"type": "charge.dispute.updated"},
        {"type": ["charge.succeeded"]},
        {"type": None},
        {"object": "v2.core.event"},
        {"livemode": None},
        {"data": None},
        {"data": {}},
        {"data": {"object": []}},
    ],
)
def test_other_stripe_events_are_unreadable(changes: dict[str, Any]) -> None:
    """Thin events, other types and broken ones are for a person, not for silence."""
    with pytest.raises(Unreadable):
        stripe.read(example("stripe_charge_succeeded") | changes, livemode=True)


def test_an_invoice_without_the_time_of_payment_has_the_events() -> None:
    """`paid_at` is the moment; where Stripe leaves it out, the event's own second stands in."""
    assert payment(OLD, status_transitions=None).occurred_at_ms == PAID_AT_MS + 1000
    assert payment(OLD, status_transitions={"paid_at": None}).occurred_at_ms == PAID_AT_MS + 1000


@given(
    paid=st.integers(1, 10**15),
    total=st.integers(1, 10**15),
    part=st.integers(0, 10**15),
    currency=st.sampled_from(["eur", "jpy", "kwd", "mga", "isk"]),
)
def test_the_base_is_never_above_the_amount(paid: int, total: int, part: int, currency: str) -> None:
    """For any totals: whole numbers, 0 <= base <= amount, and the tax part is never paid on."""
    net = min(part, total)
    changes = {"amount_paid": paid, "total": total, "total_excluding_tax": net, "currency": currency}
    try:
        found = payment(OLD, **changes)
    except Unreadable:
        assert currency == "isk"
        assert paid % 100
        return
    assert type(found.amount) is type(found.base) is int
    assert 0 <= found.base <= found.amount
    assert found.base * total <= found.amount * net < (found.base + 1) * total


def outcome(event: dict[str, Any]) -> PaymentEvent | Skipped | str:
    """What the event is read as, or the reason why it is unreadable."""
    try:
        return stripe.read(event, livemode=True)
    except Unreadable as refused:
        return refused.detail


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything inside a JSON value."""
    for key, child in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        if isinstance(child, dict | list):
            yield from places(child, (*path, key))


NAMES = sorted(path.stem for path in EXAMPLES.glob("stripe_*.json"))
ALL_PLACES = [(name, path) for name in NAMES for path in places(example(name))]
SECRET = "Erika Mustermann"
JUNK = st.recursive(
    st.sampled_from([None, True, False, SECRET, "", "\x00", Decimal("1.5"), -1, 0, 10**30]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "data", SECRET]), inner),
    max_leaves=4,
)


@given(st.sampled_from(ALL_PLACES), JUNK)
def test_junk_anywhere_is_read_or_refused_and_never_quoted(place: tuple[str, tuple[Any, ...]], junk: Any) -> None:
    """Nothing in an event can raise anything but Unreadable, or get a value of its own into the reason."""
    name, path = place
    event = example(name)
    parent: Any = event
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = junk
    match outcome(event):
        case str(reason):
            assert SECRET not in reason
            assert len(reason) < 200
        case PaymentReceived(amount=amount, base=base, uncaptured=uncaptured):
            assert 0 <= base <= amount
            assert amount > 0
            assert uncaptured >= 0
        case RefundReceived(amount=amount) | DisputeOpened(amount=amount) | RefundTotal(total=amount):
            assert type(amount) is int
            assert amount > 0
