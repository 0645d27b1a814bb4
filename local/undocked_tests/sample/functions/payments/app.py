"""Events: from a queue with partial failures, from a rule, from schedules."""

from __future__ import annotations

import json
from typing import Any

from shop import note  # type: ignore[import-not-found]  # a layer of the sample


def handler(event: dict[str, Any], context: Any) -> Any:
    """Leave a note of whatever comes; a poisoned payment fails."""
    if "tick" in event:
        return note("tick", event["tick"])
    if "Records" not in event:
        return note("refund", event["id"], body=json.dumps(event))
    failures = []
    for record in event["Records"]:
        detail = json.loads(record["body"])["detail"]
        if detail.get("poison"):
            failures.append({"itemIdentifier": record["messageId"]})
        else:
            note("payment", detail["id"], body=json.dumps(record), batch=len(event["Records"]))
    return {"batchItemFailures": failures}
