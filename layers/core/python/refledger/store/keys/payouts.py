"""Keys of the journal, and of what pays out or corrects: withdrawals, batches, adjustments."""

from __future__ import annotations

from refledger.domain.times import day
from refledger.store.keys.form import ROOT, Key, _key


def journal(partner_id: str, currency: str) -> str:
    return f"JOURNAL#{partner_id}#{currency}"


def journal_from(at_ms: int) -> str:
    """Sorts before all entries of that day and after those of the days before it."""
    return day(at_ms)


def entry(partner_id: str, currency: str, at_ms: int, version: int) -> Key:
    return _key(journal(partner_id, currency), f"{day(at_ms)}#{version:010d}")


def withdrawal(withdrawal_id: str) -> Key:
    return _key(f"WITHDRAWAL#{withdrawal_id}")


def withdrawal_note(withdrawal_id: str, place: str) -> Key:
    """A note that was written with one of its steps or approvals."""
    return _key(f"WITHDRAWAL#{withdrawal_id}", f"NOTE#{place}")


def withdrawal_and_notes(withdrawal_id: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key: its notes, and then the withdrawal itself."""
    return f"WITHDRAWAL#{withdrawal_id}", "NOTE#", ROOT


def place_of_note(sort_key: str) -> str:
    return sort_key.removeprefix("NOTE#")


def account_shown(withdrawal_id: str, at_ms: int, id: str) -> Key:
    return _key(f"WITHDRAWAL#{withdrawal_id}", f"ACCOUNT_SHOWN#{at_ms}#{id}")


def task_token(withdrawal_id: str, kind: str) -> Key:
    return _key(f"WITHDRAWAL#{withdrawal_id}", f"TOKEN#{kind}")


def batch(batch_id: str) -> Key:
    return _key(f"BATCH#{batch_id}")


def batch_download(batch_id: str, at_ms: int, request: str) -> Key:
    return _key(f"BATCH#{batch_id}", f"DOWNLOAD#{at_ms}#{request}")


def batch_downloads(batch_id: str) -> tuple[str, str, str]:
    return f"BATCH#{batch_id}", "DOWNLOAD#", "DOWNLOAD#~"


def adjustment(adjustment_id: str) -> Key:
    return _key(f"ADJUSTMENT#{adjustment_id}")


def withdrawals_of_partner(partner_id: str) -> str:
    return f"WITHDRAWALS#{partner_id}"


def withdrawals_of(status: str) -> str:
    """Withdrawals that go on by themselves, or have ended."""
    return f"WITHDRAWALS#{status}"


def withdrawals_with_problem() -> str:
    """Withdrawals that a person must look at, whatever their status: in no other of these lists."""
    return "WITHDRAWALS#PROBLEM"


def all_batches() -> str:
    return "BATCHES"


def adjustments_of_partner(partner_id: str) -> str:
    return f"ADJUSTMENTS#{partner_id}"


def waiting_adjustments() -> str:
    return "WAITING_ADJUSTMENTS"
