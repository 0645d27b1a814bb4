"""Every operation of the OpenAPI document against the running system: whatever is sent, the answer is one of those that
the document names, in the form that it gives, and never a fault of ours.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from scripts.demo import Client
from tests.e2e.conftest import new_stack
from tests.e2e.people import PROGRAM, People
from undocked.testing import Stack

DOCUMENT = Path(__file__).parents[2] / "functions" / "docs" / "openapi.json"
CASES = int(os.environ.get("DOCUMENT_CASES", "1"))  # for each operation, with good and bad data
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip

schema = schemathesis.openapi.from_dict(json.loads(DOCUMENT.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own: programs are archived here and batches made, as it happens."""
    with new_stack(tmp_path_factory.mktemp("document")) as running:
        yield running


@pytest.fixture(scope="module")
def known(changed: Stack) -> dict[str, str]:
    """Ids of things that are there, by the name of the path parameter that takes them."""
    client = Client(changed.api, changed.aws)
    client.post("admin", "/programs", PROGRAM)
    people = People(client)
    people.rich_bob()
    reward = client.get(people.bob, "/rewards")["data"][0]
    withdrawal = people.withdraw(people.bob, 1_000)
    method = client.get(people.bob, "/payout-methods")["data"][0]
    return {
        "programId": "default", "version": "1", "partnerId": reward["partnerId"], "rewardId": reward["id"],
        "paymentId": reward["paymentId"], "referralId": reward["referralId"], "withdrawalId": withdrawal["id"],
        "methodId": method["id"], "code": people.code(people.alice), "month": "2026-11", "customerId": people.carol,
    }  # fmt: skip


@pytest.fixture(scope="module")
def tokens(changed: Stack) -> dict[str, str]:
    return {
        "admin": changed.token("admin-of-the-document", groups=["admin"]),
        "partner": changed.token("partner-of-the-document"),
    }


@schema.parametrize()
@settings(
    max_examples=CASES, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_every_answer_is_documented(
    case: Case[Any], changed: Stack, known: dict[str, str], tokens: dict[str, str]
) -> None:
    """As an admin and as somebody who is signed in; with ids that are made up, and with ids that exist."""
    _ask(case, changed, tokens["admin"])
    _ask(case, changed, tokens["partner"])
    if any(name in known for name in case.path_parameters or {}):
        case.path_parameters = {name: known.get(name, value) for name, value in case.path_parameters.items()}
        _ask(case, changed, tokens["admin"])


def _ask(case: Case[Any], stack: Stack, token: str) -> None:
    headers: dict[str, Any] = {"authorization": f"Bearer {token}"}
    case.call_and_validate(base_url=stack.api, headers=headers, checks=CHECKS)
