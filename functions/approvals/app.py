"""Staff see what waits, decide, and say how the transfer ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refledger.domain.errors import WithdrawalNotFound
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.entry import config, paging
from refledger.entry.http import IDENTIFIER, Api, Request
from refledger.entry.models.common import NoBody, NoQuery, NoteBody, Page
from refledger.entry.models.withdrawals import (
    BulkApproval,
    BulkPaid,
    BulkResult,
    BulkResults,
    ReasonBody,
    ReturnBody,
    StaffWithdrawalView,
    StatusQuery,
    TransactionBody,
)
from refledger.operations import bulk, mending, methods, withdrawals, workflow
from refledger.operations.context import Context
from refledger.store import withdrawals as stored

api = handler = Api()
S = WithdrawalStatus


@api.route("GET /api/v1/withdrawals", query=StatusQuery, answer=Page[StaffWithdrawalView])
def list_by_status(request: Request[NoBody, StatusQuery]) -> Page[StaffWithdrawalView]:
    """List the withdrawals in a status, or those with a problem; newest in it first."""
    context, query = config.context(), request.query
    status = None if query.problem else query.status or S.REQUESTED
    asked = (request.caller.user, request.route, status)
    before = paging.position(context.ids, query.cursor, *asked) or ""
    if status:
        found = stored.with_status(context.table, status, before, query.limit + 1)
    else:
        found = stored.with_problem(context.table, before, query.limit + 1)
    ids, following = paging.cut(context.ids, found, query.limit, *asked)
    page = stored.many(context.table, ids, strong=False)
    here = [
        StaffWithdrawalView.of(w)
        for w in page  # the index may be a moment behind
        if (w.status is status and not w.problem if status else w.problem)
    ]
    return Page[StaffWithdrawalView](data=here, next_cursor=following)


@api.route("GET /api/v1/withdrawals/{withdrawalId}", answer=StaffWithdrawalView)
def read(request: Request[NoBody, NoQuery]) -> StaffWithdrawalView:
    """Read a withdrawal, with the whole account to pay to."""
    context = config.context()
    withdrawal = stored.find(context.table, request.id("withdrawalId"))
    return StaffWithdrawalView.of(withdrawal, methods.account_of(context, config.vault(), withdrawal))


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
    return _told(withdrawals.conclude(*_on(request, S.PAID), transaction_id=request.body.transaction_id))


@api.route("POST /api/v1/withdrawals/{withdrawalId}/mark-failed", body=NoteBody, answer=StaffWithdrawalView)
def mark_failed(request: Request[NoteBody, NoQuery]) -> StaffWithdrawalView:
    """Say that the transfer was not, and will not be, made; its money is available again."""
    return _told(withdrawals.conclude(*_on(request, S.FAILED), note=request.body.note))


@api.route("POST /api/v1/withdrawals/{withdrawalId}/retry", body=NoteBody, answer=StaffWithdrawalView)
def retry(request: Request[NoteBody, NoQuery]) -> StaffWithdrawalView:
    """Try a payout again that the provider declined for a reason that is gone."""
    return _told(mending.retry(*_what(request), request.body.note))


@api.route("POST /api/v1/withdrawals/{withdrawalId}/mark-returned", body=ReturnBody, answer=StaffWithdrawalView)
def mark_returned(request: Request[ReturnBody, NoQuery]) -> StaffWithdrawalView:
    """Say that the whole payout came back; its money is available again."""
    body = request.body
    return _told(mending.mark_returned(*_what(request), body.note, body.transaction_id or ""))


@api.route("POST /api/v1/withdrawals/{withdrawalId}/resolve", body=ReasonBody, answer=StaffWithdrawalView)
def resolve(request: Request[ReasonBody, NoQuery]) -> StaffWithdrawalView:
    """End a problem that was put right elsewhere, by an adjustment say."""
    return _told(mending.resolve(*_what(request), request.body.note))


@api.route("POST /api/v1/withdrawals/bulk-approve", body=BulkApproval, answer=BulkResults)
def bulk_approve(request: Request[BulkApproval, NoQuery]) -> BulkResults:
    """Approve up to 50 withdrawals, each by itself, with a result for each."""
    context, body = config.context(), request.body

    def approve_one(id: str) -> Withdrawal:
        return withdrawals.decide(context, id, S.APPROVED, request.caller.user, request.fingerprint, body.note)

    return _each(body.withdrawal_ids, approve_one)


@api.route("POST /api/v1/withdrawals/bulk-mark-paid", body=BulkPaid, answer=BulkResults)
def bulk_mark_paid(request: Request[BulkPaid, NoQuery]) -> BulkResults:
    """Confirm up to 50 transfers, each by itself, with a result for each."""
    context, transactions = config.context(), {each.withdrawal_id: each.transaction_id for each in request.body.items}

    def pay_one(id: str) -> Withdrawal:
        return withdrawals.conclude(
            context, id, S.PAID, request.caller.user, request.fingerprint, transaction_id=transactions[id]
        )  # fmt: skip

    return _each(list(transactions), pay_one)


def _each(ids: list[str], act: Callable[[str], Withdrawal]) -> BulkResults:
    context = config.context()

    def one(id: str) -> Withdrawal:
        if not IDENTIFIER.fullmatch(id):
            raise WithdrawalNotFound("there is no such withdrawal")
        changed = act(id)
        workflow.tell(context, config.waker(), changed)
        return changed

    return BulkResults(results=[BulkResult.of(done) for done in bulk.each(context, ids, one)])


def _what(request: Request[Any, NoQuery]) -> tuple[Context, str, str, str]:
    """The context, which withdrawal, who, and with which request."""
    return config.context(), request.id("withdrawalId"), request.caller.user, request.fingerprint


def _on(request: Request[Any, NoQuery], status: WithdrawalStatus) -> tuple[Context, str, WithdrawalStatus, str, str]:
    context, id, user, fingerprint = _what(request)
    return context, id, status, user, fingerprint


def _decide(request: Request[NoteBody, NoQuery], status: WithdrawalStatus) -> StaffWithdrawalView:
    return _told(withdrawals.decide(*_on(request, status), request.body.note))


def _told(withdrawal: Withdrawal) -> StaffWithdrawalView:
    workflow.tell(config.context(), config.waker(), withdrawal)
    return StaffWithdrawalView.of(withdrawal)
