"""A ZIP file that is written on from where another worker stopped: its state is a few numbers, and fits an item.

Each piece is deflated by itself and flushed to a byte, so pieces of a file follow each other whoever made them; sizes
and checksum stand behind it (APPNOTE 6.3, 4.3.9). No file of 4 GiB and no archive of more.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from refledger.domain.times import SECOND_MS

DEFLATED, VERSION, BEHIND_IT, UTF_8 = 8, 20, 0x0008, 0x0800
LIMIT_BYTES: Final = 2**32 - 2**20
_LAST: Final = b"\x03\x00"  # an empty block that says that it is the last


class TooLarge(Exception):
    """More than a ZIP file takes without extensions."""


@dataclass(frozen=True)
class Member:
    """`at`: where it begins. `size` of what is in it, `packed` of what stands in the archive."""

    name: str
    at: int
    crc: int = 0
    size: int = 0
    packed: int = 0


@dataclass(frozen=True)
class ZipArchive:
    """What was written so far: `length` bytes, these members; the last one is still `open` or not."""

    at_ms: int  # the time that all members have
    length: int = 0
    members: tuple[Member, ...] = ()
    open: bool = False

    def begin(self, name: str) -> tuple[ZipArchive, bytes]:
        """Begin another file, and return its head."""
        assert not self.open
        member, coded = Member(name, self.length), name.encode()
        head = struct.pack("<IHHHHHIIIHH", 0x04034B50, VERSION, BEHIND_IT | UTF_8, DEFLATED, *_moment(self.at_ms),
                           0, 0, 0, len(coded), 0) + coded  # fmt: skip
        return replace(self._after(head), members=(*self.members, member), open=True), head

    def add(self, content: bytes) -> tuple[ZipArchive, bytes]:
        """Add more of the file that is open, and return it packed."""
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        packed = packer.compress(content) + packer.flush(zlib.Z_FULL_FLUSH)
        return self._grown(packed, zlib.crc32(content, self.members[-1].crc), len(content)), packed

    def end(self) -> tuple[ZipArchive, bytes]:
        """End the file that is open, and return its end."""
        grown = self._grown(_LAST, self.members[-1].crc, 0)
        member = grown.members[-1]
        sizes = struct.pack("<IIII", 0x08074B50, member.crc, member.packed, member.size)
        return replace(grown._after(sizes), open=False), _LAST + sizes

    def finish(self) -> bytes:
        """Return the list of all files, with which the archive ends."""
        assert not self.open
        listed = b"".join(self._listed(member) for member in self.members)
        count = len(self.members)
        return listed + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(listed), self.length, 0)

    def _listed(self, member: Member) -> bytes:
        coded = member.name.encode()
        return struct.pack(
            "<IHHHHHHIIIHHHHHII", 0x02014B50, VERSION, VERSION, BEHIND_IT | UTF_8, DEFLATED, *_moment(self.at_ms),
            member.crc, member.packed, member.size, len(coded), 0, 0, 0, 0, 0, member.at,
        ) + coded  # fmt: skip

    def _grown(self, packed: bytes, crc: int, size: int) -> ZipArchive:
        last = self.members[-1]
        member = replace(last, crc=crc, size=last.size + size, packed=last.packed + len(packed))
        if member.size > LIMIT_BYTES:
            raise TooLarge
        return replace(self._after(packed), members=(*self.members[:-1], member))

    def _after(self, written: bytes) -> ZipArchive:
        length = self.length + len(written)
        if length > LIMIT_BYTES:
            raise TooLarge
        return replace(self, length=length)

    def state(self) -> list[Any]:
        """Return the state for JSON; `Archive.of` gives it back."""
        members = [[m.name, m.at, m.crc, m.size, m.packed] for m in self.members]
        return [self.at_ms, self.length, members, self.open]

    @classmethod
    def of(cls, state: list[Any]) -> ZipArchive:
        at_ms, length, members, is_open = state
        return cls(at_ms, length, tuple(Member(*each) for each in members), is_open)


def _moment(at_ms: int) -> tuple[int, int]:
    """Time and date as MS-DOS has them."""
    at = datetime.fromtimestamp(at_ms // SECOND_MS, UTC)
    return at.hour << 11 | at.minute << 5 | at.second // 2, (at.year - 1980) << 9 | at.month << 5 | at.day
