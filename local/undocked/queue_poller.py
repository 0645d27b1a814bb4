"""Event source mappings of queues: SQS to Lambda in batches, with partial failures.

Not moto's: its mappings are synchronous, one record at a time, without partial failures. What failed is not
touched: it comes back after the queue's visibility timeout, as on AWS. FIFO needs nothing more: the queue
hands out one batch of a group at a time, and keeps the rest of the group back while a message of it is
hidden. Redrive is the queue's own. Contract: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
from typing import Any

from undocked.errors import StartError
from undocked.mappings import Invoke, Mapping, failed_items

OFF_SECONDS = 0.2  # between looks whether it is enabled again
WAIT_SECONDS = 20  # of one long poll; it ends at once when there is a message
PAGE = 10  # the API gives and takes no more at a time
log = logging.getLogger("undocked.queues")


class QueuePoller:
    """Polls one queue for one function with a few threads, as many as the function may have workers."""

    def __init__(
        self, client: Any, invoke: Invoke, mapping: Mapping, function_timeout: float, max_workers: int
    ) -> None:
        """Raises StartError for a queue that is missing, or shows its messages again too soon."""
        self.name = mapping.id
        self.stopping, self.off = threading.Event(), threading.Event()  # `off`: disabled by somebody
        self._client, self._invoke, self._mapping = client, invoke, mapping
        name = mapping.source_arn.split(":")[-1]
        try:
            self._url: str = client.get_queue_url(QueueName=name)["QueueUrl"]
        except client.exceptions.QueueDoesNotExist:
            raise StartError(f"{mapping.id}: EventSourceArn: there is no queue {name} in the template") from None
        attributes = client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["VisibilityTimeout"])["Attributes"]
        if float(attributes["VisibilityTimeout"]) < function_timeout:
            raise StartError(
                f"{mapping.id}: VisibilityTimeout of the queue {name} is {attributes['VisibilityTimeout']}, "
                f"below the function's Timeout of {function_timeout:g}: AWS refuses that, because the queue "
                "would show a message again while the function works on it"
            )
        self._threads = min(max_workers, mapping.max_concurrency or max_workers)

    def start(self) -> None:
        """Begin to poll, in the background."""
        for number in range(self._threads):
            threading.Thread(target=self._loop, name=f"queue-{self.name}-{number}", daemon=True).start()

    def _loop(self) -> None:
        while not self.stopping.is_set():
            if self.off.is_set():
                self.stopping.wait(OFF_SECONDS)
                continue
            try:
                if messages := self._receive():
                    (self._give_back if self.off.is_set() else self._handle)(messages)
            except Exception:  # a poller never dies; the messages come back after their visibility timeout
                if self.stopping.is_set():
                    return
                log.exception("polling %s", self._mapping.source_arn)
                self.stopping.wait(1)

    def _give_back(self, messages: list[dict[str, Any]]) -> None:
        """What came while the last poll was waiting, after it was disabled."""
        for message in messages:
            handle = message["ReceiptHandle"]
            self._client.change_message_visibility(QueueUrl=self._url, ReceiptHandle=handle, VisibilityTimeout=0)

    def _receive(self) -> list[dict[str, Any]]:
        """Up to a batch of messages.

        A batching window, where the template gives one, is waited out for a fuller batch.
        """
        mapping, give_up = self._mapping, 0.0
        messages: list[dict[str, Any]] = []
        while len(messages) < mapping.batch_size and not self.stopping.is_set():
            wait = WAIT_SECONDS if not messages else max(0, min(WAIT_SECONDS, round(give_up - time.monotonic())))
            got = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(PAGE, mapping.batch_size - len(messages)),
                WaitTimeSeconds=wait,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            give_up = give_up or time.monotonic() + mapping.batching_window_seconds
            messages += got
            if not messages or time.monotonic() >= give_up:
                break
        return messages

    def _handle(self, messages: list[dict[str, Any]]) -> None:
        """Invoke with what passes the filters; delete what was done, and what the filters drop."""
        records = {message["MessageId"]: self._record(message) for message in messages}
        wanted = {
            key: record for key, record in records.items() if self._mapping.filters.match(_with_json_body(record))
        }
        failed: set[str] | None = set()
        if wanted:
            outcome = self._invoke(self._mapping.function, json.dumps({"Records": list(wanted.values())}).encode())
            failed = failed_items(outcome, self._mapping.reports_failures, set(wanted))
        if failed is None:
            failed = set(wanted)
        done = [record["receiptHandle"] for key, record in records.items() if key not in failed]
        for start in range(0, len(done), PAGE):
            entries = [{"Id": str(n), "ReceiptHandle": handle} for n, handle in enumerate(done[start : start + PAGE])]
            self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)

    def _record(self, message: dict[str, Any]) -> dict[str, Any]:
        """The Lambda shape of an SQS message (lower camel case, binary as base64)."""
        attributes = {}
        for name, value in message.get("MessageAttributes", {}).items():
            attributes[name] = {"dataType": value["DataType"], "stringListValues": [], "binaryListValues": []}
            if "StringValue" in value:
                attributes[name]["stringValue"] = value["StringValue"]
            if "BinaryValue" in value:
                attributes[name]["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": attributes,
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._mapping.source_arn,
            "awsRegion": self._mapping.region,
        }


def _with_json_body(record: dict[str, Any]) -> dict[str, Any]:
    """Filters look into a body that is JSON."""
    try:
        return {**record, "body": json.loads(record["body"])}
    except ValueError:
        return record
