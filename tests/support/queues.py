"""What functions send to queues, kept to be looked at."""

from __future__ import annotations

from typing import Any


class Sqs:
    """What `MaturityQueue` and `DeadLetters` call; refuses entries of partners it was told to."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.dead: list[dict[str, Any]] = []
        self.refuses: set[str] = set()

    def send_message_batch(self, **given: Any) -> dict[str, Any]:
        self.batches.append(given["Entries"])
        return {"Failed": [entry for entry in given["Entries"] if entry["MessageGroupId"] in self.refuses]}

    def send_message(self, **given: Any) -> dict[str, Any]:
        self.dead.append(given)
        return {}

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [entry for batch in self.batches for entry in batch]
