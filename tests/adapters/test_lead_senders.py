"""Who tells of leads: their signatures, and which of their properties mean what."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.adapters import hubspot, salesforce, signed_webhooks
from refledger.adapters.crm_mapping import BadMapping, Mapping
from refledger.domain.amounts import GRAMMAR
from refledger.domain.errors import BadSignature, Unreadable
from refledger.domain.leads import LeadNews, LeadStep, Value
from refledger.domain.payment_events import Skipped
from refledger.domain.referrals import ReferralSource

NOW_MS = 1_793_613_600_000
SECONDS = NOW_MS // 1000
BODY = b'{"type": "Lead Created"}'

# ---------------------------------------------------------------- our own signature


def test_a_signature_is_believed_by_whoever_has_the_secret() -> None:
    """Written down here as other languages have to make it; either of two secrets will do while one is changed."""
    known = "bf6f5ee1a3ad3b8a0a1d1d4b3d4f3ae6"
    signed = signed_webhooks.sign(BODY, known, SECONDS)
    assert signed == f"t={SECONDS},v1=" + SIGNED_BY_OPENSSL
    signed_webhooks.check(BODY, signed, ["other", known], now_ms=NOW_MS + 300_000)
    signed_webhooks.check(BODY, signed + ",v1=00,v0=1", [known], now_ms=NOW_MS - 300_000)


# printf '1793613600.{"type": "Lead Created"}' | openssl dgst -sha256 -hmac bf6f5ee1a3ad3b8a0a1d1d4b3d4f3ae6
SIGNED_BY_OPENSSL = "f400291d6ca9bf76a01df0a6dd5913d4160a91f3f1da1626a7c5524366450a4a"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "v1=" + "0" * 64,
        f"t={SECONDS}",
        f"t={SECONDS},v1=",
        f"t={SECONDS},v1=\u00e9",
        f"t={SECONDS},t={SECONDS}",
        "t=,v1=1",
        "t=-1,v1=1",
        "t=" + "9" * 400,
        "t=\u0661\u0667,v1=1",
    ],
)
def test_what_is_not_signed_is_not_believed(header: str) -> None:
    """Nor with an empty list of secrets, whatever the header says."""
    with pytest.raises(BadSignature):
        signed_webhooks.check(BODY, header, ["secret"], now_ms=NOW_MS)
    with pytest.raises(BadSignature):
        signed_webhooks.check(BODY, signed_webhooks.sign(BODY, "", SECONDS), [], now_ms=NOW_MS)


@pytest.mark.parametrize("late_ms", [301_000, -301_000])
def test_a_signature_of_another_time_is_not_believed(late_ms: int) -> None:
    """Five minutes, either way."""
    with pytest.raises(BadSignature):
        signed_webhooks.check(BODY, signed_webhooks.sign(BODY, "s", SECONDS), ["s"], now_ms=NOW_MS + late_ms)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_a_signature_is_of_one_body(body: bytes, other: bytes) -> None:
    """The bytes as they came, whatever they are."""
    signed = signed_webhooks.sign(body, "s", SECONDS)
    signed_webhooks.check(body, signed, ["s"], now_ms=NOW_MS)
    if body != other:
        with pytest.raises(BadSignature):
            signed_webhooks.check(other, signed, ["s"], now_ms=NOW_MS)


# ---------------------------------------------------------------- HubSpot

# The example of HubSpot's page on request validation: its secret, address, body, time and signature
EXAMPLE: dict[str, Any] = {
    "signature": "gbj1XPRvUt0noT7i7fXfTzOD4sLzQmf0VT28ZYq0EYg=",
    "timestamp": "1752613922216",
    "body": b'[{"eventId":531833541,"subscriptionId":3923621,"portalId":48807704,"appId":16111050,'
    b'"occurredAt":1752613920733,"subscriptionType":"contact.creation","attemptNumber":0,'
    b'"objectId":138017612137,"changeFlag":"CREATED","changeSource":"CRM_UI","sourceId":"userId:76023669"}]',
    "secrets": ["cfc68c0b-4b4e-4ef8-b764-95350e4ea479"],
    "method": "POST",
    "uri": "https://webhook.site/335453f5-94b3-49d9-b684-a55354d4b8df",
    "now_ms": 1752613922216 + 300_000,
}


def test_hubspots_own_example_is_believed() -> None:
    """And read: of a contact that was just made nothing is told but its id."""
    hubspot.check(**EXAMPLE)
    (event,) = hubspot.events_in(EXAMPLE["body"])
    assert hubspot.read(event, Mapping.parse("object=contact;code=referral_code")) == Skipped("NOT_A_CHANGE")


@pytest.mark.parametrize(
    "change",
    [
        {"signature": ""},
        {"signature": "\u00e9"},
        {"timestamp": ""},
        {"timestamp": "yesterday"},
        {"timestamp": "1752613922217"},
        {"body": EXAMPLE["body"].replace(b"0", b"1")},
        {"secrets": []},
        {"secrets": ["another"]},
        {"method": "GET"},
        {"uri": "https://webhook.site/elsewhere"},
        {"now_ms": 1752613922216 + 300_001},
        {"now_ms": 1752613922216 - 300_001},
    ],
    ids=str,
)
def test_what_hubspot_has_not_signed_is_not_believed(change: dict[str, Any]) -> None:
    """Another time, body, secret, method or address, and a request of more than five minutes ago."""
    with pytest.raises(BadSignature):
        hubspot.check(**EXAMPLE | change)


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"1", b"\xff", b"[" * 100_000, b"[" + b"1," * 1000 + b"1]"])
def test_what_is_no_list_of_events_is_unreadable(body: bytes) -> None:
    """Signed or not."""
    with pytest.raises(Unreadable):
        hubspot.events_in(body)


# ---------------------------------------------------------------- mappings

OF_CONTACTS = Mapping.parse(
    "object=contact; code=ref ;text=note;source=src;campaign=utm;customer=uid;value=worth;currency=cur;account=7;"
    "accepted=stage:Qualified|stage:Hot Lead;converted=stage:won;rejected=stage:lost|spam:TRUE;reason=why"
)


def test_properties_mean_what_the_mapping_says() -> None:
    """Any case of a value, any kind of a number; of two steps at once the one that says more."""
    told = {
        "ref": "abcde12345", "note": "code: OTHER-1", "src": "social-media", "utm": "x" * 200, "uid": "u1",
        "worth": Decimal("10.50"), "cur": "eur", "stage": "WON", "spam": True, "why": "said no",
    }  # fmt: skip
    assert OF_CONTACTS.news("L1", 5, told) == LeadNews(
        "L1", 5, LeadStep.CONVERTED, ("ABCDE12345", "OTHER-1"), ReferralSource.SOCIAL_MEDIA, "x" * 100, "u1",
        Value(major=Decimal("10.50"), currency="EUR"), "said no",
    )  # fmt: skip
    assert OF_CONTACTS.news("L1", 5, {"spam": True}).step is LeadStep.REJECTED
    assert OF_CONTACTS.news("L1", 5, {"stage": "hot lead", "src": "Radio"}) == LeadNews(
        "L1", 5, LeadStep.ACCEPTED, source=ReferralSource.OTHER
    )


@pytest.mark.parametrize("nothing", [None, "", "  ", [], {}])
def test_what_is_empty_tells_nothing(nothing: object) -> None:
    """A property that was cleared, a null, what is no plain value; and a value of nothing."""
    told = dict.fromkeys(("ref", "note", "src", "utm", "uid", "worth", "cur", "stage"), nothing)
    assert OF_CONTACTS.news("L1", 5, told).is_empty
    assert OF_CONTACTS.news("L1", 5, {"worth": "0"}).is_empty
    assert OF_CONTACTS.news("L1", 5, {"worth": -1}).is_empty


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        *(
            ({"worth": text}, f"worth: not a number ({GRAMMAR})")
            for text in ("a lot", "NaN", "1e3", "1_000", "٣٠٠", "1,5")
        ),
        ({"worth": "1" + "0" * 15}, f"worth: not a number ({GRAMMAR})"),
        ({"worth": "1", "cur": "XYZ"}, "cur: not an ISO 4217 currency"),
    ],
)
def test_a_value_that_cannot_be_read_says_where(told: dict[str, object], reason: str) -> None:
    """The property, and never what stood there."""
    with pytest.raises(Unreadable) as refused:
        OF_CONTACTS.news("L1", 5, told)
    assert refused.value.detail == reason


@pytest.mark.parametrize(
    "text", ["", "code=a", "object=", "object=x;nonsense=1", "object=x;object=y", "object=x;accepted=won", "object"]
)
def test_a_mapping_that_cannot_be_read_is_a_fault_of_the_deployment(text: str) -> None:
    """It is no sender's: messages stay in the queue until it is right."""
    with pytest.raises(BadMapping):
        Mapping.parse(text)


def test_events_of_other_accounts_and_records_are_skipped() -> None:
    """One app may serve several HubSpot accounts; a mapping names the one that counts."""
    told = {"subscriptionType": "contact.propertyChange", "objectId": 1, "occurredAt": 5, "propertyName": "ref",
            "propertyValue": "ABCDE12345", "portalId": 7}  # fmt: skip
    assert hubspot.read(told, OF_CONTACTS) == LeadNews("1", 5, codes=("ABCDE12345",))
    assert hubspot.read(told | {"portalId": 8}, OF_CONTACTS) == Skipped("OTHER_ACCOUNT")
    assert hubspot.read(told | {"subscriptionType": "deal.propertyChange"}, OF_CONTACTS) == Skipped("OTHER_OBJECT")
    generic = told | {"subscriptionType": "object.propertyChange", "objectTypeId": "0-1"}
    assert hubspot.read(generic, OF_CONTACTS) == LeadNews("1", 5, codes=("ABCDE12345",))
    assert hubspot.read(generic | {"objectTypeId": "0-3"}, OF_CONTACTS) == Skipped("OTHER_OBJECT")


@pytest.mark.parametrize(
    "change",
    [{"objectId": "1"}, {"objectId": True}, {"occurredAt": None}, {"propertyName": 1}, {"subscriptionType": None}],
)
def test_an_event_of_hubspots_without_its_parts_is_unreadable(change: dict[str, Any]) -> None:
    """It names no lead, no time or no property."""
    told = {"subscriptionType": "contact.propertyChange", "objectId": 1, "occurredAt": 5, "propertyName": "ref",
            "portalId": 7}  # fmt: skip
    with pytest.raises(Unreadable):
        hubspot.read(told | change, OF_CONTACTS)
    with pytest.raises(Unreadable):
        hubspot.read([told], OF_CONTACTS)


# ---------------------------------------------------------------- Salesforce

HEADER = {"entityName": "Lead", "changeType": "UPDATE", "recordIds": ["00Q1"], "commitTimestamp": 5}
OF_LEADS = Mapping.parse("object=Lead;code=Ref__c;accepted=Status:Working")


@pytest.mark.parametrize(
    ("header", "outcome"),
    [
        ({}, [LeadNews("00Q1", 5, LeadStep.ACCEPTED)]),
        (
            {"recordIds": ["00Q1", "00Q2"]},
            [LeadNews("00Q1", 5, LeadStep.ACCEPTED), LeadNews("00Q2", 5, LeadStep.ACCEPTED)],
        ),
        ({"recordIds": ["00Q*"]}, Skipped("OTHER_PROPERTY")),
        ({"changeType": "DELETE"}, Skipped("NOT_A_CHANGE")),
        ({"changeType": "GAP_OVERFLOW"}, Skipped("GAP")),
        ({"entityName": "Account"}, Skipped("OTHER_OBJECT")),
    ],
)
def test_change_events_are_of_every_record_they_name(header: dict[str, Any], outcome: Any) -> None:
    """From Event Relay, below payload, and from AppFlow, without it."""
    told = {"ChangeEventHeader": HEADER | header, "Status": "Working"}
    assert salesforce.read({"payload": told}, "LeadChangeEvent", 9, OF_LEADS) == outcome
    assert salesforce.read(told, "LeadChangeEvent", 9, OF_LEADS) == outcome


def test_a_platform_event_of_the_owners_tells_of_the_lead_that_it_names() -> None:
    """Its time is that of the bus; others are skipped."""
    mapping = Mapping.parse("object=Lead_News__e;id=Lead__c;code=Ref__c")
    told = {"payload": {"Lead__c": "00Q1", "Ref__c": "ABCDE12345", "CreatedDate": 1}}
    assert salesforce.read(told, "Lead_News__e", 9, mapping) == [LeadNews("00Q1", 9, codes=("ABCDE12345",))]
    assert salesforce.read(told, "Other__e", 9, mapping) == Skipped("OTHER_OBJECT")
    with pytest.raises(Unreadable):
        salesforce.read({"payload": {"Ref__c": "ABCDE12345"}}, "Lead_News__e", 9, mapping)


@pytest.mark.parametrize(
    "detail",
    [
        {"payload": 1},
        {"ChangeEventHeader": 1},
        {"ChangeEventHeader": HEADER | {"recordIds": "00Q1"}},
        {"ChangeEventHeader": HEADER | {"recordIds": [1]}},
        {"ChangeEventHeader": HEADER | {"commitTimestamp": "5"}},
        {"ChangeEventHeader": HEADER | {"commitTimestamp": True}},
    ],
)
def test_an_event_of_salesforces_without_its_parts_is_unreadable(detail: dict[str, Any]) -> None:
    """It names no lead, or no time."""
    with pytest.raises(Unreadable):
        salesforce.read(detail, "LeadChangeEvent", 9, OF_LEADS)
