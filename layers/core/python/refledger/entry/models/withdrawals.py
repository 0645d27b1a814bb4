"""Withdrawals over HTTP. Account numbers are shown whole only to staff, and only one withdrawal at a time."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from refledger.domain.times import iso
from refledger.domain.withdrawals import MethodType, PayoutMethod, Withdrawal, WithdrawalStatus
from refledger.entry.models.common import Amount, Body, Capitals, Currency, Name, PageQuery, View

IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


def _iban(text: str) -> str:
    """Checked as ISO 13616 says: the rearranged number leaves 1 when divided by 97."""
    iban = text.replace(" ", "").upper()
    if not IBAN.fullmatch(iban) or int("".join(str(int(c, 36)) for c in iban[4:] + iban[:4])) % 97 != 1:
        raise ValueError("not an IBAN")
    return iban


class PayoutMethodBody(Body):
    """Either `iban`, or `accountNumber` and `bankCode`."""

    type: Annotated[MethodType, Capitals]
    account_holder: Name
    iban: Annotated[str, Field(max_length=50), AfterValidator(_iban)] | None = None
    account_number: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 -]{0,33}$")] | None = None
    bank_code: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 -]{0,19}$")] | None = None

    @model_validator(mode="after")
    def _one_account(self) -> Self:
        domestic = self.account_number is not None and self.bank_code is not None
        either = self.account_number is not None or self.bank_code is not None
        if (self.iban is None) != domestic or (self.iban is not None and either):
            raise ValueError("either iban, or accountNumber and bankCode")
        return self

    def to_method(self) -> PayoutMethod:
        return PayoutMethod(
            self.type, self.account_holder, self.iban or "", self.account_number or "", self.bank_code or ""
        )


class NewWithdrawal(Body):
    amount: Amount
    currency: Currency
    payout_method: PayoutMethodBody


class TransactionBody(Body):
    """`transactionId`: the bank's, so that the transfer can be found again."""

    transaction_id: Annotated[Name, Field(max_length=140)]


class StatusQuery(PageQuery):
    status: Annotated[WithdrawalStatus, Capitals] = WithdrawalStatus.REQUESTED


class PayoutMethodView(View):
    type: str
    account_holder: str
    iban: str | None = None
    account_number: str | None = None
    bank_code: str | None = None

    @classmethod
    def of(cls, method: PayoutMethod, *, whole: bool = False) -> Self:
        show = str if whole else _mask
        return cls(
            type=method.type,
            account_holder=method.account_holder,
            iban=show(method.iban) or None,
            account_number=show(method.account_number) or None,
            bank_code=method.bank_code or None,
        )


class StepView(View):
    status: str
    at: str


class StaffStepView(StepView):
    by: str
    note: str


class WithdrawalView(View):
    """What the partner sees of it."""

    id: str
    status: str
    amount: int
    currency: str
    created_at: str
    expires_at: str
    payout_method: PayoutMethodView
    transaction_id: str | None
    history: list[StepView]

    @classmethod
    def of(cls, withdrawal: Withdrawal) -> Self:
        return cls(
            **_common(withdrawal),
            history=[StepView(status=s.status, at=iso(s.at_ms)) for s in withdrawal.steps],
        )


class StaffWithdrawalView(View):
    """What admins and finance see of it. `attempt`: how often the workflow was set going again."""

    id: str
    partner_id: str
    program_id: str
    status: str
    amount: int
    currency: str
    created_at: str
    expires_at: str
    payout_method: PayoutMethodView
    transaction_id: str | None
    attempt: int
    history: list[StaffStepView]

    @classmethod
    def of(cls, withdrawal: Withdrawal, *, whole: bool = False) -> Self:
        common = _common(withdrawal) | {"payout_method": PayoutMethodView.of(withdrawal.method, whole=whole)}
        steps = [StaffStepView(status=s.status, at=iso(s.at_ms), by=s.by, note=s.note) for s in withdrawal.steps]
        return cls(
            **common,
            partner_id=withdrawal.partner_id,
            program_id=withdrawal.program_id,
            attempt=withdrawal.attempt,
            history=steps,
        )


def _common(withdrawal: Withdrawal) -> dict[str, Any]:
    return {
        "id": withdrawal.id, "status": withdrawal.status.value, "amount": withdrawal.amount,
        "currency": withdrawal.currency, "created_at": iso(withdrawal.created_at_ms),
        "expires_at": iso(withdrawal.expires_at_ms), "payout_method": PayoutMethodView.of(withdrawal.method),
        "transaction_id": withdrawal.transaction_id or None,
    }  # fmt: skip


def _mask(number: str) -> str:
    """The last four characters."""
    return f"…{number[-4:]}" if len(number) > 4 else "…" if number else ""
