"""The same for many withdrawals, each by itself: one that is refused keeps no other one from being done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from refledger.domain.errors import Busy, Refledger
from refledger.domain.times import SECOND_MS
from refledger.domain.withdrawals import Withdrawal
from refledger.operations.context import Context

# Fifty take some three seconds, and the function has fifteen. Where others keep changing the same money a single one
# may take five: what is not begun by then is said to be not done.
TIME_MS = 8 * SECOND_MS


@dataclass(frozen=True)
class Done:
    """What became of one: the withdrawal, or why nothing was done about it."""

    id: str
    withdrawal: Withdrawal | None = None
    refused: Refledger | None = None


def each(context: Context, ids: Sequence[str], act: Callable[[str], Withdrawal]) -> list[Done]:
    """`act` on every id, in their order; a result for each. As idempotent as `act`: the repeat does what is left."""
    until_ms, done = context.now_ms() + TIME_MS, []
    for id in ids:
        try:
            if context.now_ms() > until_ms:
                raise Busy("there was no time left for this one; please send the same request again")
            done.append(Done(id, act(id)))
        except Refledger as refused:
            done.append(Done(id, refused=refused))
    return done
