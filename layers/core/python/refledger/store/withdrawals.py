"""Withdrawals as items: the truth that every workflow, admin and sweeper works from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from refledger.domain.errors import WithdrawalNotFound
from refledger.domain.withdrawals import MethodType, PayoutMethod, Step, Withdrawal, WithdrawalStatus
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, put, update

IS_NEW = "the withdrawal is new"
HAS_STATUS = "the withdrawal has the status that was read"
HAS_ATTEMPT = "nobody else resumed the withdrawal"
TOKEN_KEPT_DAYS = 400  # longer than any time limit of the workflow


def create(withdrawal: Withdrawal) -> Write:
    return put(IS_NEW, _to_item(withdrawal))


def move(old: Withdrawal, step: Step, transaction_id: str = "") -> tuple[Withdrawal, Write]:
    """The withdrawal after one more step, and the write that makes it so under the status that was read."""
    new = replace(
        old, status=step.status, steps=(*old.steps, step), transaction_id=transaction_id or old.transaction_id
    )
    item = _to_item(new)
    write = update(
        HAS_STATUS, keys.withdrawal(old.id),
        "SET #status = :status, #steps = :steps, #transaction = :transaction, #w1 = :w1", "#status = :was",
        status=new.status.value, steps=item["steps"], transaction=new.transaction_id, w1=item["w1"],
        was=old.status.value,
    )  # fmt: skip
    return new, write


def resume(old: Withdrawal, now_ms: int) -> tuple[Withdrawal, Write]:
    """One more attempt of the workflow, unless somebody else began one."""
    new = replace(old, attempt=old.attempt + 1, resumed_at_ms=now_ms)
    write = update(
        HAS_ATTEMPT, keys.withdrawal(old.id), "SET #attempt = :attempt, #resumed = :now", "#attempt = :was",
        attempt=new.attempt, now=now_ms, was=old.attempt,
    )  # fmt: skip
    return new, write


def find(table: Table, withdrawal_id: str) -> Withdrawal:
    """Raises WithdrawalNotFound."""
    item = table.get(keys.withdrawal(withdrawal_id))
    if item is None:
        raise WithdrawalNotFound("there is no such withdrawal")
    return from_item(item)


def of_partner(table: Table, partner_id: str, before: str, page_size: int) -> Iterator[tuple[str, str]]:
    """(position, id) of a partner's withdrawals, newest first, from just below the position `before`."""
    return _listed(table, keys.withdrawals_of_partner(partner_id), "list", before, page_size, newest_first=True)


def with_status(table: Table, status: WithdrawalStatus, before: str, page_size: int) -> Iterator[tuple[str, str]]:
    """(position, id) of the withdrawals in a status, newest first."""
    return _listed(table, keys.withdrawals_of(status), "work", before, page_size, newest_first=True)


def oldest_with_status(table: Table, status: WithdrawalStatus, after: str) -> Iterator[tuple[str, str]]:
    """(position, id) of the withdrawals in a status, oldest first, from just above the position `after`."""
    return _listed(table, keys.withdrawals_of(status), "work", after, 100, newest_first=False)


def many(table: Table, ids: list[str], *, strong: bool = True) -> list[Withdrawal]:
    found = table.get_many([keys.withdrawal(id) for id in ids], strong=strong) if ids else []
    return [from_item(item) for item in found if item]


def keep_token(withdrawal_id: str, kind: str, token: str, now_ms: int) -> Write:
    """The task token that the workflow waits with; a later attempt's takes the place of an earlier one's."""
    expires = now_ms // 1000 + TOKEN_KEPT_DAYS * 86_400
    item = {**keys.task_token(withdrawal_id, kind), "token": token, "at": now_ms, "ttl": expires}
    return put("the token is kept", item, condition="")


def token(table: Table, withdrawal_id: str, kind: str) -> str | None:
    item = table.get(keys.task_token(withdrawal_id, kind))
    return item["token"] if item else None


def _listed(
    table: Table, partition: str, index: str, bound: str, page_size: int, *, newest_first: bool
) -> Iterator[tuple[str, str]]:
    low, high = (keys.LOWEST, bound or keys.HIGHEST) if newest_first else (bound or keys.LOWEST, keys.HIGHEST)
    position = "l2" if index == "list" else "w2"
    found = table.query(partition, low, high, index=index, page_size=page_size, newest_first=newest_first)
    for item in found:
        if item[position] != bound:
            yield item[position], keys.owner_of(item)


def _to_item(withdrawal: Withdrawal) -> Item:
    method = withdrawal.method
    return {
        **keys.withdrawal(withdrawal.id), "partner": withdrawal.partner_id, "program": withdrawal.program_id,
        "amount": withdrawal.amount, "currency": withdrawal.currency, "status": withdrawal.status.value,
        "method": {"type": method.type.value, "holder": method.account_holder, "iban": method.iban,
                   "account": method.account_number, "bank": method.bank_code},
        "requester": withdrawal.requester, "created": withdrawal.created_at_ms, "expires": withdrawal.expires_at_ms,
        "body": withdrawal.body, "attempt": withdrawal.attempt, "resumed": withdrawal.resumed_at_ms,
        "transaction": withdrawal.transaction_id,
        "steps": [[s.status.value, s.by, s.at_ms, s.note, s.request] for s in withdrawal.steps],
        **keys.listed(keys.withdrawals_of_partner(withdrawal.partner_id), withdrawal.created_at_ms, withdrawal.id),
        **keys.waiting(keys.withdrawals_of(withdrawal.status), withdrawal.created_at_ms, withdrawal.id),
    }  # fmt: skip


def from_item(item: Item) -> Withdrawal:
    method = item["method"]
    return Withdrawal(
        id=keys.owner_of(item),
        partner_id=item["partner"],
        program_id=item["program"],
        amount=item["amount"],
        currency=item["currency"],
        status=WithdrawalStatus(item["status"]),
        method=PayoutMethod(
            MethodType(method["type"]), method["holder"], method["iban"], method["account"], method["bank"]
        ),
        requester=item["requester"],
        created_at_ms=item["created"],
        expires_at_ms=item["expires"],
        body=item["body"],
        attempt=item["attempt"],
        resumed_at_ms=item["resumed"],
        transaction_id=item["transaction"],
        steps=tuple(Step(WithdrawalStatus(status), by, at, note, req) for status, by, at, note, req in item["steps"]),
    )
