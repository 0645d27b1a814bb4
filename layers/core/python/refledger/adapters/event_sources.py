"""What reads a queue for a function: Lambda's event source mappings, on and off."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

BUSY = ("ResourceInUseException", "ResourceConflictException")  # it is being changed, or was a moment ago
ATTEMPTS = 30
PAUSE_SECONDS = 2.0
READS = ("Enabled", "Enabling", "Creating", "Updating")


class EventSource:
    """One mapping. What is in its queue stays there while nobody reads it."""

    def __init__(self, client: Any, id: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._client, self._id, self._pause = client, id, pause

    @property
    def state(self) -> str:
        """As Lambda calls it: Enabled, Disabling, …"""
        return str(self._client.get_event_source_mapping(UUID=self._id)["State"])

    @property
    def reads(self) -> bool:
        return self.state in READS

    def enable(self, enabled: bool) -> None:
        """Ask for it to be enabled, or disabled; Lambda needs up to a minute.

        While it is at work on what it was asked before, it is asked again. Raises ClientError.
        """
        for left in reversed(range(ATTEMPTS)):
            try:
                self._client.update_event_source_mapping(UUID=self._id, Enabled=enabled)
                return
            except ClientError as error:
                if error.response["Error"]["Code"] not in BUSY or not left:
                    raise
            self._pause(PAUSE_SECONDS)
