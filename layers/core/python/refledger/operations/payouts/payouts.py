"""Making the payout of an approved withdrawal, once.

That it is begun, and under which key, is written down before the provider hears of it. Whoever comes later, after a
crash or because an answer was lost, first asks the provider what it knows; sends again only with the same key and only
while the provider still knows the key; and else leaves it to a person. What is not known is never taken for failed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from refledger.adapters.stepfunctions import Waker
from refledger.adapters.vault import Vault
from refledger.domain.errors import PayoutDeclined
from refledger.domain.methods import MethodType
from refledger.domain.payout_gate import Weight
from refledger.domain.payouts import PayoutFault, PayoutOrder, PayoutResult, Payouts, PayoutState
from refledger.domain.provider_events import Said
from refledger.domain.times import SECOND_MS
from refledger.domain.withdrawals import PAYOUT, SYSTEM, PayoutProblem, Withdrawal, WithdrawalStatus
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.payouts import methods, payout_gate
from refledger.operations.payouts.payout_gate import Seen
from refledger.operations.payouts.transitions import book
from refledger.operations.payouts.withdrawals import provider_says
from refledger.operations.payouts.workflow_callbacks import HELD, SETTLEMENT, TaskResult, result, wait
from refledger.store import withdrawals

log = logging.getLogger(__name__)
NOTE_LIMIT = 200  # of a provider's reason


def start(
    context: Context, ports: Callable[[], Mapping[MethodType, Payouts]], vault: Callable[[], Vault], withdrawal_id: str
) -> Withdrawal:
    """Begin the payout of an APPROVED withdrawal, or go on with that of a PAYING one.

    Others are left as they are.

    Idempotent, see above. A bank transfer is made by a person: nothing is sent, and its account stays closed.
    What must not be paid now is left as it is, with what stands against it in `blocked`, or goes back to people.
    Raises PayoutUnavailable (not known: ask again), Busy, WithdrawalNotFound.
    """
    withdrawal, is_new = _begin(context, withdrawal_id)
    if withdrawal.status is not WithdrawalStatus.PAYING or not withdrawal.is_sent:
        return withdrawal
    port = ports()[withdrawal.method.type]
    order = PayoutOrder(
        withdrawal_id=withdrawal.id,
        key=withdrawal.provider_key,
        amount=withdrawal.amount,
        currency=withdrawal.currency,
        account=methods.account_of(context, vault(), withdrawal),
        first_sent_at_ms=withdrawal.sent_at_ms,
    )
    try:
        answer = port.send(order) if is_new else _go_on(context, port, order, withdrawal)
    except _Held as held:
        return held.withdrawal
    except PayoutDeclined as declined:
        return _declined(context, withdrawal, declined)
    except PayoutFault as fault:
        log.error("payout of %s: %s", withdrawal.id, fault)
        return _waits(
            context, withdrawal, PayoutProblem.UNKNOWN, "the provider has something else under this payout's key"
        )
    if answer is None:
        return _waits(
            context, withdrawal, PayoutProblem.UNKNOWN, "not known to the provider, and too late to send again"
        )
    return _answered(context, withdrawal, answer)


def told(withdrawal: Withdrawal) -> TaskResult:
    """Return what `start` made of it, for the workflow.

    HELD where it left it for later because of what stands against it.
    """
    found = result(withdrawal)
    is_held = withdrawal.status in (WithdrawalStatus.APPROVED, WithdrawalStatus.PAYING) and withdrawal.blocked
    return {**found, "status": HELD} if is_held else found


def wait_for_end(context: Context, waker: Waker, withdrawal: Withdrawal, token: str) -> TaskResult:
    """Wait for the word of a payout as `start` left it, or tell at once what came of it, HELD among that."""
    task = told(withdrawal)
    if task["status"] == WithdrawalStatus.PAYING:
        return wait(context, waker, withdrawal.id, SETTLEMENT, token)
    waker.wake(token, withdrawal, task["status"])
    return task


@retry_on_conflict
def _begin(context: Context, withdrawal_id: str) -> tuple[Withdrawal, bool]:
    """The withdrawal, PAYING with a key of its own if it was APPROVED and nothing stands against it; and whether it is.

    What only time or a lifted suspension ends leaves it APPROVED: the sweeper tries again. What a person may take on
    them sends it back to people.
    """
    old = withdrawals.find(context.table, withdrawal_id)
    if old.status is not WithdrawalStatus.APPROVED:
        return old, False
    seen = payout_gate.look(context, old)
    if any(each.weight is Weight.STOPS for each in seen.blockers):
        return _held(context, seen), False
    if seen.blockers:
        why = "; ".join(each.text for each in seen.blockers)[:NOTE_LIMIT]
        expires_at_ms = seen.now_ms + seen.program.approval_timeout_seconds * SECOND_MS
        return book(
            context, old, WithdrawalStatus.REQUESTED, SYSTEM, f"blocked-{len(old.steps)}", why, blocked=seen.blocked,
            expires_at_ms=expires_at_ms,
        ), False  # fmt: skip
    number = old.payout + 1
    return book(
        context, old, WithdrawalStatus.PAYING, SYSTEM, f"{PAYOUT}{number}", payout=number, sent_at_ms=seen.now_ms,
        blocked=(),
        also=seen.guards(),
    ), True  # fmt: skip


def _held(context: Context, seen: Seen) -> Withdrawal:
    """The withdrawal as it is, with what stands against it for everybody to see."""
    old = seen.withdrawal
    if old.blocked == seen.blocked:
        return old
    new = replace(old, blocked=seen.blocked)
    context.table.commit(*withdrawals.change(old, new))
    return new


def _go_on(context: Context, port: Payouts, order: PayoutOrder, withdrawal: Withdrawal) -> PayoutResult | None:
    """What became of a payout that was begun before; sent again where that cannot pay twice. None: it cannot be known.

    One that waits for a person is looked up, as it may have become known, and never sent.
    """
    if result := port.find(order):
        return result
    sendable = withdrawal.problem is None and context.now_ms() - withdrawal.sent_at_ms < port.idempotent_ms
    if not sendable:
        return None
    _check_still_payable(context, withdrawal.id)
    return port.send(order)


@retry_on_conflict
def _check_still_payable(context: Context, withdrawal_id: str) -> None:
    """Raises _Held where something stands against it since it was begun; what that is, is written down."""
    seen = payout_gate.look(context, withdrawals.find(context.table, withdrawal_id))
    if seen.blockers:
        raise _Held(_held(context, seen))


class _Held(Exception):
    """The provider knows nothing of the payout, and it must not be sent now."""

    def __init__(self, withdrawal: Withdrawal) -> None:
        super().__init__(withdrawal.id)
        self.withdrawal = withdrawal


def _answered(context: Context, withdrawal: Withdrawal, result: PayoutResult) -> Withdrawal:
    """PAID is booked as if the provider had called; otherwise its id is kept, to be found by."""
    if result.state is PayoutState.PAID:
        told = provider_says(
            context, withdrawal.id, Said.PAID, result.transaction_id, key=withdrawal.provider_key
        )  # fmt: skip
        return told.withdrawal
    return _keep_answer(context, withdrawal, result)


@retry_on_conflict
def _keep_answer(context: Context, withdrawal: Withdrawal, result: PayoutResult) -> Withdrawal:
    old = withdrawals.find(context.table, withdrawal.id)
    same_payout = (old.status, old.payout) == (WithdrawalStatus.PAYING, withdrawal.payout)
    new = replace(old, transaction_id=result.transaction_id or old.transaction_id, blocked=())
    if not same_payout or new == old:
        return old
    context.table.commit(*withdrawals.change(old, new))
    return new


def _declined(context: Context, withdrawal: Withdrawal, declined: PayoutDeclined) -> Withdrawal:
    """For certain not paid. For good: the money goes back. For a reason of the owner's: a person tries again."""
    if declined.retryable:
        return _waits(context, withdrawal, PayoutProblem.DECLINED, f"declined: {declined.detail}")
    return _fail(context, withdrawal, declined)


@retry_on_conflict
def _fail(context: Context, withdrawal: Withdrawal, declined: PayoutDeclined) -> Withdrawal:
    old = withdrawals.find(context.table, withdrawal.id)
    if (old.status, old.payout) != (WithdrawalStatus.PAYING, withdrawal.payout):
        return old
    why = f"declined: {declined.detail}"[:NOTE_LIMIT]
    return book(context, old, WithdrawalStatus.FAILED, SYSTEM, f"declined-{old.payout}", why)


@retry_on_conflict
def _waits(context: Context, withdrawal: Withdrawal, problem: PayoutProblem, why: str) -> Withdrawal:
    """Still PAYING, with a problem that a person looks at."""
    old = withdrawals.find(context.table, withdrawal.id)
    if (old.status, old.payout) != (WithdrawalStatus.PAYING, withdrawal.payout) or old.problem:
        return old
    return book(context, old, None, SYSTEM, f"{problem}-{old.payout}", why[:NOTE_LIMIT], problem=problem)
