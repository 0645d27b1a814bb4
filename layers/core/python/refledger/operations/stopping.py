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
from refledger.domain.audit import Action, Change, Entry
from refledger.domain.times import SECOND_MS
from refledger.operations.context import STOP_KEPT_MS, Context
from refledger.store import audit, stops
from refledger.store.stops import Stop

# The readers of queues whose messages book, by their names in the template; that of leaderboards only counts
READERS = ("PaymentsFunctionPayments", "MaturityFunctionPartners", "LeadEventsFunctionLeads", "JobWorkerFunctionJobs")
LONGEST_MS = 60 * SECOND_MS  # that a function is at work whose loop does not look at the stop
ENTITY = "STOP"  # under which the audit tells of it

Sources = Mapping[str, EventSource]


def stop(context: Context, sources: Sources, by: str, reason: str) -> Stop:
    """Stop everything; where it is stopped, finish what was begun. `sources`: what is to read no more, by name.

    Returns how it stands: who stopped it first says why. Raises Moved where somebody else does so at this moment.
    """
    standing, reading = stops.read(context.table), tuple(name for name in sources if sources[name].reads)
    stamp = context.ids.new()
    if standing is None:
        stopped = Stop(context.now_ms(), by, reason, reading, stamp)
        context.table.commit(stops.write(stopped), audit.write(_told(context, Action.CREATED, by, reason)))
    else:
        readers = tuple(dict.fromkeys(standing.readers + reading))
        stopped = replace(standing, readers=readers, stamp=stamp, only_payouts=False)
        told = _told(context, Action.CHANGED, by, reason)
        context.table.commit(stops.change(standing, stopped), audit.write(told))
    for name in reading:
        sources[name].enable(False)
    return stopped


def settled_at_ms(stop: Stop) -> int:
    """When what had begun before the stop has ended, by the times that functions are given."""
    return stop.since_ms + STOP_KEPT_MS + LONGEST_MS


def go(context: Context, sources: Sources, by: str, reason: str, *, but_payouts: bool = False) -> Stop | None:
    """Let it go on; None where it was not stopped. Readers that were off before stay so.

    `but_payouts`: only what books from queues and schedules; withdrawals and whatever people write stay stopped.
    Raises Moved where somebody stops it again at this moment: then it is stopped.
    """
    standing = stops.read(context.table)
    if standing is None:
        return None
    for name in standing.readers:
        if name in sources and not sources[name].reads:
            sources[name].enable(True)
    if but_payouts:
        left = replace(standing, stamp=context.ids.new(), only_payouts=True)
        told = _told(context, Action.CHANGED, by, reason)
        context.table.commit(stops.change(standing, left), audit.write(told))
        return left
    context.table.commit(stops.end(standing), audit.write(_told(context, Action.DELETED, by, reason)))
    return standing


def _told(context: Context, action: Action, by: str, reason: str) -> Entry:
    """For the audit: who, when and why."""
    said = (Change("by", None, by), Change("reason", None, reason))
    return Entry(ENTITY, ENTITY, "", action, context.now_ms(), context.ids.new(), said, kind="operator")
