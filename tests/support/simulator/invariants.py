"""What must hold after every commit, whatever goes on: cheap, because only what was written is looked at."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from refledger.domain.journal import Account, EntryKind
from refledger.store import keys, ledger
from refledger.store.attributes import unpack
from tests.support.memory.tables import Table
from tests.support.memory.values import Item, write_all
from tests.support.payouts import Provider
from tests.support.simulator.scheduler import Wrong

Where = tuple[str, str]  # partner, currency
JOURNAL = keys.journal("@", "").split("@")[0]  # how such keys begin
PARTNER, BALANCE = (part.split("@")[0] for part in keys.balance("@", "@").values())


@dataclass
class Invariants:
    """`seen`: of the table's changes. `explained`: by version of a balance, what its entries make it."""

    table: Table
    provider: Provider
    seen: int = 0
    commits: int = 0
    sums: dict[Where, Counter[Account]] = field(default_factory=lambda: defaultdict(Counter))
    explained: dict[Where, list[tuple[int, int, int]]] = field(default_factory=lambda: defaultdict(lambda: [(0, 0, 0)]))
    balances: Counter[Where] = field(default_factory=Counter)  # versions

    def copy(self, table: Table, provider: Provider) -> Invariants:
        """The same about a table that goes on from there."""
        made = Invariants(table, provider, self.seen)
        made.sums.update((where, Counter(sums)) for where, sums in self.sums.items())
        made.explained.update((where, [*known]) for where, known in self.explained.items())
        made.balances.update(self.balances)
        return made

    def check(self) -> None:
        """What was written since the last time. Raises Wrong."""
        try:
            self._check()
        except AssertionError as error:
            raise Wrong(str(error)) from error

    def _check(self) -> None:
        if self.seen == len(self.table.changes):
            return
        new = self.table.changes[self.seen :]
        self.seen = len(self.table.changes)
        self.commits += 1
        for _, key, old, item in new:
            if key[0].startswith(JOURNAL):
                assert old is None, f"an entry was changed: {key}"
                assert item is not None
                self._entry(item)
        for _, key, _, item in new:
            if key[0].startswith(PARTNER) and key[1].startswith(BALANCE):
                assert item is not None, f"a balance was removed: {key}"
                self._balance(key, item)
        for where, entries in self.explained.items():
            assert len(entries) == self.balances[where] + 1, f"a journal moved without its balance: {where}"
        self._payouts()

    def _entry(self, item: Item) -> None:
        entry = ledger.entry_from(unpack(write_all(item)))
        where = entry.partner_id, entry.currency
        sums, known = self.sums[where], self.explained[where]
        assert entry.version == len(known), f"entry {entry.version} of {where} follows another than the one before"
        assert entry.amount >= 0, entry
        sums[entry.debit] -= entry.amount
        sums[entry.credit] += entry.amount
        known.append((sums[Account.AVAILABLE], sums[Account.RESERVED], sums[Account.PAID]))
        if entry.kind in (EntryKind.RESERVE, EntryKind.PAY):
            assert sums[Account.AVAILABLE] >= 0, f"more than there was went out: {entry}"
        if entry.kind is EntryKind.WRITE_OFF:
            assert sums[Account.AVAILABLE] <= 0, f"more was forgiven than was owed: {entry}"
        assert min(sums[Account.RESERVED], sums[Account.PAID]) >= 0, f"below nothing: {entry}"

    def _balance(self, key: tuple[str, str], item: Item) -> None:
        where = key[0].removeprefix(PARTNER), key[1].removeprefix(BALANCE)
        balance = ledger.balance_from(unpack(write_all(item)), *where)
        found, known = (balance.available, balance.reserved, balance.paid), self.explained[where]
        due = known[balance.version] if balance.version < len(known) else None
        assert found == due, f"the journal does not explain the balance of {where}: {found}, not {due}"
        assert balance.unpaid >= 0, balance
        self.balances[where] = balance.version

    def _payouts(self) -> None:
        """No withdrawal was paid twice by the provider."""
        times = Counter(order.withdrawal_id for order in self.provider.paid.values())
        twice = {id for id, number in times.items() if number > 1}
        assert not twice, f"paid twice: {twice}"
