"""An import of partners at work: a few lines at a time, on from wherever the last worker came.

Each line is a request of its own, under a key made of the job and the line. So whoever does the same lines again, after
a death or a lost answer, gets the partners that were made, and makes none twice; another file with the same people in
it finds their addresses taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from refledger.adapters.files import FileGone, Files
from refledger.domain import csv_files
from refledger.domain.errors import EmailTaken, Invalid, ProgramNotFound, UserTaken
from refledger.domain.jobs import ImportLine, Job, JobStatus, LineStatus
from refledger.operations.context import Context
from refledger.operations.jobs.jobs import fail
from refledger.operations.partners import partners
from refledger.operations.partners.partners import NewPartner
from refledger.store import jobs, programs
from refledger.store import partners as stored_partners
from refledger.store.audit_actor import acting_again
from refledger.store.transaction import ConditionFailed

COLUMNS: Final = ("firstName", "lastName", "email", "phone", "companyName", "programId")
NEEDED: Final = COLUMNS[:3]
MOST_LINES: Final = 5_000
AT_ONCE: Final = 20  # lines between two words about how far it came
TAKEN: Final = "there is a partner with this e-mail address already"

Read = Callable[[dict[str, str]], NewPartner]  # raises Invalid


@dataclass(frozen=True)
class ImportRow:
    """`number`: of the line in the file where it begins. `cells`: by column; None where there are too many or few."""

    number: int
    cells: dict[str, str] | None


def parse(text: str) -> list[ImportRow]:
    """The lines of a file: a head with the names of columns, then a partner each. Empty lines are none.

    Marks are taken off that exports put before what a spreadsheet would take for a formula.
    Raises Invalid where it is no such file.
    """
    lines = csv_files.read(text)
    head = [name.strip() for name in next(lines, (1, []))[1]]
    _check(head)
    rows = [_row(number, head, cells) for number, cells in lines if any(cell.strip() for cell in cells)]
    if not rows:
        raise Invalid("there is no line below the head")
    if len(rows) > MOST_LINES:
        raise Invalid(f"at most {MOST_LINES} lines: please cut the file")
    return rows


def _check(head: list[str]) -> None:
    if unknown := [name for name in head if name not in COLUMNS]:
        raise Invalid(f"the head has {len(unknown)} columns that are not known; known are {', '.join(COLUMNS)}")
    if missing := [name for name in NEEDED if name not in head]:
        raise Invalid(f"the head needs {', '.join(missing)}; columns are separated by commas")
    if len(set(head)) < len(head):
        raise Invalid("a column is there twice")


def _row(number: int, head: list[str], cells: list[str]) -> ImportRow:
    fits = len(cells) == len(head)
    return ImportRow(number, dict(zip(head, cells, strict=True)) if fits else None)


def run_file(context: Context, files: Files, job: Job, read: Read, go_on: Callable[[], bool]) -> bool:
    """Work on what was sent, like `run`.

    A job whose file is gone or cannot be read any more is over, and says why.
    """
    if not job.is_open:
        return False
    try:
        return run(context, files.source(job.id, job.source), job, read, go_on)
    except FileGone:  # no repeat would find it
        fail(context, job, "the file that was sent is gone, files are kept for a week: send it again")
    except Invalid as error:  # it was looked at before it was taken, by an older version of this code
        fail(context, job, error.detail)
    return False


def run(context: Context, text: str, job: Job, read: Read, go_on: Callable[[], bool]) -> bool:
    """Work on the job as long as `go_on` says so.

    Returns whether there is more to do: it wants to be called again.

    `read` makes a partner of a line's cells. Idempotent: may die at any moment, and be repeated.
    """
    if not job.is_open:
        return False
    rows = parse(text)
    first = _first_with(rows)
    try:
        while True:
            now = rows[job.done : job.done + AT_ONCE]
            lines = [_line(context, job, row, read, first) for row in now]
            job = _come_to(context, job, lines, len(rows))
            if not job.is_open:
                return False
            if not go_on():
                return True
    except ConditionFailed:  # another worker is at it
        return True


def _come_to(context: Context, job: Job, lines: Sequence[ImportLine], total: int) -> Job:
    """What became of the lines, and how far it came, in one transaction."""
    counts = Counter(job.counts)
    counts.update(line.status.value for line in lines)
    done = job.done + len(lines)
    status = JobStatus.RUNNING if done < total else JobStatus.DONE
    new = job.changed(context.now_ms(), status=status, done=done, total=total, counts=dict(counts))
    context.table.commit(jobs.change(job, new), jobs.report(job.id, lines, jobs.expires_at(job)))
    return new


def _first_with(rows: Sequence[ImportRow]) -> dict[str, int]:
    """The first line with each e-mail address."""
    found: dict[str, int] = {}
    for row in rows:
        if row.cells:
            found.setdefault(_folded(row.cells), row.number)
    return found


def _folded(cells: dict[str, str]) -> str:
    return cells["email"].strip().casefold()


def _line(context: Context, job: Job, row: ImportRow, read: Read, first: dict[str, int]) -> ImportLine:
    """What becomes of one line; the same again for its repeat."""
    if row.cells is None:
        return ImportLine(row.number, LineStatus.INVALID, message="not as many columns as the head has")
    try:
        new = read(row.cells)
        if (before := first[_folded(row.cells)]) != row.number:
            return ImportLine(row.number, LineStatus.DUPLICATE, message=f"line {before} has the same e-mail address")
        if job.dry_run:
            return _try(context, row, new)
        with acting_again(job.who):
            made = partners.create(
                context, new, job.owner, f"{job.id} {row.number}", context.ids.hash("line", *row.cells.items())
            )
    except (EmailTaken, UserTaken) as taken:
        return ImportLine(row.number, LineStatus.DUPLICATE, _holder(context, row.cells), message=taken.detail)
    except (Invalid, ProgramNotFound) as wrong:
        return ImportLine(row.number, LineStatus.INVALID, message=wrong.detail)
    return ImportLine(row.number, LineStatus.CREATED, made.id, made.code)


def _try(context: Context, row: ImportRow, new: NewPartner) -> ImportLine:
    """What would become of it. Raises like what makes the partner."""
    programs.find(context.table, new.program_id)
    if holder := _holder(context, {"email": new.email}):
        return ImportLine(row.number, LineStatus.DUPLICATE, holder, message=TAKEN)
    return ImportLine(row.number, LineStatus.WOULD_CREATE)


def _holder(context: Context, cells: dict[str, str]) -> str:
    """The partner who has the e-mail address, "" for nobody."""
    hashed = partners.address(context, cells["email"].strip())
    return stored_partners.id_of_address(context.table, hashed) or ""
