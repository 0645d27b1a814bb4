"""Pydantic is spared the search for plugins, and is the same without it."""

from __future__ import annotations

import subprocess
import sys

import refledger.entry
from benchmarks import LAYER

READ = """
import refledger.entry
from pydantic import BaseModel
class Read(BaseModel):
    number: int
assert Read.model_validate_json('{"number": 1}').number == 1
import sys
print(*sorted({"importlib.metadata", "email", "zipfile"} & set(sys.modules)))
"""


def test_models_are_made_without_looking_for_plugins() -> None:
    """What the search loads is not there after a model was made and used, in an interpreter that never saw it."""
    told = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {[str(LAYER), *sys.path]!r}\n{READ}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.split() == []


def test_a_search_that_was_made_before_is_left_alone() -> None:
    """Who has loaded Pydantic's own loader keeps it: tests, and a person's interpreter."""
    loader = sys.modules["pydantic.plugin._loader"]
    refledger.entry._no_plugins()
    assert sys.modules["pydantic.plugin._loader"] is loader
