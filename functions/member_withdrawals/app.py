"""A partner asks to be paid, follows it, or takes it back."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from refledger.domain.errors import (
    AlreadyDecided,
    BelowMinimum,
    InsufficientFunds,
    KeyReused,
    MethodNotFound,
    MethodNotUsable,
    PartnerNotFound,
    PartnerSuspended,
    TooManyMethods,
    TooManyWithdrawals,
    WithdrawalNotFound,
)
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.entry import config
from refledger.entry.http import Api, Request
from refledger.entry.models.common import NoBody, NoQuery, Page, PageQuery
from refledger.entry.models.new_withdrawals import NewWithdrawal
from refledger.entry.models.withdrawal_views import WithdrawalView
from refledger.entry.observability import logger
from refledger.operations.partners import reads as partners
from refledger.operations.payouts import reads, withdrawals, workflow_callbacks

api = handler = Api()


@api.route(
    "POST /api/v1/referrals/withdraw",
    body=NewWithdrawal,
    answer=WithdrawalView,
    status=201,
    refuses=(
        PartnerNotFound,
        PartnerSuspended,
        InsufficientFunds,
        BelowMinimum,
        MethodNotFound,
        MethodNotUsable,
        TooManyMethods,
        TooManyWithdrawals,
        KeyReused,
    ),
)
def request_payout(request: Request[NewWithdrawal, NoQuery]) -> WithdrawalView:
    """Reserve an amount and ask for its payout."""
    context, body = config.context(), request.body
    withdrawal, _ = withdrawals.request(
        context, request.caller.user, request.key, body.amount, body.currency, body.payee, request.body_hash,
        config.vault,
    )  # fmt: skip
    if withdrawal.status is WithdrawalStatus.REQUESTED and withdrawal.attempt == 0:
        _start(withdrawal)  # a repeat may come because the first call died just before this
    return WithdrawalView.of(withdrawal)


def _start(withdrawal: Withdrawal) -> None:
    """The money is reserved by now; if the workflow cannot be started, the sweeper starts it within minutes."""
    try:
        config.workflow().start(withdrawal)
    except (ClientError, BotoCoreError):
        logger().warning("workflow not started", extra={"withdrawal": withdrawal.id}, exc_info=True)


@api.route("GET /api/v1/referrals/withdrawals", query=PageQuery, answer=Page[WithdrawalView], refuses=())
def list_own(request: Request[NoBody, PageQuery]) -> Page[WithdrawalView]:
    """List the caller's withdrawals, newest first."""
    context, query = config.context(), request.query
    partner_id = partners.id_of_user(context, request.caller.user)
    if partner_id is None:
        return Page[WithdrawalView](data=[])
    before = request.position("")
    found = reads.of_partner(context, partner_id, before, query.limit + 1)
    ids, following = request.page(found)
    page = reads.many(context, ids)
    return Page[WithdrawalView](data=[WithdrawalView.of(w) for w in page], next_cursor=following)


@api.route("GET /api/v1/referrals/withdrawals/{withdrawalId}", answer=WithdrawalView, refuses=(WithdrawalNotFound,))
def read_own(request: Request[NoBody, NoQuery]) -> WithdrawalView:
    """Read one of the caller's withdrawals."""
    context = config.context()
    return WithdrawalView.of(withdrawals.own(context, request.caller.user, request.id("withdrawalId")))


@api.route(
    "POST /api/v1/referrals/withdrawals/{withdrawalId}/cancel",
    answer=WithdrawalView,
    refuses=(WithdrawalNotFound, AlreadyDecided),
)
def cancel(request: Request[NoBody, NoQuery]) -> WithdrawalView:
    """Take back a request that nobody decided about yet."""
    context = config.context()
    own = withdrawals.own(context, request.caller.user, request.id("withdrawalId"))
    cancelled = withdrawals.cancel(context, own, request.caller.user, request.fingerprint)
    workflow_callbacks.tell(context, config.waker(), cancelled)
    return WithdrawalView.of(cancelled)
