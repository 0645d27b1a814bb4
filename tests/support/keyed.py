"""Calls with an API key, as the gateway passes them to `dispatch`, which calls the real functions."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from refledger.adapters.functions import Functions
from refledger.entry import config
from tests.support.functions import Answer, World, load

ROUTE = "ANY /keyed/{proxy+}"


class Called:
    """Lambda as `dispatch` asks it; the functions are called by what they are called here. `asked`: their events."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803  boto3's names
        self.asked.append(json.loads(Payload))
        answer = load(FunctionName).handler(self.asked[-1], None)
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


def calling(patch: pytest.MonkeyPatch) -> Called:
    """Let `dispatch` call the functions."""
    client = Called()
    names = {name: name for name in json.loads(load("dispatch").ROUTES.read_text(encoding="utf-8")).values()}
    patch.setattr(config, "functions", lambda: Functions(client, names))
    return client


def ask(world: World, method: str, path: str, key: str | None, **told: Any) -> Answer:
    """One call of what is at `path`; `key`: the text of the key, None for no header at all. `told`: see World.event."""
    given = {} if key is None else {"authorization": f"Bearer {key}"}
    answer = answered(world, method, path, **{**told, "headers": {**given, **told.get("headers", {})}})
    body = json.loads(answer["body"]) if answer["body"] else None
    return Answer(answer["statusCode"], answer["headers"], body)


def answered(world: World, method: str, path: str, **told: Any) -> dict[str, Any]:
    """The same as the gateway gets it, with the headers as they are."""
    event = world.event(ROUTE, sub=None, **told)
    event["rawPath"] = event["requestContext"]["http"]["path"] = f"/keyed{path}"
    event["requestContext"]["http"]["method"] = method
    event["pathParameters"] = {"proxy": path.removeprefix("/")}
    answer: dict[str, Any] = load("dispatch").handler(event, None)
    return answer
