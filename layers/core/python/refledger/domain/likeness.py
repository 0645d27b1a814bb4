"""What speaks for two partners being one person. Signals for staff: nothing is refused because of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TraitKind(StrEnum):
    """What partners may have in common. NAME: of one partner, letters of two alphabets that look alike."""

    ACCOUNT = "ACCOUNT"
    EMAIL = "EMAIL"
    PERSON = "NAME_AND_PHONE"
    NAME = "NAME"


class SignalType(StrEnum):
    """What makes a partner look like another, or like a customer of theirs."""

    SHARED_ACCOUNT = "SHARED_ACCOUNT"  # another partner is paid to the same account
    SELF_REFERRAL = "SELF_REFERRAL"  # a customer whom the partner referred is a partner who is alike
    TWIN = "TWIN"  # another partner has the same address or name and phone, folded
    LOOK_ALIKE_NAME = "LOOK_ALIKE_NAME"  # another partner has a name that looks the same


@dataclass(frozen=True)
class Other:
    """Another partner. `referral_id`: by which they are the partner's customer, "" where they are not."""

    partner_id: str
    since_ms: int
    until_ms: int = 0
    referral_id: str = ""


@dataclass(frozen=True)
class Signal:
    """`method_id`, `account` (masked): of a shared account. `others`: newest first, some of `count`."""

    type: SignalType
    kind: TraitKind
    others: tuple[Other, ...] = ()
    count: int = 0
    method_id: str = ""
    account: str = ""
