"""Every five minutes: books that changed are verified, and a sweep goes through all of them once a day."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from refledger.domain.times import MINUTE_MS
from refledger.entry import config
from refledger.entry.metrics import count, counting
from refledger.operations.proof.continuous_verification import FindingReason, screen
from refledger.operations.proof.verification import Subject


def handler(_: dict[str, Any], lambda_context: Any) -> dict[str, int]:
    """Returns how many partners and payments were looked at, how many faults count, how old the last sweep is.

    Goes on while the deployment is stopped: it reads, and writes of what it found alone.
    """
    screened = screen(config.context(), lambda_context.get_remaining_time_in_millis, _tell)
    with counting() as metrics:
        count(metrics, "VERIFIED_AGE_HOURS", screened.age_ms // (60 * MINUTE_MS))
        if screened.faults:
            count(metrics, "BOOK_FAULTS", screened.faults)
    return asdict(screened)


def _tell(subject: Subject, reason: FindingReason) -> None:
    """Loaded here: where all is right no logger is needed."""
    from refledger.entry.observability import logger

    kind, id = subject
    told = {"kind": kind, "id": id, "partner": reason.partner_id, "currency": reason.currency, "fault": reason.text}
    logger().error("the books have a fault", extra=told)
