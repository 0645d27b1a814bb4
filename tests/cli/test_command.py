"""The command as such: where it looks, what it says when it cannot, and how it ends."""

from __future__ import annotations

import argparse
import os
import subprocess
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest
from botocore.parsers import ResponseParserError

from refledger import cli
from refledger.cli import output, verify
from refledger.cli.target import Target, add_target
from refledger.domain.errors import Busy
from refledger.store.transaction import RetryableConflict
from tests.cli.conftest import ROOT, Command
from tests.support.books import Books
from undocked.testing import Stack

LAUNCHER = ROOT / "bin" / "refledger"
EVERY = (
    ["verify"], ["dlq", "list"], ["dlq", "show", "PaymentsDlq"], ["dlq", "redrive", "PaymentsDlq"],
    ["withdrawals", "stuck"], ["withdrawals", "resume", "x"], ["rebuild", "statistics"],
)  # fmt: skip


@pytest.mark.parametrize("arguments", EVERY, ids=" ".join)
def test_without_a_deployment_nothing_is_done(refledger: Command, arguments: list[str]) -> None:
    """Each command says what is missing, in one line, and ends with 2."""
    done = refledger(*arguments, local=False)
    assert (done.status, done.out) == (2, "")
    assert done.err == "refledger: say which deployment: --stack NAME, --local, or --table NAME\n"


@pytest.mark.parametrize("arguments", EVERY[1:6], ids=" ".join)
def test_a_table_is_not_enough_for_what_is_not_in_it(
    refledger: Command, monkeypatch: pytest.MonkeyPatch, books: Books, arguments: list[str]
) -> None:
    """Queues and the workflow are found through the stack."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    done = refledger(*arguments, "--table", books.table_name, local=False)
    assert done.status == 2
    assert "give --stack NAME" in done.err


@pytest.mark.parametrize("arguments", EVERY, ids=" ".join)
def test_where_nobody_answers_it_says_so(
    refledger: Command, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """One line and 2, no traceback."""
    monkeypatch.setenv("AWS_PORT", "9")
    done = refledger(*arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("refledger: Could not connect to the endpoint URL")
    assert done.err.count("\n") == 1


def test_a_stack_that_is_not_there(refledger: Command, stack: Stack) -> None:
    """AWS's own words, with the name of the call."""
    done = refledger("dlq", "list", "--stack", "another")
    assert done.status == 2
    assert done.err.startswith("refledger: ListStackResources: ValidationError: ")


@pytest.mark.parametrize(
    "arguments",
    [[], ["nothing"], ["dlq"], ["withdrawals", "stuck", "--older", "soon"],
     ["dlq", "show", "PaymentsDlq", "--limit", "0"], ["rebuild", "statistics", "--wait", "-1"]],
    ids=" ".join,
)  # fmt: skip
def test_arguments_that_are_no_command(refledger: Command, arguments: list[str]) -> None:
    """The usage, and 2."""
    done = refledger(*arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("usage: refledger")


@pytest.mark.parametrize(
    ("raised", "status", "told"),
    [
        (
            RetryableConflict("ThrottlingException"),
            2,
            "refledger: the table is busy (ThrottlingException): try again\n",
        ),
        (Busy("others keep\nchanging it"), 2, "refledger: others keep changing it\n"),
        (botocore.exceptions.NoCredentialsError(), 2, "refledger: Unable to locate credentials\n"),
        (
            botocore.exceptions.NoRegionError(),
            2,
            "refledger: no region: say --region, set AWS_REGION, or take a profile that has one\n",
        ),
        (KeyboardInterrupt(), 130, ""),
        (
            ResponseParserError("a page of\nHTML"),
            2,
            "refledger: it broke off, and says nothing of the books: ResponseParserError: a page of HTML\n",
        ),
    ],
)
def test_what_ends_it(
    refledger: Command, monkeypatch: pytest.MonkeyPatch, raised: BaseException, status: int, told: str
) -> None:
    """Whatever a command raises: its status, never 1, which is a finding, and a line, after a traceback if need be."""

    def fail(*_: Any) -> int:
        raise raised

    monkeypatch.setattr(verify, "run", fail)
    done = refledger("verify")
    assert (done.status, done.err.splitlines(keepends=True)[-1:]) == (status, [told] if told else [])


def test_the_region_is_what_the_shell_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_REGION counts as with the AWS CLI, and an option more; a local stack has its own."""
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    parser = argparse.ArgumentParser()
    add_target(parser)

    def region(*arguments: str) -> str:
        return str(Target(parser.parse_args(arguments)).client("cloudformation").meta.region_name)

    assert region("--stack", "refledger") == "eu-north-1"
    assert region("--stack", "refledger", "--region", "eu-west-3") == "eu-west-3"
    assert region("--local") == "eu-central-1"


def test_the_secret_is_that_of_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has another one's in the shell would find nobody, and write rows by which nobody is found."""

    class Service:
        def get_secret_value(self, **_: str) -> Any:
            return {"SecretString": "the stack's"}

        def query(self, **_: Any) -> Any:
            return {"Items": []}

    monkeypatch.setattr(Target, "resource", lambda _, name: name)
    parser = argparse.ArgumentParser()
    add_target(parser)

    def customer(*arguments: str) -> str:
        target = Target(parser.parse_args(["--region", "eu-central-1", *arguments]))
        target.client = lambda _: Service()
        return target.keyed_context.ids.user("carol")

    own = customer("--stack", "refledger")
    monkeypatch.setenv("HASH_KEY", "another stack's")
    assert customer("--stack", "refledger") == own
    assert customer("--table", "books") != own


def test_the_stack_says_what_it_was_deployed_with(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """As DescribeStacks does on AWS: commands read parameters there."""
    monkeypatch.setenv("AWS_PORT", str(stack.aws_port))
    parser = argparse.ArgumentParser()
    add_target(parser)
    assert Target(parser.parse_args(["--local"])).parameters["ManifestRetentionMode"] == "GOVERNANCE"


def launched(stack: Stack, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """The launcher, as from a shell."""
    environment = {**os.environ, "AWS_PORT": str(stack.aws_port), **more.pop("environment", {})}
    command = [str(more.pop("program", LAUNCHER)), *arguments]
    return subprocess.run(
        command, env=environment, stderr=subprocess.PIPE, text=True, timeout=600, check=False, **more
    )  # fmt: skip


def test_whoever_reads_no_further_ends_it(stack: Stack, books: Books) -> None:
    """A closed pipe is no traceback, and no success."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = launched(stack, "verify", "--local", "--table", books.table_name, stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (2, "")


def test_the_launcher_works_from_anywhere(stack: Stack, books: Books, tmp_path: Path) -> None:
    """Through a link, in another folder; without its interpreter it says what to do."""
    link = tmp_path / "refledger"
    link.symlink_to(LAUNCHER)
    asked: dict[str, Any] = {"program": link, "cwd": tmp_path, "stdout": subprocess.PIPE}
    done = launched(stack, "verify", "--local", "--table", books.table_name, **asked)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("0 faults in 0 partners")
    done = launched(stack, "verify", **asked, environment={"PYTHON": "/nowhere/python"})
    assert done.returncode == 2
    assert "make setup" in done.stderr


def test_times_as_people_read_them() -> None:
    """The two largest units."""
    assert [output.duration(each * 60_000) for each in (0, 5, 65, 24 * 60 + 61)] == ["0m", "5m", "1h 5m", "1d 1h"]


def test_help_names_every_command(refledger: Command) -> None:
    """What there is can be found out without the documentation."""
    done = refledger("--help", local=False)
    assert done.status == 0
    for command in ("verify", "dlq", "withdrawals", "rebuild"):
        assert command in done.out
    assert cli.__doc__
