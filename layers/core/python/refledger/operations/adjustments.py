"""Staff correct a partner's balance, or say that a journal's hashes are broken.

The adjustment and its money always move in the same transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from refledger.domain.adjustments import (
    Adjustment,
    AdjustmentKind,
    AdjustmentRequest,
    AdjustmentStatus,
    act,
    check_currency,
    check_decision,
    check_possible,
    credits,
    movement,
)
from refledger.domain.duties import NeedsSecond
from refledger.domain.errors import PartnerNotFound
from refledger.domain.journal import Balance, post
from refledger.domain.partners import Partner
from refledger.operations import duties
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.idempotency import check_same
from refledger.store import adjustments, keys, ledger, partners, programs
from refledger.store.transaction import Item, Write


def find(context: Context, adjustment_id: str, *, strong: bool = True) -> Adjustment:
    """Find an adjustment. Raises AdjustmentNotFound."""
    return adjustments.find(context.table, adjustment_id, strong=strong)


def listed(context: Context, partner_id: str | None, place: str, limit: int) -> Iterator[tuple[str, str]]:
    """List (position, id) of a partner's adjustments, newest first.

    Without a partner: of those that wait for somebody, oldest first.
    """
    if partner_id:
        return adjustments.of_partner(context.table, partner_id, place, limit)
    return adjustments.waiting(context.table, place, limit)


def many(context: Context, ids: Sequence[str]) -> list[Adjustment]:
    """Read those adjustments of these ids that there are, a little behind."""
    return adjustments.many(context.table, ids, strong=False)


def request(
    context: Context, asked: AdjustmentRequest, actor: str, route: str, key: str | None, body: str
) -> Adjustment:
    """Post it, or, above what one person may in a day, write down that it waits for a second one.

    The limit is that of the partner's home program, and the sums are the partner's and the actor's.
    Idempotent for ever by the Idempotency-Key, of which the id is made; without one every call is a request of its own.
    Raises PartnerNotFound, OwnAdjustment, NoDebt, CurrencyNotTaken, KeyReused, Busy.
    """
    id = context.ids.hash("adjustment", actor, route, key) if key else context.ids.new()
    return _request(context, id, asked, actor, body)


@retry_on_conflict
def _request(context: Context, id: str, asked: AdjustmentRequest, actor: str, body: str) -> Adjustment:
    there, partner_item, balance_item = context.table.get_many(
        [keys.adjustment(id), keys.partner(asked.partner_id), keys.balance(asked.partner_id, asked.currency)]
    )
    if there:
        check_same(earlier := adjustments.from_item(there), body)
        return earlier
    partner, balance = _holder(asked, partner_item, balance_item)
    program = programs.find(context.table, partner.program_id)
    at_stake = {partner.id: abs(asked.amount)}
    case = duties.case(
        context, act(asked), actor, [program], asked.currency, at_stake, earns=[partner.customer]
    )  # fmt: skip
    verdict = case.require()
    check_currency(program, balance)
    check_possible(asked, balance)  # what waits is looked at again when it is posted
    now_ms = context.now_ms()
    made = Adjustment(id, asked, program.id, AdjustmentStatus.WAITING, actor, now_ms, body)
    if isinstance(verdict, NeedsSecond) or asked.kind is AdjustmentKind.ANCHOR:
        context.table.commit(adjustments.create(made))
        return made
    entry, writes = _book(made, balance, now_ms)
    made = replace(made, status=AdjustmentStatus.POSTED, entry=entry)
    marks = None if credits(asked) else ()
    context.table.commit(adjustments.create(made), *writes, *case.writes(marks=marks))
    return made


def approve(context: Context, adjustment_id: str, actor: str, request: str, note: str) -> Adjustment:
    """A second person posts what waits.

    Debt to be forgiven must be there now: the balance is written as it was read.

    Idempotent by `request`. Raises AdjustmentNotFound, OwnAdjustment, SecondPersonNeeded, AlreadyDecided, NoDebt, Busy.
    """
    return _decide(context, adjustment_id, AdjustmentStatus.POSTED, actor, request, note)


def reject(context: Context, adjustment_id: str, actor: str, request: str, note: str) -> Adjustment:
    """A second person refuses it, or who asked takes it back; no money moves.

    Idempotent and raises like `approve`.
    """
    return _decide(context, adjustment_id, AdjustmentStatus.REJECTED, actor, request, note)


@retry_on_conflict
def _decide(
    context: Context, adjustment_id: str, status: AdjustmentStatus, actor: str, request: str, note: str
) -> Adjustment:
    old = adjustments.find(context.table, adjustment_id)
    if (old.status, old.approver, old.request) == (status, actor, request):
        return old
    partner, balance = _holder(
        old.asked,
        *context.table.get_many(
            [keys.partner(old.asked.partner_id), keys.balance(old.asked.partner_id, old.asked.currency)]
        ),
    )
    check_decision(old, partner, status, actor)
    now_ms = context.now_ms()
    new = replace(old, status=status, approver=actor, decided_at_ms=now_ms, note=note, request=request)
    writes: list[Write] = []
    if status is AdjustmentStatus.POSTED:
        check_possible(old.asked, balance)
        entry, writes = _book(old, balance, now_ms)
        new = replace(new, entry=entry)
        if credits(old.asked):
            writes += duties.marks(context, act(old.asked), old.requester, partner.id)
    context.table.commit(adjustments.decide(new), *writes)
    return new


def _holder(asked: AdjustmentRequest, partner: Item | None, balance: Item | None) -> tuple[Partner, Balance]:
    if partner is None:
        raise PartnerNotFound("there is no such partner")
    return partners.from_item(partner), ledger.balance_from(balance, asked.partner_id, asked.currency)


def _book(adjustment: Adjustment, balance: Balance, now_ms: int) -> tuple[int, list[Write]]:
    """The version of the journal entry, and what writes it with the balance."""
    asked = adjustment.asked
    kind, amount = movement(asked)
    named = ("", f"{asked.entries}") if asked.entries else ("", "")
    after, entry = post(balance, kind, amount, adjustment.id, now_ms, span=named, contents=asked.chain)
    return entry.version, ledger.post(balance, after, entry)
