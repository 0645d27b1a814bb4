"""Lets what an EventBridge archive has kept come again, on the bus that it came on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

NONE = "NONE"
UNFINISHED = ("CANCELLED", "FAILED")
OVER = ("COMPLETED", *UNFINISHED)


class Replays:
    """Replays by their names: one that is there, or was, is never begun again."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def state(self, name: str) -> str:
        """Return its state as EventBridge calls it: STARTING, RUNNING, COMPLETED, …

        NONE where it was never begun.
        """
        try:
            return str(self._client.describe_replay(ReplayName=name)["State"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return NONE

    def begin(self, name: str, archive: str, since: datetime, until: datetime) -> None:
        """Begin to send again what came on the archive's bus from one moment to the other.

        Raises ClientError.
        """
        kept = self._client.describe_archive(ArchiveName=archive)
        self._client.start_replay(
            ReplayName=name, EventSourceArn=kept["ArchiveArn"], EventStartTime=since, EventEndTime=until,
            Destination={"Arn": kept["EventSourceArn"]},
        )  # fmt: skip
