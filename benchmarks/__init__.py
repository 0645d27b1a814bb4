"""Measures what the design promises: capacity per operation, and cold starts. `make bench` prints the tables."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAYER = ROOT / "layers" / "core" / "python"
if str(LAYER) not in sys.path:  # the layer is not installed
    sys.path.insert(0, str(LAYER))
