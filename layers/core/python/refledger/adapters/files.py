"""The files of exports and imports in S3: written in parts, handed out by signed links.

What is put under a name is either the same as before or not yet counted on, so every call may be repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from refledger.domain.jobs import LINK_SECONDS

LEAST_PART_BYTES = 5 * 1024 * 1024  # S3 wants as many of every part but the last
CSV = "text/csv; charset=utf-8"
LOST = {"NoSuchUpload", "InvalidPart", "InvalidPartOrder"}
# without the right to list, S3 answers 403 (HEAD) or AccessDenied (GET) for what is not there
NOT_THERE = {"404", "403", "NoSuchKey", "AccessDenied"}


class UploadLost(Exception):
    """The upload is not there any more, or its parts are not those that were put: it has to begin again."""


class FileGone(Exception):
    """What was put is not there any more: the bucket keeps files for a week."""


class Files:
    """One bucket. `exports/` is written by the worker and read by those who get a link; `imports/` the other way;
    `statements/` is what need not be made twice.
    """

    def __init__(self, client: Any, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    # ------------------------------------------------------------ exports

    def begin(self, job_id: str, content_type: str = CSV) -> str:
        """Begin a new upload, and return its id.

        One that is not completed, the bucket's rule takes away.
        """
        answer = self._client.create_multipart_upload(
            Bucket=self._bucket, Key=_export(job_id), ContentType=content_type
        )
        return str(answer["UploadId"])

    def put_part(self, job_id: str, upload: str, number: int, content: bytes) -> str:
        """Put part `number` (from 1); the same number again takes its place. Its tag. Raises UploadLost."""
        try:
            answer = self._client.upload_part(
                Bucket=self._bucket, Key=_export(job_id), UploadId=upload, PartNumber=number, Body=content
            )
        except ClientError as error:
            raise _lost(error) from error
        return str(answer["ETag"])

    def complete(self, job_id: str, upload: str, tags: Sequence[str]) -> None:
        """Make the file of its parts; harmless where that is done. Raises UploadLost where it cannot be done."""
        parts = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, start=1)]
        try:
            self._client.complete_multipart_upload(
                Bucket=self._bucket, Key=_export(job_id), UploadId=upload, MultipartUpload={"Parts": parts}
            )
        except ClientError as error:
            if not self._is_there(_export(job_id)):
                raise _lost(error) from error

    def abort(self, job_id: str, upload: str) -> None:
        """Take away what was put; harmless where there is nothing."""
        try:
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=_export(job_id), UploadId=upload)
        except ClientError as error:
            if error.response["Error"]["Code"] not in LOST:
                raise

    def put_rest(self, job_id: str, name: str, content: bytes) -> None:
        """Keep what is too short for a part until there is more of it."""
        self._client.put_object(Bucket=self._bucket, Key=_rest(job_id, name), Body=content)

    def rest(self, job_id: str, name: str) -> bytes:
        """Read what was kept.

        Raises UploadLost where it is gone: what goes on without it would lack lines.
        """
        try:
            return self._read(_rest(job_id, name))
        except FileGone as error:
            raise UploadLost(str(error)) from error

    def link(self, job_id: str, name: str) -> str:
        """Make an address that gives the file to whoever has it, for LINK_SECONDS.

        To be kept under `name`. No call.
        """
        asked = {
            "Bucket": self._bucket, "Key": _export(job_id),
            "ResponseContentDisposition": f'attachment; filename="{name}"',
        }  # fmt: skip
        return str(self._client.generate_presigned_url("get_object", Params=asked, ExpiresIn=LINK_SECONDS))

    # ------------------------------------------------------------ imports

    def put_source(self, job_id: str, hashed: str, text: str) -> None:
        """Keep what is to be imported. `hashed`: of the text, so that another text has another name."""
        name = _source(job_id, hashed)
        self._client.put_object(Bucket=self._bucket, Key=name, Body=text.encode(), ContentType=CSV)

    def source(self, job_id: str, hashed: str) -> str:
        """Read what is to be imported.

        Raises FileGone.
        """
        return self._read(_source(job_id, hashed)).decode()

    # ------------------------------------------------------------ statements

    def put_statement(self, partner_id: str, tag: str, content: bytes) -> None:
        """Keep a PDF for as long as files are kept. Where that cannot be done it is made again the next time."""
        with suppress(ClientError, BotoCoreError):
            self._client.put_object(
                Bucket=self._bucket, Key=_statement(partner_id, tag), Body=content, ContentType="application/pdf"
            )

    def statement(self, partner_id: str, tag: str) -> bytes | None:
        """Read what was kept under it; None where nothing is, or where it cannot be had."""
        try:
            return self._read(_statement(partner_id, tag))
        except (FileGone, ClientError, BotoCoreError):
            return None

    # ------------------------------------------------------------

    def _read(self, name: str) -> bytes:
        try:
            return bytes(self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] in NOT_THERE:
                raise FileGone(name) from error
            raise

    def _is_there(self, name: str) -> bool:
        try:
            self._client.head_object(Bucket=self._bucket, Key=name)
        except ClientError as error:
            if error.response["Error"]["Code"] in NOT_THERE:
                return False
            raise
        return True


def _lost(error: ClientError) -> Exception:
    return UploadLost(error.response["Error"]["Code"]) if error.response["Error"]["Code"] in LOST else error


def _export(job_id: str) -> str:
    return f"exports/{job_id}.csv"


def _rest(job_id: str, name: str) -> str:
    return f"exports/{job_id}/{name}"


def _statement(partner_id: str, tag: str) -> str:
    return f"statements/{partner_id}/{tag}.pdf"


def _source(job_id: str, hashed: str) -> str:
    return f"imports/{job_id}/{hashed}.csv"
