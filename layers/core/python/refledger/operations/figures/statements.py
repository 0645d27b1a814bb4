"""The statement of a partner's month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from refledger.batched import batched
from refledger.domain import statements
from refledger.domain.errors import StatementTooLong
from refledger.domain.journal import PAYOUTS, Balance, EntryKind
from refledger.domain.partners import Partner
from refledger.domain.statements import MAX_ENTRIES, AccountStatement, Holdings, Movement, StatementMonth
from refledger.operations.context import Context
from refledger.store import keys, ledger, partners, withdrawals
from refledger.store.table import BATCH_LIMIT, Table


@dataclass(frozen=True)
class Statement:
    """`final`: the month is over, and nothing is written into it any more. `program`: the name of the home program.

    `made_at_ms`: as of when it is; of a final one the moment at which its month was closed, whenever it is asked for.
    """

    partner: Partner
    program: str
    month: StatementMonth
    made_at_ms: int
    final: bool
    accounts: list[AccountStatement]


@dataclass(frozen=True)
class Basis:
    """What the statement of a month is made of. `heads`: per currency the last entry until the month's end, with its
    hash, which covers every entry before it: the same basis of a month that is `final` is the same statement.
    """

    partner: Partner
    program: str
    month: StatementMonth
    final: bool
    heads: tuple[tuple[str, int, str], ...]


def basis(context: Context, partner_id: str, month_text: str) -> Basis:
    """Costs a small read for each currency, however much was booked. Raises NotFound, PartnerNotFound."""
    now_ms = context.now_ms()
    month = statements.month(month_text, now_ms)
    partner, end = partners.find(context.table, partner_id), keys.journal_from(month.until_ms)
    heads = []
    for balance in ledger.balances(context.table, partner_id):
        if last := ledger.last_until(context.table, partner_id, balance.currency, end):
            heads.append((balance.currency, last[0].version, last[0].hash))
    program = context.program(partner.program_id).name
    return Basis(partner, program, month, now_ms >= month.closed_ms, tuple(heads))


def of_partner(context: Context, partner_id: str, month_text: str) -> Statement:
    """Return the statement of every currency in which there was something.

    All reads are strong, and what was written since is left out.

    Costs what was booked in the month, whatever came before or since: each entry says what there was after it; and a
    read for each payout of it.
    Raises NotFound for a month that is none or has not begun, PartnerNotFound, StatementTooLong.
    """
    now_ms = context.now_ms()
    month = statements.month(month_text, now_ms)
    partner = partners.find(context.table, partner_id)
    accounts = []
    for balance in ledger.balances(context.table, partner_id):
        at_end, until = _at_end(context, balance, month)
        begin = keys.journal_from(month.from_ms)
        since = ledger.entries(context.table, partner_id, balance.currency, begin, until=until)
        accounts.append(statements.account(at_end, (entry for _, entry in since), month.until_ms))
    return Statement(
        partner,
        context.program(partner.program_id).name,
        month,
        min(now_ms, month.closed_ms),
        now_ms >= month.closed_ms,
        _joined(context.table, [account for account in accounts if not account.is_empty]),
    )


def _joined(table: Table, accounts: list[AccountStatement]) -> list[AccountStatement]:
    """With references of payouts: each is written with the entry that books it, so no closed month differs by it."""
    paid = {each.reference for account in accounts for each in account.movements if each.kind in PAYOUTS}
    known = {
        each.id: each.transaction_id
        for batch in batched(sorted(paid - {""}), BATCH_LIMIT)
        for each in withdrawals.many(table, batch)
    }

    def joined(movement: Movement) -> Movement:
        is_payout = movement.kind in PAYOUTS
        return replace(movement, transaction=known.get(movement.reference, "")) if is_payout else movement

    return [replace(account, movements=tuple(map(joined, account.movements))) for account in accounts]


@dataclass(frozen=True)
class Summary:
    """A month of one currency without its lines. `kinds`: how much was moved by each. `version`, `hash`: of the last
    entry up to its end.
    """

    opening: Holdings
    closing: Holdings
    kinds: Mapping[EntryKind, int]
    version: int
    hash: str

    @property
    def is_empty(self) -> bool:
        return not self.kinds and self.opening == self.closing == Holdings()


def summary(table: Table, balance: Balance, month: StatementMonth) -> Summary:
    """However many entries there are.

    Raises Gap where the movements do not lead from the opening to the closing.
    """
    begin, end = keys.journal_from(month.from_ms), keys.journal_from(month.until_ms)
    opening, closing = held_until(table, balance, begin), held_until(table, balance, end)
    kinds: Counter[EntryKind] = Counter()
    came_to = opening
    for _, entry in ledger.entries(table, balance.partner_id, balance.currency, begin, until=end):
        kinds[entry.kind] += entry.amount
        came_to += statements.effect(entry)
    if came_to != closing:
        raise statements.Gap(f"{balance.partner_id} {balance.currency} {month}: the journal comes to {came_to}")
    last = ledger.last_until(table, balance.partner_id, balance.currency, end)
    version, hashed = (last[0].version, last[0].hash) if last else (0, "")
    return Summary(opening, closing, dict(kinds), version, hashed)


def held_until(table: Table, balance: Balance, before: str) -> Holdings:
    """Return what there was after the last entry whose sort key is below `before`.

    It says so itself, or all before it do.
    """
    last = ledger.last_until(table, balance.partner_id, balance.currency, before)
    if last is None:
        return Holdings()
    if last[1] is not None:
        return Holdings(*last[1])
    held = Holdings()
    for _, entry in ledger.entries(table, balance.partner_id, balance.currency, until=before):
        held += statements.effect(entry)
    return held


def _at_end(context: Context, balance: Balance, month: StatementMonth) -> tuple[Balance, str]:
    """The balance as it was when the month ended, and the sort key up to which entries are to be read.

    Of a month whose last entry is from before entries said it, the balance of now: then all that came since is read.
    Raises StatementTooLong.
    """
    end = keys.journal_from(month.until_ms)
    read = ledger.last_until(context.table, balance.partner_id, balance.currency, end)
    if read is None:
        return Balance(balance.partner_id, balance.currency), end
    last, after = read
    if after is None:
        return balance, keys.HIGHEST
    before = ledger.last_until(context.table, balance.partner_id, balance.currency, keys.journal_from(month.from_ms))
    if last.version - (before[0].version if before else 0) > MAX_ENTRIES:
        raise StatementTooLong(f"more than {MAX_ENTRIES} entries: staff can export the ledger of these days instead")
    available, reserved, paid = after
    return replace(balance, available=available, reserved=reserved, paid=paid, version=last.version), end
