"""Files that anybody may have: in the form that whoever asks can read, and not again where they have them."""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from typing import Self

from refledger.entry.http import Delivery
from refledger.entry.models.common import RawAnswer


@dataclass(frozen=True)
class PublicFile:
    """A file as it is, and packed, by content coding the best first; `tag`: what entity tags are made of."""

    plain: bytes
    packed: dict[str, bytes]
    tag: str

    @classmethod
    def of(cls, plain: bytes, packed: dict[str, bytes] | None = None) -> Self:
        """`packed`: None to pack it here, with gzip."""
        forms = {"gzip": gzip.compress(plain, 9, mtime=0)} if packed is None else packed
        return cls(plain, forms, hashlib.sha256(plain).hexdigest()[:20])

    def answer(self, delivery: Delivery, content_type: str, headers: dict[str, str]) -> RawAnswer:
        """Answer with the best form that is taken; 304 to who has any of them."""
        accepted = delivery.headers.get("accept-encoding", "")
        coding = next((each for each in self.packed if takes(accepted, each)), "")
        tag = f'"{self.tag}-{coding}"' if coding else f'"{self.tag}"'
        told = {**headers, "vary": "accept-encoding", "etag": tag}
        if self._is_had(delivery.headers.get("if-none-match", "")):
            return RawAnswer(content_type=content_type, content=b"", headers=told, status=304)
        if coding:
            told["content-encoding"] = coding
        return RawAnswer(content_type=content_type, content=self.packed.get(coding, self.plain), headers=told)

    def _is_had(self, tags: str) -> bool:
        """Whether one of the entity tags is that of any form: the content is the same."""
        had = {each.strip().removeprefix("W/").strip('"') for each in tags.split(",")}
        return bool(had & {self.tag, *(f"{self.tag}-{coding}" for coding in self.packed)})


def takes(accepted: str, coding: str) -> bool:
    """Return whether a content coding is named and not refused.

    Who says nothing gets text: not all who may get it can read it.
    """
    pattern = rf"(?:^|,)\s*(?:x-)?{coding}\s*(?:;\s*q=([01](?:\.[0-9]{{0,3}})?)\s*)?(?=,|$)"
    found = re.search(pattern, accepted, re.IGNORECASE)
    return found is not None and re.search("[1-9]", found[1] or "1") is not None
