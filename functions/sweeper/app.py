"""Every minute: withdrawals that stand still are set going again, and what they paid is marked as covered."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from refledger.entry import config
from refledger.entry.metrics import count, counting
from refledger.entry.stopping import stops
from refledger.operations.payouts.sweeper import cover_again, sweep

LEFT_MS = 10_000  # stop in time to write down how far it came


@stops(pays=True)
def handler(_: dict[str, Any], lambda_context: Any) -> dict[str, int]:
    """Returns how many withdrawals were looked at, resumed and woken, and how many rewards marked."""

    def go_on() -> bool:
        return bool(lambda_context.get_remaining_time_in_millis() > LEFT_MS)

    with counting() as metrics:
        swept = sweep(config.context(), config.workflow(), config.waker(), go_on)
        cover_again(config.context(), swept, go_on)
        for name, number in (("RESUMED", swept.resumed), ("WOKEN", swept.woken), ("COVERED", swept.covered)):
            if number:
                count(metrics, name, number)
    if swept.failed:  # an alarm; what was done is done, and the next tick tries again
        raise RuntimeError(
            f"{swept.failed} withdrawals could not be looked after, {swept.looked_at} open ones looked at"
        )
    return asdict(swept)
