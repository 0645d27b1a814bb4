"""Salesforce's events on EventBridge: change events of its records, and platform events of the owner's.

Event Relay puts them under `detail.payload`, AppFlow straight into `detail`. A change event names the records in its
`ChangeEventHeader`, several where one transaction changed them alike, and carries the fields that changed (all that are
not empty when a record is created). A platform event has the owner's fields; which one names the lead is `id` in the
mapping.

Sources (as stored in 2026): https://developer.salesforce.com/docs/platform/event-relay/guide/,
https://developer.salesforce.com/docs/atlas.en-us.change_data_capture.meta/change_data_capture/cdc_event_fields_header.htm,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-saas-salesforce.html
"""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from typing import Final

from refledger.adapters.crm_mapping import Mapping
from refledger.domain.errors import Unreadable
from refledger.domain.leads import LeadNews
from refledger.domain.payment_events import Skipped

PREFIXES: Final = ("aws.partner/salesforce.com/", "aws.partner/appflow")
CHANGES: Final = ("CREATE", "UPDATE", "UNDELETE")
MAX_RECORDS: Final = 1_000


def read(detail: AnyMapping[str, object], kind: str, sent_at_ms: int, mapping: Mapping) -> list[LeadNews] | Skipped:
    """Read what one event tells of leads, or why it tells nothing.

    Raises Unreadable. `kind`: the event's type on the bus. `sent_at_ms`: when EventBridge took it, for events that do
    not say themselves.
    """
    payload = detail.get("payload", detail)
    if not isinstance(payload, AnyMapping):
        raise Unreadable("detail.payload: not an object")
    header = payload.get("ChangeEventHeader")
    if header is not None:
        return _changes(payload, header, mapping)
    if kind != mapping.kind:
        return Skipped("OTHER_OBJECT")
    record = payload.get(mapping.names.get("id", ""))
    if not isinstance(record, str) or not record:
        raise Unreadable("detail.payload: the field that names the lead is missing")
    return _told([mapping.news(record, sent_at_ms, payload)])


def _changes(payload: AnyMapping[str, object], header: object, mapping: Mapping) -> list[LeadNews] | Skipped:
    if not isinstance(header, AnyMapping):
        raise Unreadable("ChangeEventHeader: not an object")
    if header.get("entityName") != mapping.kind:
        return Skipped("OTHER_OBJECT")
    change, records, at_ms = header.get("changeType"), header.get("recordIds"), header.get("commitTimestamp")
    if isinstance(change, str) and change.startswith("GAP_"):
        return Skipped("GAP")  # something changed, and the event does not say what
    if change not in CHANGES:
        return Skipped("NOT_A_CHANGE")
    if not isinstance(at_ms, int) or isinstance(at_ms, bool) or not isinstance(records, list):
        raise Unreadable("ChangeEventHeader: commitTimestamp or recordIds missing")
    if len(records) > MAX_RECORDS or not all(isinstance(record, str) and record for record in records):
        raise Unreadable("ChangeEventHeader.recordIds: not ids")
    named = [
        record for record in records if not record.endswith("*")
    ]  # `00Q*`: all of them, after a field's type changed
    return _told([mapping.news(record, at_ms, payload) for record in named])


def _told(news: list[LeadNews]) -> list[LeadNews] | Skipped:
    told = [each for each in news if not each.is_empty]
    return told or Skipped("OTHER_PROPERTY")
