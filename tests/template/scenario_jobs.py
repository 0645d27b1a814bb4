"""Exports of everything there is in the story, one that is stopped, and an import, each function under its role."""

from __future__ import annotations

import json
from typing import Any

import pytest

from refledger.adapters.ids import Ids
from refledger.domain.jobs import ASK_AGAIN_MS, ExportSubject
from tests.support.buckets import refused
from tests.template.story import HASH_KEY, Story

CSV = "firstName,lastName,email\r\nGus,Example,gus@example.com\r\nDora,Example,dora@example.com\r\n"


APART = (ExportSubject.AUDIT, ExportSubject.MONTH_END)  # they cannot be asked for without filters


def export_and_import(story: Story) -> None:
    export_everything(story)
    cancel(story)
    import_partners(story)


def export_everything(story: Story) -> None:
    """Each kind, of which one's last answer of S3 is lost."""
    ids = Ids(HASH_KEY)
    bob = story.bob()
    asked: list[tuple[ExportSubject, dict[str, str]]] = [(what, {}) for what in ExportSubject if what not in APART]
    asked += [(ExportSubject.AUDIT, {"entity": bob}), (ExportSubject.AUDIT, {"actor": ids.user("admin")})]
    asked += [(ExportSubject.MONTH_END, {"month": "2026-08"})]
    asked += [(ExportSubject.REWARDS, {"partnerId": bob}), (ExportSubject.REFERRALS, {"partnerId": bob})]
    for what, filters in asked:
        body = {"what": what, "filters": filters, "format": "csv"}
        job = story.call("jobs", "admin", "POST /api/v1/exports", body)["id"]
        story.files.trouble = _lose_the_end if what is ExportSubject.PARTNERS else lambda _: None
        _work(story)
        story.files.trouble = lambda _: None
        made = story.call("jobs", "admin", "GET /api/v1/exports/{exportId}", exportId=job)
        assert (made["status"], made["done"] > 0 or what is ExportSubject.AUDIT) == ("DONE", True), made
        assert "X-Amz-Expires=600" in made["link"]
    assert story.call("jobs", "admin", "GET /api/v1/exports")["data"]


def _lose_the_end(done: str) -> None:
    if done == "complete_multipart_upload":
        raise refused("InternalError", "CompleteMultipartUpload")


def cancel(story: Story) -> None:
    """The worker dies while it writes; the job is cancelled meanwhile, so the next one throws away what was written."""
    job = story.call("jobs", "admin", "POST /api/v1/exports", {"what": "PARTNERS"})["id"]
    message = story.sent.pop("JobsQueue")[0]["MessageBody"]

    def die(_: str) -> None:
        raise TimeoutError

    story.files.trouble = die
    record = {"messageId": "m", "body": message}
    assert story.invoke("job_worker", {"Records": [record]})["batchItemFailures"] == [{"itemIdentifier": "m"}]
    story.files.trouble = lambda _: None
    story.clock.forward(ASK_AGAIN_MS + 1)
    assert story.invoke("job_worker", {})["sent"] == 1
    stopped = story.call("jobs", "admin", "DELETE /api/v1/exports/{exportId}", exportId=job)
    assert stopped["status"] == "CANCELLED"
    assert story.files.uploads
    _work(story)
    assert story.files.uploads == {}


def import_partners(story: Story) -> None:
    """On trial, then for real; one of the two is there already."""
    for trial, wanted in (("true", "WOULD_CREATE"), ("false", "CREATED")):
        job = _send(story, trial)["id"]
        _work(story)
        of_it: dict[str, Any] = {"importId": job}
        assert story.call("jobs", "admin", "GET /api/v1/imports/{importId}", **of_it)["status"] == "DONE"
        assert story.call("jobs", "admin", "GET /api/v1/imports")["data"]
        lines = story.call("jobs", "admin", "GET /api/v1/imports/{importId}/report", **of_it)["data"]
        assert [line["status"] for line in lines] == [wanted, "DUPLICATE"]
        file = story.call("jobs", "admin", "GET /api/v1/imports/{importId}/report/file", **of_it)["text"]
        assert file.count("\r\n") == 3


def _send(story: Story, dry_run: str) -> dict[str, Any]:
    answer = story.invoke("jobs", {
        "routeKey": "POST /api/v1/imports/partners", "headers": {"content-type": "text/csv"}, "body": CSV,
        "queryStringParameters": {"dryRun": dry_run},
        "requestContext": {"requestId": f"import-{dry_run}", "authorizer": {"jwt": {"claims": {
            "sub": "admin", "token_use": "access", "cognito:groups": "[admin]",
        }}}},
    })  # fmt: skip
    assert answer["statusCode"] == 202, answer
    found: dict[str, Any] = json.loads(answer["body"])
    return found


def _work(story: Story) -> None:
    messages = [message["MessageBody"] for message in story.sent.pop("JobsQueue")]
    story.work("job_worker", *messages)
    if story.sent.get("JobsQueue"):
        pytest.fail("a job wants more time than it needs")
