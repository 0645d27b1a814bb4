"""Examples for the OpenAPI document: made of the schemas, with values that a reader recognises."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
Schema = dict[str, Any]

ID = "c5h6urjbd1g3oq2a"
REWARD_ID = ID + "0695t4g0al62kh9d2s7q3v1m8e5f0b4r"
PERSON = "9f3k7m1q5s0t8v2c"
HASH = "9b74c9897bac770ffc029102a200c5de3f1d8b6c7a5e4f32100f9e8d7c6b5a49"
VALUES: dict[str, Any] = {
    "partnerId": ID, "programId": "default", "rewardId": REWARD_ID, "rewardIds": [REWARD_ID],
    "referralId": ID + "0695t1q3g7kd5m2o4r6s8v0a",
    "currency": "USD", "amount": 1500, "available": 4500, "reserved": 1500, "paid": 12000, "pending": 800, "net": 1500,
    "base": 7500, "rateBps": 2000, "tier": 1, "version": 3, "email": "ada@example.com", "phone": "+44 20 7946 0000",
    "firstName": "Ada", "lastName": "Lovelace", "companyName": "Analytical Engines Ltd", "name": "Friends",
    "code": "ANA7K2M9QX", "referralCode": "ANA7K2M9QX", "iban": "DE89370400440532013000",
    "accountHolder": "Ada Lovelace",
    "may": ["GET /api/v1/session"],
    "month": "2026-11", "day": "2026-11-21", "date": "2026-11-21", "from": "2026-11-01", "to": "2026-11-30",
    "source": "WEBSITE",
    "campaign": "autumn", "note": "checked with the customer", "reason": "agreed by e-mail on 20 November",
    "leadId": "00Q5g00000AbCdE", "customerId": "cus_81", "transactionId": "2026-11-21/0042", "nextCursor": None,
    "cursor": "kq3vbm8cPZy0…", "title": "Not found", "conversionValue": "1000.00", "limit": 25, "url": "https://example.com/r/ANA7K2M9QX",
    "refunded": 0, "disputed": 0, "lost": 0, "gone": 0, "reversed": 0, "shipping": 0, "possibleDuplicateOf": None,
    "caller": None, "callerName": None,
    "clearedBy": None, "clearedByName": None, "closedFrom": None, "closedAt": None, "disabledAt": None,
    "forgottenAt": None, "problem": None, "statusReason": None, "undoAskedBy": None, "undoAskedByName": None,
    "ratedAgain": None, "cancelled": None, "chain": None, "revokedBy": None, "revokedByName": None, "revokedAt": None,
    "scopes": ["programs:read"], "lastFour": "d0g2",
}  # fmt: skip
# Of texts alone: elsewhere the same name has a number or an object.
TEXTS = {
    "stage": "prod", "screen": "withdrawals", "problem": "email-taken", "thing": ID, "file": "console-1b2c3d4e.js",
    "partnerName": "Ada Lovelace", "partnerCompany": "Analytical Engines Ltd", "programName": "Friends",
    "tier": "GOLD", "tag": "newsletter", "held": "REVIEW", "rule": "program", "paymentToldBy": "stripe",
    "toldBy": "stripe", "by": PERSON, "changedBy": PERSON, "requester": PERSON, "approver": PERSON, "author": PERSON,
    "verifiedBy": PERSON, "paidBy": ID + "0695t6k3m9q1x", "customerHash": "4n8s0c6t2v1e9k7h", "account": "DE…3000",
    "accountNumber": "12345678", "bankCode": "200000", "bic": "COBADEFFXXX", "country": "DE", "weight": "NEEDS_NOTE",
    "type": "BANK_TRANSFER", "stripeAccountId": "acct_1Q2w3E4r5T6y",
    "part": "ANA7K2M9QX", "kind": "operator", "field": "status", "entity": ID,
    "operation": "POST /api/v1/partners/{partnerId}/suspend", "request": "3f0c1d2e-6a51-4f0e-9f5b-7d1c2a9b8e47",
    "providerKey": "tr_1Q2w3E4r", "reference": "2026-11-21/0042", "allowedDomain": "shop.example.com",
    "accent": "#0f766e", "region": "north",
    "parameter": "via", "cookieDomain": "example.com", "label": "Flyer", "campaign": "autumn", "format": "CSV",
    "text": "asked for a call in March", "detail": "a second person is needed", "message": "I write about bookkeeping.",
    "action": "dismiss", "outcome": "BOOKED", "step": "ACCEPTED", "of": "ACCOUNT",
    "about": "A payment in a currency that its program does not take.", "exact": "1500.00",
    "sub": "9c1f6a20-0d43-4a0b-8f7e-5b2d1c3e4f60",
    "token": "h7k2m9qx4tc1v8s0", "hold": "the customer asked for a refund", "version": "3",
    "linkBase": "https://go.example.com", "stripeMode": "live", "notices": "chosen",
    "manifestDay": "2026-11-21", "hash": HASH, "previousHash": HASH, "movement": "available → reserved",
    "debit": "available", "credit": "reserved", "becauseOf": ID + "0695t1q3g7kd5m2o",
}  # fmt: skip
# Keys of objects that have one for each of something.
KEYS = {
    "deeperTiers": "3", "customers": "1", "byStatus": "ACTIVE", "byTier": "GOLD", "bySource": "WEBSITE",
    "byCampaign": "autumn", "filters": "programId", "metadata": "region",
}  # fmt: skip
# Of bodies whose fields exclude each other: one form of each.
FORMS: dict[str, Any] = {
    "PATCH /api/v1/partners/{partnerId}": {"firstName": "Ada", "lastName": "Lovelace", "tier": "GOLD"},
    "PATCH /api/v1/referrals/{referralId}": {"source": "EMAIL", "campaign": "autumn", "tags": ["newsletter"]},
    "POST /api/v1/programs/preview": {
        "terms": {"name": "Friends", "currency": "USD", "tierRatesBps": [2000, 1000]},
        "amount": 10_000,
        "currency": "USD",
        "productId": "gold",
    },
    "PATCH /api/v1/rewards/{rewardId}": {"note": "checked with the customer", "hold": "the goods came back"},
}
WORDS = (
    (re.compile(r"(At|Since|Until|Opens|On|^at|^since|^until|^asOf)$"), "2026-11-21T09:30:00.000Z"),
    (re.compile(r"(?i)byName$|(requester|approver|author)Name$"), "Ann Example"),
    (re.compile(r"By$"), PERSON),
    (re.compile(r"(first|last)Reward$"), REWARD_ID),
    (re.compile(r"^link$"), "https://example.com/"),
    (re.compile(r"(?i)(id|Ids)$"), ID),
    (re.compile(r"(?i)url$"), "https://example.com/"),
)


def of_schema(schema: Schema, definitions: dict[str, Schema], name: str = "", depth: int = 0) -> Any:
    """A value that the schema takes. `name`: of the field that it is for."""
    if "$ref" in schema:
        return of_schema(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions, name, depth)
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    if "const" in schema:
        return schema["const"]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            kinds = [each for each in schema[key] if each.get("type") != "null"]
            if len(kinds) < len(schema[key]) and VALUES.get(name, kinds) is None:
                return None
            return of_schema(kinds[0], definitions, name, depth) if kinds else None
    match schema.get("type"):
        case "object":
            return _object(schema, definitions, name, depth)
        case "array":
            return _array(schema, definitions, name, depth)
        case "string":
            return _string(schema, name)
        case "integer" | "number":
            return _number(schema, name)
        case "boolean":
            return bool(schema.get("default", False))
    return schema.get("default")


def _object(schema: Schema, definitions: dict[str, Schema], name: str, depth: int) -> Any:
    if "properties" in schema:
        return {field: of_schema(each, definitions, field, depth + 1) for field, each in schema["properties"].items()}
    inner = schema.get("additionalProperties")
    key = KEYS.get(name, "USD")
    return {key: of_schema(inner, definitions, key, depth + 1)} if isinstance(inner, dict) else {}


def _array(schema: Schema, definitions: dict[str, Schema], name: str, depth: int) -> Any:
    if isinstance(VALUES.get(name), list):
        return VALUES[name]
    items = schema.get("items", {})
    if not items or depth > 6:
        return []
    singular = name[:-1] if name.endswith("s") else name
    return [of_schema(items, definitions, singular, depth + 1)] * max(1, schema.get("minItems", 1))


def _string(schema: Schema, name: str) -> Any:
    if name.endswith("Decimal"):
        whole, cents = divmod(_number({}, name.removesuffix("Decimal")), 100)
        return f"{whole}.{cents:02}"
    told = TEXTS.get(name) or VALUES.get(name)
    if not isinstance(told, str):
        told = next((word for pattern, word in WORDS if pattern.search(name)), None) or schema.get("default") or "text"
    pattern = schema.get("pattern")
    if pattern and not re.search(pattern, told):
        if sized := re.fullmatch(r"\^\[a-v0-9\]\{(\d+)\}\$", pattern):  # an id of that length
            return (ID * 5)[: int(sized[1])]
        choice = re.fullmatch(r"\^?\(([A-Z_|]+)\)\$?", pattern)
        told = choice[1].split("|")[0] if choice else told
    return told[: schema.get("maxLength", len(told))]


def _number(schema: Schema, name: str) -> Any:
    told = VALUES.get(name)
    if not isinstance(told, int):
        told = schema.get("default")
    if not isinstance(told, int):
        told = 1
    return min(
        max(told, schema.get("minimum", told), schema.get("exclusiveMinimum", told - 1) + 1),
        schema.get("maximum", told),
    )


@cache
def of_requests() -> dict[str, Any]:
    """Real bodies by route, from the sample events; `FORMS` before them."""
    found: dict[str, Any] = dict(FORMS)
    for path in sorted((ROOT / "events").glob("*/*.json")):
        event = json.loads(path.read_text(encoding="utf-8"))
        if (
            isinstance(event, dict)
            and event.get("routeKey")
            and event.get("body")
            and "webhooks" not in event["routeKey"]
        ):
            try:
                found.setdefault(event["routeKey"], json.loads(event["body"]))
            except ValueError:  # not JSON: a file
                found.setdefault(event["routeKey"], event["body"])
    return found
