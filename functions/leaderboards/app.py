"""Partners whose figures have changed are put where they belong in the leaderboards."""

from __future__ import annotations

from typing import Any

from refledger.domain.leaderboards import read
from refledger.entry import config
from refledger.operations import leaderboards


def handler(event: dict[str, Any], _: object) -> dict[str, int]:
    """A batch of messages, which the queue gathers for a minute: a partner who is in many of them is read once.

    What fails comes again as a whole: nothing is added up, so nothing counts twice.
    """
    changed = {each for record in event["Records"] for each in read(record["body"])}
    leaderboards.refresh(config.context(), changed)
    return {"partners": len({each.partner_id for each in changed})}
