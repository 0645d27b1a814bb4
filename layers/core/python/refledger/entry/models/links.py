"""Codes, their share links and what came of them, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field

from refledger.domain.amounts import share_bps
from refledger.domain.codes import CodeStatus, PartnerCode
from refledger.domain.links import MAX_URL
from refledger.domain.times import iso
from refledger.entry.models.common import Query, View

if TYPE_CHECKING:
    from refledger.operations.figures.link_figures import LinkFigures


class ClickQuery(Query):
    """`to`: another page than the default one, of an allowed host. `source`, `campaign`: to be counted."""

    to: Annotated[str, Field(max_length=MAX_URL, examples=["https://www.example.com/sale"])] | None = None
    source: Annotated[str, Field(examples=["email"])] | None = None
    campaign: Annotated[str, Field(examples=["autumn"])] | None = None


class ClicksView(View):
    total: int
    by_source: dict[str, int]
    by_campaign: dict[str, int]


class LinkView(View):
    """A code with its link. `url`: the share link; null where the program has no links.

    `referrals`: customers who came with the code, not rejected, not expired; `converted`: those of them who have paid.
    Rates are in basis points, null where there is nothing to divide by. `conversionRateBps`: of the referrals.
    `referralRateBps`: of the clicks; null, too, where more customers came than clicks, as some typed the code or were
    entered with it, and nobody knows how many. `paidRateBps`: from click to payment; null where `referralRateBps` is.
    """

    code: str
    main: bool
    label: str
    campaign: str
    status: CodeStatus
    url: str | None
    created_at: str
    clicks: ClicksView
    referrals: int
    converted: int
    referral_rate_bps: int | None
    conversion_rate_bps: int | None
    paid_rate_bps: int | None

    @classmethod
    def of(cls, figures: LinkFigures, base: str) -> Self:
        code, clicks = figures.code, figures.clicks
        return cls(
            code=code.code,
            main=code.main,
            label=code.label,
            campaign=code.campaign,
            status=code.status,
            url=url_of(code, base),
            created_at=iso(code.created_at_ms),
            clicks=ClicksView(total=clicks.total, by_source=clicks.by_source, by_campaign=clicks.by_campaign),
            referrals=figures.referrals,
            converted=figures.converted,
            referral_rate_bps=share_bps(figures.referrals, clicks.total),
            conversion_rate_bps=share_bps(figures.converted, figures.referrals),
            paid_rate_bps=share_bps(figures.converted, clicks.total) if figures.referrals <= clicks.total else None,
        )


class LinksOfPartner(View):
    """All of the partner's codes, the main one first."""

    data: list[LinkView]

    @classmethod
    def all_of(cls, figures: Sequence[LinkFigures], base: str) -> Self:
        return cls(data=[LinkView.of(each, base) for each in figures])


def url_of(code: PartnerCode, base: str) -> str | None:
    """Return the link of a code; `base` is "" where the program has no links."""
    return f"{base}/r/{code.code}" if base else None
