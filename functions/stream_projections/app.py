"""The table's stream, for people: the audit, search rows, the progress of referrals, and notices on the bus."""

from __future__ import annotations

from typing import Any

from refledger.entry import config
from refledger.operations import notices
from refledger.operations.earning import nobodys
from refledger.operations.partners import finding
from refledger.operations.proof import auditing
from refledger.operations.referring import progress
from refledger.store import stream


def handler(event: dict[str, Any], _: object) -> dict[str, int]:
    """One batch of one shard. A failure fails the batch: Lambda halves it until the bad record stands alone.

    Each of these may be done again. The audit comes first: it waits for nothing but the table. Returns how many of its
    entries are new.
    """
    context, records = config.context(), [stream.record(told) for told in event["Records"]]
    written = auditing.write_down(context, records)
    progress.follow(context, records)
    for told in nobodys.referred_in(records):
        config.payments_queue().send(nobodys.SOURCE, nobodys.KIND, told.detail())
    finding.follow(context, records)
    notices.send(context, config.bus(), records, to_all=config.environment()["NOTICES"] == "all")
    return {"audited": written}
