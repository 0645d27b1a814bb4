"""Jobs at work: exports and imports, a message for a job, on from where the last one stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refledger.domain.jobs import JobKind
from refledger.entry import config, money
from refledger.entry.observability import logger
from refledger.entry.stopping import stops
from refledger.operations import stream_heartbeat
from refledger.operations.jobs import jobs

LEFT_MS = 20_000  # a part of an export, or some lines of an import, may take so long under load


def handler(event: dict[str, Any], lambda_context: Any) -> dict[str, Any]:
    """A batch of the queue, or a tick of the schedule."""
    if "Records" in event:
        return work(event, lambda_context)
    stream_heartbeat.beat(config.context())
    woken = jobs.wake(config.context(), config.job_queue().send)
    money.tell(config.context())
    return woken


@stops()
def work(event: dict[str, Any], lambda_context: Any) -> dict[str, Any]:
    """Returns the messages to be tried again."""

    def go_on() -> bool:
        return bool(lambda_context.get_remaining_time_in_millis() > LEFT_MS)

    failed: list[dict[str, str]] = []
    for record in event["Records"]:
        try:
            _work(record["body"], go_on)
        except Exception:
            logger().warning("the job goes on later", extra={"job": record["body"]}, exc_info=True)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _work(job_id: str, go_on: Callable[[], bool]) -> None:
    """Raises JobNotFound for a message of nobody's: it ends in the DLQ."""
    if not go_on() or _run(job_id, go_on):
        config.job_queue().send(job_id, config.context().ids.new())


def _run(job_id: str, go_on: Callable[[], bool]) -> bool:
    """Whether there is more to do."""
    context = config.context()
    job = jobs.of_message(context, job_id)
    if job.kind is JobKind.EXPORT:
        from refledger.operations.jobs import export_run

        return export_run.run(context, config.files(), job, go_on)
    from refledger.entry.models.import_lines import read_partner
    from refledger.operations.jobs import import_run

    return import_run.run_file(context, config.files(), job, read_partner, go_on)
