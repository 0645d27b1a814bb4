"""ZIP files that several workers write one after the other, read back by the standard library."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain import zip_files
from refledger.domain.zip_files import TooLarge, ZipArchive

NAMES = st.lists(st.from_regex(r"[a-zé]{1,9}\.csv", fullmatch=True), max_size=4, unique=True)
PIECES = st.lists(st.binary(max_size=200), max_size=5)


@given(NAMES.flatmap(lambda names: st.fixed_dictionaries(dict.fromkeys(names, PIECES))))
def test_what_was_written_is_read_back(told: dict[str, list[bytes]]) -> None:
    """Whatever the files are made of, and however often the state went through JSON in between."""
    archive, text = ZipArchive(1_790_000_000_000), b""
    for name, pieces in told.items():
        archive, more = ZipArchive.of(json.loads(json.dumps(archive.state()))).begin(name)
        text += more
        for piece in pieces:
            archive, more = ZipArchive.of(json.loads(json.dumps(archive.state()))).add(piece)
            text += more
        archive, more = archive.end()
        text += more
    with zipfile.ZipFile(io.BytesIO(text + archive.finish())) as read:
        assert read.testzip() is None
        assert {name: read.read(name) for name in read.namelist()} == {
            name: b"".join(pieces) for name, pieces in told.items()
        }
        assert {each.date_time for each in read.infolist()} <= {(2026, 9, 21, 14, 13, 20)}


def test_more_than_a_zip_file_takes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes have 32 bits."""
    monkeypatch.setattr(zip_files, "LIMIT_BYTES", 100)
    archive, _ = ZipArchive(1_790_000_000_000).begin("a")
    with pytest.raises(TooLarge):
        archive.add(b"x" * 101)
