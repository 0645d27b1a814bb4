"""Partners' codes and chains over HTTP."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field

from refledger.domain.codes import CodeStatus, PartnerCode
from refledger.domain.referrals import ReferralStatus
from refledger.domain.times import iso
from refledger.domain.uplines import Binding
from refledger.entry.models.common import Body, PageQuery, Query, Title, View
from refledger.entry.models.ids import ProgramId
from refledger.operations.partners.networks import DownlineMember

WishedCode = Annotated[str, Field(max_length=40, examples=["ACME-2026"])]


class NewCodeBody(Body):
    """`code`: the one that is wished for; without it the system makes one."""

    code: WishedCode | None = None
    label: Title = ""
    campaign: Title = ""


class RotateBody(Body):
    """`code`: the one that is wished for; without it the system makes one."""

    code: WishedCode | None = None


class PartnerCodeView(View):
    """`main`: the one on the partner's links. `vanity`: somebody chose it."""

    code: str
    label: str
    campaign: str
    status: CodeStatus
    main: bool
    vanity: bool
    created_at: str

    @classmethod
    def of(cls, code: PartnerCode) -> Self:
        return cls(
            code=code.code,
            label=code.label,
            campaign=code.campaign,
            status=code.status,
            main=code.main,
            vanity=code.vanity,
            created_at=iso(code.created_at_ms),
        )


class CodesView(View):
    data: list[PartnerCodeView]


class ValidateBody(Body):
    referral_code: Annotated[str, Field(max_length=100, examples=["ANA7K2M9QX"])]


class ValidView(View):
    """`partnerId` only for staff and services, and only of a code that is valid."""

    valid: bool
    partner_id: Annotated[str | None, Field(exclude_if=lambda id: id is None)] = None


class UplineQuery(Query):
    """`programId`: whose customer the partner is; their home program unless it is said."""

    program_id: ProgramId | None = None


class AboveView(View):
    """`tier`: at which the one above earns from what the partner buys. `earns`: whether the program goes that deep."""

    partner_id: str
    tier: int
    earns: bool


class UplineView(View):
    """Nearest first; empty where nobody referred the partner."""

    data: list[AboveView]

    @classmethod
    def of(cls, binding: Binding | None) -> Self:
        links = enumerate(binding.upline, start=1) if binding else ()
        depth = binding.depth if binding else 0
        return cls(data=[AboveView(partner_id=link.partner_id, tier=tier, earns=tier <= depth) for tier, link in links])


class DownlineQuery(PageQuery):
    """A page of those whom the partner referred; ask with their `partnerId` for those below."""


class BelowView(View):
    """`partnerId`: null for a customer who refers nobody."""

    referral_id: str
    status: ReferralStatus
    partner_id: str | None
    referred_at: str

    @classmethod
    def of(cls, below: DownlineMember) -> Self:
        referral = below.referral
        return cls(
            referral_id=referral.id,
            status=referral.status,
            partner_id=below.partner_id or None,
            referred_at=iso(referral.created_at_ms),
        )
