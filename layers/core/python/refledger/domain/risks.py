"""Why a person should look before money leaves. Nothing here refuses anything: it only stops the automatic approval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from refledger.domain.journal import EntryKind, JournalEntry
from refledger.domain.likeness import Signal
from refledger.domain.methods import PayoutMethod
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.programs import CurrencyTerms
from refledger.domain.times import DAY_MS
from refledger.domain.withdrawals import Risk, Withdrawal

# Whoever takes over an account changes where it is paid; within a week its owner notices
NEW_METHOD_MS = 7 * DAY_MS
YOUNG_ACCOUNT_MS = 30 * DAY_MS  # within which a card payment that was not its holder's is usually found out
UNUSUAL_FACTOR = 3  # times the mean: growth from one month to the next is less
HISTORY = 25  # paid ones: about two years of monthly ones, so that the mean follows the partner's business
LIKENESS = (Risk.SHARED_ACCOUNT, Risk.SELF_REFERRAL, Risk.TWIN)
TOGETHER_MS = DAY_MS  # in which what needs no person is counted together

FRESH = frozenset({
    Risk.NEW_PAYOUT_METHOD, Risk.UNVERIFIED_PAYOUT_METHOD, Risk.YOUNG_ACCOUNT, Risk.DEBT, Risk.NOT_ACTIVE,
    Risk.METHOD_DISABLED, Risk.COOLING, Risk.PROGRAM_CLOSED,
    Risk.CUSTOMER_REJECTED,
})  # fmt: skip


@dataclass(frozen=True)
class RiskFacts:
    """What is known at a moment. `method` is None where it cannot be found; `in_debt`: in any currency.

    `paid`: amounts of earlier withdrawals in the same currency, newest first.
    """

    now_ms: int
    partner: Partner
    method: PayoutMethod | None
    paid: Sequence[int]
    in_debt: bool
    has_held_rewards: bool
    signals: Sequence[Signal] = ()  # of being somebody else as well, by the account that is paid
    is_cooling: bool = False
    program_is_closed: bool = False
    customer_rejected: bool = False  # money is not paid out yet of a referral that was rejected or closed
    is_marked: bool = False  # somebody is kept from paying it out, for what they did for the partner


def risks(withdrawal: Withdrawal, facts: RiskFacts) -> tuple[Risk, ...]:
    """Return those that apply, in the order in which they are declared."""
    method, mean_of = facts.method, facts.paid[:HISTORY]
    found = {
        Risk.NEW_PAYOUT_METHOD: method is None or facts.now_ms - method.created_at_ms < NEW_METHOD_MS,
        Risk.UNVERIFIED_PAYOUT_METHOD: method is None or not method.verified_at_ms,
        Risk.UNUSUAL_AMOUNT: bool(mean_of) and withdrawal.amount * len(mean_of) > UNUSUAL_FACTOR * sum(mean_of),
        Risk.FIRST_WITHDRAWAL: not facts.paid,
        Risk.YOUNG_ACCOUNT: facts.now_ms - facts.partner.created_at_ms < YOUNG_ACCOUNT_MS,
        Risk.HELD_REWARDS: facts.has_held_rewards,
        Risk.DEBT: facts.in_debt,
        **{risk: any(signal.type.value == risk.value for signal in facts.signals) for risk in LIKENESS},
        Risk.NOT_ACTIVE: facts.partner.status is not PartnerStatus.ACTIVE,
        Risk.METHOD_DISABLED: method is not None and not method.is_active,
        Risk.COOLING: facts.is_cooling,
        Risk.PROGRAM_CLOSED: facts.program_is_closed,
        Risk.CUSTOMER_REJECTED: facts.customer_rejected,
        Risk.MADE_BY_STAFF: facts.is_marked,
    }
    return tuple(risk for risk in Risk if found.get(risk))


def refreshed(withdrawal: Withdrawal, facts: RiskFacts) -> tuple[Risk, ...]:
    """Return those that apply now, in the order in which they are declared.

    What is cheap to know is looked at anew; the rest, which takes the partner's history, is as it was assessed.
    """
    now = risks(withdrawal, facts)
    return tuple(risk for risk in Risk if risk in (now if risk in FRESH else withdrawal.risks))


def asked_for(entries: Iterable[JournalEntry], now_ms: int, apart_from: str) -> int:
    """Sum up what a partner asked for within the last day and has not got back, in minor units.

    Apart from one withdrawal. `entries` of one journal, newest first.
    """
    released: set[str] = set()
    asked = 0
    for entry in entries:
        if entry.at_ms <= now_ms - TOGETHER_MS:
            break
        match entry.kind:
            case EntryKind.RELEASE:
                released.add(entry.reference)
            case EntryKind.RESERVE:
                asked += entry.amount if entry.reference not in {apart_from, *released} else 0
            case (
                EntryKind.EARN | EntryKind.REVERSE | EntryKind.SETTLE | EntryKind.RETURN | EntryKind.PAY
                | EntryKind.CREDIT | EntryKind.DEBIT
                | EntryKind.WRITE_OFF | EntryKind.ANCHOR
            ):  # fmt: skip
                pass
    return asked


def needs_no_person(
    withdrawal: Withdrawal, terms: CurrencyTerms, found: Sequence[Risk], others: int | None, available: int
) -> bool:
    """Return whether the program approves it by rule.

    `others`: see `asked_for`; None where it could not be counted. A withdrawal that went back to people stays with
    them, and what needs two people in a day is not approved by none.
    """
    limit, second = terms.auto_approve_limit, terms.second_approval_limit
    if limit is None or others is None:
        return False
    most = limit if second is None else min(limit, second)
    touched = withdrawal.steps or withdrawal.approvals
    return withdrawal.amount + others <= most and not found and available >= 0 and not touched
