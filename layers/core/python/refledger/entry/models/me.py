"""What a partner sees of themselves, and may say of themselves, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator

from refledger.domain.codes import CodeStatus, PartnerCode
from refledger.domain.notices import NoticeKind
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.portals import Portal
from refledger.domain.programs import Program, ProgramStatus
from refledger.domain.times import iso
from refledger.entry.models.common import Body, Capitals, DayView, Name, OptionalName, Phone, View, in_major
from refledger.entry.models.links import url_of
from refledger.entry.models.member_referrals import BalanceView
from refledger.entry.models.rule_views import OwnPayView, RuleView

if TYPE_CHECKING:
    from refledger.operations.partners.partner_profile import ProfileChanges


class MeView(View):
    """`commissionRates`: basis points of tier 1, 2, … for customers referred today, 0 for a flat amount.

    `ownRates`: what the partner earns in tier 1 instead of the program's pay.
    """

    id: str
    program_id: str
    referral_code: str
    status: PartnerStatus
    tier: str
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
            tier=partner.tier,
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


class OwnCurrencyView(View):
    """`payoutMinimum`: the least that can be withdrawn, in minor units."""

    currency: str
    payout_minimum: int
    payout_minimum_decimal = in_major("payout_minimum")


class OwnProgramView(View):
    """The terms of the caller's program that they need to know. `currencies`: those that it takes, its own first.
    `coolingHours`: how long a new account waits for its first payout. `linked`: whether it has share links;
    `campaigns`: those whose clicks these tell apart, as `?campaign=`. `rules`: who earns what of a payment
    for which there is no other rule; `ownRates`: the caller's own in tier 1, instead. `termsUrl`, `helpUrl`: where the
    terms stand, and who helps; null where the owner says none.
    """

    id: str
    name: str
    status: ProgramStatus
    hold_days: int
    cooling_hours: int
    attribution_days: int | None
    currencies: list[OwnCurrencyView]
    linked: bool
    campaigns: list[str]
    rules: RuleView
    own_rates: list[OwnPayView]
    terms_url: str | None
    help_url: str | None

    @classmethod
    def of(cls, program: Program, partner: Partner | None) -> Self:
        portal = program.portal or Portal()
        minima = {program.currency: 0, **{code: terms.payout_minimum for code, terms in program.currencies}}
        return cls(
            id=program.id,
            name=program.name,
            status=program.status,
            hold_days=program.hold_days,
            cooling_hours=program.cooling_hours,
            attribution_days=program.attribution_days,
            currencies=[OwnCurrencyView(currency=code, payout_minimum=least) for code, least in minima.items()],
            linked=program.links is not None,
            campaigns=list(program.links.campaigns) if program.links else [],
            rules=RuleView.of(program.rules.default),
            own_rates=OwnPayView.all_of(partner.own_rates) if partner else [],
            terms_url=portal.terms_url or None,
            help_url=portal.help_url or None,
        )


class ProfileBody(Body):
    """What is not said, or null, stays as it is. The e-mail address is changed by staff: it says who somebody is."""

    first_name: Name | None = None
    last_name: Name | None = None
    phone: Phone | None = None
    company_name: OptionalName | None = None

    def to_changes(self) -> ProfileChanges:
        from refledger.operations.partners.partner_profile import ProfileChanges

        return ProfileChanges(self.first_name, self.last_name, phone=self.phone, company_name=self.company_name)


class MyCodeView(View):
    """`url`: the code's share link; null where the program has no links."""

    code: str
    main: bool
    label: str
    campaign: str
    status: CodeStatus
    url: str | None
    created_at: str

    @classmethod
    def of(cls, code: PartnerCode, base: str) -> Self:
        return cls(
            code=code.code,
            main=code.main,
            label=code.label,
            campaign=code.campaign,
            status=code.status,
            url=url_of(code, base),
            created_at=iso(code.created_at_ms),
        )


class MyCodes(View):
    """All of them, the main one first."""

    data: list[MyCodeView]


class MyBalances(View):
    """`available`, `reserved` and `paid` are exact; `pending` is what was earned and is not among them, and follows
    within a second or so.
    """

    data: list[BalanceView]


class UpcomingDayView(View):
    date: DayView
    currency: str
    amount: int
    amount_decimal = in_major("amount")


class UpcomingView(View):
    """What becomes available on which day (UTC), soonest first, as refunds have left it by now; what is held, or waits
    for a person, is not among it. `more`: later ones follow.
    """

    data: list[UpcomingDayView]
    more: bool

    @classmethod
    def of(cls, days: Mapping[tuple[str, str], int], *, more: bool) -> Self:
        return cls(
            data=[
                UpcomingDayView(date=day, currency=currency, amount=amount) for (day, currency), amount in days.items()
            ],
            more=more,
        )


def _once(kinds: list[NoticeKind]) -> list[NoticeKind]:
    if len(set(kinds)) < len(kinds):
        raise ValueError("each once")
    return sorted(kinds)


class NotificationsBody(Body):
    """All that the partner wants to be told of from now on; an empty list: nothing."""

    events: Annotated[list[Annotated[NoticeKind, Capitals]], AfterValidator(_once)]

    def to_changes(self) -> ProfileChanges:
        from refledger.operations.partners.partner_profile import ProfileChanges

        return ProfileChanges(notices=tuple(kind.value for kind in self.events))


class NotificationsView(View):
    """`available`: all that there is to choose from."""

    events: list[NoticeKind]
    available: list[NoticeKind]
    version: int

    @classmethod
    def of(cls, partner: Partner) -> Self:
        return cls(
            events=sorted(map(NoticeKind, partner.notices)), available=sorted(NoticeKind), version=partner.version
        )
