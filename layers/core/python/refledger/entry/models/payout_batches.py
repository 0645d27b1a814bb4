"""Batches of bank transfers over HTTP."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field

from refledger.domain.batches import MAX_LINES, Batch, Download, TransferLine
from refledger.domain.times import iso
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.entry.models.common import Body, Currency, SumView, View, in_major


class NewBatch(Body):
    """`limit`: how many at most. `currency`: only transfers in it."""

    limit: Annotated[int, Field(ge=1, le=MAX_LINES)] = MAX_LINES
    currency: Currency | None = None


class BatchView(View):
    """`totals`: minor units, by currency."""

    people = ("created_by",)

    id: str
    created_at: str
    created_by: str
    created_by_name: str | None = None
    count: int
    totals: list[SumView]

    @classmethod
    def of(cls, batch: Batch) -> Self:
        return cls(
            id=batch.id,
            created_at=iso(batch.created_at_ms),
            created_by=batch.created_by,
            count=len(batch.lines),
            totals=[SumView(currency=currency, amount=amount) for currency, amount in batch.totals.items()],
        )


class TransferLineView(View):
    """A transfer: what is to be paid, to a masked account, and how far the withdrawal is by now."""

    of_partner = True

    withdrawal_id: str
    partner_id: str
    partner_name: str | None = None
    partner_company: str | None = None
    amount: int
    currency: str
    amount_decimal = in_major("amount")
    account_holder: str
    account: str
    status: WithdrawalStatus
    transaction_id: str | None

    @classmethod
    def of(cls, line: TransferLine, withdrawal: Withdrawal) -> Self:
        return cls(
            withdrawal_id=line.withdrawal_id,
            partner_id=line.partner_id,
            amount=line.amount,
            currency=line.currency,
            account_holder=withdrawal.method.holder,
            account=withdrawal.method.masked,
            status=withdrawal.status,
            transaction_id=withdrawal.transaction_id or None,
        )


class DownloadView(View):
    people = ("by",)

    by: str
    by_name: str | None = None
    at: str

    @classmethod
    def of(cls, download: Download) -> Self:
        return cls(by=download.by, at=iso(download.at_ms))


class WholeBatchView(BatchView):
    """`downloads`: who was given the file, the newest hundred."""

    lines: list[TransferLineView]
    downloads: list[DownloadView]

    @classmethod
    def of_all(cls, batch: Batch, withdrawals: list[Withdrawal], downloads: list[Download]) -> Self:
        now = {withdrawal.id: withdrawal for withdrawal in withdrawals}
        return cls(
            **dict(BatchView.of(batch)),
            lines=[TransferLineView.of(line, now[line.withdrawal_id]) for line in batch.lines],
            downloads=[DownloadView.of(download) for download in downloads],
        )
