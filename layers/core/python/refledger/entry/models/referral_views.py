"""A referral over HTTP, as staff and partners see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from refledger.domain.referrals import Referral, ReferralSource, ReferralStatus
from refledger.domain.times import iso
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.entry.models.common import View
from refledger.operations.labels import NONE, Labels


class ReferralView(View):
    """`expiresAt`: when it ends if nothing happens; null where it never does, or has converted. `leadId`: as the CRM
    knows it, for staff, as are `note`, `tags`, `externalId`, `metadata` and the partner's names. `customerId`: what you
    call who pays, for staff; null where that is sealed, was forgotten, or came before it was kept. `customerHash`: the
    same for all that one customer pays, for staff.

    `closedFrom`: what its customer pays then or later earns nothing; null where there is no such time. `payoutStatus`:
    how the withdrawal stands that last paid a reward of it, RETURNED where that money came back.
    """

    id: str
    partner_id: str
    partner_name: str | None
    partner_company: str | None
    program_id: str
    referral_code: str | None
    status: ReferralStatus
    source: ReferralSource
    campaign: str
    lead_id: str | None
    customer_known: bool
    customer_id: str | None
    customer_hash: str | None
    created_at: str
    updated_at: str
    expires_at: str | None
    converted_at: str | None
    paid_at: str | None
    payout_status: WithdrawalStatus | None
    closed_at: str | None
    closed_from: str | None
    reason: str | None
    note: str | None
    tags: list[str] | None
    external_id: str | None
    metadata: dict[str, str] | None
    version: int

    @classmethod
    def of(
        cls, referral: Referral, payouts: Mapping[str, WithdrawalStatus], *, staff: bool, labels: Labels = NONE
    ) -> Self:
        return cls(**referral_fields(referral, payouts, labels, staff=staff))


def referral_fields(
    referral: Referral, payouts: Mapping[str, WithdrawalStatus], labels: Labels = NONE, *, staff: bool
) -> dict[str, Any]:
    waits = referral.until_ms and not referral.converted_at_ms
    return {
        "id": referral.id, "partner_id": referral.partner_id,
        "partner_name": labels.name(referral.partner_id), "partner_company": labels.company(referral.partner_id),
        "customer_id": (labels.shown(referral.customer_id) or None) if staff else None,
        "customer_hash": (referral.customer or None) if staff else None, "program_id": referral.program_id,
        "referral_code": referral.code or None, "status": referral.status, "source": referral.source,
        "campaign": referral.campaign, "customer_known": bool(referral.customer), "version": referral.version,
        "created_at": iso(referral.created_at_ms),
        "updated_at": iso(referral.updated_at_ms or referral.created_at_ms),
        "expires_at": iso(referral.until_ms) if waits else None,
        "converted_at": _moment(referral.converted_at_ms), "paid_at": _moment(referral.paid_at_ms),
        "payout_status": payouts.get(referral.payout),
        "closed_at": _moment(referral.closed_at_ms), "closed_from": _moment(referral.ended_ms),
        "reason": referral.reason or None,
        "lead_id": (referral.lead or None) if staff else None, "note": referral.note if staff else None,
        "tags": list(referral.tags) if staff else None,
        "external_id": (labels.shown(referral.external_id) or None) if staff else None,
        "metadata": dict(referral.metadata) if staff else None,
    }  # fmt: skip


def _moment(ms: int) -> str | None:
    return iso(ms) if ms else None
