"""Which of two forms a value has, told apart before it is read: faults are then those of the form that was meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel

REFUSED: Final = "refused"  # the kind of a fault that a rule of the domain has found
MAJOR, MONEY = "in major units", "in minor units"
KINDS: Final = frozenset({MAJOR, MONEY})


def kind_of_money(value: object) -> str:
    """Return MONEY for an object with amount and currency, MAJOR for a number or a text.

    For a discriminator.
    """
    return MONEY if isinstance(value, Mapping | BaseModel) else MAJOR
