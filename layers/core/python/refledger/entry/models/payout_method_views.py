"""Payout methods over HTTP, as they are shown: masked, but for the account that staff reads to pay it."""

from __future__ import annotations

from typing import Self, assert_never

from refledger.domain.methods import Account, BankAccount, MethodType, PayoutMethod, StripeAccount
from refledger.domain.times import iso
from refledger.domain.withdrawals import MethodUsed
from refledger.entry.models.common import View


class PayoutMethodView(View):
    """`account` is masked. Of a reward that staff paid by itself `type` says how, in their words, and `id` is empty."""

    id: str
    type: str
    account_holder: str
    account: str

    @classmethod
    def of(cls, method: MethodUsed) -> Self:
        if not method.is_known:
            return cls(id="", type=method.masked, account_holder="", account="")
        return cls(id=method.id, type=method.type, account_holder=method.holder, account=method.masked)


class OwnMethodView(PayoutMethodView):
    """`usable`: whether a withdrawal to it would be taken; a Stripe account must be verified for that."""

    type: MethodType
    created_at: str
    verified: bool
    usable: bool

    @classmethod
    def of_method(cls, method: PayoutMethod) -> Self:
        return cls(
            id=method.id,
            type=method.type,
            account_holder=method.holder,
            account=method.masked,
            created_at=iso(method.created_at_ms),
            verified=method.verified_at_ms > 0,
            usable=method.is_payable,
        )


class BankAccountView(View):
    """A whole account, for whoever makes the transfer."""

    account_holder: str
    iban: str | None = None
    account_number: str | None = None
    bank_code: str | None = None
    bic: str | None = None
    country: str | None = None
    stripe_account_id: str | None = None

    @classmethod
    def of(cls, account: Account) -> Self:
        match account:
            case BankAccount():
                return cls(
                    account_holder=account.holder,
                    iban=account.iban or None,
                    account_number=account.number or None,
                    bank_code=account.bank_code or None,
                    bic=account.bic or None,
                    country=account.country or None,
                )
            case StripeAccount():
                return cls(account_holder=account.holder, stripe_account_id=account.account_id)
            case _:
                assert_never(account)


class Methods(View):
    """All of them, oldest first: there are never many."""

    data: list[OwnMethodView]
