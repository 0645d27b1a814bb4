"""What must hold when all is quiet, of what a run has changed: as `verify` finds it, and as actors see it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from refledger.domain.caps import CappedMonth
from refledger.domain.journal import Balance, JournalEntry
from refledger.domain.rewards import Reward
from refledger.domain.withdrawals import Withdrawal
from refledger.operations.context import Context
from refledger.operations.proof.book_checks import Checked, Fault, Firsts
from refledger.operations.proof.continuous_verification import OF
from refledger.operations.proof.partner_checks import verify_partner
from refledger.operations.proof.verification import EARNED, PARTNERS, PROGRAMS, REFERRED
from refledger.store import keys
from tests.support.actors import Actors
from tests.support.memory.tables import Table
from tests.support.simulator.remembered import Reader

PROGRAM = "default"
Claims = dict[tuple[str, str], str]  # whose it is, by kind and id: what only one may have


class Claimed(Firsts):
    """What one partner or payment says is its own: whether another says so, too, is asked when all have been heard."""

    def __init__(self, partners: frozenset[str]) -> None:
        self.claims: Claims = {}
        self._partners = partners

    def of(self, kind: str, id: str, whose: str) -> str:
        return self.claims.setdefault((kind, id), whose)

    def is_new(self, kind: str, id: str, whose: str = "") -> bool:
        """All partners that are listed are looked at."""
        return kind != "partner" or id not in self._partners


@dataclass
class Recalling(Actors):
    """Sees what it saw of the beginning where nothing has changed."""

    reader: Reader = field(kw_only=True)

    def rewards(self, name: str) -> list[Reward]:
        return self.reader.of(("rewards", name), lambda: super(Recalling, self).rewards(name))

    def withdrawals_of(self, name: str) -> list[Withdrawal]:
        return self.reader.of(("withdrawals", name), lambda: super(Recalling, self).withdrawals_of(name))

    def balances(self, name: str) -> list[Balance]:
        return self.reader.of(("balances", name), lambda: super(Recalling, self).balances(name))

    def journal(self, name: str, currency: str) -> list[JournalEntry]:
        return self.reader.of(("journal", name, currency), lambda: super(Recalling, self).journal(name, currency))

    def adjustments(self, name: str) -> Any:
        return self.reader.of(("adjustments", name), lambda: super(Recalling, self).adjustments(name))

    def months(self, name: str) -> list[CappedMonth]:
        return self.reader.of(("months", name), lambda: super(Recalling, self).months(name))

    def payment(self, number: int) -> Any:
        return self.reader.of(("payment", number), lambda: super(Recalling, self).payment(number))

    def payment_of(self, reward: Reward) -> Any:
        return self.reader.of(("payment", reward.payment), lambda: super(Recalling, self).payment_of(reward))


def verified(context: Context, table: Table, reader: Reader) -> list[Fault]:
    """What `verify` finds: partner by partner and payment by payment, those again that have changed.

    That balances come to what the owner's accounts lack follows from `Invariants`: each is what its entries make it.
    """
    partners = frozenset(_listed(table, keys.all_partners()))
    subjects = {
        PARTNERS: sorted(partners), EARNED: _payments(table, context), REFERRED: _referrals(table), PROGRAMS: [""],
    }  # fmt: skip

    def look(kind: str, id: str) -> tuple[list[Fault], Claims]:
        claimed = Claimed(partners)
        checked = Checked(_firsts=claimed)
        if kind == PARTNERS:
            return list(verify_partner(context, id, checked)), claimed.claims
        return [fault for _, fault in OF[kind](context, [id], checked)], claimed.claims

    found: list[Fault] = []
    claims: Claims = {}
    for kind, ids in subjects.items():
        for id in ids:
            faults, mine = reader.of((kind, id), lambda kind=kind, id=id: look(kind, id))  # type: ignore[misc]
            found += faults
            found += [
                Fault("", "", f"{what} is {whose}'s, and {claims[what]}'s as well")
                for what, whose in mine.items()
                if claims.setdefault(what, whose) != whose
            ]
    return found


def _listed(table: Table, partition: str, index: str = keys.LISTED) -> Iterator[str]:
    """Whose items are in a list: those that `verify` goes through."""
    return (keys.owner_of({"pk": pk}) for _, _, pk, _ in table.indexes[index].rows.get(partition, ()))


def _payments(table: Table, context: Context) -> list[str]:
    shards = keys.payment_shards(PROGRAM, context.shards())
    found = {id for shard in shards for id in _listed(table, shard)}
    return sorted(found.union(_listed(table, keys.parked_payments(), keys.WAITING)))


def _referrals(table: Table) -> list[str]:
    rows = table.indexes[keys.LISTED].rows.get(keys.referrals_of_program(PROGRAM), ())
    return [keys.id_at(position) for position, *_ in rows]
