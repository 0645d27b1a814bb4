"""The table's stream, for people: the audit, search rows, the progress of referrals, and notices on the bus."""

from __future__ import annotations

from typing import Any

from refledger.entry import config
from refledger.entry.events import stream
from refledger.operations import notices
from refledger.operations.earning import unattributed
from refledger.operations.partners import search_projection
from refledger.operations.proof import audit_projection
from refledger.operations.referring import progress_projection


def handler(event: dict[str, Any], _: object) -> dict[str, int]:
    """One batch of one shard. A failure fails the batch: Lambda halves it until the bad record stands alone.

    Each of these may be done again. The audit comes first: it waits for nothing but the table. Returns how many of its
    entries are new.
    """
    context, records = config.context(), stream.records(event)
    written = audit_projection.write_down(context, records)
    progress_projection.follow(context, records)
    for told in unattributed.referred_in(records):
        config.payments_queue().send(unattributed.SOURCE, unattributed.KIND, told.detail())
    search_projection.follow(context, records)
    notices.send(context, config.bus(), records, to_all=config.environment()["NOTICES"] == "all")
    return {"audited": written}
