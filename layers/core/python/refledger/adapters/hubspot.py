"""HubSpot's webhooks: who signed them, and what a change of a property tells of a lead.

HubSpot tells of one property of one record at a time, many of them in a request, in no certain order, and again until
it is answered with success. A record that was just made says nothing but its id; its code is a change of its own.

Sources (HubSpot's developer documentation, as stored in 2026):
https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation (its example is
in the tests), https://developers.hubspot.com/docs/guides/crm/private-apps/webhooks
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from typing import Any, Final

from refledger.adapters.crm_mapping import Mapping
from refledger.domain.errors import BadSignature, Unreadable
from refledger.domain.leads import LeadNews
from refledger.domain.payment_events import Skipped

SOURCE: Final = "hubspot"  # of the messages that the endpoint puts into the queue
DETAIL_TYPE: Final = "webhook"
TOLERANCE_MS: Final = 5 * 60_000
TIMESTAMP: Final = re.compile(r"[0-9]{13}")
MAX_EVENTS: Final = 1_000
OBJECT_TYPES: Final = {"contact": "0-1", "company": "0-2", "deal": "0-3"}  # in subscriptions of `object.…`


def check(
    signature: str, timestamp: str, body: bytes, secrets: Sequence[str], *, method: str, uri: str, now_ms: int
) -> None:
    """Raise BadSignature unless one of the app's secrets signed this request lately.

    Version 3, at most five minutes ago. `uri`: the address as it is written in the app's settings. Without a secret
    nothing is believed.
    """
    # 13 digits, and no others: HubSpot joins body and time without a sign between them
    if not TIMESTAMP.fullmatch(timestamp) or abs(now_ms - int(timestamp)) > TOLERANCE_MS:
        raise BadSignature("X-HubSpot-Request-Timestamp: missing, or more than five minutes away")
    text = method.encode() + uri.encode() + body + timestamp.encode()
    for secret in secrets:
        wanted = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest())
        if hmac.compare_digest(wanted, signature.encode("utf-8", "surrogatepass")):
            return
    raise BadSignature("X-HubSpot-Signature-v3: not of this app, or of another address")


def events_in(body: bytes) -> list[Any]:
    """Read the events of a request.

    Raises Unreadable.
    """
    try:
        events = json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable("the body is not JSON") from None
    if not isinstance(events, list) or len(events) > MAX_EVENTS:
        raise Unreadable("the body is not a list of events")
    return events


def read(event: object, mapping: Mapping) -> LeadNews | Skipped:
    """Read what one event tells of a lead, or why it tells nothing.

    Raises Unreadable.
    """
    if not isinstance(event, AnyMapping):
        raise Unreadable("event: not an object")
    kind, changed = event.get("subscriptionType"), event.get("propertyName")
    if not isinstance(kind, str):
        raise Unreadable("subscriptionType: missing")
    if mapping.account and str(event.get("portalId")) != mapping.account:
        return Skipped("OTHER_ACCOUNT")
    if not kind.endswith(".propertyChange"):
        return Skipped("NOT_A_CHANGE")
    if not _is_of(mapping.kind, kind, event.get("objectTypeId")):
        return Skipped("OTHER_OBJECT")
    record, at_ms = event.get("objectId"), event.get("occurredAt")
    if not _is_number(record) or not _is_number(at_ms) or not isinstance(changed, str):
        raise Unreadable("objectId, occurredAt or propertyName: missing")
    news = mapping.news(str(record), int(str(at_ms)), {changed: event.get("propertyValue")})
    return Skipped("OTHER_PROPERTY") if news.is_empty else news


def _is_of(object: str, kind: str, type_id: object) -> bool:
    """Subscriptions are named after the object, or `object.…` with the id of its type."""
    name = kind.removesuffix(".propertyChange")
    return name == object or (name == "object" and type_id == OBJECT_TYPES.get(object, object))


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
