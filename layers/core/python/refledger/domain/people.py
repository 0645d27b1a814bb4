"""Who acts for the owner: known by a keyed hash everywhere, and kept once with the name that their token had."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

NAME_LIMIT: Final = 100  # characters
SYSTEM: Final = "system"  # who acted, where nobody did
SYSTEM_NAME: Final = "refledger"  # of what it does by itself


class PersonKind(StrEnum):
    """Who acted."""

    PERSON = "PERSON"  # somebody with a token of their own
    SERVICE = "SERVICE"  # a client of an API, with a token of its own


@dataclass(frozen=True)
class Person:
    """`id`: keyed hash of the `sub` of their tokens. `name`: as the last token called them with which they acted, or a
    service's client id; "" once they are forgotten. `named_at_ms`: when that was first seen.
    `is_listed`: not from before there was a list of people, until they act again.
    """

    id: str
    name: str
    kind: PersonKind
    named_at_ms: int
    forgotten_at_ms: int = 0
    is_listed: bool = True
