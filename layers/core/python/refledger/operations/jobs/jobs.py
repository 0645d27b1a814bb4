"""Jobs as people see them: asked for once, looked at, cancelled; and sent to a worker again if one forgot them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from refledger.domain.errors import Conflict, JobNotFound, TooManyJobs
from refledger.domain.jobs import (
    ASK_AGAIN_MS,
    GIVE_UP_MS,
    MOST_OPEN,
    ExportSubject,
    ImportLine,
    Job,
    JobKind,
    JobStatus,
)
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.idempotency import check_same
from refledger.store import jobs
from refledger.store.transaction import ConditionFailed

Send = Callable[[str, str], None]  # job id, and what no other message has


def id_of(context: Context, kind: JobKind, caller: str, key: str | None) -> str:
    """Return the id of a job, the same for the repeat of a request by its Idempotency-Key."""
    return context.ids.hash("job", kind, caller, key) if key else context.ids.new()


def export(
    context: Context,
    send: Send,
    what: ExportSubject,
    filters: Mapping[str, str],
    caller: str,
    key: str | None,
    body: str,
) -> Job:
    """Ask for an export. Idempotent by the Idempotency-Key: the repeat of a request makes no second job.

    A process that dies before the job is there leaves nothing; one that dies before it is sent to a worker leaves a
    job that the repeat, or the schedule, sends. Raises KeyReused, TooManyJobs.
    """
    now_ms = context.now_ms()
    id = id_of(context, JobKind.EXPORT, caller, key)
    return _ask(context, send, Job(id, JobKind.EXPORT, what, caller, now_ms, body, filters, touched_at_ms=now_ms))


def import_partners(
    context: Context,
    send: Send,
    keep: Callable[[str, str], None],
    lines: int,
    caller: str,
    key: str | None,
    body: str,
    *,
    dry_run: bool,
) -> Job:
    """Ask for an import of partners.

    `keep` is given the job's id and the name of the file, and puts it there first.

    Idempotent like `export`; the file's name is made of what is in it, so another body under the same key overwrites
    nothing. `dry_run`: only say what would become of each line. Raises KeyReused, TooManyJobs.
    """
    now_ms, id = context.now_ms(), id_of(context, JobKind.IMPORT, caller, key)
    keep(id, body)
    job = Job(
        id, JobKind.IMPORT, ExportSubject.PARTNERS, caller, now_ms, body, total=lines, dry_run=dry_run, source=body
    )
    return _ask(context, send, replace(job, touched_at_ms=now_ms))


def _ask(context: Context, send: Send, job: Job) -> Job:
    asked = _create(context, job)
    if asked.status is JobStatus.QUEUED:
        send(asked.id, context.ids.new())
    return asked


@retry_on_conflict
def _create(context: Context, job: Job) -> Job:
    listed, version = jobs.may_be_open(context.table, job.owner)
    still = [each.id for each in listed if each.is_open]
    if len(still) >= MOST_OPEN:
        return _repeat(jobs.find_or_none(context.table, job.id), job)
    try:
        room = jobs.note_open(job.owner, [*still, job.id], version, context.now_ms())
        context.table.commit(jobs.create(job), room)
    except ConditionFailed as failed:
        if jobs.IS_NEW not in failed.items:
            raise
        return _repeat(jobs.from_item(failed.items[jobs.IS_NEW]), job)
    return job


def _repeat(earlier: Job | None, job: Job) -> Job:
    """What the same request made before. Raises KeyReused for another one, TooManyJobs where it made nothing."""
    if earlier is None:
        raise TooManyJobs(f"at most {MOST_OPEN} exports and imports of one person at a time; wait, or cancel one")
    check_same(earlier, job.body)
    return earlier


def find(context: Context, job_id: str, kind: JobKind, caller: str) -> Job:
    """A job of the caller's. Raises JobNotFound, also for another's: its file is for whoever asked for it."""
    job = jobs.find(context.table, job_id)
    if job.kind is not kind or job.owner != caller:
        raise JobNotFound("there is no such job")
    return job


def of_message(context: Context, job_id: str) -> Job:
    """Find the job that a message tells of. Raises JobNotFound."""
    return jobs.find(context.table, job_id)


def of_owner(context: Context, owner: str, kind: JobKind, before: str, limit: int) -> Iterator[tuple[str, str]]:
    """List (position, id) of somebody's jobs of a kind, newest first."""
    return jobs.of_owner(context.table, owner, kind, before, limit)


def many(context: Context, ids: Sequence[str]) -> list[Job]:
    """Read those jobs of these ids that there are, a little behind."""
    return jobs.many(context.table, ids)


def lines(context: Context, job_id: str, after: int, limit: int | None = None) -> Iterator[ImportLine]:
    """Tell what became of an import's lines after the number `after`, in the order of the file."""
    return jobs.lines(context.table, job_id, after, limit)


@retry_on_conflict
def cancel(context: Context, job_id: str, caller: str) -> Job:
    """Stop an export; what was written so far is thrown away. Idempotent.

    Whoever works on it notices before it says how far it came. Raises JobNotFound, Conflict where it has ended.
    """
    old = find(context, job_id, JobKind.EXPORT, caller)
    if old.status is JobStatus.CANCELLED:
        return old
    if not old.is_open:
        raise Conflict("the job has ended")
    new = old.changed(context.now_ms(), status=JobStatus.CANCELLED)
    context.table.commit(jobs.change(old, new))
    return new


def wake(context: Context, send: Send) -> dict[str, int]:
    """Send those jobs to a worker again of which nothing was heard, and give up those that never end.

    May be called as often as one likes: a message too many finds nothing to do.
    """
    now_ms, sent, given_up = context.now_ms(), 0, 0
    for job_id in jobs.open_ids(context.table, now_ms - ASK_AGAIN_MS):
        job = jobs.find(context.table, job_id)
        if not job.is_open or now_ms - job.touched_at_ms < ASK_AGAIN_MS:
            continue
        if now_ms - job.touched_at_ms > GIVE_UP_MS:
            fail(context, job, "it did not come any further for a day")
            given_up += 1
            continue
        send(job_id, context.ids.new())
        sent += 1
    return {"sent": sent, "given up": given_up}


def fail(context: Context, job: Job, problem: str) -> None:
    """The job is over, and says why; nothing where somebody else has changed it meanwhile."""
    failed = job.changed(context.now_ms(), status=JobStatus.FAILED, problem=problem)
    try:
        context.table.commit(jobs.change(job, failed))
    except ConditionFailed:
        return
