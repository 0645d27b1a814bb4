"""Click ids: which click on a share link somebody came by, in a text that says it all itself and nobody can make up.

    clk_<base32hex of: when (5 bytes), noise (5 bytes), "CODE SOURCE campaign", tag (10 bytes)>

A site keeps it for as long as it keeps the code, and hands it on where a customer signs up or pays. It names nobody.
The tag is a keyed hash of what stands before it: without the deployment's secret there is no id that counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from refledger.domain import base32
from refledger.domain.referrals import ReferralSource
from refledger.domain.times import DAY_MS, SECOND_MS

MAX_LENGTH = 180
DAYS = 30  # that a click counts where the program keeps no cookie
NOISE_BYTES = 5
_PREFIX = "clk_"
_TIME_BYTES, _TAG_BYTES = 5, 10
_FORM = re.compile(rf"{_PREFIX}[0-9a-v]{{40,{MAX_LENGTH - len(_PREFIX)}}}")  # longer than any code

Tag = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Click:
    """`campaign`: one that the program named when it was clicked, or ""."""

    code: str
    at_ms: int  # to the second
    source: ReferralSource = ReferralSource.UNKNOWN
    campaign: str = ""

    def counts_at(self, at_ms: int, cookie_days: int) -> bool:
        """Return whether who signs up or pays at `at_ms` still came by it.

        `cookie_days`: how long the program keeps a code; 0 for not at all.
        """
        return at_ms <= self.at_ms + (cookie_days or DAYS) * DAY_MS


def is_click_id(text: str) -> bool:
    """Return whether it has the form of one; no code has."""
    return len(text) <= MAX_LENGTH and _FORM.fullmatch(text) is not None


def first(texts: Iterable[object]) -> str:
    """Return the first of these texts that has the form of an id, "" for none."""
    return next((text for text in texts if isinstance(text, str) and is_click_id(text)), "")


def id_of(click: Click, noise: bytes, tag: Tag) -> str:
    """Write a click as its id.

    `noise`: NOISE_BYTES, so that no two clicks have one id; `tag`: the keyed hash.
    """
    words = f"{click.code} {click.source} {click.campaign}".encode()
    told = (click.at_ms // SECOND_MS).to_bytes(_TIME_BYTES) + noise + words
    return _PREFIX + base32.encode(told + tag(told)[:_TAG_BYTES])


def split(id: str) -> tuple[bytes, bytes] | None:
    """Return what an id says and its tag, which is yet to be compared; None for what is no id."""
    if not is_click_id(id):
        return None
    try:
        raw = base32.decode(id.removeprefix(_PREFIX))
    except ValueError:
        return None
    return raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]


def read(told: bytes) -> Click:
    """Read what an id says, once its tag was found to be ours."""
    code, source, campaign = told[_TIME_BYTES + NOISE_BYTES :].decode().split(" ")
    return Click(code, int.from_bytes(told[:_TIME_BYTES]) * SECOND_MS, ReferralSource(source), campaign)
