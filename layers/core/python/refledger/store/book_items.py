"""Every item of the books that figures are made of, as it is in the table. For rebuilds, not for a request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from refledger.domain.uplines import KEPT_LINKS
from refledger.store import keys, ledger, partners, rewards
from refledger.store.table import BATCH_LIMIT, Table
from refledger.store.transaction import Item


def of_partner(table: Table, partner_id: str, partitions: tuple[str, ...]) -> Iterator[Item]:
    """The partner's rewards, which lie in the partitions, and the months of them that are under a cap."""
    yield from rewards.items_of(table, partitions)
    yield from table.query(*keys.capped_months(partner_id))


def referrals_of(table: Table, partner_id: str) -> Iterator[Item]:
    """Yield those that the partner made."""
    yield from table.query(keys.referrals(partner_id))


def below(table: Table, partner_id: str) -> Iterator[Item]:
    """Referrals in which the partner is a paid tier, however deep."""
    for referral in _down_line(table, partner_id, "", KEPT_LINKS):
        above = [each for each, _, _ in referral["up"][: referral["depth"]]]
        if partner_id in above or keys.owner_of(referral) == partner_id:
            yield referral


def _down_line(table: Table, partner_id: str, program_id: str, levels: int) -> Iterator[Item]:
    """Referrals by the partner, by those they referred, and so on: in one program, or for "" in each for itself."""
    for referral in table.query(keys.referrals(partner_id)):
        if program_id and referral["program"] != program_id:
            continue
        yield referral
        customer = referral.get("customer", "")
        next_one = partners.id_of_user(table, customer) if customer and levels > 1 else None
        if next_one:
            yield from _down_line(table, next_one, referral["program"], levels - 1)


def accounts_of(table: Table, partner_id: str) -> Iterator[Item]:
    """Yield the partner, and their withdrawals."""
    if item := table.get(keys.partner(partner_id)):
        yield item
    yield from _whole(table, table.query(keys.withdrawals_of_partner(partner_id), index="listed"))


def payments_of(table: Table, program_id: str, shards: int) -> Iterator[Item]:
    """Yield a program's payments that somebody may earn from."""
    for partition in keys.payment_shards(program_id, shards):
        yield from _whole(table, table.query(partition, index="listed"))


def entries_of(table: Table, partner_id: str) -> Iterator[Item]:
    """Yield a partner's journals."""
    for balance in ledger.balances(table, partner_id):
        yield from table.query(keys.journal(partner_id, balance.currency))


def _whole(table: Table, listed: Iterable[Item]) -> Iterator[Item]:
    """The items that a list names."""
    left = iter(listed)
    while batch := list(islice(left, BATCH_LIMIT)):
        found = table.get_many([{"pk": item["pk"], "sk": item["sk"]} for item in batch])
        yield from (item for item in found if item)
