"""Exports and imports over HTTP, through the queue to the worker and back."""

from __future__ import annotations

import csv
import io
from types import SimpleNamespace
from typing import Any

import pytest

from refledger.adapters.files import Files
from refledger.adapters.queues import JobQueue
from refledger.domain.jobs import FILES_KEPT_MS
from refledger.domain.times import iso
from refledger.entry import config
from tests.support import functions
from tests.support.buckets import Bucket, refused
from tests.support.functions import Answer, World, assert_problem
from tests.support.queues import Sqs

EXPORT, READ, CANCEL = (
    "POST /api/v1/exports", "GET /api/v1/exports/{exportId}", "DELETE /api/v1/exports/{exportId}",
)  # fmt: skip
IMPORT = "POST /api/v1/imports/partners"
OF_IMPORT = "GET /api/v1/imports/{importId}"
HEAD = "firstName,lastName,email\r\n"


class Desk:
    """A world with a bucket and a queue, and a worker who is called by hand."""

    def __init__(self, world: World, patch: pytest.MonkeyPatch) -> None:
        self.world, self.bucket, self.sqs = world, Bucket(), Sqs()
        patch.setattr(config, "job_queue", lambda: JobQueue(self.sqs, "jobs"))
        patch.setattr(config, "files", lambda: Files(self.bucket, "files"))
        patch.setenv("POWERTOOLS_SERVICE_NAME", "test")

    def ask(self, body: dict[str, Any], **told: Any) -> Answer:
        answer = self.world.admin(EXPORT, body=body, **told)
        assert answer.status == 202, answer
        return answer

    def send(self, text: str, **told: Any) -> Answer:
        told["headers"] = {"content-type": "text/csv; charset=utf-8", **told.get("headers", {})}
        return self.world.admin(IMPORT, text=text, **told)

    def work(self, left_ms: int = 60_000) -> list[str]:
        """One batch of all that is in the queue. The messages that come back."""
        messages, self.sqs.dead = self.sqs.dead, []
        for message in messages:
            assert message["MessageGroupId"] == message["MessageBody"]
        records = [
            {"messageId": str(number), "body": message["MessageBody"]} for number, message in enumerate(messages)
        ]
        time = SimpleNamespace(get_remaining_time_in_millis=lambda: left_ms)
        answer = functions.load("job_worker").handler({"Records": records}, time)
        return [each["itemIdentifier"] for each in answer["batchItemFailures"]]

    def read(self, id: str, route: str = READ, **told: Any) -> Answer:
        return self.world.admin(route, path={"exportId": id, "importId": id}, **told)

    def rows(self, id: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.bucket.objects[f"exports/{id}.csv"].decode(), newline="")))


@pytest.fixture
def desk(fresh: World, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(fresh, monkeypatch)


def test_an_export_is_made_and_fetched(desk: Desk) -> None:
    """Asked for, it waits; made, there is a link for ten minutes; after a week there is none."""
    desk.world.books.chain("alice", "bob")
    asked = desk.ask({"what": "partners", "filters": {"status": "active"}, "format": "csv"}).body
    assert (asked["status"], asked["what"], asked["filters"]) == ("QUEUED", "PARTNERS", {"status": "ACTIVE"})
    assert desk.read(asked["id"]).body["link"] is None
    assert desk.work() == []
    made = desk.read(asked["id"]).body
    assert (made["status"], made["done"], made["total"]) == ("DONE", 1, 1)
    assert made["link"].startswith(f"https://files.example.com/exports/{asked['id']}.csv")
    assert made["linkExpiresAt"] == iso(desk.world.books.clock() + 600_000)
    assert [row["id"] for row in desk.rows(asked["id"])] == [desk.world.books.partner("alice").id]
    desk.world.books.clock.forward(FILES_KEPT_MS)
    gone = desk.read(asked["id"]).body
    assert (gone["status"], gone["link"], gone["linkExpiresAt"]) == ("DONE", None, None)


@pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied"])
def test_an_import_whose_file_is_gone_is_over(desk: Desk, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """After a week, in either of S3's words: the job says so, and nothing is tried twenty times."""
    id = desk.send(HEAD + "Ann,Able,ann@able.example\r\n").body["id"]
    desk.bucket.objects.clear()

    def refuse(**_: Any) -> None:
        raise refused(code, "GetObject")

    monkeypatch.setattr(desk.bucket, "get_object", refuse)
    assert desk.work() == []
    told = desk.read(id, OF_IMPORT).body
    assert told["status"] == "FAILED"
    assert "send it again" in str(told)


def test_an_export_is_for_whoever_asked(desk: Desk) -> None:
    """Another admin sees neither the job nor its link, and cannot stop it."""
    id = desk.ask({"what": "LEDGER"}).body["id"]
    for route in (READ, CANCEL):
        assert_problem(desk.read(id, route, sub="another"), 404)
    assert desk.world.admin("GET /api/v1/exports", sub="another").body["data"] == []
    (listed,) = desk.world.admin("GET /api/v1/exports").body["data"]
    assert (listed["id"], listed["link"]) == (id, None)


def test_own_imports_page_by_page(desk: Desk) -> None:
    """Newest first, none of anybody else's, no exports among them."""
    ids = []
    for name in ("ann", "ben", "cem"):
        ids.append(desk.send(f"{HEAD}{name},Able,{name}@able.example\r\n").body["id"])
        desk.work()
        desk.world.books.clock.forward(1)
    desk.ask({"what": "PARTNERS"})
    desk.send(f"{HEAD}dan,Able,dan@able.example\r\n", sub="another")
    first = desk.world.admin("GET /api/v1/imports", query={"limit": "2"}).body
    rest = desk.world.admin("GET /api/v1/imports", query={"limit": "2", "cursor": first["nextCursor"]}).body
    assert [each["id"] for each in first["data"] + rest["data"]] == ids[::-1]
    assert (rest["nextCursor"], first["data"][0]["counts"]["created"]) == (None, 1)


def test_own_exports_page_by_page(desk: Desk) -> None:
    """The newest first, each once, without the imports of the same person."""
    ids = []
    for _ in range(5):
        desk.world.books.clock.forward(1)
        ids.append(desk.ask({"what": "PAYMENTS"}).body["id"])
        assert desk.send(HEAD + "A,B,a@b.ce\r\n", query={"dryRun": "true"}).status == 202
        desk.work()
    found, query = [], {"limit": "2"}
    for _ in range(5):
        page = desk.world.admin("GET /api/v1/exports", query=query).body
        found += [each["id"] for each in page["data"]]
        if page["nextCursor"] is None:
            break
        query["cursor"] = page["nextCursor"]
    assert found == ids[::-1]


def test_the_same_request_is_the_same_job(desk: Desk) -> None:
    """By its Idempotency-Key; with another body it is refused."""
    key = {"headers": {"idempotency-key": "k"}}
    first, second = (desk.ask({"what": "REWARDS"}, **key) for _ in range(2))
    assert first.body == second.body
    again = desk.world.admin(EXPORT, body={"what": "LEDGER"}, **key)
    assert (again.status, again.code) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_an_export_is_stopped(desk: Desk) -> None:
    """What waits is cancelled, twice is as good as once; the worker makes nothing of it; what is done stays."""
    id = desk.ask({"what": "REFERRALS"}).body["id"]
    assert [desk.read(id, CANCEL).body["status"] for _ in range(2)] == ["CANCELLED", "CANCELLED"]
    assert desk.work() == []
    assert desk.bucket.objects == {}
    done = desk.ask({"what": "REFERRALS"}).body["id"]
    desk.work()
    assert_problem(desk.read(done, CANCEL), 409)


def test_a_worker_without_time_leaves_it_to_the_next(desk: Desk) -> None:
    """What is begun is gone on with by a message of its own, and nothing is done twice."""
    desk.world.books.chain("alice", "bob", "carol")
    id = desk.ask({"what": "PARTNERS"}).body["id"]
    assert desk.work(left_ms=1000) == []
    assert desk.read(id).body["status"] == "QUEUED"
    assert [message["MessageBody"] for message in desk.sqs.dead] == [id]
    assert desk.work() == []
    assert desk.sqs.dead == []
    assert len(desk.rows(id)) == 2


def test_a_job_that_fails_keeps_no_other_from_being_done(desk: Desk) -> None:
    """A message of nobody's comes back, and in the end goes to the DLQ; its neighbours are done."""
    id = desk.ask({"what": "PARTNERS"}).body["id"]
    desk.sqs.dead.insert(0, {"MessageBody": "nobody", "MessageGroupId": "nobody"})
    assert desk.work() == ["0"]
    assert desk.read(id).body["status"] == "DONE"


# ---------------------------------------------------------------- imports


def test_an_import_makes_partners_and_says_so(desk: Desk) -> None:
    """On trial nobody is there after it; for real each line is a partner, and the report names them, page by page."""
    text = HEAD + "".join(f"Ada,No {each},a{each}@b.ce\r\n" for each in range(5)) + "Bo,B,no address\r\n"
    trial = desk.send(text, query={"dryRun": "true"})
    assert (trial.status, trial.body["status"], trial.body["total"]) == (202, "QUEUED", 6)
    desk.work()
    told = desk.read(trial.body["id"], OF_IMPORT).body
    assert (told["status"], told["done"], told["dryRun"]) == ("DONE", 6, True)
    assert told["counts"] == {"created": 0, "wouldCreate": 5, "duplicate": 0, "invalid": 1}
    assert desk.world.admin("GET /api/v1/partners").body["data"] == []
    id = desk.send(text).body["id"]
    desk.work()
    assert desk.read(id, OF_IMPORT).body["counts"]["created"] == 5
    partners = {each["id"]: each for each in desk.world.admin("GET /api/v1/partners").body["data"]}
    lines: list[dict[str, Any]] = []
    query = {"limit": "2"}
    for _ in range(5):
        page = desk.read(id, f"{OF_IMPORT}/report", query=query).body
        lines += page["data"]
        if page["nextCursor"] is None:
            break
        query["cursor"] = page["nextCursor"]
    assert [line["line"] for line in lines] == [2, 3, 4, 5, 6, 7]
    assert {line["code"] for line in lines[:5]} == {each["referralCode"] for each in partners.values()}
    assert {line["id"] for line in lines[:5]} == set(partners)
    assert (lines[5]["status"], lines[5]["id"]) == ("INVALID", None)
    file = desk.read(id, f"{OF_IMPORT}/report/file")
    assert file.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(file.body, newline="")))
    assert [(row["line"], row["status"], row["id"]) for row in rows] == [
        (str(line["line"]), line["status"], line["id"] or "") for line in lines
    ]


def test_an_import_is_for_whoever_asked(desk: Desk) -> None:
    """Another admin does not find it, nor its report; nor is it found where exports are."""
    id = desk.send(HEAD + "A,B,a@b.ce\r\n").body["id"]
    for route in (OF_IMPORT, f"{OF_IMPORT}/report", f"{OF_IMPORT}/report/file"):
        assert_problem(desk.read(id, route, sub="another"), 404)
        assert desk.read(id, route).status == 200
    assert_problem(desk.read(id, READ), 404)
    assert_problem(desk.read(id, CANCEL), 404)


@pytest.mark.parametrize(
    ("text", "status"),
    [("", 422), (HEAD, 422), ("a,b\r\n", 422), (HEAD + '"', 422), (HEAD + "A,B,a@b.ce\r\n" * 5001, 422)],
)
def test_a_file_that_cannot_be_read_is_refused_at_once(desk: Desk, text: str, status: int) -> None:
    """There is no job of it, and no copy of it."""
    assert_problem(desk.send(text), status)
    assert (desk.sqs.dead, desk.bucket.objects) == ([], {})


def test_other_bodies_than_csv_are_refused(desk: Desk) -> None:
    """JSON, a file beyond a mebibyte, and what is not UTF-8."""
    assert_problem(desk.world.admin(IMPORT, body={}), 415)
    assert_problem(desk.send(HEAD + "x" * 1024 * 1024), 413)
    headers = {"content-type": "text/csv"}
    assert_problem(desk.world.admin(IMPORT, encoded=b"\xff\xfe", headers=headers), 400)


def test_a_service_may_import(desk: Desk) -> None:
    """With the scope to make partners; and it finds what it asked for."""
    claims = {"scope": "refledger/partners:write"}
    told = {"sub": "crm", "groups": (), "claims": claims}
    made = desk.send(HEAD + "A,B,a@b.ce\r\n", **told)
    assert made.status == 202
    assert desk.read(made.body["id"], OF_IMPORT, **told).status == 200


BOOKS = {
    "accounts": {
        "rewards": "4760", "adjustments": "4769", "writeOffs": "2400", "available": "1700", "reserved": "1700",
        "paid": "1360",
    },
    "taxRate": "Tax Exempt", "consultant": 29098, "client": 55003, "fiscalYearStart": "2026-01-01",
}  # fmt: skip
OCTOBER = {"from": "2026-10-01", "to": "2026-10-31", "currency": "EUR"}


@pytest.mark.parametrize(
    ("asked", "format"),
    [
        ({"what": "JOURNAL"}, "CSV"),
        ({"what": "journal", "format": "quickbooks"}, "QUICKBOOKS"),
        ({"what": "JOURNAL", "format": "XERO", "books": BOOKS}, "XERO"),
        ({"what": "JOURNAL", "format": "DATEV", "books": BOOKS, "filters": OCTOBER}, "DATEV"),
        ({"what": "MONTH_END", "filters": {"month": "2026-08"}}, "ZIP"),
    ],
)
def test_an_accountant_s_files_can_be_asked_for(fresh: World, asked: dict[str, Any], format: str) -> None:
    """The journal for each software, and the pack of a month that is closed."""
    made = fresh.call("POST /api/v1/exports", sub="fin", groups=("finance",), body=asked)
    assert (made.status, made.body["format"]) == (202, format)
    assert "format" not in made.body["filters"]


@pytest.mark.parametrize(
    "asked",
    [
        {"what": "MONTH_END"},
        {"what": "MONTH_END", "filters": {"month": "2026-13"}},
        {"what": "MONTH_END", "filters": {"month": "2126-01"}},
        {"what": "MONTH_END", "filters": {"month": "2026-09"}},  # the clock stands in it
        {"what": "MONTH_END", "filters": {"month": "2026-08", "currency": "EUR"}},
        {"what": "LEDGER", "filters": {"month": "2026-08"}},
        {"what": "LEDGER", "format": "XERO"},
        {"what": "REWARDS", "books": BOOKS},
        {"what": "JOURNAL", "format": "XERO"},
        {"what": "JOURNAL", "format": "XERO", "books": {**BOOKS, "taxRate": None}},
        {"what": "JOURNAL", "format": "DATEV", "books": BOOKS},
        {"what": "JOURNAL", "format": "DATEV", "books": {**BOOKS, "client": None}, "filters": OCTOBER},
        {"what": "JOURNAL", "format": "DATEV", "books": BOOKS, "filters": {**OCTOBER, "to": "2027-01-01"}},
        {
            "what": "JOURNAL", "format": "DATEV", "filters": OCTOBER,
            "books": {**BOOKS, "accounts": {**BOOKS["accounts"], "paid": "bank"}},  # type: ignore[dict-item]
        },
    ],
)  # fmt: skip
def test_what_the_software_would_refuse_is_refused(fresh: World, asked: dict[str, Any]) -> None:
    """At once, and in words; a month that is not closed would say something else tomorrow."""
    answer = fresh.call("POST /api/v1/exports", sub="fin", groups=("finance",), body=asked)
    assert_problem(answer, 422)
