"""While the deployment is stopped, operators' commands write nothing into the books either."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from refledger import cli
from refledger.operations.recovery import stopping
from tests.cli.conftest import Command
from tests.support.books import SECRET, Books

STOPPED = "stopped since "
REFUSED = {"compare": ["--take"], "forget": ["customer", "carol", "--yes"], "migrate": []}
LOOKS = {"forget": ["customer", "carol"], "migrate": ["--dry-run"]}
# What puts it right, tells what happened, only reads, sends nothing but what waits in queues, or moves nothing
GOES_ON = {
    "stop", "go", "status", "verify", "anchor", "dlq", "withdrawals", "rebuild", "replay", "restore", "shards", "admin",
    "rename-keys",
}  # fmt: skip


@pytest.fixture
def books(books: Books, monkeypatch: pytest.MonkeyPatch) -> Books:
    monkeypatch.setenv("HASH_KEY", SECRET)
    books.program()
    books.apply("carol", "bob")
    stopping.stop(books.context, {}, "ann", "an entry was edited")
    return books


def everything(books: Books) -> object:
    return books.client.scan(TableName=books.table_name, ConsistentRead=True)["Items"]


@pytest.mark.parametrize("but_payouts", [False, True])
@pytest.mark.parametrize("command", REFUSED)
def test_what_writes_is_refused(refledger: Command, books: Books, command: str, but_payouts: bool) -> None:
    """Who investigates finds everything as it was, and no payout is booked: a transfer that came back is money."""
    if but_payouts:
        stopping.go(books.context, {}, "ann", "replay", but_payouts=True)
    before = everything(books)
    told = refledger(command, *REFUSED[command])
    assert (told.status, STOPPED in told.err, "an entry was edited" in told.err) == (2, True, True)
    assert everything(books) == before


@pytest.mark.parametrize("command", LOOKS)
def test_what_only_looks_goes_on(refledger: Command, books: Books, command: str) -> None:
    """It says what it would do."""
    before = everything(books)
    assert refledger(command, *LOOKS[command]).status == 0
    assert everything(books) == before


def test_every_command_is_one_or_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever adds one decides."""
    names: set[str] = set()
    add = argparse._SubParsersAction.add_parser

    def noting(self: Any, name: str, **given: Any) -> Any:
        if self.metavar == "COMMAND":
            names.add(name)
        return add(self, name, **given)

    monkeypatch.setattr(argparse._SubParsersAction, "add_parser", noting)
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert names == GOES_ON | set(REFUSED)
