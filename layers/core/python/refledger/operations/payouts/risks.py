"""What the program's rule, and the people who decide, are told of a withdrawal that waits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice

from refledger.domain.risks import TOGETHER_MS, asked_for, needs_no_person, risks
from refledger.domain.withdrawals import Risk, Withdrawal, WithdrawalStatus
from refledger.operations import likeness
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.payouts import payout_gate
from refledger.operations.payouts.payout_gate import Seen
from refledger.store import ledger, rewards, withdrawals

# Bounds of what is read. A withdrawal is assessed once or twice in its life, so that some fifty read units are nothing;
# but no partner's history may make it slow.
WITHDRAWALS = 50  # the newest: the 25 paid ones of the mean are among them, or the mean is of fewer
REWARDS = 200  # those that are due last, where held ones are: there is no index of a partner's held rewards, and one
# would cost a write with every reward. A single query of about 100 KB, 25 units.
ENTRIES = 500  # newest; whoever has more in a day is looked at by a person


@dataclass(frozen=True)
class Assessed:
    """`by_rule`: what was seen, where the program approves it without a person; None otherwise."""

    withdrawal: Withdrawal
    by_rule: Seen | None

    @property
    def needs_no_person(self) -> bool:
        return self.by_rule is not None


@retry_on_conflict
def assess(context: Context, withdrawal_id: str) -> Assessed:
    """Look at everything that is known, and write the reasons for a person to look down. Moves nothing.

    May be repeated at any time: the newest reasons stand. Raises WithdrawalNotFound, Busy.
    """
    old = withdrawals.find(context.table, withdrawal_id)
    if old.status is not WithdrawalStatus.REQUESTED:
        return Assessed(old, None)
    seen = payout_gate.look(context, old, day=True)
    new = replace(old, risks=worked_out(context, seen), assessed_at_ms=seen.now_ms, blocked=seen.blocked)
    if replace(new, assessed_at_ms=old.assessed_at_ms) != old or not old.assessed_at_ms:
        context.table.commit(*withdrawals.change(old, new))
    return Assessed(new, _alone(context, new, seen))


def worked_out(context: Context, seen: Seen) -> tuple[Risk, ...]:
    """Return all reasons for a person to look, with the partner's history."""
    asked = seen.withdrawal
    paid, held = _paid_before(context, asked), _has_held(context, asked.partner_id)
    signals = likeness.signals(context, seen.partner, [seen.method] if seen.method else [])
    return risks(asked, replace(seen.facts, paid=paid, has_held_rewards=held, signals=signals))


def _alone(context: Context, asked: Withdrawal, seen: Seen) -> Seen | None:
    """What was seen, where the program approves it by rule: by the terms of today, and those it was asked for under."""
    others, available = _others(context, asked), seen.balance(asked.currency).available
    terms = [program.terms(asked.currency) for program in seen.programs]
    alone = all(needs_no_person(asked, each, asked.risks, others, available) for each in terms)
    return seen if alone and not seen.blockers else None


def _paid_before(context: Context, withdrawal: Withdrawal) -> list[int]:
    """Through an index, which may be a moment behind: then there is one reason more to look, never one less."""
    newest = withdrawals.of_partner(context.table, withdrawal.partner_id, "", WITHDRAWALS)
    ids = [id for _, id in islice(newest, WITHDRAWALS)]
    earlier = withdrawals.many(context.table, ids, strong=False)
    return [e.amount for e in earlier if e.status is WithdrawalStatus.PAID and e.currency == withdrawal.currency]


def _has_held(context: Context, partner_id: str) -> bool:
    newest = rewards.newest(context.table, context.reward_partitions(partner_id), REWARDS)
    return any(reward.held for reward in islice(newest, REWARDS))


def _others(context: Context, withdrawal: Withdrawal) -> int | None:
    """From the journal, which is read as it is now: splitting an amount does not help, not even all at once.

    None where a day has more entries than are looked at.
    """
    newest = ledger.newest_entries(context.table, withdrawal.partner_id, withdrawal.currency, ENTRIES)
    entries = list(islice(newest, ENTRIES))
    now_ms = context.now_ms()
    if len(entries) == ENTRIES and entries[-1].at_ms > now_ms - TOGETHER_MS:
        return None
    return asked_for(entries, now_ms, withdrawal.id)
