"""A referral program: what it pays, how long it holds, and who may take how much out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from refledger.domain.currencies import MAX_AMOUNT, exponent
from refledger.domain.errors import Invalid

MAX_TIERS = 10
BASIS_POINTS = 10_000
MAX_HOLD_DAYS = 3_650
MAX_APPROVAL_SECONDS = 365 * 86_400
APPROVAL_SECONDS = 7 * 86_400


_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def is_program_id(text: str) -> bool:
    """Lower-case letters, digits and dashes, up to 40."""
    return _ID.fullmatch(text) is not None


class ProgramStatus(StrEnum):
    ACTIVE = "ACTIVE"


@dataclass(frozen=True)
class Program:
    """`version` counts the changes of its rules; rewards carry the one that made them."""

    id: str
    name: str
    currency: str
    tier_rates_bps: tuple[int, ...]  # what tier 1, 2, … earn, in hundredths of a per cent of the base
    hold_days: int
    payout_minimum: int  # minor units of `currency`
    approval_timeout_seconds: int = APPROVAL_SECONDS  # a withdrawal nobody decided about expires after this
    auto_approve_limit: int | None = None  # minor units of `currency`; None: an admin decides every withdrawal
    status: ProgramStatus = ProgramStatus.ACTIVE
    version: int = 1
    created_at_ms: int = 0

    def __post_init__(self) -> None:
        exponent(self.currency)  # raises UnknownCurrency
        rates = self.tier_rates_bps
        if not 1 <= len(rates) <= MAX_TIERS or any(not 0 <= rate <= BASIS_POINTS for rate in rates):
            raise Invalid(f"tierRatesBps: 1 to {MAX_TIERS} rates of 0 to {BASIS_POINTS} basis points")
        if sum(rates) > BASIS_POINTS:
            raise Invalid("tierRatesBps: together they are more than the whole payment")
        if not 0 <= self.hold_days <= MAX_HOLD_DAYS:
            raise Invalid(f"holdDays: 0 to {MAX_HOLD_DAYS}")
        if not 0 <= self.payout_minimum <= MAX_AMOUNT:
            raise Invalid("payoutMinimum: not an amount")
        if not 1 <= self.approval_timeout_seconds <= MAX_APPROVAL_SECONDS:
            raise Invalid(f"approvalTimeoutSeconds: 1 to {MAX_APPROVAL_SECONDS}")

    def approves_alone(self, amount: int, currency: str) -> bool:
        """Whether a withdrawal needs no person. Another currency than the program's always does."""
        return self.auto_approve_limit is not None and currency == self.currency and amount <= self.auto_approve_limit
