"""A small client of the services that are called all the time, in AWS's JSON protocol.

It stands where a boto3 client would: methods, requests, answers and errors are the same, for the operations that are
listed in SERVICES; any other goes to boto3's client, which is loaded for it. What a call costs here is a tenth, and
`import boto3` is more than half of a cold start (docs/decisions/0120-a-client-of-our-own.md).
tests/adapters/test_conformance.py holds it against botocore.

Where it differs: half an answer is an error here, while botocore takes it for an empty one, in which nothing was found.
Sources: https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html, and the service models of botocore.
"""

from __future__ import annotations

import base64
import json
import os
import re
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError, NoCredentialsError

from refledger.adapters.keep_alive import Connections, HttpAnswer
from refledger.adapters.retries import ATTEMPTS, Repeat, Retries
from refledger.adapters.sigv4 import Credentials, RequestSigner


@dataclass(frozen=True)
class Operation:
    """`token`: the member that makes a repeat harmless. `times`, `blobs`: members of the answer that are no JSON."""

    name: str
    token: str = ""
    times: tuple[str, ...] = ()
    blobs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Service:
    """One that speaks JSON. `signed_as`: its name in signatures, and in its host's name."""

    signed_as: str
    target: str
    variable: str  # AWS_ENDPOINT_URL_…
    operations: Mapping[str, Operation]
    version: str = "1.0"
    headers: Mapping[str, str] = field(default_factory=dict)
    first_pause_s: float = 0.05


SERVICES = {
    "dynamodb": Service(
        "dynamodb", "DynamoDB_20120810", "DYNAMODB", first_pause_s=0.025,
        operations={
            "get_item": Operation("GetItem"), "batch_get_item": Operation("BatchGetItem"), "query": Operation("Query"),
            "put_item": Operation("PutItem"), "update_item": Operation("UpdateItem"),
            "delete_item": Operation("DeleteItem"),
            "transact_write_items": Operation("TransactWriteItems", token="ClientRequestToken"),
        },
    ),
    "sqs": Service(
        "sqs", "AmazonSQS", "SQS", headers={"x-amzn-query-mode": "true"},  # errors by the names that they always had
        operations={
            "send_message": Operation("SendMessage"), "send_message_batch": Operation("SendMessageBatch"),
        },
    ),
    "stepfunctions": Service(
        "states", "AWSStepFunctions", "SFN",
        operations={
            "start_execution": Operation("StartExecution", times=("startDate",)),
            "describe_execution": Operation("DescribeExecution", times=("startDate", "stopDate", "redriveDate")),
            "send_task_success": Operation("SendTaskSuccess"), "send_task_failure": Operation("SendTaskFailure"),
        },
    ),
    "secretsmanager": Service(
        "secretsmanager", "secretsmanager", "SECRETS_MANAGER", version="1.1",
        operations={
            "get_secret_value": Operation("GetSecretValue", times=("CreatedDate",), blobs=("SecretBinary",)),
        },
    ),
    "events": Service(
        "events", "AWSEvents", "EVENTBRIDGE", version="1.1", operations={"put_events": Operation("PutEvents")},
    ),
    "kms": Service(
        "kms", "TrentService", "KMS", version="1.1",
        operations={
            "encrypt": Operation("Encrypt", blobs=("CiphertextBlob",)),
            "decrypt": Operation("Decrypt", blobs=("Plaintext", "CiphertextForRecipient")),
        },
    ),
}  # fmt: skip
# Regions whose hosts have simple names; of the others boto3 knows
REGIONS = re.compile(r"[a-z]{2}(-gov)?-[a-z]+-\d{1,2}")
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
# What boto3 reads and this client does not
OTHERS_SAY = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
TRACE_SAFE = "-=;:+&[]{}\"',"


def client(service: str, boto3_client: Any, boto3_credentials: Callable[[], Any]) -> JsonClient | None:
    """Return a client of the service, None where only boto3 knows how it is reached.

    `boto3_client`: boto3's of the same service, for operations that are not listed here. `boto3_credentials`: what
    finds those that are not in the environment.
    """
    known, env = SERVICES.get(service), os.environ
    region = env.get("AWS_DEFAULT_REGION", "")
    if known is None or not REGIONS.fullmatch(region) or any(env.get(name) for name in OTHERS_SAY):
        return None
    if any(value for name, value in env.items() if name.lower() in PROXIES):
        return None
    url = env.get(f"AWS_ENDPOINT_URL_{known.variable}") or env.get("AWS_ENDPOINT_URL") or _url(known, region)
    certificates = env.get("AWS_CA_BUNDLE") or env.get("REQUESTS_CA_BUNDLE") or ""
    try:
        connections = Connections.to(url, certificates)
    except ValueError:
        return None
    return JsonClient(known, region, connections, partial(_credentials, cache(boto3_credentials)), boto3_client)


def _url(service: Service, region: str) -> str:
    return f"https://{service.signed_as}.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


class JsonClient:
    """One service of one region. Threads share it; nothing is asked, and no socket opened, before the first call."""

    def __init__(
        self, service: Service, region: str, connections: Connections, credentials: Callable[[], Credentials],
        boto3_client: Any,
    ) -> None:  # fmt: skip
        always = {
            "content-type": f"application/x-amz-json-{service.version}", "host": connections.name, **service.headers,
        }  # fmt: skip
        self._service, self._connections, self._credentials = service, connections, credentials
        self._boto3_client = boto3_client
        self._signer = RequestSigner(service.signed_as, region, always)
        self._head = "POST / HTTP/1.1\r\n" + _lines({**always, "accept-encoding": "identity"})
        self._retries = Retries(service.first_pause_s)
        for method, operation in service.operations.items():
            setattr(self, method, partial(self._call, operation))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._boto3_client, name)

    def _call(self, operation: Operation, **request: Any) -> dict[str, Any]:
        """Make a call, again where that may help.

        Raises ClientError for what the service refuses, and other errors of botocore's where it does not answer.
        """
        if operation.token and operation.token not in request:
            request[operation.token] = _token()
        body = _encode(request).encode()
        last: Repeat | None = None
        for attempt in range(1, ATTEMPTS + 1):
            credentials = self._credentials()
            try:
                answer = self._connections.exchange(self._written(operation, credentials, body))
                result = _read(operation, answer)
            except (ConnectionError, HTTPClientError) as failed:
                error: BotoCoreError | ClientError = failed
                repeat = self._retries.after(attempt, 0, "", {})
            else:
                if answer.status < 300:
                    self._retries.answered(last)
                    result["ResponseMetadata"] = _metadata(answer, attempt)
                    return result
                response = _refusal(result, answer, attempt, credentials.token)
                repeat = self._retries.after(attempt, answer.status, response["Error"]["Code"], answer.headers)
                response["ResponseMetadata"] |= {"MaxAttemptsReached": True} if attempt == ATTEMPTS else {}
                error = ClientError(response, operation.name)
            if repeat is None:
                raise error
            last = repeat
            time.sleep(repeat.pause_s)
        raise AssertionError("the last attempt has no repeat")

    def _written(self, operation: Operation, credentials: Credentials, body: bytes) -> bytes:
        """The request as it goes out. It is signed anew each time: a pause may outlast a signature."""
        added = self._signer.sign(credentials, f"{self._service.target}.{operation.name}", body, time.time())
        trace = os.environ.get("_X_AMZN_TRACE_ID")
        if trace and "AWS_LAMBDA_FUNCTION_NAME" in os.environ:  # what follows is seen as one, and loops are found
            added["x-amzn-trace-id"] = quote(trace, TRACE_SAFE)
        return f"{self._head}{_lines(added)}content-length: {len(body)}\r\n\r\n".encode("ascii") + body


def _credentials(boto3_credentials: Callable[[], Any]) -> Credentials:
    """Those of the environment, as it is now; where it has none, those that a function asks for (`in_lambda`), or what
    boto3 finds and keeps fresh.
    """
    env = os.environ
    access_key, secret_key = env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_SECRET_ACCESS_KEY")
    if access_key and secret_key:
        return Credentials(access_key, secret_key, env.get("AWS_SECURITY_TOKEN") or env.get("AWS_SESSION_TOKEN") or "")
    from refledger.adapters import container_credentials  # only a function that began from a snapshot comes here

    if asked := container_credentials.in_lambda():
        return asked.current()
    elsewhere = boto3_credentials()  # of a person's profile or a container: never in Lambda
    if elsewhere is None:
        raise NoCredentialsError
    found = elsewhere.get_frozen_credentials()
    return Credentials(found.access_key, found.secret_key, found.token or "")


def _lines(headers: Mapping[str, str]) -> str:
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()])


def _token() -> str:
    """A random UUID, without the module that makes them."""
    text = os.urandom(16).hex()
    variant = "89ab"[int(text[16], 16) % 4]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"


def _blob(value: Any) -> str:
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    raise TypeError(f"no part of a request: {type(value).__name__}")


_encode = json.JSONEncoder(default=_blob).encode


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    """A value of DynamoDB with bytes in it; anything else as it is."""
    if len(value) == 1 and ("B" in value or "BS" in value):  # a pattern takes three times as long to say no
        match value:
            case {"B": str(text)}:
                return {"B": base64.b64decode(text)}
            case {"BS": [*texts]} if all(isinstance(text, str) for text in texts):
                return {"BS": [base64.b64decode(text) for text in texts]}
    return value


def _stated(value: dict[str, Any]) -> dict[str, Any]:
    """The same without members that are null, as they may be in reasons."""
    return _attribute({name: each for name, each in value.items() if each is not None})


def _read(operation: Operation, answer: HttpAnswer) -> dict[str, Any]:
    """What an answer says. Raises HTTPClientError where that is not what the service sent, or nothing that it sends."""
    expected, body = answer.headers.get("x-amz-crc32"), answer.body
    if expected is not None and expected != str(zlib.crc32(body)):
        raise HTTPClientError(error="an answer with another checksum")
    try:
        hook = _attribute if b'"B"' in body or b'"BS"' in body else None  # most answers have no bytes
        hook = _stated if answer.status >= 300 else hook
        found = json.loads(body, object_hook=hook) if body else {}
        if not isinstance(found, dict):
            raise ValueError("no object")
        for name in operation.times:
            if found.get(name) is not None:
                found[name] = datetime.fromtimestamp(found[name], UTC)
        for name in operation.blobs:
            if found.get(name) is not None:
                found[name] = base64.b64decode(found[name])
    except (ValueError, TypeError):
        if answer.status >= 300:  # some box on the way says it in words of its own
            return {"message": body.decode("utf-8", "replace")}
        raise HTTPClientError(error="an answer that is no JSON object") from None
    return {name: value for name, value in found.items() if value is not None}


def _refusal(body: dict[str, Any], answer: HttpAnswer, attempt: int, token: str) -> dict[str, Any]:
    """The response of a ClientError.

    Without the caller's token, which the service quotes where a signature is wrong.
    """
    message = str(body.pop("message", None) or body.pop("Message", ""))
    if token:
        message = message.replace(token, "…")
    code = str(body.pop("__type", "") or answer.status).split(":")[0].rsplit("#")[-1]
    error = {"Message": message, "Code": code}
    code_of_old, semicolon, whose = answer.headers.get("x-amzn-query-error", "").partition(";")
    if code_of_old and semicolon and ";" not in whose:
        error |= {"QueryErrorCode": code, "Type": whose, "Code": code_of_old}
    return {**body, "Error": error, "ResponseMetadata": _metadata(answer, attempt)}


def _metadata(answer: HttpAnswer, attempt: int) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "HTTPStatusCode": answer.status, "HTTPHeaders": answer.headers, "RetryAttempts": attempt - 1,
    }  # fmt: skip
    if "x-amzn-requestid" in answer.headers:
        metadata["RequestId"] = answer.headers["x-amzn-requestid"]
    return metadata
