"""The examples in docs/rules.md come to what they say."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from refledger.domain import times
from refledger.domain.currencies import exponent
from refledger.domain.rules import Own, RateSource, RuleSet, Sale, Share, shares
from refledger.entry.models.partners import CommissionBody
from refledger.entry.models.programs import ProgramBody

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
PARTNERS = [f"p{number}" for number in range(1, 11)]


@dataclass
class Example:
    """One row of a table, and the rules above it."""

    rules: RuleSet
    own: Own
    row: dict[str, str]


def examples() -> list[Example]:
    found, rules = list[Example](), None
    own: Own = ()
    for block, table in re.findall(r"```json\n(.*?)```\n\n(\|.*?)\n\n", PAGE, re.DOTALL):
        said: dict[str, Any] = json.loads(block)
        if "rates" in said:
            own = CommissionBody.model_validate_json(block).to_own()
        else:
            rules, own = ProgramBody.model_validate_json(json.dumps({"name": "x", **said})).to_program("x", 0).rules, ()
        head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.split("\n")]
        assert rules is not None
        found += [Example(rules, own, dict(zip(head, row, strict=True))) for row in rows]
    return found


def moment(text: str) -> int:
    return times.from_datetime(datetime.fromisoformat(text)) if text else 0


def told(share: Share, currency: str) -> str:
    """A share as the page writes it."""
    if share.nothing:
        return f"nothing: {share.nothing.value}"
    return str(Decimal(share.amount).scaleb(-exponent(currency)))


@pytest.mark.parametrize("example", examples(), ids=lambda example: " ".join(example.row.values()))
def test_an_example_is_right(example: Example) -> None:
    """Every tier of every row; tiers that the row leaves empty or out do not exist."""
    row = example.row
    amount, currency = row["base"].split()
    base = int(Decimal(amount).scaleb(exponent(currency)))
    number = int(row.get("number", "1"))
    told_lines = [line.split() for line in row.get("lines", "").split(", ") if line]
    lines = tuple((product, int(Decimal(part).scaleb(exponent(currency)))) for product, part in told_lines)
    paid_at_ms, first_at_ms = moment(row.get("paid", "")), moment(row.get("first", ""))
    sale = Sale(base, currency, row.get("product", ""), paid_at_ms, number, first_at_ms, lines)
    made = shares(example.rules, PARTNERS, example.own, sale)
    assert [told(share, currency) for share in made] == [
        row[name] for name in row if name.startswith("tier") and row[name]
    ]
    assert row.get("rule of tier 1", made[0].source.value) == made[0].source.value


def test_the_page_has_examples_of_everything() -> None:
    """A table that the pattern no longer finds would be tested by nobody."""
    found = examples()
    assert len(found) == PAGE.count("\n| ") - PAGE.count("\n| base") == 27
    assert {
        "product-first",
        *(example.row["rule of tier 1"] for example in found if "rule of tier 1" in example.row),
    } == set(RateSource)
