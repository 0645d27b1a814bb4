"""Partners whose figures have changed are put where they belong in the leaderboards."""

from __future__ import annotations

from typing import Any

from refledger.domain.errors import Unreadable
from refledger.domain.leaderboards import ChangedMonth, read
from refledger.entry import config
from refledger.operations.figures import leaderboards


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """A batch of messages, which the queue gathers for a minute: a partner who is in many of them is read once.

    A message that cannot be read comes again alone, and ends in the DLQ. Any other fault is told as it is, and all of
    them come again: nothing is added up here, so nothing counts twice.
    """
    changed: set[ChangedMonth] = set()
    failed: list[dict[str, str]] = []
    for record in event["Records"]:
        try:
            changed.update(read(record["body"]))
        except Unreadable:
            failed.append({"itemIdentifier": record["messageId"]})
    leaderboards.refresh(config.context(), changed)
    return {"batchItemFailures": failed}
