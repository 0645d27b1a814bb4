"""Writes docs/duties.md: who may do what to whose money, from the table that decides."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "layers" / "core" / "python"))

from refledger.domain import duties  # noqa: E402  the layer is not installed
from refledger.domain.duties import DUTIES, Act, Relation  # noqa: E402
from refledger.domain.exposures import Marked  # noqa: E402
from refledger.domain.programs import MAKER_WINDOW_DAYS  # noqa: E402

HEAD = f"""# Who may do it, and whether one person is enough

Look up here who of the staff may do something to whose money, what it is held against, and what happens above a limit.
Which role may call which route says [access.md](access.md). Made by `make openapi` from `domain/duties.py`, which is
what decides.

- **Never** says who cannot do it whatever the amount: who gets the money or may come to (`beneficiary`), who asked for
  it (`requester`), who made what is decided about (`maker`), who earns in the program (`earner`).
- **Measured** is what is at stake. It is summed up over 24 to 25 hours, by the hour, for each partner *and* for who
  does it, in each currency; with `exposure` in the program's terms also over all currencies. Sums are kept apart for
  what people make (`MADE`), what machines tell (`TOLD`), what is let out (`OUT`) and what is marked as paid by the one
  who approved it (`MARKED`). What two people did counts in none: the limits are for what one does. Payments that
  customers made are counted nowhere.
- **Limit** is the program's, by currency. With no limit one person is enough for any amount. The sums are written in
  the transaction of the act, under what was read of them: a hundred calls at once pass no more than one by one.
- **Above it**: `waits`: nothing moves until another person says yes; `held`: it is made, and held until another person
  releases it; `two`: this yes is kept, and another person's is needed; `refused`: `SECOND_PERSON_NEEDED`, and another
  way has two people.
- **Marks**: what the partner's record keeps of who did it, for `makerWindowDays` of the program
  ({MAKER_WINDOW_DAYS} unless it says otherwise, 0 for never). **Barred by**: who has such a mark cannot do it for that
  partner, and is no second person either. Nor does the program's rule approve then, unless the mark is `ACCOUNT`.
- **Machines**: whether a token without a person may do it.

| act | what | never | measured | sum | limit | above it | barred by | marks | machines |
|---|---|---|---|---|---|---|---|---|---|
"""
TAIL = """
## Marks

| mark | who has it |
|---|---|
"""


def page() -> str:
    """The page's text."""
    marks = "".join(f"| {mark} | {duties.DONE_BEFORE[mark]} |\n" for mark in Marked)
    return HEAD + "".join(map(_row, Act)) + TAIL + marks


def _row(act: Act) -> str:
    duty = DUTIES[act]
    cells = [
        f"`{act}`", duty.what, _names(duty.never, Relation), duty.measure, duty.tally or "",
        f"`{duty.limit}`" if duty.limit else "", duty.above.lower() if duty.above else "",
        "any mark" if duty.barred_by == frozenset(Marked) else _names(duty.barred_by, Marked), duty.marks or "",
        "yes" if duty.by_machine else "no",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |\n"


def _names(some: frozenset[Relation] | frozenset[Marked], all: type[Relation] | type[Marked]) -> str:
    return ", ".join(each.lower() for each in all if each in some)


if __name__ == "__main__":
    sys.stdout.write(page())
