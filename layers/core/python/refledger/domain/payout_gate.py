"""What stands against paying a withdrawal at this moment.

One question, `payable`, is asked wherever money is read about, decided about, exported, started or marked as paid. What
it names either stops everybody until it is over, or a person lets the money go in spite of it and says why:

blocker            weight        over when
SUSPENDED          STOPS         the suspension is lifted
COOLING            STOPS         the time after a change of user or account is over
DEBT               NEEDS_SECOND  nothing is owed any more, in any currency; else two people say yes to it
METHOD_DISABLED    NEEDS_NOTE    the account is a payout method again
TERMINATED         NEEDS_NOTE    never: what was earned is paid out, by somebody who knows why they were let go
CUSTOMER_REJECTED  NEEDS_NOTE    what the referral brought is cancelled, or paid out by somebody who knows of it
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from refledger.domain.currencies import money
from refledger.domain.errors import NoteNeeded, NotPayable, PartnerSuspended, SecondPersonNeeded
from refledger.domain.journal import Balance
from refledger.domain.methods import PayoutMethod
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.programs import Program, cooling_until
from refledger.domain.times import iso
from refledger.domain.withdrawals import SYSTEM, Withdrawal, WithdrawalStatus


class Weight(StrEnum):
    """Who can let the money go in spite of it."""

    STOPS = "STOPS"  # nobody
    NEEDS_SECOND = "NEEDS_SECOND"  # two people who knew of it, each with a note
    NEEDS_NOTE = "NEEDS_NOTE"  # one person, with a note


class BlockerCode(StrEnum):
    """Why it may not simply be paid."""

    SUSPENDED = "SUSPENDED"  # the partner is suspended
    COOLING = "COOLING"  # who signs in as the partner, or the account, is too new
    DEBT = "DEBT"  # the partner owes money in some currency
    METHOD_DISABLED = "METHOD_DISABLED"  # the account was taken out of use
    TERMINATED = "TERMINATED"  # the partner was terminated
    CUSTOMER_REJECTED = "CUSTOMER_REJECTED"  # it holds money of a referral that was rejected or closed


WEIGHTS: Final[dict[BlockerCode, Weight]] = {
    BlockerCode.SUSPENDED: Weight.STOPS,
    BlockerCode.COOLING: Weight.STOPS,
    BlockerCode.DEBT: Weight.NEEDS_SECOND,
    BlockerCode.METHOD_DISABLED: Weight.NEEDS_NOTE,
    BlockerCode.TERMINATED: Weight.NEEDS_NOTE,
    BlockerCode.CUSTOMER_REJECTED: Weight.NEEDS_NOTE,
}


@dataclass(frozen=True)
class Blocker:
    """One thing that stands against it.

    `amount`: of a debt, or of what a rejected customer brought, in minor units of `currency`; 0 otherwise.
    """

    code: BlockerCode
    text: str
    currency: str = ""
    amount: int = 0
    referral_id: str = ""

    @property
    def weight(self) -> Weight:
        return WEIGHTS[self.code]

    @property
    def name(self) -> str:
        """The name by which it is remembered that somebody took it on them.

        A debt by its currency, a referral by its id.
        """
        return " ".join(part for part in (self.code.value, self.referral_id, self.currency) if part)


Blockers = tuple[Blocker, ...]


@dataclass(frozen=True)
class Unpaid:
    """What a referral that was rejected or closed has in the partner's balance, in minor units, not paid out yet."""

    referral_id: str
    currency: str
    amount: int


def payable(
    withdrawal: Withdrawal,
    partner: Partner,
    balances: Iterable[Balance],
    method: PayoutMethod | None,
    programs: Sequence[Program],
    now_ms: int,
    rejected: Iterable[Unpaid] = (),
) -> Blockers:
    """Return what stands against paying it; nothing where it may be paid.

    Without what people took on them before: that counts while it is no more than it was then.

    `balances`: all of the partner's, in every currency. `method`: the newest version of the payout method it goes to;
    None where it cannot be found. `programs`: the terms as they are and as they were when it was asked for: the
    stricter hold. `rejected`: of the customers who were found out.
    """
    found = [*_of_partner(partner, balances), *map(_of_rejected, rejected)]
    if withdrawal.method.is_known:  # not a reward that staff pay by itself, wherever they pay it to
        found += _of_method(partner, method, max(program.cooling_hours for program in programs), now_ms)
    accepted = dict(withdrawal.accepted)
    return tuple(each for each in found if each.amount > accepted.get(each.name, -1))


def _of_partner(partner: Partner, balances: Iterable[Balance]) -> list[Blocker]:
    found = []
    if partner.status is PartnerStatus.SUSPENDED:
        found.append(
            Blocker(BlockerCode.SUSPENDED, "the partner is suspended: nothing is paid out until that is lifted")
        )
    if partner.status is PartnerStatus.TERMINATED:
        found.append(Blocker(BlockerCode.TERMINATED, "the partner was terminated: read why before they are paid"))
    for balance in balances:
        if balance.available < 0:
            text = f"the partner owes {money(-balance.available, balance.currency)}"
            found.append(Blocker(BlockerCode.DEBT, text, balance.currency, -balance.available))
    return found


def _of_rejected(unpaid: Unpaid) -> Blocker:
    money_of = money(unpaid.amount, unpaid.currency)
    text = f"{money_of} not paid out yet came from referral {unpaid.referral_id}, which was rejected or closed"
    return Blocker(BlockerCode.CUSTOMER_REJECTED, text, unpaid.currency, unpaid.amount, unpaid.referral_id)


def _of_method(partner: Partner, method: PayoutMethod | None, cooling_hours: int, now_ms: int) -> list[Blocker]:
    found = []
    if method and now_ms < (until_ms := cooling_until(cooling_hours, partner, method)):
        text = f"until {iso(until_ms)} nothing is paid out: the account, or who signs in as the partner, is new"
        found.append(Blocker(BlockerCode.COOLING, text))
    if method is None or not method.is_payable:
        found.append(Blocker(BlockerCode.METHOD_DISABLED, "the payout method is out of use"))
    return found


def check_stops(blockers: Blockers) -> None:
    """Raise PartnerSuspended or NotPayable for what nobody can take on them."""
    for each in blockers:
        if each.weight is Weight.STOPS:
            raise (PartnerSuspended if each.code is BlockerCode.SUSPENDED else NotPayable)(each.text)


def stops(blockers: Blockers) -> bool:
    """Return whether something is among them that nobody can take on them."""
    return any(each.weight is Weight.STOPS for each in blockers)


def takes_second(blockers: Blockers) -> bool:
    """Return whether another person than who said yes before must take it on them."""
    return any(each.weight is Weight.NEEDS_SECOND for each in blockers)


def check_note(blockers: Blockers, note: str) -> None:
    """Raise NoteNeeded where somebody lets money go in spite of something and does not say why."""
    if blockers and not note.strip():
        raise NoteNeeded(f"note: say why it is paid although {'; '.join(each.text for each in blockers)}")


def check_second(blockers: Blockers, actor: str, yes: Collection[str]) -> None:
    """Raise SecondPersonNeeded where only the one who lets it go says yes to these."""
    if takes_second(blockers) and not set(yes) - {actor}:
        why = "; ".join(each.text for each in blockers if each.weight is Weight.NEEDS_SECOND)
        raise SecondPersonNeeded(f"a second person must let it go, because {why}")


def accepted(withdrawal: Withdrawal, blockers: Sequence[Blocker]) -> tuple[tuple[str, int], ...]:
    """Return what people took on them for it so far, these included."""
    return tuple(sorted({**dict(withdrawal.accepted), **{each.name: each.amount for each in blockers}}.items()))


def said_yes_to(withdrawal: Withdrawal, blockers: Blockers) -> list[str]:
    """Return the people who said that it is to be paid, or was, in spite of what now takes two.

    Keyed hashes. A yes from before a debt, or to a smaller one, says nothing about it.
    """
    hard = {each.name: each.amount for each in blockers if each.weight is not Weight.NEEDS_NOTE}
    return [
        yes.by for yes in withdrawal.approvals
        if yes.to in (WithdrawalStatus.APPROVED, WithdrawalStatus.PAID)
        and all(dict(yes.saw).get(name, -1) >= amount for name, amount in hard.items())
    ]  # fmt: skip


def seen_by(blockers: Blockers) -> tuple[tuple[str, int], ...]:
    """Return what stands against it as a yes remembers it."""
    return tuple(sorted((each.name, each.amount) for each in blockers))


def said_yes(withdrawal: Withdrawal) -> list[str]:
    """Return the people who said that it is to be paid: keyed hashes, each once."""
    steps = [
        step.by for step in withdrawal.steps if step.status in (WithdrawalStatus.APPROVED, WithdrawalStatus.PAYING)
    ]
    first = [each.by for each in withdrawal.approvals if each.to is WithdrawalStatus.APPROVED]
    found = dict.fromkeys([*first, *steps])
    return [each for each in found if each != SYSTEM]
