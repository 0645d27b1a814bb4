"""Share links: what happens when one is clicked."""

from __future__ import annotations

import random
from dataclasses import dataclass

from refledger.domain import codes, links
from refledger.domain.audit import network
from refledger.domain.clicks import Click
from refledger.domain.errors import CodeNotFound, NotFound
from refledger.domain.links import Links
from refledger.domain.referrals import ReferralSource
from refledger.domain.times import DAY_MS, MINUTE_MS, day
from refledger.operations import clicks as click_ids
from refledger.operations.context import Context
from refledger.operations.rate_limits import LimitKind, Limits
from refledger.store import clicks, keys
from refledger.store import codes as stored
from refledger.store.table import counted
from refledger.store.transaction import RetryableConflict

COUNTED_A_MINUTE = 10  # clicks on a link from one address, by one worker: more is no person's, or means nothing
HOUSEHOLD_BITS = 64  # of IPv6: below them whoever has one address has 2^64, and would be as many callers
CLOSED_AFTER_MS = 3 * DAY_MS  # a day that ended two days ago gets no more clicks, whatever the clocks say


@dataclass(frozen=True)
class Clicked:
    """What a link asks for, as it was written by whoever shared it. `counts`: for a person who goes there."""

    code: str
    to: str | None = None
    source: str | None = None
    campaign: str | None = None
    counts: bool = True


@dataclass(frozen=True)
class Redirect:
    """`code`: to be kept in a cookie by the rules of `links`; "" where nobody gets the customer."""

    url: str
    code: str
    links: Links


def follow(context: Context, limits: Limits, origin: str, clicked: Clicked) -> Redirect:
    """Count the click, and say where it leads: one read, one write, and the program once a minute.

    The address carries the code and, for a person who goes there, an id of this click, of which nothing is kept.
    A code that binds nobody any more leads to the same place and carries nothing. `origin`: the address of the caller;
    it is kept nowhere, and its hash with the minute stands only beside codes that were guessed in vain.
    Raises RateLimited for somebody who guesses, CodeNotFound, NotFound for a program without links, Invalid for a place
    to which they must not lead.
    """
    now_ms = context.now_ms()
    caller = network(origin, v4_bits=32, v6_bits=HOUSEHOLD_BITS) or origin
    visitor = context.ids.hash("origin", caller, now_ms // MINUTE_MS)
    code = codes.normalise(clicked.code)
    counter = keys.limit(visitor, LimitKind.UNKNOWN_CODES, now_ms // MINUTE_MS)
    item, tries = context.table.get_many([keys.code(code or "none"), counter], strong=False)
    guard = stored.guard_from(item) if item else None
    if counted(tries) >= limits.allowed[LimitKind.UNKNOWN_CODES]:
        raise limits.refusal(LimitKind.UNKNOWN_CODES, now_ms)
    if guard is None or code is None:
        limits.take(context, visitor, LimitKind.UNKNOWN_CODES)
        raise CodeNotFound("there is no such code")
    program_links = context.program(guard.program_id).links
    if program_links is None:
        raise NotFound("this code has no link")
    url = program_links.target(clicked.to)
    if not guard.is_active:
        return Redirect(url, "", program_links)
    campaign = program_links.campaign(clicked.campaign)
    if not clicked.counts:
        return Redirect(program_links.attributed(url, code, campaign), code, program_links)
    source = links.source(clicked.source)
    if limits.is_among_first(f"{visitor}/{code}", COUNTED_A_MINUTE, now_ms):
        _count(context, code, now_ms, source, campaign)
    click = click_ids.id_of(context, Click(code, now_ms, source, campaign))
    return Redirect(program_links.attributed(url, code, campaign, click), code, program_links)


def _count(context: Context, code: str, now_ms: int, source: ReferralSource, campaign: str) -> None:
    """A click that cannot be counted leads on all the same: whoever clicked has nothing to do with it."""
    lane, closed = random.randrange(clicks.LANES), day(now_ms - CLOSED_AFTER_MS)
    try:
        clicks.count(context.table, code, now_ms, lane, source, campaign, closed)
    except RetryableConflict:
        return
