"""The table's stream: a record may be reported as failed, or fail its whole batch."""

from __future__ import annotations

import time
from typing import Any

from shop import table  # type: ignore[import-not-found]  # a layer of the sample


def handler(event: dict[str, Any], context: Any) -> Any:
    """Count how often each record is seen."""
    for record in event["Records"]:
        image = record["dynamodb"].get("NewImage", {})
        number = record["dynamodb"]["SequenceNumber"]
        if "throw" in image:
            raise RuntimeError("cannot audit this batch")
        if "fail" in image:
            return {"batchItemFailures": [{"itemIdentifier": number}]}
        order = record["dynamodb"]["Keys"]["PK"]["S"]
        table().update_item(
            Key={"PK": "NOTE#audit", "SK": f"{order}/{number}"},
            UpdateExpression="SET #a = :a ADD seen :one",
            ExpressionAttributeNames={"#a": "at"},
            ExpressionAttributeValues={":a": str(time.time()), ":one": 1},
        )
    return {"batchItemFailures": []}
