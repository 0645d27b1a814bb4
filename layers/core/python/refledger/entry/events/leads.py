"""Events about leads as they come out of their queue: the owner's own, HubSpot's and Salesforce's.

Fields that are not known are passed over, as in payment events; a refusal names the place and the kind of fault, never
a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, ValidationError
from pydantic_core import PydanticCustomError

from refledger.adapters import crm_mapping, hubspot, salesforce
from refledger.domain import amounts, clicks, currencies, leads
from refledger.domain.errors import Invalid, Unreadable
from refledger.domain.leads import LeadNews, LeadStep, Value
from refledger.domain.payment_events import Skipped
from refledger.domain.referrals import MAX_CAMPAIGN_LENGTH, MAX_LEAD_LENGTH, ReferralSource
from refledger.entry.events.body import parse_body, told_by
from refledger.entry.events.checks import MAX_FUTURE_MS, id_fault, moment_ms
from refledger.entry.events.fields import Currency, Detail, Identifier, Moment, faults_of
from refledger.entry.models import kinds

SOURCE: Final = "leads"
CREATED, ACCEPTED = "Lead Created", "Lead Accepted"
REJECTED, CONVERTED = "Lead Rejected", "Lead Converted"
KINDS: Final[Mapping[str, LeadStep | None]] = MappingProxyType({
    CREATED: None, ACCEPTED: LeadStep.ACCEPTED, REJECTED: LeadStep.REJECTED, CONVERTED: LeadStep.CONVERTED,
})  # fmt: skip
Told = list[LeadNews] | Skipped


def _capitals(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _major(value: object) -> Decimal:
    """A number as it was written, in a JSON number or a text: never through a float, which is refused."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise PydanticCustomError("number", "not a number")
    try:
        found = amounts.major(value if isinstance(value, str) else amounts.plain(value))
    except Invalid as error:
        raise PydanticCustomError("number", "{reason}", {"reason": error.detail.partition(": ")[2]}) from None
    if not 0 < found <= currencies.MAX_AMOUNT:
        raise PydanticCustomError("number", "not above zero, or too large")
    return found


_LeadId = Annotated[Identifier, Field(max_length=MAX_LEAD_LENGTH)]
_AnyCaseCurrency = Annotated[Currency, BeforeValidator(_capitals)]
_Text = Annotated[str, Field(max_length=leads.MAX_TEXT_CHARACTERS)]
_Major = Annotated[Decimal, BeforeValidator(_major)]
_Source = Annotated[
    Literal["WEBSITE", "MOBILE_APP", "EMAIL", "PHONE", "IN_PERSON", "SOCIAL_MEDIA", "OTHER"], BeforeValidator(_capitals)
]


class _Money(Detail):
    """Minor units."""

    amount: Annotated[int, Field(gt=0, le=currencies.MAX_AMOUNT)]
    currency: _AnyCaseCurrency


_Value = Annotated[
    Annotated[_Major, Tag(kinds.MAJOR)] | Annotated[_Money, Tag(kinds.MONEY)], Discriminator(kinds.kind_of_money)
]


class LeadDetail(Detail):
    """The detail of each of the four events: what belongs to one may stand in any. `conversionValue`: major units."""

    lead_id: _LeadId
    occurred_at: Moment
    referral_code: Annotated[str, Field(max_length=64)] = ""
    click_id: Annotated[str, Field(max_length=256)] = ""
    page_url: _Text = ""
    message: _Text = ""
    source: _Source | None = None
    campaign: Annotated[str, Field(max_length=MAX_CAMPAIGN_LENGTH)] = ""
    customer_id: Identifier | None = None
    reason: Annotated[str, Field(max_length=leads.MAX_REASON_LENGTH)] = ""
    conversion_value: _Value | None = None
    currency: _AnyCaseCurrency | None = None

    def news(self, kind: str) -> LeadNews:
        return LeadNews(
            lead_id=self.lead_id,
            at_ms=moment_ms(self.occurred_at),
            step=KINDS[kind],
            codes=leads.found_codes(self.referral_code, self.page_url, self.message),
            source=ReferralSource(self.source) if self.source else None,
            campaign=self.campaign,
            customer=self.customer_id or "",
            value=self._value(),
            reason=self.reason,
            click=clicks.first([self.click_id]),
        )

    def _value(self) -> Value | None:
        told = self.conversion_value
        if isinstance(told, _Money):
            if self.currency not in (None, told.currency):
                raise Unreadable("detail.currency: another than that of conversionValue")
            return Value(amount=told.amount, currency=told.currency)
        return Value(major=told, currency=self.currency or "") if told is not None else None


def own(kind: str, detail: object, now_ms: int) -> LeadNews:
    """Read what one of the owner's own events tells; `kind`: one of KINDS.

    Raises Unreadable.
    """
    try:
        return _timely(LeadDetail.model_validate(detail).news(kind), now_ms)
    except ValidationError as error:
        raise Unreadable(faults_of(error)) from None


def delivered(body: bytes, now_ms: int) -> tuple[str, dict[str, Any]]:
    """Return type and detail of an event that a webhook brought, found to be readable.

    Raises Unreadable.
    """
    try:
        event = parse_body(body.decode())
    except UnicodeDecodeError:
        raise Unreadable("body: not UTF-8") from None
    kind, detail = event.get("type"), event.get("detail")
    if not isinstance(kind, str) or kind not in KINDS or not isinstance(detail, dict):
        raise Unreadable(f"type, detail: one of {', '.join(KINDS)}, and an object")
    own(kind, detail, now_ms)
    return kind, detail


def parts(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each of what HubSpot tells at once: each is read, and put aside, alone."""
    detail = event.get("detail")
    events = detail.get("events") if isinstance(detail, dict) and event.get("source") == hubspot.SOURCE else None
    if not isinstance(events, list):
        yield event
        return
    for each in events:
        yield {**event, "detail": {"events": each}}


def read(event: dict[str, Any], mappings: Mapping[str, crm_mapping.Mapping], now_ms: int) -> Told:
    """Read what one of the `parts` tells of leads, or why it tells nothing.

    `mappings`: of each CRM, by its name. `now_ms`: the present in epoch milliseconds. Raises Unreadable.
    """
    source, kind, detail = event.get("source"), event.get("detail-type"), event.get("detail")
    if not isinstance(source, str) or not isinstance(kind, str) or not isinstance(detail, dict):
        raise Unreadable("source, detail-type or detail: missing")
    if source == SOURCE and kind in KINDS:
        return [replace(own(kind, detail, now_ms), by=told_by(event))]
    if source == hubspot.SOURCE:
        told = hubspot.read(detail.get("events"), mappings["hubspot"])
        return told if isinstance(told, Skipped) else [_timely(told, now_ms)]
    if source.startswith(salesforce.PREFIXES):
        changes = salesforce.read(detail, kind, _sent_at_ms(event, now_ms), mappings["salesforce"])
        return changes if isinstance(changes, Skipped) else [_timely(news, now_ms) for news in changes]
    raise Unreadable("unknown source or detail-type")


def _sent_at_ms(event: dict[str, Any], now_ms: int) -> int:
    """When EventBridge took it; what is replayed has its first time."""
    try:
        return moment_ms(str(event.get("time", "")))
    except ValueError:
        return now_ms


def _timely(news: LeadNews, now_ms: int) -> LeadNews:
    if fault := id_fault(news.lead_id):
        raise Unreadable(f"lead id: {fault}")
    if len(news.lead_id) > MAX_LEAD_LENGTH:
        raise Unreadable("lead id: too long")
    if news.customer and (fault := id_fault(news.customer)):
        raise Unreadable(f"customer id: {fault}")
    if not 0 <= news.at_ms <= now_ms + MAX_FUTURE_MS:
        raise Unreadable("time: before 1970, or more than a day in the future")
    return news
