"""Every quarter of an hour: referrals whose time is over are closed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from refledger.entry import config
from refledger.entry.metrics import count, counting
from refledger.entry.stopping import stops
from refledger.operations.referring.expiry import check_expired

LEFT_MS = 10_000  # what is begun is finished by then


@stops()
def handler(_: dict[str, Any], lambda_context: Any) -> dict[str, int | bool]:
    """Returns how many expired, had converted, could not be closed; the next tick goes on where this one stopped."""

    def go_on() -> bool:
        return bool(lambda_context.get_remaining_time_in_millis() > LEFT_MS)

    with counting() as metrics:
        done = check_expired(config.context(), go_on)
        if done.expired:
            count(metrics, "REFERRALS_EXPIRED", done.expired)
    if done.failed:  # an alarm; what was done is done, and the next tick tries again
        raise RuntimeError(f"{done.failed} referrals could not be closed, {done.expired} were")
    return asdict(done)
