"""Partners over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, Field

from refledger.domain.partners import Partner
from refledger.domain.payments import DEFAULT_PROGRAM
from refledger.domain.rules import MAX_OWN_PRODUCTS, Own
from refledger.domain.times import iso
from refledger.entry.models.common import Body, Capitals, Name, Note, OptionalName, PageQuery, View
from refledger.entry.models.programs import ProgramId
from refledger.entry.models.rules import OwnPayBody, OwnPayView, to_own
from refledger.operations.partners import NewPartner

Email = Annotated[
    str, Field(max_length=254, pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+\.[^@\s\x00-\x1f\x7f.]+$")
]
Phone = Annotated[str, Field(max_length=32, pattern=r"^(\+?[0-9][0-9 ()./-]*)?$")]


class NewPartnerBody(Body):
    """`sub`: the user who signs in as this partner, where that is known already."""

    first_name: Name
    last_name: Name
    email: Annotated[Email, Field(examples=["ada@example.com"])]
    phone: Phone = ""
    company_name: OptionalName = ""
    program_id: ProgramId = DEFAULT_PROGRAM
    sub: Name | None = None

    def to_partner(self, user: str) -> NewPartner:
        return NewPartner(
            self.first_name, self.last_name, self.email, self.phone, self.company_name, self.program_id, user
        )


class UserBody(Body):
    """`sub`: of the user who signs in as the partner."""

    sub: Name


class Reason(Body):
    reason: Annotated[Note, Field(min_length=1)]


def _different(rates: list[OwnPayBody]) -> list[OwnPayBody]:
    if len({each.product_id for each in rates}) < len(rates):
        raise ValueError("one for each product")
    return rates


class CommissionBody(Body):
    """All that the partner earns in tier 1 instead of the program's pay; an empty list: nothing of their own."""

    rates: Annotated[list[OwnPayBody], Field(max_length=MAX_OWN_PRODUCTS + 1), AfterValidator(_different)]
    reason: Annotated[Note, Field(min_length=1)]

    def to_own(self) -> Own:
        return to_own(self.rates)


class PartnerQuery(PageQuery):
    status: Annotated[str, Capitals, Field(pattern="^(ACTIVE|INACTIVE|SUSPENDED|TERMINATED)$")] | None = None


class PartnerView(View):
    """`commissionRates`: basis points of tier 1, 2, … for customers referred today, 0 for a flat amount.

    `ownRates`: what the partner earns in tier 1 instead of the program's pay.
    """

    id: str
    program_id: str
    referral_code: str
    status: str
    commission_rates: list[int]
    own_rates: list[OwnPayView]
    first_name: str
    last_name: str
    email: str
    phone: str
    company_name: str
    created_at: str
    version: int

    @classmethod
    def of(cls, partner: Partner, program_bps: Sequence[int]) -> Self:
        return cls(
            id=partner.id,
            program_id=partner.program_id,
            referral_code=partner.code,
            status=partner.status,
            commission_rates=partner.rates_bps(program_bps),
            own_rates=OwnPayView.all_of(partner.own_rates),
            first_name=partner.first_name,
            last_name=partner.last_name,
            email=partner.email,
            phone=partner.phone,
            company_name=partner.company_name,
            created_at=iso(partner.created_at_ms),
            version=partner.version,
        )
