"""Statements of a partner's months, from the journal: partners get their own, staff everybody's."""

from __future__ import annotations

from pathlib import Path

from refledger.domain.errors import PartnerNotFound, StatementTooLong
from refledger.entry import config
from refledger.entry.http import Api, Request
from refledger.entry.models.common import CsvFile, NoBody, RawAnswer
from refledger.entry.models.statements import Format, StatementQuery, StatementView, as_csv, file_name
from refledger.operations import statements
from refledger.store import partners

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
    partner_id = partners.id_of_user(config.context().table, request.caller.user)
    if partner_id is None:
        raise PartnerNotFound("only a partner has statements; ask for a referral code first")
    return _answer(request, partner_id, named=True)


def _answer(
    request: Request[NoBody, StatementQuery], partner_id: str, *, named: bool
) -> StatementView | CsvFile | RawAnswer:
    made = statements.of_partner(config.context(), partner_id, request.path.get("month", ""))
    match request.query.format:
        case Format.JSON:
            return StatementView.of(made)
        case Format.CSV:
            return CsvFile(name=file_name(made, "csv"), text=as_csv(made))
        case Format.PDF:
            from refledger.entry.statement_pdf import render  # half a second: only for who wants one

            headers = {"content-disposition": f'attachment; filename="{file_name(made, "pdf")}"'}
            return RawAnswer(content_type="application/pdf", content=render(made, FONT, named=named), headers=headers)
