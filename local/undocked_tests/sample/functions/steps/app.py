"""Tasks of the state machine."""

from __future__ import annotations

from typing import Any

from shop import table  # type: ignore[import-not-found]  # a layer of the sample


class Declined(Exception):
    """A refusal that the state machine knows."""


def handler(event: dict[str, Any], context: Any) -> Any:
    """Keep the token of a question; refuse when told to."""
    if event["action"] == "ask":
        table().update_item(
            Key={"PK": f"ORDER#{event['id']}", "SK": "META"},
            UpdateExpression="SET #t = :t",
            ExpressionAttributeNames={"#t": "token"},
            ExpressionAttributeValues={":t": event["token"]},
        )
    if event.get("decline"):
        raise Declined("no")
    return {"done": event["action"]}
