"""S3 in memory, as far as files go: whole objects, and uploads in parts under S3's own rules."""

from __future__ import annotations

import hashlib
import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError


def refused(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


@dataclass
class Bucket:
    """A client of S3 with one bucket. `least`: bytes that every part but the last must have."""

    least: int = 5 * 1024 * 1024
    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # what an upload will be
    calls: list[str] = field(default_factory=list)
    trouble: Callable[[str], None] = lambda _: None  # called with the name of what was done; may raise

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)

    def put_object(self, Bucket: str, Key: str, Body: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803 the SDK's words
        self.calls.append("put_object")
        self.objects[Key] = Body
        return {}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        self.calls.append("get_object")
        if Key not in self.objects:
            raise refused("NoSuchKey", "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if Key not in self.objects:
            raise refused("403", "HeadObject")  # what S3 says to a role that may not list
        return {}

    def create_multipart_upload(self, Bucket: str, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.calls.append("create_multipart_upload")
        upload = f"upload-{next(self._numbers)}"
        self.uploads[upload], self.names[upload] = {}, Key
        return {"UploadId": upload}

    def upload_part(self, Bucket: str, Key: str, UploadId: str, PartNumber: int, Body: bytes) -> dict[str, Any]:  # noqa: N803
        self.calls.append("upload_part")
        self._upload(UploadId, Key)[PartNumber] = Body
        self.trouble("upload_part")
        return {"ETag": _tag(Body)}

    def complete_multipart_upload(
        self, Bucket: str, Key: str, UploadId: str, MultipartUpload: dict[str, Any]  # noqa: N803
    ) -> dict[str, Any]:  # fmt: skip
        self.calls.append("complete_multipart_upload")
        there, wanted = self._upload(UploadId, Key), MultipartUpload["Parts"]
        for part in wanted:
            if _tag(there.get(part["PartNumber"], b"")) != part["ETag"]:
                raise refused("InvalidPart", "CompleteMultipartUpload")
        parts = [there[part["PartNumber"]] for part in wanted]
        if any(len(part) < self.least for part in parts[:-1]):
            raise refused("EntityTooSmall", "CompleteMultipartUpload")
        self.objects[Key] = b"".join(parts)
        del self.uploads[UploadId]
        self.trouble("complete_multipart_upload")
        return {}

    def abort_multipart_upload(self, Bucket: str, Key: str, UploadId: str) -> dict[str, Any]:  # noqa: N803
        self._upload(UploadId, Key)
        del self.uploads[UploadId]
        return {}

    def generate_presigned_url(self, operation: str, Params: dict[str, Any], ExpiresIn: int) -> str:  # noqa: N803
        return f"https://files.example.com/{Params['Key']}?X-Amz-Expires={ExpiresIn}"

    def _upload(self, upload: str, name: str) -> dict[int, bytes]:
        if self.names.get(upload) != name or upload not in self.uploads:
            raise refused("NoSuchUpload", "UploadPart")
        return self.uploads[upload]


def _tag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
