"""What the roll-ups say of everybody's money: the journal by account and kind, withdrawals by status."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from refledger.domain import periods
from refledger.domain.journal import Account, EntryKind
from refledger.domain.periods import Period
from refledger.operations.context import Context
from refledger.operations.figures import reports, rollups
from refledger.operations.figures.counter_names import Counts, parse, select
from refledger.operations.figures.rollups import FAR
from refledger.store import dimensions


@dataclass(frozen=True)
class AccountSums:
    account: Account
    debit: int
    credit: int

    @property
    def balance(self) -> int:
        """What it holds: partners' accounts what they have, the owner's minus what was promised."""
        return self.credit - self.debit


@dataclass(frozen=True)
class KindSums:
    kind: EntryKind
    entries: int
    amount: int


@dataclass(frozen=True)
class TrialBalance:
    """Of all journals in one currency, in minor units."""

    currency: str
    accounts: list[AccountSums]
    kinds: list[KindSums]

    @property
    def debit(self) -> int:
        return sum(each.debit for each in self.accounts)

    @property
    def credit(self) -> int:
        return sum(each.credit for each in self.accounts)


def trial_balance(context: Context, as_of: date | None) -> list[TrialBalance]:
    """Return one for each currency. `as_of`: without what was booked after that day. Two or three reads."""
    if as_of is None:
        found = rollups.totals(context, dimensions.JOURNAL)
    else:
        after = periods.name(as_of + timedelta(days=1))
        found, later = rollups.totals_and_days(context, dimensions.JOURNAL, after, FAR)
        for counters in later.values():
            found.subtract(counters)
    return [_trial_balance(currency, found) for currency in _currencies(found)]


def _currencies(counters: Mapping[str, int]) -> list[str]:
    return sorted({name.currency for text, n in counters.items() if n and (name := parse(text)) and name.currency})


def _trial_balance(currency: str, counters: Mapping[str, int]) -> TrialBalance:
    def of(counts: Counts, key: str) -> int:
        return counters.get(counts.named(currency=currency, key=key), 0)

    return TrialBalance(
        currency,
        [AccountSums(each, of(Counts.DEBITED, each), of(Counts.CREDITED, each)) for each in Account],
        [KindSums(kind, n, of(Counts.ENTRIES_AMOUNT, kind)) for kind in EntryKind if (n := of(Counts.ENTRIES, kind))],
    )


@dataclass(frozen=True)
class PayoutSums:
    """Of one currency. `paid`: settled and paid directly, less what came back. `withdrawals`: by status."""

    currency: str
    requested: int
    released: int
    settled: int
    paid_directly: int
    returned: int
    withdrawals: dict[str, reports.Tally]

    @property
    def paid(self) -> int:
        return self.settled + self.paid_directly - self.returned


def payouts(context: Context, period: Period | None) -> list[PayoutSums]:
    """Return what was paid out, of all time or in a period.

    Four reads.
    """
    moved = reports.counted(context, dimensions.JOURNAL, period)
    asked = reports.counted(context, dimensions.WITHDRAWALS, period)
    states: dict[str, dict[str, Counter[Counts]]] = defaultdict(lambda: defaultdict(Counter))
    for name, n in select(asked, Counts.WITHDRAWALS, Counts.WITHDRAWALS_AMOUNT):
        if n:
            states[name.currency][name.key][name.counts] += n
    return [
        PayoutSums(
            currency,
            requested=moved[Counts.ENTRIES_AMOUNT.named(currency=currency, key=EntryKind.RESERVE)],
            released=moved[Counts.ENTRIES_AMOUNT.named(currency=currency, key=EntryKind.RELEASE)],
            settled=moved[Counts.ENTRIES_AMOUNT.named(currency=currency, key=EntryKind.SETTLE)],
            paid_directly=moved[Counts.ENTRIES_AMOUNT.named(currency=currency, key=EntryKind.PAY)],
            returned=moved[Counts.ENTRIES_AMOUNT.named(currency=currency, key=EntryKind.RETURN)],
            withdrawals={
                status: reports.Tally(sums[Counts.WITHDRAWALS], {currency: sums[Counts.WITHDRAWALS_AMOUNT]})
                for status, sums in sorted(states[currency].items())
            },
        )
        for currency in sorted({*_currencies(moved), *states})
    ]
