"""Keys of roll-ups, by dimension and day, and of leaderboards."""

from __future__ import annotations

from refledger.store.keys.form import HIGHEST, LOWEST, Key, _key


def statistics(partner_id: str, generation: int = 0) -> str:
    return f"STATISTICS#PARTNER#{partner_id}#{generation}" if generation else f"STATISTICS#PARTNER#{partner_id}"


def program_statistics(program_id: str, generation: int) -> str:
    return f"STATISTICS#PROGRAM#{program_id}#{generation}"


def cohort_statistics(program_id: str, year: str, generation: int) -> str:
    """Figures of the customers who were referred in that year, by month."""
    return f"STATISTICS#COHORT#{program_id}#{year}#{generation}"


def forecast_statistics(program_id: str, generation: int) -> str:
    """Figures of the rewards that wait for their day."""
    return f"STATISTICS#FORECAST#{program_id}#{generation}"


def journal_statistics(generation: int) -> str:
    return f"STATISTICS#JOURNAL#{generation}"


def withdrawal_statistics(generation: int) -> str:
    return f"STATISTICS#WITHDRAWALS#{generation}"


def figures_of_program(program_id: str) -> str:
    """The subject of a generation of roll-ups of a program, with its cohorts and its forecast.

    Beside it there are those of a partner, by their id.
    """
    return f"PROGRAM#{program_id}"


def figures_of_books() -> str:
    """The journal's and the withdrawals' roll-ups."""
    return "BOOKS"


def statistics_generations(of: str) -> Key:
    """The generation of roll-ups of a partner, program or the books that counts, and the one being built."""
    return _key(f"STATISTICS#GENERATION#{of}")


def clicks(code: str) -> str:
    """The dimension of a code's clicks."""
    return f"CLICKS#{code}"


def statistics_part(dimension: str, day: str, shard: str) -> Key:
    return _key(dimension, f"DAY#{day}#{shard[-8:]}")


def statistics_late_part(dimension: str, day: str, told: str, shard: str) -> Key:
    """Figures that were told of a day long after it, on the day `told`."""
    return _key(dimension, f"DAY#{day}#LATE#{told}#{shard[-8:]}")


def statistics_day(dimension: str, day: str) -> Key:
    return _key(dimension, f"DAY#{day}")


def statistics_totals(dimension: str) -> Key:
    return _key(dimension, "TOTALS")


def day_of_late_part(sort_key: str) -> str:
    """On which day a part was told that is of a day long before; "" for any other one."""
    named = sort_key.split("#")
    return named[3] if len(named) == 5 else ""


def is_folded_day(sort_key: str) -> bool:
    """Return whether it is a day's item itself, and none of its parts."""
    return sort_key.count("#") == 1


def day_of_statistics(sort_key: str) -> str:
    """The day in the sort key of a roll-up's part or day."""
    return sort_key.partition("#")[2][:8]


def open_days(closed_day: str) -> tuple[str, str]:
    """The lowest and highest sort key of the days after a closed one ("" for all)."""
    return (f"DAY#{closed_day}~" if closed_day else "DAY#"), "DAY#~"


def days_between(first: str, last: str) -> tuple[str, str]:
    """The lowest and highest sort key of the roll-ups of two days and those between them."""
    return f"DAY#{first}", f"DAY#{last}~"


def days_until(after: str, closed_day: str) -> tuple[str, str]:
    """The lowest and highest sort key of the days after `after` ("" for the first) and up to `closed_day`."""
    return open_days(after)[0], f"DAY#{closed_day}~"


def leaderboard(program_id: str, period: str, metric: str) -> Key:
    """`period`: a month (`202611`) or ALL."""
    return _key(f"LEADERBOARD#{program_id}", f"{period}#{metric}")


def leaderboards(program_id: str, period: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of a period's leaderboards; of all periods for ""."""
    return f"LEADERBOARD#{program_id}", f"{period}#" if period else LOWEST, f"{period}#~" if period else HIGHEST


def period_of(key: Key) -> str:
    """The period in a leaderboard's key."""
    return key["sk"].split("#")[0]


def metric_of(key: Key) -> str:
    """The metric in a leaderboard's key."""
    return key["sk"].split("#")[1]
