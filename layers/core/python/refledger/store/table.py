"""The table as plain dicts: reads, pages, and commits that say by name what was refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError

from refledger.store.attributes import pack, unpack
from refledger.store.audit_actor import signed
from refledger.store.keys import HIGHEST, INDEX_KEYS, LOWEST, Key
from refledger.store.transaction import ConditionFailed, Item, RetryableConflict, Write

BATCH_LIMIT = 100  # keys in a BatchGetItem, actions in a transaction

# Codes after which nothing was written and the same may be tried again. Anything else is a fault, and is raised.
_PASSING = {
    "TransactionConflict", "TransactionConflictException", "TransactionInProgressException", "ThrottlingError",
    "ThrottlingException", "ProvisionedThroughputExceeded", "ProvisionedThroughputExceededException",
    "RequestLimitExceeded", "ReplicatedWriteConflictException",
}  # fmt: skip


class Table:
    """One table behind one client."""

    def __init__(self, client: Any, name: str) -> None:
        self.client, self.name = client, name

    def get(self, key: Key, *, strong: bool = True) -> Item | None:
        answer = self._call("get_item", Key=pack(dict(key)), ConsistentRead=strong)
        return unpack(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Sequence[Key], *, strong: bool = True, only: Sequence[str] = ()) -> list[Item | None]:
        """Read many items, in the order of the keys, None where there is none: a call for each 100 of them.

        `keys`: different ones. `only`: attributes that are enough; it is the same to the table, and less to read here.
        Raises RetryableConflict where the table does not answer for all.
        """
        found: dict[tuple[str, str], Item] = {}
        for start in range(0, len(keys), BATCH_LIMIT):
            batch = [pack(dict(key)) for key in keys[start : start + BATCH_LIMIT]]
            found |= self._get_batch({"Keys": batch, "ConsistentRead": strong, **_projection(only)})
        return [found.get((key["pk"], key["sk"])) for key in keys]

    def _get_batch(self, wanted: dict[str, Any]) -> dict[tuple[str, str], Item]:
        asked: dict[str, Any] = {self.name: wanted}
        found: dict[tuple[str, str], Item] = {}
        for _ in range(8):
            if not asked:
                break
            answer = _or_again(self.client.batch_get_item, RequestItems=asked)
            for item in map(unpack, answer["Responses"].get(self.name, [])):
                found[item["pk"], item["sk"]] = item
            asked = answer.get("UnprocessedKeys") or {}
        if asked:  # could not read is never the same as absent
            raise RetryableConflict("some keys could not be read")
        return found

    def query(
        self,
        partition: str,
        low: str = LOWEST,
        high: str = HIGHEST,
        *,
        index: str | None = None,
        page_size: int | None = None,
        newest_first: bool = False,
        strong: bool = True,
        only: Sequence[str] = (),
    ) -> Iterator[Item]:
        """Yield the items of one partition with `low` <= sort key <= `high`.

        They are fetched a page at a time as the caller goes on.

        `only`: see `get_many`.
        """
        if low > high:  # DynamoDB refuses what is nothing to us
            return
        pk, sk = INDEX_KEYS[index] if index else ("pk", "sk")
        request: dict[str, Any] = {
            "KeyConditionExpression": f"{pk} = :p AND {sk} BETWEEN :low AND :high",
            "ExpressionAttributeValues": pack({":p": partition, ":low": low, ":high": high}),
            "ScanIndexForward": not newest_first,
            **({"IndexName": index} if index else {"ConsistentRead": strong}),
            **({"Limit": page_size} if page_size else {}),
            **_projection(only),
        }
        while True:
            answer = self._call("query", **request)
            yield from map(unpack, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def commit(self, *writes: Write) -> None:
        """Write all of them or none.

        Raises ConditionFailed with the names of the refused ones, RetryableConflict where others were in the way.
        """
        if len(writes) == 1:
            self._write_one(writes[0])
            return
        actions = [{write.kind: self._action(write)} for write in writes]
        try:
            self.client.transact_write_items(TransactItems=actions)
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise _passing(error) from error
            reasons = error.response["CancellationReasons"]
            found = {
                write.name: unpack(reason.get("Item", {}))
                for write, reason in zip(writes, reasons, strict=True)
                if reason["Code"] == "ConditionalCheckFailed"
            }
            others = {reason["Code"] for reason in reasons} - {"None", "ConditionalCheckFailed"}
            if others - _PASSING:
                raise
            raise ConditionFailed(found) if found else RetryableConflict(", ".join(others)) from error

    def _write_one(self, write: Write) -> None:
        method = {"Put": "put_item", "Update": "update_item", "Delete": "delete_item"}[write.kind]
        try:
            getattr(self.client, method)(**self._action(write))
        except ClientError as error:
            raise _refusal(write, error) from error

    def update(self, write: Write) -> Item:
        """One update; returns the item as it was before ({} where there was none). Raises like `commit`."""
        try:
            answer = self.client.update_item(**self._action(write), ReturnValues="ALL_OLD")
        except ClientError as error:
            raise _refusal(write, error) from error
        return unpack(answer.get("Attributes", {}))

    def count(self, key: Key, amount: int, expires_at: int) -> int:
        """Add to the counter at `key` and return what it is now; `expires_at` in epoch seconds.

        Not idempotent.
        """
        answer = self._call(
            "update_item",
            Key=pack(dict(key)),
            UpdateExpression="SET #ttl = :ttl ADD #n :n",
            ExpressionAttributeNames={"#ttl": "ttl", "#n": "n"},
            ExpressionAttributeValues=pack({":ttl": expires_at, ":n": amount}),
            ReturnValues="UPDATED_NEW",
        )
        return counted(unpack(answer["Attributes"]))

    def _call(self, method: str, **request: Any) -> Any:
        return _or_again(getattr(self.client, method), TableName=self.name, **request)

    def _action(self, write: Write) -> dict[str, Any]:
        write = signed(write)
        action: dict[str, Any] = {
            "TableName": self.name, ("Item" if write.kind == "Put" else "Key"): pack(write.target),
        }  # fmt: skip
        if write.change:
            action["UpdateExpression"] = write.change
        if write.condition:
            action["ConditionExpression"] = write.condition
            action["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if names := write.names:
            action["ExpressionAttributeNames"] = names
        if write.values:
            action["ExpressionAttributeValues"] = pack({f":{name}": value for name, value in write.values.items()})
        return action


def place(key: Item) -> tuple[str, str]:
    """Return what tells the item from every other one."""
    return key["pk"], key["sk"]


def counted(counter: Item | None) -> int:
    """Return how far a counter is; 0 where there is none."""
    return int(counter["n"]) if counter else 0


def _projection(only: Sequence[str]) -> dict[str, Any]:
    names = {f"#{name}": name for name in ("pk", "sk", *only)} if only else {}
    return {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names} if names else {}


def _or_again(call: Callable[..., Any], **request: Any) -> Any:
    """The call's answer. Raises RetryableConflict for what passes by itself: a throttled read is nobody's fault."""
    try:
        return call(**request)
    except ClientError as error:
        raise _passing(error) from error


def _refusal(write: Write, error: ClientError) -> Exception:
    """What a refused single write means."""
    if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
        return ConditionFailed({write.name: unpack(error.response.get("Item", {}))})
    return _passing(error)


def _passing(error: ClientError) -> Exception:
    """RetryableConflict for what passes by itself, else the error as it is."""
    return RetryableConflict(error.response["Error"]["Code"]) if error.response["Error"]["Code"] in _PASSING else error
