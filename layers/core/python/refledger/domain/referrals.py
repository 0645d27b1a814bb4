"""Referrals: what people see of it that somebody was sent by a partner, from the first word to the first money.

A referral may be of a lead that a CRM knows, of a customer who pays, or of both. What payments read is the customer's
binding (`domain/uplines.py`); the two are closed and changed together.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from refledger.domain.errors import Invalid
from refledger.domain.owner_data import Metadata
from refledger.domain.tellers import CONVERSIONS
from refledger.domain.uplines import Binding, Link

MAX_TAGS = 20
MAX_TAG_LENGTH = 40
MAX_CAMPAIGN_LENGTH = 100
MAX_LEAD_LENGTH = 200
DELETED = "DELETED"  # the reason of a referral that was taken out


class ReferralStatus(StrEnum):
    """How far a referral is."""

    PENDING = "PENDING"  # nobody has looked at it
    ACCEPTED = "ACCEPTED"  # it counts; the partner waits for the first money
    CONVERTED = "CONVERTED"  # it brought money, or a conversion that was told
    PAID = "PAID"  # a reward of it was paid out
    REJECTED = "REJECTED"  # nobody earns from it
    EXPIRED = "EXPIRED"  # its time was over before it brought anything


# from → to. EXPIRED → CONVERTED: what was paid in time was told late.
TRANSITIONS: dict[ReferralStatus, frozenset[ReferralStatus]] = {
    ReferralStatus.PENDING: frozenset(
        {
            ReferralStatus.ACCEPTED,
            ReferralStatus.CONVERTED,
            ReferralStatus.PAID,
            ReferralStatus.REJECTED,
            ReferralStatus.EXPIRED,
        }
    ),
    ReferralStatus.ACCEPTED: frozenset(
        {ReferralStatus.CONVERTED, ReferralStatus.PAID, ReferralStatus.REJECTED, ReferralStatus.EXPIRED}
    ),
    ReferralStatus.CONVERTED: frozenset({ReferralStatus.PAID}),
    ReferralStatus.PAID: frozenset(),
    ReferralStatus.REJECTED: frozenset(),
    ReferralStatus.EXPIRED: frozenset({ReferralStatus.CONVERTED}),
}
OPEN = (ReferralStatus.PENDING, ReferralStatus.ACCEPTED)
CLOSED = (ReferralStatus.REJECTED, ReferralStatus.EXPIRED)


class ReferralSource(StrEnum):
    """How the referral came in."""

    WEBSITE = "WEBSITE"  # a form or a page
    MOBILE_APP = "MOBILE_APP"  # an app
    EMAIL = "EMAIL"  # a mail
    PHONE = "PHONE"  # a call
    IN_PERSON = "IN_PERSON"  # a conversation
    SOCIAL_MEDIA = "SOCIAL_MEDIA"  # a post or an advertisement
    OTHER = "OTHER"  # anything else
    UNKNOWN = "UNKNOWN"  # nobody said


@dataclass(frozen=True)
class Referral:
    """Times in epoch milliseconds, 0 where they have not come. What is earned is frozen when it is made: the up-line,
    how many tiers of it, and the program's version.
    """

    id: str
    program_id: str
    status: ReferralStatus
    source: ReferralSource
    upline: tuple[Link, ...]  # nearest first: the partner whose referral it is
    depth: int
    rule_version: int
    created_at_ms: int
    customer: str = ""  # keyed hash; "" while nobody knows who pays
    customer_id: str = ""  # what the owner calls them; "" where nobody said, it is sealed, or they were forgotten
    lead: str = ""  # the CRM's id
    code: str = ""  # with which it came
    campaign: str = ""
    until_ms: int = 0  # it expires then unless it has converted; 0: never
    converted_at_ms: int = 0
    paid_at_ms: int = 0
    closed_at_ms: int = 0
    ended_ms: int = 0  # what its customer pays then or later earns nothing: it was closed after it had converted
    reason: str = ""  # why it was closed
    note: str = ""
    tags: tuple[str, ...] = ()  # sorted
    conversion: str = ""  # the payment that its conversion was booked as
    makers: tuple[str, ...] = ()  # who of the staff entered it, its lead or its customer: keyed hashes, sorted
    external_id: str = ""  # what the owner calls it
    metadata: Metadata = ()
    payout: str = ""  # the withdrawal that last paid a reward of it
    version: int = 1
    updated_at_ms: int = field(default=0, compare=False)  # when it was changed last

    def __post_init__(self) -> None:
        if len(self.campaign) > MAX_CAMPAIGN_LENGTH:
            raise Invalid(f"campaign: at most {MAX_CAMPAIGN_LENGTH} characters")
        if len(self.lead) > MAX_LEAD_LENGTH:
            raise Invalid(f"leadId: at most {MAX_LEAD_LENGTH} characters")
        if len(self.tags) > MAX_TAGS or any(not 1 <= len(tag) <= MAX_TAG_LENGTH for tag in self.tags):
            raise Invalid(f"tags: up to {MAX_TAGS}, each of 1 to {MAX_TAG_LENGTH} characters")

    @property
    def partner_id(self) -> str:
        return self.upline[0].partner_id

    @property
    def is_open(self) -> bool:
        """Whether it may still be accepted, rejected, or expire."""
        return self.status in OPEN

    def is_over(self, at_ms: int) -> bool:
        """Return whether what happens at that moment is too late to convert it."""
        if self.status is ReferralStatus.REJECTED or (self.ended_ms and at_ms >= self.ended_ms):
            return True
        return self.status in (*OPEN, ReferralStatus.EXPIRED) and bool(self.until_ms) and at_ms >= self.until_ms

    def made_by(self, *people: str) -> Referral:
        """Add those of the staff who made the referral what it is, too; "" is nobody."""
        return replace(self, makers=tuple(sorted({*self.makers, *people} - {""})))

    def bound(self, customer: str, now_ms: int, named_by: str = "") -> Binding:
        """Make the binding that payments of the customer will read.

        `named_by`: keyed hash of who of the staff said who it is.
        """
        return Binding(
            program_id=self.program_id,
            customer=customer,
            referral_id=self.id,
            upline=self.upline,
            depth=self.depth,
            rule_version=self.rule_version,
            bound_at_ms=now_ms,
            until_ms=self.until_ms if self.is_open else 0,
            ended_ms=self.ended_ms,
            named_by=named_by,
            systems=(CONVERSIONS,) if self.conversion else (),
            id_kept=bool(self.customer_id),
        )
