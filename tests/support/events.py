"""The sample events and schemas under events/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from refledger.entry.events.body import parse_body

EVENTS = Path(__file__).parents[2] / "events"
EXAMPLES = EVENTS / "payments"
DAY_MS = 24 * 60 * 60 * 1000
NOW_MS = 1_793_620_800_000  # 2026-11-02T12:00:00Z


def load(name: str) -> dict[str, Any]:
    """The sample event of that name, as the queue's message would be read."""
    return parse_body((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / "schemas" / name).read_text(encoding="utf-8"))
    return found


def validator(name: str) -> Draft202012Validator:
    """What checks against the schema file of that name; they refer to each other."""
    registry: Registry[Any] = Registry().with_resources(
        (path.name, Resource.from_contents(schema(path.name))) for path in EVENTS.glob("schemas/*.json")
    )
    Draft202012Validator.check_schema(schema(name))
    return Draft202012Validator(schema(name), registry=registry)
