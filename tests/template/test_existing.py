"""A stack that is given a table, keys and a user pool uses these everywhere, and makes none of its own."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from scripts.lint_template import EXISTING
from tests.template.deployed import FUNCTION, IN_USE, MAPPING, declared, resources
from tests.template.resolved import Resolved

STACK = "refledger"
TAKEN_OVER = {"Table": "OwnTable", "HashKey": "OwnHashKey", "AccountsKey": "OwnAccountsKey"}
ADMINS = {"AlarmEmail": "ops@example.com"}


def existing(**changes: str) -> Resolved:
    return Resolved(STACK, EXISTING | ADMINS | changes)


def made(stack: Resolved) -> dict[str, tuple[str, dict[str, Any]]]:
    return {id: (kind, given) for id, kind, given in stack.resources()}


def test_what_is_given_is_not_made() -> None:
    """Nor the groups, scopes and clients of a pool that has its own."""
    own, taken = set(made(Resolved(STACK, ADMINS))), set(made(existing()))
    assert {id for id in own - taken if not id.startswith("UserPool")} == {
        *TAKEN_OVER, "AdminGroup", "FinanceGroup", "SupportGroup", "ServiceScopes",
    }  # fmt: skip
    assert taken <= own
    assert {"UserPool", "UserPoolClient"} <= own - taken


@pytest.mark.parametrize("id", TAKEN_OVER)
def test_one_place_says_which_is_in_use(id: str) -> None:
    """Nothing but the holder, the function's variables and an output names the resource itself: the rest names the
    holder, or would go on with a table that is not in use.
    """
    named = re.compile(rf'"(Ref|Fn::GetAtt)": \[?"{id}"|\$\{{{id}[.}}]')
    found = {name for name, resource in resources().items() if named.search(json.dumps(resource))}
    holders = {holder for holder, what in IN_USE.items() if what == id}
    functions = {name for name, resource in resources().items() if resource["Type"] == FUNCTION}
    assert found - holders == (functions if id == "Table" else set())
    for holder in holders:
        assert declared()["Resources"][holder]["Properties"]["Value"]["Fn::If"][0] == TAKEN_OVER[id]


def test_functions_and_readers_have_what_was_given() -> None:
    """Every function its table, every reader of the stream the new stream, every policy the new ARN."""
    text = json.dumps({id: given for id, (_, given) in made(existing()).items() if id not in IN_USE})
    assert not re.search(rf"<{STACK}/(Table|HashKey|AccountsKey|UserPool|UserPoolClient)[.>]", text)
    found = made(existing())
    for _, given in found.values():
        variables = given.get("Environment", {}).get("Variables", {})
        assert variables.get("TABLE_NAME", EXISTING["ExistingTable"]) == EXISTING["ExistingTable"]
    streams = [given["EventSourceArn"] for kind, given in found.values() if kind == MAPPING]
    assert sum("TableStreamArn.Value" in arn for arn in streams) == 2
    held = {id: found[id][1]["Value"] for id in IN_USE}
    assert held == {
        "TableArn": "arn:aws:dynamodb:eu-central-1:111122223333:table/refledger-restored",
        "TableStreamArn": EXISTING["ExistingTableStreamArn"],
        "HashKeyArn": EXISTING["ExistingHashKeyArn"],
        "AccountsKeyArn": EXISTING["ExistingAccountsKeyArn"],
    }


@pytest.mark.parametrize(
    ("more", "audience"),
    [
        ({}, [EXISTING["ExistingUserPoolClient"]]),
        ({"ServiceClientIds": "a,b"}, [EXISTING["ExistingUserPoolClient"], "a", "b"]),
    ],
)
def test_tokens_of_the_existing_pool_are_taken(more: dict[str, str], audience: list[str]) -> None:
    """By its issuer and for its client, as in the stack before."""
    _, api = made(existing(**more))["Api"]
    scheme = api["Body"]["components"]["securitySchemes"]["Jwt"]["x-amazon-apigateway-authorizer"]
    assert scheme["jwtConfiguration"]["issuer"].endswith(f"/{EXISTING['ExistingUserPool']}")
    assert scheme["jwtConfiguration"]["audience"] == audience


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        ("ExistingTable", "ExistingTableStreamArn"), ("ExistingTableStreamArn", "ExistingTable"),
        ("ExistingUserPool", "ExistingUserPoolClient"), ("ExistingUserPoolClient", "ExistingUserPool"),
    ],
)  # fmt: skip
def test_half_of_it_is_refused(left_out: str, said: str) -> None:
    """A table without its stream would be booked in and not read."""
    assert existing().refused() == []
    (reason,) = existing(**{left_out: ""}).refused()
    assert said in reason


def test_an_issuer_and_an_existing_pool_are_refused() -> None:
    """Only one of them can sign people in."""
    assert existing(JwtIssuer="https://id.example.com", JwtAudience="x").refused()


def test_what_is_in_the_pool_stays_with_it() -> None:
    """Groups with their members, scopes and the client's id: a pool that is taken over without them signs nobody in."""
    inside = {id: each for id, each in resources().items() if each["Type"].startswith("AWS::Cognito::")}
    assert len(inside) >= 6
    for id, each in inside.items():
        assert each["DeletionPolicy"] in ("Retain", "RetainExceptOnCreate"), id
        assert each["UpdateReplacePolicy"] == "Retain", id
