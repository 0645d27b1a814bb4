"""Reports on everybody's money over HTTP. Amounts in minor units of the currency."""

from __future__ import annotations

from typing import Self

from refledger.domain.journal import EntryKind
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.entry.models.analytics import PeriodView
from refledger.entry.models.common import View, in_major
from refledger.operations.figures.book_reports import PayoutSums, TrialBalance


class AccountBalanceView(View):
    """`balance` = credit - debit: of partners' accounts what they hold, of the owner's minus what was promised."""

    account: str
    currency: str
    debit: int
    credit: int
    balance: int
    debit_decimal = in_major("debit")
    credit_decimal = in_major("credit")
    balance_decimal = in_major("balance")


class KindView(View):
    kind: EntryKind
    entries: int
    currency: str
    amount: int
    amount_decimal = in_major("amount")


class TrialBalanceView(View):
    """All journals in one currency: what each account was debited and credited, and by which kinds of entries."""

    currency: str
    debit: int
    credit: int
    balanced: bool
    accounts: list[AccountBalanceView]
    kinds: list[KindView]
    debit_decimal = in_major("debit")
    credit_decimal = in_major("credit")

    @classmethod
    def of(cls, found: TrialBalance) -> Self:
        return cls(
            currency=found.currency, debit=found.debit, credit=found.credit, balanced=found.debit == found.credit,
            accounts=[
                AccountBalanceView(
                    account=each.account, currency=found.currency, debit=each.debit, credit=each.credit,
                    balance=each.balance,
                )
                for each in found.accounts
            ],
            kinds=[
                KindView(kind=each.kind, entries=each.entries, currency=found.currency, amount=each.amount)
                for each in found.kinds
            ],
        )  # fmt: skip


class TrialBalancesView(View):
    """By when entries were booked; behind by a second or so. `refledger verify` proves each journal, entry by entry."""

    as_of: str | None
    data: list[TrialBalanceView]


class WithdrawalsView(View):
    status: WithdrawalStatus
    count: int
    currency: str
    amount: int
    amount_decimal = in_major("amount")


class PayoutView(View):
    """By when it was booked. `requested`: reserved for withdrawals; `released`: of that, back to balances. `paid`:
    `settled` and `paidDirectly` less `returned`. `withdrawals`: by the status they are in; in a period what that
    changed by.
    """

    currency: str
    requested: int
    released: int
    settled: int
    paid_directly: int
    returned: int
    paid: int
    withdrawals: list[WithdrawalsView]
    requested_decimal = in_major("requested")
    released_decimal = in_major("released")
    settled_decimal = in_major("settled")
    paid_directly_decimal = in_major("paid_directly")
    returned_decimal = in_major("returned")
    paid_decimal = in_major("paid")

    @classmethod
    def of(cls, found: PayoutSums) -> Self:
        return cls(
            currency=found.currency, requested=found.requested, released=found.released, settled=found.settled,
            paid_directly=found.paid_directly, returned=found.returned, paid=found.paid,
            withdrawals=[
                WithdrawalsView(
                    status=WithdrawalStatus(status), count=tally.count, currency=found.currency,
                    amount=tally.amounts[found.currency],
                )
                for status, tally in found.withdrawals.items()
            ],
        )  # fmt: skip


class PayoutsView(PeriodView):
    data: list[PayoutView]
