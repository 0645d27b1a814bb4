"""Exports: every line once, whatever dies; files in parts; who may stop them."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from refledger.adapters.files import Files
from refledger.domain import csv_files
from refledger.domain.errors import Busy, Conflict, JobNotFound, KeyReused, TooManyJobs
from refledger.domain.jobs import ASK_AGAIN_MS, GIVE_UP_MS, MOST_OPEN, ExportSubject, Job, JobStatus
from refledger.domain.times import DAY_MS, iso
from refledger.operations.context import Context
from refledger.operations.jobs import export_run, jobs
from refledger.operations.partners import partners
from refledger.operations.partners.partners import NewPartner
from refledger.store import jobs as stored
from refledger.store.table import Table
from tests.support.books import START_MS, Books
from tests.support.buckets import Bucket
from tests.support.crashes import CrashingClient
from tests.support.faults import Death

PART = 600  # bytes: a few lines
OWNER = "ann"


class Desk:
    """Somebody who asks for exports, and a worker who makes them."""

    def __init__(self, books: Books) -> None:
        self.books, self.bucket, self.sent = books, Bucket(least=PART), list[str]()
        self.files = Files(self.bucket, "files")

    def send(self, job_id: str, deduplication: str) -> None:
        assert deduplication
        self.sent.append(job_id)

    def ask(self, what: ExportSubject, key: str | None = None, body: str = "body", **filters: str) -> Job:
        return jobs.export(self.books.context, self.send, what, filters, OWNER, key, body)

    def work(self, job: Job, go_on: Callable[[], bool] = lambda: True, context: Context | None = None) -> int:
        """As often as the job wants it. How often that was."""
        for times in range(1, 500):
            now = stored.find(self.books.table, job.id)
            if not export_run.run(context or self.books.context, self.files, now, go_on, PART):
                return times
        raise AssertionError("it never comes to an end")

    def rows(self, job: Job) -> list[dict[str, str]]:
        """The lines of the finished file."""
        assert stored.find(self.books.table, job.id).status is JobStatus.DONE
        text = self.bucket.objects[f"exports/{job.id}.csv"].decode()
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def made(self, what: ExportSubject, **filters: str) -> list[dict[str, str]]:
        job = self.ask(what, **filters)
        self.work(job)
        return self.rows(job)


@pytest.fixture
def desk(books: Books) -> Desk:
    books.program()
    return Desk(books)


def people(books: Books, number: int) -> list[str]:
    """Partners, made one after another. Their ids, newest first."""
    made = []
    for each in range(number):
        books.clock.forward(1000)
        made.append(books.member(f"p{each}", "default").id)
    return made[::-1]


def test_a_file_has_every_line_once_in_parts(desk: Desk) -> None:
    """A file of many parts is whole: a head, then everybody once, newest first; the job counts its lines."""
    wanted = people(desk.books, 25)
    job = desk.ask(ExportSubject.PARTNERS)
    assert desk.sent == [job.id]
    desk.work(job)
    assert [row["id"] for row in desk.rows(job)] == wanted
    done = stored.find(desk.books.table, job.id)
    assert (done.done, done.total, done.finished_at_ms) == (25, 25, desk.books.clock())
    assert desk.bucket.calls.count("upload_part") > 3


def test_an_empty_export_has_a_head(desk: Desk) -> None:
    """Where there is nothing to tell the file says what it would have told."""
    job = desk.ask(ExportSubject.PAYMENTS)
    desk.work(job)
    assert desk.rows(job) == []
    assert desk.bucket.objects[f"exports/{job.id}.csv"].startswith(b'"id","programId","origin","amount"')


def test_it_goes_on_where_its_time_was_over(desk: Desk) -> None:
    """A worker that has time for a line only leaves the rest to the next one, and no line is missing or doubled."""
    wanted = people(desk.books, 12)
    job = desk.ask(ExportSubject.PARTNERS)
    assert desk.work(job, go_on=lambda: False) == 13
    assert [row["id"] for row in desk.rows(job)] == wanted


class Fatal:
    """A client that is the last thing that a process calls, at call number `number` of those that change something."""

    def __init__(self, client: Any, number: int, *, done: bool) -> None:
        self._client, self._number, self._done, self.calls = client, number, done, 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if name in ("head_object", "generate_presigned_url"):
            return method

        def call(**arguments: Any) -> Any:
            number, self.calls = self.calls, self.calls + 1
            if number != self._number:
                return method(**arguments)
            if self._done:
                method(**arguments)
            raise Death

        return call


def _interrupted(times: int) -> Callable[[], bool]:
    """Time is over after so many lines, again and again."""
    turns = itertools.cycle([True] * (times - 1) + [False])
    return lambda: next(turns)


def test_a_death_at_any_call_to_the_files_harms_nothing(desk: Desk) -> None:
    """Whoever dies before or after any call to S3 leaves a job that the next one finishes, each line once."""
    wanted = people(desk.books, 12)
    for number in range(100):
        for done in (False, True):
            job, dying = desk.ask(ExportSubject.PARTNERS), Fatal(desk.bucket, number, done=done)
            files = desk.files
            desk.files = Files(dying, "files")
            died = False
            try:
                desk.work(job, _interrupted(7))
            except Death:
                died = True
            desk.files = files
            desk.work(job, _interrupted(7))
            assert [row["id"] for row in desk.rows(job)] == wanted, (number, done)
            if not died:
                assert number > 5
                return
    raise AssertionError("it never comes through")


def test_a_death_at_any_call_to_the_table_harms_nothing(desk: Desk) -> None:
    """The same for the table: what was put into S3 and not named is put again, and nothing is named twice."""
    wanted = people(desk.books, 12)
    for number in range(200):
        for done in (False, True):
            job, client = desk.ask(ExportSubject.PARTNERS), CrashingClient(desk.books.client, number, done=done)
            died = False
            try:
                desk.work(job, _interrupted(7), desk.books.behind(client))
            except Death:
                died = True
            desk.work(job, _interrupted(7))
            assert [row["id"] for row in desk.rows(job)] == wanted, (number, done)
            if not died:
                assert number > 5
                return
    raise AssertionError("it never comes through")


def test_two_workers_at_once_make_one_file(desk: Desk) -> None:
    """A worker that another one has overtaken stops; what it put over the other's part is noticed, and put again."""
    wanted = people(desk.books, 12)
    job = desk.ask(ExportSubject.PARTNERS)
    export_run.run(desk.books.context, desk.files, job, lambda: False, PART)
    stale = stored.find(desk.books.table, job.id)
    desk.books.clock.forward(1)
    newcomer = desk.books.member("late", "default").id
    rounds = iter([True] * 8 + [False] * 100)
    export_run.run(desk.books.context, desk.files, stale, lambda: next(rounds), PART)
    # it changes the first part behind the other's back: of another length, as where names have changed meanwhile
    desk.bucket.uploads[stale.place.upload][1] += b"stale\r\n"
    desk.work(job)
    assert [row["id"] for row in desk.rows(job)] == [newcomer, *wanted], "made anew, so the newcomer is in it"
    assert stored.find(desk.books.table, job.id).place.restarts == 1
    assert export_run.run(desk.books.context, desk.files, stale, lambda: True, PART), "it noticed that it was overtaken"


def test_parts_that_are_lost_again_and_again_fail_the_job(desk: Desk) -> None:
    """An upload that S3 takes away is begun anew three times; then the job says that it failed."""
    people(desk.books, 5)
    job = desk.ask(ExportSubject.PARTNERS)
    for _ in range(50):
        now = stored.find(desk.books.table, job.id)
        if not export_run.run(desk.books.context, desk.files, now, lambda: False, PART):
            break
        desk.bucket.uploads.clear()
        desk.bucket.least = 0
    failed = stored.find(desk.books.table, job.id)
    assert (failed.status, failed.problem) == (JobStatus.FAILED, "the file could not be kept together")


def test_asking_is_idempotent(desk: Desk) -> None:
    """The same request again is the same job, and is sent again while nobody began; another body is refused."""
    first, second = desk.ask(ExportSubject.PARTNERS, "k"), desk.ask(ExportSubject.PARTNERS, "k")
    assert first == second
    assert desk.sent == [first.id, first.id]
    desk.work(first)
    assert desk.ask(ExportSubject.PARTNERS, "k").status is JobStatus.DONE
    assert len(desk.sent) == 2
    with pytest.raises(KeyReused):
        desk.ask(ExportSubject.PARTNERS, "k", body="another")
    assert desk.ask(ExportSubject.PARTNERS).id != desk.ask(ExportSubject.PARTNERS).id


def test_a_cancelled_export_ends(desk: Desk) -> None:
    """Whoever asked may stop it: its parts are thrown away, no file is made, and a second time changes nothing."""
    people(desk.books, 5)
    job = desk.ask(ExportSubject.PARTNERS)
    export_run.run(desk.books.context, desk.files, job, lambda: False, PART)
    running = stored.find(desk.books.table, job.id)
    assert jobs.cancel(desk.books.context, job.id, OWNER).status is JobStatus.CANCELLED
    assert export_run.run(desk.books.context, desk.files, running, lambda: True, PART), "it noticed at its next word"
    assert desk.work(job) == 1
    assert desk.bucket.uploads == {}
    assert f"exports/{job.id}.csv" not in desk.bucket.objects
    assert jobs.cancel(desk.books.context, job.id, OWNER).status is JobStatus.CANCELLED


def test_only_the_owner_stops_what_has_not_ended(desk: Desk) -> None:
    """Another's job does not exist; one that is done stays so."""
    job = desk.ask(ExportSubject.PARTNERS)
    with pytest.raises(JobNotFound):
        jobs.cancel(desk.books.context, job.id, "bob")
    desk.work(job)
    with pytest.raises(Conflict):
        jobs.cancel(desk.books.context, job.id, OWNER)


def test_a_forgotten_job_is_sent_again_and_given_up_after_a_day(desk: Desk) -> None:
    """What nobody worked on for ten minutes is sent to a worker; after a day it has failed, and waits for nobody."""
    job = desk.ask(ExportSubject.PARTNERS)
    desk.sent.clear()
    assert jobs.wake(desk.books.context, desk.send) == {"sent": 0, "given up": 0}
    desk.books.clock.forward(ASK_AGAIN_MS + 1)
    assert jobs.wake(desk.books.context, desk.send) == {"sent": 1, "given up": 0}
    assert desk.sent == [job.id]
    desk.books.clock.forward(GIVE_UP_MS)
    assert jobs.wake(desk.books.context, desk.send) == {"sent": 0, "given up": 1}
    assert stored.find(desk.books.table, job.id).status is JobStatus.FAILED
    assert jobs.wake(desk.books.context, desk.send) == {"sent": 0, "given up": 0}


# ---------------------------------------------------------------- what is in them


@pytest.fixture
def story(desk: Desk) -> Desk:
    """Alice referred Bob, Bob referred Carol, in a second program Dan referred Eve; two have paid, one was paid out."""
    books = desk.books
    books.program("other")
    books.chain("alice", "bob", "carol")
    books.member("dan", "other")
    books.apply("eve", "dan")
    books.clock.forward(1000)
    books.earn("carol", "p1", 100_000)
    books.clock.forward(DAY_MS)
    books.earn("carol", "p2", 50_000)
    books.earn("eve", "p3", 10_000, program_id="other")
    books.refund("p1", 10_000)
    books.pay_out("bob", 5_000)
    books.withdraw("alice", 1_000)
    return desk


def test_rewards(story: Desk) -> None:
    """Every reward of every program once, as it stands now; a partner's, a program's, a status' and a time's alone."""
    books = story.books
    names = ("alice", "bob", "dan")
    wanted = {each.id: each for name in names for each in books.rewards(name)}
    rows = {row["id"]: row for row in story.made(ExportSubject.REWARDS)}
    assert set(rows) == set(wanted)
    assert len(rows) == 5
    for id, row in rows.items():
        told = (row["amount"], row["reversed"], row["status"], row["partnerId"])
        assert told == (str(wanted[id].amount), str(wanted[id].reversed), wanted[id].status, wanted[id].partner_id)
    bob = books.partner("bob").id
    assert {row["id"] for row in story.made(ExportSubject.REWARDS, partnerId=bob)} == {
        each.id for each in books.rewards("bob")
    }
    assert [row["programId"] for row in story.made(ExportSubject.REWARDS, programId="other")] == ["other"]
    assert story.made(ExportSubject.REWARDS, status="CANCELLED") == []
    first_day = iso(START_MS)[:10]
    paid = {row["paymentId"] for row in story.made(ExportSubject.REWARDS, **{"from": first_day, "to": first_day})}
    assert paid == {books.payment("p1").id}


def test_payments(story: Desk) -> None:
    """Every payment that somebody may earn from once, newest first in each program, with what is gone of it."""
    rows = story.made(ExportSubject.PAYMENTS)
    assert {row["id"] for row in rows} == {story.books.payment(each).id for each in ("p1", "p2", "p3")}
    assert [(row["amount"], row["refunded"]) for row in story.made(ExportSubject.PAYMENTS, programId="default")] == [
        ("50000", "0"), ("100000", "10000"),
    ]  # fmt: skip
    late = story.made(ExportSubject.PAYMENTS, **{"from": iso(START_MS + DAY_MS)[:10]})
    assert {row["id"] for row in late} == {story.books.payment(each).id for each in ("p2", "p3")}


def test_the_ledger(story: Desk) -> None:
    """Every entry of everybody's journals, in the order of each journal, without a gap; one partner's alone."""
    books = story.books
    rows = story.made(ExportSubject.LEDGER)
    for name in ("alice", "bob", "dan"):
        of_them = [row for row in rows if row["partnerId"] == books.partner(name).id]
        assert [(row["version"], row["hash"]) for row in of_them] == [
            (str(entry.version), entry.hash) for entry in books.entries(name)
        ]
    assert story.made(ExportSubject.LEDGER, currency="EUR") == []
    bob = books.partner("bob").id
    assert {row["partnerId"] for row in story.made(ExportSubject.LEDGER, partnerId=bob)} == {bob}


def test_the_ledger_goes_on_in_the_middle_of_a_journal(story: Desk) -> None:
    """Stopped after every single line, the file is the same as without a stop."""
    whole, slow = story.made(ExportSubject.LEDGER), story.ask(ExportSubject.LEDGER)
    story.work(slow, go_on=lambda: False)
    assert story.rows(slow) == whole


@pytest.mark.parametrize(
    "what", [ExportSubject.REWARDS, ExportSubject.PAYMENTS, ExportSubject.WITHDRAWALS, ExportSubject.REFERRALS]
)
def test_all_kinds_go_on_where_they_stopped(story: Desk, what: ExportSubject) -> None:
    """Of every kind: stopped after every single step, the file is the same as without a stop."""
    whole, slow = story.made(what), story.ask(what)
    story.work(slow, go_on=lambda: False)
    assert story.rows(slow) == whole
    assert len(whole) >= 2


def test_withdrawals(story: Desk) -> None:
    """Everybody's withdrawals once, with the account as it may be printed, never whole."""
    rows = {row["status"]: row for row in story.made(ExportSubject.WITHDRAWALS)}
    assert set(rows) == {"PAID", "REQUESTED"}
    assert rows["PAID"]["amount"] == "5000"
    assert "DE89370400440532013000" not in str(rows)
    assert [row["status"] for row in story.made(ExportSubject.WITHDRAWALS, status="PAID")] == ["PAID"]


def test_referrals(story: Desk) -> None:
    """Every referral of every program once; a partner's and a program's alone."""
    rows = story.made(ExportSubject.REFERRALS)
    partners = {story.books.partner(name).id for name in ("alice", "bob", "dan")}
    assert {row["partnerId"] for row in rows} == partners
    assert len(rows) == 3
    bob = story.books.partner("bob").id
    assert [row["partnerId"] for row in story.made(ExportSubject.REFERRALS, partnerId=bob)] == [bob]
    assert [row["programId"] for row in story.made(ExportSubject.REFERRALS, programId="other")] == ["other"]


def test_texts_are_no_formulas(desk: Desk) -> None:
    """What partners call themselves is quoted and marked, wherever it stands, and is read back as it was."""
    evil = "x;=HYPERLINK(1);y"
    partners.create(
        desk.books.context, NewPartner("=1+1", "'=1+1", "a@example.com", company_name=evil), "root", "k", ""
    )
    job = desk.ask(ExportSubject.PARTNERS)
    desk.work(job)
    text = desk.bucket.objects[f"exports/{job.id}.csv"].decode()
    assert """"'=1+1","''=1+1","a@example.com","","x;'=HYPERLINK(1);y",""" in text
    assert not [cell for row in csv.reader(io.StringIO(text), delimiter=";") for cell in row if cell.startswith("=")]
    head, row = (cells for _, cells in csv_files.read(text))
    assert row[head.index("firstName") :][:2] == ["=1+1", "'=1+1"]
    assert row[head.index("companyName")] == evil


def test_a_job_is_forgotten_some_day(desk: Desk) -> None:
    """The item has a time to live; it is listed for its owner alone, and no more where the open ones are."""
    job = desk.ask(ExportSubject.PARTNERS)
    desk.work(job)
    item = Table(desk.books.client, desk.books.table_name).get({"pk": f"JOB#{job.id}", "sk": "ROOT"})
    assert item
    assert item["ttl"] * 1000 > desk.books.clock() + 80 * DAY_MS
    assert "waits_in" not in item
    assert list(stored.open_ids(desk.books.table, desk.books.clock() + DAY_MS)) == []


def test_a_person_has_three_open_jobs_at_most(desk: Desk) -> None:
    """The fourth waits until one has ended; the repeat of one that is there is no new one; others have theirs."""
    first, *_ = [desk.ask(ExportSubject.PARTNERS, f"k{number}") for number in range(MOST_OPEN)]
    with pytest.raises(TooManyJobs):
        desk.ask(ExportSubject.PARTNERS, "k9")
    assert desk.ask(ExportSubject.PARTNERS, "k0").id == first.id
    assert (
        jobs.export(desk.books.context, desk.send, ExportSubject.PARTNERS, {}, "ben", "k9", "body").status
        is JobStatus.QUEUED
    )
    desk.work(first)
    assert desk.ask(ExportSubject.PARTNERS, "k9").status is JobStatus.QUEUED
    assert desk.ask(ExportSubject.PARTNERS, "k0").status is JobStatus.DONE
    with pytest.raises(KeyReused):
        desk.ask(ExportSubject.PARTNERS, "k0", "another body")


def test_many_at_once_get_no_more(desk: Desk) -> None:
    """They meet at one item: as many jobs are made as one after the other."""

    def ask(number: int) -> bool:
        try:
            desk.ask(ExportSubject.PARTNERS, f"k{number}")
        except (TooManyJobs, Busy):
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        made = sum(pool.map(ask, range(12)))
    assert 1 <= made <= MOST_OPEN
    open_ids = list(stored.open_ids(desk.books.table, desk.books.clock() + DAY_MS))
    assert len(open_ids) == made
