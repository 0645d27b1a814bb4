"""Partners over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from refledger.domain import texts
from refledger.domain.owner_data import metadata
from refledger.domain.partners import Partner, PartnerNote, PartnerStatus
from refledger.domain.programs import DEFAULT_PROGRAM
from refledger.domain.rules import MAX_OWN_PRODUCTS, Own
from refledger.domain.times import iso
from refledger.entry.models.common import (
    Body,
    Capitals,
    Exact,
    Label,
    Name,
    Note,
    OptionalName,
    PeriodQuery,
    Phone,
    Tag,
    Tags,
    View,
    refused,
)
from refledger.entry.models.ids import ProgramId
from refledger.entry.models.owner_data import ExternalId, ExternalIdOrNone, MetadataBody
from refledger.entry.models.rule_views import OwnPayView
from refledger.entry.models.rules import OwnPayBody, to_own

if TYPE_CHECKING:
    from refledger.operations.partners.partner_lists import PartnerFilter
    from refledger.operations.partners.partner_profile import ProfileChanges
    from refledger.operations.partners.partners import NewPartner

Email = Annotated[
    str,
    Field(max_length=254, pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+\.[^@\s\x00-\x1f\x7f.]+$"),
    AfterValidator(texts.address),
]
Status = Annotated[PartnerStatus, Capitals]


def _different(rates: list[OwnPayBody]) -> list[OwnPayBody]:
    if len({each.product_id for each in rates}) < len(rates):
        raise ValueError("one for each product")
    return rates


OwnRates = Annotated[list[OwnPayBody], Field(max_length=MAX_OWN_PRODUCTS + 1), AfterValidator(_different)]
TierLabel = Annotated[Label, Capitals]
TierLabelOrNone = Annotated[str, Capitals, Field(pattern=r"^[A-Z0-9_-]{0,30}$", examples=["GOLD"])]  # "": none


class NewPartnerBody(Body):
    """`sub`: the user who signs in as this partner, where that is known already. `externalId`: what you call them, once
    in a program; `metadata`: what you keep with them.
    """

    first_name: Name
    last_name: Name
    email: Annotated[Email, Field(examples=["ada@example.com"])]
    phone: Phone = ""
    company_name: OptionalName = ""
    program_id: ProgramId = DEFAULT_PROGRAM
    tier: TierLabel | None = None
    tags: Tags = Field(default=[])
    sub: Annotated[Exact, Field(min_length=1, max_length=100)] | None = None
    external_id: ExternalId | None = None
    metadata: MetadataBody = Field(default={})

    def to_partner(self, user: str) -> NewPartner:
        from refledger.operations.partners.partners import NewPartner  # not for whoever only reads

        return NewPartner(
            self.first_name, self.last_name, self.email, self.phone, self.company_name, self.program_id, user,
            self.tier or "", tuple(self.tags), self.external_id or "", metadata(self.metadata),
        )  # fmt: skip


def owner_data(body: PartnerChanges | WholePartner) -> dict[str, Any]:
    return {
        "external_id": body.external_id, "metadata": None if body.metadata is None else metadata(body.metadata),
    }  # fmt: skip


class PartnerChanges(Body):
    """What is not said, or null, stays as it is. `externalId`: empty for none; `metadata`: all of it."""

    first_name: Name | None = None
    last_name: Name | None = None
    email: Annotated[Email, Field(examples=["ada@example.com"])] | None = None
    phone: Phone | None = None
    company_name: OptionalName | None = None
    tier: TierLabelOrNone | None = None
    external_id: ExternalIdOrNone | None = None
    metadata: MetadataBody | None = None

    def to_changes(self, tags: tuple[str, ...] | None = None) -> ProfileChanges:
        from refledger.operations.partners.partner_profile import ProfileChanges

        told = (self.first_name, self.last_name, self.email, self.phone, self.company_name, self.tier)
        return ProfileChanges(*told, tags, **owner_data(self))


class PartnerPatch(PartnerChanges):
    """What is not said, or null, stays as it is. `externalId`: empty for none; `metadata`: all of it.

    `status`, `commissionRates`: with a `reason`, and with nothing else:
    what `/activate`, `/deactivate`, `/suspend`, `/terminate` and `/commission` do, for whom may do that.
    """

    status: Status | None = None
    commission_rates: OwnRates | None = None
    reason: Annotated[Note, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        said = {name for name, value in self if value is not None} - {"reason"}
        decides = said & {"status", "commission_rates"}
        if decides and self.reason is None:
            raise refused("reason", "needed with status or commissionRates")
        if decides and len(said) > 1:
            raise refused("status" if self.status else "commissionRates", "with a reason, and with nothing else")
        if self.reason is not None and not decides:
            raise refused("reason", "of status or commissionRates")
        return self


class WholePartner(Body):
    """All that can be said of a partner: what is left out becomes empty, but for `externalId` and `metadata`, which
    stay as they are.
    """

    first_name: Name
    last_name: Name
    email: Annotated[Email, Field(examples=["ada@example.com"])]
    phone: Phone = ""
    company_name: OptionalName = ""
    tier: TierLabelOrNone = ""
    tags: Tags = Field(default=[])
    external_id: ExternalIdOrNone | None = None
    metadata: MetadataBody | None = None

    def to_changes(self) -> ProfileChanges:
        from refledger.operations.partners.partner_profile import ProfileChanges

        told = (self.first_name, self.last_name, self.email, self.phone, self.company_name, self.tier)
        return ProfileChanges(*told, tuple(self.tags), **owner_data(self))


class TagsBody(Body):
    """All of them; an empty list for none."""

    tags: Tags


class PartnerNoteBody(Body):
    text: Annotated[Note, Field(min_length=1, examples=["asked for a call in March"])]


class PartnerNoteView(View):
    """`author`: a hash that stands for the user."""

    people = ("author",)

    id: str
    text: str
    author: str
    author_name: str | None = None
    at: str

    @classmethod
    def of(cls, note: PartnerNote) -> Self:
        return cls(id=note.id, text=note.text, author=note.author, at=iso(note.at_ms))


class UserBody(Body):
    """`sub`: of the user who signs in as the partner."""

    sub: Annotated[Exact, Field(min_length=1, max_length=100)]


class Reason(Body):
    reason: Annotated[Note, Field(min_length=1)]


class CommissionBody(Body):
    """All that the partner earns in tier 1 instead of the program's pay; an empty list: nothing of their own."""

    rates: OwnRates
    reason: Annotated[Note, Field(min_length=1)]

    def to_own(self) -> Own:
        return to_own(self.rates)


class PartnerQuery(PeriodQuery):
    """`q`: how a name, either one first, an e-mail address or a company begins; then `programId` is the default program
    unless it is said, and partners come in the order of what they are called. `from`, `to`: when they were made.
    `externalId`: the one of a program, the default one unless it is said, whom you call so; without `q`.
    """

    cursor: Annotated[str, Field(max_length=1100)] | None = None  # of a search it has a text of any script
    status: Status | None = None
    tier: TierLabel | None = None
    tag: Tag | None = None
    program_id: ProgramId | None = None
    q: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    external_id: ExternalId | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.q and self.external_id:
            raise refused("externalId", "without q")
        return self

    def to_wanted(self) -> PartnerFilter:
        from refledger.operations.partners.partner_lists import PartnerFilter

        return PartnerFilter(self.status, self.tier, self.tag, self.program_id, self.from_ms, self.until_ms)


class PartnerView(View):
    """`commissionRates`: basis points of tier 1, 2, … for customers referred today, 0 for a flat amount.

    `ownRates`: what the partner earns in tier 1 instead of the program's pay. `forgottenAt`: when what says who they
    are was taken away; null: it was not. `externalId`: what you call them; `metadata`: what you keep with them.
    """

    id: str
    program_id: str
    referral_code: str
    status: PartnerStatus
    commission_rates: list[int]
    own_rates: list[OwnPayView]
    tier: str
    tags: list[str]
    first_name: str
    last_name: str
    email: str
    phone: str
    company_name: str
    created_at: str
    updated_at: str
    version: int
    forgotten_at: str | None = None
    external_id: str | None
    metadata: dict[str, str]

    @classmethod
    def of(cls, partner: Partner, program_bps: Sequence[int]) -> Self:
        return cls(
            id=partner.id,
            program_id=partner.program_id,
            referral_code=partner.code,
            status=partner.status,
            commission_rates=partner.rates_bps(program_bps),
            own_rates=OwnPayView.all_of(partner.own_rates),
            tier=partner.tier,
            tags=list(partner.tags),
            first_name=partner.first_name,
            last_name=partner.last_name,
            email=partner.email,
            phone=partner.phone,
            company_name=partner.company_name,
            created_at=iso(partner.created_at_ms),
            updated_at=iso(partner.updated_at_ms or partner.created_at_ms),
            version=partner.version,
            forgotten_at=iso(partner.forgotten_at_ms) if partner.forgotten_at_ms else None,
            external_id=partner.external_id or None,
            metadata=dict(partner.metadata),
        )
