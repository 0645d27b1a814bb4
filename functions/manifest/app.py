"""Every quarter of an hour, until it is complete: the day's manifest of all balances, signed and put out of reach."""

from __future__ import annotations

from typing import Any

from refledger.entry import config
from refledger.entry.metrics import count, counting
from refledger.operations.proof import manifests

LEFT_MS = 30_000  # stop in time to put what was read


def handler(_: dict[str, Any], lambda_context: Any) -> dict[str, str]:
    """Returns the day and how far its manifest is."""
    context = config.context()
    day = manifests.day_of(context.now_ms())
    with counting() as metrics:
        outcome = manifests.write(
            context, config.manifest_writer(day), config.manifest_key(), day,
            lambda: lambda_context.get_remaining_time_in_millis() > LEFT_MS,
        )  # fmt: skip
        if outcome is manifests.ManifestOutcome.WRITTEN:
            count(metrics, "MANIFESTS")  # an alarm rings when this is not heard for long
    return {"day": day, "outcome": outcome.value}
