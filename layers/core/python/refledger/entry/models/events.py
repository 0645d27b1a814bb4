"""Sign-ups and sales as servers tell them, by our names or by those that other products have for the same."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import ConfigDict, Field, model_validator

from refledger.domain.currencies import MAX_AMOUNT
from refledger.domain.referrals import MAX_CAMPAIGN_LENGTH, MAX_LEAD_LENGTH, ReferralSource
from refledger.entry.events.checks import MAX_ID_CHARACTERS
from refledger.entry.models.common import AmountOrZero, Body, Capitals, Currency, View, refused

Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARACTERS)]
# What other products call it: Dub's `/track/lead` and `/track/sale`, FirstPromoter's `/track/signup` and `/track/sale`
PEERS = {
    "customerExternalId": "customerId", "externalId": "customerId", "uid": "customerId",
    "tid": "clickId", "ref_id": "referralCode", "promo_code": "referralCode",
}  # fmt: skip
# Said by them, and of no meaning here; who the customer is by name is not kept
PASSED_OVER = frozenset({
    "eventName", "eventQuantity", "leadEventName", "mode", "paymentProcessor", "metadata", "customerName",
    "customerEmail", "customerAvatar", "email", "ip", "quantity", "mrr",
})  # fmt: skip


class ToldBody(Body):
    """What a sign-up and a sale have in common. Ids are as they are told: on the bus a blank is part of them, too."""

    model_config = ConfigDict(str_strip_whitespace=False)

    peers: ClassVar[dict[str, str]] = PEERS

    click_id: Annotated[
        str, Field(max_length=256, description="The id of the click on a share link that they came by.")
    ] = ""
    referral_code: Annotated[str, Field(max_length=64, description="The code that they came with.")] = ""
    occurred_at: Annotated[
        str | None,
        Field(
            description="RFC 3339 with a zone; when it is first told, unless said.", examples=["2026-11-02T10:00:00Z"]
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _in_our_words(cls, told: Any) -> Any:
        """Names of other products become ours; said by two names, it must be the same."""
        if not isinstance(told, dict):
            return told
        ours = {name: value for name, value in told.items() if name not in cls.peers and name not in PASSED_OVER}
        for name in cls.peers.keys() & told.keys():
            if ours.setdefault(cls.peers[name], told[name]) != told[name]:
                raise refused(name, f"another than {cls.peers[name]}")
        return ours


class LeadBody(ToldBody):
    """Somebody signed up. `leadId`, by which it is idempotent: the customer's id unless said."""

    lead_id: Annotated[
        str, Field(max_length=MAX_LEAD_LENGTH, description="Your id of the lead.", examples=["signup-1"])
    ] = ""
    customer_id: Annotated[
        Id | None, Field(description="Your id of the customer: what payments name.", examples=["user-4711"])
    ] = None
    source: Annotated[Annotated[ReferralSource, Capitals] | None, Field(description="Where they came from.")] = None
    campaign: Annotated[str, Field(max_length=MAX_CAMPAIGN_LENGTH, description="Of the link that they followed.")] = ""

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.lead_id and (self.customer_id is None or len(self.customer_id) > MAX_LEAD_LENGTH - 20):
            raise ValueError("leadId, or a customerId that is short enough to stand for it")
        return self


class SaleBody(ToldBody):
    """A customer paid. `paymentId`, by which it is idempotent: your id of this movement of money."""

    peers: ClassVar[dict[str, str]] = PEERS | {"invoiceId": "paymentId", "event_id": "paymentId", "plan": "productId"}

    payment_id: Annotated[Id, Field(description="Your id of this movement of money.", examples=["order-1"])]
    customer_id: Annotated[Id, Field(description="Your id of the customer.", examples=["user-4711"])]
    amount: Annotated[AmountOrZero, Field(description="Before discount, tax included, in minor units.")]
    currency: Currency
    discount_amount: Annotated[int, Field(ge=0, le=MAX_AMOUNT, description="What they did not have to pay.")] = 0
    tax_amount: Annotated[int, Field(ge=0, le=MAX_AMOUNT, description="The tax in what was paid.")] = 0
    shipping_amount: Annotated[int, Field(ge=0, le=MAX_AMOUNT, description="What of it is shipping, net.")] = 0
    program_id: Annotated[Id | None, Field(description="The program, where it is not to be found.")] = None
    product_id: Annotated[str, Field(max_length=MAX_ID_CHARACTERS, description="Your id of what was bought.")] = ""


class EventQueued(View):
    """The event is in the queue, and need not be sent again. `id`: the lead's or the payment's, as it was told."""

    outcome: Annotated[str, Field(description="`QUEUED`.", examples=["QUEUED"])]
    id: Annotated[str, Field(description="The lead's or the payment's, as it was told.", examples=["order-1"])]
