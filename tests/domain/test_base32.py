"""Text that sorts like bytes: the order of every time in a key hangs on it."""

from __future__ import annotations

import base64
import re

from hypothesis import given
from hypothesis import strategies as st

from refledger.domain import base32


@given(st.binary(max_size=40))
def test_there_and_back(raw: bytes) -> None:
    """Only 0-9 and a-v, no padding, and nothing lost."""
    text = base32.encode(raw)
    assert re.fullmatch("[0-9a-v]*", text)
    assert base32.decode(text) == raw


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_text_sorts_like_bytes(a: bytes, b: bytes) -> None:
    """Two texts compare as their bytes do, also where one is the beginning of the other."""
    assert (base32.encode(a) < base32.encode(b)) is (a < b)


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**48 - 1))
def test_text_sorts_like_time(a: int, b: int) -> None:
    """Milliseconds in six bytes sort like the numbers."""
    assert (base32.encode(a.to_bytes(6)) < base32.encode(b.to_bytes(6))) is (a < b)


@given(st.text("0123456789abcdefghijklmnopqrstuvAVwW_+- é", max_size=25))
def test_it_reads_what_the_library_reads(text: str) -> None:
    """And refuses what that refuses."""
    try:
        expected: bytes | None = base64.b32hexdecode(text.upper() + "=" * (-len(text) % 8))
    except ValueError:
        expected = None
    try:
        found: bytes | None = base32.decode(text)
    except ValueError:
        found = None
    assert found == expected


def test_lengths() -> None:
    """Ten bytes are 16 characters and fifteen are 24: keys are cut there."""
    assert [len(base32.encode(bytes(size))) for size in (10, 15)] == [16, 24]
