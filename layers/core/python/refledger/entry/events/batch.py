"""A batch of the payments queue: what is of one customer or one payment in order, everything else side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from refledger.adapters.ids import Ids
from refledger.domain.payment_events import CodeGiven, PaymentAlias, PaymentEvent, PaymentReceived, Skipped
from refledger.domain.programs import is_program_id
from refledger.entry.events.body import parse_body
from refledger.entry.events.payments import read_event
from refledger.operations.context import Context
from refledger.operations.earning import unattributed
from refledger.operations.earning.unattributed import Referred
from refledger.store import keys
from refledger.store.prefetched import PrefetchedTable
from refledger.store.transaction import RetryableConflict

Told = PaymentEvent | Skipped | Referred | Exception


@dataclass(frozen=True)
class Message:
    """One of the batch: `told` is what it says, or why nobody can say what that is (Unreadable, or a fault of ours)."""

    id: str
    body: str
    told: Told


def read(records: Sequence[dict[str, Any]], now_ms: int, livemode: bool | None) -> list[Message]:
    return [Message(each["messageId"], each["body"], _told(each["body"], now_ms, livemode)) for each in records]


def _told(body: str, now_ms: int, livemode: bool | None) -> Told:
    try:
        event = parse_body(body)
        if event.get("source") == unattributed.SOURCE:  # never from a bus: no rule lets it through
            return Referred(event["detail"]["programId"], event["detail"]["customer"])
        return read_event(event, now_ms=now_ms, livemode=livemode)
    except Exception as error:  # of this one alone
        return error


def in_order(messages: Sequence[Message], ids: Ids) -> list[list[Message]]:
    """Group what has nothing to do with each other, each group in the order of the batch."""
    groups: list[tuple[set[str], list[Message]]] = []
    for message in messages:
        about, those = _about(message.told, ids), [message]
        for group in [group for group in groups if group[0] & about]:
            groups.remove(group)
            about, those = about | group[0], group[1] + those
        groups.append((about, those))
    number = {message.id: place for place, message in enumerate(messages)}
    return [sorted(those, key=lambda message: number[message.id]) for _, those in groups]


def _about(told: Told, ids: Ids) -> set[str]:
    """Whose it is and what payments it is of, in whatever words."""
    match told:
        case Skipped() | Exception():
            return set()
        case Referred():
            return {f"customer {told.customer}"}
        case CodeGiven():
            return {f"customer {ids.user(told.customer_id)}"}
        case PaymentReceived():
            customers = {f"customer {ids.user(name)}" for name in (told.customer_id, told.other_customer_id) if name}
            if told.caller:  # their sums of the day are one item
                customers.add(f"caller {told.caller}")
            return customers | {f"payment {told.system} {name}" for name in (told.payment_id, *told.names)}
        case PaymentAlias():
            return {f"payment {told.system} {name}" for name in (told.payment_id, told.alias_id)}
        case _:
            return {f"payment {told.system} {told.payment_id}"}


def reading_ahead(context: Context, messages: Sequence[Message]) -> Context:
    """Return the context with the bindings of all customers of the batch, read in one call.

    And their programs known. Where the table is too busy for that, each is read when it is asked for.
    """
    received = [m.told for m in messages if isinstance(m.told, PaymentReceived) and is_program_id(m.told.program_id)]
    if len(received) < 2:
        return context
    try:
        bindings = [keys.binding(each.program_id, context.ids.user(each.customer_id)) for each in received]
        ahead = replace(context, table=PrefetchedTable(context.table, bindings))
        for program_id in sorted({each.program_id for each in received}):
            ahead.has_program(program_id)
        ahead.shards()  # here, once, and not by each of the threads
    except RetryableConflict:
        return context
    return ahead
