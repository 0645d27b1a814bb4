"""Every example file under events/leads: what it is read as, or why it is not."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from refledger.adapters.crm_mapping import Mapping
from refledger.domain.errors import Unreadable
from refledger.domain.leads import LeadNews, LeadStep, Value
from refledger.domain.payment_events import Skipped
from refledger.domain.referrals import ReferralSource
from refledger.entry.events.body import parse_body
from refledger.entry.events.leads import KINDS, parts, read
from tests.support.events import DAY_MS, EVENTS, NOW_MS, schema, validator
from tests.template.deployed import declared

MONTH_LATER_MS = NOW_MS + 30 * DAY_MS
AT_MS = 1_793_613_600_000  # 2026-11-02T10:00:00Z
TOLD_MS = 1_793_610_929_000  # 2026-11-02T09:15:29Z, when the CRMs' examples begin
CODES = ("ABCDE12345",)
CONTACT, LEAD = "138017612137", "00Q5f000005KcCnEAK"
WORTH = Value(major=Decimal(1000))


def dollars(amount: Value = WORTH) -> Value:
    return Value(amount.major, amount.amount, "USD")


OUTCOMES: dict[str, list[LeadNews | str]] = {
    "lead_created": [LeadNews("crm-4711", AT_MS, codes=CODES, source=ReferralSource.WEBSITE, campaign="autumn")],
    "lead_created_found_in_a_page": [LeadNews("crm-4712", AT_MS, codes=CODES, source=ReferralSource.EMAIL)],
    "lead_created_found_in_a_message": [LeadNews("crm-4713", AT_MS, codes=CODES, source=ReferralSource.PHONE)],
    "lead_created_no_code": [LeadNews("crm-4714", AT_MS)],
    "lead_accepted": [LeadNews("crm-4711", AT_MS + DAY_MS, LeadStep.ACCEPTED)],
    "lead_rejected": [LeadNews("crm-4712", AT_MS + DAY_MS, LeadStep.REJECTED, reason="no budget")],
    "lead_converted": [
        LeadNews("crm-4711", AT_MS + 2 * DAY_MS, LeadStep.CONVERTED, customer="user-4711", value=dollars())
    ],
    "lead_converted_minor_units": [
        LeadNews("crm-4711", AT_MS + 2 * DAY_MS, LeadStep.CONVERTED, value=Value(amount=100_000, currency="USD"))
    ],
    "lead_converted_value_unknown": [LeadNews("crm-4711", AT_MS + 2 * DAY_MS, LeadStep.CONVERTED)],
    "hubspot_code": [LeadNews(CONTACT, TOLD_MS + 1000, codes=CODES)],
    "hubspot_accepted": [LeadNews(CONTACT, TOLD_MS + 2000, LeadStep.ACCEPTED)],
    "hubspot_rejected": [LeadNews(CONTACT, TOLD_MS + 3000, LeadStep.REJECTED)],
    "hubspot_converted": [
        LeadNews(CONTACT, TOLD_MS + 4000, LeadStep.CONVERTED),
        LeadNews(CONTACT, TOLD_MS + 5000, value=WORTH),
    ],
    "hubspot_generic": [LeadNews(CONTACT, TOLD_MS + 6000, codes=CODES)],
    "hubspot_nothing_told": ["NOT_A_CHANGE", "OTHER_PROPERTY", "OTHER_OBJECT", "OTHER_PROPERTY"],
    "salesforce_created": [LeadNews(LEAD, TOLD_MS, codes=CODES)],
    "salesforce_accepted_two": [
        LeadNews(LEAD, TOLD_MS, LeadStep.ACCEPTED),
        LeadNews("00Q5f000005KcCoEAK", TOLD_MS, LeadStep.ACCEPTED),
    ],
    "salesforce_converted": [LeadNews(LEAD, TOLD_MS, LeadStep.CONVERTED, value=dollars())],
    "salesforce_appflow": [LeadNews(LEAD, TOLD_MS, LeadStep.REJECTED)],
    "salesforce_gap": ["GAP"],
    "salesforce_account": ["OTHER_OBJECT"],
}
REASONS = {
    "currency_unknown": "detail.currency: not an ISO 4217 currency",
    "lead_id_missing": "detail.leadId: missing",
    "source_unknown": "detail.source: not one of 'WEBSITE', 'MOBILE_APP'",
    "time_without_zone": "detail.occurredAt: not an RFC 3339 time with a zone",
    "unknown_detail_type": "unknown source or detail-type",
    "value_is_a_word": "detail.conversionValue: not a number",
    "value_is_nothing": "detail.conversionValue: not above zero",
}


def load(name: str) -> dict[str, Any]:
    return parse_body((EVENTS / "leads" / f"{name}.json").read_text(encoding="utf-8"))


def mappings() -> dict[str, Mapping]:
    """Those of a deployment that says nothing of its own."""
    parameters = declared()["Parameters"]
    named = {"hubspot": "HubSpotMapping", "salesforce": "SalesforceMapping"}
    return {crm: Mapping.parse(parameters[parameter]["Default"]) for crm, parameter in named.items()}


def told(name: str) -> list[LeadNews | str]:
    found: list[LeadNews | str] = []
    for part in parts(load(name)):
        news = read(part, mappings(), MONTH_LATER_MS)
        found += [news.reason] if isinstance(news, Skipped) else news
    return found


def test_the_tables_name_every_example_file() -> None:
    """An example without an expected outcome is not an example."""
    assert {path.stem for path in (EVENTS / "leads").glob("*.json")} == OUTCOMES.keys()
    assert {path.stem for path in (EVENTS / "leads" / "unreadable").glob("*.json")} == REASONS.keys()


@pytest.mark.parametrize("name", OUTCOMES)
def test_every_example_is_read_as_documented(name: str) -> None:
    """Under the mappings that the template has by default."""
    assert told(name) == OUTCOMES[name]


@pytest.mark.parametrize("name", REASONS)
def test_every_unreadable_example_says_why(name: str) -> None:
    """The place and the kind of fault, for an operator who looks into the dead-letter queue; no value."""
    with pytest.raises(Unreadable) as refused:
        told(f"unreadable/{name}")
    assert refused.value.detail.startswith(REASONS[name])
    assert "a lot" not in refused.value.detail


OURS = [name for name in OUTCOMES if name.startswith("lead_")]


@pytest.mark.parametrize("name", OURS)
def test_the_schema_takes_every_example_of_ours(name: str) -> None:
    """As EventBridge delivers it; from another sender it is not valid."""
    event = load(name)
    envelope = validator("lead.event.schema.json")
    assert envelope.is_valid(event)
    assert not envelope.is_valid(event | {"source": "orders"})
    assert not envelope.is_valid(event | {"detail": {}})


@pytest.mark.parametrize("name", [name for name in REASONS if name not in ("currency_unknown", "source_unknown")])
def test_the_schema_refuses_what_the_reader_refuses(name: str) -> None:
    """But for the lists of currencies and sources, which it does not repeat."""
    assert not validator("lead.event.schema.json").is_valid(load(f"unreadable/{name}"))


def test_the_schema_says_what_the_reader_knows() -> None:
    """Types, and an example that is readable."""
    assert schema("lead.event.schema.json")["properties"]["detail-type"]["enum"] == list(KINDS)
    for example in schema("lead.schema.json")["examples"]:
        event = {"source": "leads", "detail-type": "Lead Created", "detail": example}
        assert read(event, mappings(), MONTH_LATER_MS)


def test_every_reason_to_skip_is_documented() -> None:
    """An owner who asks why an event did not count finds the word."""
    text = (EVENTS.parent / "docs" / "leads.md").read_text(encoding="utf-8")
    reasons = {each for outcome in OUTCOMES.values() for each in outcome if isinstance(each, str)} | {"OTHER_ACCOUNT"}
    assert [reason for reason in sorted(reasons) if f"`{reason}`" not in text] == []


def test_the_default_mappings_are_documented() -> None:
    """Word for word, so that an owner can begin with them."""
    text = re.sub(r"\s+", "", (EVENTS.parent / "docs" / "leads.md").read_text(encoding="utf-8"))
    for parameter in ("HubSpotMapping", "SalesforceMapping"):
        assert re.sub(r"\s+", "", declared()["Parameters"][parameter]["Default"]) in text


@pytest.mark.parametrize("value", [1000, "1000", "1000.00", Decimal("1000.00"), Decimal("1E3")])
def test_a_value_is_a_number_or_a_text_of_one(value: object) -> None:
    """As JSON has it; never through a float."""
    event = load("lead_converted")
    event["detail"] |= {"conversionValue": value, "currency": "usd"}
    news = read(event, mappings(), MONTH_LATER_MS)
    assert isinstance(news, list)
    assert [each.value for each in news] == [dollars()]


@pytest.mark.parametrize(
    "value",
    [
        True, -1, 0, "-5", "nan", "Infinity", "", [], {"amount": 1.5}, {"amount": 0, "currency": "USD"}, "1E3", "1_000",
        "٣٠٠", "+5", " 5", "1,000.00", "1,5", "9" * 16,
    ],
)  # fmt: skip
def test_what_is_no_value_is_unreadable(value: object) -> None:
    """Nothing is guessed, and the reason is in words: no name of a function, no address of memory, no value."""
    event = load("lead_converted")
    event["detail"]["conversionValue"] = value
    with pytest.raises(Unreadable) as refused:
        read(event, mappings(), MONTH_LATER_MS)
    assert re.fullmatch(r"detail\.conversionValue(\.(amount|currency))?: [a-zA-Z0-9 ,()]+(; .*)?", refused.value.detail)
    assert not re.search(r"0x|function|validator|major|_Money|٣", refused.value.detail)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("lead_accepted", {"leadId": "x" * 201}),
        ("lead_accepted", {"leadId": "a\u0000b"}),
        ("lead_accepted", {"occurredAt": "2027-11-02T10:00:00Z"}),
        ("lead_converted_minor_units", {"currency": "EUR"}),
        ("lead_created", {"campaign": "x" * 101}),
        ("lead_created", {"message": "x" * 5001}),
        ("lead_created", {"customerId": ""}),
    ],
)
def test_what_is_too_long_contradicts_itself_or_is_of_another_time_is_unreadable(
    name: str, change: dict[str, object]
) -> None:
    """Nothing of it would fit, it says two things, or it has not happened yet."""
    event = load(name)
    event["detail"] |= change
    with pytest.raises(Unreadable):
        read(event, mappings(), MONTH_LATER_MS)


@pytest.mark.parametrize(
    "event", [{}, {"source": "leads"}, {"source": "x", "detail-type": "Lead Created", "detail": {}}]
)
def test_an_event_of_nobody_is_unreadable(event: dict[str, Any]) -> None:
    """Without a source that is known there is nothing to read."""
    with pytest.raises(Unreadable):
        read(event, mappings(), MONTH_LATER_MS)
