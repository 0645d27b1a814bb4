"""Events to EventBridge."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

SOURCE = "refledger"
BATCH_LIMIT = 10  # of PutEvents


class Bus:
    """https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html"""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._name = client, name

    def put(self, events: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Send events, of each (detail-type, detail).

        Raises RuntimeError when the bus did not take one of them, which it says in its answer and not by an error;
        those before it are out, and go out again when this is repeated.
        """
        for start in range(0, len(events), BATCH_LIMIT):
            answer = self._client.put_events(Entries=[
                {"EventBusName": self._name, "Source": SOURCE, "DetailType": kind, "Detail": json.dumps(detail)}
                for kind, detail in events[start : start + BATCH_LIMIT]
            ])  # fmt: skip
            if answer["FailedEntryCount"]:
                codes = sorted({entry["ErrorCode"] for entry in answer["Entries"] if "ErrorCode" in entry})
                raise RuntimeError(f"{answer['FailedEntryCount']} events were not taken: {', '.join(codes)}")
