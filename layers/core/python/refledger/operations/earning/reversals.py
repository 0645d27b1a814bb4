"""What refunds and disputes take from rewards, and give back: a function of the payment's sums, whatever came first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from refledger.domain.errors import PartnerNotFound, Unreadable
from refledger.domain.journal import Balance
from refledger.domain.maturity import MaturityMessage
from refledger.domain.partners import Partner
from refledger.domain.payments import NOTHING, Dispute, Payment, PaymentKind, Refund, TakenBack, summed
from refledger.domain.rewards import Reward, revalue, worth
from refledger.operations.context import Context
from refledger.operations.earning.rewards import Pair, change, freed
from refledger.store import keys, ledger, partners, payments, rewards
from refledger.store.transaction import Item, Write

NAMES_LIMIT = 20  # of a payment that stand one for the other in a row


@dataclass(frozen=True)
class EventTarget:
    """Where an event belongs: the id of its payment, that payment (None where it has not come yet), and what lies
    below it under the event's own id, if that is known.

    `is_first`: its sender has told of it for no payment yet. `is_stray`: it has, for another one.
    """

    id: str
    payment: Payment | None
    item: Item | None
    is_first: bool = False
    is_stray: bool = False


def find(context: Context, named: str, below: Callable[[str], keys.Key], guard: keys.Key | None = None) -> EventTarget:
    """Find the payment that an event is about, whatever name of it the event says.

    An ALIAS is followed; what is about it lies below its payment.
    """
    for _ in range(NAMES_LIMIT):
        asked = [keys.payment(named), below(named), *([guard] if guard else [])]
        payment_item, item, *taken = context.table.get_many(asked)
        payment = payments.from_item(payment_item) if payment_item else None
        if moved := payments.moved_to(item):  # to another name, which will be the payment's
            named = moved
        elif payment and payment.kind is PaymentKind.ALIAS:
            named = payment.target
        else:
            break
    else:
        raise Unreadable("payment: has too many names, one after the other")
    owner = payments.guarded(taken[0]) if taken and taken[0] else ""
    elsewhere = bool(owner) and item is None and owner != named and root(context, owner) != named
    return EventTarget(named, payment, item, is_first=bool(guard) and not owner, is_stray=elsewhere)


def root(context: Context, named: str) -> str:
    """Return the id of the payment that has this name."""
    for _ in range(NAMES_LIMIT):
        found = payments.many(context.table, [named])
        if not found or found[0].kind is not PaymentKind.ALIAS:
            break
        named = found[0].target
    return named


def refuse_other_currency(payment: Payment | None, currency: str) -> None:
    """Refuse another currency: nothing is ever converted.

    Raises Unreadable: the event waits in the DLQ for somebody to look.

    The end of a dispute names no currency (""). As long as the payment has not come nobody knows which one is right.
    """
    is_known = payment is not None and payment.kind is not PaymentKind.EARLY
    if payment and is_known and payment.currency and currency and currency != payment.currency:
        raise Unreadable("currency: not the one of the payment")


def is_counted(payment: Payment | None, currency: str) -> bool:
    """Return whether money in this currency is among the sums of the payment, or of what waits for it."""
    return payment is None or payment.currency in ("", currency)


def counted(
    refunds: Iterable[Refund], disputes: Iterable[Dispute], currency: str, told: TakenBack = NOTHING
) -> TakenBack:
    """The sums of what is in the payment's currency, beside what was `told`; the rest takes nothing."""
    return summed(
        (each for each in refunds if each.currency == currency),
        (each for each in disputes if each.currency == currency),
        told,
    )


def met(context: Context, early: Payment, payment: Payment) -> tuple[Payment, list[Write]]:
    """Return what waited for the payment, summed in its currency, and a mark if some is in another.

    A wrong refund is no reason against a right payment: it takes nothing, and is listed until a person has looked.
    """
    refunds, disputes = payments.taken_back(context.table, early.id, strong=True)
    told, currency = early.back, payment.currency
    wrong = any(each.currency != currency and not each.stray for each in refunds)
    wrong = wrong or any(each.amount and each.currency != currency and not each.stray for each in disputes)
    if early.currency not in ("", currency):
        wrong, told = wrong or bool(told.total or told.sums), NOTHING
    back = counted(refunds, disputes, currency, replace(told, uncaptured=payment.back.uncaptured))
    mark = [payments.suspect(early.id, context.now_ms())] if wrong and not early.note else []
    return replace(early, back=back), mark


def of(payment: Payment | None) -> TakenBack:
    """Return what is gone of it so far; nothing where it has not come yet."""
    return payment.back if payment else NOTHING


def is_early(payment: Payment | None) -> bool:
    """Return whether it waits for its payment."""
    return payment is None or payment.kind is PaymentKind.EARLY


@dataclass(frozen=True)
class ReversalResult:
    """What an event takes or gives back. `due`: whose money it moves, for the worker who marks what payouts covered."""

    writes: list[Write]
    due: list[MaturityMessage] = field(default_factory=list)


def apply(
    context: Context, id: str, payment: Payment | None, back: TakenBack, currency: str, reference: str
) -> ReversalResult:
    """Return the payment with these sums, and all that follows for its rewards and their partners' money.

    `payment`: as it was read, None where it has not come yet: then the sums wait for it (EARLY) under `id`. Its
    revision moves on in any case, so whoever read less of what lies below it reads again.
    """
    now_ms = context.now_ms()
    if payment is None:
        waits = Payment(id, PaymentKind.EARLY, currency, created_at_ms=now_ms, back=back)
        return ReversalResult([payments.create(waits)])
    writes = [payments.take_back(payment, back, currency, now_ms)]
    moved = [
        (old, new)
        for old in rewards.many(context.table, [id for id, _ in payment.shares])
        if (new := revalue(old, payment.amount, back)) != old
    ]
    taken = settle(context, payment, moved, reference, now_ms)
    return ReversalResult([*writes, *taken.writes], taken.due)


def settle(context: Context, payment: Payment, moved: list[Pair], reference: str, now_ms: int) -> ReversalResult:
    """Rewards of a payment as they were read and as they become, with their partners' money."""
    writes: list[Write] = []
    by_holder: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for old, new in moved:
        by_holder[old.partner_id, old.currency].append((old, new))
    holders = _holders(context, by_holder, now_ms)
    for whose, pairs in by_holder.items():
        if whose in holders:
            partner, balance = holders[whose]
            pairs = [(old, freed(context, new, partner, now_ms) if _came_back(old, new) else new) for old, new in pairs]
            writes += change(context, balance, pairs, reference, now_ms)
        else:  # nobody's money moves, so nobody's balance is read
            writes += [rewards.move(old, new, now_ms) for old, new in pairs]
    since = keys.due_from(now_ms)  # nothing older waits: there is nothing to mature, only to look what is covered
    due = [
        MaturityMessage(partner_id, of, since, True, f"{payment.id}-{payment.revision}-{partner_id}")
        for partner_id, of in holders
    ]
    return ReversalResult(writes, due)


def _came_back(old: Reward, new: Reward) -> bool:
    """Whether it waits for its time again, after it was held or cancelled."""
    return bool(old.held or old.cancelled) and not new.held and not new.cancelled


def _holders(
    context: Context, by_holder: dict[tuple[str, str], list[Pair]], now_ms: int
) -> dict[tuple[str, str], tuple[Partner, Balance]]:
    """Partner and balance of those whose money moves, or may move because a reward that is due came back."""
    concerned = [
        whose
        for whose, pairs in by_holder.items()
        if any(worth(old) != worth(new) or (_came_back(old, new) and new.matures_at_ms <= now_ms) for old, new in pairs)
    ]
    asked = [key for partner_id, currency in concerned for key in _keys(partner_id, currency)]
    found = context.table.get_many(asked) if asked else []
    holders = {}
    for (partner_id, currency), partner, balance in zip(concerned, found[::2], found[1::2], strict=True):
        if partner is None:
            raise PartnerNotFound("rewards of a partner who does not exist")
        holders[partner_id, currency] = (
            partners.from_item(partner),
            ledger.balance_from(balance, partner_id, currency),
        )
    return holders


def _keys(partner_id: str, currency: str) -> tuple[keys.Key, keys.Key]:
    return keys.partner(partner_id), keys.balance(partner_id, currency)
