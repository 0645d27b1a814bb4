"""How the books and the stack stand, over HTTP."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field

from refledger.domain.times import iso
from refledger.entry.models.common import DATE, View
from refledger.operations.proof.standing import BookStanding
from refledger.store.findings import Finding, FindingReason
from refledger.store.stops import Stop


class FaultView(View):
    """`kind`, `id`: what was looked at, such as `partners` and a partner's id. `since`: when it was seen first.
    `counts`: whether it was seen again later; one that was not may be a write that was on its way.
    """

    kind: str
    id: str
    partner_id: str | None
    currency: str | None
    reason: str
    since: str
    counts: bool

    @classmethod
    def of(cls, finding: Finding, reason: FindingReason) -> Self:
        return cls(
            kind=finding.kind, id=finding.id, partner_id=reason.partner_id or None, currency=reason.currency or None,
            reason=reason.text, since=iso(reason.since_ms), counts=reason.is_told,
        )  # fmt: skip


class VerificationView(View):
    """What the stack's own check of its books came to. `sweptAt`: when the last look at everything ended, null before
    the first did; `sweepingSince`: when the one began that goes on. `changesUntil`: up to when books that changed were
    looked at. `cleanSince`: since when no fault counts, null while one does. `faults`: how many count. `leftOut`:
    partners whose books are too long for it: `refledger verify` reads them whole. `manifestDay`: of the last signed
    manifest of all balances, null where there is none of the last seven days; `signedAt`: when it was.
    """

    swept_at: str | None
    sweeping_since: str | None
    changes_until: str | None
    clean_since: str | None
    faults: int
    left_out: list[str]
    manifest_day: Annotated[str | None, Field(json_schema_extra=DATE)]
    signed_at: str | None
    data: list[FaultView]

    @classmethod
    def of(cls, found: BookStanding) -> Self:
        day, signed_ms = found.manifest or (None, 0)
        return cls(
            swept_at=iso(found.swept_ms) if found.swept_ms else None,
            sweeping_since=iso(found.sweeping_ms) if found.sweeping_ms else None,
            changes_until=iso(found.changed_ms) if found.changed_ms else None,
            clean_since=iso(found.clean_ms) if found.clean_ms else None,
            faults=sum(each.told for each in found.found),
            left_out=list(found.left_out),
            manifest_day=day,
            signed_at=iso(signed_ms) if day else None,
            data=[FaultView.of(finding, reason) for finding in found.found for reason in finding.reasons],
        )


class StopView(View):
    """That bookings and payouts are stopped. `onlyPayouts`: bookings go on already."""

    since: str
    by: str
    reason: str
    only_payouts: bool

    @classmethod
    def of(cls, found: Stop) -> Self:
        return cls(since=iso(found.since_ms), by=found.by, reason=found.reason, only_payouts=found.only_payouts)


class SettingsView(View):
    """What this stack was told, and whether it goes. `stage`: what it is for. `stopped`: that it books or pays nothing;
    null while it does both. `limits`: calls of one caller in a minute, by class. `signInMinutes`: how old a sign-in may
    be where money moves, null for any age. `linkBase`: what share links begin with, null for the API's own name.
    `stripeMode`: which of Stripe's modes counts. `stripePayouts`, `leadWebhooks`, `cdn`: whether they are set up.
    `customerIdsSealed`: whether what you call a customer is kept under a hash alone. `notices`: which go on the bus,
    those that partners chose or all. `manifestRetentionDays`: how long nobody can delete a signed manifest.
    """

    stage: str
    stopped: StopView | None
    limits: dict[str, int]
    sign_in_minutes: int | None
    link_base: str | None
    stripe_mode: str
    stripe_payouts: bool
    lead_webhooks: bool
    cdn: bool
    customer_ids_sealed: bool
    notices: str
    manifest_retention_days: int
