"""What the roll-ups say of everybody's money: the journal by account and kind, withdrawals by status."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from refledger.domain import periods
from refledger.domain.journal import Account, Kind
from refledger.domain.periods import Period
from refledger.operations.context import Context
from refledger.operations.figures import reports, statistics
from refledger.operations.figures.statistics import FAR
from refledger.store import dimensions

WITHDRAWN = re.compile(r"([A-Z]{3})_([A-Z_]+?)(_n)?")


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
    kind: Kind
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
    """One for each currency. `as_of`: without what was booked after that day. Two or three reads."""
    if as_of is None:
        found = statistics.totals(context, dimensions.JOURNAL)
    else:
        after = periods.name(as_of + timedelta(days=1))
        found, later = statistics.totals_and_days(context, dimensions.JOURNAL, after, FAR)
        for counters in later.values():
            found.subtract(counters)
    return [_trial_balance(currency, found) for currency in _currencies(found)]


def _currencies(counters: Mapping[str, int]) -> list[str]:
    return sorted({name[:3] for name, n in counters.items() if name[3:4] == "_" and n})


def _trial_balance(currency: str, counters: Mapping[str, int]) -> TrialBalance:
    def of(what: str) -> int:
        return counters.get(f"{currency}_{what}", 0)

    return TrialBalance(
        currency,
        [AccountSums(account, of(f"dr_{account}"), of(f"cr_{account}")) for account in Account],
        [KindSums(kind, of(f"{kind}_n"), of(kind.value)) for kind in Kind if of(f"{kind}_n")],
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
    """What was paid out, of all time or in a period. Four reads."""
    moved = reports.counted(context, dimensions.JOURNAL, period)
    asked = reports.counted(context, dimensions.WITHDRAWALS, period)
    states: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for counter, n in asked.items():
        if (named := WITHDRAWN.fullmatch(counter)) and n:
            currency, status, is_count = named.groups()
            states[currency][status]["n" if is_count else "amount"] += n
    return [
        PayoutSums(
            currency,
            requested=moved.get(f"{currency}_{Kind.RESERVE}", 0),
            released=moved.get(f"{currency}_{Kind.RELEASE}", 0),
            settled=moved.get(f"{currency}_{Kind.SETTLE}", 0),
            paid_directly=moved.get(f"{currency}_{Kind.PAY}", 0),
            returned=moved.get(f"{currency}_{Kind.RETURN}", 0),
            withdrawals={
                status: reports.Tally(sums["n"], {currency: sums["amount"]})
                for status, sums in sorted(states[currency].items())
            },
        )
        for currency in sorted({*_currencies(moved), *states})
    ]
