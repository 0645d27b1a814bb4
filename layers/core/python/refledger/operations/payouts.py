"""Making the payout of an approved withdrawal, once.

That it is begun, and under which key, is written down before the provider hears of it. Whoever comes later, after a
crash or because an answer was lost, first asks the provider what it knows; sends again only with the same key and only
while the provider still knows the key; and else leaves it to a person. What is not known is never taken for failed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from refledger.adapters.vault import Vault
from refledger.domain.errors import PayoutDeclined
from refledger.domain.methods import MethodType
from refledger.domain.payout_news import Said
from refledger.domain.payouts import PayoutFault, PayoutOrder, PayoutResult, Payouts, PayoutState
from refledger.domain.withdrawals import SYSTEM, Problem, Withdrawal, WithdrawalStatus
from refledger.operations import methods
from refledger.operations.context import Context
from refledger.operations.steps import book
from refledger.operations.withdrawals import provider_says
from refledger.store import ledger, withdrawals

S = WithdrawalStatus
log = logging.getLogger(__name__)
NOTE_LIMIT = 200  # of a provider's reason


def start(
    context: Context, ports: Callable[[], Mapping[MethodType, Payouts]], vault: Callable[[], Vault], withdrawal_id: str
) -> Withdrawal:
    """Begin the payout of an APPROVED withdrawal, or go on with that of a PAYING one; others are left as they are.

    Idempotent, see above. A bank transfer is made by a person: nothing is sent, and its account stays closed.
    Raises PayoutUnavailable (not known: ask again), Busy, WithdrawalNotFound.
    """
    withdrawal, is_new = context.repeat(lambda: _begin(context, withdrawal_id))
    if withdrawal.status is not S.PAYING or not withdrawal.is_sent:
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
        result = port.send(order) if is_new else _go_on(context, port, order, withdrawal)
    except PayoutDeclined as declined:
        return _declined(context, withdrawal, declined)
    except PayoutFault as fault:
        log.error("payout of %s: %s", withdrawal.id, fault)
        return _waits(context, withdrawal, Problem.UNKNOWN, "the provider has something else under this payout's key")
    if result is None:
        return _waits(context, withdrawal, Problem.UNKNOWN, "not known to the provider, and too late to send again")
    return _answered(context, withdrawal, result)


def _begin(context: Context, withdrawal_id: str) -> tuple[Withdrawal, bool]:
    """The withdrawal, PAYING with a key of its own if it was APPROVED; and whether it was.

    Where only the program's rule approved it, the balance is looked at again: with a debt, a person decides.
    """
    old = withdrawals.find(context.table, withdrawal_id)
    if old.status is not S.APPROVED:
        return old, False
    if old.was_approved_by_rule:
        balance = ledger.find_balance(context.table, old.partner_id, old.currency)
        if balance.available < 0:
            why = "there is a debt since the automatic approval"
            return book(context, old, S.REQUESTED, SYSTEM, f"debt-{len(old.steps)}", why), False
    number = old.payout + 1
    return book(
        context, old, S.PAYING, SYSTEM, f"payout-{number}", payout=number, sent_at_ms=context.now_ms()
    ), True  # fmt: skip


def _go_on(context: Context, port: Payouts, order: PayoutOrder, withdrawal: Withdrawal) -> PayoutResult | None:
    """What became of a payout that was begun before; sent again where that cannot pay twice. None: it cannot be known.

    One that waits for a person is looked up, as it may have become known, and never sent.
    """
    if result := port.find(order):
        return result
    sendable = withdrawal.problem is None and context.now_ms() - withdrawal.sent_at_ms < port.idempotent_ms
    return port.send(order) if sendable else None


def _answered(context: Context, withdrawal: Withdrawal, result: PayoutResult) -> Withdrawal:
    """PAID is booked as if the provider had called; otherwise its id is kept, to be found by."""
    if result.state is PayoutState.PAID:
        told = provider_says(
            context, withdrawal.id, Said.PAID, result.transaction_id, key=withdrawal.provider_key
        )  # fmt: skip
        return told.withdrawal

    def once() -> Withdrawal:
        old = withdrawals.find(context.table, withdrawal.id)
        same_payout = (old.status, old.payout) == (S.PAYING, withdrawal.payout)
        if not same_payout or result.transaction_id in ("", old.transaction_id):
            return old
        new = replace(old, transaction_id=result.transaction_id)
        context.table.commit(*withdrawals.change(old, new))
        return new

    return context.repeat(once)


def _declined(context: Context, withdrawal: Withdrawal, declined: PayoutDeclined) -> Withdrawal:
    """For certain not paid. For good: the money goes back. For a reason of the owner's: a person tries again."""
    if declined.retryable:
        return _waits(context, withdrawal, Problem.DECLINED, f"declined: {declined.detail}")

    def once() -> Withdrawal:
        old = withdrawals.find(context.table, withdrawal.id)
        if (old.status, old.payout) != (S.PAYING, withdrawal.payout):
            return old
        why = f"declined: {declined.detail}"[:NOTE_LIMIT]
        return book(context, old, S.FAILED, SYSTEM, f"declined-{old.payout}", why)

    return context.repeat(once)


def _waits(context: Context, withdrawal: Withdrawal, problem: Problem, why: str) -> Withdrawal:
    """Still PAYING, with a problem that a person looks at."""

    def once() -> Withdrawal:
        old = withdrawals.find(context.table, withdrawal.id)
        if (old.status, old.payout) != (S.PAYING, withdrawal.payout) or old.problem:
            return old
        return book(context, old, None, SYSTEM, f"{problem}-{old.payout}", why[:NOTE_LIMIT], problem=problem)

    return context.repeat(once)
