"""Payment events from the queue's text to a payment: every example file, the schema, and what is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from refledger.domain.currencies import EXPONENTS, MAX_AMOUNT
from refledger.domain.errors import Unreadable
from refledger.domain.payments import PaymentReceived, Skipped
from refledger.entry.events import parse_body, read_payment

EVENTS = Path(__file__).parents[2] / "events"
EXAMPLES = EVENTS / "payments"
DAY_MS = 24 * 60 * 60 * 1000
NOW_MS = 1_793_620_800_000  # 2026-11-02T12:00:00Z
GOOD: dict[str, Any] = {
    "paymentId": "order-1",
    "customerId": "user-1",
    "amount": 1000,
    "currency": "EUR",
    "occurredAt": "2026-11-02T09:15:30Z",
}

# What each example file is read as: (payment id, amount, base, currency), or why nothing is to do.
OUTCOMES: dict[str, tuple[str, int, int, str] | str] = {
    "payment_succeeded": ("order-20261102-0001", 11900, 10000, "EUR"),
    "payment_succeeded_minimal": ("order-20261102-0002", 4980, 4980, "JPY"),
    "payment_succeeded_three_decimals": ("order-20261102-0003", 5250, 5000, "KWD"),
    "payment_succeeded_nothing_paid": "NOTHING_PAID",
    "stripe_invoice_paid": ("pi_3Example000000000201", 11900, 10000, "EUR"),
    "stripe_invoice_paid_basil": ("in_1Example000000000211", 11900, 10000, "EUR"),
    "stripe_invoice_paid_partly_by_credit": ("pi_3Example000000000202", 5000, 4201, "EUR"),
    "stripe_invoice_paid_out_of_band": ("in_1Example000000000203", 11900, 10000, "EUR"),
    "stripe_invoice_nothing_paid": "NOTHING_PAID",
    "stripe_charge_succeeded": ("pi_3Example000000000101", 5950, 5000, "EUR"),
    "stripe_charge_captured": ("pi_3Example000000000103", 4000, 4000, "EUR"),
    "stripe_charge_not_captured": "NOT_CAPTURED",
    "stripe_charge_of_invoice": "CHARGE_OF_INVOICE",
    "stripe_charge_no_customer": "NO_CUSTOMER",
    "stripe_charge_test_mode": "TEST_MODE",
    "stripe_charge_zero_decimals": ("pi_3Example000000000105", 4980, 4980, "JPY"),
    "stripe_charge_three_decimals": ("pi_3Example000000000106", 5120, 5120, "KWD"),
    "stripe_charge_isk": ("pi_3Example000000000107", 5, 5, "ISK"),
    "stripe_charge_mga": ("pi_3Example000000000108", 2_500_000, 2_500_000, "MGA"),
    "stripe_charge_basil": "CHARGE_MAYBE_OF_INVOICE",
    "stripe_charge_basil_of_invoice": "CHARGE_OF_INVOICE",
    "stripe_charge_basil_one_off": ("pi_3Example000000000113", 5950, 5950, "EUR"),
}
REASONS = {
    "amount_with_a_point": "detail.amount: int_type",
    "amount_in_a_string": "detail.amount: int_type",
    "time_without_zone": "detail.occurredAt: time_with_zone",
    "unknown_currency": "detail.currency: unknown_currency",
    "tax_above_amount": "detail: tax and discount are more than the amount",
    "customer_missing": "detail.customerId: missing",
    "unknown_detail_type": "unknown source or detail-type",
    "stripe_fraction_of_isk": ("detail.data.object.currency: the amount is not exact in its ISO 4217 minor units"),
    "stripe_customer_created": "detail.type: not a payment",
}


def load(path: Path) -> dict[str, Any]:
    return parse_body(path.read_text(encoding="utf-8"))


def own(detail: Any) -> dict[str, Any]:
    return {"source": "payments", "detail-type": "Payment Succeeded", "detail": detail}


def read(detail: Any) -> PaymentReceived | Skipped:
    return read_payment(own(detail), now_ms=NOW_MS)


def test_the_tables_name_every_example_file() -> None:
    """An example without an expected outcome is not an example."""
    assert {path.stem for path in EXAMPLES.glob("*.json")} == OUTCOMES.keys()
    assert {path.stem for path in (EXAMPLES / "unreadable").glob("*.json")} == REASONS.keys()


@pytest.mark.parametrize("name", OUTCOMES)
def test_every_example_is_read_as_documented(name: str) -> None:
    """The files that documentation, demo and functions use mean what they are said to mean."""
    found = read_payment(load(EXAMPLES / f"{name}.json"), now_ms=NOW_MS + DAY_MS)
    if isinstance(found, Skipped):
        assert found.reason == OUTCOMES[name]
    else:
        assert (found.payment_id, found.amount, found.base, found.currency) == OUTCOMES[name]
        assert found.system == ("stripe" if name.startswith("stripe") else "payments")
        assert found.program_id == "default"


@pytest.mark.parametrize("name", REASONS)
def test_every_unreadable_example_says_why(name: str) -> None:
    """The reason names place and fault; it is what an operator sees in the dead-letter queue."""
    with pytest.raises(Unreadable) as refused:
        read_payment(load(EXAMPLES / "unreadable" / f"{name}.json"), now_ms=NOW_MS)
    assert refused.value.detail == REASONS[name]


def test_every_reason_to_skip_is_documented() -> None:
    """An owner who asks why a payment did not count finds the word."""
    text = (EVENTS.parent / "docs" / "events.md").read_text(encoding="utf-8")
    reasons = {outcome for outcome in OUTCOMES.values() if isinstance(outcome, str)}
    assert all(f"`{reason}`" in text for reason in reasons | {"LIVE_MODE", "CONNECTED_ACCOUNT"})


def test_the_example_of_the_documentation_is_complete() -> None:
    """Money, ids and time of the first example, to the millisecond and across the offset."""
    assert read_payment(load(EXAMPLES / "payment_succeeded.json"), now_ms=NOW_MS) == PaymentReceived(
        system="payments",
        payment_id="order-20261102-0001",
        customer_id="user-4711",
        program_id="default",
        amount=11900,
        base=10000,
        currency="EUR",
        occurred_at_ms=1_793_610_929_412,
    )


# --- the schema and the reader -----------------------------------------------------------------------------


def validator(name: str) -> Draft202012Validator:
    schemas = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in EVENTS.glob("schemas/*.json")}
    registry: Registry[Any] = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas.values()
    )
    Draft202012Validator.check_schema(schemas[name])
    return Draft202012Validator(schemas[name], registry=registry)


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
    + [{name: None} for name in (*GOOD, "programId", "taxAmount", "discountAmount")]
    + [{name: wrong} for name in ("amount", "taxAmount") for wrong in (True, "10", -1, Decimal("10"), [10])]
    + [{"amount": MAX_AMOUNT + 1}, {"amount": Decimal("10.5")}, {"discountAmount": -1}]
    + [{"currency": wrong} for wrong in ("eur", "XXX", "CLF", "XAU", "BGN", "", "EURO", 978)]
    + [{name: wrong} for name in ("paymentId", "customerId") for wrong in ("", "x" * 257, "a\nb", "\x00", "\x7f", 7)]
    + [{"programId": ""}, {"programId": "a\u0085b"}]
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
    found: PaymentReceived | Skipped | Unreadable
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
        assert type(found.amount) is type(found.base) is int
        assert 0 <= found.base <= found.amount == detail["amount"] - discount
        assert found.amount - found.base == tax


def test_the_schema_lists_our_currencies_and_the_envelope_holds_the_detail() -> None:
    """The enum is the table; the envelope schema accepts the example and refuses another sender."""
    schema = json.loads((EVENTS / "schemas" / "payment_succeeded.schema.json").read_text(encoding="utf-8"))
    assert schema["properties"]["currency"]["enum"] == sorted(EXPONENTS)
    assert all(readable(detail) for detail in schema["examples"])
    envelope = validator("payment_succeeded.event.schema.json")
    event = load(EXAMPLES / "payment_succeeded.json")
    assert envelope.is_valid(event)
    assert not envelope.is_valid(event | {"source": "orders"})
    assert not envelope.is_valid(event | {"detail": {}})


# --- envelope and text -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "orders"},
        {"source": None},
        {"source": ["payments"]},
        {"detail-type": "Payment Refunded"},
        {"detail-type": None},
        {"detail": None},
        {"detail": "{}"},
        {"detail": []},
    ],
)
def test_other_senders_are_unreadable(changes: dict[str, Any]) -> None:
    """What nobody defined is put aside for a person, not guessed at."""
    with pytest.raises(Unreadable):
        read_payment(own(GOOD) | changes, now_ms=NOW_MS)


@pytest.mark.parametrize(
    "source", ["payments", "stripe", "aws.partner/stripe.com", "aws.partner/stripe.com.example/ed_1", None]
)
def test_stripes_events_come_from_stripes_source_only(source: Any) -> None:
    """The source is what AWS vouches for: nobody but the partner can use it."""
    event = load(EXAMPLES / "stripe_charge_succeeded.json") | {"source": source}
    with pytest.raises(Unreadable, match="unknown source"):
        read_payment(event, now_ms=NOW_MS)


def test_a_reason_is_short_and_hides_where_it_came_from() -> None:
    """The first three faults are named; the error behind, which quotes the payload, is not shown with it."""
    with pytest.raises(Unreadable) as refused:
        read({"amount": "Erika Mustermann"})
    assert refused.value.detail == ("detail.paymentId: missing; detail.customerId: missing; detail.amount: int_type; …")
    assert refused.value.__suppress_context__


def test_an_event_whose_types_disagree_is_unreadable() -> None:
    """Stripe names the type twice; two different ones are not Stripe's."""
    event = load(EXAMPLES / "stripe_charge_succeeded.json") | {"detail-type": "invoice.paid"}
    with pytest.raises(Unreadable, match="detail-type"):
        read_payment(event, now_ms=NOW_MS)


def test_a_test_deployment_counts_test_events() -> None:
    """The mode is the deployment's: `livemode=False` turns it round."""
    event = load(EXAMPLES / "stripe_charge_test_mode.json")
    assert isinstance(read_payment(event, now_ms=NOW_MS, livemode=False), PaymentReceived)
    live = load(EXAMPLES / "stripe_charge_succeeded.json")
    assert read_payment(live, now_ms=NOW_MS, livemode=False) == Skipped("LIVE_MODE")


def test_without_a_given_time_the_clock_decides() -> None:
    """A payment of today is read; one of the far future is not."""
    assert isinstance(read_payment(own(GOOD | {"occurredAt": "2025-01-01T00:00:00Z"})), PaymentReceived)
    with pytest.raises(Unreadable, match="future"):
        read_payment(own(GOOD | {"occurredAt": "9000-01-01T00:00:00Z"}))


@pytest.mark.parametrize(("late_ms", "read_it"), [(DAY_MS, True), (DAY_MS + 1, False)])
def test_clocks_may_differ_by_a_day(late_ms: int, read_it: bool) -> None:
    """Exactly one day ahead is still taken, a millisecond more is not; Stripe's times obey the same limit."""
    detail = GOOD | {"occurredAt": "2026-11-02T09:15:30.000Z"}
    at_ms = 1_793_610_930_000
    for event in (own(detail), load(EXAMPLES / "stripe_charge_succeeded.json")):
        try:
            read_payment(event, now_ms=at_ms - late_ms)
        except Unreadable:
            assert not read_it
        else:
            assert read_it


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("stripe_charge_succeeded", {"payment_intent": ""}),
        ("stripe_charge_succeeded", {"payment_intent": "x" * 257, "id": "ch_1"}),
        ("stripe_charge_succeeded", {"metadata": {"customerId": "a\x00"}}),
        ("stripe_charge_succeeded", {"metadata": {"programId": "p" * 257}}),
        ("stripe_charge_succeeded", {"amount": MAX_AMOUNT * 2, "amount_captured": MAX_AMOUNT + 1}),
        ("stripe_charge_mga", {"amount": MAX_AMOUNT, "amount_captured": MAX_AMOUNT}),
    ],
)
def test_stripes_ids_and_amounts_obey_the_same_limits(name: str, changes: dict[str, Any]) -> None:
    """Limits are those of what is stored, so they hold for every sender, after conversion."""
    event = load(EXAMPLES / f"{name}.json")
    event["detail"]["data"]["object"] |= changes
    if changes.get("payment_intent") == "":
        event["detail"]["data"]["object"]["id"] = ""
    with pytest.raises(Unreadable):
        read_payment(event, now_ms=NOW_MS)


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
