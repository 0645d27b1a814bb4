"""Jobs: work too long for one call. An export writes a file, an import takes one; both go on where they stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, Self

from refledger.domain.times import DAY_MS, MINUTE_MS

LINK_SECONDS: Final = 600
FILES_KEPT_MS: Final = 7 * DAY_MS  # the bucket's own rule takes them after that
KEPT_MS: Final = 90 * DAY_MS
ASK_AGAIN_MS: Final = 10 * MINUTE_MS  # a worker says something at least once a minute
GIVE_UP_MS: Final = DAY_MS
MOST_OPEN: Final = 3  # of one person at a time: each reads or writes whole tables


class JobKind(StrEnum):
    EXPORT = "EXPORT"
    IMPORT = "IMPORT"


class JobStatus(StrEnum):
    """How far a job in the background is."""

    QUEUED = "QUEUED"  # has not begun
    RUNNING = "RUNNING"  # has begun, and is not done
    DONE = "DONE"  # all of it is done
    FAILED = "FAILED"  # given up; `problem` says why
    CANCELLED = "CANCELLED"  # a person stopped it


class ExportSubject(StrEnum):
    """What is exported; of imports there is PARTNERS alone."""

    PARTNERS = "PARTNERS"  # who refers customers
    REFERRALS = "REFERRALS"  # customers and leads
    REWARDS = "REWARDS"  # what partners earn
    PAYMENTS = "PAYMENTS"  # what customers paid
    WITHDRAWALS = "WITHDRAWALS"  # what partners asked to be paid
    LEDGER = "LEDGER"  # journal entries
    AUDIT = "AUDIT"  # who changed what
    JOURNAL = "JOURNAL"  # the ledger as accounting software takes it
    MONTH_END = "MONTH_END"  # a closed month, as one ZIP file


class LineStatus(StrEnum):
    """What became of a line of an import. The first two are the same, for real and on trial."""

    CREATED = "CREATED"  # a partner was made of it
    WOULD_CREATE = "WOULD_CREATE"  # a partner would be made of it
    DUPLICATE = "DUPLICATE"  # a partner has this address, or the file has it twice
    INVALID = "INVALID"  # not usable; `detail` says why


OPEN: Final = frozenset({JobStatus.QUEUED, JobStatus.RUNNING})


@dataclass(frozen=True)
class ExportPosition:
    """Where an export stands. All that is told to be written by it is in S3, and nothing else will be in the file.

    `upload`: id of S3's multipart upload, "" before it begins. `parts`: the tags of its parts, in their order.
    `position`: after what the source goes on, None at its beginning. `rest`: name of the object that holds what is
    no whole part yet, "" for none. `complete`: there is no more to write. `restarts`: how often it began again.
    """

    upload: str = ""
    parts: tuple[str, ...] = ()
    position: Any = None
    rest: str = ""
    complete: bool = False
    restarts: int = 0


@dataclass(frozen=True)
class Job:
    """`filters`: by their names in the API. `body`: hash of what was asked for. `owner`: keyed hash of the user.

    `done`: lines written (export) or looked at (import). `total`: lines of an import, None where nobody knows before
    the end. `source`: hash in the name of the file that is imported. `counts`: lines of an import by status.
    `who`: who asked, as the store keeps it. `version` counts every change; a worker that is not the last one to know
    it has to stop.
    """

    id: str
    kind: JobKind
    what: ExportSubject
    owner: str
    created_at_ms: int
    body: str
    filters: Mapping[str, str] = field(default_factory=dict)
    status: JobStatus = JobStatus.QUEUED
    done: int = 0
    total: int | None = None
    dry_run: bool = False
    source: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    place: ExportPosition = field(default_factory=ExportPosition)
    touched_at_ms: int = 0
    finished_at_ms: int = 0
    problem: str = ""
    who: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def format(self) -> str:
        """Of an export's file: CSV, ZIP, or whose software's."""
        return "ZIP" if self.what is ExportSubject.MONTH_END else self.filters.get("format", "CSV")

    @property
    def content_type(self) -> str:
        return "application/zip" if self.what is ExportSubject.MONTH_END else "text/csv"

    @property
    def file_name(self) -> str:
        """As whoever gets an export keeps it. DATEV takes files that are called so, and no others."""
        if self.what is ExportSubject.MONTH_END:
            return f"month-end-{self.filters['month']}.zip"
        if self.format == "DATEV":
            return f"EXTF_Buchungsstapel_{self.id}.csv"
        return f"{self.what.value.lower()}-{self.id}.csv"

    def changed(self, now_ms: int, **changes: Any) -> Self:
        """Return the next version.

        One whose status is final has finished now.
        """
        new = replace(self, **changes, touched_at_ms=now_ms, version=self.version + 1)
        return new if new.is_open or new.finished_at_ms else replace(new, finished_at_ms=now_ms)

    def has_file(self, now_ms: int) -> bool:
        """Return whether there is a file to be fetched: made, and not yet taken away."""
        return self.status is JobStatus.DONE and now_ms < self.finished_at_ms + FILES_KEPT_MS


@dataclass(frozen=True)
class ImportLine:
    """What became of the line that begins at line `number` of an imported file. `id`, `code`: of the partner.

    `message` names fields and rules, never what was in the file.
    """

    number: int
    status: LineStatus
    id: str = ""
    code: str = ""
    message: str = ""
