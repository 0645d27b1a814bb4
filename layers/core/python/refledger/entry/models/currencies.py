"""The currencies that money may be in, over HTTP."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field

from refledger.domain.currencies import EXPONENTS, decimal
from refledger.entry.models.common import View


class CurrencyUnitsView(View):
    """`code`: of ISO 4217. `exponent`: decimals of the major unit, which need not be those that a browser shows: 2 of
    USD, 0 of JPY, 3 of KWD. `smallest`: one minor unit, in major ones.
    """

    code: Annotated[str, Field(examples=["USD"])]
    exponent: Annotated[int, Field(examples=[2])]
    smallest: Annotated[str, Field(examples=["0.01"])]


class CurrencyList(View):
    """All of them, by their codes."""

    data: list[CurrencyUnitsView]

    @classmethod
    def all(cls) -> Self:
        """Return them all."""
        return cls(
            data=[
                CurrencyUnitsView(code=code, exponent=digits, smallest=decimal(1, digits))
                for code, digits in sorted(EXPONENTS.items())
            ]
        )
