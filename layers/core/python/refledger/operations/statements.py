"""The statement of a partner's month."""

from __future__ import annotations

from dataclasses import dataclass

from refledger.domain import statements
from refledger.domain.partners import Partner
from refledger.domain.statements import LATE_MS, AccountStatement, Month
from refledger.operations.context import Context
from refledger.store import keys, ledger, partners


@dataclass(frozen=True)
class Statement:
    """`final`: the month is over, and nothing is written into it any more. `program`: the name of the home program."""

    partner: Partner
    program: str
    month: Month
    made_at_ms: int
    final: bool
    accounts: list[AccountStatement]


def of_partner(context: Context, partner_id: str, month_text: str) -> Statement:
    """Of every currency in which there was something. All reads are strong, and what was written since is left out.

    Costs what was booked since the month began: the last months are cheap, an old one of a busy partner is not.
    Raises NotFound for a month that is none or has not begun, PartnerNotFound.
    """
    now_ms = context.now_ms()
    month = statements.month(month_text, now_ms)
    partner = partners.find(context.table, partner_id)
    accounts = []
    for balance in ledger.balances(context.table, partner_id):
        since = ledger.entries(context.table, partner_id, balance.currency, keys.journal_from(month.from_ms))
        accounts.append(statements.account(balance, (entry for _, entry in since), month.until_ms))
    return Statement(
        partner,
        context.program(partner.program_id).name,
        month,
        now_ms,
        now_ms >= month.until_ms + LATE_MS,
        [account for account in accounts if not account.is_empty],
    )
