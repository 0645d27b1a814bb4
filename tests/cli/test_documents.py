"""The operators' page: each command of its samples is given as it is printed, and answers what is printed there."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from refledger.adapters.archive import DayWriter, ManifestArchive
from refledger.adapters.queues import DeadLetters
from refledger.adapters.signing import KmsKey
from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.operations.figures import projection, rebuild_diff
from refledger.operations.proof import manifests
from refledger.operations.proof.manifests import ManifestOutcome
from tests.cli.conftest import Command
from tests.support import runbooks, streams
from tests.support.books import Books
from tests.support.payouts import Provider, approved, start
from undocked.testing import Stack, wait_until

PAGES_WITHDRAWAL = "ip4p6c8c54gk53gdiop1k87p"
LOCAL = runbooks.DOCS.parent / ".local"
AN_HOUR_MS = 60 * MINUTE_MS


@pytest.fixture
def books(books: Books, monkeypatch: pytest.MonkeyPatch) -> Books:
    """Bob and Alice have earned, four days ago."""
    monkeypatch.setattr(rebuild_diff, "AGAIN_AFTER_MS", 0)
    books.clock.at_ms = time.time_ns() // 1_000_000 - 4 * DAY_MS - 2 * AN_HOUR_MS - 5 * MINUTE_MS
    books.program()
    books.chain("alice", "bob", "carol")
    books.earn("carol", "p", 10_000)
    return books


@pytest.fixture
def paying(books: Books, stack: Stack, names: dict[str, str]) -> str:
    """The id of Bob's transfer, which waits for the bank since then, and whose workflow has failed."""
    id = approved(books, amount=1_500).id
    start(books, id, Provider(["AWAITING"]))
    states, given = stack.client("stepfunctions"), {"name": id, "input": '{"withdrawalId": "fails"}'}
    ran = states.start_execution(stateMachineArn=names["WithdrawalApproval"], **given)["executionArn"]
    assert wait_until(lambda: states.describe_execution(executionArn=ran)["status"] == "FAILED")
    return id


def test_the_samples_are_what_is_printed(
    refledger: Command, books: Books, paying: str, stack: Stack, names: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From right books to right figures, with one payment that could not be read."""
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    writer = DayWriter(stack.client("s3"), names["ManifestBucket"], day)
    key = KmsKey(stack.client("kms"), names["ManifestKey"])
    assert manifests.write(books.context, writer, key, day, lambda: True) is ManifestOutcome.WRITTEN
    monkeypatch.setattr(ManifestArchive, "days", lambda _: [day])  # other tests write of days that will come
    projection.project(books.context, "shard-1", list(streams.records(books.client, books.table_name)))
    DeadLetters(stack.client("sqs"), names["PaymentsDlq"]).send("{}", "UNREADABLE", "detail.amount: missing")
    printed, done = list(runbooks.steps("operations.md", "Commands")), list[runbooks.Step]()
    try:
        for step in printed:
            words = tuple(paying if word == PAGES_WITHDRAWAL else word for word in step.words)
            answer = refledger(*words)
            assert (answer.status, answer.err) == (0, ""), words
            done.append(runbooks.Step(words, tuple(answer.lines)))
        (LOCAL / "commands.txt").write_text(runbooks.transcript(done), encoding="utf-8")
        assert [runbooks.shape(each) for each in done] == [runbooks.shape(each) for each in printed]
    finally:
        for name in ("PaymentsDlq", "PaymentsQueue"):
            stack.client("sqs").purge_queue(QueueUrl=names[name])
