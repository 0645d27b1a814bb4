"""BANK_TRANSFER: a person makes the transfer at the owner's bank and confirms it here with its transaction id."""

from __future__ import annotations

from refledger.domain.methods import Account, BankAccount
from refledger.domain.payouts import PayoutOrder, PayoutResult, PayoutState

_WAITS_FOR_A_PERSON = PayoutResult(PayoutState.AWAITING, "")


class BankTransfers:
    """Nothing is sent from here, so nothing can be sent twice, lost or declined; an order waits to be confirmed."""

    idempotent_ms = 0

    def send(self, order: PayoutOrder) -> PayoutResult:
        """Return AWAITING, always: whoever makes the transfer says how it ended.

        Idempotent, as it does nothing.
        """
        _check(order.account)
        return _WAITS_FOR_A_PERSON

    def find(self, order: PayoutOrder) -> PayoutResult | None:
        """Return AWAITING as well.

        There is nobody to ask, and an order that was to wait still does.
        """
        _check(order.account)
        return _WAITS_FOR_A_PERSON

    def accepts(self, account: Account) -> bool:
        """Return true: the account's form was checked when it was taken in.

        Whose it is a person has to find out.
        """
        _check(account)
        return True


def _check(account: Account) -> None:
    if not isinstance(account, BankAccount):
        raise TypeError("bank transfers go to bank accounts")
