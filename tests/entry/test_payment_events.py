"""Our own payment events: the schema and the reader accept the same, and what is refused whoever sent it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.currencies import EXPONENTS, MAX_AMOUNT
from refledger.domain.errors import Invalid, Unreadable
from refledger.domain.payment_events import PaymentEvent, PaymentReceived, Skipped
from refledger.entry.events.payments import read_event
from refledger.entry.models.import_lines import read_partner
from tests.support.events import DAY_MS, NOW_MS, load, schema, validator

GOOD: dict[str, Any] = {
    "paymentId": "order-1",
    "customerId": "user-1",
    "amount": 1000,
    "currency": "EUR",
    "occurredAt": "2026-11-02T09:15:30Z",
}


def own(detail: Any) -> dict[str, Any]:
    return {"source": "payments", "detail-type": "Payment Succeeded", "detail": detail}


def read(detail: Any) -> PaymentEvent | Skipped:
    return read_event(own(detail), now_ms=NOW_MS, livemode=True)


DETAIL = validator("payment_succeeded.schema.json")


def readable(detail: Any) -> bool:
    try:
        read(detail)
    except Unreadable:
        return False
    return True


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"programId": "spring-2026"},
        {"productId": "team-yearly"},
        {"items": [{"productId": "gold", "amount": 600}, {"amount": 400}], "referralCode": "ADA2026"},
        {"items": [], "shippingAmount": 0},
        {"shippingAmount": 1000},
        {"amount": 0},
        {"amount": MAX_AMOUNT},
        {"taxAmount": 0, "discountAmount": 0},
        {"taxAmount": 160, "discountAmount": 840},
        {"discountAmount": 1000},
        {"currency": "JPY"},
        {"currency": "KWD"},
        {"occurredAt": "2026-11-02T09:15:30.1Z"},
        {"occurredAt": "2026-11-02T09:15:30.123456789+05:30"},
        {"occurredAt": "2026-11-02T09:15:30-00:00"},
        {"occurredAt": "1970-01-01T00:00:00Z"},
        {"paymentId": "x"},
        {"paymentId": "ü" * 256},
        {"customerId": "  spaces are the sender's  "},
        {"customerId": "🙂"},
        {"addedNextYear": {"at": 1}, "note": None},
    ],
)
def test_schema_and_reader_accept_the_same(changes: dict[str, Any]) -> None:
    """Whoever validates against the schema before sending is never refused."""
    detail = GOOD | changes
    assert DETAIL.is_valid(detail)
    assert readable(detail)


@pytest.mark.parametrize(
    "changes",
    [{name: ...} for name in GOOD]
    + [
        {name: None}
        for name in (*GOOD, "programId", "productId", "taxAmount", "discountAmount", "shippingAmount", "items")
    ]
    + [{name: wrong} for name in ("amount", "taxAmount") for wrong in (True, "10", -1, Decimal("10"), [10])]
    + [{"items": [{"productId": "a", "amount": wrong}]} for wrong in (-1, "1", True, Decimal("1.5"))]
    + [{"items": [{"productId": "a"}]}, {"items": [{"amount": 1}] * 101}, {"referralCode": "x" * 65}]
    + [{"amount": MAX_AMOUNT + 1}, {"amount": Decimal("10.5")}, {"discountAmount": -1}]
    + [{"currency": wrong} for wrong in ("eur", "XXX", "CLF", "XAU", "BGN", "", "EURO", 978)]
    + [
        {name: wrong}
        for name in ("paymentId", "customerId")
        for wrong in ("", "x" * 257, "a\nb", "a\n", "\x00", "\x7f", 7)
    ]
    + [{name: wrong} for name in ("programId", "productId") for wrong in ("", "a\u0085b", "x" * 257)]
    + [
        {"occurredAt": wrong}
        for wrong in (
            "2026-11-02T09:15:30",
            "2026-11-02",
            "2026-11-02 09:15:30Z",
            "2026-11-02T09:15Z",
            "2026-11-02T24:00:00Z",
            "2026-11-02T09:15:60Z",
            "2026-11-02T09:15:30+24:00",
            "2026-11-02T09:15:30z",
            "2026-11-02T09:15:30Z\n",
            "2026-W45-1T09:15:30Z",
            "20261102T091530Z",
            "2026-11-02T09:15:30,5Z",
            "\uff12\uff10\uff12\uff16-11-02T09:15:30Z",
            1_793_610_930,
            "",
        )
    ],
)
def test_schema_and_reader_refuse_the_same(changes: dict[str, Any]) -> None:
    """Nothing that the schema forbids gets through, and the other way round."""
    detail = {name: value for name, value in (GOOD | changes).items() if value is not ...}
    assert not DETAIL.is_valid(detail)
    assert not readable(detail)


@pytest.mark.parametrize(
    "changes",
    [
        {"taxAmount": 161, "discountAmount": 840},
        {"discountAmount": 1001},
        {"shippingAmount": 841, "taxAmount": 160},
        {"items": [{"productId": "gold", "amount": 1}], "productId": "gold"},
        {"occurredAt": "2026-02-30T09:15:30Z"},
        {"occurredAt": "0000-01-01T09:15:30Z"},
        {"occurredAt": "1969-12-31T23:59:59Z"},
        {"occurredAt": "2026-11-03T12:00:00.001Z"},
        {"occurredAt": "9999-12-31T23:59:59-23:59"},
        {"paymentId": "\ud800"},
    ],
)
def test_the_reader_knows_what_a_schema_cannot_say(changes: dict[str, Any]) -> None:
    """Sums, the calendar, the clock and broken Unicode; the schema's description lists them."""
    detail = GOOD | changes
    assert DETAIL.is_valid(detail)
    assert not readable(detail)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
MONEY = st.integers(-1, 3) | st.integers(0, MAX_AMOUNT + 1) | st.sampled_from([True, None, "1", Decimal("1.5")])


@given(
    st.fixed_dictionaries(
        {name: st.just(value) for name, value in GOOD.items() if name not in ("amount", "currency")}
        | {"amount": MONEY, "currency": st.sampled_from([*sorted(EXPONENTS), "XXX", "eur", ""])},
        optional={"taxAmount": MONEY, "discountAmount": MONEY, "programId": TEXT},
    )
)
def test_a_readable_detail_is_valid_and_its_base_is_within_the_amount(detail: dict[str, Any]) -> None:
    """For any money: only whole numbers, 0 <= base <= amount, nothing lost but tax and discount."""
    found: PaymentEvent | Skipped | Unreadable
    try:
        found = read(detail)
    except Unreadable as refused:
        found = refused
    if isinstance(found, Unreadable):
        sums = found.detail == "detail: tax and discount are more than the amount"
        assert sums or not DETAIL.is_valid(detail)
        return
    assert DETAIL.is_valid(detail)
    discount, tax = detail.get("discountAmount", 0), detail.get("taxAmount", 0)
    if isinstance(found, Skipped):
        assert detail["amount"] == discount
    else:
        assert isinstance(found, PaymentReceived)
        assert type(found.amount) is type(found.base) is int
        assert 0 <= found.base <= found.amount == detail["amount"] - discount
        assert found.amount - found.base == tax


def test_the_schema_lists_our_currencies() -> None:
    """The enum is the table."""
    assert schema("payment_succeeded.schema.json")["properties"]["currency"]["enum"] == sorted(EXPONENTS)


# --- envelope and text -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "orders"},
        {"source": None},
        {"source": ["payments"]},
        {"detail-type": "Payment Failed"},
        {"detail-type": ["Payment Succeeded"]},
        {"detail-type": None},
        {"detail": None},
        {"detail": "{}"},
        {"detail": []},
    ],
)
def test_other_senders_are_unreadable(changes: dict[str, Any]) -> None:
    """What nobody defined is put aside for a person, not guessed at."""
    with pytest.raises(Unreadable):
        read_event(own(GOOD) | changes, now_ms=NOW_MS, livemode=True)


@pytest.mark.parametrize(
    "source", ["payments", "stripe", "aws.partner/stripe.com", "aws.partner/stripe.com.example/ed_1", None]
)
def test_stripes_events_come_from_stripes_source_only(source: Any) -> None:
    """The source is what AWS vouches for: nobody but the partner can use it."""
    event = load("stripe_charge_succeeded") | {"source": source}
    with pytest.raises(Unreadable, match="unknown source"):
        read_event(event, now_ms=NOW_MS, livemode=True)


def test_a_reason_is_short_and_hides_where_it_came_from() -> None:
    """The first three faults are named; the error behind, which quotes the payload, is not shown with it."""
    with pytest.raises(Unreadable) as refused:
        read({"amount": "Erika Mustermann"})
    assert refused.value.detail == (
        "detail.paymentId: missing; detail.customerId: missing; detail.amount: not a whole number; …"
    )
    assert refused.value.__suppress_context__


def test_a_reason_is_words_and_no_expression() -> None:
    """In the report of an import, which people read who know no regular expressions."""
    with pytest.raises(Invalid) as refused:
        read_partner({"firstName": "", "lastName": "Doe", "email": "bad"})
    assert refused.value.detail == "firstName: empty; email: not in the form that it must have"


def test_an_event_whose_types_disagree_is_unreadable() -> None:
    """Stripe names the type twice; two different ones are not Stripe's."""
    event = load("stripe_charge_succeeded") | {"detail-type": "invoice.paid"}
    with pytest.raises(Unreadable, match="detail-type"):
        read_event(event, now_ms=NOW_MS, livemode=True)


def test_a_test_deployment_counts_test_events() -> None:
    """The mode is the deployment's: `livemode=False` turns it round."""
    event = load("stripe_charge_test_mode")
    assert isinstance(read_event(event, now_ms=NOW_MS, livemode=False), PaymentReceived)
    live = load("stripe_charge_succeeded")
    assert read_event(live, now_ms=NOW_MS, livemode=False) == Skipped("LIVE_MODE")


@pytest.mark.parametrize(("late_ms", "read_it"), [(DAY_MS, True), (DAY_MS + 1, False)])
def test_clocks_may_differ_by_a_day(late_ms: int, read_it: bool) -> None:
    """Exactly one day ahead is still taken, a millisecond more is not; Stripe's times obey the same limit."""
    detail = GOOD | {"occurredAt": "2026-11-02T09:15:30.000Z"}
    at_ms = 1_793_610_930_000
    for event in (own(detail), load("stripe_charge_succeeded")):
        try:
            read_event(event, now_ms=at_ms - late_ms, livemode=True)
        except Unreadable:
            assert not read_it
        else:
            assert read_it


TOO_MUCH, ID = "amount: too large", "not 1 to 256 characters"


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("stripe_charge_succeeded", {"payment_intent": "", "id": ""}, f"payment id: {ID}"),
        ("stripe_charge_succeeded", {"payment_intent": "x" * 257}, f"payment id: {ID}"),
        ("stripe_charge_succeeded", {"metadata": {"customerId": "a\x00"}}, "customer id: a control character"),
        ("stripe_charge_succeeded", {"metadata": {"programId": "p" * 257}}, f"program id: {ID}"),
        ("stripe_charge_succeeded", {"metadata": {"productId": "p\n"}}, "product id: a control character"),
        ("stripe_charge_succeeded", {"amount": MAX_AMOUNT * 2, "amount_captured": MAX_AMOUNT + 1}, TOO_MUCH),
        ("stripe_charge_mga", {"amount": MAX_AMOUNT, "amount_captured": MAX_AMOUNT}, TOO_MUCH),
        ("stripe_charge_captured", {"amount": MAX_AMOUNT + 4001}, TOO_MUCH),
        ("stripe_refund_created", {"id": "re\x00"}, "refund id: a control character"),
        ("stripe_refund_created", {"id": ""}, f"refund id: {ID}"),
        ("stripe_refund_created", {"payment_intent": "x" * 257}, f"payment id: {ID}"),
        ("stripe_refund_created", {"amount": MAX_AMOUNT + 1}, TOO_MUCH),
        ("stripe_refund_created", {"created": -1}, "time: before 1970, or more than a day in the future"),
        ("stripe_charge_refunded", {"amount_refunded": MAX_AMOUNT + 1}, TOO_MUCH),
        ("stripe_dispute_created", {"id": "d" * 257}, f"dispute id: {ID}"),
        ("stripe_dispute_created", {"amount": MAX_AMOUNT + 1}, TOO_MUCH),
        ("stripe_dispute_closed_won", {"id": "d\ud800"}, "dispute id: a control character"),
        ("stripe_invoice_payment_paid", {"invoice": ""}, f"payment id: {ID}"),
        ("stripe_invoice_payment_paid", {"payment": {"charge": "ch\x7f"}}, "alias id: a control character"),
    ],
)
def test_stripes_ids_and_amounts_obey_the_same_limits(name: str, changes: dict[str, Any], reason: str) -> None:
    """Limits are those of what is stored, so they hold for every sender, after conversion."""
    event = load(name)
    event["detail"]["data"]["object"] |= changes
    with pytest.raises(Unreadable) as refused:
        read_event(event, now_ms=NOW_MS + 30 * DAY_MS, livemode=True)
    assert refused.value.detail == reason


SECRET = "Erika Mustermann"
VALUES = st.sampled_from([SECRET, [SECRET], {SECRET: SECRET}, Decimal("1.5"), -7])


@given(st.dictionaries(st.sampled_from([*GOOD, "programId", "taxAmount", SECRET]), VALUES, min_size=1))
def test_a_reason_never_holds_a_value(wrong: dict[str, Any]) -> None:
    """Reasons travel with the message and into logs: no value and no unknown field's name is in them."""
    reason = ""
    try:
        read(GOOD | wrong)
    except Unreadable as refused:
        reason = refused.detail
    assert SECRET not in reason
    assert len(reason) < 200


def test_items_divide_the_base_to_the_cent() -> None:
    """In proportion, by the largest remainder: lines and shipping are the base. A product may stand in two items."""
    items = [{"productId": "b", "amount": 100}, {"productId": "a", "amount": 50}, {"productId": "b", "amount": 0}]
    more = {"amount": 1200, "taxAmount": 100, "shippingAmount": 100, "items": [*items, {"amount": 50}]}
    found = read(GOOD | more)
    assert isinstance(found, PaymentReceived)
    assert (found.base, found.shipping, found.lines) == (1100, 100, (("", 250), ("a", 250), ("b", 500)))
    assert found.base == found.shipping + sum(part for _, part in found.lines)
