"""The port through which money leaves. One small protocol; the workflow knows no provider by name.

What the workflow may rely on, for every provider: `send` with the same key, again within `idempotent_ms` of the first
time, moves money once at most. What is not known is said to be not known (PayoutUnavailable) and never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from refledger.domain.methods import Account


class PayoutState(StrEnum):
    PAID = "PAID"
    AWAITING = "AWAITING"  # accepted, or waiting for a person; how it ended is told later


@dataclass(frozen=True)
class PayoutOrder:
    """One payout to be made. `amount` in ISO 4217 minor units of `currency`.

    `key`: the same for every try of one payout, another for every other payout. `first_sent_at_ms`: when this payout
    was first handed to the provider, written down before that was done.
    """

    withdrawal_id: str
    key: str
    amount: int
    currency: str
    account: Account = field(repr=False)  # a secret: it is in no log and no error
    first_sent_at_ms: int


@dataclass(frozen=True)
class PayoutResult:
    """`transaction_id`: the provider's id of the movement, empty where there is none yet."""

    state: PayoutState
    transaction_id: str


class PayoutFault(Exception):
    """The provider holds something else under this order than what was ordered: a fault, ours or somebody's hand.

    Not an answer of the provider's, so neither "declined" nor "not known": nothing may be sent again until a person has
    looked. The text names the withdrawal and the transaction, no account.
    """


class Payouts(Protocol):
    """One provider. No method is ever called for an account of another provider's kind."""

    @property
    def idempotent_ms(self) -> int:
        """How long after `first_sent_at_ms` another `send` with the same key is safe; 0: none is ever needed."""

    def send(self, order: PayoutOrder) -> PayoutResult:
        """Make the payout, once for its key, however often this is called.

        Raises PayoutDeclined: for certain not paid by this order; PayoutUnavailable: not known, call `find`, or `send`
        with the same key; PayoutFault.
        """

    def find(self, order: PayoutOrder) -> PayoutResult | None:
        """Ask what became of the withdrawal's payout; None where the provider knows nothing of it.

        Moves nothing. Raises PayoutUnavailable, PayoutFault.
        """

    def accepts(self, account: Account) -> bool:
        """Ask whether the account can be paid to now.

        Moves nothing. Raises PayoutUnavailable.
        """
