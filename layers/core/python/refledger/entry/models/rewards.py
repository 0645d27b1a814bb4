"""Rewards over HTTP. Why they are what they are: `entry/models/explanations.py`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from refledger.domain.rewards import Reward, RewardStatus
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.entry.models.common import (
    Amount,
    Body,
    Capitals,
    Currency,
    Exact,
    Note,
    PeriodQuery,
    Query,
    Title,
    View,
    refused,
)
from refledger.entry.models.ids import PartnerId, ProgramId
from refledger.operations.bulk import BulkOutcome

BULK = 50  # rewards in one request: a function has 15 seconds
TransactionId = Annotated[Exact, Field(min_length=1, max_length=140, examples=["TX-2026-1107"])]


class RewardState(StrEnum):
    """What of a program's rewards waits for a person, or was cancelled."""

    HELD = "HELD"  # kept from maturing, for a reason
    REVIEW = "REVIEW"  # due, and waiting for a person's approval
    CANCELLED = "CANCELLED"  # nothing of it is left


class RewardsQuery(PeriodQuery):
    """A partner's rewards, latest due first; or, for staff, those of a program, by when their payments came.

    Staff name the partner or the program; partners get their own. `status`: only rewards that stand so. `from`, `to`:
    days in UTC, both included, on which they were written down. `state`: the program's that are held, to be approved or
    cancelled, newest in it first, and nothing else with it. `cursor`: the `nextCursor` of the page before. Where
    `status` fits few of many, a page may be short and has one nevertheless.
    """

    partner_id: PartnerId | None = None
    program_id: ProgramId | None = None
    state: Annotated[RewardState, Capitals] | None = None

    status: Annotated[RewardStatus, Capitals] | None = None

    @model_validator(mode="after")
    def _one_list(self) -> Self:
        others = (self.partner_id, self.status, self.from_, self.to)
        if self.state and (self.program_id is None or any(each is not None for each in others)):
            raise ValueError("state goes with programId, and with nothing else")
        return self

    def takes(self, reward: Reward) -> bool:
        """Return whether it is one of those that are asked for."""
        return (
            self.status in (None, reward.status)
            and self.program_id in (None, reward.program_id)
            and (self.from_ms is None or self.from_ms <= reward.created_at_ms)
            and (self.until_ms is None or reward.created_at_ms < self.until_ms)
        )


class NewReward(Body):
    """A reward by hand. Above the program's `adjustmentLimit` of the currency another person must release it."""

    partner_id: PartnerId
    amount: Amount
    currency: Currency
    reason: Annotated[Note, Field(min_length=1, examples=["spoke at our conference"])]


class RewardChanges(Body):
    """`note`: why, or what to remember. `hold`: a reason to keep it from maturing; taken off by `release` only."""

    note: Note | None = None
    hold: Annotated[Title, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.note is None and self.hold is None:
            raise ValueError("note, hold, or both")
        return self


class RewardPatch(RewardChanges):
    """`note`: why, or what to remember. `hold`: a reason to keep it from maturing; taken off by `release` only.
    `status`: APPROVED or CANCELLED, with a note, which CANCELLED needs: what `/approve` and `/cancel` do.
    """

    status: Annotated[Literal["APPROVED", "CANCELLED"], Capitals] | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.status is None and self.note is None and self.hold is None:
            raise ValueError("note, hold, or status")
        if self.status is None:
            return self
        if self.hold is not None:
            raise refused("status", "with a note, and with nothing else")
        if self.status == "CANCELLED" and not self.note:
            raise refused("note", "needed to cancel")
        return self


class WholeReward(Body):
    """All that can be said of a reward, which is one thing."""

    note: Note


class DeletionQuery(Query):
    """`note`: why; it cannot be taken back."""

    note: Annotated[Note, Field(min_length=1)] = "deleted"


Method = Annotated[
    str, Field(pattern=r"^[A-Z0-9][A-Z0-9 _-]{0,39}$", examples=["BANK_TRANSFER"]), Capitals, AfterValidator(str.strip)
]


class PaidBody(Body):
    """How it was paid, in a word or two, and under which number it can be found again.

    `note`: needed where something stands against paying the partner: one who was terminated.
    """

    payment_method: Method
    transaction_id: TransactionId
    note: Note = ""


def _once_each(ids: list[str]) -> list[str]:
    if len(set(ids)) < len(ids):
        raise ValueError("a reward is named twice")
    return ids


RewardIds = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=64)]],
    Field(min_length=1, max_length=BULK),
    AfterValidator(_once_each),
]


class BulkRewards(Body):
    reward_ids: RewardIds
    note: Note = ""


class BulkCancel(Body):
    """`note`: why; it cannot be taken back."""

    reward_ids: RewardIds
    note: Annotated[Note, Field(min_length=1)]


class NamedPaidBody(PaidBody):
    """The same, of the reward that it names."""

    reward_id: Annotated[str, Field(min_length=1, max_length=64)]


class BulkPayment(PaidBody):
    """One payment that covers all of them."""

    reward_ids: RewardIds


class RewardResult(View):
    """`status`: what it is now, null where nothing is known of it; `payoutStatus`: how the withdrawal stands that paid
    it, RETURNED where the money came back; `code`, `detail`: why nothing was done.
    """

    id: str
    status: RewardStatus | None
    payout_status: WithdrawalStatus | None = None
    code: str | None
    detail: str | None

    @classmethod
    def of(cls, done: BulkOutcome[Reward]) -> Self:
        return cls(
            id=done.id,
            status=done.result.status if done.result else None,
            code=done.refused.code if done.refused else None,
            detail=done.refused.detail if done.refused else None,
        )


class RewardResults(View):
    """One for every id, in the order in which they were given."""

    results: list[RewardResult]


class HoldBody(Body):
    reason: Annotated[Title, Field(min_length=1)]
