"""Every hour: what Stripe says that it sent is held against what is here, and what is missing is taken in."""

from __future__ import annotations

from typing import Any

from refledger.domain.payment_events import PaymentEvent, Skipped
from refledger.domain.times import DAY_MS
from refledger.entry import config
from refledger.entry.events.payments import read_listed
from refledger.entry.metrics import count, counting
from refledger.entry.observability import logger
from refledger.entry.stopping import stops
from refledger.operations.recovery import reconciliation
from refledger.operations.recovery.reconciliation import Compared, Comparison

LEFT_MS = 20_000  # stop in time for a page that has begun
AWAY_MS = DAY_MS  # for so long Stripe may be without an answer


@stops()
def handler(_: dict[str, Any], lambda_context: Any) -> dict[str, int]:
    """Returns how much was looked at, and how much of it was missing."""

    def go_on() -> bool:
        return bool(lambda_context.get_remaining_time_in_millis() > LEFT_MS)

    context = config.context()
    comparison = Comparison(context, config.stripe_source(), read, config.waker(), config.payments_queue())
    try:
        away = reconciliation.compare(comparison, config.stripe_livemode(), go_on)
        if away:
            logger().warning("Stripe could not be asked", extra={"reason": str(away)})
            if reconciliation.late_ms(context) > AWAY_MS:
                raise away  # an alarm; the next tick goes on where this one stopped
    finally:
        _tell(comparison.found)
    found = comparison.found
    return {"events": found.events, "transfers": found.transfers, "missed": len(found.missed), "told": found.told}


def read(event: dict[str, Any]) -> PaymentEvent | Skipped:
    """What the function of the queue would read. Raises Unreadable."""
    now_ms = config.context().now_ms()
    return read_listed(event, source=reconciliation.SOURCE, now_ms=now_ms, livemode=config.stripe_livemode())


def _tell(found: Compared) -> None:
    for id, kind in found.missed:
        logger().warning("an event of Stripe's was not here", extra={"event": id, "type": kind})
    if found.lost:
        logger().error("events are older than Stripe lists them", extra={"seconds": found.lost})
    with counting() as metrics:
        for name, number in (("MISSED", len(found.missed)), ("PAYOUT_PROBLEM", found.problems)):
            if number:
                count(metrics, name, number)
        if found.missed or found.told or found.lost:
            count(metrics, "TO_LOOK_AT")
