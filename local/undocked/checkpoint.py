"""Where a stream poller stands, on disk: the last record done, and the open tumbling window."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from undocked.data_dir import write_whole

END = "END"  # stands for a sequence number: the shard was read to its end


@dataclass
class Position:
    """How far one shard is done.

    `window_start`: seconds since 1970 of the open window, None when none is open.
    """

    number: str | None = None
    window_start: int | None = None
    state: dict[str, Any] = field(default_factory=dict)


class Checkpoint:
    """Positions by shard. Written whole, then renamed: a crash leaves the old file or the new one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self._positions = {shard: Position(**position) for shard, position in kept.items()}

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever done."""
        return not self._positions

    def position(self, shard: str) -> Position:
        """Where a shard stands; to be changed in place and saved."""
        return self._positions.setdefault(shard, Position())

    def ended(self) -> set[str]:
        """The shards read to their end."""
        return {shard for shard, position in self._positions.items() if position.number == END}

    def save(self) -> None:
        """Write all positions."""
        positions = {shard: asdict(each) for shard, each in self._positions.items()}
        write_whole(self._path, json.dumps(positions).encode())
