"""Messages to queues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from refledger.domain.maturity import MaturityMessage

BATCH_LIMIT = 10


class MaturityQueue:
    """FIFO, one group per partner: a partner's balances are never contended by two workers."""

    def __init__(self, client: Any, url: str) -> None:
        self._client, self._url = client, url

    def send(self, messages: Sequence[MaturityMessage]) -> None:
        """Raises RuntimeError when the queue did not take one of them."""
        for start in range(0, len(messages), BATCH_LIMIT):
            entries = [
                {"Id": str(number), "MessageBody": message.body(), "MessageGroupId": message.partner_id,
                 "MessageDeduplicationId": message.deduplication}
                for number, message in enumerate(messages[start : start + BATCH_LIMIT])
            ]  # fmt: skip
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            if answer.get("Failed"):
                raise RuntimeError(f"{len(answer['Failed'])} maturity messages were not taken")


class DeadLetters:
    """Where an event goes that cannot be read, with the reason, while its neighbours are processed."""

    def __init__(self, client: Any, url: str) -> None:
        self._client, self._url = client, url

    def send(self, body: str, code: str, reason: str) -> None:
        text = {"code": code, "reason": reason[:256] or code}
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in text.items()}
        self._client.send_message(QueueUrl=self._url, MessageBody=body, MessageAttributes=attributes)
