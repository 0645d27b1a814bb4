"""moto's SQS with its messages in a QueueStore: moto parses the API and keeps the queues.

Why not moto's own lists: they are lost with the process, two threads may lose or duplicate a message between
them, FIFO groups come back out of order after a failure, duplicates are known only while the first message is
still there, and a waiting receive spins while a group is busy.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from moto.sqs import models
from moto.sqs.exceptions import InvalidParameterValue, ReceiptHandleIsInvalid

from undocked.queue_store import Queue, QueueStore, StoredMessage, as_json
from undocked.replacing import replace

LONGEST_VISIBILITY_SECONDS = 43_200


def keep_messages_in(store: QueueStore) -> None:
    """Replace what moto does with messages, for every queue of this process."""

    def add_message(queue: Any, message: models.Message) -> None:
        duplicates_of = None
        if queue.fifo_queue and message.deduplication_id:
            duplicates_of = message.group_id if queue.deduplication_scope == "messageGroup" else ""
        message.id, message.sequence_number = store.add(queue.name, _to_store(message), duplicates_of)

    def receive_message(
        backend: models.SQSBackend,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: Sequence[str] | None = None,
    ) -> list[models.Message]:
        queue: Any = backend.get_queue(queue_name)
        of_queue = visibility_timeout == queue.visibility_timeout  # not asked for by the caller

        def visibility() -> float:
            return float(queue.visibility_timeout if of_queue else visibility_timeout or 0)

        stored = store.receive(_queue(queue), int(count), float(wait_seconds_timeout or 0), visibility)
        messages = [_from_store(each) for each in stored]
        for message in messages:
            models._filter_message_attributes(message, list(message_attribute_names or []))
        return messages

    def change_message_visibility(
        backend: models.SQSBackend, queue_name: str, receipt_handle: str, visibility_timeout: int
    ) -> None:
        queue = backend.get_queue(queue_name)
        if int(visibility_timeout) > LONGEST_VISIBILITY_SECONDS:
            raise InvalidParameterValue(f"Value {visibility_timeout} for parameter VisibilityTimeout is invalid.")
        if not store.change_visibility(queue.name, receipt_handle, int(visibility_timeout)):
            raise ReceiptHandleIsInvalid

    def purge_queue(backend: models.SQSBackend, queue_name: str) -> None:
        store.purge(backend.get_queue(queue_name).name)

    def delete_queue(backend: models.SQSBackend, queue_name: str) -> None:
        store.purge(backend.get_queue(queue_name).name)
        del backend.queues[queue_name]

    replaced: list[tuple[Any, str, Any]] = [
        (models.Queue, "add_message", add_message),
        (
            models.Queue,
            "delete_message",
            lambda queue, receipt_handle: store.delete(queue.name, receipt_handle),
        ),
        (models.Queue, "approximate_number_of_messages", _count(store, "available")),
        (models.Queue, "approximate_number_of_messages_delayed", _count(store, "delayed")),
        (models.Queue, "approximate_number_of_messages_not_visible", _count(store, "in_flight")),
        (models.SQSBackend, "receive_message", receive_message),
        (models.SQSBackend, "change_message_visibility", change_message_visibility),
        (models.SQSBackend, "purge_queue", purge_queue),
        (models.SQSBackend, "delete_queue", delete_queue),
    ]
    for owner, name, replacement in replaced:
        replace(owner, name, replacement)


def _queue(queue: Any) -> Queue:
    policy = queue.redrive_policy or {}
    dead_letters = queue.dead_letter_queue.name if queue.dead_letter_queue else None
    return Queue(queue.name, float(queue.message_retention_period), dead_letters, int(policy.get("maxReceiveCount", 0)))


def _count(store: QueueStore, state: str) -> property:
    return property(lambda queue: store.counts(queue.name)[state])


def _to_store(message: models.Message) -> StoredMessage:
    return StoredMessage(
        id=message.id,
        body=message.body,
        attributes=as_json(_packed(message.message_attributes)),
        system_attributes=as_json(_packed(message.system_attributes)),
        sent_ms=int(str(message.sent_timestamp)),  # moto declares it as None
        available_ms=int(message.delayed_until or 0),
        group_id=message.group_id,
        deduplication_id=message.deduplication_id,
        sequence_number=message.sequence_number,
    )


def _from_store(stored: StoredMessage) -> models.Message:
    message: Any = models.Message(stored.id, stored.body, _unpacked(json.loads(stored.system_attributes)))
    message.message_attributes = _unpacked(json.loads(stored.attributes))
    message.sent_timestamp, message.receipt_handle = stored.sent_ms, stored.receipt
    message.approximate_receive_count = stored.receives
    message.approximate_first_receive_timestamp = stored.first_received_ms
    message.group_id, message.deduplication_id = stored.group_id, stored.deduplication_id
    message.sequence_number = stored.sequence_number
    result: models.Message = message
    return result


def _packed(attributes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Message attributes with bytes as {"base64": …}, for JSON."""
    return {
        name: {
            key: {"base64": base64.b64encode(part).decode()} if isinstance(part, bytes) else part
            for key, part in value.items()
        }
        for name, value in attributes.items()
    }


def _unpacked(attributes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        name: {key: base64.b64decode(part["base64"]) if isinstance(part, dict) else part for key, part in value.items()}
        for name, value in attributes.items()
    }
