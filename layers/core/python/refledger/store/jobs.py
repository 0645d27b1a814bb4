"""Jobs as items, and what became of the lines of imports: a few lines to an item."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain, islice

from refledger.domain.errors import JobNotFound
from refledger.domain.jobs import (
    KEPT_MS,
    ExportPosition,
    ExportSubject,
    ImportLine,
    Job,
    JobKind,
    JobStatus,
    LineStatus,
)
from refledger.domain.times import SECOND_MS
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, put

IS_NEW = "the job is new"
IS_UNCHANGED = "the job is as it was read"
HAS_ROOM = "nobody else asked for a job of theirs"


def create(job: Job) -> Write:
    return put(IS_NEW, _to_item(job))


def change(old: Job, new: Job) -> Write:
    """Write the job's next version, unless somebody else made one."""
    assert new.version == old.version + 1
    return put(IS_UNCHANGED, _to_item(new), "#version = :was", was=old.version)


def may_be_open(table: Table, owner: str) -> tuple[list[Job], int]:
    """Return somebody's jobs that were open when they last asked for one, and the version of that list.

    The jobs are as they are now.
    """
    item = table.get(keys.open_jobs_of(owner)) or {"jobs": [], "version": 0}
    found = table.get_many([keys.job(id) for id in item["jobs"]]) if item["jobs"] else []
    return [from_item(each) for each in found if each], item["version"]


def note_open(owner: str, job_ids: Sequence[str], version: int, now_ms: int) -> Write:
    """Note which jobs may be open from now on, if the list is at `version` still (0: there was none)."""
    item = {
        **keys.open_jobs_of(owner), "jobs": list(job_ids), "version": version + 1,
        "ttl": (now_ms + KEPT_MS) // SECOND_MS,
    }  # fmt: skip
    return put(HAS_ROOM, item, "#version = :was", was=version) if version else put(HAS_ROOM, item)


def find(table: Table, job_id: str) -> Job:
    """Find it by its id.

    Raises JobNotFound.
    """
    found = find_or_none(table, job_id)
    if found is None:
        raise JobNotFound("there is no such job")
    return found


def find_or_none(table: Table, job_id: str) -> Job | None:
    item = table.get(keys.job(job_id))
    return from_item(item) if item else None


def of_owner(table: Table, owner: str, kind: JobKind, before: str, page_size: int) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of somebody's jobs of a kind, newest first, from just below `before`."""
    partition, high = keys.jobs_of(owner, kind), before or keys.HIGHEST
    for item in table.query(partition, high=high, index="listed", page_size=page_size, newest_first=True):
        if item["listed_at"] != before:
            yield item["listed_at"], keys.owner_of(item)


def many(table: Table, ids: Sequence[str]) -> list[Job]:
    """Return those that exist."""
    found = table.get_many([keys.job(id) for id in ids], strong=False)
    return [from_item(item) for item in found if item]


def open_ids(table: Table, until_ms: int) -> Iterator[str]:
    """Jobs made before `until_ms` that are not finished, oldest first."""
    for item in table.query(keys.open_jobs(), high=str(until_ms), index="waiting"):
        yield keys.owner_of(item)


# ---------------------------------------------------------------- what became of lines


def report(job_id: str, lines: Sequence[ImportLine], expires_at: int) -> Write:
    """Write what became of these lines, which follow each other.

    The same again takes its place. `expires_at`: seconds.
    """
    rows = [[line.number, line.status.value, line.id, line.code, line.message] for line in lines]
    item = {**keys.job_lines(job_id, lines[0].number), "lines": rows, "ttl": expires_at}
    return put("the lines are told", item, condition="")


def lines(table: Table, job_id: str, after: int, page_size: int | None = None) -> Iterator[ImportLine]:
    """Yield what became of the lines whose number is above `after`, in their order.

    `page_size`: items a read.
    """
    found: Iterator[Item] = iter(())
    if after:  # the item in which this one is may have more
        begun = table.query(*keys.job_lines_until(job_id, after), page_size=1, newest_first=True, strong=False)
        found = islice(begun, 1)
    following = table.query(*keys.job_lines_after(job_id, after), page_size=page_size, strong=False)
    for item in chain(found, following):
        yield from (line for line in map(_line, item["lines"]) if line.number > after)


def _line(row: list[int | str]) -> ImportLine:
    number, status, id, code, message = row
    return ImportLine(int(number), LineStatus(str(status)), str(id), str(code), str(message))


# ---------------------------------------------------------------- items


def expires_at(job: Job) -> int:
    """Return when the job is forgotten, in epoch seconds."""
    return (job.created_at_ms + KEPT_MS) // SECOND_MS


def _to_item(job: Job) -> Item:
    place = job.place
    item: Item = {
        **keys.job(job.id), "kind": job.kind.value, "what": job.what.value, "owner": job.owner,
        "created": job.created_at_ms, "body": job.body, "filters": dict(job.filters), "status": job.status.value,
        "done": job.done, "total": job.total, "dry": job.dry_run, "source": job.source, "counts": dict(job.counts),
        "upload": place.upload, "parts": list(place.parts), "position": json.dumps(place.position),
        "rest": place.rest, "complete": place.complete, "restarts": place.restarts,
        "touched": job.touched_at_ms, "finished": job.finished_at_ms, "problem": job.problem, "version": job.version,
        "ttl": expires_at(job), **({"who": dict(job.who)} if job.who else {}),
        **keys.listed(keys.jobs_of(job.owner, job.kind), job.created_at_ms, job.id),
    }  # fmt: skip
    return item | (keys.waiting(keys.open_jobs(), job.created_at_ms, job.id) if job.is_open else {})


def from_item(item: Item) -> Job:
    return Job(
        id=keys.owner_of(item),
        kind=JobKind(item["kind"]),
        what=ExportSubject(item["what"]),
        owner=item["owner"],
        created_at_ms=item["created"],
        body=item["body"],
        filters=item["filters"],
        status=JobStatus(item["status"]),
        done=item["done"],
        total=item["total"],
        dry_run=item["dry"],
        source=item["source"],
        counts=item["counts"],
        place=ExportPosition(
            upload=item["upload"], parts=tuple(item["parts"]), position=json.loads(item["position"]),
            rest=item["rest"], complete=item["complete"], restarts=item["restarts"],
        ),
        touched_at_ms=item["touched"],
        finished_at_ms=item["finished"],
        problem=item["problem"],
        who=item.get("who", {}),
        version=item["version"],
    )  # fmt: skip
