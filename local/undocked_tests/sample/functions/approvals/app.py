"""HTTP: an admin approves an order, which wakes the execution that waits for it."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from shop import client, table  # type: ignore[import-not-found]  # a layer of the sample

app = APIGatewayHttpResolver()


@app.post("/orders/<order_id>/approve")
def approve(order_id: str) -> Any:
    """Hand the task token back."""
    claims = app.current_event.raw_event["requestContext"]["authorizer"]["jwt"]["claims"]
    if "admin" not in str(claims.get("cognito:groups")):
        return {"message": "admins only"}, 403
    item = table().get_item(Key={"PK": f"ORDER#{order_id}", "SK": "META"}, ConsistentRead=True)["Item"]
    client("stepfunctions").send_task_success(taskToken=item["token"], output=json.dumps({"by": claims["sub"]}))
    return {"ok": True}


def handler(event: dict[str, Any], context: Any) -> Any:
    """The entry point."""
    return app.resolve(event, context)
