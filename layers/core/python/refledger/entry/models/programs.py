"""Programs over HTTP."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field

from refledger.domain.errors import Invalid
from refledger.domain.programs import APPROVAL_SECONDS, Program, is_program_id
from refledger.domain.times import iso
from refledger.entry.models.common import AmountOrZero, Body, Currency, Money, MoneyView, Name, View


def _program_id(text: str) -> str:
    if not is_program_id(text):
        raise ValueError("lower-case letters, digits and dashes, up to 40")
    return text


ProgramId = Annotated[str, Field(max_length=40, examples=["default"]), AfterValidator(_program_id)]


class NewProgram(Body):
    """`autoApproveLimit`: withdrawals up to this need no person; none without it."""

    id: ProgramId
    name: Name
    currency: Currency
    tier_rates_bps: Annotated[list[int], Field(examples=[[2000, 1000]], max_length=10)]
    hold_days: int = 30
    payout_minimum: Money | None = None
    approval_timeout_seconds: int = APPROVAL_SECONDS
    auto_approve_limit: AmountOrZero | None = None

    def to_program(self, now_ms: int) -> Program:
        """Raises Invalid."""
        minimum = self.payout_minimum
        if minimum and minimum.currency != self.currency:
            raise Invalid("payoutMinimum: in the currency of the program")
        return Program(
            id=self.id,
            name=self.name,
            currency=self.currency,
            tier_rates_bps=tuple(self.tier_rates_bps),
            hold_days=self.hold_days,
            payout_minimum=minimum.amount if minimum else 0,
            approval_timeout_seconds=self.approval_timeout_seconds,
            auto_approve_limit=self.auto_approve_limit,
            created_at_ms=now_ms,
        )


class ProgramView(View):
    id: str
    name: str
    currency: str
    tier_rates_bps: list[int]
    hold_days: int
    payout_minimum: MoneyView
    approval_timeout_seconds: int
    auto_approve_limit: int | None
    status: str
    version: int
    created_at: str

    @classmethod
    def of(cls, program: Program) -> Self:
        return cls(
            id=program.id,
            name=program.name,
            currency=program.currency,
            tier_rates_bps=list(program.tier_rates_bps),
            hold_days=program.hold_days,
            payout_minimum=MoneyView(currency=program.currency, amount=program.payout_minimum),
            approval_timeout_seconds=program.approval_timeout_seconds,
            auto_approve_limit=program.auto_approve_limit,
            status=program.status,
            version=program.version,
            created_at=iso(program.created_at_ms),
        )
