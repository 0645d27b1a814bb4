"""Referrals whose time is over: found through the index of what is open, by when it expires.

Nobody earns from a payment that was made too late, whether the expiry has been noticed or not: this closes what people
see, and the binding with it. The work grows with what is due, and not with what there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from refledger.domain.errors import Refledger
from refledger.domain.referrals import OPEN, Referral, ReferralStatus
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.referring.lifecycle import closing
from refledger.store import bindings, programs, referrals
from refledger.store.transaction import Write

PAGE = 100
OVER = "its time was over"


@dataclass
class Expired:
    """`converted`: those that had brought something in time. `unfinished`: there was no time left to look at all."""

    expired: int = 0
    converted: int = 0
    failed: int = 0
    unfinished: bool = False


def check_expired(context: Context, go_on: Callable[[], bool]) -> Expired:
    """Close what is due in every program, as long as `go_on` says so.

    Idempotent, and others may do the same at once.

    One that cannot be closed now (Busy) is counted, and met again by the next call.
    """
    done = Expired()
    for program_id, _ in programs.after(context.table, ""):
        for status in OPEN:
            due = referrals.open_in(context.table, program_id, status, "", PAGE, context.now_ms())
            for _, referral_id in due:
                if not go_on():
                    done.unfinished = True
                    return done
                _count(done, context, referral_id)
    return done


def _count(done: Expired, context: Context, referral_id: str) -> None:
    try:
        became = _expire(context, referral_id)
    except Refledger:
        done.failed += 1
        return
    done.expired += became is ReferralStatus.EXPIRED
    done.converted += became is ReferralStatus.CONVERTED


@retry_on_conflict
def _expire(context: Context, referral_id: str) -> ReferralStatus | None:
    """What became of it; None for nothing: the index was behind."""
    old = referrals.find(context.table, referral_id)
    now_ms = context.now_ms()
    if not old.is_open or not old.is_over(now_ms):
        return None
    binding = bindings.find(context.table, old.program_id, old.customer) if old.customer else None
    writes: list[Write] = []
    if binding and binding.converted_at_ms:  # the stream's reader has not come to it
        new = replace(old, status=ReferralStatus.CONVERTED, converted_at_ms=binding.converted_at_ms)
    else:
        new, writes = closing(context, old, ReferralStatus.EXPIRED, OVER)
    context.table.commit(referrals.change(old, _next(old, new), now_ms), *writes)
    return new.status


def _next(old: Referral, new: Referral) -> Referral:
    return replace(new, version=old.version + 1)
