"""What DynamoDB may answer besides success, most of which DynamoDB Local never does: each means one thing."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from refledger.store.attributes import pack
from refledger.store.table import Table
from refledger.store.transaction import ConditionFailed, RetryableConflict, delete, put, update

WRITES = (
    put("first is new", {"pk": "a", "sk": "A"}),
    put("second is new", {"pk": "b", "sk": "A"}),
    put("third is new", {"pk": "c", "sk": "A"}),
)
PASSING = [
    "TransactionConflictException", "TransactionInProgressException", "ThrottlingException",
    "ProvisionedThroughputExceededException", "RequestLimitExceeded", "ReplicatedWriteConflictException",
]  # fmt: skip
FAULTS = [
    "ValidationException",
    "AccessDeniedException",
    "ResourceNotFoundException",
    "ItemCollectionSizeLimitExceeded",
]


class Refusing:
    """A client whose every write fails in one way."""

    def __init__(self, code: str, **more: Any) -> None:
        self._answer = {"Error": {"Code": code, "Message": "told"}, **more}

    def __getattr__(self, name: str) -> Any:
        def call(**_: Any) -> None:
            raise ClientError(self._answer, name)

        return call


def cancelled(*reasons: str) -> Table:
    """A table whose transactions are cancelled for these reasons, in the order of the writes."""
    there = {"ConditionalCheckFailed": {"Item": pack({"pk": "there", "n": 1})}}
    told = [{"Code": code, **there.get(code, {})} for code in reasons]
    return Table(Refusing("TransactionCanceledException", CancellationReasons=told), "t")


def refusal(table: Table) -> BaseException:
    """What a commit of the three writes raises."""
    with pytest.raises((RetryableConflict, ClientError)) as raised:
        table.commit(*WRITES)
    refused: BaseException = raised.value
    return refused


def test_a_conflict_is_tried_again_and_nobody_moved() -> None:
    """Another transaction was there: RetryableConflict, which blames no condition."""
    error = refusal(cancelled("None", "TransactionConflict", "None"))
    assert type(error) is RetryableConflict


def test_a_conflict_beside_a_failed_condition_names_only_the_condition() -> None:
    """What is known is told. The write in conflict is not said to have failed its own condition."""
    error = refusal(cancelled("TransactionConflict", "None", "ConditionalCheckFailed"))
    assert isinstance(error, ConditionFailed)
    assert error.items == {"third is new": {"pk": "there", "n": 1}}


@pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict"])
def test_reasons_that_pass_are_tried_again(code: str) -> None:
    """Throttled is not refused."""
    assert type(refusal(cancelled(code, "None", "None"))) is RetryableConflict
    assert type(refusal(cancelled(code, "TransactionConflict", code))) is RetryableConflict


@pytest.mark.parametrize("code", ["ValidationError", "ItemCollectionSizeLimitExceeded", "AccessDenied"])
def test_a_fault_among_the_reasons_is_never_taken_for_a_refusal(code: str) -> None:
    """A request that can never succeed is an error as it is, even beside a failed condition."""
    for others in (("None", "None"), ("ConditionalCheckFailed", "None"), ("TransactionConflict", "None")):
        error = refusal(cancelled(*others, code))
        assert isinstance(error, ClientError)
        assert error.response["Error"]["Code"] == "TransactionCanceledException"


@pytest.mark.parametrize("code", PASSING)
def test_calls_that_pass_by_themselves_are_tried_again(code: str) -> None:
    """A transaction, a single write of each kind and an update: all of them RetryableConflict."""
    table = Table(Refusing(code), "t")
    assert type(refusal(table)) is RetryableConflict
    singles = [
        WRITES[0],
        update("a", {"pk": "a", "sk": "A"}, "SET #n = :n", n=1),
        delete("a", {"pk": "a"}, "#n = :n", n=1),
    ]
    for write in singles:
        with pytest.raises(RetryableConflict) as raised:
            table.commit(write)
        assert type(raised.value) is RetryableConflict
    with pytest.raises(RetryableConflict):
        table.update(singles[1])


@pytest.mark.parametrize("code", FAULTS)
def test_faults_are_raised_as_they_are(code: str) -> None:
    """Nothing hides a missing permission, a missing table or a malformed request."""
    table = Table(Refusing(code), "t")
    assert isinstance(refusal(table), ClientError)
    with pytest.raises(ClientError, match=code):
        table.commit(WRITES[0])
    with pytest.raises(ClientError, match=code):
        table.update(update("a", {"pk": "a", "sk": "A"}, "SET #n = :n", n=1))


class Forgetful:
    """BatchGetItem that answers at most `at_once` keys a call, and the first `silent` calls none."""

    def __init__(self, at_once: int, silent: int = 0) -> None:
        self.at_once, self.silent, self.asked = at_once, silent, list[int]()

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        wanted = RequestItems["t"]
        self.asked.append(len(wanted["Keys"]))
        assert wanted["ConsistentRead"] is True, "what was not read must be asked for as strongly as before"
        cut = 0 if len(self.asked) <= self.silent else self.at_once
        now, later = wanted["Keys"][:cut], wanted["Keys"][cut:]
        left = {"UnprocessedKeys": {"t": {**wanted, "Keys": later}}} if later else {"UnprocessedKeys": {}}
        return {"Responses": {"t": now} if now else {}, **left}


def test_keys_left_over_are_asked_for_again() -> None:
    """An answer with UnprocessedKeys is only a part: the rest is fetched, in the order of the question."""
    client = Forgetful(at_once=4, silent=1)
    asked = [{"pk": "p", "sk": str(n)} for n in range(10)]
    assert Table(client, "t").get_many(asked) == asked
    assert client.asked == [10, 10, 6, 2]


def test_what_could_not_be_read_is_not_absent() -> None:
    """When keys stay unread however often they are asked for, the whole read is to be tried again."""
    client = Forgetful(at_once=0)
    with pytest.raises(RetryableConflict):
        Table(client, "t").get_many([{"pk": "p", "sk": "A"}])
    assert 2 <= len(client.asked) <= 20
