"""Writes tests/shapes/NAME.json: every item that the code leaves behind when its own story is told.

`python scripts/shapes.py NAME COMMIT`: told by a commit's own code; `python scripts/shapes.py next`: by what is here.
The story of tests/template/test_policies_suffice.py calls every route and function once. A release gets a file
that is never changed again; `next` is what has no release yet, and is written anew for a new kind of item
(tests/store/test_shapes.py, docs/decisions/0074-items-outlive-code.md).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT_SECONDS = 600
# Said in the words that all commits have: what it imports is that commit's
TELL = """
import base64, importlib, json, sys
import pytest
from refledger.domain import uplines
from refledger.store import statistics
from tests.support import dynamodb
from tests.template.story import HASH_KEY, TABLE, Story, tell

def part(name, former, function):
    try:
        module = importlib.import_module(f"tests.template.scenario_{name}")
    except ModuleNotFoundError:
        module = importlib.import_module(f"tests.template.{former}")
    return getattr(module, function)

parts = (
    ("corrections", "corrections", "correct"), ("jobs", "jobs", "export_and_import"), ("referrals", "refer", "refer"),
    ("leads", "hear", "hear"), ("review", "review", "review"),
)
with dynamodb.running() as endpoint, pytest.MonkeyPatch.context() as monkeypatch:
    for name, value in (("FOLDED_FROM", 1), ("FEW_PARTS", 0), ("LOOKED_AT_EACH", 1)):  # a closed day is folded at once
        monkeypatch.setattr(statistics, name, value, raising=False)
    monkeypatch.setattr(uplines, "SPARE", 0, raising=False)  # a list is full with the first that it counts
    story = Story(dynamodb.new_database(endpoint), monkeypatch)
    for tells in (tell, *(part(*each) for each in parts)):
        tells(story)
    pages = story.client.get_paginator("scan").paginate(TableName=TABLE)
    items = [item for page in pages for item in page["Items"]]
    items.sort(key=lambda each: (each["pk"]["S"], each["sk"]["S"]))
    plain = lambda value: {"base64": base64.b64encode(value).decode()}
    told = {"hashKey": HASH_KEY, "accountsKey": base64.b64encode(story.kms.key).decode(), "atMs": story.clock.at_ms}
    print(json.dumps({**told, "items": items}, default=plain))
"""


def tell(folder: Path) -> dict[str, object]:
    """What the story of the code in a folder leaves in its table. Raises subprocess.CalledProcessError."""
    paths = os.pathsep.join(str(folder / part) for part in (".", "local", "layers/core/python"))
    jar = os.environ.get("DYNAMODB_LOCAL_DIR", str(ROOT / ".local" / "dynamodb-local"))
    told = subprocess.run(
        [sys.executable, "-c", TELL], cwd=folder, check=True, stdout=subprocess.PIPE, timeout=LIMIT_SECONDS,
        env={**os.environ, "PYTHONPATH": paths, "DYNAMODB_LOCAL_DIR": jar},
    ).stdout  # fmt: skip
    found: dict[str, object] = json.loads(told.splitlines()[-1])  # functions log to the same place
    return found


def of_commit(commit: str) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(["git", "-C", ROOT, "archive", commit], check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", folder], input=packed, check=True)
        return tell(Path(folder))


def main() -> int:
    name, commit = sys.argv[1], (*sys.argv[2:], "")[0]
    target = ROOT / "tests" / "shapes" / f"{name}.json"
    if target.exists() and name != "next":
        print(f"{target.relative_to(ROOT)} is there, and what a release has left is never changed", file=sys.stderr)
        return 1
    told = {"of": commit or name, **(of_commit(commit) if commit else tell(ROOT))}
    items = told.pop("items")
    assert isinstance(items, list)
    head = json.dumps(told)[:-1]
    lines = ",\n".join(json.dumps(item, sort_keys=True, separators=(",", ":")) for item in items)
    target.parent.mkdir(exist_ok=True)
    target.write_text(f'{head}, "items": [\n{lines}\n]}}\n', encoding="utf-8")
    print(f"{target.relative_to(ROOT)}: {len(items)} items")
    return 0


if __name__ == "__main__":
    sys.exit(main())
