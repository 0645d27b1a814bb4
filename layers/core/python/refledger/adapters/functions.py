"""Calls other functions of this deployment, and waits for what they answer."""

from __future__ import annotations

import json
from typing import Any

from refledger.domain.errors import Unavailable


class Functions:
    """`names`: what they are deployed as, by what they are called here."""

    def __init__(self, client: Any, names: dict[str, str]) -> None:
        self._client, self._names = client, names

    def call(self, name: str, event: dict[str, Any]) -> dict[str, Any]:
        """Return what a function answers to an event.

        Raises Unavailable where it ended without an answer, and ClientError where it could not be called: what was
        asked may be done or not.
        """
        told = self._client.invoke(FunctionName=self._names[name], Payload=json.dumps(event).encode())
        if told.get("FunctionError"):
            raise Unavailable("a function that is needed ended without an answer")
        answer: dict[str, Any] = json.loads(told["Payload"].read())
        return answer
