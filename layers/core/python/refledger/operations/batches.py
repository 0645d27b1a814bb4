"""Bank transfers are exported once: a withdrawal is in one batch, and a batch never changes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from refledger.adapters.ids import LONG_ID_BYTES
from refledger.adapters.vault import Vault
from refledger.domain.batches import Batch, Download, Line, as_csv
from refledger.domain.errors import Conflict, KeyReused
from refledger.domain.methods import BankAccount, MethodType
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations.context import Context
from refledger.store import batches, methods, withdrawals

READ_TOGETHER = 100


def create(context: Context, by: str, key: str | None, body: str, limit: int, currency: str | None) -> Batch:
    """Claim up to `limit` bank transfers that are in no batch yet, the longest waiting first, and keep them as a batch.

    One transaction: a withdrawal that moved on or was claimed in between is not in it, and the selection begins anew.
    Idempotent by the Idempotency-Key; without one every call exports what no call before it has exported.
    Raises Conflict where nothing waits, KeyReused, Busy.
    """
    id = context.ids.hash("batch", by, key, size=LONG_ID_BYTES) if key else context.ids.new(LONG_ID_BYTES)

    def once() -> Batch:
        if earlier := batches.find_or_none(context.table, id):
            if earlier.body != body:
                raise KeyReused("this Idempotency-Key came with another request before")
            return earlier
        lines = tuple(map(_line, islice(_waiting(context, currency), limit)))
        if not lines:
            raise Conflict("no bank transfer waits to be made")
        batch = Batch(id, context.now_ms(), by, body, lines)
        context.table.commit(*batches.create(batch))
        return batch

    return context.repeat(once)


def _waiting(context: Context, currency: str | None) -> Iterator[Withdrawal]:
    """Bank transfers that somebody has to make and that are in no batch. Reads all that nobody has confirmed yet."""
    found = withdrawals.oldest_with_status(context.table, WithdrawalStatus.PAYING, "")
    while ids := [id for _, id in islice(found, READ_TOGETHER)]:
        for withdrawal in withdrawals.many(context.table, ids):
            if _is_waiting(withdrawal) and currency in (None, withdrawal.currency):
                yield withdrawal


def _is_waiting(withdrawal: Withdrawal) -> bool:
    return (
        withdrawal.status is WithdrawalStatus.PAYING
        and withdrawal.method.type is MethodType.BANK_TRANSFER
        and not withdrawal.batch_id
        and withdrawal.problem is None
    )


def _line(withdrawal: Withdrawal) -> Line:
    method = withdrawal.method
    return Line(withdrawal.id, withdrawal.partner_id, method.id, method.version, withdrawal.amount, withdrawal.currency)


def file(context: Context, vault: Vault, batch_id: str, by: str, request: str) -> str:
    """The batch as CSV, with the whole accounts; the same text every time.

    Who is given it is written down first: if all ends after that, somebody is named who got nothing, and never the
    other way round. `request`: hash of the request that asks for it. Raises BatchNotFound, Busy.
    """
    batch = batches.find(context.table, batch_id)
    download = batches.downloaded(batch_id, Download(by, context.now_ms()), request)
    context.repeat(lambda: context.table.commit(download))
    named = [(line.partner_id, line.method_id, line.method_version) for line in batch.lines]
    known = methods.many(context.table, named)
    ciphers = [known[each].cipher for each in named]
    return as_csv((line, _open(vault, cipher, line)) for line, cipher in zip(batch.lines, ciphers, strict=True))


def _open(vault: Vault, cipher: bytes, line: Line) -> BankAccount:
    account = vault.open(cipher, line.partner_id, line.method_id)
    assert isinstance(account, BankAccount)  # only bank transfers are exported, and a method keeps its type
    return account
