"""What no route of its own takes: HEAD becomes GET without its body, all else a refusal that says what there is."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from refledger.adapters.functions import Functions
from refledger.entry import config
from tests.support.functions import load

PROGRAM = "/api/v1/programs/default"
PROBLEM = "application/problem+json"
Json = dict[str, Any]


@dataclass
class Lambda:
    """Answers as a function of the deployment does, and keeps what it was asked."""

    fault: str = ""
    refused: bool = False
    asked: list[tuple[str, Json]] = field(default_factory=list)

    def invoke(self, FunctionName: str, Payload: bytes) -> Json:  # noqa: N803  boto3's names
        if self.refused:
            raise ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "throttled"}}, "Invoke")
        self.asked.append((FunctionName, json.loads(Payload)))
        answer = {"statusCode": 200, "headers": {"etag": '"1"'}, "body": '{"id": "default"}', "isBase64Encoded": False}
        told = {"Payload": io.BytesIO(json.dumps(answer).encode())}
        return {**told, "FunctionError": self.fault} if self.fault else told


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Lambda:
    client = Lambda()
    monkeypatch.setattr(config, "functions", lambda: Functions(client, {"programs": "stack-Programs"}))
    return client


def ask(method: str, path: str, route: str = "$default") -> Json:
    http = {"method": method, "path": path, "sourceIp": "192.0.2.1"}
    context = {"requestId": "r-1", "http": http, "routeKey": route, "authorizer": {"jwt": {"claims": {"sub": "ann"}}}}
    answer: Json = load("dispatch").handler({"routeKey": route, "rawPath": path, "requestContext": context}, None)
    assert answer["headers"]["x-content-type-options"] == "nosniff"
    return answer


def head(path: str) -> Json:
    return ask("HEAD", path, "HEAD /api/v1/{proxy+}")


def test_head_is_get_without_its_body(called: Lambda) -> None:
    """The route's own function is asked, as whoever was signed in; status and headers are its own."""
    answer = head(PROGRAM)
    assert (answer["statusCode"], answer["body"], answer["headers"]["etag"]) == (200, "", '"1"')
    ((name, event),) = called.asked
    assert name == "stack-Programs"
    assert (event["routeKey"], event["pathParameters"]) == (
        "GET /api/v1/programs/{programId}",
        {"programId": "default"},
    )
    told = event["requestContext"]
    assert (told["routeKey"], told["http"]["method"]) == (event["routeKey"], "GET")
    assert told["authorizer"]["jwt"]["claims"] == {"sub": "ann"}


@pytest.mark.parametrize("method", ["DELETE", "PROPFIND"])
def test_a_method_that_is_not_there_is_told_those_that_are(called: Lambda, method: str) -> None:
    answer = ask(method, PROGRAM)
    assert (answer["statusCode"], answer["headers"]["allow"]) == (405, "GET, HEAD, OPTIONS, PUT")
    body = json.loads(answer["body"])
    assert (body["code"], body["status"], body["requestId"]) == ("METHOD_NOT_ALLOWED", 405, "r-1")
    assert called.asked == []


def test_options_says_what_there_is(called: Lambda) -> None:
    answer = ask("OPTIONS", PROGRAM)
    assert (answer["statusCode"], answer["headers"]["allow"], answer["body"]) == (204, "GET, HEAD, OPTIONS, PUT", "")
    assert called.asked == []


def test_head_of_what_is_only_posted_to_is_refused(called: Lambda) -> None:
    """Without a body, as HEAD has none."""
    answer = head(f"{PROGRAM}/pause")
    assert (answer["statusCode"], answer["headers"]["allow"], answer["body"]) == (405, "OPTIONS, POST", "")
    assert called.asked == []


def test_no_address_is_a_problem(called: Lambda) -> None:
    answer = ask("GET", "/api/v2/programs")
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (404, PROBLEM)
    assert json.loads(answer["body"])["code"] == "NOT_FOUND"


@pytest.mark.parametrize("how", [{"fault": "Unhandled"}, {"refused": True}])
def test_a_function_that_does_not_answer_is_away(called: Lambda, how: Json) -> None:
    """It ended without an answer, or could not be called: try again, and nothing else is told."""
    called.fault, called.refused = how.get("fault", ""), how.get("refused", False)
    answer = head(PROGRAM)
    assert (answer["statusCode"], answer["body"], answer["headers"]["content-type"]) == (503, "", PROBLEM)
