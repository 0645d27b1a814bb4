"""Stop everything that books or pays, and let it go on.

One item in the table is the truth: every function that books, pays or is told to looks at it, at most five seconds
late, so one write stops all of them, whatever a deployment sets anew meanwhile. The readers of the queues are disabled
as well, so that messages wait in their queues instead of coming again and again until they are given up.

To stop: the item, then the readers. To go on: the readers, then the item. Whoever dies in between has not finished, and
the same command finishes it: as long as there is the item, all is stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from refledger.adapters.event_sources import EventSource
from refledger.domain.audit import AuditAction, AuditEntry, Change
from refledger.domain.times import SECOND_MS
from refledger.operations.context import STOP_KEPT_MS, Context
from refledger.store import audit, stops
from refledger.store.stops import Stop
from refledger.store.transaction import ConditionFailed, Write

# The readers of queues whose messages book, by their names in the template; that of leaderboards only counts
READERS = (
    "PaymentEventsFunctionPayments",
    "MaturityFunctionPartners",
    "LeadEventsFunctionLeads",
    "JobWorkerFunctionJobs",
)
LONGEST_MS = 60 * SECOND_MS  # that a function is at work whose loop does not look at the stop
ENTITY = "STOP"  # under which the audit tells of it

Sources = Mapping[str, EventSource]


def stop(context: Context, sources: Sources, by: str, reason: str) -> Stop:
    """Stop everything; where it is stopped, finish what was begun.

    `sources`: what is to read no more, by name.

    Returns how it stands: who stopped it first says why, who stopped the rest of it again says it anew. Raises
    ConditionFailed where somebody else does so at this moment.
    """
    standing, reading = stops.read(context.table), tuple(name for name in sources if sources[name].reads)
    stamp, now_ms = context.ids.new(), context.now_ms()
    if standing is None:
        stopped = Stop(now_ms, by, reason, reading, stamp)
        context.table.commit(stops.write(stopped), audit.write(_told(context, AuditAction.CREATED, by, reason)))
    else:
        stopped = replace(standing, readers=tuple(dict.fromkeys(standing.readers + reading)), stamp=stamp)
        if standing.only_payouts:  # bookings went on until now
            stopped = replace(stopped, since_ms=now_ms, by=by, reason=reason, only_payouts=False)
        told = _told(context, AuditAction.CHANGED, by, reason)
        context.table.commit(stops.change(standing, stopped), audit.write(told))
    _disable(sources)
    return stopped


def _disable(sources: Sources) -> None:
    """Looks at each once more: whoever let it go on at this moment may have enabled it since."""
    for each in sources.values():
        if each.reads:
            each.enable(False)


def settled_at_ms(stop: Stop) -> int:
    """Return when what had begun before the stop has ended, by the times that functions are given."""
    return stop.since_ms + STOP_KEPT_MS + LONGEST_MS


def go(context: Context, sources: Sources, by: str, reason: str, *, but_payouts: bool = False) -> Stop | None:
    """Let it go on; None where it was not stopped. Readers that were off before stay so.

    `but_payouts`: only what books from queues and schedules; withdrawals and whatever people write stay stopped.
    Raises ConditionFailed where somebody stops it again at this moment: then it is stopped.
    """
    standing = stops.read(context.table)
    if standing is None:
        return None
    for name in standing.readers:
        if name in sources and not sources[name].reads:
            sources[name].enable(True)
    if but_payouts:
        left = replace(standing, stamp=context.ids.new(), only_payouts=True)
        told = _told(context, AuditAction.CHANGED, by, reason)
        _finish(context, sources, stops.change(standing, left), audit.write(told))
        return left
    _finish(context, sources, stops.end(standing), audit.write(_told(context, AuditAction.DELETED, by, reason)))
    return standing


def _finish(context: Context, sources: Sources, *writes: Write) -> None:
    """Say that it goes on. Raises ConditionFailed where it is stopped again: then nothing reads either."""
    try:
        context.table.commit(*writes)
    except ConditionFailed:
        standing = stops.read(context.table)
        if standing and not standing.only_payouts:
            _disable(sources)
        raise


def _told(context: Context, action: AuditAction, by: str, reason: str) -> AuditEntry:
    """For the audit: who, when and why."""
    said = (Change("by", None, by), Change("reason", None, reason))
    return AuditEntry(ENTITY, ENTITY, "", action, context.now_ms(), context.ids.new(), said, kind="operator")
