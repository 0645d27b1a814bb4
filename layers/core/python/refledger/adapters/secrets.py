"""Secrets, read where they are kept once they are needed, and again after a while: a new value needs no deployment.

Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html (read November 2026).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from botocore.exceptions import ClientError

from refledger.adapters.clock import now_ms
from refledger.domain.times import MINUTE_MS

FRESH_MS: Final = 5 * MINUTE_MS  # a call to the service costs as much as 20 writes; a rotation can wait that long


class SecretUnreadable(Exception):
    """A secret is there, and is not what it has to be: a fault of the deployment, not of a caller."""


class Secrets:
    """The secrets of one function, by ARN. Nothing is asked before it is used, and no value is in an error."""

    def __init__(self, client: Any, now_ms: Callable[[], int] = now_ms) -> None:
        self._client, self._now_ms = client, now_ms
        self._read: dict[str, tuple[int, str]] = {}  # when, and what

    def text(self, arn: str) -> str:
        """Return the whole secret, as it was five minutes ago at most.

        "" for no ARN: the deployment has no such secret. Raises SecretUnreadable where it holds no text.

        Raises ClientError where the service refuses, and what the SDK raises where it does not answer: what was read
        before is not used any longer then, because whoever takes a secret away wants it to be believed no more.
        """
        if not arn:
            return ""
        read_ms, text = self._read.get(arn, (-FRESH_MS, ""))
        if 0 <= self._now_ms() - read_ms < FRESH_MS:
            return text
        at_ms = self._now_ms()
        try:
            answer = self._client.get_secret_value(SecretId=arn)
        except ClientError as error:
            error.add_note(f"reading the secret {arn}")  # its own text does not say which
            raise
        if not answer.get("SecretString"):
            raise SecretUnreadable(f"{arn} holds no text")
        self._read[arn] = at_ms, answer["SecretString"]
        return str(answer["SecretString"])

    def member(self, arn: str, name: str) -> str:
        """Return one text of a secret that is a JSON object; "" for no ARN.

        Raises SecretUnreadable where it has none, and as `text` does.
        """
        if not (text := self.text(arn)):
            return ""
        try:
            found = json.loads(text)[name]
        except (ValueError, KeyError, TypeError):
            raise SecretUnreadable(f"{arn} is no JSON object with {name}") from None  # the cause would quote it
        if not isinstance(found, str):
            raise SecretUnreadable(f"{name} in {arn} is no text")
        return found
