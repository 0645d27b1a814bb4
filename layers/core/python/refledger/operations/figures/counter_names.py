"""The names of counters: what each counts, and how its name is written in the table and read again.

| dimension   | counter                 | what it counts                                                              |
|-------------|-------------------------|-----------------------------------------------------------------------------|
| partner     | t1_n, t1_USD            | customers in a tier who are not rejected or expired; what they earned       |
|             | hand_USD                | what staff gave them by hand                                                |
|             | pending_USD             | what of both is not in the balance yet                                      |
|             | over_USD                | what monthly caps take of the rest                                          |
|             | rev_USD, pay_n          | payments of customers whom the partner referred, less what is gone; number  |
|             | f_STATUS, conv          | referrals by status; those that converted                                   |
|             | code_CODE_n, code_CODE_c | referrals by the code they came with, - as z; those of them that converted |
| program     | pay_n, pay_USD, gone_USD | payments that somebody may earn from; what of them is gone again           |
|             | r_STATUS_n, r_STATUS_USD | rewards by status; held_n, held_USD: those of them that people hold        |
|             | hand_n, hand_USD        | those of them that staff gave by hand, and that are not cancelled           |
|             | idle_n, idle_USD        | rewards beside those: nobody was ever to get them (Cancelled.IDLE)          |
|             | over_USD                | what monthly caps take of those in balances                                 |
|             | f_STATUS, p_STATUS, pt_LABEL | referrals, partners by status; partners by their label                 |
|             | s_SOURCE_n, s_SOURCE_c  | referrals by source; those of them that converted                           |
|             | ttc_DAYS, ttc_minutes   | converted referrals that took so many days or more; the minutes of all      |
| cohort      | m01_n, m01_c            | customers referred in that month of the year; those of them who converted   |
|             | m01k02_n, m01k02_USD    | their payments in the second month after it, less what is gone              |
|             | d0131_STATUS            | referrals by the day of the year on which they were made, by status         |
| forecast    | d20261231_USD           | rewards that are due that day and wait                                      |
| journal     | USD_dr_ACCOUNT, USD_cr_ACCOUNT, USD_KIND, USD_KIND_n | entries by account and by kind                 |
| withdrawals | USD_STATUS, USD_STATUS_n | withdrawals by status                                                      |

Where a name ends in a currency or is of one, but for those that end in `_n`, amounts are in its minor units.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache
from string import ascii_lowercase
from typing import Final

from refledger.domain.journal import EntryKind

_DIGITS, _CAPITALS, _CODE = "[0-9]+", "[A-Z0-9_]+", "[A-Z0-9z_]+"
_PATTERNS: Final = {"currency": "[A-Z]{3}", "after": "[0-9]{2}"}
TOOK_DAYS = (0, 1, 7, 14, 30, 60, 90, 180)  # where the buckets of the time to convert begin
NAMES_KEPT = 4_096  # parsed, in a worker


class Counts(Enum):
    """What a counter counts: how its name is put together, and the forms of `key` and `when` in it."""

    CUSTOMERS = "t{key}_n", _DIGITS
    EARNED = "t{key}_{currency}", _DIGITS
    BY_HAND = "hand_n"
    BY_HAND_AMOUNT = "hand_{currency}"
    PENDING = "pending_{currency}"
    OVER_CAPS = "over_{currency}"
    REVENUE = "rev_{currency}"
    PAYMENTS = "pay_n"
    PAID = "pay_{currency}"
    GONE = "gone_{currency}"
    REFERRALS = "f_{key}", _CAPITALS
    CONVERSIONS = "conv"
    CODE_REFERRALS = "code_{key}_n", _CODE
    CODE_CONVERSIONS = "code_{key}_c", _CODE
    REWARDS = "r_{key}_n", _CAPITALS
    REWARDS_AMOUNT = "r_{key}_{currency}", _CAPITALS
    HELD = "held_n"
    HELD_AMOUNT = "held_{currency}"
    IDLE = "idle_n"
    IDLE_AMOUNT = "idle_{currency}"
    PARTNERS = "p_{key}", _CAPITALS
    LABELLED = "pt_{key}", _CAPITALS
    SOURCE_REFERRALS = "s_{key}_n", _CAPITALS
    SOURCE_CONVERSIONS = "s_{key}_c", _CAPITALS
    TOOK_DAYS = "ttc_{key}", _DIGITS
    TOOK_MINUTES = "ttc_minutes"
    COHORT = "m{when}_n", "", "[0-9]{2}"
    COHORT_CONVERSIONS = "m{when}_c", "", "[0-9]{2}"
    COHORT_PAYMENTS = "m{when}k{after}_n", "", "[0-9]{2}"
    COHORT_REVENUE = "m{when}k{after}_{currency}", "", "[0-9]{2}"
    MADE_ON = "d{when}_{key}", _CAPITALS, "[0-9]{4}"
    DUE_ON = "d{when}_{currency}", "", "[0-9]{8}"
    DEBITED = "{currency}_dr_{key}", "[a-z_]+"
    CREDITED = "{currency}_cr_{key}", "[a-z_]+"
    ENTRIES = "{currency}_{key}_n", "|".join(EntryKind)
    ENTRIES_AMOUNT = "{currency}_{key}", "|".join(EntryKind)
    WITHDRAWALS = "{currency}_{key}_n", _CAPITALS
    WITHDRAWALS_AMOUNT = "{currency}_{key}", _CAPITALS

    def __init__(self, form: str, key: str = "", when: str = "") -> None:
        self.form, self.patterns = form, {**_PATTERNS, "key": key, "when": when}

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Made when it is first needed: whoever only counts needs none."""
        return re.compile(re.sub(r"{(\w+)}", lambda at: f"(?P<{at[1]}>{self.patterns[at[1]]})", self.form))

    def named(self, *, currency: str = "", key: str = "", when: str = "", after: int = 0) -> str:
        return str(CounterName(self, currency, key, when, after))

    @property
    def is_of_codes(self) -> bool:
        return self in (Counts.CODE_REFERRALS, Counts.CODE_CONVERSIONS)


def _head(name: str) -> str:
    """The small letters that a name begins with: few names have the same."""
    return name[: len(name) - len(name.lstrip(ascii_lowercase))]


_CANDIDATES: Final = defaultdict[str, list[Counts]](list)
for _each in Counts:
    _CANDIDATES[_head(_each.form)].append(_each)


@dataclass(frozen=True)
class CounterName:
    """`key`: tier, status, code, source, label, account, kind, or number of days. `when`: month or day, in digits.

    `after`: so many months after it.
    """

    counts: Counts
    currency: str = ""
    key: str = ""
    when: str = ""
    after: int = 0

    def __str__(self) -> str:
        """The name. Names in expressions have no dashes, and codes no small letters."""
        key = self.key.replace("-", "z") if self.counts.is_of_codes else self.key
        return self.counts.form.format(currency=self.currency, key=key, when=self.when, after=f"{self.after:02d}")


@lru_cache(NAMES_KEPT)
def parse(name: str) -> CounterName | None:
    """Return what a name says; None where the table above has no such counter."""
    for counts in _CANDIDATES.get(_head(name), ()):
        if found := counts.pattern.fullmatch(name):
            parts = {"key": "", "when": "", "currency": "", "after": "0"} | found.groupdict()
            key = parts["key"].replace("z", "-") if counts.is_of_codes else parts["key"]
            return CounterName(counts, parts["currency"], key, parts["when"], int(parts["after"]))
    return None


def select(counters: Mapping[str, int], *counts: Counts) -> Iterator[tuple[CounterName, int]]:
    """Yield the counters that count these, in the order of their names."""
    for text, n in sorted(counters.items()):
        if (name := parse(text)) and name.counts in counts:
            yield name, n


def by_currency(counters: Mapping[str, int], counts: Counts) -> dict[str, int]:
    """Return what is not 0 of it, in minor units."""
    return {name.currency: n for name, n in select(counters, counts) if n}


def by_key(counters: Mapping[str, int], counts: Counts) -> dict[str, int]:
    """Return what is not 0 of it."""
    return {name.key: n for name, n in select(counters, counts) if n}
