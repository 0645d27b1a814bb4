"""Statements of a partner's months, from the journal: partners get their own, staff everybody's."""

from __future__ import annotations

from pathlib import Path

from refledger.domain.errors import PartnerNotFound, StatementTooLong
from refledger.entry import config
from refledger.entry.http import Api, Request
from refledger.entry.models.common import CsvFile, NoBody, RawAnswer
from refledger.entry.models.statements import StatementFormat, StatementQuery, StatementView, as_csv, file_name
from refledger.operations.figures import statements
from refledger.operations.partners import reads as partners

FONT = Path(__file__).with_name("DejaVuSans.ttf")
FILES = ("text/csv", "application/pdf")

api = handler = Api()


@api.route(
    "GET /api/v1/partners/{partnerId}/statements/{month}",
    query=StatementQuery,
    answer=StatementView,
    refuses=(PartnerNotFound, StatementTooLong),
    media=FILES,
)
def of_partner(request: Request[NoBody, StatementQuery]) -> StatementView | CsvFile | RawAnswer:
    """Make the statement of a partner's month: opening balance, every movement, closing balance, per currency."""
    return _answer(request, request.id("partnerId"), named=not request.caller.sees_masked)


@api.route(
    "GET /api/v1/me/statements/{month}",
    query=StatementQuery,
    answer=StatementView,
    refuses=(PartnerNotFound, StatementTooLong),
    media=FILES,
)
def own(request: Request[NoBody, StatementQuery]) -> StatementView | CsvFile | RawAnswer:
    """Make the statement of one of the caller's months: opening balance, movements, closing balance, per currency."""
    partner_id = partners.id_of_user(config.context(), request.caller.user)
    if partner_id is None:
        raise PartnerNotFound("only a partner has statements; ask for a referral code first")
    return _answer(request, partner_id, named=True)


def _answer(
    request: Request[NoBody, StatementQuery], partner_id: str, *, named: bool
) -> StatementView | CsvFile | RawAnswer:
    context, month = config.context(), request.path.get("month", "")
    match request.query.format:
        case StatementFormat.PDF:
            return _pdf(request, statements.basis(context, partner_id, month), named=named)
        case StatementFormat.JSON:
            return StatementView.of(statements.of_partner(context, partner_id, month), named=named)
        case StatementFormat.CSV:
            made = statements.of_partner(context, partner_id, month)
            return CsvFile(name=file_name(made, "csv"), text=as_csv(made, named=named))


def _pdf(request: Request[NoBody, StatementQuery], basis: statements.Basis, *, named: bool) -> RawAnswer:
    """Of a month that is over it is made once, and then handed out as it was made; who has it gets 304."""
    partner_id, kind = basis.partner.id, "application/pdf"
    headers = {"content-disposition": f'attachment; filename="{file_name(basis, "pdf")}"'}

    def make() -> bytes:
        from refledger.entry.statement_pdf import render  # half a second: only for who wants one

        return render(statements.of_partner(config.context(), partner_id, str(basis.month)), FONT, named=named)

    if not basis.final:
        return RawAnswer(content_type=kind, content=make(), headers=headers)
    from refledger.entry import statement_files

    tag = statement_files.tag(basis, named=named)
    headers |= {"etag": f'"{tag}"', "cache-control": "private, no-cache"}
    if f'"{tag}"' in request.none_match:
        return RawAnswer(content_type=kind, content=b"", headers=headers, status=304)
    return RawAnswer(
        content_type=kind, content=statement_files.kept(config.files(), partner_id, tag, make), headers=headers
    )
