"""Exports and imports: asked for here, made by the job worker, looked at here again."""

from __future__ import annotations

from refledger.domain import statements
from refledger.domain.errors import Conflict, JobNotFound, KeyReused, TooManyJobs
from refledger.domain.jobs import LINK_SECONDS, Job, JobKind
from refledger.domain.times import SECOND_MS
from refledger.entry import config
from refledger.entry.http import Api, Request
from refledger.entry.models.common import CsvFile, NoBody, NoQuery, Page, PageQuery
from refledger.entry.models.jobs import ExportView, ImportLineView, ImportQuery, ImportView, NewExport, PartnersCsv
from refledger.operations.jobs import jobs

api = handler = Api()

REPORT_HEAD = ("line", "status", "id", "code", "message")


# ---------------------------------------------------------------- exports


@api.route("POST /api/v1/exports", body=NewExport, answer=ExportView, status=202, refuses=(KeyReused, TooManyJobs))
def export(request: Request[NewExport, NoQuery]) -> ExportView:
    """Ask for a file with everything that a list has, without pages."""
    body, caller = request.body, request.caller.user
    if body.filters.month:
        statements.check_closed(body.filters.month, config.context().now_ms())
    job = jobs.export(
        config.context(), config.job_queue().send, body.what, body.as_text(), caller, request.key,
        request.body_hash,
    )  # fmt: skip
    return _export(job)


@api.route("GET /api/v1/exports", query=PageQuery, answer=Page[ExportView], refuses=())
def list_own(request: Request[NoBody, PageQuery]) -> Page[ExportView]:
    """List the exports that you asked for, newest first."""
    page, following = _own(request, JobKind.EXPORT, request.position(""))
    return Page[ExportView](data=[_export(job) for job in page], next_cursor=following)


@api.route("GET /api/v1/exports/{exportId}", answer=ExportView, refuses=(JobNotFound,))
def read_export(request: Request[NoBody, NoQuery]) -> ExportView:
    """See how far an export is; when it is done, with a link to its file that is good for ten minutes."""
    return _export(_job(request, "exportId", JobKind.EXPORT), linked=True)


@api.route("DELETE /api/v1/exports/{exportId}", answer=ExportView, refuses=(JobNotFound, Conflict))
def cancel(request: Request[NoBody, NoQuery]) -> ExportView:
    """Stop an export that is not done."""
    return _export(jobs.cancel(config.context(), request.id("exportId"), request.caller.user))


def _export(job: Job, *, linked: bool = False) -> ExportView:
    now_ms = config.context().now_ms()
    if not (linked and job.has_file(now_ms)):
        return ExportView.of(job)
    link = config.files().link(job.id, job.file_name)
    return ExportView.of(job, link, now_ms + LINK_SECONDS * SECOND_MS)


def _own(request: Request[NoBody, PageQuery], kind: JobKind, before: str) -> tuple[list[Job], str | None]:
    context = config.context()
    ids, following = request.page(jobs.of_owner(context, request.caller.user, kind, before, request.query.limit + 1))
    return jobs.many(context, ids), following


def _job(request: Request[NoBody, NoQuery] | Request[NoBody, PageQuery], name: str, kind: JobKind) -> Job:
    return jobs.find(config.context(), request.id(name), kind, request.caller.user)


# ---------------------------------------------------------------- imports


@api.route(
    "POST /api/v1/imports/partners", body=PartnersCsv, query=ImportQuery, answer=ImportView, status=202,
    refuses=(KeyReused, TooManyJobs),
)  # fmt: skip
def import_partners(request: Request[PartnersCsv, ImportQuery]) -> ImportView:
    """Make partners of the lines of a CSV file, or only say what would become of each."""
    from refledger.operations.jobs.import_run import parse  # no other call here reads files

    context, text, dry_run = config.context(), request.body.text, request.query.dry_run
    lines = len(parse(text))
    body = context.ids.hash("import", request.body_hash, dry_run)
    job = jobs.import_partners(
        context, config.job_queue().send, lambda id, name: config.files().put_source(id, name, text), lines,
        request.caller.user, request.key, body, dry_run=dry_run,
    )  # fmt: skip
    return ImportView.of(job)


@api.route("GET /api/v1/imports", query=PageQuery, answer=Page[ImportView], refuses=())
def list_imports(request: Request[NoBody, PageQuery]) -> Page[ImportView]:
    """List the imports that you asked for, newest first."""
    page, following = _own(request, JobKind.IMPORT, request.position(""))
    return Page[ImportView](data=[ImportView.of(job) for job in page], next_cursor=following)


@api.route("GET /api/v1/imports/{importId}", answer=ImportView, refuses=(JobNotFound,))
def read_import(request: Request[NoBody, NoQuery]) -> ImportView:
    """See how far an import is."""
    return ImportView.of(_job(request, "importId", JobKind.IMPORT))


@api.route(
    "GET /api/v1/imports/{importId}/report", query=PageQuery, answer=Page[ImportLineView], refuses=(JobNotFound,)
)  # fmt: skip
def report(request: Request[NoBody, PageQuery]) -> Page[ImportLineView]:
    """List what became of each line, in the order of the file."""
    context, query = config.context(), request.query
    job = _job(request, "importId", JobKind.IMPORT)
    after = int(request.position(0))
    found = ((str(line.number), line) for line in jobs.lines(context, job.id, after, query.limit))
    page, following = request.page(found)
    return Page[ImportLineView](data=[ImportLineView.of(line) for line in page], next_cursor=following)


@api.route("GET /api/v1/imports/{importId}/report/file", answer=CsvFile, refuses=(JobNotFound,))
def report_file(request: Request[NoBody, NoQuery]) -> CsvFile:
    """Get what became of each line as one CSV file."""
    from refledger.domain import csv_files  # no other call here writes files

    job = _job(request, "importId", JobKind.IMPORT)
    lines = jobs.lines(config.context(), job.id, 0)
    rows = ((line.number, line.status, line.id, line.code, line.message) for line in lines)
    return CsvFile(name=f"import-{job.id}.csv", text=csv_files.write((REPORT_HEAD, *rows)))
