"""Requests that nobody should send: each is refused with a problem, none with a 500, and nothing is written."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refledger.entry import access
from refledger.entry.models.common import NoBody, TextBody
from tests.support.functions import Answer, World, api_of, assert_problem

IBAN = "DE89370400440532013000"
METHOD = {"type": "BANK_TRANSFER", "accountHolder": "Bob Example", "iban": IBAN}
W = "POST /api/v1/withdrawals/{withdrawalId}/"
P = "POST /api/v1/partners/{partnerId}/"
CHANGE = "POST /api/v1/programs/{programId}/changes/{changeId}/"
G = "PUT /api/v1/programs/{programId}"
C = "PUT /api/v1/partners/{partnerId}/commission"
X = "POST /api/v1/adjustments"
R = "POST /api/v1/rewards/{rewardId}/"
RS = "POST /api/v1/rewards"
B = "POST /api/v1/partners/bulk"
V = "POST /api/v1/invitations"
A = "POST /api/v1/applications"
E = "POST /api/v1/payments/{paymentId}/"
F = "POST /api/v1/referrals"
VALID: dict[str, dict[str, Any]] = {
    "POST /api/v1/portal-sessions": {"partnerId": "a" * 16},
    "POST /api/v1/programs": {
        "id": "another", "name": "Another", "currency": "EUR", "tierRatesBps": [2000, 1000], "holdDays": 30,
        "payoutMinimum": {"amount": 1000, "currency": "EUR"}, "approvalTimeoutSeconds": 60, "autoApproveLimit": 5,
    },
    "POST /api/v1/programs/preview": {
        "terms": {"name": "Another", "currency": "EUR", "tierRatesBps": [2000]}, "amount": 10_000, "productId": "gold",
    },
    "POST /api/v1/partners": {
        "firstName": "Ada", "lastName": "Example", "email": "ada@example.com", "phone": "+49 30 1", "sub": "ada",
        "companyName": "Acme", "programId": "default",
    },
    "POST /api/v1/referrals/withdraw": {"amount": 1500, "currency": "USD", "payoutMethod": METHOD},
    "POST /api/v1/payout-methods": {**METHOD, "accountHolder": "Pam Example"},
    "POST /api/v1/payout-batches": {"limit": 5, "currency": "USD"},
    "PATCH /api/v1/me": {"firstName": "Ada", "lastName": "Example", "phone": "+49 30 1", "companyName": "Acme"},
    "PUT /api/v1/me/notifications": {"events": ["REWARD_APPROVED", "WITHDRAWAL_PAID"]},
    "PATCH /api/v1/partners/{partnerId}": {
        "firstName": "Ada", "lastName": "Example", "email": "ada@example.com", "phone": "", "companyName": "",
        "tier": "gold",
    },
    "PUT /api/v1/partners/{partnerId}": {
        "firstName": "Ada", "lastName": "Example", "email": "ada@example.com", "phone": "", "companyName": "",
        "tier": "gold", "tags": ["b", "a"],
    },
    "PUT /api/v1/partners/{partnerId}/tags": {"tags": ["b", "a"]},
    B: {
        "create": [{"firstName": "A", "lastName": "B", "email": "bulk@example.com"}],
        "update": [{"id": "p" * 16, "version": 1, "tier": "gold", "tags": []}],
        "status": [{"id": "p" * 16, "status": "active", "reason": "why"}],
    },
    "POST /api/v1/partners/validate-referral-code": {"referralCode": "ABCD"},
    "POST /api/v1/events/lead": {
        "customerId": "user-1", "leadId": "L-1", "clickId": "clk_x", "referralCode": "ABCD", "source": "EMAIL",
        "campaign": "autumn", "occurredAt": "2026-11-02T10:00:00Z",
    },
    "POST /api/v1/events/sale": {
        "paymentId": "order-1", "customerId": "user-1", "amount": 1000, "currency": "USD", "taxAmount": 160,
        "discountAmount": 0, "shippingAmount": 0, "productId": "gold", "programId": "default", "clickId": "clk_x",
    },
    f"{P}codes": {"code": "summer-26", "label": "Flyer", "campaign": "autumn"},
    f"{P}codes/rotate": {"code": "winter-26"},
    f"{P}notes": {"text": "called"},
    V: {
        "firstName": "Ada", "lastName": "", "email": "ada@example.com", "phone": "", "companyName": "",
        "programId": "default", "tier": "gold", "tags": ["a"], "validDays": 90,
    },
    "POST /api/v1/api-keys": {"name": "Shop", "scopes": ["events:write", "programs:read"], "validDays": 365},
    "POST /api/v1/api-keys/{apiKeyId}/rotate": {"overlapHours": 24},
    "POST /api/v1/invitations/{token}/accept": {"firstName": "Ada", "email": "ada@example.com"},
    A: {
        "firstName": "Ada", "lastName": "Example", "email": "ada@example.com", "phone": "", "companyName": "",
        "programId": "default", "message": "",
    },
    "POST /api/v1/applications/{applicationId}/approve": {"reason": ""},
    "POST /api/v1/applications/{applicationId}/reject": {"reason": "why"},
    **{f"{P}{end}": {"reason": "why"} for end in ("activate", "deactivate", "suspend", "terminate")},
    f"{P}link-user": {"sub": "ada"},
    "POST /api/v1/referrals/{referralId}/close": {
        "reason": "why", "from": "2026-01-31T12:00:00Z", "cancelUnpaid": True,
    },
    f"{CHANGE}confirm": {"note": ""},
    f"{CHANGE}reject": {"note": "why"},
    G: {
        "name": "Another", "currency": "EUR", "reviewRewards": True,
        "rules": {
            "tiers": [{"rateBps": 2000}, {"flat": [{"amount": 500, "currency": "EUR"}]}],
            "firstPayment": {"tiers": [{"rateBps": 3000}]}, "limitMonths": 12, "limitPayments": 24,
        },
        "productRules": [{"productId": "gold", "tiers": [{"rateBps": 100}]}],
        "monthlyCaps": [{"amount": 50_000, "currency": "USD"}],
        "currencies": [
            {"currency": "USD", "payoutMinimum": 1, "autoApproveLimit": 2, "secondApprovalLimit": 3},
            {"currency": "KWD", "adjustmentLimit": 4},
        ],
        "links": {
            "defaultUrl": "https://shop.example.com/", "allowedDomains": ["shop.example.com", "*.example.org"],
            "parameter": "via", "cookieDays": 30, "cookieDomain": "example.org", "campaigns": ["autumn"],
        },
    },
    C: {"rates": [{"rateBps": 1}, {"productId": "x", "flat": [{"amount": 5, "currency": "USD"}]}], "reason": "why"},
    **{f"{W}{end}": {"note": "fine"} for end in ("approve", "reject", "mark-failed", "retry", "resolve")},
    f"{W}mark-returned": {"note": "fine", "transactionId": "R-1"},
    "POST /api/v1/withdrawals/bulk-approve": {"withdrawalIds": ["a", "b"], "note": "fine"},
    "POST /api/v1/withdrawals/bulk-reject": {"withdrawalIds": ["a", "b"], "note": "not so"},
    "POST /api/v1/withdrawals/bulk-mark-paid": {"items": [{"withdrawalId": "a", "transactionId": "T-1"}]},
    f"{W}mark-paid": {"transactionId": "T-1"},
    X: {"partnerId": "p" * 16, "amount": -1500, "currency": "USD", "kind": "ADJUSTMENT", "reason": "why"},
    **{f"{X}/{{adjustmentId}}/{end}": {"note": "fine"} for end in ("approve", "reject")},
    "POST /api/v1/exports": {"what": "REWARDS", "filters": {"programId": "default", "status": "PAID"}, "format": "CSV"},
    f"{R}hold": {"reason": "looks odd"},
    **{f"{R}{end}": {"note": "fine"} for end in ("release", "approve", "cancel")},
    RS: {"partnerId": "p" * 16, "amount": 2500, "currency": "USD", "reason": "spoke for us"},
    "PATCH /api/v1/rewards/{rewardId}": {"note": "to be looked at", "hold": "looks odd"},
    "PUT /api/v1/rewards/{rewardId}": {"note": "to be looked at"},
    f"{RS}/process-payment": {"rewardId": "a", "paymentMethod": "PAYPAL", "transactionId": "T-1"},
    f"{R}process-payment": {"paymentMethod": "PAYPAL", "transactionId": "T-1"},
    f"{RS}/bulk-approve": {"rewardIds": ["a", "b"], "note": "fine"},
    f"{RS}/bulk-cancel": {"rewardIds": ["a", "b"], "note": "fine"},
    f"{RS}/bulk-pay": {"rewardIds": ["a", "b"], "paymentMethod": "CASH", "transactionId": "T-1"},
    **{f"POST /api/v1/programs/{{programId}}/{end}": {"reason": "why"} for end in ("pause", "resume", "archive")},
    **{f"{E}{end}": {"note": "fine"} for end in ("accept", "dismiss", "refunds/{refundId}/undo")},
    f"{E}duplicate": {"verdict": "ANOTHER", "note": "two orders"},
    f"{E}refunds": {
        "amount": 500, "currency": "USD", "reason": "by wire", "reference": "", "occurredAt": "2026-11-02T10:15:29Z",
    },
    F: {
        "partnerId": "p" * 16, "referralCode": "ABCD", "source": "PHONE", "campaign": "autumn", "leadId": "L-1",
        "customerId": "c-1", "note": "", "tags": ["a"],
    },
    "PATCH /api/v1/referrals/{referralId}": {
        "source": "EMAIL", "campaign": "", "customerId": "c-1", "note": "", "tags": [],
    },
    "PUT /api/v1/referrals/{referralId}": {
        "source": "EMAIL", "campaign": "", "customerId": "c-1", "note": "", "tags": [],
    },
    f"{F}/{{referralId}}/reject": {"reason": "no fit"},
    f"{F}/{{referralId}}/expire": {"reason": ""},
    f"{F}/{{referralId}}/link-to-lead": {"leadId": "L-1", "customerId": "c-1"},
    f"{F}/process-conversion": {"referralId": "a", "conversionValue": 1000.5, "currency": "USD"},
    f"{F}/{{referralId}}/process-conversion": {"conversionValue": 1000.5, "currency": "USD"},
    f"{F}/bulk": {
        "create": [{"partnerId": "p" * 16, "source": "PHONE"}], "accept": ["a" * 40],
        "reject": [{"id": "a" * 40, "reason": "no fit"}], "expire": ["a" * 40], "delete": ["a" * 40],
    },
}  # fmt: skip
VERSION = {"if-match": '"1"'}  # where a change must say of which version
# Written into the JSON as they stand: what json.dumps has no words for.
RAW = {"<NaN>": "NaN", "<inf>": "Infinity", "<-inf>": "-Infinity", "<1e309>": "1e309", "<1.0>": "1.0", "<1e3>": "1e3"}
NO_NUMBER: list[Any] = ["15", True, None, [], {}, 0.1, 10**40, -(10**40), *RAW]
NO_TEXT: list[Any] = [1, True, [], {}, "", " ", "\x00", "a\x00b", "a\nb", "x" * 2048, "<NaN>", "\x7f", "\u0085"]


def send(world: World, route: str, text: str, **told: Any) -> Answer:
    """As an admin who has a partner too, at ids that look right."""
    path = {"partnerId": world.books.partner("pam").id, "withdrawalId": "w" * 24, "programId": "default"}
    told["headers"] = {**VERSION, **told.get("headers", {})}
    return world.admin(route, path=path, text=text, **told)


def write(body: Any) -> str:
    text = json.dumps(body)
    for marker, raw in RAW.items():
        text = text.replace(json.dumps(marker), raw)
    return text


def replaced(body: dict[str, Any], field: str, value: Any) -> dict[str, Any]:
    """The body with another value at `a.b`."""
    head, _, tail = field.partition(".")
    return {**body, head: replaced(body[head], tail, value) if tail else value}


FIELDS: list[tuple[str, str, list[Any]]] = [
    ("POST /api/v1/referrals/withdraw", "amount", [-1, 0, 10**15 + 1, *NO_NUMBER]),
    ("POST /api/v1/referrals/withdraw", "currency", [*NO_TEXT, "XTS", "XAU", "EURO", "U$D", None]),
    ("POST /api/v1/referrals/withdraw", "payoutMethod", [None, [], "BANK_TRANSFER", {}, {"type": "BANK_TRANSFER"}]),
    ("POST /api/v1/referrals/withdraw", "payoutMethod.type", [*NO_TEXT, "PAYPAL", "STRIPE", None]),
    ("POST /api/v1/referrals/withdraw", "payoutMethod.accountHolder", [*NO_TEXT, None]),
    (
        "POST /api/v1/referrals/withdraw", "payoutMethod.iban",
        [*NO_TEXT, None, "DE89370400440532013001", "DE", IBAN + "0" * 30, "\u0664" * 22, "89DE370400440532013000"],
    ),
    ("POST /api/v1/referrals/withdraw", "payoutMethodId", [*NO_TEXT, "a#b", "-", "x" * 65, "\u00e4", "known"]),
    ("POST /api/v1/payout-methods", "type", [*NO_TEXT, "PAYPAL", "STRIPE", None]),
    ("POST /api/v1/payout-methods", "accountHolder", [*NO_TEXT, None]),
    ("POST /api/v1/payout-methods", "iban", [*NO_TEXT, None, "DE89370400440532013001"]),
    (
        "POST /api/v1/payout-methods", "stripeAccountId",
        [*NO_TEXT, "acct_", "acct_1", "cus_1234567890", "acct_12345\n", "acct_1234567890"],
    ),
    (f"{W}mark-returned", "transactionId", [*NO_TEXT, "x" * 141]),
    (f"{W}resolve", "note", [1, True, None, [], {}, "", " ", "\x00", "a\nb", "x" * 501]),
    (
        "POST /api/v1/withdrawals/bulk-approve", "withdrawalIds",
        [None, [], "a", {}, 1, ["a", "a"], [1], [None], [""], ["x" * 65], [["a"]], [str(n) for n in range(51)]],
    ),
    (
        "POST /api/v1/withdrawals/bulk-mark-paid", "items",
        [
            None, [], "a", {}, [{}], ["a"], [{"withdrawalId": "a"}], [{"transactionId": "T"}],
            [{"withdrawalId": "a", "transactionId": ""}], [{"withdrawalId": "a", "transactionId": "x" * 141}],
            [{"withdrawalId": "a", "transactionId": "T", "note": "x"}],
            [{"withdrawalId": "a", "transactionId": "T"}, {"withdrawalId": "a", "transactionId": "U"}],
            [{"withdrawalId": str(number), "transactionId": "T"} for number in range(51)],
        ],
    ),
    ("POST /api/v1/exports", "what", [*NO_TEXT, "EVERYTHING", "AUDIT", None]),
    ("POST /api/v1/exports", "format", [*NO_TEXT, "PDF", None]),
    (
        "POST /api/v1/exports", "filters",
        [
            None, [], 1, "x", {"partnerId": "a#b"}, {"status": "ACCEPTED"}, {"source": "WEBSITE"}, {"entity": "x"},
            {"from": "yesterday"}, {"from": "2026-02-30"}, {"from": "2026-01-01T00:00:00Z"}, {"from": 1},
            {"since": "2026-01-01"}, {"from": "2026-01-02", "to": "2026-01-01"},
        ],
    ),
    ("POST /api/v1/payout-batches", "limit", [-1, 0, 91, *NO_NUMBER]),
    ("POST /api/v1/payout-batches", "currency", [*NO_TEXT, "XTS", "EURO"]),
    ("POST /api/v1/programs/preview", "terms", [None, [], 1, {}, {"name": "x", "currency": "EUR"}]),
    ("POST /api/v1/programs/preview", "amount", [-1, 0, 10**15 + 1, *NO_NUMBER]),
    ("POST /api/v1/programs/preview", "currency", [1, "XTS", "EURO"]),
    ("POST /api/v1/programs/preview", "productId", [1, "", "x" * 101]),
    ("POST /api/v1/programs", "id", [*NO_TEXT, "Default", "a#b", "-a", "a" * 41, "\u00e4", None]),
    ("POST /api/v1/programs", "name", [*NO_TEXT, None]),
    ("POST /api/v1/programs", "currency", [*NO_TEXT, "XXX", None]),
    (
        "POST /api/v1/programs", "tierRatesBps",
        [[], [-1], [10_001], [6000, 6000], [0.1], ["1"], [True], [None], [1] * 11, "2000", None, 2000, ["<NaN>"],
         [10**40]],
    ),
    ("POST /api/v1/programs", "holdDays", [-1, 3651, *NO_NUMBER]),
    ("POST /api/v1/programs", "approvalTimeoutSeconds", [-1, 0, 365 * 86_400 + 1, *NO_NUMBER]),
    ("POST /api/v1/programs", "payoutMinimum.amount", [-1, 10**15 + 1, *NO_NUMBER]),
    ("POST /api/v1/programs", "payoutMinimum.currency", ["USD", "XTS", 1, None]),
    ("POST /api/v1/programs", "autoApproveLimit", [-1, 10**15 + 1, *[v for v in NO_NUMBER if v is not None]]),
    (G, "name", [*NO_TEXT, None]),
    (G, "rules", [None, [], {}, [2000], {"tiers": []}]),
    (
        G, "rules.tiers",
        [None, [], {}, [{}], [2000], [{"rateBps": 1}] * 11, [{"rateBps": 6000}] * 2, [{"rateBps": 1, "x": 1}],
         [{"rateBps": 1, "flat": [{"amount": 1, "currency": "EUR"}]}], [{"flat": []}], [{"flat": {"EUR": 1}}],
         [{"flat": [{"amount": 1, "currency": "JPY"}]}], [{"flat": [{"amount": 0, "currency": "EUR"}]}],
         [{"flat": [{"amount": 1, "currency": "EUR"}, {"amount": 2, "currency": "EUR"}]}],
         *([{"rateBps": value}] for value in (-1, 10_001, *NO_NUMBER))],
    ),
    (G, "rules.firstPayment", [[], {}, {"tiers": []}, {"tiers": [{"rateBps": 5001}] * 2}]),
    (G, "rules.limitMonths", [0, -1, 121, *[v for v in NO_NUMBER if v is not None]]),
    (G, "rules.limitPayments", [0, -1, 121, *[v for v in NO_NUMBER if v is not None]]),
    (
        G, "productRules",
        [None, {}, [{}], [{"productId": "gold"}], [{"productId": "", "tiers": [{"rateBps": 1}]}],
         [{"productId": "gold", "tiers": [{"rateBps": 1}]}] * 2,
         [{"productId": "x" * 101, "tiers": [{"rateBps": 1}]}], [{"productId": "a\x00", "tiers": [{"rateBps": 1}]}],
         [{"productId": f"p{number}", "tiers": [{"rateBps": 1}]} for number in range(51)]],
    ),
    (
        G, "monthlyCaps",
        [None, {}, [{}], [{"amount": 0, "currency": "EUR"}], [{"amount": 1, "currency": "JPY"}],
         [{"amount": 1, "currency": "EUR"}] * 2],
    ),
    (
        G, "currencies",
        [None, {}, [{}], [{"currency": "XTS"}], [{"currency": "USD"}] * 2, [{"currency": "USD", "payoutMinimum": -1}],
         [{"currency": "USD", "secondApprovalLimit": "1"}], [{"currency": "USD", "adjustmentLimit": -1}]],
    ),
    (G, "reviewRewards", [None, 1, "true", []]),
    (
        C, "rates",
        [None, {}, [{}], [{"rateBps": 10_001}], [{"rateBps": 9_001}], [{"rateBps": 1}] * 2, [{"productId": "gold"}],
         [{"productId": "gold", "rateBps": 1}] * 2, [{"rateBps": 1, "productId": ""}],
         [{"flat": [{"amount": 1, "currency": "JPY"}]}],
         [{"rateBps": 1, "productId": f"p{number}"} for number in range(21)]],
    ),
    (C, "reason", [*NO_TEXT, "x" * 501, None]),
    ("POST /api/v1/partners", "firstName", [*NO_TEXT, None]),
    (
        "POST /api/v1/partners", "email",
        [*NO_TEXT, "ada", "@example.com", "ada@", "a@b", "a@b@c.de", "a b@c.de", "a@b.de\x00",
         "a@" + "b" * 260 + ".de", None],
    ),
    ("POST /api/v1/partners", "phone", [1, "abc", "0" * 33, "1\x00", None]),
    ("POST /api/v1/partners", "companyName", [1, "x" * 101, "a\x00", None]),
    ("POST /api/v1/partners", "programId", [*NO_TEXT, "nowhere", "A", None]),
    ("POST /api/v1/partners", "sub", [1, "", "\x00", "x" * 2048]),
    (f"{P}suspend", "reason", [*NO_TEXT, None]),
    (G, "links.defaultUrl", [1, None, "", "http://shop.example.com/", "https://evil.example.net/", "x" * 2001]),
    (G, "links.allowedDomains", [1, [], ["*"], ["https://shop.example.com"], [1], ["a b"], ["shop.example.com"] * 2]),
    (G, "links.parameter", [1, None, "", "a b", "a=b", "a\r\nb", "campaign", "x" * 41]),
    (G, "links.cookieDays", ["1", True, -1, 401, 0.5]),
    (G, "links.cookieDomain", [1, None, "example.net", "a;b", ".example.org"]),
    (G, "links.campaigns", [1, ["A"], ["a b"], ["a", "a"], ["x" * 41], [f"c{number}" for number in range(51)]]),
    *(("PATCH /api/v1/me", name, NO_TEXT) for name in ("firstName", "lastName")),
    ("PATCH /api/v1/me", "phone", [1, True, [], {}, "call me", "\x00", "1" * 33]),
    ("PUT /api/v1/me/notifications", "events", [1, True, {}, "REWARD_APPROVED", ["ALL"], [1], ["REWARD_APPROVED"] * 2]),
    ("PATCH /api/v1/partners/{partnerId}", "lastName", NO_TEXT),
    ("PATCH /api/v1/partners/{partnerId}", "email", [*NO_TEXT, "ada", "a b@c.de"]),
    ("PATCH /api/v1/partners/{partnerId}", "tier", [1, "A B", "x" * 31, "a#b", "\x00"]),
    (
        "PUT /api/v1/partners/{partnerId}/tags", "tags",
        [None, "a", {}, ["a", "A"], ["a b"], [""], ["x" * 41], ["a#"], ["a\x00"], [f"t{n}" for n in range(21)]],
    ),
    (B, "create", [None, {}, [{}], [1], [{"firstName": "A", "lastName": "B", "email": "a@x.de"}] * 49]),
    (B, "update", [None, [{}], [{"id": "p" * 16}], [{"id": "x", "version": 1}], [{"id": "p" * 16, "version": 0}]]),
    (B, "status", [None, [{}], [{"id": "p" * 16, "status": "OPEN", "reason": "why"}]]),
    (f"{P}notes", "text", [*NO_TEXT, "x" * 501, None]),
    (f"{P}codes", "code", [1, [], "x" * 41]),
    (f"{P}codes", "label", [1, None, "x" * 101, "a\x00"]),
    ("POST /api/v1/partners/validate-referral-code", "referralCode", [1, None, [], "x" * 101]),
    (V, "validDays", [0, 91, *NO_NUMBER]),
    (V, "email", [*NO_TEXT, "ada", None]),
    (V, "programId", [*NO_TEXT, "nowhere", "A", None]),
    (A, "email", [*NO_TEXT, "ada", None]),
    (A, "message", [1, None, "x" * 501, "a\x00"]),
    (X, "partnerId", [*NO_TEXT, None, "p", "p" * 17, "P" * 16, "p" * 15 + "#"]),
    (X, "amount", [0, 10**15 + 1, -(10**15) - 1, *NO_NUMBER]),
    (X, "currency", [*NO_TEXT, "XTS", "EURO", None]),
    (X, "kind", [*NO_TEXT, "CREDIT", None]),
    (X, "reason", [*NO_TEXT, "x" * 501, None]),
    (f"{X}/{{adjustmentId}}/approve", "note", [1, None, [], "x" * 501, "a\x00b"]),
    (f"{R}hold", "reason", [*NO_TEXT, None]),
    (RS, "partnerId", [*NO_TEXT, None, "p", "p" * 17, "P" * 16, "p" * 15 + "#"]),
    (RS, "amount", [-1, 0, 10**15 + 1, *NO_NUMBER]),
    (RS, "currency", [*NO_TEXT, "XTS", "EURO", None]),
    (RS, "reason", [*NO_TEXT, "x" * 501, None]),
    ("PATCH /api/v1/rewards/{rewardId}", "hold", [1, True, [], {}, "", " ", "\x00", "a\nb", "x" * 101]),
    ("PATCH /api/v1/rewards/{rewardId}", "note", [1, True, [], {}, "\x00", "a\nb", "x" * 501]),
    (f"{R}process-payment", "paymentMethod", [*NO_TEXT, None, "#", "a,b", "\u00e4", "x" * 41]),
    (f"{R}process-payment", "transactionId", [*NO_TEXT, None, "x" * 141]),
    *(
        (f"{RS}/bulk-{end}", "rewardIds", [
            None, [], "a", {}, 1, ["a", "a"], [1], [None], [""], ["x" * 65], [["a"]], [str(n) for n in range(51)],
        ])
        for end in ("approve", "cancel", "pay")
    ),
    (f"{RS}/bulk-cancel", "note", [*NO_TEXT, None]),
    (f"{RS}/bulk-pay", "transactionId", [*NO_TEXT, None, "x" * 141]),
    *(
        (f"POST /api/v1/programs/{{programId}}/{end}", "reason", [*NO_TEXT, None])
        for end in ("pause", "resume", "archive")
    ),
    (F, "partnerId", [*NO_TEXT, "p", "p" * 17, "P" * 16]),
    (F, "source", [*NO_TEXT, None, "FAX"]),
    (F, "campaign", [1, None, [], {}, "x" * 101, "a\x00b"]),
    (F, "leadId", [*NO_TEXT, "x" * 201]),
    (F, "customerId", [*NO_TEXT, "x" * 256]),
    (F, "tags", [None, "a", [1], [""], ["a b"], ["x" * 41], ["a", "a"], [str(n) for n in range(21)]]),
    ("PATCH /api/v1/referrals/{referralId}", "source", [1, "", "FAX"]),
    (f"{F}/{{referralId}}/reject", "reason", [*NO_TEXT, None]),
    (f"{F}/{{referralId}}/link-to-lead", "leadId", [*NO_TEXT, None]),
    (f"{F}/bulk", "accept", [None, "a", [1], ["a"], ["A" * 40], ["a" * 40] * 51]),
    (f"{R}cancel", "note", [*NO_TEXT, "x" * 501, None]),
    (f"{E}dismiss", "note", [*NO_TEXT, "x" * 501, None]),
    (f"{E}duplicate", "note", [*NO_TEXT, "x" * 501, None]),
    (f"{E}duplicate", "verdict", [*NO_TEXT, None, "PERHAPS"]),
    (f"{W}approve", "note", [1, None, [], "x" * 501, "a\x00b"]),
    (f"{W}mark-paid", "transactionId", [*NO_TEXT, "x" * 141, None]),
]  # fmt: skip


def test_every_route_with_a_body_is_here() -> None:
    """A new route with a body must be added to these tests; what is taken for valid is valid."""
    bodies = {route: api_of(route).routes[route].body for route in access.ROUTES}
    # a body that is no JSON has tests of its own
    with_body = {route for route, body in bodies.items() if body is not NoBody and not issubclass(body, TextBody)}
    assert with_body == set(VALID)
    for route, body in VALID.items():
        api_of(route).routes[route].body.model_validate_json(json.dumps(body))


@pytest.mark.parametrize(("route", "field", "values"), FIELDS, ids=[f"{r.split('/')[-1]}-{f}" for r, f, _ in FIELDS])
def test_a_wrong_value_is_refused_and_named(world: World, route: str, field: str, values: list[Any]) -> None:
    """Numbers in strings, truth values, fractions, NaN, infinities, too large; texts with controls or too long."""
    for value in values:
        answer = send(world, route, write(replaced(VALID[route], field, value)))
        assert_problem(answer, 404 if answer.code == "PROGRAM_NOT_FOUND" else 422)
        named = json.dumps(answer.body)
        assert field.split(".")[0] in named or answer.code in ("UNKNOWN_CURRENCY", "PROGRAM_NOT_FOUND"), value
        assert len(named) < 3000, "the answer does not repeat what was sent"


@pytest.mark.parametrize("route", VALID)
def test_unknown_and_missing_fields_are_refused(world: World, route: str) -> None:
    """A misspelt field must not be passed over in silence; one that is needed must not be made up."""
    for body in ({**VALID[route], "extra": 1}, {**VALID[route], "amount ": 1}, {**VALID[route], "__proto__": {}}):
        answer = send(world, route, write(body))
        assert_problem(answer, 422)
    needed = [name for name, field in api_of(route).routes[route].body.model_fields.items() if field.is_required()]
    if needed:
        assert_problem(send(world, route, "{}"), 422)
        assert_problem(world.admin(route, path={"partnerId": "p" * 16, "withdrawalId": "w" * 24}), 422)


def test_faults_are_told_in_words(world: World) -> None:
    """Of what was sent, and of all choices that there are: not of how models are built."""
    answer = world.admin("GET /api/v1/withdrawals", query={"status": "PENDING"})
    (fault,) = answer.body["errors"]
    assert fault["field"] == "status"
    assert re.fullmatch(r"one of REQUESTED, .*, RETURNED, ALL", fault["message"])
    answer = world.admin("GET /api/v1/withdrawals", query={"page": "2"})
    assert answer.body["errors"] == [{"field": "page", "message": "not known; lists go on with `cursor`"}]
    answer = send(world, "POST /api/v1/payout-batches", write({"limit": 5, "extra": 1}))
    assert {"field": "extra", "message": "not known"} in answer.body["errors"]


@pytest.mark.parametrize(
    ("route", "body", "field"),
    [
        ("PATCH /api/v1/partners/{partnerId}", {"status": "SUSPENDED"}, "reason"),
        ("PATCH /api/v1/partners/{partnerId}", {"status": "SUSPENDED", "reason": "why", "phone": "1"}, "status"),
        ("PATCH /api/v1/partners/{partnerId}", {"reason": "why"}, "reason"),
        ("PATCH /api/v1/referrals/{referralId}", {"status": "REJECTED"}, "reason"),
        ("PATCH /api/v1/referrals/{referralId}", {"status": "ACCEPTED", "tags": []}, "status"),
        ("PATCH /api/v1/rewards/{rewardId}", {"status": "CANCELLED"}, "note"),
        ("PATCH /api/v1/rewards/{rewardId}", {"status": "APPROVED", "hold": "odd"}, "status"),
    ],
)
def test_a_status_without_its_reason_names_the_field(
    world: World, route: str, body: dict[str, Any], field: str
) -> None:
    """A form marks the field that is to be filled in."""
    answer = send(world, route, write(body))
    assert_problem(answer, 422)
    assert [each["field"] for each in answer.body["errors"]] == [field]


@pytest.mark.parametrize("route", VALID)
def test_what_is_no_json_object_is_refused(world: World, route: str) -> None:
    """Broken, cut off, nested without end, lone surrogates, numbers of thousands of digits, something else."""
    bad = [
        "{", "}", "[", '{"a":', "null", "[]", '"text"', "1", "true", "NaN", "\x00", "{}{}", "{'a': 1}", '{"a": 1,}',
        "[" * 10_000, '{"a":' * 5_000 + "1" + "}" * 5_000, '{"note": "\\ud800"}', '{"note": "\ud800"}', "\ufeff{}",
        '{"note": "\x01"}', f'{{"amount": {"9" * 10_000}}}', '{"note": "\\x"}', "<xml/>", "%00", "undefined",
    ]  # fmt: skip
    for text in bad:
        assert_problem(send(world, route, text), 400, 422)


@pytest.mark.parametrize("route", VALID)
def test_a_body_of_the_wrong_size_or_kind_is_refused(world: World, route: str) -> None:
    """More than 64 KB, another content type or none, bytes that are no UTF-8, base64 that is none."""
    body = json.dumps(VALID[route])
    assert_problem(send(world, route, body + " " * 65_536), 413)
    assert_problem(send(world, route, json.dumps({"note": "\u00e4" * 33_000}, ensure_ascii=False)), 413)
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "",
        "json",
        "application/jsonp",
    ):
        assert_problem(send(world, route, body, headers={"content-type": kind}), 415)
    path = {"partnerId": "p" * 16, "withdrawalId": "w" * 24}
    assert_problem(world.admin(route, path=path, encoded=b"\xff\xfe{}"), 400)
    told = world.as_admin(route) | {"text": "%%%", "path": path}
    event = {**world.event(route, **told), "isBase64Encoded": True}
    assert api_of(route)(event, None)["statusCode"] in (400, 422)


def test_what_is_well_formed_in_another_way_is_taken(world: World) -> None:
    """A charset in the content type, base64, blanks around words and small letters are no mistake."""
    world.books.grant("wendy", 10_000)
    world.books.mature("wendy")
    route = "POST /api/v1/referrals/withdraw"
    body = {
        "amount": 1500,
        "currency": " usd ",
        "payoutMethod": {**METHOD, "type": "bank_transfer", "iban": "de89 3704 0044 0532 0130 00"},
    }
    kind = {"content-type": "Application/JSON; charset=utf-8"}
    assert world.call(route, sub="wendy", body=body, headers=kind).status == 201
    assert world.call(route, sub="wendy", encoded=json.dumps(body).encode()).status == 201


@pytest.mark.parametrize(
    "method",
    [
        {"type": "BANK_TRANSFER", "accountHolder": "B"},
        {"type": "BANK_TRANSFER", "accountHolder": "B", "accountNumber": "123"},
        {"type": "BANK_TRANSFER", "accountHolder": "B", "bankCode": "123"},
        {"type": "BANK_TRANSFER", "accountHolder": "B", "iban": IBAN, "bankCode": "123"},
        {"type": "BANK_TRANSFER", "accountHolder": "B", "iban": IBAN, "accountNumber": "1", "bankCode": "1"},
        {"type": "BANK_TRANSFER", "accountHolder": "B", "accountNumber": "1\x002", "bankCode": "1"},
        {"type": "BANK_TRANSFER", "accountHolder": "B", "accountNumber": "1" * 35, "bankCode": "1"},
        {"type": "BANK_TRANSFER", "iban": IBAN},
        {"type": "BANK_TRANSFER", "accountHolder": "B", "iban": IBAN, "stripeAccountId": "acct_1234567890"},
        {"type": "STRIPE", "accountHolder": "B"},
        {"type": "STRIPE", "stripeAccountId": "acct_1234567890", "iban": IBAN},
    ],
)
def test_money_goes_to_exactly_one_account(world: World, method: dict[str, str]) -> None:
    """An IBAN, or an account number with its bank code; half of one or both at once are refused."""
    body = {"amount": 1500, "currency": "USD", "payoutMethod": method}
    assert_problem(send(world, "POST /api/v1/referrals/withdraw", write(body)), 422)


# ---------------------------------------------------------------- ids, queries, headers

BAD_IDS = [
    "", " ", "#", "a#b", "A#B", "..", "a/b", "a\x00b", "\x00", "x" * 65, "x" * 2048, "\u00e4", "\ud800", "a b", "%23",
    "a\n", "PARTNER#x", "~", "!", "None", "null", "-", "_" * 64,
]  # fmt: skip


# Pages look at their own address: they come at any, and say themselves that there is nothing. A link's visitor gets one
PAGES = ("GET /console", "GET /portal", "GET /r/", "GET /api/v1/embed/")


@pytest.mark.parametrize(
    "route", sorted(route for route in access.ROUTES if "{" in route and not route.startswith(PAGES))
)
def test_an_id_that_cannot_be_is_not_found(world: World, route: str) -> None:
    """Separators of keys, controls, half characters, endless texts: not found, and never a key of something else."""
    for bad in BAD_IDS:
        path = dict.fromkeys(re.findall(r"{(\w+)}", route), bad)
        assert_problem(world.admin(route, path=path, body=VALID.get(route), headers=VERSION), 404)
    assert_problem(world.admin(route, body=VALID.get(route)), 404)


LISTS = sorted(
    route
    for route in access.ROUTES
    if "limit" in api_of(route).routes[route].query.model_fields and not access.is_embedded(route)
)


@pytest.mark.parametrize("route", LISTS)
def test_a_query_that_cannot_be_is_refused(world: World, route: str) -> None:
    """Limits out of range or no number, unknown parameters, cursors that never were."""
    file = {"text": "firstName,lastName,email\r\nA,B,a@b.ce\r\n", "headers": {"content-type": "text/csv"}}
    path = {"partnerId": world.books.partner("pam").id, "programId": "default"}
    if "{importId}" in route:  # a person has few jobs that are not done
        path["importId"] = world.admin("POST /api/v1/imports/partners", sub="pam", **file).body["id"]
    for name, values in {
        "limit": ["0", "-1", "101", "1.5", "ten", "", "NaN", "1e2", "9" * 5000, "\x00", "\ud800", "0x10", "\u0661"],
        "cursor": ["x", "#", "\x00", "a" * 513, "\ud800", "\u00e4", "AAAA", "=", "null", "e30", "A" * 512],
        "page": ["1"],
        "Limit": ["1"],
        "partnerID": ["x"],
    }.items():
        for value in values:
            assert_problem(world.admin(route, sub="pam", query={name: value}, path=path), 400, 422)


@pytest.mark.parametrize(
    ("route", "name", "values"),
    [
        ("GET /api/v1/withdrawals", "status", ["OPEN", "", "REQUESTED,PAID", "\x00"]),
        ("GET /api/v1/withdrawals", "problem", ["", "maybe", "2", "\x00", "DECLINED"]),
        ("GET /api/v1/partners", "status", ["OPEN", "", "ACTIVE,", "PARTNERS#ACTIVE"]),
        ("GET /api/v1/partners", "from", ["2026-02-30", "2026", "20260101", "", "2026-01-01T00:00:00Z", "0000-01-01"]),
        ("GET /api/v1/partners", "tier", ["", "A B", "x" * 31]),
        ("GET /api/v1/partners", "tag", ["", "a b", "x" * 41]),
        ("GET /api/v1/partners", "q", ["", " ", "x" * 101]),
        ("GET /api/v1/invitations", "status", ["OPEN", "", "PENDING,"]),
        ("GET /api/v1/applications", "status", ["OPEN", "", "WAITING,"]),
        ("GET /api/v1/adjustments", "status", ["POSTED", "", "WAITING,"]),
        ("GET /api/v1/adjustments", "partnerId", ["", "#", "x", "x" * 17, "A" * 16]),
        ("GET /api/v1/rewards", "partnerId", ["", "#", "x", "x" * 17, "A" * 16]),
        ("GET /api/v1/rewards", "programId", ["", "#", "A"]),
        ("GET /api/v1/rewards", "status", ["HELD", "", "PAID,APPROVED"]),
        ("GET /api/v1/rewards", "from", ["", "2026-13-01", "yesterday", "2026-11-21T00:00:00Z"]),
        ("GET /api/v1/referrals", "status", ["OPEN", "", "PENDING,"]),
        ("GET /api/v1/referrals", "source", ["FAX", ""]),
        ("GET /api/v1/referrals", "tag", ["", "a b", "x" * 41]),
        ("GET /api/v1/referrals", "partnerId", ["", "#", "x", "x" * 17, "A" * 16]),
        ("GET /api/v1/referrals", "from", ["", "2026-13-01", "yesterday"]),
        ("GET /api/v1/payments", "programId", ["", "#", "A"]),
        ("GET /api/v1/payments", "origin", ["STRIPE", "", "#"]),
        ("GET /api/v1/programs", "status", ["CLOSED", ""]),
        ("GET /api/v1/rewards", "state", ["PENDING", "", "HELD"]),  # without a program
        ("GET /api/v1/ledger/entries", "currency", ["XTS", "", "usd#", "EURO"]),
        (
            "GET /api/v1/ledger/entries",
            "partnerId",
            ["", "#", "x", "x" * 17, "A" * 16, "a" * 15 + "\x00", "a" * 16 + "#"],
        ),
        ("GET /api/v1/ledger/balances", "partnerId", ["", "#", "x", "x" * 17, "a" * 14 + "#B"]),
    ],
)
def test_a_filter_that_cannot_be_is_refused(world: World, route: str, name: str, values: list[str]) -> None:
    """A word that is none of the known ones is a mistake, and not an empty list."""
    for value in values:
        assert_problem(world.admin(route, query={name: value}), 422)


@pytest.mark.parametrize("key", ["", "x" * 256, "a\x00b", "a\nb", "\ud800", "\x7f"])
def test_an_idempotency_key_is_short_and_printable(world: World, key: str) -> None:
    """Anything else is refused before anything is done."""
    answer = world.admin("POST /api/v1/programs", body=VALID["POST /api/v1/programs"], headers={"idempotency-key": key})
    assert_problem(answer, 400)


def test_after_all_that_nothing_was_written(fresh: World) -> None:
    """Every bad field of every route at once in a new world: its programs, partners and money are as before."""
    fresh.books.grant("pam", 100_000)
    fresh.books.mature("pam")

    def everything() -> list[Any]:
        read = ("GET /api/v1/programs", "GET /api/v1/partners", "GET /api/v1/ledger/entries", "GET /api/v1/withdrawals")
        return [fresh.admin(route).body for route in read]

    before = everything()
    for route, field, values in FIELDS:
        for value in values:
            text = write(replaced(VALID[route], field, value))
            path = {"partnerId": fresh.books.partner("pam").id, "withdrawalId": "w" * 24}
            assert fresh.call(route, sub="pam", groups=("admin",), path=path, text=text).status >= 400
    assert everything() == before
    assert fresh.books.faults() == []


# ---------------------------------------------------------------- whatever hypothesis thinks of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
HALVES = st.text(st.sampled_from("\ud800\udfffa\x00#\u0085"), max_size=5)
ANY_TEXT = st.text(st.characters(), max_size=60) | HALVES
calm = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def no_accident(answer: Answer) -> None:
    """Done, or refused with a reason."""
    if answer.headers["content-type"].startswith("text/html"):  # whoever follows a link reads no JSON
        assert answer.status < 500
    elif answer.status >= 400:
        assert_problem(answer)


@calm
@given(st.sampled_from(sorted(VALID)), st.data())
def test_any_json_in_any_field(world: World, route: str, data: st.DataObject) -> None:
    """A valid body in which some fields are anything at all."""
    names = data.draw(st.lists(st.sampled_from(sorted(VALID[route])), max_size=3, unique=True))
    body = {**VALID[route], **{name: data.draw(JSON) for name in names}}
    no_accident(send(world, route, json.dumps(body)))


@calm
@given(st.sampled_from(sorted(VALID)), ANY_TEXT | JSON.map(json.dumps))
def test_any_text_as_a_body(world: World, route: str, text: str) -> None:
    """Anything at all as the body."""
    no_accident(send(world, route, text))


@calm
@given(
    st.sampled_from(sorted(access.ROUTES)), ANY_TEXT, st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=2), ANY_TEXT,
    st.dictionaries(st.sampled_from(["limit", "cursor", "status", "currency", "partnerId"]), ANY_TEXT, max_size=3),
)  # fmt: skip
def test_any_text_anywhere_else(
    world: World, route: str, id: str, extra: dict[str, str], key: str, query: dict[str, str]
) -> None:
    """Ids, queries, idempotency keys and claims."""
    path = dict.fromkeys(re.findall(r"{(\w+)}", route), id)
    answer = world.call(
        route, sub=f"u{key}", groups=("admin",), path=path, query={**query, **extra},
        body=VALID.get(route), headers={"idempotency-key": key}, claims={"x": id},
    )  # fmt: skip
    no_accident(answer)


@pytest.mark.parametrize("text", ["1_0", "+5", "5.0", " 5", "\u0665", "5e0", "0x5", "", "1" * 40])
def test_numbers_in_a_query_are_digits(world: World, text: str) -> None:
    """What Python would read as a number and nobody writes as one is refused, in words."""
    answer = world.admin("GET /api/v1/programs", query={"limit": text})
    assert_problem(answer, 422)
    assert answer.body["errors"] == [{"field": "limit", "message": "a whole number in digits 0 to 9"}]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"status": "LOST"}, "one of ACTIVE, INACTIVE, SUSPENDED, TERMINATED"),
        ({"tag": "two words"}, "not in the form that it must have"),
    ],
)
def test_forms_are_told_in_words(world: World, query: dict[str, str], message: str) -> None:
    """No caller has to read a regular expression."""
    answer = world.admin("GET /api/v1/partners", query=query)
    assert_problem(answer, 422)
    assert answer.body["errors"] == [{"field": next(iter(query)), "message": message}]
