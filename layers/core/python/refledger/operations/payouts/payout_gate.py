"""What is read before money is let go, and what goes into the transaction that lets it go, so that nothing was missed.

seen = payout_gate.look(context, withdrawal)        # partner, balances, payout method and program as they are now
domain.payout_gate.check_stops(seen.blockers)
context.table.commit(*writes, *seen.guards())       # a suspension or a refund in between makes the transaction fail
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import islice

from refledger.domain.duties import NEED_A_LOOK, within_window
from refledger.domain.errors import MethodNotFound, PartnerNotFound, ProgramNotFound
from refledger.domain.exposures import Exposure
from refledger.domain.journal import Balance
from refledger.domain.methods import PayoutMethod
from refledger.domain.partners import Partner
from refledger.domain.payout_gate import BlockerCode, Blockers, Unpaid, payable
from refledger.domain.programs import Program, ProgramStatus
from refledger.domain.rewards import owed
from refledger.domain.risks import RiskFacts, refreshed
from refledger.domain.withdrawals import Risk, Withdrawal
from refledger.operations.context import Context
from refledger.store import exposures, keys, ledger, methods, partners, programs, rewards, withdrawals
from refledger.store.transaction import Write

NOBODY_LOOKED = Exposure("")
# Of a partner with a customer who was found out, those due last: about 250 KB, and most partners have none.
REWARDS = 500


@dataclass(frozen=True)
class Seen:
    """What there is to see of a withdrawal at a moment. `balances`: all of the partner's.

    `programs`: as it is, and as it was when the withdrawal was asked for: the stricter of both holds. `method`: the
    newest version of the one it goes to; None where staff paid a reward by itself, or it is not there. `day`: what
    people did for the partner, where that was asked for. `rejected`: what customers who were found out brought.
    """

    now_ms: int
    withdrawal: Withdrawal
    partner: Partner
    programs: list[Program]
    balances: list[Balance]
    method: PayoutMethod | None
    day: Exposure = NOBODY_LOOKED
    rejected: tuple[Unpaid, ...] = ()

    @property
    def is_marked(self) -> bool:
        """Whether a person must look, because of what one of the staff did for the partner."""
        marks = within_window(self.day.marks, self.programs, self.now_ms)
        return any(mark.kind in NEED_A_LOOK for mark in marks)

    @property
    def blockers(self) -> Blockers:
        """What stands against paying it, without what people took on them."""
        return payable(
            self.withdrawal, self.partner, self.balances, self.method, self.programs, self.now_ms, self.rejected
        )  # fmt: skip

    @property
    def program(self) -> Program:
        return self.programs[0]

    @property
    def blocked(self) -> tuple[str, ...]:
        """Return the same, as it is kept on the withdrawal for lists."""
        return tuple(dict.fromkeys(each.code.value for each in self.blockers))

    @property
    def facts(self) -> RiskFacts:
        """What risks follow from without the partner's history."""
        cooling = any(each.code is BlockerCode.COOLING for each in self.blockers)
        return RiskFacts(
            now_ms=self.now_ms, partner=self.partner, method=self.method, paid=(), has_held_rewards=False,
            in_debt=any(balance.available < 0 for balance in self.balances), is_cooling=cooling,
            program_is_closed=self.program.status is not ProgramStatus.ACTIVE, is_marked=self.is_marked,
            customer_rejected=bool(self.rejected),
        )  # fmt: skip

    @property
    def risks(self) -> tuple[Risk, ...] | None:
        """Return the risks that apply now; None where nobody has looked for them yet."""
        return refreshed(self.withdrawal, self.facts) if self.withdrawal.are_risks_known else None

    def balance(self, currency: str) -> Balance:
        """Return the balance in one currency; an empty one where nothing was ever booked."""
        return next((b for b in self.balances if b.currency == currency), Balance(self.partner.id, currency))

    def guards(self, *, posted: str = "") -> list[Write]:
        """Demand that the partner, the account and the absence of debt are as they were read.

        `posted`: the currency whose balance the same transaction writes, under its version.
        """
        checks = [partners.still_as_read(self.partner)]
        if self.method:
            checks.append(methods.still_as_read(self.method))
        owing = [b for b in self.balances if b.available >= 0 and b.currency != posted]
        return [*checks, *map(ledger.still_without_debt, owing)]


def look(context: Context, withdrawal: Withdrawal, *, day: bool = False) -> Seen:
    """Read all that `payable` asks for, strongly. Raises PartnerNotFound, ProgramNotFound.

    `day`: also what people did for the partner.
    """
    used = withdrawal.method
    wanted = [keys.partner(withdrawal.partner_id), keys.program(withdrawal.program_id)]
    if day:
        wanted.append(keys.exposure_of_partner(withdrawal.partner_id))
    if used.is_known:
        wanted.append(keys.method(withdrawal.partner_id, used.id, used.version))
    partner, program, *rest = context.table.get_many(wanted)
    done = exposures.from_item(withdrawal.partner_id, rest.pop(0)) if day else NOBODY_LOOKED
    if partner is None:
        raise PartnerNotFound("there is no such partner")
    if program is None:
        raise ProgramNotFound(f"there is no program {withdrawal.program_id}")
    method = methods.from_item(rest[0]) if rest and rest[0] else None
    whose = partners.from_item(partner)
    return Seen(
        now_ms=context.now_ms(),
        withdrawal=withdrawal,
        partner=whose,
        programs=_terms(context, programs.from_item(program), withdrawal.program_version),
        balances=ledger.balances(context.table, withdrawal.partner_id),
        method=_newest(context, method),
        day=done,
        rejected=_rejected(context, whose),
    )


def _rejected(context: Context, partner: Partner) -> tuple[Unpaid, ...]:
    """What is in the balance of referrals that were rejected or closed; read only where there are any."""
    if not partner.rejected:
        return ()
    since = keys.due_from(min(map(keys.referred_at, partner.rejected)))  # nothing of a referral is due earlier
    sums: Counter[tuple[str, str]] = Counter()
    newest = rewards.newest(context.table, context.reward_partitions(partner.id), 100, since)
    for reward in islice(newest, REWARDS):
        if reward.referral_id in partner.rejected:
            sums[reward.referral_id, reward.currency] += owed(reward)
    return tuple(Unpaid(id, currency, amount) for (id, currency), amount in sorted(sums.items()) if amount)


def _newest(context: Context, method: PayoutMethod | None) -> PayoutMethod | None:
    """One that was taken out of use may be in use again, as another version."""
    if method is None or method.is_active:
        return method
    try:
        return methods.current(context.table, method.partner_id, method.id)
    except MethodNotFound:
        return method


def _terms(context: Context, now: Program, version: int) -> list[Program]:
    """As they are, and as they were when the withdrawal was asked for. `version`: 0 where that is not known."""
    return [now] if version in (0, now.version) else [now, context.program_version(now.id, version)]


def read(context: Context, withdrawal_id: str) -> tuple[Withdrawal, Blockers, str]:
    """Read a withdrawal to look at it: its risks as they are now, what stands against it, and whose it is.

    One that has ended is as it was. Whose: the partner's user, by keyed hash. Raises WithdrawalNotFound.
    """
    withdrawal = withdrawals.find(context.table, withdrawal_id)
    if not withdrawal.is_open:
        return withdrawal, (), partners.find(context.table, withdrawal.partner_id, strong=False).customer
    seen = look(context, withdrawal)
    now = replace(withdrawal, risks=seen.risks or (), blocked=seen.blocked)
    return now, seen.blockers, seen.partner.customer
