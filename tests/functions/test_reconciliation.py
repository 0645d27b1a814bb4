"""What Stripe sent while nobody listened is found and taken in, whatever came besides, in whatever order, once."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from refledger.adapters.payouts.stripe_webhook import Told, meaning
from refledger.adapters.stripe_source import SourceUnavailable, StripeSource
from refledger.domain.methods import StripeAccount
from refledger.domain.provider_events import Said
from refledger.domain.times import DAY_MS, MINUTE_MS, SECOND_MS
from refledger.domain.withdrawals import PayoutProblem, Withdrawal, WithdrawalStatus
from refledger.entry import config
from refledger.operations.payouts import payout_events, staff_remedies, withdrawals
from refledger.operations.recovery import reconciliation
from refledger.operations.recovery.reconciliation import LAG_SECONDS
from refledger.store import cursors, keys
from refledger.store import withdrawals as stored
from tests.support import functions, stripe_server
from tests.support.functions import World, load
from tests.support.payouts import Provider, approved, start
from tests.support.stripe import example
from tests.support.stripe_server import ACCOUNT, KEY, Failure, Json, StripeServer

HOUR_MS = 60 * MINUTE_MS
S = WithdrawalStatus
P = PayoutProblem


@dataclass
class Queue:
    """What waits for the function of payments."""

    bodies: list[str] = field(default_factory=list)

    def send(self, source: str, kind: str, detail: Json) -> None:
        self.bodies.append(json.dumps({"source": source, "detail-type": kind, "detail": detail}))


@dataclass
class Scene:
    """Bob referred Carol, and takes 20.00 out to his Stripe account: that is approved."""

    world: World
    server: StripeServer
    queue: Queue
    counted: dict[str, int]
    id: str

    def tick(self, hours: int = 1, left_ms: int = 60_000) -> Json:
        """After so many hours; what was found."""
        self.world.books.clock.forward(hours * HOUR_MS)
        found: Json = load("reconciliation").handler({}, SimpleNamespace(get_remaining_time_in_millis=lambda: left_ms))
        return found

    def work(self) -> None:
        """The function of payments takes what is in its queue."""
        for number in range(0, len(self.queue.bodies), 10):
            bodies = self.queue.bodies[number : number + 10]
            records = [{"messageId": str(at), "body": body} for at, body in enumerate(bodies)]
            assert load("payment_events").handler({"Records": records}, None) == {"batchItemFailures": []}
        self.queue.bodies.clear()

    def hear(self, *events: Json) -> None:
        """The bus delivers them."""
        for event in events:
            self.queue.send("aws.partner/stripe.com/ed_1", event["type"], event)
        self.work()

    def charge(self, number: int, amount: int = 10_000, **changes: Any) -> Json:
        told = example(
            "stripe_charge_succeeded",
            **{"id": f"ch_{number}", "payment_intent": f"pi_{number}", "amount": amount, "amount_captured": amount,
               "currency": "usd", "metadata": {"customerId": "carol"}, **changes},
        )  # fmt: skip
        return self.server.happen("charge.succeeded", told["data"]["object"])

    def refund(self, number: int, amount: int) -> Json:
        told = example(
            "stripe_refund_created", id=f"re_{number}", charge=f"ch_{number}", payment_intent=f"pi_{number}",
            amount=amount, currency="usd", created=int(self.server.clock()),
        )  # fmt: skip
        return self.server.happen("refund.created", told["data"]["object"])

    def dispute(self, number: int, amount: int) -> Json:
        told = example(
            "stripe_dispute_created", id=f"du_{number}", charge=f"ch_{number}", payment_intent=f"pi_{number}",
            amount=amount, currency="usd", created=int(self.server.clock()),
        )  # fmt: skip
        return self.server.happen("charge.dispute.created", told["data"]["object"])

    def transfer(self) -> str:
        """Stripe makes the transfer; the workflow's answer settles it."""
        amount, key = 2000, f"{self.id}-1"
        status, made = self.server.handle(
            "POST", "/v1/transfers",
            {"amount": str(amount), "currency": "usd", "destination": ACCOUNT, "transfer_group": self.id,
             "metadata[withdrawalId]": self.id, "metadata[key]": key},
            {"authorization": f"Bearer {KEY}", "idempotency-key": key},
        )  # fmt: skip
        assert status == 200
        withdrawals.provider_says(self.world.books.context, self.id, Said.PAID, made["id"], key=key)
        return str(made["id"])

    @property
    def withdrawal(self) -> Withdrawal:
        return stored.find(self.world.books.table, self.id)

    def problem(self) -> PayoutProblem | None:
        return self.withdrawal.problem

    @property
    def money(self) -> tuple[int, int, int]:
        return self.world.books.balance("bob")

    @property
    def earned(self) -> list[tuple[int, int]]:
        """Amount and what was taken back of it, of all rewards of Carol's payments."""
        return sorted((each.amount, each.reversed) for each in self.world.books.rewards("bob") if each.referral_id)

    def is_in_order(self) -> None:
        assert self.world.books.faults() == []


@pytest.fixture
def scene(dynamodb_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """At the first tick, from which on everything is compared."""
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "refledger")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "refledger")
    with (
        functions.world(dynamodb_endpoint, STRIPE_MODE="test") as world,
        stripe_server.running() as server,
    ):
        books = world.books
        server.clock = lambda: books.clock() / 1000
        books.program()
        books.chain("bob", "carol")
        books.grant("bob", 5000)
        books.mature("bob")
        made = approved(books, account=StripeAccount("Bob Example", ACCOUNT))
        start(books, made.id, Provider(["AWAITING"]))
        queue, counted = Queue(), dict[str, int]()
        source = StripeSource(lambda: KEY, livemode=False, api_base=server.base)
        monkeypatch.setattr(config, "stripe_source", lambda: source)
        monkeypatch.setattr(config, "payments_queue", lambda: queue)

        def count(_: object, name: str, number: int = 1) -> None:
            counted[name] = counted.get(name, 0) + number

        monkeypatch.setattr(load("reconciliation"), "count", count)
        found = Scene(world, server, queue, counted, made.id)
        found.tick()
        yield found


DEAF = pytest.mark.parametrize("deaf_ms", [HOUR_MS, DAY_MS, 7 * DAY_MS, 15 * DAY_MS])


@DEAF
def test_what_stripe_sent_to_the_deaf_is_taken_in(scene: Scene, deaf_ms: int) -> None:
    """A payment, its refund, a dispute and a payment that was heard: as if nobody had ever been deaf."""
    scene.hear(scene.charge(1))
    for number in range(2, 6):
        scene.world.books.clock.forward(deaf_ms // 4)
        scene.charge(number)
    scene.refund(1, 4_000)
    scene.refund(2, 10_000)
    scene.dispute(3, 10_000)
    assert len(scene.earned) == 1
    scene.world.books.clock.forward(LAG_SECONDS * SECOND_MS)
    assert scene.tick()["missed"] == 7
    assert scene.counted == {"MISSED": 7, "TO_LOOK_AT": 1}
    assert scene.tick()["missed"] == 0, "the second tick has nothing to look at"
    scene.work()
    assert scene.earned == [(2000, 0), (2000, 0), (2000, 800), (2000, 2000), (2000, 2000)]
    scene.is_in_order()


def test_what_was_heard_is_not_told_again(scene: Scene) -> None:
    """However often it is compared: a payment, a skipped one, one of nobody's, a refund, a dispute's end."""
    events = [scene.charge(1), scene.refund(1, 4_000), scene.dispute(1, 6_000)]
    events.append(scene.charge(2, metadata={}, customer=None))
    events.append(scene.charge(3, metadata={"customerId": "a stranger"}))
    told = example("stripe_dispute_closed_won", id="du_1", charge="ch_1", payment_intent="pi_1", currency="usd",
                   created=int(scene.server.clock()))  # fmt: skip
    events.append(scene.server.happen("charge.dispute.closed", told["data"]["object"]))
    scene.hear(*events)
    found = scene.tick(8)
    assert (found["missed"], scene.queue.bodies, scene.counted) == (0, [], {})
    read = [form for _, path, form in scene.server.requests if path == "/v1/events"]
    assert read, "Stripe was asked"


def test_an_event_that_comes_after_all_is_a_repeat(scene: Scene) -> None:
    """Fed first, delivered a day later; and fed while it waits in the queue."""
    events = [scene.charge(1), scene.refund(1, 5_000)]
    scene.tick(8)
    scene.work()
    before = scene.earned
    scene.hear(*events)
    assert scene.earned == before == [(2000, 1000)]
    scene.is_in_order()


def test_more_of_a_payment_that_is_known_is_news(scene: Scene) -> None:
    """The second capture's event was lost: the charge is here, and not with this amount."""
    scene.hear(scene.charge(1, 10_000))
    told = example("stripe_charge_succeeded", id="ch_1", payment_intent="pi_1", amount=15_000, amount_captured=15_000,
                   currency="usd", metadata={"customerId": "carol"})  # fmt: skip
    scene.server.happen("charge.captured", told["data"]["object"])
    scene.tick(8)
    assert scene.counted["MISSED"] == 1
    scene.work()
    assert scene.earned == [(3000, 0)]


def test_a_payment_of_which_only_the_refund_came_is_missing(scene: Scene) -> None:
    """What holds its place is not the payment."""
    scene.charge(1)
    scene.hear(scene.refund(1, 10_000))
    scene.tick(8)
    assert [json.loads(body)["detail-type"] for body in scene.queue.bodies] == ["charge.succeeded"]


def test_what_cannot_be_read_goes_where_somebody_looks(scene: Scene) -> None:
    """It is put into the queue, whose function sends it to the DLQ; it stops no other."""
    scene.charge(1, amount_captured="a lot")
    scene.charge(2)
    assert scene.tick(8)["missed"] == 1
    assert len(scene.queue.bodies) == 2


def test_a_place_is_kept_page_by_page(scene: Scene) -> None:
    """250 events, and a tick that has time for one page."""
    for number in range(250):
        scene.charge(number)
    scene.world.books.clock.forward(LAG_SECONDS * SECOND_MS + HOUR_MS)
    context = scene.world.books.context
    comparison = reconciliation.Comparison(
        context, config.stripe_source(), load("reconciliation").read, config.waker(), scene.queue
    )
    for pages in (1, 2, 3, 3):
        reconciliation.compare_events(comparison, partial(next, iter([True]), False))
        assert len(scene.queue.bodies) == min(100 * pages, 250)


def test_nothing_is_fed_of_the_time_before(scene: Scene) -> None:
    """Stripe lists a month; what happened before the first comparison was never meant to be here."""
    event = scene.charge(1)
    event["created"] -= 2 * 3600
    scene.tick(8)
    assert scene.queue.bodies == []


def test_whoever_asks_for_a_month_gets_a_month(scene: Scene) -> None:
    """Fed and forgotten by a queue that nobody read for fifteen days: asked again, all of it comes again, once."""
    scene.charge(1)
    scene.tick(8)
    scene.queue.bodies.clear()
    scene.world.books.clock.forward(15 * DAY_MS)
    assert scene.tick()["missed"] == 0
    context = scene.world.books.context
    for expected in (1, 0):
        comparison = reconciliation.Comparison(
            context, config.stripe_source(), load("reconciliation").read, config.waker(), scene.queue
        )
        now = context.now_ms() // SECOND_MS
        reconciliation.compare_between(comparison, now - reconciliation.LISTED_SECONDS, now)
        assert len(comparison.found.missed) == expected
        scene.work()
    assert scene.earned == [(2000, 0)]


def test_stripe_may_be_away_for_a_day(scene: Scene) -> None:
    """Nothing rings, and it goes on where it was; after that it does ring, hour by hour."""
    scene.charge(1)
    scene.server.key = "another"
    for _ in range(4):
        scene.tick(6)
    with pytest.raises(SourceUnavailable):
        scene.tick(10)
    scene.server.key = KEY
    assert scene.tick()["missed"] == 1


def test_a_key_that_may_not_read_transfers_rings_too(scene: Scene) -> None:
    """Although events are compared all the time."""
    scene.server.fail(*[Failure(403, "invalid_request_error", method="GET")] * 100)
    with pytest.raises(SourceUnavailable):
        scene.tick(60)


def test_events_that_stripe_lists_no_more_are_told(scene: Scene) -> None:
    """Nothing ran for forty days: ten of them are gone, the others are compared."""
    scene.charge(1)
    scene.world.books.clock.forward(20 * DAY_MS)
    scene.charge(2)
    scene.world.books.clock.forward(20 * DAY_MS)
    assert scene.tick()["missed"] == 1
    assert scene.counted["TO_LOOK_AT"] == 1
    assert scene.world.books.table.get(keys.cursor(cursors.EVENTS)) is not None


# ---------------------------------------------------------------- transfers


@pytest.mark.parametrize("heard", ["never", "before", "after", "as an event of the list"])
@DEAF
def test_a_reversal_that_nobody_heard_of_is_booked(scene: Scene, deaf_ms: int, heard: str) -> None:
    """All of it came back: RETURNED once, whichever of the event and the question comes first."""
    transfer = scene.transfer()
    scene.tick()
    scene.world.books.clock.forward(deaf_ms)
    scene.server.reverse(transfer)
    event = scene.server.events.pop()
    if heard == "as an event of the list":
        scene.server.events.append(event)
    if heard == "before":
        say(scene, event)
    scene.tick(32)
    if heard == "after":
        say(scene, event)
    assert (scene.withdrawal.status, scene.money) == (S.RETURNED, (5000, 0, 0))
    scene.is_in_order()


def say(scene: Scene, event: Json) -> None:
    told = meaning(event, livemode=False)
    assert isinstance(told, Told)
    payout_events.take(scene.world.books.context, scene.world.machine.waker, told)


@pytest.mark.parametrize("order", ["event first", "question first"])
def test_a_part_that_came_back_is_one_problem(scene: Scene, order: str) -> None:
    """Two events and a question tell of the same part: solved once, it stays so, until more of it comes back."""
    transfer = scene.transfer()
    scene.server.reverse(transfer, 500)
    reversed_event = scene.server.events.pop()
    updated = {**reversed_event, "id": "evt_updated", "type": "transfer.updated"}
    if order == "event first":
        say(scene, reversed_event)
    scene.tick(26)
    assert (scene.withdrawal.status, scene.problem()) == (S.PAID, P.PARTLY_RETURNED)
    staff_remedies.resolve(scene.world.books.context, scene.id, "ann", "r1", "by adjustment")
    say(scene, reversed_event)
    say(scene, updated)
    scene.tick(26)
    assert scene.problem() is None
    scene.server.reverse(transfer, 500)
    scene.server.events.pop()
    scene.tick(26)
    assert scene.problem() is P.PARTLY_RETURNED
    staff_remedies.resolve(scene.world.books.context, scene.id, "ann", "r2", "by adjustment")
    say(scene, reversed_event)
    assert scene.problem() is None, "an old event that comes late tells of less than is known"
    scene.is_in_order()


def test_a_transfer_that_answered_to_nobody_settles(scene: Scene) -> None:
    """The answer and the event were lost: asked again, it is paid, and the workflow hears of it."""
    scene.server.handle(
        "POST", "/v1/transfers",
        {"amount": "2000", "currency": "usd", "destination": ACCOUNT, "metadata[withdrawalId]": scene.id,
         "metadata[key]": f"{scene.id}-1"}, {"authorization": f"Bearer {KEY}"},
    )  # fmt: skip
    scene.server.events.clear()
    scene.tick(26)
    assert (scene.withdrawal.status, scene.money) == (S.PAID, (3000, 0, 2000))
    scene.is_in_order()


def test_asking_costs_a_list_a_day_and_touches_nothing(scene: Scene) -> None:
    """Three days: three lists of transfers, and no write but the places."""
    scene.transfer()
    scene.tick(25)
    before = scene.withdrawal
    scene.server.requests.clear()
    for _ in range(72 // 6):
        scene.tick(6)
    assert sum(path == "/v1/transfers" for _, path, _ in scene.server.requests) == 3
    assert scene.withdrawal == before
    assert scene.counted == {}


def test_labels_of_others_book_nothing(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """Another deployment's withdrawal, another amount under ours, an id that is none: nobody is paid, nothing rings."""
    scene.transfer()
    scene.tick(25)
    money = scene.money
    for withdrawal_id, amount in (("of-another", 2000), (scene.id, 1999), ("W#1 ; DROP", 5), ("", 7)):
        scene.server.handle(
            "POST", "/v1/transfers",
            {"amount": str(amount), "currency": "usd", "destination": ACCOUNT, "metadata[withdrawalId]": withdrawal_id,
             "metadata[key]": "x"}, {"authorization": f"Bearer {KEY}"},
        )  # fmt: skip
    scene.server.events.clear()
    with caplog.at_level(logging.ERROR):
        scene.tick(50)
    assert (scene.withdrawal.status, scene.money, scene.counted) == (S.PAID, money, {})
    assert scene.world.books.table.get(keys.cursor(cursors.PAYOUTS)) is not None
