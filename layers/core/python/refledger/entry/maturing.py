"""Rewards that are due as soon as they are made become money right behind the call that made them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from refledger.entry import config
from refledger.entry.observability import logger

if TYPE_CHECKING:
    from refledger.domain.maturity import MaturityMessage
    from refledger.domain.rewards import Reward


def send_due(made: Iterable[Reward], also: Iterable[MaturityMessage] = ()) -> None:
    """Have those that are due matured.

    Whatever becomes of the message, they are booked: the schedule finds them.
    """
    from refledger.operations.earning.rewards import due_now  # most calls make none

    send([*due_now(made, config.context().now_ms()), *also])


def send(messages: Sequence[MaturityMessage]) -> None:
    """Send messages like `send_due`, for who knows what to say already."""
    if not messages:
        return
    try:
        config.maturity_queue().send(messages)
    except Exception:
        logger().warning("what is due waits for the schedule", exc_info=True)


def send_whole(messages: Sequence[MaturityMessage]) -> Sequence[MaturityMessage]:
    """Send all of them, and return those of which nobody knows whether the queue has them.

    Whoever asked for these asks again.
    """
    from refledger.adapters.queues import NotTaken  # by whoever sends so, the module is loaded already

    try:
        if messages:
            config.maturity_queue().send(messages)
    except NotTaken as error:
        logger().warning("messages were not taken", extra={"count": len(error.messages)})
        return error.messages
    except Exception:
        logger().warning("messages could not be sent", exc_info=True)
        return messages
    return ()
