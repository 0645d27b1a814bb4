"""What roll-ups are kept of, and under which generation: see `store/statistics.py` and `store/generations.py`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from refledger.store import keys


class Of(StrEnum):
    PARTNER = "PARTNER"
    PROGRAM = "PROGRAM"
    COHORT = "COHORT"  # a program's customers who were referred in one year, by month
    FORECAST = "FORECAST"  # a program's rewards that wait for their day
    JOURNAL = "JOURNAL"  # everybody's entries
    WITHDRAWALS = "WITHDRAWALS"  # everybody's


# The one of each subject in which a rebuild's stamps are counted. It is written last, so that all else was before.
MAIN = frozenset({Of.PARTNER, Of.PROGRAM, Of.WITHDRAWALS})


@dataclass(frozen=True, order=True)
class Dimension:
    """`id`: of the partner or program. `year`: of a cohort."""

    of: Of
    id: str = ""
    year: str = ""

    @property
    def subject(self) -> str:
        """What a generation is of: all of its dimensions are built anew together."""
        match self.of:
            case Of.PARTNER:
                return self.id
            case Of.JOURNAL | Of.WITHDRAWALS:
                return keys.figures_of_books()
            case Of.PROGRAM | Of.COHORT | Of.FORECAST:
                return keys.figures_of_program(self.id)

    @property
    def is_main(self) -> bool:
        return self.of in MAIN

    def at(self, generation: int) -> str:
        """Return the partition of one generation of it."""
        match self.of:
            case Of.PARTNER:
                return keys.statistics(self.id, generation)
            case Of.PROGRAM:
                return keys.program_statistics(self.id, generation)
            case Of.COHORT:
                return keys.cohort_statistics(self.id, self.year, generation)
            case Of.FORECAST:
                return keys.forecast_statistics(self.id, generation)
            case Of.JOURNAL:
                return keys.journal_statistics(generation)
            case Of.WITHDRAWALS:
                return keys.withdrawal_statistics(generation)


def partner(partner_id: str) -> Dimension:
    return Dimension(Of.PARTNER, partner_id)


def program(program_id: str) -> Dimension:
    return Dimension(Of.PROGRAM, program_id)


def cohorts(program_id: str, year: str) -> Dimension:
    return Dimension(Of.COHORT, program_id, year)


def forecast(program_id: str) -> Dimension:
    return Dimension(Of.FORECAST, program_id)


JOURNAL = Dimension(Of.JOURNAL)
WITHDRAWALS = Dimension(Of.WITHDRAWALS)
