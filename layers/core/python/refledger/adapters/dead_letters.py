"""Dead letter queues as operators handle them: count, look at, put back to where the messages came from.

SQS has a task that moves messages by itself, but only out of queues that are the DLQ of a queue: what EventBridge could
not deliver it refuses. So messages are moved here one by one, and always in the same way: sent first, deleted after.
What dies in between has sent a message that is still there; sent once more it changes nothing, because everything that
reads these queues is idempotent, and a FIFO queue drops it by its id.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

BATCH = 10
LOOK_SECONDS = 60  # how long a message is hidden from others while somebody looks at it, or moves it


@dataclass(frozen=True)
class QueueDepth:
    """About how many messages there are; SQS itself is not exact."""

    visible: int
    in_flight: int


@dataclass(frozen=True)
class Letter:
    """One message. `attributes`: those of its sender, as text; `system`: those of SQS."""

    id: str
    receipt: str
    body: str
    attributes: dict[str, str]
    system: dict[str, str]


class DeadLetterQueue:
    def __init__(self, client: Any, url: str) -> None:
        self._client, self._url = client, url
        self._taken: set[str] = set()

    @property
    def is_fifo(self) -> bool:
        return is_fifo(self._url)

    def counts(self) -> QueueDepth:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)["Attributes"]
        return QueueDepth(*(int(told[name]) for name in names))

    def look(self, limit: int) -> Iterator[Letter]:
        """Yield up to `limit` messages.

        They are there as before when the caller is done, but for those that it took.
        """
        seen: list[Letter] = []
        try:
            while len(seen) < limit and (batch := self._receive(min(BATCH, limit - len(seen)))):
                for letter in batch:
                    seen.append(letter)
                    yield letter
        finally:
            for letter in (each for each in seen if each.id not in self._taken):
                self._client.change_message_visibility(
                    QueueUrl=self._url, ReceiptHandle=letter.receipt, VisibilityTimeout=0
                )

    def take(self, letter: Letter) -> None:
        """Take one that was looked at away, for good: what it said is done."""
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt)
        self._taken.add(letter.id)

    def move(self, target_url: str, limit: int) -> Iterator[Letter]:
        """Send up to `limit` messages on, their bodies alone: what was noted with them said why they died."""
        moved = 0
        while moved < limit and (batch := self._receive(min(BATCH, limit - moved))):
            for letter in batch:
                self._client.send_message(QueueUrl=target_url, MessageBody=letter.body, **_order_of(letter, target_url))
                self._client.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt)
                moved += 1
                yield letter

    def _receive(self, count: int) -> list[Letter]:
        told = self._client.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=count, VisibilityTimeout=LOOK_SECONDS, WaitTimeSeconds=1,
            MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"],
        )  # fmt: skip
        return [_letter(message) for message in told.get("Messages", [])]


def is_fifo(url: str) -> bool:
    return url.endswith(".fifo")


def _letter(message: dict[str, Any]) -> Letter:
    given = {name: str(value.get("StringValue", "")) for name, value in message.get("MessageAttributes", {}).items()}
    return Letter(
        message["MessageId"], message["ReceiptHandle"], message["Body"], given, dict(message.get("Attributes", {}))
    )


def _order_of(letter: Letter, target_url: str) -> dict[str, str]:
    """What keeps a message in its place in a FIFO queue, and it from being taken twice."""
    if not is_fifo(target_url):
        return {}
    return {name: letter.system[name] for name in ("MessageGroupId", "MessageDeduplicationId")}
