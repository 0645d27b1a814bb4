"""Counts for alarms and dashboards, in CloudWatch's embedded metric format. Apart: HTTP functions do without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit


@contextmanager
def counting() -> Iterator[Metrics]:
    """Metrics of one invocation, written at its end. Namespace: POWERTOOLS_METRICS_NAMESPACE."""
    metrics = Metrics()
    try:
        yield metrics
    finally:
        if metrics.metric_set:
            metrics.flush_metrics()


def count(metrics: Metrics, name: str, value: int = 1) -> None:
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
