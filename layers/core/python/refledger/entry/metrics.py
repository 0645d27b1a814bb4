"""Counts for alarms and dashboards, in CloudWatch's embedded metric format. Apart: HTTP functions do without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE = "refledger"


@contextmanager
def counting() -> Iterator[Metrics]:
    """Collect metrics of one invocation, written at its end.

    The dimension is POWERTOOLS_SERVICE_NAME, the stack's name.
    """
    metrics = Metrics(namespace=NAMESPACE)
    try:
        yield metrics
    finally:
        if metrics.metric_set:
            metrics.flush_metrics()


def count(metrics: Metrics, name: str, value: int = 1) -> None:
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


def count_once(name: str) -> None:
    """Count one in a count of its own, where nothing else is counted."""
    with counting() as metrics:
        count(metrics, name)
