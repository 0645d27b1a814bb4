"""What the dashboard says of everybody's money, counted by a tick that comes anyway; nothing where there is none."""

from __future__ import annotations

from refledger.domain import periods
from refledger.domain.journal import Account
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.entry.metrics import count, counting
from refledger.operations.context import Context
from refledger.operations.figures import book_reports

OWED = (Account.AVAILABLE, Account.RESERVED)


def tell(context: Context) -> None:
    """Count OWED, WAITING (for approval) and PAID_TODAY (UTC), in minor units, each by currency.

    Ten reads of roll-ups.
    """
    balances = {each.currency: each for each in book_reports.trial_balance(context, None)}
    ever = {each.currency: each for each in book_reports.payouts(context, None)}
    today = {each.currency: each for each in book_reports.payouts(context, periods.until_today(context.now_ms(), 1))}
    for currency, balance in balances.items():
        waiting = ever[currency].withdrawals.get(WithdrawalStatus.REQUESTED) if currency in ever else None
        with counting() as metrics:
            metrics.add_dimension("currency", currency)
            count(metrics, "OWED", sum(sums.balance for sums in balance.accounts if sums.account in OWED))
            count(metrics, "WAITING", waiting.amounts.get(currency, 0) if waiting else 0)
            count(metrics, "PAID_TODAY", today[currency].paid if currency in today else 0)
