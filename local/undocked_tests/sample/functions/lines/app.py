"""A FIFO queue: stops at the first failure of a batch, as the documentation wants it."""

from __future__ import annotations

import json
import time
from typing import Any

from shop import note, table  # type: ignore[import-not-found]  # a layer of the sample


def handler(event: dict[str, Any], context: Any) -> Any:
    """Note each line under the time it was handled; one that is to fail does so once."""
    for index, record in enumerate(event["Records"]):
        body = json.loads(record["body"])
        if body.get("fail") == "always" or (body.get("fail") == "once" and not seen_before(body["id"])):
            return {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in event["Records"][index:]]}
        group = record["attributes"]["MessageGroupId"]
        note(f"line/{group}", f"{time.time_ns()}", id=body["id"], attributes=json.dumps(record["attributes"]))
        time.sleep(body.get("seconds", 0))
    return {"batchItemFailures": []}


def seen_before(ident: str) -> bool:
    """Whether this line failed before; remembers that it does now."""
    key = {"PK": "NOTE#failed", "SK": ident}
    found = "Item" in table().get_item(Key=key, ConsistentRead=True)
    table().put_item(Item=key)
    return found
