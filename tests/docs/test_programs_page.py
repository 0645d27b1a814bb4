"""docs/api/programs.md says of every field of a program what holds where it is left out: held against the models."""

from __future__ import annotations

import json
import re
from pathlib import Path

from refledger.domain.programs import SAFE_LIMIT_UNITS, SAFE_MINIMUM_UNITS
from refledger.entry.models.programs import CurrencyBody, NewProgram, ProgramView

PAGE = Path(__file__).parents[2] / "docs" / "api" / "programs.md"
ROW = re.compile(r"^\| `(\w+)` \| (.+) \| (.+) \| (.+) \|$")
LEAST = {"id": "least", "name": "Least", "currency": "USD", "tierRatesBps": [1000]}


def tables() -> list[dict[str, str]]:
    """By field: what the page says it is when it is left out; the program's, and a currency's."""
    found: list[dict[str, str]] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| field |"):
            found.append({})
        elif row := ROW.match(line):
            found[-1][row[1]] = row[3]
    return found


def test_every_field_has_a_row() -> None:
    """And no row is of a field that there is not."""
    program, currency = tables()
    assert set(program) == {field.alias for field in NewProgram.model_fields.values()}
    assert set(currency) == {field.alias for field in CurrencyBody.model_fields.values()}


def test_what_is_left_out_is_what_the_page_says() -> None:
    """Of a program about which nothing is said but what must be."""
    program, currency = tables()
    made = ProgramView.of(NewProgram.model_validate(LEAST).to_program("least", 0)).model_dump(by_alias=True)
    told = {name: json.loads(text.strip("`")) for name, text in program.items() if text.startswith("`")}
    assert {name: made[name] for name in told if name not in ("currencies",)} == {
        name: value for name, value in told.items() if name != "currencies"
    }
    assert {name for name, text in program.items() if text == "\N{EN DASH}"} == {*LEAST, "rules"}
    terms = made["currencies"][0]
    units = {f"{SAFE_LIMIT_UNITS} units": SAFE_LIMIT_UNITS * 100, "one unit": SAFE_MINIMUM_UNITS * 100, "`null`": None}
    assert {name: units[text] for name, text in currency.items() if name != "currency"} == {
        name: value for name, value in terms.items() if name != "currency"
    }
    assert made["payoutMinimum"] == {"currency": "USD", "amount": units[program["payoutMinimum"]]}
