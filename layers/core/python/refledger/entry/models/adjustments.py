"""Adjustments over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from refledger.domain.adjustments import (
    CHAIN,
    REASON_LIMIT,
    Adjustment,
    AdjustmentKind,
    AdjustmentRequest,
    AdjustmentStatus,
)
from refledger.domain.currencies import MAX_AMOUNT
from refledger.domain.times import iso
from refledger.entry.models.common import Body, Capitals, Currency, Note, PageQuery, View, in_major, refused
from refledger.entry.models.ids import PartnerId

SignedAmount = Annotated[
    int,
    Field(ge=-MAX_AMOUNT, le=MAX_AMOUNT, examples=[-1500], description="minor units, not zero; of an `ANCHOR` zero"),
]


class NewAdjustment(Body):
    """`amount` above zero is given to the partner, below zero taken from them, into debt if it must.

    A `WRITE_OFF` forgives debt: its amount is above zero, and not more than the partner owes. An `ANCHOR` moves no
    money: it says that hashes of the first `entries` of the partner's journal are broken, and known to be as long as
    these stand as `chain` says. It always waits for another person (docs/operations.md).
    """

    partner_id: PartnerId
    amount: SignedAmount
    currency: Currency
    kind: Annotated[AdjustmentKind, Capitals] = AdjustmentKind.ADJUSTMENT
    reason: Annotated[Note, Field(min_length=1, max_length=REASON_LIMIT)]
    entries: Annotated[int, Field(ge=1, le=MAX_AMOUNT)] | None = None
    chain: Annotated[str, Field(pattern=f"^{CHAIN.pattern}$")] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        anchors = self.kind is AdjustmentKind.ANCHOR
        if (self.amount == 0) is not anchors:
            raise refused("amount", "zero for an ANCHOR" if anchors else "not zero")
        if any((given is None) is anchors for given in (self.entries, self.chain)):
            raise ValueError("entries and chain: both of an ANCHOR, and of nothing else")
        return self

    def asked(self) -> AdjustmentRequest:
        return AdjustmentRequest(
            self.partner_id, self.currency, self.amount, self.kind, self.reason, self.entries or 0, self.chain or ""
        )


class AdjustmentQuery(PageQuery):
    """Those of one partner, newest first; without `partnerId` those that wait for a second person, oldest first."""

    partner_id: PartnerId | None = None
    status: Annotated[Literal["WAITING"], Capitals] | None = None

    @model_validator(mode="after")
    def _one_list(self) -> Self:
        if self.partner_id and self.status:
            raise ValueError("either partnerId or status")
        return self


class AdjustmentView(View):
    """`status`: WAITING for a second person, POSTED (`entry` is its place in the partner's journal) or REJECTED."""

    people = ("requester", "approver")
    of_partner = True

    id: str
    partner_id: str
    partner_name: str | None = None
    partner_company: str | None = None
    program_id: str
    kind: AdjustmentKind
    amount: int
    currency: str
    amount_decimal = in_major("amount")
    reason: str
    status: AdjustmentStatus
    requester: str
    requester_name: str | None = None
    created_at: str
    approver: str | None
    approver_name: str | None = None
    decided_at: str | None
    note: str
    entry: int | None
    entries: int | None
    chain: str | None

    @classmethod
    def of(cls, adjustment: Adjustment) -> Self:
        asked = adjustment.asked
        return cls(
            id=adjustment.id,
            partner_id=asked.partner_id,
            program_id=adjustment.program_id,
            kind=asked.kind,
            amount=asked.amount,
            currency=asked.currency,
            reason=asked.reason,
            status=adjustment.status,
            requester=adjustment.requester,
            created_at=iso(adjustment.created_at_ms),
            approver=adjustment.approver or None,
            decided_at=iso(adjustment.decided_at_ms) if adjustment.decided_at_ms else None,
            note=adjustment.note,
            entry=adjustment.entry or None,
            entries=asked.entries or None,
            chain=asked.chain or None,
        )
