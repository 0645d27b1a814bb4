"""Golden items: whatever a release has left in a table, today's code reads, follows, verifies and counts."""

from __future__ import annotations

import base64
import inspect
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from refledger.operations.context import Context
from refledger.operations.figures import rebuild
from refledger.operations.figures.projection import effects_in, project, subjects_of
from refledger.operations.proof import audit_projection
from refledger.store import (
    adjustments,
    api_keys,
    applications,
    audit,
    batches,
    bindings,
    codes,
    generations,
    invitations,
    jobs,
    keys,
    ledger,
    methods,
    partners,
    payments,
    programs,
    referrals,
    rewards,
    stream,
    withdrawals,
)
from refledger.store.attributes import unpack
from refledger.store.keys import former
from refledger.store.stream import Record
from tests.support import dynamodb, streams
from tests.support.books import SECRET, Books
from tests.support.kms import Kms

SHAPES = Path(__file__).parents[1] / "shapes"
FILES = sorted(path.stem for path in SHAPES.glob("*.json"))
FORMER_KEYS = {"78e5482", "6737556"}  # what was left before keys could be read
ANYTHING, NUMBER = "§" * 60, 7_000_000_000_007
READERS: dict[str, Callable[[Any], object]] = {
    "program": programs.from_item, "program_version": programs.from_item, "partner": partners.from_item,
    "method": methods.from_item, "partner_code": codes.from_item, "binding": bindings.from_item,
    "referral": referrals.from_item, "payment": payments.from_item, "refund": payments.refund_from,
    "dispute": payments.dispute_from, "reward": rewards.from_item, "withdrawal": withdrawals.from_item,
    "batch": batches.from_item, "adjustment": adjustments.from_item, "audit": audit.from_item,
    "statistics_generations": generations.from_item, "application": applications.from_item,
    "invitation": invitations.from_item, "api_key": api_keys.from_item, "job": jobs.from_item,
    "balance": lambda item: ledger.balance_from(item, keys.owner_of(item), keys.currency_of_balance(item)),
}  # fmt: skip
# Kinds that no story leaves behind, and why that is no gap
NEVER_LEFT = {
    "stopped": "whatever is left goes on: tests/operations/test_stopping.py reads one",
}
# Sums, of which an item has those that are not nothing; and how far a schedule has looked, each in its own words
COUNTED = {"statistics_day", "statistics_part", "statistics_totals", "cursor"}

Json = dict[str, Any]


@cache
def shape(name: str) -> Json:
    """What a release has left; keys of before as `refledger rename-keys` moves them on."""
    found: Json = json.loads((SHAPES / f"{name}.json").read_text(encoding="utf-8"))
    if name in FORMER_KEYS:
        found["items"] = list(map(former.item_today, found["items"]))
    for item in found["items"]:
        for value in item.values():
            if "B" in value:
                value["B"] = base64.b64decode(value["B"]["base64"])
    return found


@cache
def kinds() -> dict[str, tuple[re.Pattern[str], re.Pattern[str]]]:
    """By the name of the function of store/keys/ that makes its key: what partition and sort key look like."""
    found = {}
    for name, make in inspect.getmembers(keys, inspect.isfunction):
        if name.startswith("_") or inspect.signature(make).return_annotation != "Key":
            continue
        key = make(*map(_given, inspect.signature(make).parameters.values()))
        found[name] = (_pattern(key["pk"]), _pattern(key["sk"]))
    return found


def _given(parameter: inspect.Parameter) -> object:
    if parameter.annotation == "int":
        return NUMBER
    return f"STATISTICS#{ANYTHING}" if parameter.name == "dimension" else ANYTHING


def _pattern(made: str) -> re.Pattern[str]:
    """What was made of anything matches anything, what was made of a number matches digits, a day among them."""
    return re.compile(re.sub("§+", ".+", re.sub(r"\d{5,}", r"\\d+", re.escape(made))) + r"\Z")


def of_kind(items: list[Json], kind: str) -> list[Json]:
    partition, sort = kinds()[kind]
    return [item for item in items if partition.match(item["pk"]) and sort.match(item["sk"])]


def items_of(name: str) -> list[Json]:
    return [unpack(item) for item in shape(name)["items"]]


def as_told(item: Json, place: int, image: str) -> Json:
    """What the stream tells of an item that came, or one that went."""
    told = {name: {"B": "AAAA"} if "B" in value else value for name, value in item.items()}
    change = {"SequenceNumber": str(place), "ApproximateCreationDateTime": 1_790_000_000, image: told}
    return {"eventName": "INSERT", "dynamodb": change}


@pytest.fixture
def world(dynamodb_endpoint: str, request: pytest.FixtureRequest) -> Books:
    return table_of(request.param, dynamodb_endpoint)


def table_of(name: str, dynamodb_endpoint: str) -> Books:
    """A table with all that a release has left."""
    told = shape(name)
    books = Books(dynamodb.new_database(dynamodb_endpoint), kms=Kms(key=base64.b64decode(told["accountsKey"])))
    assert told["hashKey"] == SECRET
    books.clock.at_ms = told["atMs"]
    items = told["items"]
    for start in range(0, len(items), 25):
        puts = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
        assert not books.client.batch_write_item(RequestItems={books.table_name: puts})["UnprocessedItems"]
    return books


def test_there_is_something_to_hold_to() -> None:
    """The first items that were ever reviewed, and today's."""
    assert {"78e5482", "next"} <= set(FILES)


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_each_kind_of_item_has_a_golden_one(kind: str) -> None:
    """A new kind: tell of it in the story, then `python scripts/shapes.py next`, and add its reader above."""
    has = any(of_kind(items_of(name), kind) for name in FILES)
    assert has is (kind not in NEVER_LEFT), f"{kind}: {kinds()[kind]}"


@pytest.mark.parametrize("name", FILES)
def test_every_item_is_read(name: str) -> None:
    """By the function that reads its kind today, whatever attributes were not there then."""
    items = items_of(name)
    for kind, reader in READERS.items():
        for item in of_kind(items, kind):
            assert reader(item) is not None, kind


@pytest.mark.parametrize("name", [name for name in FILES if name != "next"])
@pytest.mark.parametrize("kind", sorted(kinds().keys() - COUNTED))
def test_code_of_an_earlier_release_finds_what_it_may_rely_on(name: str, kind: str) -> None:
    """For the minutes in which both are at work, and after a rollback: what each item of the kind had, each that is
    written today has, and of the same type. What is not needed any more is written on, until no such code is in use.
    """
    before, now = ([item for item in map(typed, shape(of)["items"]) if is_of(item, kind)] for of in (name, "next"))
    for attribute in set.intersection(*map(set, before)) if before else ():
        types = {item[attribute][1] for item in before}
        assert [item for item in now if item.get(attribute, ("", ""))[1] not in types] == [], attribute


def typed(item: Json) -> Json:
    """Each attribute with its value as it is in DynamoDB's JSON, and its type."""
    return {name: (value[type], type) for name, value in item.items() for type in value}


def is_of(item: Json, kind: str) -> bool:
    partition, sort = kinds()[kind]
    return bool(partition.match(item["pk"][0]) and sort.match(item["sk"][0]))


@pytest.mark.parametrize("name", FILES)
def test_the_stream_may_tell_of_every_item(name: str) -> None:
    """As new and as old image: what an old function wrote is told to the new one, for a day after an update."""
    for place, item in enumerate(shape(name)["items"]):
        for image in ("NewImage", "OldImage"):
            told = stream.record(as_told(item, place, image))
            audit_projection.entry_of(told)
            record = Record(str(place), told.at_ms, told.old, told.new)
            if subjects_of(record):  # figures are made of it
                list(effects_in(0, record))


@pytest.mark.parametrize("world", FILES, indirect=True)
def test_the_books_are_right_and_go_on(world: Books) -> None:
    """`verify` names nothing, whoever was referred pays and earns for it, and `verify` still names nothing."""
    before = world.faults()
    paid = world.pay("carol", "after the update", 10_000)
    assert before == []
    assert paid
    assert world.faults() == []


@pytest.mark.parametrize("world", FILES, indirect=True)
def test_figures_are_made_anew(world: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """`rebuild statistics` stamps all that is there, and the consumer counts all of it."""
    monkeypatch.setattr(rebuild, "AHEAD_MS", 0)
    monkeypatch.setattr(rebuild, "LATE_MS", 0)
    world.context = Context(world.table, world.ids, world.clock, pause=world.clock.forward)
    tail = streams.Tail(world.client)
    project(world.context, "shard-1", list(tail.new()))
    for _ in range(2):
        done = rebuild.rebuild(world.context, lambda: rebuild.everybody(world.context), 0, whole=True, afresh=False)
        project(world.context, "shard-1", list(tail.new()))
    assert (done.waiting, done.programs_waiting) == (0, 0)
    assert done.partners == len(list(rebuild.everybody(world.context)))
