"""What functions do while the deployment is stopped: nothing, and nothing is lost by it.

A call is answered with 503, messages of a queue come again, a tick leaves its work to the next one, a task of the
workflow is asked for again. What is at work when it is stopped ends as if its time were over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

from refledger.domain.errors import Stopped
from refledger.entry import config

A = TypeVar("A", bound=Mapping[str, Any])
Handler = Callable[[dict[str, Any], Any], A]


def check() -> None:
    """Raise Stopped while everything that books and pays is stopped."""
    if config.context().stopped():
        raise Stopped("payments and payouts are stopped; nothing was done: repeat the request later, with the same key")


def stops(*, pays: bool = False) -> Callable[[Handler[A]], Callable[[dict[str, Any], Any], A | dict[str, Any]]]:
    """Make a handler do nothing while the deployment is stopped.

    A handler of messages, of ticks or of the workflow's tasks. `pays`: also while only payouts are.
    """

    def decorate(handler: Handler[A]) -> Callable[[dict[str, Any], Any], A | dict[str, Any]]:
        @wraps(handler)
        def unless_stopped(event: dict[str, Any], lambda_context: Any) -> A | dict[str, Any]:
            if "action" in event:
                check()
            elif _is_stopped(pays=pays):
                _say_so()
                comes_again = [{"itemIdentifier": each["messageId"]} for each in event.get("Records", [])]
                return {"batchItemFailures": comes_again}
            return handler(event, _UntilStopped(lambda_context, pays=pays))

        return unless_stopped

    return decorate


def _say_so() -> None:
    """Loaded here: a schedule that has nothing to say loads no logger."""
    from refledger.entry.observability import logger

    logger().warning("stopped: nothing is done")


def _is_stopped(*, pays: bool) -> bool:
    stop = config.context().stopped()
    return stop is not None and (pays or not stop.only_payouts)


class _UntilStopped:
    """Lambda's context, whose time is over as soon as the deployment is stopped."""

    def __init__(self, lambda_context: Any, *, pays: bool) -> None:
        self._lambda_context, self._pays = lambda_context, pays

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that the function may go on."""
        return 0 if _is_stopped(pays=self._pays) else int(self._lambda_context.get_remaining_time_in_millis())
