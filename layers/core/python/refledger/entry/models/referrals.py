"""Referrals over HTTP, as staff and services make and move them, and as partners see their own."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import pydantic
from pydantic import BeforeValidator, Discriminator, Field, WithJsonSchema, model_validator

from refledger.adapters.ids import Ids
from refledger.domain import amounts, currencies
from refledger.domain.currencies import MAX_AMOUNT
from refledger.domain.errors import Invalid
from refledger.domain.owner_data import metadata
from refledger.domain.programs import DEFAULT_PROGRAM
from refledger.domain.referrals import MAX_CAMPAIGN_LENGTH, MAX_LEAD_LENGTH, ReferralSource, ReferralStatus
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.entry.events.checks import moment_ms
from refledger.entry.events.fields import Moment
from refledger.entry.models import kinds
from refledger.entry.models.common import (
    Amount,
    Body,
    Capitals,
    Currency,
    Exact,
    MoneyView,
    Note,
    PeriodQuery,
    Query,
    Tag,
    Tags,
    View,
    refused,
)
from refledger.entry.models.ids import PartnerId, ProgramId
from refledger.entry.models.owner_data import ExternalId, ExternalIdOrNone, MetadataBody
from refledger.entry.models.referral_views import ReferralView, referral_fields
from refledger.entry.models.reward_views import RewardView
from refledger.operations.referring.referral_lists import ReferralFilter

if TYPE_CHECKING:
    from refledger.operations.bulk import BulkResult
    from refledger.operations.earning.conversions import Converted
    from refledger.operations.referring.closing import Closed
    from refledger.operations.referring.expiry import Expired
    from refledger.operations.referring.lifecycle import NewReferral, ReferralUpdate
    from refledger.operations.referring.referral_bulk import Step

MOST = 50  # in one call
LeadId = Annotated[Exact, Field(min_length=1, max_length=MAX_LEAD_LENGTH, examples=["00Q5e00001AbCdE"])]
Campaign = Annotated[Exact, Field(max_length=MAX_CAMPAIGN_LENGTH, examples=["autumn"])]
CustomerId = Annotated[Exact, Field(min_length=1, max_length=255, examples=["customer-17"])]
Code = Annotated[str, Field(min_length=1, max_length=64, examples=["ADA2026"])]
AnySource = Annotated[ReferralSource, Capitals]


class NewReferralBody(Body):
    """Say `partnerId`, or `referralCode`, or both. `customerId`: who will pay, as payment events name them; their
    payments earn from now on; may be said later. `leadId`: as the CRM knows it; may be said later. `externalId`: what
    you call the referral, once in a program; `metadata`: what you keep with it.
    """

    partner_id: PartnerId | None = None
    referral_code: Code | None = None
    source: AnySource
    campaign: Campaign = ""
    lead_id: LeadId | None = None
    customer_id: CustomerId | None = None
    note: Note = ""
    tags: Tags = Field(default=[])
    external_id: ExternalId | None = None
    metadata: MetadataBody = Field(default={})

    @model_validator(mode="after")
    def _somebodys(self) -> Self:
        if not self.partner_id and not self.referral_code:
            raise ValueError("partnerId or referralCode")
        return self

    def to_new(self, ids: Ids) -> NewReferral:
        from refledger.operations.referring.lifecycle import NewReferral  # not for whoever only reads

        return NewReferral(
            partner_id=self.partner_id or "",
            code=self.referral_code or "",
            source=self.source,
            campaign=self.campaign,
            lead=self.lead_id or "",
            customer=ids.user(self.customer_id) if self.customer_id else "",
            customer_id=self.customer_id or "",
            note=self.note,
            tags=tuple(self.tags),
            external_id=self.external_id or "",
            metadata=metadata(self.metadata),
        )


class ReferralChanges(Body):
    """What is not said stays as it is. A customer can be said once. `externalId`: empty for none; `metadata`: all."""

    source: AnySource | None = None
    campaign: Campaign | None = None
    customer_id: CustomerId | None = None
    note: Note | None = None
    tags: Tags | None = None
    external_id: ExternalIdOrNone | None = None
    metadata: MetadataBody | None = None

    def to_changes(self, ids: Ids) -> ReferralUpdate:
        from refledger.operations.referring.lifecycle import ReferralUpdate

        return ReferralUpdate(
            self.source,
            self.campaign,
            self.note,
            tuple(self.tags) if self.tags is not None else None,
            ids.user(self.customer_id) if self.customer_id else None,
            self.customer_id or "",
            self.external_id,
            None if self.metadata is None else metadata(self.metadata),
        )


class ReferralPatch(ReferralChanges):
    """What is not said stays as it is. A customer can be said once. `externalId`: empty for none; `metadata`: all.

    `status`: ACCEPTED, REJECTED or EXPIRED, with nothing else but a `reason`, which REJECTED needs: what `/accept`,
    `/reject` and `/expire` do.
    """

    status: Annotated[Literal["ACCEPTED", "REJECTED", "EXPIRED"], Capitals] | None = None
    reason: Note | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        said = {name for name, value in self if value is not None} - {"reason"}
        if "status" in said and len(said) > 1:
            raise refused("status", "with a reason, and with nothing else")
        if self.status == "REJECTED" and not self.reason:
            raise refused("reason", "needed to reject")
        if self.reason is not None and self.status not in ("REJECTED", "EXPIRED"):
            raise refused("reason", "of a status that is REJECTED or EXPIRED")
        return self


class WholeReferral(Body):
    """All that can be changed of a referral: what is left out becomes empty, but for `externalId` and `metadata`, which
    stay. A customer can be said once, and stays.
    """

    source: AnySource
    campaign: Campaign = ""
    customer_id: CustomerId | None = None
    note: Note = ""
    tags: Tags = Field(default=[])
    external_id: ExternalIdOrNone | None = None
    metadata: MetadataBody | None = None

    def to_changes(self, ids: Ids) -> ReferralUpdate:
        from refledger.operations.referring.lifecycle import ReferralUpdate

        user = ids.user(self.customer_id) if self.customer_id else None
        return ReferralUpdate(
            self.source, self.campaign, self.note, tuple(self.tags), user, self.customer_id or "", self.external_id,
            None if self.metadata is None else metadata(self.metadata),
        )  # fmt: skip


class LinkBody(Body):
    """`customerId`: who will pay, as payment events name them, where that is known now."""

    lead_id: LeadId
    customer_id: CustomerId | None = None


class WhyRejected(Body):
    reason: Annotated[Note, Field(min_length=1, examples=["no budget"])]


class WhyExpired(Body):
    reason: Note = ""


class MinorMoney(Body):
    amount: Amount
    currency: Currency


def _written(value: object) -> object:
    """Digit by digit, by the grammar of all numbers from outside. A number with a point comes as its text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    try:
        return amounts.major(value if isinstance(value, str) else amounts.plain(Decimal(str(value))))
    except Invalid as error:
        raise ValueError(error.detail.partition(": ")[2]) from None


Major = Annotated[
    Decimal,
    BeforeValidator(_written),
    Field(gt=0, le=MAX_AMOUNT),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": MAX_AMOUNT}, {"type": "string"}],
            "description": "in major units, with the currency's decimals at most",
            "examples": [1000.0],
        }
    ),
]


class ConversionBody(Body):
    """`conversionValue`: in major units, 12.5 is twelve and a half, as a number or a text; `currency` is the program's
    unless it is said. Or an object of `amount` in minor units and `currency`, as money is said everywhere else.
    """

    exact: ClassVar[bool] = True

    conversion_value: Annotated[
        Annotated[Major, pydantic.Tag(kinds.MAJOR)] | Annotated[MinorMoney, pydantic.Tag(kinds.MONEY)],
        Discriminator(kinds.kind_of_money),
    ]
    currency: Currency | None = None

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        if isinstance(self.conversion_value, MinorMoney) and self.currency not in (
            None,
            self.conversion_value.currency,
        ):
            raise ValueError("one currency")
        return self

    def to_money(self, own: str) -> tuple[int, str]:
        """Return the value in minor units, and its currency.

        `own`: the program's currency. Raises Invalid for more decimals than the currency has.
        """
        value, currency = self.conversion_value, self.currency or own
        if isinstance(value, MinorMoney):
            return value.amount, value.currency
        try:
            return currencies.minor(value, currency), currency
        except Invalid as error:
            raise Invalid(f"conversionValue: {error.detail.partition(': ')[2]}") from None


class NamedConversionBody(ConversionBody):
    """The same, of the referral that it names."""

    referral_id: Annotated[str, Field(min_length=1, max_length=64)]


class ReferralQuery(PeriodQuery):
    """Those of a partner or of a program (the default one unless it is said), newest first; PENDING and ACCEPTED ones
    of a program, without a period, by when they expire. Partners get their own. `externalId`: the one that you call so,
    for staff and services.
    """

    partner_id: PartnerId | None = None
    program_id: ProgramId | None = None
    status: Annotated[ReferralStatus, Capitals] | None = None
    source: AnySource | None = None
    tag: Tag | None = None
    external_id: ExternalId | None = None

    def to_wanted(self) -> ReferralFilter:
        return ReferralFilter(self.program_id, self.status, self.source, self.tag, self.from_ms, self.until_ms)


class CustomerQuery(Query):
    program_id: ProgramId = DEFAULT_PROGRAM


class ConvertedView(ReferralView):
    """The referral with what its conversion was booked as: a payment, and the rewards of its tiers."""

    payment_id: str
    conversion: MoneyView
    rewards: list[RewardView]

    @classmethod
    def made(cls, converted: Converted, payouts: Mapping[str, WithdrawalStatus]) -> Self:
        payment = converted.payment
        return cls(
            **referral_fields(converted.referral, payouts, staff=True),
            payment_id=payment.id,
            conversion=MoneyView(currency=payment.currency, amount=payment.amount),
            rewards=[RewardView.of(each, payouts, staff=True) for each in converted.rewards],
        )


class CloseBody(Body):
    """`from`: what is paid then or later earns nothing, now unless it is said. `cancelUnpaid`: whether what was earned
    before and is not paid out yet is cancelled as well.
    """

    reason: Annotated[Note, Field(min_length=1, examples=["the customer is the partner"])]
    from_: Moment | None = Field(default=None, alias="from", examples=["2026-11-21T09:30:00Z"])
    cancel_unpaid: bool = False

    @property
    def from_ms(self) -> int:
        """0 where it is not said."""
        return moment_ms(self.from_) if self.from_ else 0


class ClosedView(ReferralView):
    """`cancelled`: how many rewards this call has cancelled. `complete`: false where there was no time to look at all
    of them; call again then.
    """

    cancelled: int
    complete: bool

    @classmethod
    def made(cls, closed: Closed, payouts: Mapping[str, WithdrawalStatus]) -> Self:
        return cls(
            **referral_fields(closed.referral, payouts, staff=True),
            cancelled=closed.cancelled,
            complete=closed.complete,
        )


class CheckedView(View):
    """`expired` were closed; `converted` had brought something in time; `failed` are met again by the next call.
    `complete` is false where there was no time for all that is due: call again.
    """

    expired: int
    converted: int
    failed: int
    complete: bool

    @classmethod
    def of(cls, done: Expired) -> Self:
        return cls(expired=done.expired, converted=done.converted, failed=done.failed, complete=not done.unfinished)


# ---------------------------------------------------------------- many

ReferralId = Annotated[str, Field(pattern="^[a-v0-9]{40}$")]


class RejectItem(WhyRejected):
    id: ReferralId


ReferralIds = Annotated[list[ReferralId], Field(max_length=MOST)]


class ReferralsBody(Body):
    """1 to 50 in all; `accept`, `expire` and `delete` are ids."""

    create: Annotated[list[NewReferralBody], Field(max_length=MOST)] = Field(default=[])
    accept: ReferralIds = Field(default=[])
    reject: Annotated[list[RejectItem], Field(max_length=MOST)] = Field(default=[])
    expire: ReferralIds = Field(default=[])
    delete: ReferralIds = Field(default=[])

    @model_validator(mode="after")
    def _some(self) -> Self:
        moves = len(self.accept) + len(self.reject) + len(self.expire) + len(self.delete)
        if not 1 <= len(self.create) + moves <= MOST:
            raise ValueError(f"1 to {MOST} of create, accept, reject, expire and delete in all")
        return self

    def to_steps(self, ids: Ids) -> list[Step]:
        from refledger.operations.referring.referral_bulk import Move, Verb

        return [
            *(each.to_new(ids) for each in self.create),
            *(Move(Verb.ACCEPT, id) for id in self.accept),
            *(Move(Verb.REJECT, each.id, each.reason) for each in self.reject),
            *(Move(Verb.EXPIRE, id) for id in self.expire),
            *(Move(Verb.DELETE, id) for id in self.delete),
        ]


class ReferralResult(View):
    """`status`: the referral's, where it was done; else `code` and `detail` say why it was not."""

    id: str | None
    status: ReferralStatus | None
    code: str | None
    detail: str | None

    @classmethod
    def of(cls, result: BulkResult) -> Self:
        return cls(id=result["id"], status=result["status"], code=result.get("code"), detail=result.get("detail"))


class ReferralResults(View):
    """One for each, in their order: those of `create`, `accept`, `reject`, `expire`, `delete`."""

    results: list[ReferralResult]
