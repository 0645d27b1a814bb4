"""One running stack of the sample project for all tests that do not stop or break it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from undocked.testing import Stack

SAMPLE = Path(__file__).parent / "sample" / "template.yaml"
CLOCK_SCALE = 0.01  # of the sample's state machine


@pytest.fixture(scope="session")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The sample project again, for tests that crash and restart it: what they put into it is theirs alone."""
    with Stack(SAMPLE, data=tmp_path_factory.mktemp("restarted")) as stack:
        yield stack


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The sample project, running."""
    with Stack(SAMPLE, data=tmp_path_factory.mktemp("shop"), clock_scale=CLOCK_SCALE) as stack:
        yield stack
