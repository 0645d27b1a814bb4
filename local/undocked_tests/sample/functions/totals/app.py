"""A tumbling window: counts the orders of a window, and keeps the sum at its end."""

from __future__ import annotations

import json
from typing import Any

from shop import note  # type: ignore[import-not-found]  # a layer of the sample


def handler(event: dict[str, Any], context: Any) -> Any:
    """Add up; note the shape of the event, and what the final invocation came to."""
    count = int(event["state"].get("count", 0)) + len(event["Records"])
    shape = {key: value for key, value in event.items() if key != "Records"}
    if event["isFinalInvokeForWindow"]:
        note(
            "window",
            event["window"]["start"],
            count=count,
            shape=json.dumps(shape),
            records=len(event["Records"]),
        )
    else:
        note("invoke", event["Records"][-1]["dynamodb"]["SequenceNumber"], shape=json.dumps(shape))
    return {"state": {"count": count}}
