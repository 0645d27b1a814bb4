"""Bank transfers are exported once: a withdrawal is in one batch, and only what may be paid now is in its file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from refledger.adapters.ids import LONG_ID_BYTES
from refledger.adapters.vault import Vault
from refledger.domain.batches import Batch, Download, TransferLine, as_csv
from refledger.domain.duties import Act, Barred
from refledger.domain.errors import Conflict, SecondPersonNeeded
from refledger.domain.methods import BankAccount
from refledger.domain.payout_gate import Blockers
from refledger.domain.withdrawals import MethodUsed, Withdrawal, WithdrawalStatus
from refledger.operations import duties
from refledger.operations.context import Context, commit, retry_on_conflict
from refledger.operations.idempotency import check_same
from refledger.operations.payouts import payout_gate
from refledger.operations.payouts.payout_gate import Seen
from refledger.store import batches, methods, withdrawals
from refledger.store.transaction import ConditionFailed

READ_TOGETHER = 100
IN_FILE = (WithdrawalStatus.PAYING, WithdrawalStatus.PAID)  # what failed or came back must not be paid again


def create(context: Context, by: str, key: str | None, body: str, limit: int, currency: str | None) -> Batch:
    """Claim up to `limit` bank transfers that are in no batch yet, longest waiting first, as a batch.

    What must not be paid now, and what this person may not let out, waits for the next batch. One transaction: a
    withdrawal that moved on or was claimed in between is not in it, and the selection begins anew.
    Idempotent by the Idempotency-Key; without one every call exports what no call before it has exported.
    Raises Conflict where nothing waits, SecondPersonNeeded where it waits for another person, KeyReused, Busy.
    """
    id = context.ids.hash("batch", by, key, size=LONG_ID_BYTES) if key else context.ids.new(LONG_ID_BYTES)
    return _create(context, id, by, body, limit, currency)


@retry_on_conflict
def _create(context: Context, id: str, by: str, body: str, limit: int, currency: str | None) -> Batch:
    if earlier := batches.find_or_none(context.table, id):
        check_same(earlier, body)
        return earlier
    tills = Tills(context, by)
    lines = tuple(map(_line, islice(_waiting(context, currency, tills), limit)))
    if not lines and tills.has_barred:
        raise SecondPersonNeeded("somebody else must export what waits: you made it, or vouched for its account")
    if not lines:
        raise Conflict("no bank transfer waits that may be made now")
    batch = Batch(id, context.now_ms(), by, body, lines)
    context.table.commit(*batches.create(batch))
    return batch


def _waiting(context: Context, currency: str | None, tills: Tills) -> Iterator[Withdrawal]:
    """Bank transfers that somebody has to make, may make now, and that are in no batch. Reads all that nobody has
    confirmed yet.
    """
    found = withdrawals.oldest_with_status(context.table, WithdrawalStatus.PAYING, "")
    while ids := [id for _, id in islice(found, READ_TOGETHER)]:
        for withdrawal in withdrawals.many(context.table, ids):
            if _is_waiting(withdrawal) and currency in (None, withdrawal.currency) and tills.lets_out(withdrawal):
                yield withdrawal


def _is_waiting(withdrawal: Withdrawal) -> bool:
    return (
        withdrawal.status is WithdrawalStatus.PAYING
        and withdrawal.method.type.goes_into_files
        and not withdrawal.batch_id
        and withdrawal.problem is None
    )


Common = tuple[str, str, str, int, MethodUsed]


def _common(withdrawal: Withdrawal) -> Common:
    """What a verdict about it goes by, beside what the withdrawal itself says."""
    asked = withdrawal
    return asked.partner_id, asked.requester, asked.program_id, asked.program_version, asked.method


@dataclass
class Tills:
    """What stands against many withdrawals, for one person who exports them.

    What withdrawals have in common is read once: whose they are, the account, and the terms they were asked for under.
    """

    context: Context
    by: str
    _seen: dict[Common, Seen] = field(default_factory=dict)
    _barred: dict[Common, bool] = field(default_factory=dict)

    @property
    def has_barred(self) -> bool:
        """Whether anything was left out only because of who exports."""
        return any(self._barred.values())

    def lets_out(self, withdrawal: Withdrawal) -> bool:
        """Return whether it may be paid now, and exported by this person."""
        return not self.blockers(withdrawal) and not self._is_barred(withdrawal)

    def blockers(self, withdrawal: Withdrawal) -> Blockers:
        """Return what stands against paying it."""
        known = self._seen.get(_common(withdrawal))
        if known is None:
            known = self._seen[_common(withdrawal)] = payout_gate.look(self.context, withdrawal)
        return replace(known, withdrawal=withdrawal).blockers

    def _is_barred(self, withdrawal: Withdrawal) -> bool:
        common = _common(withdrawal)
        if common not in self._barred:
            seen = self._seen[common]
            case = duties.case(
                self.context, Act.EXPORT_WITHDRAWAL, self.by, seen.programs, withdrawal.currency,
                {withdrawal.partner_id: 0}, earns={seen.partner.customer}, requester=withdrawal.requester,
            )  # fmt: skip
            self._barred[common] = isinstance(case.verdict, Barred)
        return self._barred[common]


def _line(withdrawal: Withdrawal) -> TransferLine:
    method = withdrawal.method
    return TransferLine(
        withdrawal.id, withdrawal.partner_id, method.id, method.version, withdrawal.amount, withdrawal.currency
    )


def file(context: Context, vault: Vault, batch_id: str, by: str, request: str) -> str:
    """Return the batch as CSV, with the whole accounts, of what may still be paid.

    It is the same text as long as that is the same.

    Who is given it is written down first: if all ends after that, somebody is named who got nothing, and never the
    other way round. Then each line is looked at: the file is what the bank pays. What must not be paid now is left out:
    the first time it leaves the batch and waits for another one, later it stays in it, because an earlier file has it.
    `request`: hash of the request that asks for it. Raises BatchNotFound, Busy.
    """
    batch = batches.find(context.table, batch_id)
    download = batches.downloaded(batch_id, Download(by, context.now_ms()), request)
    commit(context, download)
    is_first = len(batches.downloads(context.table, batch_id)) == 1  # of two at once, neither is
    tills = Tills(context, by)
    lines = []
    for line, withdrawal in zip(batch.lines, _withdrawals_of(context, batch), strict=True):
        if withdrawal is None or withdrawal.batch_id != batch.id or withdrawal.status not in IN_FILE:
            continue
        if withdrawal.problem:  # it may have been paid (see `restoring`): no file has it before somebody knows
            continue
        if withdrawal.status is WithdrawalStatus.PAYING and tills.blockers(withdrawal):
            if is_first:
                _take_out(context, withdrawal)
            continue
        lines.append(line)
    named = [(line.partner_id, line.method_id, line.method_version) for line in lines]
    known = methods.many(context.table, named)
    ciphers = [known[each].cipher for each in named]
    return as_csv((line, _open(vault, cipher, line)) for line, cipher in zip(lines, ciphers, strict=True))


def _withdrawals_of(context: Context, batch: Batch) -> list[Withdrawal | None]:
    found = {each.id: each for each in withdrawals.many(context.table, [line.withdrawal_id for line in batch.lines])}
    return [found.get(line.withdrawal_id) for line in batch.lines]


def _take_out(context: Context, withdrawal: Withdrawal) -> None:
    """No file of the batch had it yet: it waits for another one. Left as it is where it moved on in between."""
    try:
        context.table.commit(batches.unclaim(withdrawal.id, withdrawal.batch_id))
    except ConditionFailed:
        return


def _open(vault: Vault, cipher: bytes, line: TransferLine) -> BankAccount:
    account = vault.open(cipher, line.partner_id, line.method_id)
    assert isinstance(account, BankAccount)  # of what goes into files, and a method keeps its type
    return account
