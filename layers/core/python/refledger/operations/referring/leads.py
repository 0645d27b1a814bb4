"""News of leads move their referrals along, whatever order they come in and however often.

What is told is noted first, and what is known is acted upon then. Whoever makes the referral looks at the notes after
it is made, and whoever notes something looks for the referral after it is noted: so nothing falls between the two. Each
step is idempotent by itself, so that whoever dies in the middle is met by the repeat of the message.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from enum import StrEnum

from refledger.domain import currencies
from refledger.domain.errors import (
    CodeNotFound,
    Conflict,
    Forbidden,
    Invalid,
    LeadTaken,
    NotFound,
    ReferralClosed,
    Unprocessable,
)
from refledger.domain.leads import LeadFacts, LeadNews, LeadStep, Value
from refledger.domain.maturity import MaturityMessage
from refledger.domain.payment_events import RefundTotal
from refledger.domain.referrals import DELETED, Referral, ReferralSource, ReferralStatus
from refledger.domain.rewards import Reward
from refledger.operations import clicks
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.earning import conversions, refunds
from refledger.operations.earning.conversions import convert
from refledger.operations.earning.payments import RecordOutcome as RefundOutcome
from refledger.operations.referring import lifecycle, reads
from refledger.store import leads, programs, referrals
from refledger.store.audit_actor import acting

CALLER = "leads"  # of the referrals that are made here
REFUSALS = (NotFound, Conflict, Unprocessable, Invalid, Forbidden)


class LeadOutcome(StrEnum):
    """What news came to."""

    NOTED = "NOTED"  # there is no referral of the lead yet: they wait for its code
    UNKNOWN_CODE = "UNKNOWN_CODE"  # and the code that came is none
    REFUSED = "REFUSED"  # the rules allow no such referral
    MADE = "MADE"
    MOVED = "MOVED"  # on to another status, or it has its customer now
    KNOWN = "KNOWN"  # nothing new
    LATE = "LATE"  # it was closed, or had converted, before
    DIFFERENT = "DIFFERENT"  # it has converted in another currency, or for a value that cannot be booked
    UNPAID = "UNPAID"  # a conversion of which nobody earns


@dataclass(frozen=True)
class LeadResult:
    """`why`: the code of the refusal behind it. `earned`: the rewards of a conversion, also of one told again. `due`:
    whose money moved otherwise, or may.
    """

    outcome: LeadOutcome
    referral_id: str = ""
    why: str = ""
    earned: tuple[Reward, ...] = ()
    due: tuple[MaturityMessage, ...] = ()


def take(context: Context, news: LeadNews) -> LeadResult:
    """Note the news, and do what is known by then. Idempotent, in any order.

    Raises what passes by itself (Busy): then the news are to come again.
    """
    hashed = reads.lead_hash(context, news.lead_id)
    if news.customer:
        own_id = context.customer_id(news.customer)
        news = replace(news, customer=context.ids.user(news.customer), customer_id=own_id)
    clicked = _with_click(context, news)
    news = clicked or news
    facts = _note(context, hashed, news)
    made = False
    referral_id = referrals.of_lead(context.table, hashed)
    if referral_id is None:
        if not facts.codes:
            return LeadResult(LeadOutcome.NOTED if clicked else LeadOutcome.UNKNOWN_CODE)
        try:
            referral_id, made = _make(context, news, hashed, facts), True
        except REFUSALS as error:
            return LeadResult(
                LeadOutcome.UNKNOWN_CODE if isinstance(error, CodeNotFound) else LeadOutcome.REFUSED, "", error.code
            )
        facts = leads.find(context.table, hashed)  # and what was noted while there was no referral
    taken = _follow(context, referral_id, facts, news)
    return replace(taken, outcome=LeadOutcome.MADE) if made and taken.outcome is LeadOutcome.KNOWN else taken


def _with_click(context: Context, news: LeadNews) -> LeadNews | None:
    """The news with what their click tells, behind what they tell themselves; None where there is no such click."""
    if not news.click:
        return news
    click = clicks.find(context, news.click, news.at_ms)
    if click is None:
        return None
    source = news.source or (None if click.source is ReferralSource.UNKNOWN else click.source)
    codes = tuple(dict.fromkeys((*news.codes, click.code)))
    return replace(news, codes=codes, source=source, campaign=news.campaign or click.campaign)


@retry_on_conflict
def _note(context: Context, hashed: str, news: LeadNews) -> LeadFacts:
    known = leads.find(context.table, hashed)
    facts = known.after(news)
    if facts == known:
        return known
    facts = replace(facts, noted_at_ms=max(context.now_ms(), known.noted_at_ms + 1))
    context.table.commit(leads.keep(hashed, facts, context.now_ms()))
    return replace(facts, version=facts.version + 1)


def _make(context: Context, news: LeadNews, hashed: str, facts: LeadFacts) -> str:
    """The referral of the first of the codes that is one; its id. Raises what `lifecycle.create` refuses.

    One for each lead and code, for ever: news that come again after it was taken out do not make it anew.
    """
    unknown = CodeNotFound("there is no such code")
    for code in facts.codes:
        new = lifecycle.NewReferral(
            code=code,
            source=facts.source or ReferralSource.UNKNOWN,
            campaign=facts.campaign,
            lead=news.lead_id,
            customer=facts.customer,
            customer_id=_own_id(facts, news),
        )
        try:
            # told again with another source or customer, it is the same referral: only lead and code say which it is
            return lifecycle.create(context, new, CALLER, f"{hashed}/{code}", "", makers=facts.makers).id
        except LeadTaken:
            other = referrals.of_lead(context.table, hashed)
            if other is None:
                raise
            return other
        except CodeNotFound as error:
            unknown = error
    raise unknown


def _own_id(facts: LeadFacts, news: LeadNews) -> str:
    """What the owner calls the customer, where these news say it: what waits for more news has the keyed hash alone.

    Else their first payment says it.
    """
    return news.customer_id if news.customer == facts.customer else ""


def _follow(context: Context, referral_id: str, facts: LeadFacts, news: LeadNews) -> LeadResult:
    """What became of the lead, in the order in which it did."""
    referral = referrals.find(context.table, referral_id)
    if referral.reason == DELETED:  # and its lead is free: what made it does not make it again
        return LeadResult(LeadOutcome.LATE, referral_id)
    taken = LeadResult(LeadOutcome.KNOWN, referral_id)
    if facts.customer and not referral.customer:
        try:
            own_id = _own_id(facts, news)
            referral = lifecycle.link_lead(
                context, referral_id, news.lead_id, facts.customer, own_id, makers=facts.makers
            )
            taken = replace(taken, outcome=LeadOutcome.MOVED)
        except REFUSALS as error:
            taken = LeadResult(
                LeadOutcome.LATE if isinstance(error, ReferralClosed) else LeadOutcome.REFUSED, referral_id, error.code
            )
    has_converted, due = False, list[MaturityMessage]()
    for step in facts.in_order():
        done = _step(context, referral, step, facts, news)
        referral, earned = done.referral, taken.earned + done.earned
        due += done.due
        if done.outcome is not LeadOutcome.KNOWN:
            taken = LeadResult(done.outcome, referral_id, done.why)
        taken = replace(taken, earned=earned)
        has_converted = has_converted or done.has_converted
    if referral.conversion:
        taken = _corrected(context, referral, facts, taken, due, has_converted=has_converted)
    return replace(taken, due=tuple(due))


def _corrected(
    context: Context,
    referral: Referral,
    facts: LeadFacts,
    taken: LeadResult,
    due: list[MaturityMessage],
    *,
    has_converted: bool,
) -> LeadResult:
    """What the conversion is worth by all that is known now: nothing where the deal fell through, more or less where
    its value was corrected. What is too much of what was booked is taken back, like a refund; what lacks is added.

    A function of the facts, told as sums at the time when they were noted: in any order, any number of times. `due`
    gets whose money moves.
    """
    booked = conversions.parts_of(context, referral.id)
    amount, currency = sum(part.amount for part in booked), booked[0].currency
    try:
        worth, told_in = _minor(context, referral, facts.value) if facts.value else (amount, currency)
    except Invalid as error:
        return LeadResult(LeadOutcome.DIFFERENT, referral.id, error.code)
    if (told_in or currency) != currency or worth < 0:
        return LeadResult(LeadOutcome.DIFFERENT, referral.id, taken.why)
    lost = _is_lost(referral, facts)
    if not lost and worth > amount:
        if len(booked) > conversions.ADDED_LIMIT:
            return LeadResult(LeadOutcome.DIFFERENT, referral.id)
        added, at_once = conversions.add(context, referral.id, len(booked), worth - amount)
        booked.append(added)
        due += at_once
        taken = replace(taken, outcome=LeadOutcome.MOVED, why="")
    left = 0 if lost else worth
    for number, part in enumerate(booked):
        kept = min(left, part.amount)
        left -= kept
        if has_converted and kept == part.amount:  # just now: there is nothing to correct
            continue
        name = conversions.part_name(referral.id, number)
        total = RefundTotal(conversions.SYSTEM, name, part.amount - kept, currency, facts.noted_at_ms)
        told = refunds.refund(context, total)
        due += told.due
        if told.outcome is not RefundOutcome.REPEATED and part.amount - kept != part.back.total:
            taken = replace(taken, outcome=LeadOutcome.MOVED, why="")
    if LeadStep.REJECTED in facts.steps:
        _say_why(context, referral, facts.reason or "REJECTED_BY_CRM", lost=lost)
    return taken


def _is_lost(referral: Referral, facts: LeadFacts) -> bool:
    """Whether the deal fell through after all; a conversion that a person told converted when they said so."""
    if LeadStep.CONVERTED in facts.steps or LeadStep.REJECTED not in facts.steps:
        return facts.is_taken_back
    return facts.last[LeadStep.REJECTED] >= referral.converted_at_ms


@retry_on_conflict
def _say_why(context: Context, referral: Referral, why: str, *, lost: bool) -> None:
    """On the referral itself: it has converted, and it fell through."""
    old = referrals.find(context.table, referral.id)
    reason = why if lost else "" if old.reason == why else old.reason
    if old.status in (ReferralStatus.CONVERTED, ReferralStatus.PAID) and old.reason != reason:
        new = replace(old, reason=reason, version=old.version + 1)
        context.table.commit(referrals.change(old, new, context.now_ms()))


@dataclass(frozen=True)
class _Stepped:
    """The referral after a step, and what to tell of it."""

    referral: Referral
    outcome: LeadOutcome
    why: str = ""
    earned: tuple[Reward, ...] = ()
    due: tuple[MaturityMessage, ...] = ()
    has_converted: bool = False  # in this step


def _step(context: Context, referral: Referral, step: LeadStep, facts: LeadFacts, news: LeadNews) -> _Stepped:
    told_now = news.step is step
    if step is LeadStep.CONVERTED and facts.value is not None:
        told_now = told_now or news.value is not None
        return _convert(context, referral, facts.value, facts.steps[step], told_now=told_now)
    try:
        if step is LeadStep.REJECTED and referral.is_open:
            moved = lifecycle.reject(context, referral.id, facts.reason or "REJECTED_BY_CRM")
        elif step is not LeadStep.REJECTED and referral.status is ReferralStatus.PENDING:
            moved = lifecycle.accept(context, referral.id)  # one that converted for nobody knows what was accepted
        else:
            return _Stepped(referral, LeadOutcome.LATE if told_now and _is_late(referral, step) else LeadOutcome.KNOWN)
    except ReferralClosed as error:
        return _Stepped(referral, LeadOutcome.LATE, error.code)
    return _Stepped(moved, LeadOutcome.MOVED)


def _is_late(referral: Referral, step: LeadStep) -> bool:
    """Whether the step contradicts what the referral has come to."""
    if step is LeadStep.REJECTED:
        return referral.status is not ReferralStatus.REJECTED and not referral.conversion
    return referral.status in (ReferralStatus.REJECTED, ReferralStatus.EXPIRED)


def _convert(context: Context, referral: Referral, value: Value, at_ms: int, *, told_now: bool) -> _Stepped:
    """`told_now`: the news are about this; if they are not, what was refused before is not tried, nor told, again."""
    if not told_now and (referral.conversion or referral.status is ReferralStatus.REJECTED):
        return _Stepped(referral, LeadOutcome.KNOWN)
    try:
        done = convert(context, referral.id, *_minor(context, referral, value), at_ms=at_ms)
    except (NotFound, Unprocessable, Invalid, ReferralClosed) as error:
        return _Stepped(referral, LeadOutcome.UNPAID, error.code)
    except Conflict as error:  # its value was told before: see `_corrected`
        return _Stepped(referral, LeadOutcome.KNOWN if referral.conversion else LeadOutcome.UNPAID, error.code)
    outcome = LeadOutcome.KNOWN if done.repeated else LeadOutcome.MOVED
    return _Stepped(done.referral, outcome, "", tuple(done.rewards), done.due, not done.repeated)


def _minor(context: Context, referral: Referral, value: Value) -> tuple[int, str]:
    """Amount in minor units and currency. Raises Invalid for what the currency has no unit for."""
    if value.major is None:
        return value.amount or 0, value.currency
    currency = value.currency or programs.find(context.table, referral.program_id).currency
    return currencies.minor(value.major, currency), currency


def told_by(system: str, message_id: str, kind: str) -> AbstractContextManager[None]:
    """Everything that is written inside is what a system told in a message: so the audit names it."""
    return acting("", system, "", message_id, kind)
