"""A provider of payouts that does what a test tells it: a double of the port, with the promises that the port makes."""

from __future__ import annotations

from dataclasses import dataclass, field

from refledger.domain.errors import PayoutDeclined, PayoutUnavailable
from refledger.domain.methods import Account, MethodType, StripeAccount
from refledger.domain.payouts import PayoutFault, PayoutOrder, PayoutResult, PayoutState
from refledger.domain.times import DAY_MS
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations.context import Context
from refledger.operations.payouts import payouts, withdrawals
from refledger.store import methods as stored_methods
from tests.support.books import Books

IDEMPOTENT_MS = DAY_MS
WHY = {"DECLINED": ("account_closed", False), "NO FUNDS": ("balance_insufficient", True)}


@dataclass
class Provider:
    """`fates`: of the next sends, then all are PAID. LOST: paid, and the answer lost; DOWN: nothing done, no answer.

    `deaf`: so many look-ups get no answer.
    """

    fates: list[str] = field(default_factory=list)
    deaf: int = 0
    paid: dict[str, PayoutOrder] = field(default_factory=dict)
    awaited: dict[str, PayoutOrder] = field(default_factory=dict)
    declined: dict[str, str] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)  # keys, every try
    looked_up: list[str] = field(default_factory=list)
    idempotent_ms: int = IDEMPOTENT_MS

    def send(self, order: PayoutOrder) -> PayoutResult:
        self.sent.append(order.key)
        if order.key in self.paid:
            return self._result(order.key)
        if order.key in self.declined:  # the same key gets the same answer
            raise self._no(self.declined[order.key])
        fate = self.fates.pop(0) if self.fates else "PAID"
        match fate:
            case "DOWN":
                raise PayoutUnavailable("no answer")
            case "DECLINED" | "NO FUNDS":
                self.declined[order.key] = fate
                raise self._no(fate)
            case "AWAITING":
                self.awaited[order.key] = order
                return PayoutResult(PayoutState.AWAITING, f"tr-{order.key}")
            case "FAULT":
                raise PayoutFault("another amount")
        self.paid[order.key] = order
        if fate == "LOST":
            raise PayoutUnavailable("no answer")
        return self._result(order.key)

    def find(self, order: PayoutOrder) -> PayoutResult | None:
        self.looked_up.append(order.key)
        if self.deaf:
            self.deaf -= 1
            raise PayoutUnavailable("no answer")
        if order.key in self.paid:
            return self._result(order.key)
        waits = order.key in self.awaited
        return PayoutResult(PayoutState.AWAITING, f"tr-{order.key}") if waits else None

    def accepts(self, account: Account) -> bool:
        return True

    def _no(self, fate: str) -> PayoutDeclined:
        return PayoutDeclined(WHY[fate][0], retryable=WHY[fate][1])

    def _result(self, key: str) -> PayoutResult:
        return PayoutResult(PayoutState.PAID, f"tr-{key}")


STRIPE = StripeAccount("Bob Example", "acct_1BobExample0000")


def start(
    books: Books, withdrawal_id: str, provider: Provider | None = None, context: Context | None = None
) -> Withdrawal:
    """The workflow's task: begin the payout, or go on with it."""
    made = provider or Provider()
    ports = {MethodType.STRIPE: made, MethodType.BANK_TRANSFER: made}
    return payouts.start(context or books.context, lambda: ports, lambda: books.vault, withdrawal_id)


def verified(books: Books, name: str, account: Account = STRIPE) -> str:
    """The id of an account of theirs that somebody vouched for."""
    method = books.method(name, account)
    if not method.verified_at_ms:
        books.table.commit(stored_methods.verify(method, "admin", books.clock()))
    return method.id


def approved(books: Books, name: str = "bob", amount: int = 2000, account: Account = STRIPE) -> Withdrawal:
    """A withdrawal to their Stripe account that a person approved."""
    made = books.withdraw(name, amount, payee=verified(books, name, account))
    return withdrawals.decide(books.context, made.id, WithdrawalStatus.APPROVED, "ann", f"approve {made.id}", "")
