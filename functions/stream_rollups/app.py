"""The table's stream becomes roll-ups."""

from __future__ import annotations

from typing import Any

from refledger.domain.leaderboards import written
from refledger.entry import config
from refledger.entry.events import stream
from refledger.operations.figures.projection import project
from refledger.operations.proof import verification_queue


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """One batch of one shard. A failure fails the batch: Lambda halves it until the bad record stands alone.

    The tumbling window is there for its `shardId`; its state is not used, but the answer must hold one. Leaderboards
    are told after the roll-ups are written: where it dies in between, the batch comes again, counts nothing, and tells.
    Whose money it is comes first: they are verified also where an item cannot be read.
    """
    records = stream.records(event)
    if records:
        verification_queue.note(config.context(), event["shardId"], records)
        if changed := project(config.context(), event["shardId"], records):
            config.leaderboard_queue().send(written(changed))
    return {"state": event.get("state", {})}
