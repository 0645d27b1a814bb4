"""Where manifests are kept: an S3 bucket that lets nobody change or delete what was put, for the time of its retention.

Nothing is ever overwritten: `create` is refused where the name is taken. Somebody who may write to the bucket can still
put another version over an object, or a marker that hides it,
so `ManifestArchive` reads the first version of each name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import ClientError

from refledger.domain.manifest import SIGNATURE
from refledger.domain.times import SECOND_MS

PREFIX = "manifests"
TAKEN = {"PreconditionFailed", "ConditionalRequestConflict"}


class NameTaken(Exception):
    """The name is taken already: by an earlier run, or by another one at this moment."""


class ManifestSource(Protocol):
    """One day's manifest."""

    def read(self, name: str) -> bytes:
        """Read a file of the day by its name.

        Raises Missing.
        """
        ...


class Missing(Exception):
    """There is no object or file of that name."""


class DayWriter:
    """One day's manifest while it is being written. Needs to list, read and create below the prefix, nothing else."""

    def __init__(self, client: Any, bucket: str, day: str) -> None:
        self._client, self._bucket, self._folder = client, bucket, f"{PREFIX}/{day}/"

    def names(self) -> set[str]:
        """Return the names of what is there already."""
        found: set[str] = set()
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._folder)
        for page in pages:
            found.update(each["Key"].removeprefix(self._folder) for each in page.get("Contents", []))
        return found

    def read(self, name: str) -> bytes:
        return bytes(self._client.get_object(Bucket=self._bucket, Key=self._folder + name)["Body"].read())

    def create(self, name: str, body: bytes) -> None:
        """Put it there, once and for all. Raises Taken."""
        try:
            self._client.put_object(
                Bucket=self._bucket, Key=self._folder + name, Body=body, IfNoneMatch="*", ChecksumAlgorithm="SHA256"
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in TAKEN:
                raise NameTaken(name) from error
            raise


class SignedDays:
    """Which days were signed. Needs to list below the prefix, nothing else."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def newest_signed(self, after: str) -> tuple[str, int] | None:
        """Return the last day with a signature, and when that was put, in epoch milliseconds.

        None where there is none since `after`.
        """
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{PREFIX}/", StartAfter=f"{PREFIX}/{after}"
        )
        objects = [each for page in pages for each in page.get("Contents", [])]
        signed = [each for each in objects if each["Key"].rpartition("/")[2] == SIGNATURE]
        if not signed:
            return None
        last = max(signed, key=lambda each: str(each["Key"]))
        return last["Key"].split("/")[-2], int(last["LastModified"].timestamp()) * SECOND_MS


class ManifestArchive:
    """All manifests of a bucket, as they were first written."""

    def __init__(self, client: Any, bucket: str, prefix: str = PREFIX) -> None:
        self._client, self._bucket, self._prefix = client, bucket, prefix

    def days(self) -> list[str]:
        """Return the days of which there is anything, newest first."""
        found = self._versions(f"{self._prefix}/", "CommonPrefixes", Delimiter="/")
        return sorted((each["Prefix"].split("/")[-2] for each in found), reverse=True)

    def has(self, day: str, name: str) -> bool:
        return self._first(day, name) is not None

    def read(self, day: str, name: str) -> bytes:
        """Read a file of a day in its first version.

        Raises Missing.
        """
        version = self._first(day, name)
        if version is None:
            raise Missing(f"s3://{self._bucket}/{self._prefix}/{day}/{name}")
        key = f"{self._prefix}/{day}/{name}"
        return bytes(self._client.get_object(Bucket=self._bucket, Key=key, VersionId=version)["Body"].read())

    def _first(self, day: str, name: str) -> str | None:
        key = f"{self._prefix}/{day}/{name}"
        found = [each for each in self._versions(key, "Versions") if each["Key"] == key]
        return str(found[-1]["VersionId"]) if found else None  # S3 lists a key's versions newest first

    def _versions(self, prefix: str, kind: str, **more: str) -> list[dict[str, Any]]:
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix, **more)
        return [each for page in pages for each in page.get(kind, [])]


class ArchivedDay:
    """One day of an archive."""

    def __init__(self, archive: ManifestArchive, day: str) -> None:
        self._archive, self._day = archive, day

    def read(self, name: str) -> bytes:
        return self._archive.read(self._day, name)


class Folder:
    """A day's manifest in a folder of this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str) -> bytes:
        try:
            return (self._path / name).read_bytes()
        except FileNotFoundError as error:
            raise Missing(str(self._path / name)) from error
