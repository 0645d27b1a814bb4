"""Imports of partners: each line once, whatever dies; on trial nothing is made; a report that tells of every line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from refledger.domain.errors import Invalid, KeyReused
from refledger.domain.jobs import ImportLine, Job, JobStatus, LineStatus
from refledger.domain.partners import Partner
from refledger.entry.models.import_lines import read_partner
from refledger.operations.context import Context
from refledger.operations.jobs import import_run, jobs
from refledger.operations.jobs.import_run import MOST_LINES, parse
from refledger.operations.partners import partners
from refledger.store import jobs as stored
from refledger.store import partners as stored_partners
from refledger.store.audit_actor import acting
from tests.support.books import Books
from tests.support.crashes import AT_READS, CrashingClient
from tests.support.faults import Death

HEAD = "firstName,lastName,email,phone,companyName,programId\r\n"
OWNER = "ann"


class Desk:
    def __init__(self, books: Books) -> None:
        self.books, self.files, self.sent = books, dict[str, str](), list[str]()

    def ask(self, text: str, key: str | None = None, *, dry_run: bool = False) -> Job:
        body = self.books.ids.hash(text, dry_run)

        def keep(id: str, name: str) -> None:
            self.files[name] = text

        return jobs.import_partners(
            self.books.context, lambda id, _: self.sent.append(id), keep, len(parse(text)), OWNER, key, body,
            dry_run=dry_run,
        )  # fmt: skip

    def work(self, job: Job, go_on: Callable[[], bool] = lambda: True, context: Context | None = None) -> None:
        for _ in range(100):
            now, text = stored.find(self.books.table, job.id), self.files[job.source]
            if not import_run.run(context or self.books.context, text, now, read_partner, go_on):
                return
        raise AssertionError("it never comes to an end")

    def lines(self, job: Job, after: int = 0) -> list[ImportLine]:
        return list(stored.lines(self.books.table, job.id, after))

    def everybody(self) -> list[str]:
        ids = [id for _, id in stored_partners.newest(self.books.table, "", 100)]
        return sorted(each.email for start in range(0, len(ids), 100) for each in self.of(ids[start : start + 100]))

    def of(self, ids: list[str]) -> list[Partner]:
        return stored_partners.many(self.books.table, ids)


@pytest.fixture
def desk(books: Books) -> Desk:
    books.program()
    return Desk(books)


def csv(number: int, first: int = 0) -> str:
    lines = (f"Ada,Number {each},ada{each}@example.com,,,\r\n" for each in range(first, first + number))
    return HEAD + "".join(lines)


def test_each_line_becomes_a_partner(desk: Desk) -> None:
    """More lines than are done at once: everybody is made, and the report names each with id and code."""
    job = desk.ask(csv(45))
    assert (job.status, job.total, desk.sent) == (JobStatus.QUEUED, 45, [job.id])
    desk.work(job)
    done = stored.find(desk.books.table, job.id)
    assert (done.status, done.done, done.counts) == (JobStatus.DONE, 45, {"CREATED": 45})
    lines = desk.lines(job)
    assert [line.number for line in lines] == list(range(2, 47))
    made = {each.id: each for each in desk.of([line.id for line in lines])}
    assert [made[line.id].email for line in lines] == [f"ada{each}@example.com" for each in range(45)]
    assert [made[line.id].code for line in lines] == [line.code for line in lines]


def test_on_trial_nothing_is_made(desk: Desk) -> None:
    """A dry run says of each line what would become of it, and there is nobody after it who was not there before."""
    taken = partners.create(desk.books.context, partners.NewPartner("Bo", "B", "Bo@Example.com"), "x", None, "b")
    text = (
        HEAD + "Ada,A,ada@example.com,,,\r\nBo,B,bo@example.COM,,,\r\nAda,A,ADA@example.com,,,\r\n"
        "Cy,C,no address,,,\r\nDi,D,di@example.com,,,nowhere\r\nEd,E\r\n"
    )
    trial = desk.ask(text, dry_run=True)
    desk.work(trial)
    assert desk.everybody() == ["Bo@Example.com"]
    told = [(line.number, line.status, line.id) for line in desk.lines(trial)]
    assert told == [
        (2, LineStatus.WOULD_CREATE, ""), (3, LineStatus.DUPLICATE, taken.id), (4, LineStatus.DUPLICATE, ""),
        (5, LineStatus.INVALID, ""), (6, LineStatus.INVALID, ""), (7, LineStatus.INVALID, ""),
    ]  # fmt: skip
    real = desk.ask(text)
    desk.work(real)
    kept = [line.status for line in desk.lines(real)]
    assert kept == [LineStatus.CREATED, *(status for _, status, _ in told[1:])]
    assert stored.find(desk.books.table, real.id).counts == {"CREATED": 1, "DUPLICATE": 2, "INVALID": 3}


def test_a_report_repeats_nothing_of_the_file(desk: Desk) -> None:
    """A message names fields and rules: what stands in the file stands nowhere else."""
    job = desk.ask(HEAD + "Ada,A,secret address,secret phone,,secret program\r\n")
    desk.work(job)
    (line,) = desk.lines(job)
    assert "email" in line.message
    assert "phone" in line.message
    assert "secret" not in line.message


def test_a_death_anywhere_makes_nobody_twice(desk: Desk) -> None:
    """Whoever dies at any write to the table leaves a job that the next one finishes: each line once, told once."""
    for number in range(100):
        for done in (False, True):
            text = csv(3, first=10 * (2 * number + done))
            job, client = desk.ask(text), CrashingClient(desk.books.client, number, done=done)
            died = False
            try:
                desk.work(job, context=desk.books.behind(client))
            except Death:
                died = True
            desk.work(job)
            assert [line.status for line in desk.lines(job)] == [LineStatus.CREATED] * 3, (number, done)
            addresses = [each.email for each in desk.of([line.id for line in desk.lines(job)])]
            assert addresses == [row.cells["email"] for row in parse(text) if row.cells]
            assert max(Counter(desk.everybody()).values()) == 1
            if not died:
                assert number > (5 if AT_READS else 3)
                return
    raise AssertionError("it never comes through")


def test_it_goes_on_where_its_time_was_over(desk: Desk) -> None:
    """A worker without time does a few lines; what the next ones do is the rest, and each is counted once."""
    job = desk.ask(csv(50))
    first = stored.find(desk.books.table, job.id)
    assert import_run.run(desk.books.context, desk.files[job.source], first, read_partner, lambda: False)
    assert stored.find(desk.books.table, job.id).done == 20
    assert import_run.run(desk.books.context, desk.files[job.source], first, read_partner, lambda: True), "overtaken"
    desk.work(job, go_on=lambda: False)
    assert stored.find(desk.books.table, job.id).counts == {"CREATED": 50}
    assert [line.number for line in desk.lines(job)] == list(range(2, 52))


def test_the_report_goes_on_from_any_line(desk: Desk) -> None:
    """From after each line on the report has all that follow, wherever the items that keep it begin."""
    job = desk.ask(csv(45))
    desk.work(job)
    for after in range(48):
        assert [line.number for line in desk.lines(job, after)] == list(range(max(2, after + 1), 47))


def test_the_same_file_again_makes_nobody(desk: Desk) -> None:
    """Another import of the same people finds their addresses taken, and says by whom."""
    first = desk.ask(csv(3))
    desk.work(first)
    again = desk.ask(csv(3))
    assert again.id != first.id
    desk.work(again)
    assert [line.status for line in desk.lines(again)] == [LineStatus.DUPLICATE] * 3
    assert [line.id for line in desk.lines(again)] == [line.id for line in desk.lines(first)]


def test_asking_is_idempotent(desk: Desk) -> None:
    """The same key and file is the same job; another file, or no longer on trial, is refused and overwrites nothing."""
    first = desk.ask(csv(2), "k")
    assert desk.ask(csv(2), "k").id == first.id
    with pytest.raises(KeyReused):
        desk.ask(csv(3), "k")
    with pytest.raises(KeyReused):
        desk.ask(csv(2), "k", dry_run=True)
    assert desk.files[first.source] == csv(2)


def test_whoever_asked_is_the_author(desk: Desk) -> None:
    """Partners carry who asked for the import, as if they had been made one by one; words about the job do not."""
    with acting("ann", "admin", "192.0.2.1", "r1", "POST /api/v1/imports/partners"):
        job = desk.ask(csv(1))
    before = desk.books.table.get({"pk": f"JOB#{job.id}", "sk": "ROOT"})
    desk.work(job)
    (line,) = desk.lines(job)
    made = desk.books.table.get({"pk": f"PARTNER#{line.id}", "sk": "ROOT"})
    after = desk.books.table.get({"pk": f"JOB#{job.id}", "sk": "ROOT"})
    assert made
    assert before
    assert after
    assert {name: made["who"][name] for name in ("by", "kind", "from", "request")} == {
        "by": "ann", "kind": "admin", "from": "192.0.2.1", "request": "r1",
    }  # fmt: skip
    assert after["who"] == before["who"]
    assert after["status"] == "DONE"


# ---------------------------------------------------------------- files


def test_a_file_is_read_as_spreadsheets_write_it() -> None:
    """A mark of the byte order, columns in any order, quotes, line ends in cells, empty lines, quoted formulas."""
    text = "\ufeffemail,lastName,firstName,phone\n\na@b.ce,\"O'Neil, \n Jr\",Ada,'+49 30\r\n,,,\nb@b.ce,B,Bo,\n"
    first, second = parse(text)
    assert first.number == 3
    assert first.cells == {"email": "a@b.ce", "lastName": "O'Neil, \n Jr", "firstName": "Ada", "phone": "+49 30"}
    assert (second.number, second.cells and second.cells["email"]) == (6, "b@b.ce")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "needs firstName, lastName, email"),
        ("firstName;lastName;email\nA;B;c@d.ef\n", "not known"),
        ("firstName,lastName\nA,B\n", "needs email"),
        ("firstName,lastName,email,email\nA,B,c@d.ef,c@d.ef\n", "twice"),
        (HEAD, "no line below"),
        (HEAD + '"A', "line 2"),
        (HEAD + "A\0da,L,ada@example.com", "NUL"),
        (HEAD + "Ada,A,a@b.ce,,,\r\n" * (MOST_LINES + 1), "at most"),
    ],
)
def test_what_is_no_such_file_is_refused(text: str, words: str) -> None:
    """A file that could be read only in part is not taken at all."""
    with pytest.raises(Invalid, match=words):
        parse(text)
