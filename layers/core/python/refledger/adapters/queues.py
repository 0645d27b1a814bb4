"""Messages to queues."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from refledger.domain.maturity import MaturityMessage
from refledger.threads import side_by_side

BATCH_LIMIT = 10
GO_ON = '{"schedule": "go on"}'
SIDE_BY_SIDE = 10  # calls at once: as many as a client has connections


class NotTaken(RuntimeError):
    """The queue did not take these messages; it has the others."""

    def __init__(self, messages: Sequence[MaturityMessage]) -> None:
        super().__init__(f"{len(messages)} maturity messages were not taken")
        self.messages = messages


class MaturityQueue:
    """FIFO, one group per partner: a partner's balances are never contended by two workers."""

    def __init__(self, client: Any, url: str) -> None:
        self._client, self._url = client, url

    def send(self, messages: Sequence[MaturityMessage]) -> None:
        """Send messages, ten in a call, calls side by side.

        Raises NotTaken when the queue did not take some of them.
        """
        batches = [messages[start : start + BATCH_LIMIT] for start in range(0, len(messages), BATCH_LIMIT)]
        refused = [message for those in side_by_side(self._send, batches, SIDE_BY_SIDE) for message in those]
        if refused:
            raise NotTaken(refused)

    def go_on(self, deduplication: str) -> None:
        """Have a worker go on with what the schedule has no time for. One at a time: they are a group."""
        self._client.send_message(
            QueueUrl=self._url, MessageBody=GO_ON, MessageGroupId="schedule", MessageDeduplicationId=deduplication
        )

    @staticmethod
    def is_go_on(body: str) -> bool:
        """Return whether a message is one of `go_on`."""
        return body == GO_ON

    def _send(self, messages: Sequence[MaturityMessage]) -> list[MaturityMessage]:
        """At most ten; returns those that were not taken."""
        entries = [
            {"Id": str(number), "MessageBody": message.body(), "MessageGroupId": message.partner_id,
             "MessageDeduplicationId": message.deduplication}
            for number, message in enumerate(messages)
        ]  # fmt: skip
        answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        return [messages[int(each["Id"])] for each in answer.get("Failed", ())]


class JobQueue:
    """FIFO, one group per job: a job is at one worker at a time."""

    def __init__(self, client: Any, url: str) -> None:
        self._client, self._url = client, url

    def send(self, job_id: str, deduplication: str) -> None:
        """Have a worker look at the job.

        `deduplication`: new each time, for a message too many does no harm, while one that is taken for the one before
        it would leave the job where it is.
        """
        self._client.send_message(
            QueueUrl=self._url, MessageBody=job_id, MessageGroupId=job_id, MessageDeduplicationId=deduplication
        )


class LeadsQueue:
    """Where news of leads wait, in the form in which the bus delivers them."""

    def __init__(self, client: Any, url: str) -> None:
        self._client, self._url = client, url

    def send(self, source: str, kind: str, detail: dict[str, Any], caller: str = "") -> None:
        """Send an event, which is in the queue where no error is raised.

        `caller`: who told of it over HTTP (keyed hash): no producer on a bus can set it, nor take it away. Raises what
        SQS raises.
        """
        event = {"source": source, "detail-type": kind, "detail": detail, **({"caller": caller} if caller else {})}
        self.send_text(json.dumps(event, default=str))

    def send_text(self, body: str) -> None:
        """Send an event that is written out already."""
        self._client.send_message(QueueUrl=self._url, MessageBody=body)


class PaymentsQueue(LeadsQueue):
    """Where payment events wait, likewise."""


class DeadLetters:
    """Where an event goes that cannot be read, with the reason, while its neighbours are processed."""

    def __init__(self, client: Any, url: str) -> None:
        self._client, self._url = client, url

    def send(self, body: str, code: str, reason: str) -> None:
        text = {"code": code, "reason": reason[:256] or code}
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in text.items()}
        self._client.send_message(QueueUrl=self._url, MessageBody=body, MessageAttributes=attributes)


class LeaderboardQueue:
    """Whose figures have changed. Standard: messages may come twice and in any order."""

    def __init__(self, client: Any, url: str) -> None:
        self._client, self._url = client, url

    def send(self, body: str) -> None:
        self._client.send_message(QueueUrl=self._url, MessageBody=body)
