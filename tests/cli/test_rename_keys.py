"""`refledger rename-keys`: a table of before becomes one of today, whoever interrupts, repeats or writes meanwhile."""

from __future__ import annotations

import argparse
import base64
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from refledger import cli
from refledger.cli import migrate, rename_keys, restoring, target
from refledger.domain.times import SECOND_MS
from refledger.store import keys, stops
from refledger.store.attributes import pack
from refledger.store.keys import former
from refledger.store.table import Table
from tests.support import dynamodb, runbooks, streams
from tests.support.books import SECRET, Books
from tests.support.kms import Kms
from tests.support.recovery import Recoverable
from tests.template.deployed import resources

pytestmark = pytest.mark.dynamodb_local  # tables are made and altered
SHAPES = Path(__file__).parents[1] / "shapes"
BEFORE, NEW = "refledger-Table", "refledger-readable"
LONG_AGO_MS = 1_790_000_000_000
STOP = {
    **former.STOPPED, "since": LONG_AGO_MS, "by": "ann", "reason": "keys are renamed", "readers": [], "stamp": "s",
    "payouts": False,
}  # fmt: skip
Json = dict[str, Any]


def left(name: str = "6737556") -> tuple[Json, list[Json]]:
    """What the story of the last release of before has left."""
    told: Json = json.loads((SHAPES / f"{name}.json").read_text(encoding="utf-8"))
    items = told.pop("items")
    for item in items:
        for value in item.values():
            if "B" in value:
                value["B"] = base64.b64decode(value["B"]["base64"])
        item.pop("ttl", None)  # long over by now, and then DynamoDB may take it away at any moment
    return told, items


class Desk:
    """An operator, and a table of before that stands still."""

    def __init__(self, service: Recoverable, say: Callable[[], str]) -> None:
        self.service, self._say, self.pauses = service, say, 0

    def __call__(self, *words: str) -> tuple[int, list[str]]:
        """Exit status, and what was said."""
        parser = argparse.ArgumentParser()
        rename_keys.add_to(parser.add_subparsers())
        options = parser.parse_args(["rename-keys", "--into", NEW, *words, "--table", BEFORE])
        try:
            status = rename_keys.run(options, pause=lambda _: None)
        except target.Usage as refused:
            return 2, [str(refused)]
        return status, self._say().splitlines()

    def put(self, item: Json, table: str = BEFORE) -> None:
        self.service.put_item(TableName=table, Item=item)

    def items(self, table: str) -> dict[tuple[str, str], Json]:
        pages = self.service.get_paginator("scan").paginate(TableName=table)
        return {(item["pk"]["S"], item["sk"]["S"]): item for page in pages for item in page["Items"]}


@pytest.fixture
def desk(dynamodb_endpoint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    service = Recoverable(dynamodb.new_database(dynamodb_endpoint))
    names = ("l1", "l2"), ("w1", "w2")
    service.create_table(
        TableName=BEFORE, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk", *names[0], *names[1])
        ],
        KeySchema=schema("pk", "sk"),
        GlobalSecondaryIndexes=[
            {"IndexName": name, "KeySchema": schema(*pair),
             "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["rewards"]}}
            for name, pair in zip(("list", "work"), names, strict=True)
        ],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )  # fmt: skip
    made = Desk(service, lambda: capsys.readouterr().out)
    items = [*left()[1], pack(STOP)]
    for start in range(0, len(items), 25):
        puts = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
        assert not service.batch_write_item(RequestItems={BEFORE: puts})["UnprocessedItems"]
    monkeypatch.setattr(target, "aws", SimpleNamespace(patient_clients=lambda *_: lambda _: service))
    return made


def schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def wanted() -> dict[tuple[str, str], Json]:
    """All that was there, as it is today, without what counts the calls of a minute."""
    items = [item for item in [*left()[1], pack(STOP)] if not item["pk"]["S"].startswith("L#")]
    return {(item["pk"]["S"], item["sk"]["S"]): item for item in map(former.item_today, items)}


def without_mark(items: dict[tuple[str, str], Json]) -> dict[tuple[str, str], Json]:
    mark = keys.migration(f"KEYS-OF-{BEFORE}")
    return {key: item for key, item in items.items() if key != (mark["pk"], mark["sk"])}


def test_the_copy_has_all_of_it_and_what_a_table_in_use_has(desk: Desk) -> None:
    """Its stream begins after the last item that was copied, so that nothing is counted as new."""
    before = desk.items(BEFORE)
    status, said = desk()
    assert status == 0, said
    assert desk.items(BEFORE) == before, "it stays as it is"
    assert without_mark(desk.items(NEW)) == wanted()
    described = desk.service.describe_table(TableName=NEW)["Table"]
    assert described["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert described["DeletionProtectionEnabled"]
    assert list(streams.records(desk.service, NEW)) == []
    assert f"ExistingTable={NEW} ExistingTableStreamArn={described['LatestStreamArn']}" in "\n".join(said)
    assert any(line.startswith("verify: 0 faults in ") for line in said)


def test_the_runbook_prints_what_is_said(desk: Desk) -> None:
    """The step of docs/operations.md, given as it is printed."""
    (printed,) = runbooks.steps("operations.md", "A table with keys of before")
    assert printed.words == ("rename-keys", "--into", NEW)
    done = runbooks.Step(printed.words, tuple(desk()[1]))
    assert runbooks.shape(done) == runbooks.shape(printed), runbooks.transcript([done])


@pytest.mark.parametrize("words", [["verify"], ["stop", "--reason", "x"], ["migrate", "--status"], ["status"]])
def test_no_other_command_takes_a_table_of_before(desk: Desk, words: list[str]) -> None:
    """It would find nothing wrong, for it would find nothing; and stop nobody."""
    before = desk.items(BEFORE)
    assert cli.main([*words, "--table", BEFORE]) == 2
    assert desk.items(BEFORE) == before


def test_the_table_is_made_as_the_template_has_it(desk: Desk) -> None:
    """Keys and indexes are the template's, to the letter."""
    assert desk()[0] == 0
    described = desk.service.describe_table(TableName=NEW)["Table"]
    declared = resources()["Table"]["Properties"]
    named = ("IndexName", "KeySchema", "Projection")
    assert described["KeySchema"] == declared["KeySchema"]
    assert {each["IndexName"]: {n: each[n] for n in named} for each in described["GlobalSecondaryIndexes"]} == {
        each["IndexName"]: {n: each[n] for n in named} for each in declared["GlobalSecondaryIndexes"]
    }
    types = [{tuple(sorted(each.items())) for each in of["AttributeDefinitions"]} for of in (described, declared)]
    assert types[0] == types[1]


def test_the_copy_goes_on_as_if_nothing_had_been(desk: Desk) -> None:
    """It is stopped as the table of before was; let go, a customer pays and their partner earns."""
    assert desk()[0] == 0
    told, _ = left()
    books = Books(desk.service, NEW, kms=Kms(key=base64.b64decode(told["accountsKey"])))
    assert told["hashKey"] == SECRET
    books.clock.at_ms = told["atMs"]
    stop = stops.read(books.table)
    assert stop
    assert (stop.since_ms, stop.by) == (LONG_AGO_MS, "ann")
    books.table.commit(stops.end(stop))
    assert books.faults() == []
    assert books.pay("carol", "after the renaming", 10_000)
    assert books.faults() == []


def test_given_again_it_does_nothing_and_says_the_same(desk: Desk) -> None:
    _, said = desk()
    copied = desk.items(NEW)
    again = desk()
    assert again == (0, said[-len(again[1]) :])
    assert desk.items(NEW) == copied


class Dies(Exception):
    """The laptop is closed."""


@pytest.mark.parametrize("done", [False, True], ids=["before it", "after it"])
@pytest.mark.parametrize(
    ("call", "at"),
    [("create_table", 1), ("put_item", 1), ("batch_write_item", 1), ("batch_write_item", 20), ("put_item", 2),
     ("update_table", 1), ("update_time_to_live", 1), ("update_continuous_backups", 1), ("update_table", 2)],
)  # fmt: skip
def test_whoever_dies_in_the_middle_is_gone_on_with(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, call: str, at: int, done: bool
) -> None:
    """Before any call that changes something, or after it: the command given again ends as if nothing had been."""
    calls, real = 0, getattr(desk.service, call)

    def dying(**given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls != at:
            return real(**given)
        if done:
            real(**given)
        raise Dies

    with monkeypatch.context() as patched:
        patched.setattr(desk.service, call, dying, raising=False)
        with pytest.raises(Dies):
            desk()
    status, said = desk()
    assert status == 0, said
    assert without_mark(desk.items(NEW)) == wanted()
    assert list(streams.records(desk.service, NEW)) == []


@pytest.mark.parametrize(
    "stop",
    [None, {**STOP, "payouts": True}, {**STOP, "since": 9_000_000_000_000}],
    ids=["not stopped", "bookings go on", "what had begun is at work"],
)
def test_a_deployment_at_work_is_refused(desk: Desk, stop: Json | None) -> None:
    """Nothing is made, and it says by which command all is stopped."""
    desk.service.delete_item(TableName=BEFORE, Key=pack(dict(former.STOPPED)))
    if stop:
        desk.put(pack(stop))
    status, said = desk()
    assert (status, "bin/refledger stop --wait" in said[0]) == (2, True)
    with pytest.raises(ClientError):
        desk.service.describe_table(TableName=NEW)


def test_what_somebody_writes_meanwhile_is_copied_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader of the stream that ends what it has begun: the pass after finds it. Whoever never ends is told of."""
    item = next(item for item in left()[1] if item["pk"]["S"].startswith("S#P#"))
    changes = iter(range(100))
    read = migrate.raw_items

    def changing(times: int) -> Callable[[Table], Any]:
        def raw_items(table: Table) -> Any:
            if table.name == BEFORE and (number := next(changes)) < times:
                desk.put({**item, "n": {"N": str(1_000 + number)}})
            return read(table)

        return raw_items

    monkeypatch.setattr(rename_keys, "raw_items", changing(99))
    status, said = desk()
    assert (status, "goes on changing" in said[-1]) == (1, True)
    monkeypatch.setattr(rename_keys, "raw_items", changing(7))
    status, said = desk()
    assert status == 0, said
    today = former.item_today(item)
    found = desk.items(NEW)[today["pk"]["S"], today["sk"]["S"]]
    assert found["n"] == desk.items(BEFORE)[item["pk"]["S"], item["sk"]["S"]]["n"] == {"N": "1006"}


def test_what_was_taken_away_meanwhile_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Days that were folded would count twice: that copy is none."""
    gone = next(item for item in left()[1] if item["pk"]["S"].startswith("S#P#"))
    read, passes = migrate.raw_items, iter(range(100))

    def raw_items(table: Table) -> Any:
        if table.name == BEFORE and next(passes) == 1:
            desk.service.delete_item(TableName=BEFORE, Key={name: gone[name] for name in ("pk", "sk")})
        return read(table)

    monkeypatch.setattr(rename_keys, "raw_items", raw_items)
    status, said = desk()
    assert (status, "has 1 items that are not in" in said[-1]) == (1, True)


def test_another_tables_content_is_left_alone(desk: Desk) -> None:
    """Whatever is in it, and also where it tells of what is written to it."""
    desk.service.create_table(TableName=NEW, **{
        name: value for name, value in dynamodb.table_properties().items() if name != "StreamSpecification"
    })  # fmt: skip
    theirs = pack({**keys.program("default"), "name": "theirs"})
    desk.put(theirs, NEW)
    status, said = desk()
    assert (status, "has something in it that is not of" in said[0]) == (2, True)
    assert list(desk.items(NEW).values()) == [theirs]


def test_a_table_that_tells_of_what_is_written_is_refused(desk: Desk) -> None:
    """All that is copied would be counted and audited once more."""
    desk.service.create_table(TableName=NEW, **dynamodb.table_properties())
    status, said = desk()
    assert (status, "has something in it" in said[0]) == (2, True)
    assert desk.items(NEW) == {}


def test_an_item_that_nobody_knows_stops_it(desk: Desk) -> None:
    """Nothing is left behind in silence."""
    desk.put(pack({"pk": "Z#1", "sk": "A"}))
    with pytest.raises(former.UnknownKey, match="Z#1 / A"):
        desk()


def test_who_was_let_go_on_has_no_copy(desk: Desk) -> None:
    """What was booked since would be lost: the line for the deployment is not said again."""
    assert desk()[0] == 0
    desk.service.delete_item(TableName=BEFORE, Key=pack(dict(former.STOPPED)))
    assert desk()[0] == 1
    desk.put(pack({**STOP, "since": 9_000_000_000_000}))
    status, said = desk()
    assert (status, "was let go on after" in said[0]) == (1, True)


def test_who_let_only_bookings_go_on_has_no_copy(desk: Desk) -> None:
    """Since when it is stopped does not say so."""
    assert desk()[0] == 0
    desk.put(pack({**STOP, "payouts": True}))
    assert "was let go on after" in desk()[1][0]


def test_who_was_let_go_on_while_it_was_verified_is_copied_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped again since, and for long enough: what was booked in between is found by another pass."""
    verify, changed = restoring.tell_faults, next(item for item in left()[1] if item["pk"]["S"].startswith("R#"))

    def verifying(context: Any) -> int:
        desk.put(pack({**STOP, "since": LONG_AGO_MS + 1}))
        desk.put({**changed, "note": {"S": "meanwhile"}})
        return verify(context)

    monkeypatch.setattr(rename_keys, "tell_faults", verifying)
    status, said = desk()
    assert (status, "was let go on meanwhile" in said[-1]) == (1, True)
    monkeypatch.setattr(rename_keys, "tell_faults", verify)
    assert desk()[0] == 0
    today = former.item_today(changed)
    assert desk.items(NEW)[today["pk"]["S"], today["sk"]["S"]]["note"] == {"S": "meanwhile"}


def test_a_table_of_today_is_refused(desk: Desk) -> None:
    """There is nothing to rename in it."""
    assert desk()[0] == 0
    desk.service.delete_item(TableName=BEFORE, Key=pack(dict(former.STOPPED)))
    parser = argparse.ArgumentParser()
    rename_keys.add_to(parser.add_subparsers())
    with pytest.raises(target.Usage, match="nothing under keys of before"):
        rename_keys.run(parser.parse_args(["rename-keys", "--into", "a-third", "--table", NEW]))


def test_faults_of_before_stop_it_unless_somebody_says_so(desk: Desk) -> None:
    """They are in the copy as they were, and told."""
    balance = next(item for item in left()[1] if item["sk"]["S"].startswith("B#"))
    desk.put({**balance, "available": {"N": "123456"}})
    status, said = desk()
    assert status == 1
    assert any(line.startswith("FAULT") for line in said)
    assert "LatestStreamArn" not in desk.service.describe_table(TableName=NEW)["Table"], "no stack can be given it"
    assert desk("--anyway")[0] == 0


def test_what_has_run_out_and_what_counts_a_minute_is_left_behind(desk: Desk) -> None:
    """DynamoDB takes it away sooner or later, from the one or from the other."""
    desk.put(pack({"pk": "H#old", "sk": "A", "ttl": LONG_AGO_MS // SECOND_MS}))
    assert desk()[0] == 0
    assert without_mark(desk.items(NEW)) == wanted()
