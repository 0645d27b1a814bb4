"""Payouts through Stripe from end to end, but for Step Functions: the real port, the real function, a stub of Stripe.

The workflow's answer and Stripe's event race; whichever comes first, is lost or comes twice, money moves once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from botocore.exceptions import ClientError

from refledger.adapters.payouts.bank import BankTransfers
from refledger.adapters.payouts.stripe_connect import StripeTransfers
from refledger.domain.errors import PayoutUnavailable
from refledger.domain.methods import MethodType, StripeAccount
from refledger.domain.payouts import Payouts
from refledger.domain.times import DAY_MS
from refledger.domain.withdrawals import PayoutProblem, Withdrawal, WithdrawalStatus
from refledger.entry import config
from refledger.operations.context import Context
from refledger.operations.payouts import payouts, workflow_callbacks
from refledger.store import withdrawals as stored
from tests.support import functions, stripe_server
from tests.support.crashes import AT_READS, crash_at_each_write
from tests.support.functions import World
from tests.support.payouts import approved
from tests.support.stripe_server import ACCOUNT, KEY, SECRET, Failure, Json, StripeServer, signature

ROUTE = "POST /api/v1/webhooks/stripe"
S = WithdrawalStatus


@dataclass
class Scene:
    """Bob has 50.00 and takes 20.00 out to his Stripe account; staff approved it."""

    world: World
    server: StripeServer
    port: StripeTransfers
    id: str
    held: list[tuple[bytes, dict[str, str]]]  # events that Stripe has not delivered yet

    def start(self) -> Withdrawal | None:
        """The workflow's task; None where Step Functions would try again."""
        ports: dict[MethodType, Payouts] = {MethodType.STRIPE: self.port, MethodType.BANK_TRANSFER: BankTransfers()}
        books = self.world.books
        try:
            return payouts.start(books.context, lambda: ports, lambda: books.vault, self.id)
        except PayoutUnavailable:
            return None

    def deliver(self, times: int = 1) -> list[str]:
        """All events that wait, in order; each taken."""
        outcomes = []
        for body, headers in self.held * times:
            answer = self.world.call(ROUTE, sub=None, text=body.decode(), headers=headers)
            assert answer.status == 200, answer
            outcomes.append(answer.body["outcome"])
        return outcomes

    def forget(self) -> None:
        self.held.clear()

    @property
    def withdrawal(self) -> Withdrawal:
        return stored.find(self.world.books.table, self.id)

    @property
    def money(self) -> tuple[int, int, int]:
        """Available, reserved, paid."""
        return self.world.books.balance("bob")

    def is_in_order(self) -> None:
        assert self.world.books.faults() == []


@pytest.fixture
def scene(dynamodb_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "refledger")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "refledger")
    with functions.world(dynamodb_endpoint) as world, stripe_server.running() as server:
        books = world.books
        books.program()
        books.grant("bob", 5000)
        books.mature("bob")
        made = approved(books, account=StripeAccount("Bob Example", ACCOUNT))
        held: list[tuple[bytes, dict[str, str]]] = []
        server.deliver = lambda body, headers: held.append((body, headers))
        port = StripeTransfers(lambda: KEY, livemode=False, api_base=server.base)
        yield Scene(world, server, port, made.id, held)


def test_the_event_after_the_answer_changes_nothing(scene: Scene) -> None:
    """Paid by the answer; the event, twice, finds it so."""
    paid = scene.start()
    assert paid is not None
    assert (paid.status, paid.transaction_id) == (S.PAID, scene.server.transfers[0]["id"])
    assert scene.deliver(2) == ["PAID", "PAID"]
    assert scene.withdrawal == paid
    assert scene.money == (3000, 0, 2000)
    scene.is_in_order()


def test_the_event_settles_when_the_answer_was_lost(scene: Scene) -> None:
    """The workflow knows nothing, and Stripe's event says that it was paid; the next try finds it settled."""
    scene.server.fail(Failure(reset=True, after=True))
    assert scene.start() is None
    assert scene.withdrawal.status is S.PAYING
    assert scene.deliver() == ["PAID"]
    assert scene.withdrawal.transaction_id == scene.server.transfers[0]["id"]
    assert scene.start() == scene.withdrawal
    assert (scene.money, scene.server.paid(scene.id)) == ((3000, 0, 2000), 2000)
    scene.is_in_order()


def test_an_event_wakes_the_workflow(scene: Scene) -> None:
    """The task that waits for the settlement hears of it at once."""
    scene.server.fail(Failure(after=True))
    scene.start()
    books, machine = scene.world.books, scene.world.machine
    workflow_callbacks.wait(books.context, machine.waker, scene.id, workflow_callbacks.SETTLEMENT, "token")
    machine.waiting.add("token")
    scene.deliver()
    assert machine.woken == [("token", {"withdrawalId": scene.id, "status": "PAID"})]


def test_a_workflow_that_cannot_be_told_does_not_lose_the_event(scene: Scene) -> None:
    """The settlement is written before; the sweeper tells it later."""
    scene.server.fail(Failure(after=True))
    scene.start()
    workflow_callbacks.wait(
        scene.world.books.context, scene.world.machine.waker, scene.id, workflow_callbacks.SETTLEMENT, "token"
    )
    scene.world.machine.down = "ThrottlingException"
    assert scene.deliver() == ["PAID"]
    assert scene.withdrawal.status is S.PAID


def test_money_that_comes_back_is_available_again(scene: Scene) -> None:
    """All of it: RETURNED, by journal entry, once however often it is told."""
    scene.start()
    scene.server.reverse(scene.server.transfers[0]["id"])
    scene.deliver(2)
    assert (scene.withdrawal.status, scene.money) == (S.RETURNED, (5000, 0, 0))
    scene.is_in_order()


def test_a_part_that_comes_back_is_for_a_person(scene: Scene) -> None:
    """No money is moved on a guess: the withdrawal says what is the matter."""
    scene.start()
    scene.server.reverse(scene.server.transfers[0]["id"], 500)
    assert scene.deliver() == ["PAID", "PARTLY_RETURNED"]
    assert (scene.withdrawal.status, scene.withdrawal.problem) == (S.PAID, PayoutProblem.PARTLY_RETURNED)
    assert scene.money == (3000, 0, 2000)
    scene.is_in_order()


def test_events_the_wrong_way_round(scene: Scene) -> None:
    """Stripe does not promise an order: taken back first, paid after, and the money is back."""
    scene.server.fail(Failure(after=True))
    scene.start()
    scene.server.reverse(scene.server.transfers[0]["id"])
    scene.held.reverse()
    scene.deliver(2)
    assert (scene.withdrawal.status, scene.money) == (S.RETURNED, (5000, 0, 0))
    scene.is_in_order()


def test_no_money_at_stripe_waits_for_a_person_and_pays_once(scene: Scene) -> None:
    """Declined for the owner's reason: it keeps its money reserved, and a retry has a key of its own."""
    scene.server.balance["usd"] = 100
    waiting = scene.start()
    assert waiting is not None
    assert (waiting.status, waiting.problem) == (S.PAYING, PayoutProblem.DECLINED)
    assert scene.money == (3000, 2000, 0)
    assert scene.server.transfers == []


def test_an_account_that_cannot_be_paid_gives_the_money_back(scene: Scene) -> None:
    """Declined for the partner's reason: FAILED, and available again."""
    scene.server.accounts[ACCOUNT]["capabilities"]["transfers"] = "inactive"
    failed = scene.start()
    assert failed is not None
    assert (failed.status, scene.money) == (S.FAILED, (5000, 0, 0))
    assert "acct" not in str(failed)
    scene.is_in_order()


def test_paid_after_it_had_failed_is_reported(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """It is not guessed who is right: a problem for a person, a metric for the alarm, and no money moved."""
    scene.server.accounts[ACCOUNT]["capabilities"]["transfers"] = "inactive"
    scene.start()
    late = {
        "id": "tr_late", "object": "transfer", "amount": 2000, "amount_reversed": 0, "currency": "usd",
        "destination": ACCOUNT, "livemode": False, "reversed": False,
        "metadata": {"withdrawalId": scene.id, "key": f"{scene.id}-1"},
    }  # fmt: skip
    scene.server.tell("transfer.created", late)
    assert scene.deliver() == ["PAID"]
    assert (scene.withdrawal.status, scene.withdrawal.problem) == (S.FAILED, PayoutProblem.PAID_AFTER_FAILED)
    assert scene.money == (5000, 0, 0)
    told = capsys.readouterr().out
    assert "PAYOUT_PROBLEM" in told
    assert ACCOUNT not in told


@pytest.mark.parametrize(
    "changes", [{"amount": 1}, {"currency": "eur"}, {"destination": "acct_2"}, {"amount": 2001}], ids=str
)
def test_a_transfer_with_copied_labels_settles_nothing(
    scene: Scene, capsys: pytest.CaptureFixture[str], changes: Json
) -> None:
    """By event and by look-up it is the same: a problem, no money moved, and nothing is sent beside it."""
    scene.server.fail(Failure(reset=True))
    assert scene.start() is None
    copied = {
        "id": "tr_copied", "object": "transfer", "amount": 2000, "amount_reversed": 0, "currency": "usd",
        "destination": ACCOUNT, "livemode": False, "reversed": False, "transfer_group": scene.id,
        "metadata": {"withdrawalId": scene.id, "key": f"{scene.id}-1"}, **changes,
    }  # fmt: skip
    scene.server.transfers.append(copied)
    by_look_up = scene.start()
    assert by_look_up is not None
    scene.server.tell("transfer.created", copied)
    assert scene.deliver(2) == ["PAID", "PAID"]
    for seen in (by_look_up, scene.withdrawal):
        assert (seen.status, seen.problem, seen.transaction_id) == (S.PAYING, PayoutProblem.UNKNOWN, "")
    assert "tr_copied" in scene.withdrawal.steps[-1].note
    assert capsys.readouterr().out.count('"PAYOUT_PROBLEM":[') == 1
    assert (scene.money, scene.server.transfers) == ((3000, 2000, 0), [copied])
    scene.is_in_order()


def test_what_stripe_has_forgotten_is_never_sent_again(scene: Scene) -> None:
    """A day later the same key would be executed anew: a person has to look."""
    scene.server.fail(Failure(reset=True))
    assert scene.start() is None
    scene.world.books.clock.forward(DAY_MS)
    scene.server.forget_keys()
    waiting = scene.start()
    assert waiting is not None
    assert (waiting.status, waiting.problem) == (S.PAYING, PayoutProblem.UNKNOWN)
    assert (scene.server.posts, scene.server.transfers) == (0, [])
    assert scene.money == (3000, 2000, 0)


def test_a_busy_table_makes_stripe_send_it_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 and not 200: an event that was not written is not taken."""
    scene.server.fail(Failure(after=True))
    scene.start()
    books = scene.world.books
    with monkeypatch.context() as patch:
        patch.setattr(config, "context", lambda: books.behind(_NeverWrites(books.client)))
        body, headers = scene.held[0]
        answer = scene.world.call(ROUTE, sub=None, text=body.decode(), headers=headers)
        assert (answer.status, answer.code) == (503, "BUSY")
    assert scene.withdrawal.status is S.PAYING
    assert scene.deliver() == ["PAID"]
    scene.is_in_order()


def test_a_death_after_the_write_loses_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """500 for an event that was written: its repeat changes nothing and is taken."""
    scene.server.fail(Failure(after=True))
    scene.start()
    with monkeypatch.context() as patch:
        patch.setattr(workflow_callbacks, "tell", _dies)
        body, headers = scene.held[0]
        assert scene.world.call(ROUTE, sub=None, text=body.decode(), headers=headers).status == 500
    paid = scene.withdrawal
    assert paid.status is S.PAID
    assert scene.deliver(2) == ["PAID", "PAID"]
    assert (scene.withdrawal, scene.money) == (paid, (3000, 0, 2000))
    scene.is_in_order()


def test_a_death_at_any_call_loses_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before and after each write to the table: Stripe gets no answer, sends it again, and it is booked once."""
    scene.server.fail(Failure(after=True))
    scene.start()
    body, headers = scene.held[0]

    def once(context: Context, _: None) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(config, "context", lambda: context)
            scene.world.call(ROUTE, sub=None, text=body.decode(), headers=headers)

    ends = list(crash_at_each_write(scene.world.books, lambda: None, once))
    assert len(ends) > (3 if AT_READS else 1)
    assert scene.deliver() == ["PAID"]
    assert (scene.withdrawal.status, scene.money) == (S.PAID, (3000, 0, 2000))
    scene.is_in_order()


def test_an_event_of_the_other_mode_moves_nothing(scene: Scene) -> None:
    """A live deployment does not hear a test transfer."""
    scene.server.fail(Failure(after=True))
    scene.start()
    scene.world.variables["STRIPE_MODE"] = "live"
    assert scene.deliver() == ["TEST_MODE"]
    assert scene.withdrawal.status is S.PAYING


def test_neither_account_nor_secret_is_logged(
    scene: Scene, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """What the function writes about events good, bad and strange: reasons and ids."""
    caplog.set_level(logging.DEBUG)
    scene.start()
    scene.server.reverse(scene.server.transfers[0]["id"], 500)
    scene.deliver()
    forged: Json = {"destination": ACCOUNT}
    scene.world.call(ROUTE, sub=None, body=forged, headers={"stripe-signature": signature(b"x", SECRET)})
    told = str([vars(record) for record in caplog.records]) + caplog.text + "".join(capfd.readouterr())
    assert "BAD_SIGNATURE" in told
    assert "PAYOUT_PROBLEM" in told
    for secret in (ACCOUNT, SECRET, KEY):
        assert secret not in told


class _NeverWrites:
    """A table that others are always at."""

    def __init__(self, client: object) -> None:
        self._client = client

    def __getattr__(self, name: str) -> object:
        writes = name.startswith(("transact_write", "put", "update"))
        return self._refuse if writes else getattr(self._client, name)

    def _refuse(self, **_: object) -> object:
        raise ClientError({"Error": {"Code": "TransactionConflictException", "Message": "told"}}, "TransactWriteItems")


def _dies(*_: object) -> None:
    raise MemoryError
