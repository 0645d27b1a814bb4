"""What CRMs have told of leads: one item each, kept as long as there may be more to come."""

from __future__ import annotations

from decimal import Decimal

from refledger.domain.leads import LeadFacts, LeadStep, Value
from refledger.domain.referrals import ReferralSource
from refledger.domain.times import DAY_MS, SECOND_MS
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import NOT_THERE, Item, Write, put

AS_READ = "nobody noted anything about the lead meanwhile"
KEPT_MS = 400 * DAY_MS  # after the last of the news


def find(table: Table, hashed: str) -> LeadFacts:
    """Return all that is known of the lead, read strongly."""
    item = table.get(keys.lead_facts(hashed))
    return from_item(item) if item else LeadFacts()


def keep(hashed: str, facts: LeadFacts, now_ms: int) -> Write:
    """Write the facts, under the version that was read."""
    condition, was = ("#version = :was", {"was": facts.version}) if facts.version else (NOT_THERE, {})
    return put(AS_READ, {
        **keys.lead_facts(hashed), "version": facts.version + 1, "ttl": (now_ms + KEPT_MS) // SECOND_MS,
        "steps": {step.value: at_ms for step, at_ms in facts.steps.items()}, "reason": facts.reason,
        "codes": list(facts.codes), "codes_at": facts.codes_at_ms, "source": facts.source or "",
        "campaign": facts.campaign, "customer": facts.customer, "noted": facts.noted_at_ms,
        "last": {step.value: at_ms for step, at_ms in facts.last.items()}, **_value(facts),
        **({"makers": list(facts.makers)} if facts.makers else {}),
    }, condition, **was)  # fmt: skip


def _value(facts: LeadFacts) -> Item:
    """A value in major units is a text: the table's numbers are whole."""
    value = facts.value
    if value is None:
        return {}
    told = {"amount": value.amount} if value.major is None else {"major": str(value.major)}
    return {"value": {**told, "currency": value.currency}, "value_at": facts.value_at_ms}


def from_item(item: Item) -> LeadFacts:
    told = item.get("value")
    return LeadFacts(
        version=item["version"],
        steps={LeadStep(step): at_ms for step, at_ms in item["steps"].items()},
        reason=item["reason"],
        codes=tuple(item["codes"]),
        codes_at_ms=item["codes_at"],
        source=ReferralSource(item["source"]) if item["source"] else None,
        campaign=item["campaign"],
        customer=item["customer"],
        value=_value_from(told) if told else None,
        value_at_ms=item.get("value_at", 0),
        last={LeadStep(step): at_ms for step, at_ms in (item.get("last") or item["steps"]).items()},
        noted_at_ms=item.get("noted", 0),
        makers=tuple(item.get("makers", ())),
    )


def _value_from(told: Item) -> Value:
    if "major" in told:
        return Value(major=Decimal(told["major"]), currency=told["currency"])
    return Value(amount=told["amount"], currency=told["currency"])
