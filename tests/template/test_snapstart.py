"""Functions for which people wait begin from a snapshot where the owner says so; the API calls that version."""

from __future__ import annotations

import json

import pytest

from scripts.cost import bill, total
from tests.template.deployed import aliases, of_type, resources, transformed
from tests.template.resolved import Resolved
from tests.template.test_rollout import BY_SNAPSHOT

ON = {"SnapStart": "true"}


def kept(**parameters: str) -> dict[str, str]:
    """By function, whether snapshots of it are kept."""
    made = Resolved("refledger", parameters).resources()
    return {
        id: given["SnapStart"]["ApplyOn"] for id, kind, given in made
        if kind == "AWS::Lambda::Function" and "SnapStart" in given
    }  # fmt: skip


def test_it_is_off_unless_it_is_asked_for() -> None:
    assert kept() == dict.fromkeys(BY_SNAPSHOT, "None")
    assert kept(**ON) == dict.fromkeys(BY_SNAPSHOT, "PublishedVersions")


@pytest.mark.parametrize(("runtime", "refused"), [("python3.11", 1), ("python3.12", 0), ("python3.14", 0)])
def test_older_runtimes_are_refused_before_anything_is_made(runtime: str, refused: int) -> None:
    said = Resolved("refledger", {**ON, "PythonRuntime": runtime}).refused()
    assert sum("3.12" in each for each in said) == refused


def test_the_api_calls_the_alias_and_may() -> None:
    """A snapshot is of a published version: who calls the function itself starts it as before."""
    by_function = {function: alias for alias, function in aliases().items()}
    body = json.dumps(of_type("AWS::ApiGatewayV2::Api"))
    permitted = {given["FunctionName"]["Ref"] for given in of_type("AWS::Lambda::Permission").values()}
    for function in BY_SNAPSHOT:
        assert f"${{{by_function[function]}}}/invocations" in body
        assert f"${{{function}.Arn}}/invocations" not in body
        assert by_function[function] in permitted
        assert function not in permitted


def test_one_version_of_each_is_kept() -> None:
    """The one before is deleted once the alias has moved on: each that is kept is paid for."""
    versions = {
        id: each for id, each in transformed()["Resources"].items()
        if each["Type"] == "AWS::Lambda::Version" and each["Properties"]["FunctionName"]["Ref"] in BY_SNAPSHOT
    }  # fmt: skip
    assert len(versions) == len(BY_SNAPSHOT)
    assert {each["DeletionPolicy"] for each in versions.values()} == {"Delete"}


def test_nothing_of_them_is_what_snapstart_cannot_keep() -> None:
    """No file system, no more than 512 MB of /tmp, no concurrency that is provisioned."""
    for function in BY_SNAPSHOT:
        given = resources()[function]["Properties"]
        assert not {"FileSystemConfigs", "EphemeralStorage", "ProvisionedConcurrencyConfig"} & set(given)


def test_its_price_is_on_the_bill() -> None:
    """Half a GB of each function, all month; nothing where it is off."""
    off, on = (
        bill({id: (kind, given) for id, kind, given in Resolved("refledger", said).resources()}) for said in ({}, ON)
    )
    (line,) = [each for each in on if "snapshots" in each.what]
    assert line.count == len(BY_SNAPSHOT)
    assert total(on) - total(off) == pytest.approx(len(BY_SNAPSHOT) * 0.5 * 30 * 86_400 * 0.0000015046)
