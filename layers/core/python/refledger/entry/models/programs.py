"""Programs over HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Self

from pydantic import Field, model_validator

from refledger.domain.errors import Invalid
from refledger.domain.links import MAX_CAMPAIGNS, MAX_DOMAINS, MAX_URL, PARAMETER, Links
from refledger.domain.portals import MAX_ADDRESS, MAX_NAME, MAX_ORIGINS, Portal
from refledger.domain.programs import (
    APPROVAL_SECONDS,
    BIND_WITHIN_HOURS,
    COOLING_HOURS,
    MAKER_WINDOW_DAYS,
    MAX_CURRENCIES,
    MAX_WEIGHT,
    SAFE_ATTRIBUTION_DAYS,
    CurrencyTerms,
    Program,
    ProgramStatus,
    Weights,
    safe_terms,
)
from refledger.domain.rules import MAX_PRODUCTS, MAX_TIERS, Pay, Rule, RuleSet
from refledger.domain.times import iso
from refledger.entry.models.common import (
    AmountOrZero,
    Body,
    Capitals,
    Currency,
    Money,
    MoneyView,
    Note,
    PageQuery,
    Title,
    View,
    located,
)
from refledger.entry.models.ids import ProgramId
from refledger.entry.models.rule_views import ProductRuleView, RuleView
from refledger.entry.models.rules import FlatAmount, ProductRuleBody, Rate, RuleBody


class CurrencyBody(Body):
    """A currency that the program takes. All amounts are in its minor units.

    `autoApproveLimit`: withdrawals up to this need no person, all do without it. `secondApprovalLimit`: above this one
    person's sum of a day of what is let out needs a second person; left out it is 500 units of the currency, null is
    none. `adjustmentLimit`: the same of what is made by hand. `payoutMinimum`: left out, one unit. `conversionLimit`:
    what services and CRMs may tell in a day before a person must release it; without it, `adjustmentLimit` is this,
    too. See docs/duties.md.
    """

    currency: Currency
    payout_minimum: AmountOrZero | None = None
    auto_approve_limit: AmountOrZero | None = None
    second_approval_limit: AmountOrZero | None = None
    adjustment_limit: AmountOrZero | None = None
    conversion_limit: AmountOrZero | None = None
    sales_limit: AmountOrZero | None = None

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        """What is not said protects; null is said. A repeat must say the same, so it is part of what was asked."""
        safe, said = safe_terms(self.currency), set(self.model_fields_set)
        if "second_approval_limit" not in said:
            self.second_approval_limit = safe.second_approval_limit
        if "adjustment_limit" not in said:
            self.adjustment_limit = safe.adjustment_limit
        if self.payout_minimum is None:
            self.payout_minimum = safe.payout_minimum
        return self

    def to_terms(self) -> CurrencyTerms:
        return CurrencyTerms(
            self.payout_minimum or 0, self.auto_approve_limit, self.second_approval_limit, self.adjustment_limit,
            self.conversion_limit, self.sales_limit,
        )  # fmt: skip


class WeightBody(Body):
    """`perThousand`: what 1,000 minor units count, in minor units of the exposure's currency."""

    currency: Currency
    per_thousand: Annotated[int, Field(ge=1, le=MAX_WEIGHT, strict=True, examples=[1080])]


class ExposureBody(Body):
    """How a day's sums count over all currencies of the program, against the limits of `currency`."""

    currency: Currency
    weights: Annotated[list[WeightBody], Field(max_length=MAX_CURRENCIES)]

    def to_weights(self) -> Weights:
        rates = {each.currency: each.per_thousand for each in self.weights}
        if len(rates) < len(self.weights):
            raise Invalid("exposure: each currency once, and not its own")
        return Weights(self.currency, tuple(sorted(rates.items())))


class WeightView(View):
    currency: str
    per_thousand: int


class ExposureView(View):
    currency: str
    weights: list[WeightView]

    @classmethod
    def of(cls, weights: Weights) -> Self:
        return cls(
            currency=weights.currency,
            weights=[WeightView(currency=currency, per_thousand=rate) for currency, rate in weights.rates],
        )


class LinksBody(Body):
    """`allowedDomains`: hosts to which links may lead, exactly, or `*.example.com` for all below one.

    `parameter`: carries the code; with `cookieDays` above 0 a cookie of this name does so as well. `campaigns`: those
    whose clicks are told apart.
    """

    default_url: Annotated[str, Field(max_length=MAX_URL, examples=["https://www.example.com/welcome"])]
    allowed_domains: Annotated[list[str], Field(max_length=MAX_DOMAINS, examples=[["www.example.com"]])]
    parameter: str = PARAMETER
    cookie_days: int = 0
    cookie_domain: str = ""
    campaigns: Annotated[list[str], Field(default_factory=list, max_length=MAX_CAMPAIGNS, examples=[["autumn"]])]

    def to_links(self) -> Links:
        return Links(
            self.default_url, tuple(self.allowed_domains), self.parameter, self.cookie_days, self.cookie_domain,
            tuple(self.campaigns),
        )  # fmt: skip


class LinksView(View):
    default_url: str
    allowed_domains: list[str]
    parameter: str
    cookie_days: int
    cookie_domain: str
    campaigns: list[str]

    @classmethod
    def of(cls, links: Links) -> Self:
        return cls(
            default_url=links.default_url,
            allowed_domains=list(links.domains),
            parameter=links.parameter,
            cookie_days=links.cookie_days,
            cookie_domain=links.cookie_domain,
            campaigns=list(links.campaigns),
        )


class PortalBody(Body):
    """How the portal looks on the owner's own pages. `allowedOrigins`: of those that may show it in a frame.

    `accent`: a colour; text in it is made readable. `logoUrl`: a picture over https. `termsUrl`, `helpUrl`: what
    partners are led to.
    """

    allowed_origins: Annotated[
        list[str], Field(default_factory=list, max_length=MAX_ORIGINS, examples=[["https://www.example.com"]])
    ]
    name: Annotated[Title, Field(max_length=MAX_NAME)] = ""
    logo_url: Annotated[str, Field(max_length=MAX_ADDRESS, examples=["https://www.example.com/logo.svg"])] = ""
    accent: str = ""
    terms_url: Annotated[str, Field(max_length=MAX_ADDRESS, examples=["https://www.example.com/terms"])] = ""
    help_url: Annotated[str, Field(max_length=MAX_ADDRESS, examples=["https://www.example.com/help"])] = ""

    def to_portal(self) -> Portal:
        return Portal(
            tuple(self.allowed_origins), self.name, self.logo_url, self.accent, self.terms_url, self.help_url
        )  # fmt: skip


class PortalView(View):
    """`allowedOrigins`: of the pages that may show the portal in a frame."""

    allowed_origins: list[str]
    name: str
    logo_url: str
    accent: str
    terms_url: str
    help_url: str

    @classmethod
    def of(cls, portal: Portal) -> Self:
        return cls(
            allowed_origins=list(portal.allowed_origins),
            name=portal.name,
            logo_url=portal.logo_url,
            accent=portal.accent,
            terms_url=portal.terms_url,
            help_url=portal.help_url,
        )


class ProgramBody(Body):
    """The whole terms of a program. Either `tierRatesBps` or `rules` says what tiers earn.

    `payoutMinimum` and `autoApproveLimit` are those of `currency`, unless `currencies` says them. Whatever is left out
    has the value that protects: see "field by field" in docs/api/programs.md.
    """

    name: Annotated[Title, Field(min_length=1)]
    currency: Currency
    tier_rates_bps: Annotated[list[Rate], Field(examples=[[2000, 1000]], min_length=1, max_length=MAX_TIERS)] | None = (
        None
    )
    rules: RuleBody | None = None
    product_rules: Annotated[list[ProductRuleBody], Field(default_factory=list, max_length=MAX_PRODUCTS)]
    monthly_caps: Annotated[list[FlatAmount], Field(default_factory=list, max_length=MAX_CURRENCIES)]
    currencies: Annotated[list[CurrencyBody], Field(default_factory=list, max_length=MAX_CURRENCIES)]
    hold_days: int = 30
    payout_minimum: Money | None = None
    approval_timeout_seconds: int = APPROVAL_SECONDS
    auto_approve_limit: AmountOrZero | None = None
    review_rewards: bool = False
    attribution_days: int | None = SAFE_ATTRIBUTION_DAYS
    cooling_hours: int = COOLING_HOURS
    bind_within_hours: int = BIND_WITHIN_HOURS
    new_customers_only: bool = True
    commission_on_shipping: bool = True
    links: LinksBody | None = None
    portal: PortalBody | None = None
    maker_window_days: int = MAKER_WINDOW_DAYS
    exposure: ExposureBody | None = None

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        located(lambda: self.to_program("", 0))
        return self

    def to_program(self, program_id: str, now_ms: int) -> Program:
        """Make the program of the body.

        Raises Invalid.
        """
        return Program(
            id=program_id,
            name=self.name,
            currency=self.currency,
            rules=RuleSet(
                self._rule(),
                tuple(sorted(((each.product_id, each.to_rule()) for each in self.product_rules), key=lambda p: p[0])),
                tuple(sorted((cap.currency, cap.amount) for cap in self.monthly_caps)),
            ),
            hold_days=self.hold_days,
            currencies=self._currencies(),
            approval_timeout_seconds=self.approval_timeout_seconds,
            reviews_rewards=self.review_rewards,
            attribution_days=self.attribution_days,
            cooling_hours=self.cooling_hours,
            bind_within_hours=self.bind_within_hours,
            new_customers_only=self.new_customers_only,
            commission_on_shipping=self.commission_on_shipping,
            links=self.links.to_links() if self.links else None,
            portal=self.portal.to_portal() if self.portal else None,
            maker_window_days=self.maker_window_days,
            exposure=self.exposure.to_weights() if self.exposure else None,
            created_at_ms=now_ms,
        )

    def _rule(self) -> Rule:
        if (self.tier_rates_bps is None) == (self.rules is None):
            raise Invalid("rules: either tierRatesBps or rules")
        if self.rules:
            return self.rules.to_rule()
        try:
            return Rule(tuple(map(Pay, self.tier_rates_bps or ())))
        except Invalid as error:
            raise Invalid(f"tierRatesBps: {error.detail.partition(': ')[2]}") from None

    def _currencies(self) -> tuple[tuple[str, CurrencyTerms], ...]:
        listed = {each.currency: each.to_terms() for each in self.currencies}
        if len(listed) < len(self.currencies):
            raise Invalid("currencies: each once")
        minimum = self.payout_minimum
        if minimum and minimum.currency != self.currency:
            raise Invalid("payoutMinimum: in the currency of the program")
        if self.currency in listed:
            if minimum or self.auto_approve_limit is not None:
                raise Invalid(f"currencies: payoutMinimum and autoApproveLimit say those of {self.currency} already")
        else:
            safe = safe_terms(self.currency)
            least = minimum.amount if minimum else safe.payout_minimum
            listed[self.currency] = replace(safe, payout_minimum=least, auto_approve_limit=self.auto_approve_limit)
        return tuple(sorted(listed.items(), key=lambda item: item[0]))


class NewProgram(ProgramBody):
    id: ProgramId


class ProgramsQuery(PageQuery):
    status: Annotated[ProgramStatus, Capitals] | None = None


class StatusReason(Body):
    reason: Annotated[Note, Field(min_length=1, examples=["budget spent"])]


class IdleView(View):
    """A time in which nothing was earned; `to` is null while it lasts."""

    from_: Annotated[str, Field(alias="from")]
    to: str | None


class CurrencyView(View):
    currency: str
    payout_minimum: int
    auto_approve_limit: int | None
    second_approval_limit: int | None
    adjustment_limit: int | None
    conversion_limit: int | None
    sales_limit: int | None

    @classmethod
    def of(cls, currency: str, terms: CurrencyTerms) -> Self:
        return cls(
            currency=currency,
            payout_minimum=terms.payout_minimum,
            auto_approve_limit=terms.auto_approve_limit,
            second_approval_limit=terms.second_approval_limit,
            adjustment_limit=terms.adjustment_limit,
            conversion_limit=terms.conversion_limit,
            sales_limit=terms.sales_limit,
        )


class ProgramView(View):
    """One version of a program. `tierRatesBps`: the rates in `rules`, 0 where a tier earns a flat amount.

    `payoutMinimum` and `autoApproveLimit` are those of `currency`; `currencies` has them all.
    """

    people = ("changed_by",)

    id: str
    name: str
    currency: str
    tier_rates_bps: list[int]
    rules: RuleView
    product_rules: list[ProductRuleView]
    monthly_caps: list[MoneyView]
    currencies: list[CurrencyView]
    hold_days: int
    payout_minimum: MoneyView
    approval_timeout_seconds: int
    auto_approve_limit: int | None
    review_rewards: bool
    attribution_days: int | None
    cooling_hours: int
    bind_within_hours: int
    new_customers_only: bool
    commission_on_shipping: bool
    links: LinksView | None
    portal: PortalView | None
    maker_window_days: int
    exposure: ExposureView | None
    status: ProgramStatus
    status_reason: str | None
    idle: list[IdleView]
    version: int
    created_at: str
    changed_at: str
    changed_by: str
    changed_by_name: str | None = None

    @classmethod
    def of(cls, program: Program) -> Self:
        own = program.terms(program.currency)
        return cls(
            id=program.id,
            name=program.name,
            currency=program.currency,
            tier_rates_bps=list(program.tier_rates_bps),
            rules=RuleView.of(program.rules.default),
            product_rules=ProductRuleView.all_of(program.rules.products),
            monthly_caps=[MoneyView(currency=code, amount=amount) for code, amount in program.rules.monthly_cap],
            currencies=[CurrencyView.of(currency, terms) for currency, terms in program.currencies],
            hold_days=program.hold_days,
            payout_minimum=MoneyView(currency=program.currency, amount=own.payout_minimum),
            approval_timeout_seconds=program.approval_timeout_seconds,
            auto_approve_limit=own.auto_approve_limit,
            review_rewards=program.reviews_rewards,
            attribution_days=program.attribution_days,
            cooling_hours=program.cooling_hours,
            bind_within_hours=program.bind_within_hours,
            new_customers_only=program.new_customers_only,
            commission_on_shipping=program.commission_on_shipping,
            links=LinksView.of(program.links) if program.links else None,
            portal=PortalView.of(program.portal) if program.portal else None,
            maker_window_days=program.maker_window_days,
            exposure=ExposureView.of(program.exposure) if program.exposure else None,
            status=program.status,
            status_reason=program.reason or None,
            idle=[
                IdleView(from_=iso(idle.since_ms), to=iso(idle.until_ms) if idle.until_ms is not None else None)
                for idle in program.idle
            ],
            version=program.version,
            created_at=iso(program.created_at_ms),
            changed_at=iso(program.changed_at_ms),
            changed_by=program.changed_by,
        )
