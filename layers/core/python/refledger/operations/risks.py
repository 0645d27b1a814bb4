"""What the program's rule, and the people who decide, are told of a withdrawal that waits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice

from refledger.domain.errors import MethodNotFound
from refledger.domain.methods import PayoutMethod
from refledger.domain.risks import TOGETHER_MS, Facts, asked_for, needs_no_person, risks
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations import likeness
from refledger.operations.context import Context
from refledger.store import ledger, methods, partners, programs, rewards, withdrawals

# Bounds of what is read. A withdrawal is assessed once or twice in its life, so that some fifty read units are nothing;
# but no partner's history may make it slow.
WITHDRAWALS = 50  # the newest: the 25 paid ones of the mean are among them, or the mean is of fewer
REWARDS = 200  # those that are due last, where held ones are: there is no index of a partner's held rewards, and one
# would cost a write with every reward. A single query of about 100 KB, 25 units.
ENTRIES = 500  # newest; whoever has more in a day is looked at by a person


@dataclass(frozen=True)
class Assessed:
    withdrawal: Withdrawal
    needs_no_person: bool


def assess(context: Context, withdrawal_id: str) -> Assessed:
    """Look at everything that is known, and write the reasons for a person to look down. Moves nothing.

    May be repeated at any time: the newest reasons stand. Raises WithdrawalNotFound, Busy.
    """

    def once() -> Assessed:
        old = withdrawals.find(context.table, withdrawal_id)
        if old.status is not WithdrawalStatus.REQUESTED:
            return Assessed(old, False)
        terms = programs.find(context.table, old.program_id).terms(old.currency)
        balances = ledger.balances(context.table, old.partner_id)
        partner, method = partners.find(context.table, old.partner_id), _method(context, old)
        facts = Facts(
            now_ms=context.now_ms(),
            partner=partner,
            method=method,
            paid=_paid_before(context, old),
            in_debt=any(balance.available < 0 for balance in balances),
            has_held_rewards=_has_held(context, old.partner_id),
            signals=likeness.signals(context, partner, [method] if method else []),
        )
        new = replace(old, risks=risks(old, facts))
        if new != old:
            context.table.commit(*withdrawals.change(old, new))
        available = next((each.available for each in balances if each.currency == old.currency), 0)
        alone = needs_no_person(new, terms, new.risks, _others(context, old), available)
        return Assessed(new, alone)

    return context.repeat(once)


def _method(context: Context, withdrawal: Withdrawal) -> PayoutMethod | None:
    used = withdrawal.method
    try:
        return methods.find(context.table, withdrawal.partner_id, used.id, used.version)
    except MethodNotFound:
        return None


def _paid_before(context: Context, withdrawal: Withdrawal) -> list[int]:
    """Through an index, which may be a moment behind: then there is one reason more to look, never one less."""
    newest = withdrawals.of_partner(context.table, withdrawal.partner_id, "", WITHDRAWALS)
    ids = [id for _, id in islice(newest, WITHDRAWALS)]
    earlier = withdrawals.many(context.table, ids, strong=False)
    return [e.amount for e in earlier if e.status is WithdrawalStatus.PAID and e.currency == withdrawal.currency]


def _has_held(context: Context, partner_id: str) -> bool:
    return any(reward.held for reward in islice(rewards.newest(context.table, partner_id, REWARDS), REWARDS))


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
