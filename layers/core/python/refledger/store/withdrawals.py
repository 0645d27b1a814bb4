"""Withdrawals as items: the truth that every workflow, admin and sweeper works from."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from refledger.domain.errors import WithdrawalNotFound
from refledger.domain.methods import MethodType
from refledger.domain.withdrawals import (
    Approval,
    MethodUsed,
    PayoutProblem,
    Risk,
    Withdrawal,
    WithdrawalStatus,
    WithdrawalStep,
)
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, put, update

IS_NEW = "the withdrawal is new"
IS_UNCHANGED = "the withdrawal is as it was read"
HAS_ATTEMPT = "nobody else resumed the withdrawal"
NO_NOTES: Mapping[str, str] = {}
TOKEN_KEPT_DAYS = 400  # longer than any time limit of the workflow


def create(withdrawal: Withdrawal) -> Write:
    return put(IS_NEW, _to_item(withdrawal))


def account_shown(withdrawal_id: str, by: str, at_ms: int, id: str) -> Write:
    """Note that somebody is about to be shown the whole account."""
    return put("it is written down", {**keys.account_shown(withdrawal_id, at_ms, id), "by": by, "at": at_ms})


def created(withdrawal: Withdrawal) -> list[Write]:
    """`create`, with what was written with its first steps."""
    return [create(withdrawal), *_written(withdrawal.id, _notes(withdrawal))]


def change(old: Withdrawal, new: Withdrawal) -> list[Write]:
    """Return what is new of it, with the notes of new steps and approvals as items of their own.

    Under the status, and the number of steps and approvals, that were read: of these none is ever taken away, so
    whatever people, providers or the workflow did meanwhile is noticed.
    """
    was, become = _to_item(old), _to_item(new)
    become |= {name: [] for name in was if name not in become}  # lists that are empty now
    changed = {name: value for name, value in become.items() if was.get(name) != value}
    write = update(
        IS_UNCHANGED, keys.withdrawal(old.id), "SET " + ", ".join(f"#{name} = :{name}" for name in changed),
        "#status = :old_status AND size(#steps) = :old_steps AND size(#approvals) = :old_approvals", **changed,
        old_status=was["status"], old_steps=len(old.steps), old_approvals=len(old.approvals),
    )  # fmt: skip
    before = _notes(old)
    return [write, *_written(old.id, {place: note for place, note in _notes(new).items() if place not in before})]


def _written(withdrawal_id: str, notes: Mapping[str, str]) -> list[Write]:
    return [
        put(f"note {place} is new", {**keys.withdrawal_note(withdrawal_id, place), "text": note})
        for place, note in notes.items() if note
    ]  # fmt: skip


def resume(old: Withdrawal, now_ms: int) -> tuple[Withdrawal, Write]:
    """Return one more attempt of the workflow, unless somebody else began one."""
    new = replace(old, attempt=old.attempt + 1, resumed_at_ms=now_ms)
    write = update(
        HAS_ATTEMPT, keys.withdrawal(old.id), "SET #attempt = :attempt, #resumed = :now", "#attempt = :was",
        attempt=new.attempt, now=now_ms, was=old.attempt,
    )  # fmt: skip
    return new, write


def find(table: Table, withdrawal_id: str) -> Withdrawal:
    """Find a withdrawal with what people wrote about it. Raises WithdrawalNotFound."""
    items = list(table.query(*keys.withdrawal_and_notes(withdrawal_id)))
    if not items or not keys.is_root(items[-1]):
        raise WithdrawalNotFound("there is no such withdrawal")
    notes = {keys.place_of_note(item["sk"]): item["text"] for item in items[:-1]}
    return from_item(items[-1], notes)


def statuses(table: Table, ids: Iterable[str]) -> dict[str, WithdrawalStatus]:
    """Return how the withdrawals stand that paid what is shown, by id.

    One is RETURNED where the money came back.

    Up to 100 of them; "" and what is no withdrawal are left out, and nothing is read where that leaves none.
    """
    named = sorted({id for id in ids if id})
    return {each.id: each.status for each in many(table, named, strong=False)} if named else {}


def find_or_none(table: Table, withdrawal_id: str) -> Withdrawal | None:
    """Return a withdrawal without what people wrote about it; None where there is none."""
    item = table.get(keys.withdrawal(withdrawal_id))
    return from_item(item) if item else None


def of_partner(
    table: Table, partner_id: str, before: str, page_size: int, low: str = keys.LOWEST, high: str = keys.HIGHEST
) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of a partner's withdrawals, newest first, from just below `before`.

    `low`, `high`: bounds of the positions, by when they were asked for.
    """
    partition = keys.withdrawals_of_partner(partner_id)
    return _newest(table, partition, keys.LISTED, before, page_size, low, high)


def with_status(
    table: Table, status: WithdrawalStatus, before: str, page_size: int, low: str = keys.LOWEST,
    high: str = keys.HIGHEST,
) -> Iterator[tuple[str, str]]:  # fmt: skip
    """Yield (position, id) of the withdrawals in a status, newest in it first.

    `low`, `high`: by when they came into it.
    """
    return _newest(table, keys.withdrawals_of(status), keys.WAITING, before, page_size, low, high)


def newest(table: Table, before: str, page_size: int, low: str, high: str) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of all withdrawals, whatever their status: what moved last comes first."""
    partitions = [*map(keys.withdrawals_of, WithdrawalStatus), keys.withdrawals_with_problem()]
    found = [_newest(table, partition, keys.WAITING, before, page_size, low, high) for partition in partitions]
    return heapq.merge(*found, reverse=True)


def with_problem(
    table: Table, before: str, page_size: int, low: str = keys.LOWEST, high: str = keys.HIGHEST
) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of the withdrawals that a person must look at, newest first."""
    return _newest(table, keys.withdrawals_with_problem(), keys.WAITING, before, page_size, low, high)


def oldest_with_status(table: Table, status: WithdrawalStatus, after: str) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of the withdrawals in a status, oldest first, from just above `after`."""
    found = table.query(keys.withdrawals_of(status), after or keys.LOWEST, index="waiting", page_size=100)
    for item in found:
        if item["waits_at"] != after:
            yield item["waits_at"], keys.owner_of(item)


def many(table: Table, ids: list[str], *, strong: bool = True) -> list[Withdrawal]:
    """Return those that exist, in the order of the ids and without their notes."""
    found = table.get_many([keys.withdrawal(id) for id in ids], strong=strong)
    return [from_item(item) for item in found if item]


def keep_token(withdrawal_id: str, kind: str, token: str, now_ms: int) -> Write:
    """The task token that the workflow waits with; a later attempt's takes the place of an earlier one's."""
    expires = now_ms // 1000 + TOKEN_KEPT_DAYS * 86_400
    item = {**keys.task_token(withdrawal_id, kind), "token": token, "at": now_ms, "ttl": expires}
    return put("the token is kept", item, condition="")


def token(table: Table, withdrawal_id: str, kind: str) -> str | None:
    item = table.get(keys.task_token(withdrawal_id, kind))
    return item["token"] if item else None


def _newest(
    table: Table, partition: str, index: str, before: str, page_size: int, low: str, high: str
) -> Iterator[tuple[str, str]]:
    position, below = "listed_at" if index == keys.LISTED else "waits_at", min(before or high, high)
    for item in table.query(partition, low, below, index=index, page_size=page_size, newest_first=True):
        if item[position] != before:
            yield item[position], keys.owner_of(item)


def _notes(withdrawal: Withdrawal) -> dict[str, str]:
    """What was written with each step and approval."""
    steps = {f"S{number:03d}": step.note for number, step in enumerate(withdrawal.steps)}
    return steps | {f"A{number:03d}": approval.note for number, approval in enumerate(withdrawal.approvals)}


def _to_item(withdrawal: Withdrawal) -> Item:
    """Without the notes, which are long: this item is written with every step, and in transactions."""
    method = withdrawal.method
    partition = keys.withdrawals_with_problem() if withdrawal.problem else keys.withdrawals_of(withdrawal.status)
    return {
        **keys.withdrawal(withdrawal.id), "partner": withdrawal.partner_id, "program": withdrawal.program_id,
        "amount": withdrawal.amount, "currency": withdrawal.currency, "status": withdrawal.status.value,
        "method": [method.id, method.version, method.type.value, method.holder, method.masked],
        "requester": withdrawal.requester, "created": withdrawal.created_at_ms, "expires": withdrawal.expires_at_ms,
        "body": withdrawal.body, "attempt": withdrawal.attempt, "resumed": withdrawal.resumed_at_ms,
        "transaction": withdrawal.transaction_id,
        "steps": [[s.status.value, s.by, s.at_ms, s.request] for s in withdrawal.steps],
        "approvals": [_approval(each) for each in withdrawal.approvals],
        "risks": [risk.value for risk in withdrawal.risks], "payout": withdrawal.payout, "sent": withdrawal.sent_at_ms,
        "problem": withdrawal.problem.value if withdrawal.problem else "", "batch": withdrawal.batch_id,
        **_where_set(withdrawal),
        **keys.listed(keys.withdrawals_of_partner(withdrawal.partner_id), withdrawal.created_at_ms, withdrawal.id),
        **keys.waiting(partition, withdrawal.entered_at_ms, withdrawal.id),
    }  # fmt: skip


def _approval(approval: Approval) -> list[Any]:
    """What it leads to only where that is not APPROVED, or something stood against it."""
    to = [] if approval.to is WithdrawalStatus.APPROVED and not approval.saw else [approval.to.value]
    return [approval.by, approval.at_ms, approval.request, *to, *map(list, approval.saw)]


def _approval_from(told: list[Any], note: str) -> Approval:
    by, at_ms, request, *rest = told
    to = WithdrawalStatus(rest[0]) if rest else WithdrawalStatus.APPROVED
    return Approval(by, at_ms, note, request, to, tuple((name, amount) for name, amount in rest[1:]))


def _where_set(withdrawal: Withdrawal) -> Item:
    """What many never have: left out where it says nothing, so that the item keeps within a write unit."""
    found = {
        "terms": withdrawal.program_version, "assessed": withdrawal.assessed_at_ms, "blocked": list(withdrawal.blocked),
        "accepted": [list(each) for each in withdrawal.accepted],
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def places(withdrawal: Withdrawal) -> Item:
    """Return where it is listed, and until when it is kept."""
    return keys.placed(_to_item(withdrawal))


def from_item(item: Item, notes: Mapping[str, str] = NO_NOTES) -> Withdrawal:
    method_id, version, type, holder, masked = item["method"]
    return Withdrawal(
        id=keys.owner_of(item),
        partner_id=item["partner"],
        program_id=item["program"],
        amount=item["amount"],
        currency=item["currency"],
        status=WithdrawalStatus(item["status"]),
        method=MethodUsed(method_id, version, MethodType(type), holder, masked),
        requester=item["requester"],
        created_at_ms=item["created"],
        expires_at_ms=item["expires"],
        body=item["body"],
        attempt=item["attempt"],
        resumed_at_ms=item["resumed"],
        transaction_id=item["transaction"],
        steps=tuple(
            WithdrawalStep(WithdrawalStatus(status), by, at_ms, notes.get(f"S{number:03d}", ""), request)
            for number, (status, by, at_ms, request) in enumerate(item["steps"])
        ),
        approvals=tuple(
            _approval_from(each, notes.get(f"A{number:03d}", "")) for number, each in enumerate(item["approvals"])
        ),
        risks=tuple(map(Risk, item["risks"])),
        payout=item["payout"],
        sent_at_ms=item["sent"],
        problem=PayoutProblem(item["problem"]) if item["problem"] else None,
        batch_id=item["batch"],
        program_version=item.get("terms", 0),
        assessed_at_ms=item.get("assessed", 0),
        blocked=tuple(item.get("blocked", ())),
        accepted=tuple((name, amount) for name, amount in item.get("accepted", ())),
    )
