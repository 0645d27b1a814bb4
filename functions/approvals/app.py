"""Staff see what waits, decide, and say how the transfer ended."""

from __future__ import annotations

from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.entry import config, paging
from refledger.entry.http import Api, Request
from refledger.entry.models.common import NoBody, NoQuery, NoteBody, Page
from refledger.entry.models.withdrawals import StaffWithdrawalView, StatusQuery, TransactionBody
from refledger.operations import withdrawals, workflow
from refledger.store import withdrawals as stored

api = handler = Api()
S = WithdrawalStatus


@api.route("GET /api/v1/withdrawals", query=StatusQuery, answer=Page[StaffWithdrawalView])
def list_by_status(request: Request[NoBody, StatusQuery]) -> Page[StaffWithdrawalView]:
    """List the withdrawals in a status, newest first."""
    context, query = config.context(), request.query
    asked = (request.caller.user, request.route, query.status)
    before = paging.position(context.ids, query.cursor, *asked) or ""
    found = stored.with_status(context.table, query.status, before, query.limit + 1)
    ids, following = paging.cut(context.ids, found, query.limit, *asked)
    page = stored.many(context.table, ids, strong=False)
    here = [StaffWithdrawalView.of(w) for w in page if w.status is query.status]  # the index may be a moment behind
    return Page[StaffWithdrawalView](data=here, next_cursor=following)


@api.route("GET /api/v1/withdrawals/{withdrawalId}", answer=StaffWithdrawalView)
def read(request: Request[NoBody, NoQuery]) -> StaffWithdrawalView:
    """Read a withdrawal, with the whole account to pay to."""
    return StaffWithdrawalView.of(stored.find(config.context().table, request.id("withdrawalId")), whole=True)


@api.route("POST /api/v1/withdrawals/{withdrawalId}/approve", body=NoteBody, answer=StaffWithdrawalView)
def approve(request: Request[NoteBody, NoQuery]) -> StaffWithdrawalView:
    """Approve a withdrawal somebody else asked for."""
    return _decide(request, S.APPROVED)


@api.route("POST /api/v1/withdrawals/{withdrawalId}/reject", body=NoteBody, answer=StaffWithdrawalView)
def reject(request: Request[NoteBody, NoQuery]) -> StaffWithdrawalView:
    """Reject a withdrawal; its money is available again."""
    return _decide(request, S.REJECTED)


@api.route("POST /api/v1/withdrawals/{withdrawalId}/mark-paid", body=TransactionBody, answer=StaffWithdrawalView)
def mark_paid(request: Request[TransactionBody, NoQuery]) -> StaffWithdrawalView:
    """Confirm that the transfer was made."""
    paid = withdrawals.conclude(
        config.context(), request.id("withdrawalId"), S.PAID, request.caller.user, request.fingerprint,
        transaction_id=request.body.transaction_id,
    )  # fmt: skip
    return _told(paid)


@api.route("POST /api/v1/withdrawals/{withdrawalId}/mark-failed", body=NoteBody, answer=StaffWithdrawalView)
def mark_failed(request: Request[NoteBody, NoQuery]) -> StaffWithdrawalView:
    """Say that the transfer was not, and will not be, made; its money is available again."""
    failed = withdrawals.conclude(
        config.context(), request.id("withdrawalId"), S.FAILED, request.caller.user, request.fingerprint,
        note=request.body.note,
    )  # fmt: skip
    return _told(failed)


def _decide(request: Request[NoteBody, NoQuery], status: WithdrawalStatus) -> StaffWithdrawalView:
    decided = withdrawals.decide(
        config.context(), request.id("withdrawalId"), status, request.caller.user, request.fingerprint,
        request.body.note,
    )  # fmt: skip
    return _told(decided)


def _told(withdrawal: Withdrawal) -> StaffWithdrawalView:
    workflow.tell(config.context(), config.waker(), withdrawal)
    return StaffWithdrawalView.of(withdrawal)
