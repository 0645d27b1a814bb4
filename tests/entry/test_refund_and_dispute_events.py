"""Our own events about refunds and disputes: the schemas and the readers accept the same, and nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.currencies import EXPONENTS, MAX_AMOUNT
from refledger.domain.errors import Unreadable
from refledger.domain.payment_events import (
    CodeGiven,
    DisputeClosed,
    DisputeOpened,
    PaymentEvent,
    RefundReceived,
    Skipped,
)
from refledger.entry.events import own
from refledger.entry.events.payments import read_event
from tests.support.events import DAY_MS, NOW_MS, validator

AT = {"occurredAt": "2026-11-02T09:15:30Z"}
MONEY = {"amount": 1000, "currency": "EUR"}
GOOD: dict[str, dict[str, Any]] = {
    "Payment Refunded": {"refundId": "refund-1", "paymentId": "order-1", **MONEY, **AT},
    "Payment Disputed": {"disputeId": "dispute-1", "paymentId": "order-1", **MONEY, **AT},
    "Dispute Closed": {"disputeId": "dispute-1", "paymentId": "order-1", "outcome": "LOST", **AT},
}
DETAILS = {kind: validator(f"{kind.lower().replace(' ', '_')}.schema.json") for kind in GOOD}
WRONG: dict[str, tuple[Any, ...]] = {
    "refundId": ("", "x" * 257, "a\nb", "a\n", "\x00", 7, None, ...),
    "disputeId": ("", "x" * 257, "\x7f", 7, None, ...),
    "paymentId": ("", "x" * 257, "\x1f", ["order-1"], None, ...),
    "amount": (0, -1, True, "10", Decimal("10.5"), Decimal("10"), MAX_AMOUNT + 1, [10], None, ...),
    "currency": ("eur", "XXX", "XAU", "", "EURO", 978, None, ...),
    "outcome": ("won", "WON ", "WITHDRAWN", "", True, ["WON"], None, ...),
    "occurredAt": ("2026-11-02T09:15:30", "2026-11-02", "2026-11-02T09:15:30Z\n", 1_793_610_930, "", None, ...),
}
RIGHT: dict[str, tuple[Any, ...]] = {
    "refundId": ("x", "ü" * 256, "  spaces are the sender's  "),
    "disputeId": ("x", "🙂"),
    "paymentId": ("x" * 256,),
    "amount": (1, MAX_AMOUNT),
    "currency": ("JPY", "KWD"),
    "outcome": ("WON", "LOST"),
    "occurredAt": ("2026-11-02T09:15:30.123456789+05:30", "1970-01-01T00:00:00Z"),
    "addedNextYear": ({"at": 1}, None),
}


def read(kind: str, detail: Any) -> PaymentEvent | Skipped:
    event = {"source": "payments", "detail-type": kind, "detail": detail}
    return read_event(event, now_ms=NOW_MS, livemode=True)


def readable(kind: str, detail: Any) -> bool:
    try:
        read(kind, detail)
    except Unreadable:
        return False
    return True


def changed(values: dict[str, tuple[Any, ...]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each type's good detail with one field changed; `...` takes it away."""
    for kind, good in GOOD.items():
        for name in values.keys() & (good.keys() | {"addedNextYear"}):
            for value in values[name]:
                detail = good | {name: value}
                yield kind, {field: given for field, given in detail.items() if given is not ...}


def test_every_type_but_the_payments_own_is_looked_at_here() -> None:
    """A new type must be told what is right and wrong in it."""
    assert GOOD.keys() | {"Payment Succeeded"} == own.MODELS.keys()
    assert all(good.keys() <= WRONG.keys() for good in GOOD.values())


def test_each_type_is_what_it_says() -> None:
    """The classes are what the function tells apart; amounts and ids are as they were sent."""
    at_ms = 1_793_610_930_000
    assert read("Payment Refunded", GOOD["Payment Refunded"]) == RefundReceived(
        "payments", "refund-1", "order-1", 1000, "EUR", at_ms, failed=False
    )
    assert read("Payment Disputed", GOOD["Payment Disputed"]) == DisputeOpened(
        "payments", "dispute-1", "order-1", 1000, "EUR", at_ms
    )
    found = read("Dispute Closed", GOOD["Dispute Closed"])
    assert isinstance(found, DisputeClosed)
    assert (found.dispute_id, found.payment_id, found.outcome) == ("dispute-1", "order-1", "LOST")


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("source", ["payments", "stripe", "conversion"])
def test_it_may_name_the_system_that_told_of_the_payment(kind: str, source: str) -> None:
    """So that what was told by another one can be taken back; ids of refunds and disputes stay the sender's own."""
    found = read(kind, GOOD[kind] | {"source": source})
    assert isinstance(found, RefundReceived | DisputeOpened | DisputeClosed)
    assert (found.system, found.sender or found.system) == (source, "payments")
    assert DETAILS[kind].is_valid(GOOD[kind] | {"source": source})
    for wrong in ("paypal", "", None, 1):
        assert not DETAILS[kind].is_valid(GOOD[kind] | {"source": wrong})
        assert not readable(kind, GOOD[kind] | {"source": wrong})


@pytest.mark.parametrize(("kind", "detail"), changed(RIGHT))
def test_schema_and_reader_accept_the_same(kind: str, detail: dict[str, Any]) -> None:
    """Whoever validates against the schema before sending is never refused."""
    assert DETAILS[kind].is_valid(detail)
    assert readable(kind, detail)


@pytest.mark.parametrize(("kind", "detail"), changed(WRONG))
def test_schema_and_reader_refuse_the_same(kind: str, detail: dict[str, Any]) -> None:
    """Nothing that the schema forbids gets through, and the other way round."""
    assert not DETAILS[kind].is_valid(detail)
    assert not readable(kind, detail)


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize(
    "at", ["2026-02-30T09:15:30Z", "1969-12-31T23:59:59Z", "2026-11-03T12:00:00.001Z", "0000-01-01T09:15:30Z"]
)
def test_the_reader_knows_the_calendar_and_the_clock(kind: str, at: str) -> None:
    """A schema cannot say it; the schema's description lists it."""
    detail = GOOD[kind] | {"occurredAt": at}
    assert DETAILS[kind].is_valid(detail)
    assert not readable(kind, detail)


def test_a_detail_of_one_type_is_not_read_as_another() -> None:
    """A refund's detail under the type of a dispute lacks the dispute's id, and so on."""
    for kind in GOOD:
        for other in GOOD.keys() - {kind}:
            assert not readable(other, GOOD[kind])


TEXT = st.text(max_size=3)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
FIELDS = sorted({name for good in GOOD.values() for name in good})


@given(
    st.sampled_from(sorted(GOOD)),
    st.dictionaries(st.sampled_from(FIELDS), JUNK, max_size=3),
    st.sampled_from([*sorted(EXPONENTS), "eur"]),
    st.integers(-1, MAX_AMOUNT + 1),
)
def test_whatever_is_sent_is_read_as_it_is_or_unreadable(
    kind: str, wrong: dict[str, Any], currency: str, amount: int
) -> None:
    """For any JSON: nothing but Unreadable is raised, and an amount is never anything but the number that was sent."""
    detail = GOOD[kind] | {"currency": currency, "amount": amount} | wrong
    if not readable(kind, detail):
        return
    found = read(kind, detail)
    if isinstance(found, RefundReceived | DisputeOpened):
        assert type(found.amount) is int
        assert 0 < found.amount == detail["amount"] <= MAX_AMOUNT
        assert found.currency == detail["currency"]
    assert not isinstance(found, Skipped | CodeGiven)
    assert found.payment_id == detail["paymentId"]
    assert 0 <= found.occurred_at_ms <= NOW_MS + DAY_MS


@given(JUNK, JUNK, JUNK)
def test_any_envelope_is_read_or_unreadable(source: Any, kind: Any, detail: Any) -> None:
    """Neither a source nor a type nor a detail of another kind than expected raises anything else."""
    for event in (
        {"source": source, "detail-type": kind, "detail": detail},
        {"source": "payments", "detail-type": kind, "detail": detail},
        {"source": "aws.partner/stripe.com/ed_1", "detail-type": kind, "detail": {"type": kind, "object": detail}},
    ):
        with pytest.raises(Unreadable):
            read_event(event, now_ms=NOW_MS, livemode=None)
