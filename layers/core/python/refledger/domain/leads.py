"""What a CRM tells of a lead, in any order: news become facts, and facts say what its referral has come to.

A referral follows from what is known of its lead and not from the order in which it was told: whatever comes before the
code is kept, and met by it. What is final stays: a referral that was rejected, has expired or has converted is not
opened again by news that are late.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from refledger.domain import codes
from refledger.domain.referrals import ReferralSource

MAX_TEXT_CHARACTERS: Final = 5_000
MAX_CODES: Final = 5
MAX_REASON_LENGTH: Final = 500

# In a text that a person wrote: what stands behind a word for it, or what looks like a code that the system makes
_CALLED = re.compile(
    r"\b(?:ref|referral|referrer|code)\b[ \t]{0,3}(?:is|[:=#])[ \t]{0,3}([a-z0-9_-]{4,32})\b", re.IGNORECASE
)
_MADE = re.compile(rf"(?<![A-Za-z0-9_-])[{codes.ALPHABET}]{{{codes.LENGTH}}}(?![A-Za-z0-9_-])")
_PARAMETER = re.compile(
    r"[?&#](?:ref|referral|referralcode|referral_code)=([a-z0-9_-]{4,32})(?=[&#\s]|$)", re.IGNORECASE
)


class LeadStep(StrEnum):
    """What became of a lead, in the order in which steps of one moment count."""

    ACCEPTED = "ACCEPTED"
    CONVERTED = "CONVERTED"
    REJECTED = "REJECTED"


@dataclass(frozen=True)
class Value:
    """What a lead was worth: `major`, as a person would write it, or `amount` in minor units. `currency`: "" for that
    of the program.
    """

    major: Decimal | None = None
    amount: int | None = None
    currency: str = ""


@dataclass(frozen=True)
class LeadNews:
    """What one event tells of a lead; "" or None: nothing of this. `codes`: the surest first, not looked up yet.

    `customer`: the owner's id of the customer, until it is kept as a keyed hash.
    """

    lead_id: str
    at_ms: int
    step: LeadStep | None = None
    codes: tuple[str, ...] = ()
    source: ReferralSource | None = None
    campaign: str = ""
    customer: str = ""
    value: Value | None = None
    reason: str = ""
    customer_id: str = ""  # what the owner calls them, where `customer` is the keyed hash
    click: str = ""  # id of the click on a share link that they came by, not looked at yet
    by: str = ""  # keyed hash of who told it with an API key that they made; "" for a CRM or a service

    @property
    def is_empty(self) -> bool:
        """Whether they tell only that the lead is there."""
        return not (
            self.step or self.codes or self.click or self.source or self.campaign or self.customer or self.value
        )


@dataclass(frozen=True)
class LeadFacts:
    """All that is known of a lead. `version`: how often it has changed, 0 if it is not kept yet."""

    version: int = 0
    steps: dict[LeadStep, int] = field(default_factory=dict)  # the first time of each, epoch milliseconds
    reason: str = ""
    codes: tuple[str, ...] = ()
    codes_at_ms: int = 0
    source: ReferralSource | None = None
    campaign: str = ""
    customer: str = ""
    value: Value | None = None
    value_at_ms: int = 0
    last: dict[LeadStep, int] = field(default_factory=dict)  # the latest time of each
    noted_at_ms: int = 0  # when the latest of this was noted: later than anything noted before
    makers: tuple[str, ...] = ()  # who told any of it with an API key that they made: keyed hashes, sorted

    @property
    def is_taken_back(self) -> bool:
        """Whether it was lost after it had converted, and has not been won again since.

        Of both at once it is lost. What was rejected before it ever converted stays so: a conversion after that earns
        nothing.
        """
        lost_ms = self.last.get(LeadStep.REJECTED, self.steps.get(LeadStep.REJECTED))
        if lost_ms is None:
            return False
        first_ms = self.steps.get(LeadStep.CONVERTED, lost_ms)
        return self.last.get(LeadStep.CONVERTED, first_ms) <= lost_ms or self.steps[LeadStep.REJECTED] < first_ms

    def after(self, news: LeadNews) -> LeadFacts:
        """Add these news: the newest codes and value count, and what was told first of all else.

        The same news again change nothing, nor do older ones.
        """
        steps, last = dict(self.steps), {**self.steps, **self.last}
        reason = self.reason
        if news.step:
            if news.step is LeadStep.REJECTED and news.at_ms < steps.get(LeadStep.REJECTED, news.at_ms + 1):
                reason = news.reason
            steps[news.step] = min(news.at_ms, steps.get(news.step, news.at_ms))
            last[news.step] = max(news.at_ms, last.get(news.step, news.at_ms))
        newer_code = bool(news.codes) and news.at_ms >= self.codes_at_ms
        newer_value = news.value is not None and (news.at_ms, str(news.value)) > (self.value_at_ms, str(self.value))
        if self.value is None:
            newer_value = news.value is not None
        return replace(
            self,
            steps=steps,
            reason=reason,
            codes=news.codes if newer_code else self.codes,
            codes_at_ms=news.at_ms if newer_code else self.codes_at_ms,
            source=self.source or news.source,
            campaign=self.campaign or news.campaign,
            customer=self.customer or news.customer,
            value=news.value if newer_value else self.value,
            value_at_ms=news.at_ms if newer_value else self.value_at_ms,
            last=last,
            makers=tuple(sorted({*self.makers, news.by} - {""})),
        )

    def in_order(self) -> list[LeadStep]:
        """Return what became of the lead, first things first."""
        return sorted(self.steps, key=lambda step: (self.steps[step], list(LeadStep).index(step)))


def found_codes(given: str = "", page: str = "", text: str = "") -> tuple[str, ...]:
    """Return codes that a lead may have come with, the surest first.

    `given` as one, in the address of the `page` it came from, in a `text` that was written with it. At most five; none
    of them has been looked up.
    """
    page, text = page[:MAX_TEXT_CHARACTERS], text[:MAX_TEXT_CHARACTERS]
    found = [given, *_PARAMETER.findall(page), *_PARAMETER.findall(text), *_CALLED.findall(text), *_made_in(text)]
    known = [code for each in found if (code := codes.normalise(each))]
    return tuple(dict.fromkeys(known))[:MAX_CODES]


def _made_in(text: str) -> Iterable[str]:
    """Words are no codes: one has digits and letters."""
    return (word for word in _MADE.findall(text.upper()) if not word.isdigit() and not word.isalpha())
