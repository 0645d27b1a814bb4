"""What speaks for a partner being somebody else as well, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from refledger.domain.likeness import Other, Signal, SignalType
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.times import iso
from refledger.entry.models.common import View


class OtherView(View):
    """Another partner. `since`: when they last said that it is theirs, or became a customer. `until`: they changed it
    then. `referralId`: by which the partner earns from them.
    """

    partner_id: str
    first_name: str
    last_name: str
    company_name: str
    status: PartnerStatus
    since: str
    until: str | None
    referral_id: str | None

    @classmethod
    def of(cls, other: Other, partner: Partner) -> Self:
        return cls(
            partner_id=other.partner_id,
            first_name=partner.first_name,
            last_name=partner.last_name,
            company_name=partner.company_name,
            status=partner.status,
            since=iso(other.since_ms),
            until=iso(other.until_ms) if other.until_ms else None,
            referral_id=other.referral_id or None,
        )


class SignalView(View):
    """`type`: SHARED_ACCOUNT, TWIN, SELF_REFERRAL, LOOK_ALIKE_NAME. `of`: ACCOUNT, EMAIL, NAME_AND_PHONE, NAME: what is
    shared. `count`: of other partners, 99 for more; `partners`: the newest of them.
    """

    type: SignalType
    of: str
    method_id: str | None
    account: str | None
    count: int
    partners: list[OtherView]

    @classmethod
    def from_signal(cls, signal: Signal, named: Mapping[str, Partner]) -> Self:
        return cls(
            type=signal.type,
            of=signal.kind,
            method_id=signal.method_id or None,
            account=signal.account or None,
            count=signal.count,
            partners=[OtherView.of(each, named[each.partner_id]) for each in signal.others if each.partner_id in named],
        )


class Signals(View):
    """Empty where nothing speaks for it."""

    data: list[SignalView]
