"""HTTP: orders by powertools, and a few paths that answer in every way a function can."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from shop import client, table  # type: ignore[import-not-found]  # a layer of the sample

app = APIGatewayHttpResolver()
SMALL = 100


@app.post("/orders")
def create() -> tuple[dict[str, Any], int]:
    """Keep an order; a large one has to be approved."""
    body = app.current_event.json_body
    order_id = str(uuid.uuid4())
    table().put_item(
        Item={
            "PK": f"ORDER#{order_id}",
            "SK": "META",
            "status": "NEW",
            "amount": body["amount"],
            "GSI1PK": "O",
        }
    )
    if body["amount"] > SMALL:
        start = {"id": order_id, "seconds": body.get("seconds", 3600)}
        client("stepfunctions").start_execution(
            stateMachineArn=os.environ["MACHINE_ARN"], name=order_id, input=json.dumps(start)
        )
    return {"id": order_id}, 201


@app.get("/orders/summary")
def summary() -> dict[str, Any]:
    """A path that also fits another route's variable."""
    return {"static": True, "pid": os.getpid()}


@app.get("/orders/<order_id>")
def read(order_id: str) -> dict[str, Any]:
    """One order, without its task token."""
    item = table().get_item(Key={"PK": f"ORDER#{order_id}", "SK": "META"}).get("Item")
    if not item:
        raise NotFoundError("no such order")
    return {"id": order_id, "status": item["status"], "amount": int(item["amount"])}


@app.get("/scoped")
def scoped() -> Any:
    """What the authorizer handed on."""
    return app.current_event.raw_event["requestContext"]["authorizer"]


@app.get("/throttled")
def throttled() -> dict[str, bool]:
    """A route with a limit of its own."""
    return {"ok": True}


def plain(kind: str) -> Any:
    """An answer of a kind, or none."""
    answers: dict[str, Any] = {
        "dict": {"hello": "world"},
        "string": "just text",
        "binary": {
            "statusCode": 200,
            "headers": {"content-type": "image/png"},
            "isBase64Encoded": True,
            "body": "iVBORw0KGgo=",
        },
        "bad": {"statusCode": 200, "body": {"not": "a string"}},
    }
    match kind:
        case "raise":
            raise ValueError("boom")
        case "exit":
            os._exit(3)
        case "sysexit":
            sys.exit(4)
        case "sleep":
            time.sleep(2)
        case "hang":
            print("hangs")
            time.sleep(60)
        case "big":
            return {"statusCode": 200, "body": "x" * 7_000_000}
        case "work":
            time.sleep(0.1)
            return {"pid": os.getpid()}
    return answers.get(kind)


def handler(event: dict[str, Any], context: Any) -> Any:
    """The entry point."""
    path = event["rawPath"]
    if path.startswith("/echo/"):
        seen = {
            "event": event,
            "env": dict(os.environ),
            "path": sys.path,
            "remaining": context.get_remaining_time_in_millis(),
        }
        return {
            "statusCode": 200,
            "headers": {"content-type": "application/json"},
            "cookies": ["a=1; Path=/", "b=2"],
            "body": json.dumps(seen),
        }
    if path.startswith(("/plain/", "/hurried/")):
        return plain(event["pathParameters"]["kind"])
    return app.resolve(event, context)
