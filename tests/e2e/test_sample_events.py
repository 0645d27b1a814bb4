"""The payloads under events/, as Lambda would hand them over: each function takes its own."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from scripts.demo import Client
from tests.template.deployed import function_id
from undocked.testing import Stack

EVENTS = Path(__file__).parents[2] / "events"
# in this order: Alice must be a partner before she asks for money
ANSWERS: dict[str, dict[str, Any]] = {
    "docs/openapi": {"statusCode": 200},
    "docs/page": {"statusCode": 200},
    "programs/create": {"statusCode": 409},  # the stack has its default program already
    "programs/change": {"statusCode": 200},  # to what it is
    "partners/create": {"statusCode": 201},
    "partners/commission": {"statusCode": 404},  # nobody's
    "partners/bulk": {"statusCode": 200},  # with a result for each
    "partners/validate_code": {"statusCode": 200},
    "api_keys/create": {"statusCode": 201},
    "invitations/invite": {"statusCode": 201},
    "invitations/apply": {"statusCode": 201},
    "member_referrals/code": {"statusCode": 200},
    "referrals/create": {"statusCode": 404},  # nobody's code
    "member_withdrawals/request": {"statusCode": 422},  # she has earned nothing
    "withdrawals/list": {"statusCode": 200},
    "withdrawals/bulk_approve": {"statusCode": 200},  # with a result for each: there are no such withdrawals
    "withdrawals/bulk_reject": {"statusCode": 200},
    "payout_methods/add": {"statusCode": 201},
    "payout_batches/create_batch": {"statusCode": 409},  # no transfer waits to be made
    "adjustments/create": {"statusCode": 404},  # nobody's partner
    "rewards/list": {"statusCode": 200},
    "payments_api/parked": {"statusCode": 200},
    "rewards/give": {"statusCode": 404},  # nobody's partner
    "rewards/bulk_approve": {"statusCode": 200},  # with a result for each: there are no such rewards
    "payout_webhooks/stripe_transfer_created": {"statusCode": 401},  # a file cannot be signed a moment ago
    "lead_webhooks/referral": {"statusCode": 401},
    "lead_webhooks/hubspot": {"statusCode": 401},
    "events/lead": {"statusCode": 202},
    "events/sale": {"statusCode": 202},
    "events/stripe_payment": {"statusCode": 401},
    "lead_events/queue": {"batchItemFailures": []},  # nobody's code, and nobody's lead
    "jobs/export": {"statusCode": 202},
    "jobs/import_partners": {"statusCode": 202},
    "job_worker/tick": {"sent": 0},
    "job_worker/queue": {"batchItemFailures": [{"itemIdentifier": "5b0c3c5e-7f0e-4f0e-9d5a-2f6f6f0f4d11"}]},  # nobody's
    "ledger/entries": {"statusCode": 200},
    "stream_projections/adjustment_rejected": {"audited": 1},
    "audit/list": {"statusCode": 200},
    "me/profile": {"statusCode": 200},
    "dispatch/head": {"statusCode": 200, "body": ""},  # of the same
    "dispatch/other_method": {"statusCode": 405},
    "dispatch/keyed": {"statusCode": 401},  # nobody's key
    "statements/own_pdf": {"statusCode": 200, "isBase64Encoded": True},
    "embed/page": {"statusCode": 404},  # of no program
    "links/click": {"statusCode": 404},  # nobody's code
    "maturity/tick": {"DUE-LATE": 0},  # nothing here is an hour old
    "maturity/queue": {"batchItemFailures": [{"itemIdentifier": "11d6ee51-4cc7-4302-9e22-7cd8afdaadf5"}]},  # nobody's
    "sweeper/tick": {"failed": 0},
    "verifier/tick": {"faults": 0},
    "expiry/tick": {"failed": 0},
    "manifest/tick": {"outcome": "COMPLETE"},  # the schedule writes it when the stack starts
    "stream_rollups/referral": {"state": {}},
    "leaderboards/queue": {"batchItemFailures": []},  # nobody, who is in no leaderboard then
    "analytics/overview": {"statusCode": 200},
    "workflow/decide": {"errorType": "WithdrawalNotFound"},
    "workflow/pay": {"errorType": "WithdrawalNotFound"},
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_function_takes_its_sample(stack: Stack, client: Client, name: str) -> None:
    """Invoked with the file and nothing else, the function answers as it should."""
    assert client.api == stack.api  # the default program is there
    function = f"refledger-{function_id(name.split('/')[0].removesuffix('_api'))}"
    sample = json.loads((EVENTS / f"{name}.json").read_bytes())
    claims = sample.get("requestContext", {}).get("authorizer", {}).get("jwt", {}).get("claims", {})
    if "auth_time" in claims:
        claims["auth_time"] = str(int(time.time()))  # a file cannot have signed in a moment ago
    answer = stack.client("lambda").invoke(FunctionName=function, Payload=json.dumps(sample).encode())
    payload = json.loads(answer["Payload"].read())
    assert {key: payload.get(key) for key in ANSWERS[name]} == ANSWERS[name], payload


def test_every_sample_is_tried() -> None:
    """A file that no test reads says nothing; payments have tests of their own."""
    files = {f"{path.parent.name}/{path.stem}" for path in EVENTS.glob("*/*.json")}
    # reconciliation is there only with a key of Stripe's, which this stack has not
    elsewhere = ("payments/", "leads/", "schemas/", "reconciliation/")
    assert {name for name in files if not name.startswith(elsewhere)} == set(ANSWERS)
