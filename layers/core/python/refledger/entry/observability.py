"""Logs as JSON, without personal data: ids and codes, never names, tokens, bodies or account numbers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger


@cache
def logger() -> Logger:
    """Return the logger.

    Service and level come from POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL.
    """
    from aws_lambda_powertools import Logger  # most calls have nothing to log

    return Logger(log_uncaught_exceptions=False)
