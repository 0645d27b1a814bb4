"""The client of our own against boto3's: the same requests, byte for byte, the same answers, errors and repeats.

A server of our own says everything that a service, or what stands before it, may say; DynamoDB Local and moto say what
they would. Where the two differ on purpose is at the end. CONFORMANCE_HISTORIES=500 tries more on DynamoDB Local.
"""

from __future__ import annotations

import base64
import json
import os
import random
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refledger.adapters import aws, aws_json
from tests.store.test_memory import Draw, outcome
from tests.support import dynamodb
from tests.support.http_answers import CLOSE, RESET, Received, Server, answer, serving

NOW_S = 1_796_000_000.4
TOKEN = "IQoJb3JpZ2luX2VjE/+=="
HISTORIES = int(os.environ.get("CONFORMANCE_HISTORIES", "6"))
STEPS = 60
UNIMPORTANT = ("user-agent", "amz-sdk-invocation-id", "amz-sdk-request")  # who asks, and which attempt it is
Wire = dict[str, Any]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    """Lambda's, with services where the server is."""
    for name in os.environ:
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG", "AWS_SESSION_TOKEN": TOKEN,
        "AWS_DEFAULT_REGION": "eu-central-1", "AWS_ENDPOINT_URL": f"http://{server.host}",
        "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was slept between attempts; nobody sleeps."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


@cache
def boto3s(service: str, endpoint: str) -> Any:
    """A client as `aws.py` makes it; one for all tests, for it takes 50 ms."""
    return aws.boto3_client(service)


@dataclass
class Two:
    """Both clients of one service."""

    service: str
    server: Server

    def __post_init__(self) -> None:
        self.theirs = boto3s(self.service, self.server.host)
        self.ours = own(self.service)

    def call(self, method: str, *answers: Any, **request: Any) -> tuple[Any, Any]:
        """What each of them makes of the answers: what it asked, and what came of it."""
        theirs, ours = (self.one(client, method, answers, request) for client in (self.theirs, self.ours))
        return theirs, ours

    def one(self, client: Any, method: str, answers: Any, request: Wire) -> Any:
        self.server.will(*answers)
        random.seed(7)
        result = told(partial(getattr(client, method), **request))
        return [shown(each) for each in self.server.received], result


def own(service: str) -> Any:
    made = aws_json.client(
        service, aws.Boto3Client(partial(aws.boto3_client, service)), boto3.Session().get_credentials
    )
    assert made is not None
    return made


def shown(received: Received) -> Any:
    headers = sorted((name, value) for name, value in received.headers.items() if name not in UNIMPORTANT)
    return received.line, headers, received.body


def told(call: Callable[[], Wire]) -> Any:
    """What came of a call, as whoever made it can see."""
    try:
        result = call()
    except ClientError as error:
        response = {name: value for name, value in error.response.items() if name.lower() != "message"}
        return type(error).__mro__[-4:], str(error), response
    except BotoCoreError as error:
        return type(error), error.kwargs.get("endpoint_url", "").rstrip("/")
    return result


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still, and what is random is not."""
    stand_still(monkeypatch, NOW_S)
    monkeypatch.setattr(os, "urandom", lambda count: bytes(range(count)))


def stand_still(monkeypatch: pytest.MonkeyPatch, moment_s: float) -> None:
    without_zone = datetime.fromtimestamp(int(moment_s), UTC).replace(tzinfo=None)
    monkeypatch.setattr(time, "time", lambda: moment_s)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: without_zone)


# Requests

texts = st.text(max_size=8) | st.sampled_from(["", "é", "\U0001f600", "\u2028", '"\\\n\x7f', "B", "a" * 3000])
numbers = st.integers(-(10**38) + 1, 10**38 - 1).map(str)
values = st.recursive(
    st.one_of(
        texts.map(lambda text: {"S": text}), numbers.map(lambda number: {"N": number}),
        st.binary(max_size=5).map(lambda data: {"B": data}), st.booleans().map(lambda flag: {"BOOL": flag}),
        st.just({"NULL": True}), st.lists(st.binary(max_size=3), min_size=1, max_size=2).map(lambda each: {"BS": each}),
        st.lists(texts, min_size=1, max_size=2).map(lambda each: {"SS": each}),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda each: {"L": each}),
        st.dictionaries(st.sampled_from(["B", "BS", "S", "é", "n"]), inner, max_size=3).map(lambda each: {"M": each}),
    ),
    max_leaves=6,
)  # fmt: skip
items = st.dictionaries(st.sampled_from(["pk", "sk", "B", "BS", "é"]), values, max_size=4)
update = st.fixed_dictionaries({
    "TableName": st.just("t"), "Key": items, "UpdateExpression": texts, "ExpressionAttributeValues": items,
})  # fmt: skip
put = st.fixed_dictionaries({"TableName": st.just("t"), "Item": items})
messages = st.fixed_dictionaries(
    {"QueueUrl": st.just("https://sqs.eu-central-1.amazonaws.com/0/queue.fifo"), "MessageBody": texts},
    optional={
        "MessageGroupId": texts,
        "MessageAttributes": st.dictionaries(
            st.sampled_from(["code", "reason"]), st.fixed_dictionaries({"DataType": texts, "StringValue": texts})
        ),
    },
)
REQUESTS: dict[tuple[str, str], Any] = {
    ("dynamodb", "get_item"): st.fixed_dictionaries(
        {"TableName": st.just("t"), "Key": items, "ConsistentRead": st.booleans()}
    ),
    ("dynamodb", "batch_get_item"): st.fixed_dictionaries(
        {
            "RequestItems": st.dictionaries(
                texts, st.fixed_dictionaries({"Keys": st.lists(items, max_size=3)}), max_size=2
            )
        }
    ),
    ("dynamodb", "query"): st.fixed_dictionaries(
        {"TableName": st.just("t"), "KeyConditionExpression": texts, "ScanIndexForward": st.booleans()},
        optional={"ExclusiveStartKey": items, "Limit": st.integers(1, 99), "ProjectionExpression": texts},
    ),
    ("dynamodb", "put_item"): put,
    ("dynamodb", "update_item"): update,
    ("dynamodb", "delete_item"): st.fixed_dictionaries({"TableName": st.just("t"), "Key": items}),
    ("dynamodb", "transact_write_items"): st.fixed_dictionaries(
        {"TransactItems": st.lists(st.one_of(put.map(lambda it: {"Put": it}), update.map(lambda it: {"Update": it})))},
        optional={"ClientRequestToken": texts},
    ),
    ("sqs", "send_message"): messages,
    ("sqs", "send_message_batch"): st.fixed_dictionaries(
        {"QueueUrl": texts, "Entries": st.lists(st.fixed_dictionaries({"Id": texts, "MessageBody": texts}), max_size=2)}
    ),
    ("stepfunctions", "start_execution"): st.fixed_dictionaries(
        {"stateMachineArn": texts, "name": texts, "input": texts}
    ),
    ("stepfunctions", "describe_execution"): st.fixed_dictionaries({"executionArn": texts}),
    ("stepfunctions", "send_task_success"): st.fixed_dictionaries({"taskToken": texts, "output": texts}),
    ("stepfunctions", "send_task_failure"): st.fixed_dictionaries({"taskToken": texts, "error": texts, "cause": texts}),
    ("secretsmanager", "get_secret_value"): st.fixed_dictionaries({"SecretId": texts}),
    ("events", "put_events"): st.fixed_dictionaries(
        {
            "Entries": st.lists(
                st.fixed_dictionaries({"Source": texts, "DetailType": texts, "Detail": texts}), max_size=2
            )
        }
    ),
    ("kms", "encrypt"): st.fixed_dictionaries(
        {"KeyId": texts, "Plaintext": st.binary(max_size=9), "EncryptionContext": st.dictionaries(texts, texts)}
    ),
    ("kms", "decrypt"): st.fixed_dictionaries({"KeyId": texts, "CiphertextBlob": st.binary(max_size=9)}),
}
few = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def test_every_operation_is_compared() -> None:
    """An operation that is added to the client is added here."""
    listed = {(service, method) for service, each in aws_json.SERVICES.items() for method in each.operations}
    assert set(REQUESTS) == listed


@pytest.mark.parametrize(("service", "method"), sorted(REQUESTS))
@few
@given(data=st.data())
def test_requests_are_the_same_bytes(
    service: str, method: str, frozen: None, server: Server, data: st.DataObject
) -> None:
    """Line, headers, signature and body, but for what says which library asks and how often it has."""
    theirs, ours = Two(service, server).call(method, answer(b"{}"), **data.draw(REQUESTS[service, method]))
    assert ours[0] == theirs[0]
    assert len(ours[0]) == 1


@pytest.mark.parametrize("trace", ["Root=1-5759e988-bd862e;Parent=53995c3f;Sampled=1", "ä\r\nx"])
def test_a_trace_goes_on(frozen: None, server: Server, monkeypatch: pytest.MonkeyPatch, trace: str) -> None:
    """In Lambda: X-Ray sees what follows, and Lambda finds loops; elsewhere nothing is said."""
    two = Two("sqs", server)
    monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
    theirs, ours = two.call("send_message", answer(b"{}"), QueueUrl="q", MessageBody="b")
    assert ours[0] == theirs[0]
    assert "x-amzn-trace-id" not in server.received[0].headers
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "payments")
    theirs, ours = two.call("send_message", answer(b"{}"), QueueUrl="q", MessageBody="b")
    assert ours[0] == theirs[0]
    assert "x-amzn-trace-id" in server.received[0].headers


@pytest.mark.parametrize("variables", [
    {}, {"AWS_SESSION_TOKEN": ""}, {"AWS_SESSION_TOKEN": "", "AWS_SECURITY_TOKEN": "old"},
    {"AWS_SECURITY_TOKEN": "both"}, {"AWS_ACCESS_KEY_ID": "another", "AWS_SECRET_ACCESS_KEY": "secret"},
])  # fmt: skip
def test_credentials_are_those_of_the_environment(
    variables: dict[str, str], frozen: None, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client signs with what is there when it is called, and forgets the key of the day before."""
    ours = own("dynamodb")
    server.will(answer(b"{}"))
    ours.get_item(TableName="t", Key={})
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # which keeps those of its first call
    theirs = aws.boto3_client("dynamodb")
    for moment_s in (NOW_S, NOW_S + 86_400, NOW_S):
        stand_still(monkeypatch, moment_s)
        seen = []
        for client in (theirs, ours):
            server.will(answer(b"{}"))
            client.get_item(TableName="t", Key={})
            seen.append(shown(server.received[0]))
        assert seen[0] == seen[1]


def test_credentials_from_elsewhere_are_boto3s(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """A person's profile, a container's role: found, and kept fresh, by boto3."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(BotoCoreError, match="Unable to locate credentials"):
        own("dynamodb").get_item(TableName="t", Key={})
    profile = tmp_path / "credentials"
    profile.write_text("[default]\naws_access_key_id = OFAPROFILE\naws_secret_access_key = s\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profile))
    server.will(answer(b"{}"))
    own("dynamodb").get_item(TableName="t", Key={})
    assert "Credential=OFAPROFILE/" in server.received[0].headers["authorization"]


# Answers


def wire(value: Any) -> Any:
    """What a service sends: bytes as base64."""
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case dict():
            return {name: wire(each) for name, each in value.items()}
        case list():
            return [wire(each) for each in value]
    return value


def sent(body: Any, status: str = "200 OK", **headers: str) -> bytes:
    data = json.dumps(wire(body)).encode()
    return answer(data, status, **{"x_amz_crc32": str(zlib.crc32(data)), "x_amzn_RequestId": "ID", **headers})


def chunked(body: Any) -> bytes:
    data = json.dumps(wire(body)).encode()
    pieces = [data[start : start + 7] for start in range(0, len(data), 7)]
    parts = b"".join(b"%x;extension=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    crc = str(zlib.crc32(data))
    return answer(parts + b"0\r\ntrailer: 1\r\n\r\n", transfer_encoding="chunked", content_length=None, x_amz_crc32=crc)


bodies = st.fixed_dictionaries(
    {}, optional={"Items": st.lists(items, max_size=4), "Count": st.integers(0, 9), "LastEvaluatedKey": items}
)


@few
@given(body=bodies, write=st.sampled_from([sent, chunked]))
def test_answers_are_read_alike(body: Wire, write: Callable[[Any], bytes], server: Server) -> None:
    """Bytes are bytes, and a map whose only member is called B is a map."""
    theirs, ours = Two("dynamodb", server).call("query", write(body), TableName="t")
    assert ours[1] == theirs[1]
    assert {name: ours[1][name] for name in body} == body


ANSWERS: list[tuple[str, str, Wire, Any]] = [
    ("dynamodb", "get_item", {"TableName": "t", "Key": {}}, {"Item": None}),
    ("dynamodb", "get_item", {"TableName": "t", "Key": {}}, {}),
    ("dynamodb", "batch_get_item", {"RequestItems": {}}, {"Responses": {"B": [], "BS": []}, "UnprocessedKeys": {}}),
    ("dynamodb", "query", {"TableName": "t"}, {"Items": [{"B": {"S": "x" * 400_000}}] * 3, "Count": 3}),
    ("stepfunctions", "start_execution", {}, {"executionArn": "arn", "startDate": 1_796_000_000.123}),
    ("stepfunctions", "describe_execution", {}, {"status": "RUNNING", "startDate": 1.5, "stopDate": None}),
    ("secretsmanager", "get_secret_value", {}, {"ARN": "a", "SecretBinary": b"\0\xff", "CreatedDate": 1}),
    ("kms", "encrypt", {}, {"CiphertextBlob": b"\0\xff", "KeyId": "k"}),
    ("kms", "decrypt", {}, {"Plaintext": b"text", "KeyId": "k"}),
    ("sqs", "send_message_batch", {}, {"Successful": [], "Failed": [{"Id": "1", "Code": "c", "SenderFault": True}]}),
    ("events", "put_events", {}, {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}),
]  # fmt: skip


@pytest.mark.parametrize(("service", "method", "request_", "body"), ANSWERS, ids=lambda value: str(value)[:40])
def test_answers_of_each_service(service: str, method: str, request_: Wire, body: Any, server: Server) -> None:
    """Moments are moments, blobs are bytes, and null is nothing."""
    theirs, ours = Two(service, server).call(method, sent(body), **request_)
    assert ours[1] == theirs[1]


# Errors, and when the same is asked again


def refused(code: str, status: str = "400 Bad Request", **more: Any) -> bytes:
    return sent({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": f"it is {code}", **more}, status)


OK = sent({})
LONG = sent({"ItemCollectionMetrics": {}})
REASONS = [
    {"Code": "None", "Message": None},
    {"Code": "ConditionalCheckFailed", "Message": "m", "Item": {"B": {"B": b"\xff"}, "n": {"N": "1" * 38}}},
]
FAILING: dict[str, list[Any]] = {
    "a condition": [refused("ConditionalCheckFailedException", Item={"p": {"B": b"\0"}, "m": {"M": {"B": {"S": ""}}}})],
    "a transaction": [refused("TransactionCanceledException", CancellationReasons=REASONS)],
    "a transaction with members in other letters": [
        sent({"__type": "TransactionCanceledException", "Message": "M", "CancellationReasons": REASONS}, "400 Bad")
    ],
    "a conflict": [refused("TransactionConflictException")],
    "a value": [refused("ValidationException")],
    "throttled once": [refused("ThrottlingException"), OK],
    "throttled by the table": [refused("ProvisionedThroughputExceededException")] * 2 + [OK],
    "throttled for ever": [refused("RequestLimitExceeded")],
    "throttled by status": [answer(b"", "429 Too Many Requests"), OK],
    "in progress": [refused("TransactionInProgressException"), OK],
    "replicated": [refused("ReplicatedWriteConflictException"), OK],
    "too slow": [refused("RequestTimeout"), OK],
    "500": [refused("InternalServerError", "500 Internal Server Error"), OK],
    "500 without a word": [answer(b"", "500 Internal Server Error"), OK],
    "502 by a box": [answer(b"<html>bad</html>", "502 Bad Gateway"), answer(b"bad", "504 Gateway Timeout"), OK],
    "503 for ever": [refused("ServiceUnavailable", "503 Service Unavailable")],
    "505": [refused("HTTPVersionNotSupported", "505 HTTP Version Not Supported")],
    "it wishes for a pause": [sent({"__type": "SlowDown"}, "400 Bad Request", x_amz_retry_after="3000"), OK],
    "it wishes for a long one": [sent({"__type": "SlowDown"}, "400 Bad Request", x_amz_retry_after="900000"), OK],
    "it wishes for none": [sent({"__type": "SlowDown"}, "400 Bad Request", x_amz_retry_after="-1"), OK],
    "expired": [refused("ExpiredTokenException")],
    "unknown key": [refused("UnrecognizedClientException")],
    "another clock": [refused("InvalidSignatureException"), OK],
    "another clock, too": [sent({"__type": "RequestTimeTooSkewed"}, "403 Forbidden"), OK],
    "too large": [answer(b"too large", "413 Payload Too Large")],
    "no JSON": [answer(b"<p>", "403 Forbidden")],
    "no type": [sent({"Message": "only this"}, "400 Bad Request")],
    "a type with a place": [sent({"__type": "Busy:http://internal.amazon.com/x", "message": "m"}, "400 Bad Request")],
    "a name of old": [
        sent({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "m"}, "400 Bad Request",
             x_amzn_query_error="AWS.SimpleQueueService.NonExistentQueue;Sender"),
    ],
    "no name of old": [sent({"__type": "QueueDoesNotExist"}, "400 Bad Request", x_amzn_query_error=";Sender")],
    "moved": [answer(b"", "307 Temporary Redirect", location="http://127.0.0.1:9/")],
    "closed": [CLOSE, OK],
    "closed for ever": [CLOSE],
    "reset": [RESET, OK],
    "half a body": [LONG[:-4] + CLOSE, OK],
    "another checksum": [sent({"Item": {}}, x_amz_crc32="1"), OK],
    "no HTTP": [b"SSH-2.0-OpenSSH_9\r\n\r\n" + CLOSE, OK],
    "half a part": [chunked({"Item": {}})[:-20] + CLOSE, OK],
    "no length of a part": [answer(b"zz\r\n\r\n", transfer_encoding="chunked", content_length=None) + CLOSE, OK],
    "until it is closed": [answer(b"{}", content_length=None) + CLOSE],
}  # fmt: skip


CALLS: dict[str, tuple[str, Wire]] = {
    "put_item": ("dynamodb", {"TableName": "t", "Item": {}}),
    "transact_write_items": ("dynamodb", {"TransactItems": []}),
    "send_message": ("sqs", {"QueueUrl": "q", "MessageBody": "b"}),
}
# What is said of these alone; and of checksums, at which botocore looks with DynamoDB alone: see the end
SAID_OF = {
    "a condition": {"put_item", "transact_write_items"}, "a transaction": {"transact_write_items"},
    "a transaction with members in other letters": {"transact_write_items"}, "replicated": {"put_item"},
    **{what: {"put_item", "transact_write_items"} for what in ("another checksum", "half a body", "half a part")},
}  # fmt: skip


@pytest.mark.parametrize(
    ("what", "method"), [(what, method) for what in FAILING for method in CALLS if method in SAID_OF.get(what, CALLS)]
)
def test_errors_and_repeats_are_the_same(
    what: str, method: str, server: Server, frozen: None, pauses: list[float]
) -> None:
    """Codes, messages, members, attempts and pauses; what makes a repeat harmless is the same in all of them."""
    service, request = CALLS[method]
    two = Two(service, server)
    theirs = two.one(two.theirs, method, FAILING[what], request)
    slept, pauses[:] = list(pauses), []
    ours = two.one(two.ours, method, FAILING[what], request)
    assert ours[0] == theirs[0]
    assert pauses == slept
    assert without_words(ours[1]) == without_words(theirs[1])


def without_words(result: Any) -> Any:
    """But for what a box on the way says, of which botocore makes words of its own."""
    if isinstance(result, tuple) and isinstance(result[-1], dict):
        kinds, text, response = result
        if response["Error"]["Code"].isdigit():
            response["Error"]["Message"], text = "", ""
        return kinds, text, response
    return result


def test_a_service_that_is_down_is_asked_less_and_less(server: Server, pauses: list[float]) -> None:
    """Both have a quota of repeats, and get a little back with each answer."""
    two = Two("events", server)
    two.theirs = aws.boto3_client("events")  # whose quota is whole
    counts = []
    for client in (two.theirs, two.ours):
        asked = []
        for number in range(16):
            down = answer(b"", "503 Service Unavailable")
            answers = [down, OK] if number % 5 == 4 else [down]
            requests, _ = two.one(client, "put_events", answers, {"Entries": []})
            asked.append(len(requests))
        counts.append(asked)
    assert counts[0] == counts[1]
    assert counts[0][-1] == 1


def test_nobody_there(pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """A port on which nobody listens: asked five times, and then it is said which it was."""
    with serving() as gone:
        pass
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{gone.host}")
    results = []
    for client in (aws.boto3_client("dynamodb"), own("dynamodb")):
        random.seed(7)
        results.append((told(partial(client.get_item, TableName="t", Key={})), list(pauses)))
        pauses.clear()
    assert results[0] == results[1]
    assert len(results[0][1]) == 4


# Real ones


@pytest.mark.dynamodb_local
@pytest.mark.parametrize("seed", range(HISTORIES))
def test_histories_on_dynamodb_local(seed: int, dynamodb_endpoint: str) -> None:
    """The same requests to two databases, one by each client: the same answers, and the same errors."""
    other, ours = dynamodb.new_database(dynamodb_endpoint), dynamodb.new_database(dynamodb_endpoint)
    assert isinstance(ours, aws_json.JsonClient)
    theirs = dynamodb.boto3_client(dynamodb_endpoint, "dynamodb", dynamodb.access_key(other))
    draw = Draw(random.Random(f"conformance {seed}"), "p")
    for _ in range(STEPS):
        method, request = draw.request()
        expected = outcome(partial(getattr(theirs, method), **request))
        assert outcome(partial(getattr(ours, method), **request)) == expected, request
    rows = [client.scan(TableName="refledger")["Items"] for client in (theirs, ours)]
    assert sorted(map(repr, rows[0])) == sorted(map(repr, rows[1]))


@pytest.fixture(scope="module")
def moto_server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


def test_what_moto_says(moto_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Queues, secrets, keys and the bus, as moto has them: what one client writes, the other one's answers are like."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server)
    theirs = {service: aws.boto3_client(service) for service in aws_json.SERVICES}
    ours = {service: own(service) for service in aws_json.SERVICES}
    url = theirs["sqs"].create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    theirs["secretsmanager"].create_secret(Name="text", SecretString="é")
    theirs["secretsmanager"].create_secret(Name="bytes", SecretBinary=b"\0\xff")
    key = theirs["kms"].create_key()["KeyMetadata"]["KeyId"]
    role = "arn:aws:iam::123456789012:role/r"
    machine = theirs["stepfunctions"].create_state_machine(
        name="m", roleArn=role, definition='{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}'
    )["stateMachineArn"]
    message = {"QueueUrl": url, "MessageBody": "é", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    entry = {"Id": "1", "MessageBody": "b", "MessageGroupId": "g", "MessageDeduplicationId": "e"}
    calls: list[tuple[str, str, Wire]] = [
        ("sqs", "send_message", message),
        ("sqs", "send_message", {**message, "QueueUrl": url + "x"}),
        ("sqs", "send_message_batch", {"QueueUrl": url, "Entries": [entry, {**entry, "Id": "2"}]}),
        ("sqs", "send_message_batch", {"QueueUrl": url, "Entries": []}),
        ("secretsmanager", "get_secret_value", {"SecretId": "text"}),
        ("secretsmanager", "get_secret_value", {"SecretId": "bytes"}),
        ("secretsmanager", "get_secret_value", {"SecretId": "none"}),
        ("events", "put_events", {"Entries": [{"Source": "s", "DetailType": "t", "Detail": "{}"}]}),
        ("events", "put_events", {"Entries": [{"Source": "s"}]}),
        ("kms", "encrypt", {"KeyId": key, "Plaintext": b"\0 account", "EncryptionContext": {"partner": "p"}}),
        ("kms", "encrypt", {"KeyId": "none", "Plaintext": b"x"}),
        ("kms", "decrypt", {"CiphertextBlob": b"none"}),
        ("stepfunctions", "start_execution", {"stateMachineArn": machine, "name": "w", "input": "{}"}),
        ("stepfunctions", "start_execution", {"stateMachineArn": machine + "x", "name": "w", "input": "{}"}),
        (
            "stepfunctions",
            "describe_execution",
            {"executionArn": machine.replace(":stateMachine:", ":execution:") + ":w"},
        ),
        ("stepfunctions", "describe_execution", {"executionArn": machine}),
        ("stepfunctions", "send_task_success", {"taskToken": "none", "output": "{}"}),
        ("stepfunctions", "send_task_failure", {"taskToken": "none", "error": "e", "cause": "c"}),
    ]
    for service, method, request in calls:
        results = [
            without_random(told(partial(getattr(client[service], method), **request))) for client in (theirs, ours)
        ]
        assert results[0] == results[1], (service, method, request)
    context = {"partner": "p"}
    cipher = ours["kms"].encrypt(KeyId=key, Plaintext=b"\0 account", EncryptionContext=context)["CiphertextBlob"]
    for client in (theirs, ours):
        assert client["kms"].decrypt(CiphertextBlob=cipher, EncryptionContext=context)["Plaintext"] == b"\0 account"


def without_random(result: Any) -> Any:
    """But for what is another one each time: ids, moments, cipher texts."""
    if isinstance(result, dict):
        changing = {
            "ResponseMetadata",
            "MessageId",
            "SequenceNumber",
            "CreatedDate",
            "EventId",
            "CiphertextBlob",
            "startDate",
        }
        return {name: without_random(each) for name, each in result.items() if name not in changing}
    if isinstance(result, list):
        return list(map(without_random, result))
    if isinstance(result, tuple) and isinstance(result[-1], dict):
        return without_words((*result[:2], without_random(result[2])))
    return result


# Where they differ, on purpose


@pytest.mark.parametrize("half", [
    OK[:40] + CLOSE, LONG[:-4] + CLOSE, sent({"Item": {}}, x_amz_crc32="1"), answer(b"no JSON"),
], ids=["head", "body", "checksum", "no JSON"])  # fmt: skip
def test_half_an_answer_is_no_answer(half: bytes, server: Server, pauses: list[float]) -> None:
    """botocore takes it for an empty one in the end, in which the item is not there. Could not read is never absent."""
    theirs, ours = Two("dynamodb", server).call("get_item", half, TableName="t", Key={})
    assert "ResponseMetadata" in theirs[1]
    assert issubclass(ours[1][0], BotoCoreError)
    assert len(ours[0]) == 5


def test_no_token_is_quoted(server: Server) -> None:
    """A wrong signature is answered with the whole request that should have been signed."""
    quoting = sent(
        {"__type": "InvalidSignatureException", "message": f"x-amz-security-token:{TOKEN}\n"}, "400 Bad Request"
    )
    theirs, ours = Two("dynamodb", server).call("get_item", quoting, TableName="t", Key={})
    assert TOKEN in theirs[1][1]
    assert TOKEN not in repr(ours[1])


def test_two_ends_of_an_answer_are_none(server: Server, pauses: list[float]) -> None:
    """A length and parts, or two lengths: what stands behind one of them would be the next call's answer."""
    for headers in ({"transfer_encoding": "chunked"}, {"Content_Length": "2"}, {"content_encoding": "gzip"}):
        server.will(answer(b"{}", **headers))
        with pytest.raises(BotoCoreError):
            own("dynamodb").get_item(TableName="t", Key={})
