"""An export at work: its lines into parts of one file in S3, on from wherever the last worker came.

What counts is the job's item: the parts that it names will be in the file, and `position` says after which line they
end. A worker puts a part first and names it then, under the version that it read; so one that dies in between has done
nothing (the next one puts the same part again), and of two at once only one names its parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from refledger.adapters.files import LEAST_PART_BYTES, UploadLost
from refledger.domain.jobs import ExportPosition, Job, JobStatus
from refledger.domain.zip_files import TooLarge
from refledger.operations.context import Context
from refledger.operations.jobs import contents
from refledger.operations.jobs.jobs import fail
from refledger.store import jobs
from refledger.store.transaction import ConditionFailed

MOST_RESTARTS: Final = 3
MOST_PARTS: Final = 5_000  # their names stay together in one item; S3 itself takes 10,000


class Sheets(Protocol):
    """Where the parts go; see `adapters/files.py`."""

    def begin(self, job_id: str, content_type: str) -> str: ...

    def put_part(self, job_id: str, upload: str, number: int, content: bytes) -> str: ...

    def complete(self, job_id: str, upload: str, tags: Sequence[str]) -> None: ...

    def abort(self, job_id: str, upload: str) -> None: ...

    def put_rest(self, job_id: str, name: str, content: bytes) -> None: ...

    def rest(self, job_id: str, name: str) -> bytes: ...


def run(
    context: Context, files: Sheets, job: Job, go_on: Callable[[], bool], part_bytes: int = LEAST_PART_BYTES
) -> bool:
    """Work on the job as long as `go_on` says so.

    Returns whether there is more to do: it wants to be called again.

    Idempotent: may die at any moment, and be repeated, without a line missing or being there twice.
    """
    if job.status is JobStatus.CANCELLED and job.place.upload:
        files.abort(job.id, job.place.upload)
    if not job.is_open:
        return False
    try:
        return _Writer(context, files, job, part_bytes).run(go_on)
    except ConditionFailed:  # it was cancelled, or another worker is at it
        return True
    except UploadLost:
        return _begin_again(context, job.id)
    except TooLarge:
        fail(context, jobs.find(context.table, job.id), "it is too long: ask for a shorter time")
        return False


def _begin_again(context: Context, job_id: str) -> bool:
    """The parts are gone, taken away by the bucket's rule or by somebody: all of it once more, a few times."""
    job = jobs.find(context.table, job_id)
    if job.place.restarts >= MOST_RESTARTS:
        fail(context, job, "the file could not be kept together")
        return False
    fresh = ExportPosition(restarts=job.place.restarts + 1)
    again = job.changed(context.now_ms(), status=JobStatus.QUEUED, done=0, place=fresh)
    context.table.commit(jobs.change(job, again))
    return True


class _Writer:
    """One run. `job` is how the table knows it; `text` and `lines` are what it does not know of yet."""

    def __init__(self, context: Context, files: Sheets, job: Job, part_bytes: int) -> None:
        self.context, self.files, self.job, self.part_bytes = context, files, job, part_bytes
        self.text, self.lines, self.position = bytearray(), 0, job.place.position

    def run(self, go_on: Callable[[], bool]) -> bool:
        if not self.job.place.upload:
            self._save(
                status=JobStatus.RUNNING,
                place=replace(self.job.place, upload=self.files.begin(self.job.id, self.job.content_type)),
            )
        if not self.job.place.complete and not self._write(go_on):
            return True
        return self._finish()

    def _write(self, go_on: Callable[[], bool]) -> bool:
        """All that is left of the source, or as much as there is time for. Returns whether it was all."""
        place = self.job.place
        if place.rest:
            self.text += self.files.rest(self.job.id, place.rest)
        elif not place.parts:
            self.text += contents.head(self.job)
        for position, text, lines in contents.pieces(self.context, self.job, place.position):
            self.text += text
            self.lines, self.position = self.lines + lines, position
            if len(self.text) >= self.part_bytes:
                self._put_part(complete=False)
                if len(self.job.place.parts) > MOST_PARTS:
                    fail(self.context, self.job, "it is too long: ask for a shorter time")
                    self.files.abort(self.job.id, self.job.place.upload)
                    return False
            if not go_on():
                self._put_rest()
                return False
        self._put_part(complete=True)
        return True

    def _put_part(self, *, complete: bool) -> None:
        place = self.job.place
        tag = self.files.put_part(self.job.id, place.upload, len(place.parts) + 1, bytes(self.text))
        parts = (*place.parts, tag)
        self._come_to(replace(place, parts=parts, position=self.position, rest="", complete=complete))

    def _put_rest(self) -> None:
        """Keep what is no part yet. Under a name of its own each time: what the job names is never written over."""
        rest = self.context.ids.new() if self.text else ""
        if rest:
            self.files.put_rest(self.job.id, rest, bytes(self.text))
        self._come_to(replace(self.job.place, position=self.position, rest=rest))

    def _come_to(self, place: ExportPosition) -> None:
        self._save(place=place, done=self.job.done + self.lines)
        self.text, self.lines = bytearray(), 0

    def _finish(self) -> bool:
        """All is written and named: make the file of it. The job says so only after that."""
        self.files.complete(self.job.id, self.job.place.upload, self.job.place.parts)
        self._save(status=JobStatus.DONE, total=self.job.done)
        return False

    def _save(self, **changes: object) -> None:
        new = self.job.changed(self.context.now_ms(), **changes)
        self.context.table.commit(jobs.change(self.job, new))
        self.job = new
