"""After the table was put back to an earlier moment: what may have been paid since then is paid by nobody again.

traces = former(context, table_before, since_ms)    # or told_by(executions), where that table cannot be read
report = settle(context, traces, why)               # holds, or enters, each of them; may be repeated
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from refledger.adapters.stepfunctions import Execution
from refledger.domain.errors import PartnerNotFound
from refledger.domain.journal import EntryKind, post
from refledger.domain.methods import MethodType
from refledger.domain.restoring import RestoreAction, Trace, act, may_have_left, trace_of
from refledger.domain.withdrawals import (
    OPEN,
    RESTORED,
    SYSTEM,
    MethodUsed,
    PayoutProblem,
    Withdrawal,
    WithdrawalStatus,
    WithdrawalStep,
)
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.payouts import methods
from refledger.operations.payouts.transitions import book
from refledger.store import keys, ledger, partners, withdrawals
from refledger.store import methods as stored_methods
from refledger.store.table import BATCH_LIMIT, Table

log = logging.getLogger(__name__)
YEAR_MS = 366 * 86_400_000
LONG_AGO_MS = 1  # a payout that was "sent" then is looked for at its provider, and never sent again
SOME_FILE = "restored"  # of a bank's transfer that is in a file for all that anybody knows: what is said of those holds
NOT_KNOWN = MethodUsed("not-known", 0, MethodType.BANK_TRANSFER, "", "not known")


@dataclass(frozen=True)
class Held:
    """One withdrawal that the world outside is ahead of, and what was done about it."""

    act: RestoreAction
    trace: Trace


def former(context: Context, before: Table, since_ms: int) -> Iterator[Trace]:
    """Yield what the table before says of all that moved since then, and of all that is open now.

    Raises what a table does that is not there.
    """
    seen: set[str] = set()
    low, high = keys.positions(since_ms, None)
    moved = (id for _, id in withdrawals.newest(before, "", BATCH_LIMIT, low, high))
    still_open = (each.id for each in _open(context))
    for ids in (moved, still_open):
        while batch := list(islice((id for id in ids if id not in seen), BATCH_LIMIT)):
            seen.update(batch)
            yield from map(trace_of, withdrawals.many(before, list(dict.fromkeys(batch))))


def told_by(context: Context, executions: Iterable[Execution]) -> Iterator[Trace]:
    """Yield what the executions of the workflow say, and open bank transfers that may be in a file.

    `executions`: all that ran at that moment or since. What a bank was given is written down in the table alone: every
    open bank transfer that is in no file there may be in one.
    """
    runs: dict[str, list[Execution]] = {}
    for each in executions:
        runs.setdefault(each.withdrawal_id, []).append(each)
    for id, tried in runs.items():
        yield _trace(id, tried)
    for withdrawal in _open(context):
        if withdrawal.id not in runs and not withdrawal.is_sent:
            yield replace(trace_of(withdrawal), batch_id=None)


def _trace(id: str, tried: list[Execution]) -> Trace:
    newest = max(tried, key=lambda each: each.started_at_ms)
    states = {state for each in tried for state in each.states}
    ended_as = newest.ended_as
    told = next((each.told for each in tried if "partnerId" in each.told), {})
    method, version, type = told.get("method", (NOT_KNOWN.id, 0, NOT_KNOWN.type.value))
    return Trace(
        id, told.get("partnerId", ""), told.get("programId", ""), told.get("amount", 0), told.get("currency", ""),
        MethodUsed(method or NOT_KNOWN.id, version, MethodType(type), "", NOT_KNOWN.masked),
        min(each.started_at_ms for each in tried), ended_as, has_left=may_have_left(states, ended_as), batch_id=None,
    )  # fmt: skip


def _open(context: Context) -> Iterator[Withdrawal]:
    places = [withdrawals.oldest_with_status(context.table, status, "") for status in OPEN]
    places.append(withdrawals.with_problem(context.table, "", BATCH_LIMIT))
    for found in places:
        while ids := [id for _, id in islice(found, BATCH_LIMIT)]:
            yield from (each for each in withdrawals.many(context.table, ids) if each.is_open)


def look(context: Context, traces: Iterable[Trace]) -> Iterator[Held]:
    """Yield what would be done, and nothing is done."""
    for trace in traces:
        now = withdrawals.find_or_none(context.table, trace.id)
        if (found := act(now, trace)) is not RestoreAction.NOTHING:
            yield Held(found, trace)


def settle(context: Context, traces: Iterable[Trace], why: str) -> Iterator[Held]:
    """Hold, or enter, what may have been paid. Everything that books or pays must be stopped. Idempotent."""
    for held in look(context, list(traces)):
        match held.act:
            case RestoreAction.HOLD:
                _hold(context, held.trace, why)
            case RestoreAction.ENTER:
                try:
                    _enter(context, held.trace, why)
                except PartnerNotFound:
                    held = replace(held, act=RestoreAction.PERSON)
            case RestoreAction.NOTHING | RestoreAction.PROVIDER | RestoreAction.PERSON:
                pass
        yield held


@retry_on_conflict
def _hold(context: Context, trace: Trace, why: str) -> None:
    """PAYING, which nobody cancels or rejects. A bank's waits for a person; a provider is asked, and never sent to."""
    withdrawal = withdrawals.find(context.table, trace.id)
    if act(withdrawal, trace) is not RestoreAction.HOLD:
        return
    note = f"{why}; {_known(trace)}"
    if withdrawal.status is WithdrawalStatus.REQUESTED:
        withdrawal = book(
            context, withdrawal, WithdrawalStatus.APPROVED, SYSTEM, f"{RESTORED}{len(withdrawal.steps)}", note
        )
    problem = None if withdrawal.is_sent else PayoutProblem.UNKNOWN
    become = WithdrawalStatus.PAYING if withdrawal.status is WithdrawalStatus.APPROVED else None
    book(
        context, withdrawal, become, SYSTEM, f"{RESTORED}{len(withdrawal.steps)}", note, problem=problem,
        payout=max(withdrawal.payout, trace.payout, 1), sent_at_ms=LONG_AGO_MS, blocked=(),
        batch_id="" if withdrawal.is_sent else withdrawal.batch_id or trace.batch_id or SOME_FILE,
    )  # fmt: skip


@retry_on_conflict
def _enter(context: Context, trace: Trace, why: str) -> None:
    """Reserve the money, into debt if it must be, and write down that nobody knows whether it was paid.

    Its provider is asked where the account is there; all else waits for a person.

    Raises PartnerNotFound for one who joined after that moment, RetryableConflict.
    """
    used = trace.method
    partner, balance, known, method = context.table.get_many([
        keys.partner(trace.partner_id), keys.balance(trace.partner_id, trace.currency), keys.withdrawal(trace.id),
        keys.method(trace.partner_id, used.id, used.version),
    ])  # fmt: skip
    if known:
        return
    if partner is None:
        raise PartnerNotFound("there is no such partner")
    if method:
        used = methods.used(stored_methods.from_item(method))
    elif not used.is_known:  # a reward that staff paid by itself: its books are others than those of this
        used = replace(used, id=NOT_KNOWN.id)
    now_ms, note, is_sent = context.now_ms(), f"{why}; {_known(trace)}", not used.type.is_paid_by_person
    withdrawal = Withdrawal(
        id=trace.id, partner_id=trace.partner_id, program_id=trace.program_id or partners.from_item(partner).program_id,
        amount=trace.amount, currency=trace.currency, status=WithdrawalStatus.PAYING, method=used, requester="",
        created_at_ms=trace.created_at_ms, expires_at_ms=now_ms + YEAR_MS, body="",
        payout=max(trace.payout, 1), sent_at_ms=LONG_AGO_MS,
        steps=tuple(WithdrawalStep(each, SYSTEM, now_ms, note,
        f"{RESTORED}{each}") for each in (WithdrawalStatus.APPROVED, WithdrawalStatus.PAYING)),
        problem=None if is_sent and method else PayoutProblem.UNKNOWN,
        batch_id="" if is_sent else trace.batch_id or SOME_FILE,
    )  # fmt: skip
    before = ledger.balance_from(balance, trace.partner_id, trace.currency)
    after, entry = post(before, EntryKind.RESERVE, trace.amount, trace.id, now_ms)
    context.table.commit(*withdrawals.created(withdrawal), *ledger.post(before, after, entry))


def _known(trace: Trace) -> str:
    """What is known of it, for whoever has to find out the rest."""
    said = f"it was {trace.status}" if trace.status else "its payout had begun, or may have"
    return said + (f", {trace.transaction_id}" if trace.transaction_id else "")
