"""Holds what Stripe says that it sent against what is here, and takes in what is missing as if it had just come.

A destination that was deleted, a rule that was disabled, a webhook whose secret was wrong: whatever kept the events
away, Stripe lists them for a month. Each is looked at once, some hours after it was made: one that would change nothing
is here, every other one is put into the queue of payments, or booked as the payout that it is about. All of that is
idempotent, so an event that comes after all is a repeat.

Transfers are asked about besides, as they are and not as events told of them: those of the last half year once a day,
so that a reversal is known however long nobody listened.

What the owner's own systems send is listed nowhere: the bus's archive keeps it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, assert_never

from refledger.adapters import stripe
from refledger.adapters.payouts import stripe_webhook
from refledger.adapters.payouts.stripe_webhook import Ignored, Told
from refledger.adapters.stepfunctions import Waker
from refledger.adapters.stripe_source import KEPT_SECONDS, SourceUnavailable, StripePage
from refledger.domain.errors import Busy, Unreadable
from refledger.domain.payment_events import (
    CodeGiven,
    DisputeClosed,
    DisputeOpened,
    PaymentAlias,
    PaymentEvent,
    PaymentReceived,
    PaymentSkipped,
    RefundReceived,
    RefundTotal,
    Skipped,
)
from refledger.domain.payments import Payment, PaymentKind
from refledger.domain.provider_events import News, Said, fits
from refledger.domain.tellings import better
from refledger.domain.times import DAY_MS, SECOND_MS
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations.context import Context
from refledger.operations.earning import disputes, payments, refunds, reversals
from refledger.operations.payouts import payout_events
from refledger.store import cursors, withdrawals
from refledger.store import payments as stored
from refledger.store.cursors import EventsPlace, PayoutsPlace
from refledger.store.read_only import WouldWrite

log = logging.getLogger(__name__)
TYPES: Final = (*stripe.READERS, *stripe_webhook.KINDS)  # Stripe takes up to 20 of them
SOURCE: Final = f"{stripe.SOURCE_PREFIX}compared"  # what is fed comes as if from an event destination of this name
HOUR_SECONDS: Final = 60 * 60
LAG_SECONDS: Final = 6 * HOUR_SECONDS  # what came later than that was late enough to be told of
SLICE_SECONDS: Final = 24 * HOUR_SECONDS
LISTED_SECONDS: Final = KEPT_SECONDS - HOUR_SECONDS
PAYOUT_SECONDS: Final = 180 * 24 * HOUR_SECONDS

Json = dict[str, Any]
Read = Callable[[Json], PaymentEvent | Skipped]  # raises Unreadable


class ProviderEvents(Protocol):
    def events(self, types: tuple[str, ...], since: int, until: int, after: str) -> StripePage: ...

    def transfers(self, since: int, after: str) -> StripePage: ...


class Queue(Protocol):
    def send(self, source: str, kind: str, detail: Json) -> None: ...


@dataclass
class Compared:
    """`missed`: (id, type) of events that were not here. `unreadable`: how many nobody can read, wherever they are.

    `told`: withdrawals that were told something new; `problems`: those of them that a person has to look at. `lost`:
    seconds of which Stripe lists no events any more, and that were not compared before.
    """

    events: int = 0
    transfers: int = 0
    missed: list[tuple[str, str]] = field(default_factory=list)
    unreadable: int = 0
    told: int = 0
    problems: int = 0
    lost: int = 0


@dataclass(frozen=True)
class Comparison:
    """`read`: what an event says of payments, as the function of the queue reads it. `queue`: None to look only."""

    context: Context
    source: ProviderEvents
    read: Read
    waker: Waker
    queue: Queue | None
    found: Compared = field(default_factory=Compared)

    def event(self, event: Json) -> None:
        """Look at one event of Stripe's, and take it in unless it is here. Raises Busy."""
        kind = str(event.get("type"))
        self.found.events += 1
        if kind in stripe_webhook.KINDS:
            if self._is_new_payout(event):
                self.found.missed.append((str(event["id"]), kind))
            return
        try:
            if is_here(self.context, self.read(event)):
                return
            self.found.missed.append((str(event["id"]), kind))
        except Busy:
            raise
        except Exception as error:  # whoever takes it from the queue puts it where somebody looks
            log.warning("event %s cannot be held against what is here: %s", event["id"], type(error).__name__)
            self.found.unreadable += 1
        if self.queue:
            self.queue.send(SOURCE, kind, event)

    def _is_new_payout(self, event: Json) -> bool:
        try:
            told = stripe_webhook.meaning(event, livemode=None)
        except Unreadable:
            self.found.unreadable += 1
            return False
        return isinstance(told, Told) and self.payout(told)

    def payout(self, told: Told) -> bool:
        """Return whether what Stripe says of a payout is news; if so it is booked."""
        if not payout_events.is_news(self.context, told):
            return False
        if self.queue:
            heard = payout_events.take(self.context, self.waker, told)
            self.found.told += heard.is_new
            self.found.problems += heard.is_new and heard.reported
        return True


def compare(comparison: Comparison, livemode: bool | None, go_on: Callable[[], bool]) -> SourceUnavailable | None:
    """Look at events, then at transfers, each from where it stopped.

    Returns why Stripe could not be asked. Raises Busy.
    """
    try:
        compare_events(comparison, go_on)
        compare_payouts(comparison, livemode, go_on)
    except SourceUnavailable as error:
        return error
    return None


def compare_events(comparison: Comparison, go_on: Callable[[], bool]) -> None:
    """Look at all events up to some hours ago that were not looked at before.

    `go_on` says whether there is time left.

    Begins with the events of the moment of its first call. Keeps its place page by page; may be repeated, and stopped
    anywhere. Raises SourceUnavailable, Busy.
    """
    context = comparison.context
    now = context.now_ms() // SECOND_MS
    place = cursors.events_place(context.table)
    if place is None:
        place = EventsPlace(now)
        context.table.commit(cursors.keep_events_place(place))
    through, until, after = place.through, place.until, place.after
    if through < now - LISTED_SECONDS:
        comparison.found.lost = now - LISTED_SECONDS - through
        through, until, after = now - LISTED_SECONDS, 0, ""
    while go_on():
        if not until:
            until = min(through + SLICE_SECONDS, now - LAG_SECONDS)
            if until - through < HOUR_SECONDS:
                return
        page = comparison.source.events(TYPES, through, until, after)
        for event in page.found:
            comparison.event(event)
        after = page.after
        if not after:
            through, until = until, 0
        context.table.commit(cursors.keep_events_place(EventsPlace(through, until, after)))


def compare_between(comparison: Comparison, since: int, until: int) -> None:
    """Look at all events of these moments (epoch seconds), looked at before or not.

    Keeps no place.

    Raises SourceUnavailable, Busy.
    """
    after, is_first = "", True
    while after or is_first:
        page = comparison.source.events(TYPES, since, until, after)
        for event in page.found:
            comparison.event(event)
        after, is_first = page.after, False


def late_ms(context: Context) -> int:
    """Return how much later than it should be the comparison is, of events or of transfers.

    0 before the first one began.
    """
    now_ms = context.now_ms()
    events, payouts = cursors.stripe_places(context.table)
    since = [events.through * SECOND_MS + LAG_SECONDS * SECOND_MS] if events else []
    since += [payouts.began_ms + DAY_MS] if payouts else []
    return max([0, *(now_ms - each for each in since)])


def compare_payouts(comparison: Comparison, livemode: bool | None, go_on: Callable[[], bool]) -> None:
    """Ask about the transfers of the last half year, once a day, and book what nobody has told of them.

    What is not what was to be paid is left to its event: only that is told once. Keeps its place like
    `compare_events`. Raises SourceUnavailable, Busy.
    """
    context = comparison.context
    now_ms = context.now_ms()
    place = cursors.payouts_place(context.table)
    if place is None:  # from now on it is known since when it is late
        place = PayoutsPlace(now_ms - DAY_MS)
        context.table.commit(cursors.keep_payouts_place(place))
    began_ms, after = place.began_ms, place.after
    if not after:
        if now_ms - began_ms < DAY_MS:
            return
        began_ms = now_ms
    while go_on():
        page = comparison.source.transfers(began_ms // SECOND_MS - PAYOUT_SECONDS, after)
        comparison.found.transfers += len(page.found)
        _ask(comparison, [told for told in map(_standing(livemode), page.found) if isinstance(told, Told)])
        after = page.after
        context.table.commit(cursors.keep_payouts_place(PayoutsPlace(began_ms, after)))
        if not after:
            return


def _standing(livemode: bool | None) -> Callable[[Json], Told | Ignored]:
    def read(found: Json) -> Told | Ignored:
        try:
            return stripe_webhook.standing(found, livemode=livemode)
        except Unreadable as error:  # one that nobody can read must not stop the others
            log.error("a transfer of Stripe's cannot be read: %s", error.detail)
            return Ignored("UNREADABLE")

    return read


def _ask(comparison: Comparison, told: list[Told]) -> None:
    ids = sorted({each.withdrawal_id for each in told if payout_events.is_id(each.withdrawal_id)})
    if not ids:
        return
    known = {each.id: each for each in withdrawals.many(comparison.context.table, ids, strong=False)}
    for each in told:
        withdrawal = known.get(each.withdrawal_id)
        if withdrawal and not _agrees(withdrawal, each) and fits(withdrawal, _news(each)):
            comparison.payout(each)


def _agrees(withdrawal: Withdrawal, told: Told) -> bool:
    """As nearly all do: paid by this transfer, of which nothing came back; or all of it, as is known."""
    return withdrawal.transaction_id == told.transaction_id and (withdrawal.status, told.said) in (
        (WithdrawalStatus.PAID, Said.PAID), (WithdrawalStatus.RETURNED, Said.RETURNED),
    )  # fmt: skip


def _news(told: Told) -> News:
    return News(told.said, told.transaction_id, told.key, told.event_id, told.delivered, told.returned)


# ---------------------------------------------------------------- what is here


def is_here(context: Context, event: PaymentEvent | Skipped) -> bool:
    """Return whether the event would change nothing.

    Reads only. Raises Unreadable, where whoever takes it would, and Busy.
    """
    looking = context.looking()
    try:
        match event:
            case Skipped() | CodeGiven():
                return True
            case PaymentReceived():
                return _is_received(looking, event)
            case PaymentSkipped():
                return _is_skipped(looking, event)
            case RefundReceived() | RefundTotal():
                refunds.refund(looking, event)
            case DisputeOpened():
                disputes.opened(looking, event)
            case DisputeClosed():
                disputes.closed(looking, event)
            case PaymentAlias():
                refunds.alias(looking, event)
            case _:
                assert_never(event)
    except WouldWrite:
        return False
    return True


def _is_received(context: Context, event: PaymentReceived) -> bool:
    """Whether the payment is known by all of its names, as more than what holds its place, and no better by this."""
    known = _known(context, event.system, (event.payment_id, *event.names))
    return known is not None and not known.gives_way and not _knows_more(event, known)


def _is_skipped(context: Context, event: PaymentSkipped) -> bool:
    """Whether something is known by this name, and not only by what was taken back of it."""
    known = _known(context, event.system, (event.payment_id,))
    if known is None or (known.kind is PaymentKind.EARLY and not known.note):
        return False
    return event.told is None or not _knows_more(event.told, known)


def _known(context: Context, system: str, names: tuple[str, ...]) -> Payment | None:
    roots = {reversals.root(context, context.ids.payment(system, name)) for name in names}
    root, *others = roots
    return None if others else stored.some(context.table, root).get(root)


def _knows_more(told: PaymentReceived, known: Payment) -> bool:
    return better(known, payments.told(told, known.id, "", "")) != known
