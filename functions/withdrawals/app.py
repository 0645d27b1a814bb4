"""Staff see what waits, decide, and say how the transfer ended."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from refledger.domain import withdrawal_actions
from refledger.domain.errors import (
    AlreadyDecided,
    KeyReused,
    NoteNeeded,
    NotPayable,
    OwnWithdrawal,
    PartnerNotFound,
    PartnerSuspended,
    SecondPersonNeeded,
    WithdrawalNotFound,
)
from refledger.domain.payout_gate import Blockers
from refledger.domain.timelines import timeline
from refledger.domain.withdrawal_actions import WithdrawalAction
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.entry import access, config
from refledger.entry.http import IDENTIFIER, Api, Request
from refledger.entry.models.common import NoBody, NoQuery, NoteBody, Page, PageQuery
from refledger.entry.models.inbox import InboxView
from refledger.entry.models.withdrawals import (
    BulkApproval,
    BulkPaid,
    BulkReject,
    BulkResults,
    HappeningView,
    ReasonBody,
    ReturnBody,
    StaffWithdrawalView,
    StatusQuery,
    TimelineView,
    TransactionBody,
    WithdrawalBulkResult,
    WithdrawalQuery,
)
from refledger.operations import bulk, pages
from refledger.operations.context import Context
from refledger.operations.partners import reads as partners
from refledger.operations.payouts import payout_gate, reads, withdrawals, workflow_callbacks
from refledger.operations.rate_limits import LimitKind

api = handler = Api()


@api.route("GET /api/v1/inbox", answer=InboxView, refuses=())
def read_inbox(request: Request[NoBody, NoQuery]) -> InboxView:
    """Say what waits for the staff, of all programs: how much of each kind, since when, for which sums."""
    from refledger.operations import inbox  # of this route alone

    return InboxView.all_of(inbox.all_of(config.context()))


@api.route("GET /api/v1/withdrawals", query=StatusQuery, answer=Page[StaffWithdrawalView], refuses=())
def list_by_status(request: Request[NoBody, StatusQuery]) -> Page[StaffWithdrawalView]:
    """List the withdrawals in a status, or all, or a partner's, or those with a problem; newest in it first."""
    context, query = config.context(), request.query
    before = request.position("")
    rows = reads.listed(
        context, before, query.limit + 1, query.from_ms, query.until_ms,
        partner_id=query.partner_id, status=query.one_status, problem=bool(query.problem),
    )  # fmt: skip
    found = pages.loaded(rows, partial(reads.many, context), query.limit + 1)
    page, last = pages.page(found, query.takes, query.limit)
    following = request.cursor(last)
    return Page[StaffWithdrawalView](data=[StaffWithdrawalView.of(each) for each in page], next_cursor=following)


@api.route(
    "GET /api/v1/partners/{partnerId}/withdrawals",
    query=PageQuery,
    answer=Page[StaffWithdrawalView],
    refuses=(PartnerNotFound,),
)
def list_of_partner(request: Request[NoBody, PageQuery]) -> Page[StaffWithdrawalView]:
    """List a partner's withdrawals, newest first."""
    context, query, partner_id = config.context(), request.query, request.id("partnerId")
    before = request.position("")
    partners.find(context, partner_id, strong=False)
    found = reads.of_partner(context, partner_id, before, query.limit + 1)
    ids, following = request.page(found)
    page = reads.many(context, ids)
    return Page[StaffWithdrawalView](data=[StaffWithdrawalView.of(each) for each in page], next_cursor=following)


@api.route(
    "GET /api/v1/withdrawals/{withdrawalId}",
    query=WithdrawalQuery,
    answer=StaffWithdrawalView,
    refuses=(WithdrawalNotFound,),
)
def read(request: Request[NoBody, WithdrawalQuery]) -> StaffWithdrawalView:
    """Read a withdrawal, and what stands against paying it now; admins and finance with the whole account, too.

    The account only while it is to be paid to, and who was shown it is written down.
    """
    context, caller = config.context(), request.caller
    withdrawal, blockers, whose = payout_gate.read(context, request.id("withdrawalId"))
    actions = _actions(request, withdrawal, blockers, whose)
    if caller.sees_masked or not withdrawal.needs_account or not request.query.account:
        return StaffWithdrawalView.of(withdrawal, None, blockers, actions)
    from refledger.operations.payouts import methods  # few reads show an account

    config.limits().take(context, caller.user, LimitKind.ACCOUNTS)
    account = methods.show_account(context, config.vault, withdrawal, caller.user)
    return StaffWithdrawalView.of(withdrawal, account, blockers, actions)


def _actions(
    request: Request[NoBody, WithdrawalQuery], withdrawal: Withdrawal, blockers: Blockers, whose: str
) -> list[WithdrawalAction]:
    """What the caller can do about it: what is open to them, by the route of its name."""
    may = access.open_to(request.caller.roles)
    found = withdrawal_actions.open_to(request.caller.user, withdrawal, blockers, whose)
    routes = {each: f"POST /api/v1/withdrawals/{{withdrawalId}}/{each.lower().replace('_', '-')}" for each in found}
    return [each for each, route in routes.items() if route in may]


@api.route("GET /api/v1/withdrawals/{withdrawalId}/timeline", answer=TimelineView, refuses=(WithdrawalNotFound,))
def read_timeline(request: Request[NoBody, NoQuery]) -> TimelineView:
    """Tell what happened to a withdrawal, who did it, and what money moved, oldest first."""
    withdrawal = reads.find(config.context(), request.id("withdrawalId"))
    return TimelineView(
        withdrawal_id=withdrawal.id,
        partner_id=withdrawal.partner_id,
        amount=withdrawal.amount,
        currency=withdrawal.currency,
        events=[HappeningView.of(each) for each in timeline(withdrawal)],
    )


@api.route(
    "POST /api/v1/withdrawals/{withdrawalId}/approve",
    body=NoteBody,
    answer=StaffWithdrawalView,
    refuses=(
        WithdrawalNotFound,
        OwnWithdrawal,
        SecondPersonNeeded,
        AlreadyDecided,
        NotPayable,
        NoteNeeded,
        PartnerSuspended,
    ),
)
def approve(request: Request[NoteBody, NoQuery]) -> StaffWithdrawalView:
    """Approve a withdrawal somebody else asked for."""
    return _decide(request, WithdrawalStatus.APPROVED)


@api.route(
    "POST /api/v1/withdrawals/{withdrawalId}/reject",
    body=NoteBody,
    answer=StaffWithdrawalView,
    refuses=(WithdrawalNotFound, OwnWithdrawal, AlreadyDecided),
)
def reject(request: Request[NoteBody, NoQuery]) -> StaffWithdrawalView:
    """Reject a withdrawal; its money is available again."""
    return _decide(request, WithdrawalStatus.REJECTED)


@api.route(
    "POST /api/v1/withdrawals/{withdrawalId}/mark-paid",
    body=TransactionBody,
    answer=StaffWithdrawalView,
    refuses=(
        WithdrawalNotFound,
        OwnWithdrawal,
        SecondPersonNeeded,
        AlreadyDecided,
        NotPayable,
        NoteNeeded,
        PartnerSuspended,
    ),
)
def mark_paid(request: Request[TransactionBody, NoQuery]) -> StaffWithdrawalView:
    """Confirm that the transfer was made; told again with the same transactionId it answers the same."""
    body = request.body
    return _told(withdrawals.conclude(*_on(request, WithdrawalStatus.PAID), body.note, body.transaction_id))


@api.route(
    "POST /api/v1/withdrawals/{withdrawalId}/mark-failed",
    body=ReturnBody,
    answer=StaffWithdrawalView,
    refuses=(WithdrawalNotFound, OwnWithdrawal, SecondPersonNeeded, NotPayable, NoteNeeded, AlreadyDecided),
)
def mark_failed(request: Request[ReturnBody, NoQuery]) -> StaffWithdrawalView:
    """Say that the transfer was not, and will not be, made: the money is put back, at once or with a second yes."""
    body = request.body
    return _told(withdrawals.conclude(*_on(request, WithdrawalStatus.FAILED), body.note, body.transaction_id or ""))


@api.route(
    "POST /api/v1/withdrawals/{withdrawalId}/retry",
    body=NoteBody,
    answer=StaffWithdrawalView,
    refuses=(
        WithdrawalNotFound,
        OwnWithdrawal,
        SecondPersonNeeded,
        NotPayable,
        NoteNeeded,
        AlreadyDecided,
        PartnerSuspended,
    ),
)
def retry(request: Request[NoteBody, NoQuery]) -> StaffWithdrawalView:
    """Try a payout again that the provider declined for a reason that is gone."""
    from refledger.operations.payouts import staff_remedies  # few withdrawals need one

    return _told(staff_remedies.retry(*_what(request), request.body.note))


@api.route(
    "POST /api/v1/withdrawals/{withdrawalId}/mark-returned",
    body=ReturnBody,
    answer=StaffWithdrawalView,
    refuses=(WithdrawalNotFound, OwnWithdrawal, SecondPersonNeeded, NotPayable, NoteNeeded, AlreadyDecided),
)
def mark_returned(request: Request[ReturnBody, NoQuery]) -> StaffWithdrawalView:
    """Say that the whole payout came back; its money is available again, at once or with a second yes."""
    from refledger.operations.payouts import staff_remedies  # few withdrawals need one

    body = request.body
    return _told(staff_remedies.mark_returned(*_what(request), body.note, body.transaction_id or ""))


@api.route(
    "POST /api/v1/withdrawals/{withdrawalId}/resolve",
    body=ReasonBody,
    answer=StaffWithdrawalView,
    refuses=(WithdrawalNotFound, OwnWithdrawal, NotPayable, NoteNeeded, AlreadyDecided),
)
def resolve(request: Request[ReasonBody, NoQuery]) -> StaffWithdrawalView:
    """End a problem that was put right elsewhere, by an adjustment say."""
    from refledger.operations.payouts import staff_remedies  # few withdrawals need one

    return _told(staff_remedies.resolve(*_what(request), request.body.note))


@api.route("POST /api/v1/withdrawals/bulk-approve", body=BulkApproval, answer=BulkResults, refuses=(KeyReused,))
def bulk_approve(request: Request[BulkApproval, NoQuery]) -> BulkResults:
    """Approve up to 50 withdrawals, each by itself, with a result for each."""
    return _decide_each(request, WithdrawalStatus.APPROVED)


@api.route("POST /api/v1/withdrawals/bulk-reject", body=BulkReject, answer=BulkResults, refuses=(KeyReused,))
def bulk_reject(request: Request[BulkReject, NoQuery]) -> BulkResults:
    """Reject up to 50 withdrawals for one reason, each by itself, with a result for each."""
    return _decide_each(request, WithdrawalStatus.REJECTED)


def _decide_each(request: Request[Any, NoQuery], status: WithdrawalStatus) -> BulkResults:
    context, body, by = config.context(), request.body, request.caller.user
    return _each(
        body.withdrawal_ids,
        lambda id: withdrawals.decide(context, id, status, by, request.fingerprint, body.note),
    )


@api.route("POST /api/v1/withdrawals/bulk-mark-paid", body=BulkPaid, answer=BulkResults, refuses=(KeyReused,))
def bulk_mark_paid(request: Request[BulkPaid, NoQuery]) -> BulkResults:
    """Confirm up to 50 transfers, each by itself, with a result for each."""
    context, transactions = config.context(), {each.withdrawal_id: each.transaction_id for each in request.body.items}

    def pay_one(id: str) -> Withdrawal:
        return withdrawals.conclude(
            context, id, WithdrawalStatus.PAID, request.caller.user, request.fingerprint, request.body.note,
            transactions[id]
        )  # fmt: skip

    return _each(list(transactions), pay_one)


def _each(ids: list[str], act: Callable[[str], Withdrawal]) -> BulkResults:
    context = config.context()

    def one(id: str) -> Withdrawal:
        if not IDENTIFIER.fullmatch(id):
            raise WithdrawalNotFound("there is no such withdrawal")
        changed = act(id)
        workflow_callbacks.tell(context, config.waker(), changed)
        return changed

    return BulkResults(results=[WithdrawalBulkResult.of(done) for done in bulk.each(context, ids, one)])


def _what(request: Request[Any, NoQuery]) -> tuple[Context, str, str, str]:
    """The context, which withdrawal, who, and with which request."""
    return config.context(), request.id("withdrawalId"), request.caller.user, request.fingerprint


def _on(request: Request[Any, NoQuery], status: WithdrawalStatus) -> tuple[Context, str, WithdrawalStatus, str, str]:
    context, id, user, fingerprint = _what(request)
    return context, id, status, user, fingerprint


def _decide(request: Request[NoteBody, NoQuery], status: WithdrawalStatus) -> StaffWithdrawalView:
    return _told(withdrawals.decide(*_on(request, status), request.body.note))


def _told(withdrawal: Withdrawal) -> StaffWithdrawalView:
    workflow_callbacks.tell(config.context(), config.waker(), withdrawal)
    return StaffWithdrawalView.of(withdrawal)
