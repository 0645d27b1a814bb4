"""Which of a CRM's properties mean what here: one line of text, a parameter of the deployment.

    object=Lead;code=Referral_Code__c;value=Conversion_Value__c;accepted=Status:Working - Contacted|Status:Qualified

`object`: the kind of record that is a lead. `code`, `text` (where a code may stand), `source`, `campaign`, `customer`,
`value`, `currency`, `reason`, `id`: a property each. `accepted`, `converted`, `rejected`: values of properties that say
so, any of them. `account`: the one account of the CRM that counts. What is not named is not read.
"""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from refledger.domain import amounts, currencies, leads
from refledger.domain.errors import Invalid, Unreadable
from refledger.domain.leads import LeadNews, LeadStep, Value
from refledger.domain.referrals import MAX_CAMPAIGN_LENGTH, ReferralSource

PROPERTIES: Final = ("code", "text", "source", "campaign", "customer", "value", "currency", "reason", "id")
STEPS: Final = {"accepted": LeadStep.ACCEPTED, "converted": LeadStep.CONVERTED, "rejected": LeadStep.REJECTED}


class BadMapping(Exception):
    """The parameter cannot be read: a fault of the deployment, not of a sender."""


@dataclass(frozen=True)
class Mapping:
    """`kind`: of records that are leads. `names`: the property of each of PROPERTIES. `steps`: what says a step, as
    (property, value in lower case).
    """

    kind: str
    account: str
    names: dict[str, str]
    steps: dict[LeadStep, frozenset[tuple[str, str]]]

    @classmethod
    def parse(cls, text: str) -> Mapping:
        """Parse a mapping as the setting has it.

        Raises BadMapping.
        """
        told: dict[str, str] = {}
        for part in filter(None, (part.strip() for part in text.split(";"))):
            name, found, value = part.partition("=")
            if not found or name not in ("object", "account", *PROPERTIES, *STEPS) or name in told:
                raise BadMapping(f"{name}: not a name of a mapping, told twice, or without a value")
            told[name] = value.strip()
        if not told.get("object"):
            raise BadMapping("object: missing")
        steps = {
            step: frozenset(map(_pair, filter(None, told.get(name, "").split("|")))) for name, step in STEPS.items()
        }
        names = {name: told[name] for name in PROPERTIES if told.get(name)}
        return cls(told["object"], told.get("account", ""), names, steps)

    def news(self, lead_id: str, at_ms: int, values: AnyMapping[str, object]) -> LeadNews:
        """Read what the values of a lead's properties tell.

        Raises Unreadable, naming the property and never its value.
        """
        told = {name: _text(values.get(property)) for name, property in self.names.items()}
        return LeadNews(
            lead_id=lead_id,
            at_ms=at_ms,
            step=self._step(values),
            codes=leads.found_codes(told.get("code", ""), text=told.get("text", "")),
            source=source_of(told.get("source", "")),
            campaign=told.get("campaign", "")[:MAX_CAMPAIGN_LENGTH],
            customer=told.get("customer", ""),
            value=self._value(told),
            reason=told.get("reason", "")[: leads.MAX_REASON_LENGTH],
        )

    def _step(self, values: AnyMapping[str, object]) -> LeadStep | None:
        """The one that says most, where several do."""
        said = {(property, _text(value).casefold()) for property, value in values.items()}
        for step in (LeadStep.CONVERTED, LeadStep.REJECTED, LeadStep.ACCEPTED):
            if self.steps[step] & said:
                return step
        return None

    def _value(self, told: dict[str, str]) -> Value | None:
        """None where there is none, or it is nothing: from nothing nobody earns."""
        text, currency = told.get("value", ""), told.get("currency", "").upper()
        if not text or text.startswith("-"):
            return None
        try:
            major = amounts.major(text)
        except Invalid as error:
            raise Unreadable(f"{self.names['value']}: {error.detail.partition(': ')[2]}") from None
        if major > currencies.MAX_AMOUNT:
            raise Unreadable(f"{self.names['value']}: too large")
        if currency and not currencies.is_currency(currency):
            raise Unreadable(f"{self.names['currency']}: not an ISO 4217 currency")
        return Value(major=major, currency=currency) if major > 0 else None


def source_of(text: str) -> ReferralSource | None:
    """Read a source of referrals.

    OTHER for what none of them is called, None for nothing.
    """
    name = "_".join(text.upper().replace("-", " ").split())
    return ReferralSource(name) if name in set(ReferralSource) else ReferralSource.OTHER if name else None


def _pair(text: str) -> tuple[str, str]:
    property, found, value = text.partition(":")
    if not found or not property.strip() or not value.strip():
        raise BadMapping("accepted, converted and rejected: property:value, with | between")
    return property.strip(), value.strip().casefold()


def _text(value: object) -> str:
    """As text; a null, and what is no plain value, is nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return amounts.plain(value)
    return value.strip() if isinstance(value, str) else ""
