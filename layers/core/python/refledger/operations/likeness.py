"""Partners who may be one person: what they have in common is kept by keyed hash, and looked up when it matters.

A row for each partner and thing is written in the transaction that makes the partner, changes them or adds an account,
without reading: two who come at once both leave theirs, and whoever looks later sees both. Partners and methods from
before have none; theirs are written when somebody looks at them, or pays them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from refledger.domain import normalization
from refledger.domain.likeness import Other, Signal, SignalType, TraitKind
from refledger.domain.methods import Account, PayoutMethod, number_of
from refledger.domain.partners import Partner
from refledger.domain.uplines import REJECTED
from refledger.operations.context import Context, retry_on_conflict
from refledger.store import alike, bindings, keys, partners
from refledger.store import methods as stored_methods
from refledger.store.alike import TraitRow
from refledger.store.table import BATCH_LIMIT
from refledger.store.transaction import Write

SHOWN = 20  # partners in a signal
ACCOUNTS = 20  # of a partner, the newest: each is a query
Traits = dict[TraitKind, str]


def account_hash(context: Context, account: Account) -> str:
    return context.ids.alike(TraitKind.ACCOUNT, *number_of(account))


def traits(context: Context, partner: Partner) -> Traits:
    """Return what of a partner others may have as well, by keyed hash; only what there is."""
    person = normalization.person(partner.first_name, partner.last_name, partner.phone)
    folded = {TraitKind.EMAIL: normalization.email(partner.email), TraitKind.PERSON: person}
    return {kind: context.ids.alike(kind, text) for kind, text in folded.items() if text}


def begins(context: Context, partner: Partner) -> list[Write]:
    """Rows of a partner who is made; for their transaction."""
    now_ms = context.now_ms()
    return [alike.has(kind, hashed, partner.id, now_ms) for kind, hashed in traits(context, partner).items()]


def moves(context: Context, old: Partner, new: Partner) -> list[Write]:
    """Rows of what changes with a partner; for the transaction that does."""
    now_ms, before, after = context.now_ms(), traits(context, old), traits(context, new)
    gone = [alike.had(kind, it, old.id, now_ms) for kind, it in before.items() if after.get(kind) != it]
    return gone + [alike.has(kind, it, new.id, now_ms) for kind, it in after.items() if before.get(kind) != it]


def has_account(context: Context, method: PayoutMethod) -> Write:
    """Write the row of a method's account; for the transaction that adds the method."""
    return alike.has(TraitKind.ACCOUNT, method.account_hash, method.partner_id, context.now_ms())


def catch_up(context: Context, method: PayoutMethod, account: Account) -> None:
    """Write for a method from before which account it is, where somebody has just opened or said it.

    Idempotent.
    """
    if not method.account_hash:
        hashed = account_hash(context, account)
        row = alike.has(TraitKind.ACCOUNT, hashed, method.partner_id, context.now_ms())
        context.table.commit(stored_methods.note_account(method, hashed), row)


def missing(context: Context, partner: Partner) -> list[Write]:
    """Return writes for a partner from before there were rows, if unchanged since read; [] for none.

    What a partner changes meanwhile writes rows of its own, which must not be undone by what was read before.
    """
    told = traits(context, partner)
    if not told:
        return []
    found = context.table.get_many([keys.alike(kind, hashed, partner.id) for kind, hashed in told.items()])
    rows = [
        alike.has_had(kind, hashed, partner.id, context.now_ms())
        for (kind, hashed), row in zip(told.items(), found, strict=True)
        if row is None
    ]
    return [*rows, partners.still_as_read(partner)] if rows else []


@retry_on_conflict
def remember(context: Context, partner_id: str) -> Partner:
    """Write the rows of a partner from before, where they are not there.

    Idempotent. Raises PartnerNotFound.
    """
    partner = partners.find(context.table, partner_id)
    if writes := missing(context, partner):
        context.table.commit(*writes)
    return partner


def signals(context: Context, partner: Partner, methods: Sequence[PayoutMethod]) -> list[Signal]:
    """Return all that speaks for the partner being somebody else as well; of accounts, by these methods.

    Costs a query for each thing, and two reads for all partners who are alike. Moves nothing.
    """
    found = list(_shared(context, partner, methods))
    own = list(_own_customers(context, partner, [other for each in found for other in each.others]))
    if own:
        found.append(Signal(SignalType.SELF_REFERRAL, found[0].kind, tuple(own), len(own)))
    if any(map(normalization.is_mixed, (partner.first_name, partner.last_name, partner.company_name))):
        found.append(Signal(SignalType.LOOK_ALIKE_NAME, TraitKind.NAME))
    return found


def of_partner(context: Context, partner_id: str) -> tuple[list[Signal], dict[str, Partner]]:
    """Return the signals of a partner by all their accounts, and the partners that they name.

    Raises PartnerNotFound.
    """
    partner = remember(context, partner_id)
    newest = sorted(stored_methods.of_partner(context.table, partner_id), key=lambda each: -each.created_at_ms)
    one_each = {each.account_hash: each for each in reversed(newest) if each.account_hash}
    found = signals(context, partner, list(islice(one_each.values(), ACCOUNTS)))
    return found, {each.id: each for each in _named(context, [other for each in found for other in each.others])}


def _shared(context: Context, partner: Partner, methods: Iterable[PayoutMethod]) -> Iterator[Signal]:
    for method in methods:
        if method.account_hash:
            others = _others(context, TraitKind.ACCOUNT, method.account_hash, partner.id)
            if others:
                yield Signal(
                    SignalType.SHARED_ACCOUNT, TraitKind.ACCOUNT, _shown(others), len(others), method.id, method.masked
                )  # fmt: skip
    for kind, hashed in traits(context, partner).items():
        if others := _others(context, kind, hashed, partner.id):
            yield Signal(SignalType.TWIN, kind, _shown(others), len(others))


def _others(context: Context, kind: TraitKind, hashed: str, partner_id: str) -> list[TraitRow]:
    return [row for row in alike.rows(context.table, kind, hashed) if row.partner_id != partner_id]


def _shown(rows: Sequence[TraitRow]) -> tuple[Other, ...]:
    return tuple(Other(row.partner_id, row.since_ms, row.until_ms) for row in rows[:SHOWN])


def _own_customers(context: Context, partner: Partner, others: Sequence[Other]) -> Iterator[Other]:
    """Those of them whose purchases the partner earns from, in any tier."""
    known = [each for each in _named(context, others) if each.customer]
    if not known:
        return
    items = context.table.get_many([keys.binding(partner.program_id, each.customer) for each in known])
    for other, item in zip(known, items, strict=True):
        binding = bindings.from_item(item) if item else None
        earns = binding and any(link.partner_id == partner.id for link in binding.upline[: binding.depth])
        if binding and earns and binding.closed != REJECTED:
            yield Other(other.id, binding.bound_at_ms, 0, binding.referral_id)


def _named(context: Context, others: Sequence[Other]) -> list[Partner]:
    ids = list(dict.fromkeys(other.partner_id for other in others))
    return partners.many(context.table, ids[:BATCH_LIMIT])
