"""The command against what it finds in a deployment: the project's own table, queues, bucket and keys; no functions."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from samtranslator.yaml_helper import yaml_parse

from refledger import cli
from tests.support import dynamodb
from tests.support.books import Books
from undocked.testing import Stack

ROOT = Path(__file__).parents[2]
KEPT = ("AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::S3::Bucket", "AWS::KMS::Key")
# executions go on for ever, or fail at once: as their input says
MACHINE = {
    "StartAt": "Which",
    "States": {
        "Which": {
            "Type": "Choice", "Default": "Waits",
            "Choices": [{"Variable": "$.withdrawalId", "StringMatches": "fails*", "Next": "Fails"}],
        },
        "Waits": {"Type": "Wait", "Seconds": 3600, "End": True},
        "Fails": {"Type": "Fail"},
    },
}  # fmt: skip
numbers = itertools.count(1)


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Result]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The template's data and queues, by the names that the command looks for, and a workflow that does nothing."""
    template = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    resources = {id: each for id, each in template["Resources"].items() if each["Type"] in KEPT}
    for each in resources.values():
        each.pop("Condition", None)
        if each["Type"] == "AWS::KMS::Key":
            each["Properties"] |= {
                "KeyPolicy": {"Statement": []},
                "MultiRegion": True,
            }  # they name roles and conditions
    resources["WithdrawalApproval"] = {
        "Type": "AWS::Serverless::StateMachine",
        "Properties": {"Name": "refledger-withdrawal-approval", "Definition": MACHINE},
    }
    parameters = {name: each for name, each in template["Parameters"].items() if name.startswith("Manifest")}
    path = tmp_path_factory.mktemp("cli") / "template.yaml"
    path.write_text(yaml.safe_dump({**template, "Globals": {}, "Parameters": parameters, "Rules": {}, "Outputs": {},
                                    "Conditions": {}, "Resources": resources}))  # fmt: skip
    with Stack(path, name="refledger", data=path.parent / "data") as running:
        yield running


@pytest.fixture
def books(stack: Stack) -> Books:
    """Books in a table of their own."""
    name = f"books-{next(numbers)}"
    client = stack.client("dynamodb")
    client.create_table(TableName=name, **dynamodb.table_properties())
    return Books(client, name)


@pytest.fixture
def refledger(
    stack: Stack, books: Books, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Runs the command against the stack, with the table of `books`."""
    monkeypatch.setenv("AWS_PORT", str(stack.aws_port))
    monkeypatch.delenv("TABLE_NAME", raising=False)

    def run(*arguments: str, local: bool = True) -> Result:
        where = ["--local", "--table", books.table_name] if local else []
        try:
            status = cli.main([*arguments, *where])
        except SystemExit as ended:
            status = int(str(ended.code))
        told = capsys.readouterr()
        return Result(status, told.out, told.err)

    return run


@pytest.fixture
def names(stack: Stack) -> dict[str, str]:
    """What the stack's resources are called."""
    pages = stack.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName="refledger")
    found = [each for page in pages for each in page["StackResourceSummaries"]]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}
