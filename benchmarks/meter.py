"""A DynamoDB client that adds up what the calls through it consume.

Why not simply what DynamoDB Local reports: for a transaction it is wrong (ten puts of 1 KB are 4 units). So each action
of a write that succeeded is repeated alone on a second table of the same shape, whose report is right; a transaction
costs twice the table's units and once the indexes', as the service charges. Reads are reported right, but for items
that are not there: those cost as much as a small one.

What a refused write costs is not in the sums: its conditions are counted (`refused`), its units are not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from benchmarks.sizes import item_bytes
from refledger.store.keys import kind_of

STRONG_UNITS, EVENTUAL_UNITS = Decimal(1), Decimal("0.5")  # of up to 4 KB
UNIT_BYTES = 1024
Call = dict[str, Any]


@dataclass
class Used:
    """Capacity in units; `writes` counts transactions and single writes alike."""

    reads: int = 0
    writes: int = 0
    refused: int = 0
    wru: Decimal = Decimal(0)
    rru: Decimal = Decimal(0)
    written: dict[tuple[str, str], Decimal] = field(default_factory=dict)  # WRU by who wrote and what

    def write(self, by: str, what: str, units: Decimal) -> None:
        self.wru += units
        self.written[by, what] = self.written.get((by, what), Decimal(0)) + units


@dataclass
class Meter:
    """Takes the place of a client; all writes to the table must go through it, or the mirror is none."""

    client: Any
    mirror: str  # the second table's name
    used: Used = field(default_factory=Used)
    by: str = ""  # who is at work
    largest: dict[str, int] = field(default_factory=dict)  # bytes of the largest item in a transaction, by kind

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    # ---------------------------------------------------------------- reads

    def get_item(self, **call: Any) -> Call:
        answer = self._read(self.client.get_item, call)
        units = answer["ConsumedCapacity"]["CapacityUnits"]
        self.used.rru += max(Decimal(str(units)), _least(call["ConsistentRead"]))
        return answer

    def query(self, **call: Any) -> Call:
        answer = self._read(self.client.query, call)
        units = answer["ConsumedCapacity"]["CapacityUnits"]
        self.used.rru += max(Decimal(str(units)), _least(call.get("ConsistentRead", False)))
        return answer

    def batch_get_item(self, **call: Any) -> Call:
        answer = self._read(self.client.batch_get_item, call)
        self.used.rru += sum(Decimal(str(c["CapacityUnits"])) for c in answer.get("ConsumedCapacity", ()))
        for table, asked in call["RequestItems"].items():
            missing = len(asked["Keys"]) - len(answer["Responses"].get(table, ()))
            self.used.rru += missing * _least(asked["ConsistentRead"])
        return answer

    def _read(self, method: Callable[..., Call], call: Call) -> Call:
        self.used.reads += 1
        return method(**call, ReturnConsumedCapacity="TOTAL")

    # ---------------------------------------------------------------- writes

    def put_item(self, **call: Any) -> Call:
        return self._write(self.client.put_item, call, [("Put", call)])

    def update_item(self, **call: Any) -> Call:
        return self._write(self.client.update_item, call, [("Update", call)])

    def delete_item(self, **call: Any) -> Call:
        return self._write(self.client.delete_item, call, [("Delete", call)])

    def transact_write_items(self, **call: Any) -> Call:
        actions = [next(iter(action.items())) for action in call["TransactItems"]]
        return self._write(self.client.transact_write_items, call, actions)

    def _write(self, method: Callable[..., Call], call: Call, actions: list[tuple[str, Call]]) -> Call:
        try:
            answer = method(**call)
        except ClientError:
            self.used.refused += 1
            raise
        self.used.writes += 1
        transaction = "TransactItems" in call
        for kind, action in actions:
            table_units, index_units = self._alone(kind, action)
            table_units *= 2 if transaction else 1
            what = _what(kind, action)
            self.used.write(self.by, what, table_units)
            if index_units:
                self.used.write(self.by, f"{what}, in indexes", index_units)
            if transaction and kind in ("Put", "Update"):
                self._weigh(action)
        return answer

    def _alone(self, kind: str, action: Call) -> tuple[Decimal, Decimal]:
        """What one action takes of the table, and of the indexes."""
        if kind == "ConditionCheck":  # charged like a write of the item that it looks at
            return Decimal(-(-max(1, item_bytes(self._mirrored(action["Key"]))) // UNIT_BYTES)), Decimal(0)
        change = action.get("UpdateExpression", "")
        call: Call = {name: action[name] for name in ("Item", "Key", "UpdateExpression") if name in action}
        for names in ("ExpressionAttributeNames", "ExpressionAttributeValues"):  # without the condition's
            if used := {k: v for k, v in action.get(names, {}).items() if re.search(rf"{k}\b", change)}:
                call[names] = used
        method = {"Put": "put_item", "Update": "update_item", "Delete": "delete_item"}[kind]
        answer = getattr(self.client, method)(TableName=self.mirror, ReturnConsumedCapacity="INDEXES", **call)
        consumed = answer["ConsumedCapacity"]
        indexes = consumed.get("GlobalSecondaryIndexes", {}).values()
        return Decimal(str(consumed["Table"]["CapacityUnits"])), sum(
            (Decimal(str(index["CapacityUnits"])) for index in indexes), Decimal(0)
        )

    def _weigh(self, action: Call) -> None:
        item = action["Item"] if "Item" in action else self._mirrored(action["Key"])
        name = _kind(item["pk"]["S"], item["sk"]["S"])
        self.largest[name] = max(self.largest.get(name, 0), item_bytes(item))

    def _mirrored(self, key: dict[str, Any]) -> dict[str, Any]:
        """The item as the last write left it, read past the meter."""
        answer = self.client.get_item(TableName=self.mirror, Key=key, ConsistentRead=True)
        found: dict[str, Any] = answer.get("Item", {})
        return found


def _least(strong: bool) -> Decimal:
    return STRONG_UNITS if strong else EVENTUAL_UNITS


def _what(action: str, call: Call) -> str:
    """What a write is of; roll-ups by what they are kept of, and what a fold makes of them."""
    key = call["Item"] if "Item" in call else call["Key"]
    pk, sk = key["pk"]["S"], key["sk"]["S"]
    what = _kind(pk, sk)
    if what == "roll-up":
        of = pk.split("#")[1]
        folded = action == "Delete" or sk == "TOTALS" or sk.count("#") == 1
        what = f"roll-up {of}{', folded' if folded else ''}"
    return f"{what}, looked at" if action == "ConditionCheck" else what


def _kind(pk: str, sk: str) -> str:
    """What an item is, in the words of the design."""
    kind = kind_of({"pk": pk, "sk": sk})
    if kind == "PARTNER":
        found = {
            "ROOT": "partner", "BALANCE": "balance", "CODE": "code", "METHOD": "payout method",
            "METHODS": "payout method", "NOTE": "note on a partner",
        }  # fmt: skip
        return found.get(sk.partition("#")[0], "maturity cursor")
    return {
        "PROGRAMS": "program", "CUSTOMER": "binding", "JOURNAL": "journal entry", "STATISTICS": "roll-up",
        "BATCH": "batch of transfers", "EXPOSURE": "sums of a day", "SEARCH": "search row",
        "ANSWER": "answer of a bulk call", "SYSTEM": "cursor of the schedule", "PERSON": "name of a person",
        "TOUCHED": "word of who changed",
    }.get(kind, kind.lower())  # fmt: skip
