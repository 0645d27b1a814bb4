"""A seed of which Mallory is the actor: some days of whatever she can do, at once with herself, while calls fail.

After each commit no balance is there that the journal does not explain. After each round what has left to all of her
friends, and what they have that no customer brought, is no more than one person may let out, and make, in so many days.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from refledger.domain.errors import Busy
from refledger.domain.rewards import IN_BALANCE
from refledger.domain.times import DAY_MS
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.operations.proof.book_checks import Checked
from refledger.operations.proof.verification import verify
from refledger.store import keys, ledger
from refledger.store import withdrawals as stored_withdrawals
from refledger.store.attributes import unpack
from refledger.store.transaction import RetryableConflict
from tests.support.insider import EARNED, FRIENDS, LIMIT, LOOSER, OUT, SIGN_INS, SOLD, TOLD, Insider
from tests.support.memory.values import write_all
from tests.support.simulator import run as simulator
from tests.support.simulator.deployment import WORKERS, Rig, Simulated, restarted, rig
from tests.support.simulator.faults import Faults
from tests.support.simulator.insider import COMMANDS, CURRENCIES, HOUR_MS, NEW, NOBODYS, Mallory
from tests.support.simulator.invariants import Invariants
from tests.support.simulator.run import Failed, Outcome, Turns, rest
from tests.support.simulator.scheduler import Scheduler, Task, Wrong

ROUNDS = (2, 4, 8, 15)
Draw = Callable[[random.Random], tuple[Any, ...]]
AMOUNTS = (1, LIMIT // 3, LIMIT, LIMIT, LIMIT + 1, 20 * LIMIT, -1, -LIMIT)
OUTS = (1, OUT // 3, OUT, OUT, OUT + 1, 20_000)
EVERYBODY = (*FRIENDS, *FRIENDS, *NEW)
WITHDRAWAL = keys.withdrawal("@")["pk"].split("@")[0]


def _of(*those: Any) -> Draw:
    return lambda r: (r.choice(those),)


def _friend(*more: Any) -> Draw:
    return lambda r: (r.choice(FRIENDS), *(r.choice(each) for each in more))


def _place(*acts: str) -> Draw:
    return lambda r: (r.randrange(30), r.choice(acts))


TAKEN = ("USD", "USD", "EUR", "JPY")
WAYS_IN: dict[str, Draw] = {
    "adjust": _friend(AMOUNTS, TAKEN),
    "write_off": _friend(AMOUNTS, TAKEN),
    "decide_adjustment": _place("approve", "reject"),
    "give": _friend(AMOUNTS, TAKEN),
    "convert": _friend(AMOUNTS, TAKEN),
    "tell": _friend(AMOUNTS, TAKEN),
    "sells": _friend(("known", "nobody", "new", "lead", "lead and sale"), AMOUNTS, TAKEN),
    "keyed": _friend(AMOUNTS, TAKEN, ("all", "told", "entered", "let in")),
    "crm": _friend(range(3), ("Lead Created", "Lead Accepted", "Lead Converted", "Lead Converted", "Lead Rejected"),
                   AMOUNTS),
    "release_all": lambda r: (),
    "of_reward": _place("hold", "release", "approve", "process-payment"),
    "many_rewards": _of("approve", "pay"),
    "reward": _place("delete", "cancel", "bulk-cancel", "put", "paid", "APPROVED", "CANCELLED"),
    "of_payment": _place("accept", "accept", "dismiss", "refund", "confirm", "confirm", "undo", "ANOTHER", "SAME"),
    "claims": _friend((True, False)),
    "of_referral": _place("accept", "reject", "expire", "close", "cancel", "delete", "customer", "status", "put",
                          "lead", "converted", "bulk", "all expired"),
}  # fmt: skip
WAYS_OUT: dict[str, Draw] = {
    "withdraw": lambda r: (r.choice((*SIGN_INS, *NEW)), r.choice(OUTS), r.choice(TAKEN)),
    "of_withdrawal": _place("approve", "approve", "mark-paid", "reject", "mark-failed", "mark-returned", "retry"),
    "withdrawn": _place("cancel", "resolve", "bulk-reject"),
    "many_withdrawals": _of("approve", "approve", "mark-paid"),
    "method": lambda r: (r.choice((*SIGN_INS, *NEW)), r.choice(("enter", "verify", "withdraw", "delete"))),
    "export": lambda r: (),
}
PROTECTIONS: dict[str, Draw] = {
    "link": lambda r: (),
    "comes_in": lambda r: (r.choice(NEW), r.choice(("invited", "applied", "imported", "by a token", "alone"))),
    "let_in": lambda r: (r.choice(NEW), r.random() < 0.5),
    "rate": _friend((2001, 9000, 1000)),
    "new_program": lambda r: (),
    "change_program": lambda r: (r.randrange(len(LOOSER)),),
    "program": _of("pause", "resume", "resume", "archive", "reject", "preview"),
    "profile": _friend(("status", "rates", "put", "own", "tags", "bulk", "delete", "suspend", "activate", "activate",
                        "deactivate", "terminate")),
    "code": _friend(("", "/rotate", "disable", "enable")),
    "key": _place("make", "make", "make all", "confirm", "rotate", "revoke"),
    "command": lambda r: (r.choice(FRIENDS), r.randrange(9), r.choice(COMMANDS)),
}  # fmt: skip
AROUND: dict[str, Draw] = {
    "happens": lambda r: (),
    "schedules": lambda r: (),
    "read": lambda r: (),
    "customer_pays": _friend(("USD", "EUR", "JPY")),
    "applies_code": lambda r: (r.choice(FRIENDS), r.randrange(3)),
    "again": lambda r: (r.randrange(30),),
    "time_passes": _of(0, 1, 5, 11, 23, 24, 25),
    "money_leaves": lambda r: (r.choice(SIGN_INS), r.choice(OUTS), r.randint(1, 4)),
}
WAYS = WAYS_IN | WAYS_OUT | PROTECTIONS | AROUND
GROUPS = (WAYS_IN, WAYS_IN, WAYS_OUT, WAYS_OUT, PROTECTIONS, AROUND)


@dataclass(frozen=True)
class Beginning:
    """`paid`: ids of payments that nobody has let earn yet."""

    deployed: Simulated
    insider: Insider
    paid: tuple[str, ...]


@cache
def beginning() -> Beginning:
    """Three friends who earned; and what is there to be let earn: a payment in yen, one of nobody's, one told twice."""
    scheduler, faults = Scheduler(lambda _: 0), Faults(random.Random(0))
    state = random.getstate()
    with rig() as here:
        deployed = here.begin(here.empty(scheduler, faults), scheduler, faults, 0)
        insider, books = Insider(deployed), deployed.world.books
        insider.begin()
        made = [("customer of bob", "yen", "JPY", 100_000), (NOBODYS, "nobody's", "USD", 500_000)]
        for customer, id, currency, amount in made:
            deployed.send("Payment Succeeded", paymentId=id, customerId=customer, amount=amount, currency=currency)
        deployed.deliver(list(deployed.queue))
        books.pay("customer of eve", "twice", 5 * EARNED, system="stripe")
        ids = [*(books.ids.payment("payments", id) for _, id, _, _ in made), books.ids.payment("stripe", "twice")]
        books.clock.forward(3 * 24 * HOUR_MS)
        insider.happens()
        rest(deployed)
    random.setstate(state)
    return Beginning(deployed, insider, tuple(ids))


def begins(here: Rig, scheduler: Scheduler, faults: Faults, seed: int) -> Mallory:
    """Her, in a deployment that begins as `beginning` says."""
    before = beginning()
    deployed = here.begin(before.deployed, scheduler, faults, seed)
    mallory = Mallory(deployed, dict(before.insider.partners), paid=list(before.paid))
    mallory.honest |= {deployed.world.books.ids.payment("payments", f"p-{name}") for name in FRIENDS}
    return mallory


def again(seed: int) -> str:
    """The command that repeats it."""
    return f'make simulate ARGS="--insider --seed {seed}"'


def simulate(seed: int, here: Rig | None = None) -> Outcome:
    """One run. `here`: where others have taken place. Raises Failed."""
    chosen = random.Random(seed)
    faults = Faults.drawn(chosen)
    turns = Turns(chosen)
    scheduler, outcome = Scheduler(turns.choose), Outcome(seed)
    state = random.getstate()
    try:
        beginning()
        with nullcontext(here) if here else rig() as place:
            InsiderRun(begins(place, scheduler, faults, seed), chosen, outcome, turns).live()
    except (Exception, Wrong) as error:
        raise Failed(outcome, error, again(seed)) from error
    finally:
        random.setstate(state)
        outcome.calls, outcome.choices = scheduler.calls, scheduler.choices
        outcome.sites, outcome.injected = faults.sites, faults.injected
    return outcome


@dataclass
class InsiderRun:
    """`left`: by withdrawal, whose money was ever called paid or stood in a file, or was sent by the provider."""

    mallory: Mallory
    chosen: random.Random
    outcome: Outcome
    turns: Turns
    left: dict[str, int] = field(default_factory=dict)
    seen: int = 0

    def __post_init__(self) -> None:
        self.deployed = self.mallory.deployed
        self.began_ms = self.deployed.world.books.clock()
        self.invariants = Invariants(self.deployed.table, self.deployed.stripe)
        self.deployed.workers[0].table.client.done = self.committed
        self.committed()

    def committed(self) -> None:
        self.invariants.check()
        for _, (pk, sk), _, item in self.deployed.table.changes[self.seen :]:
            if item is not None and pk.startswith(WITHDRAWAL) and sk == keys.ROOT:
                made = stored_withdrawals.from_item(unpack(write_all(item)))
                if made.status is WithdrawalStatus.PAID or made.batch_id:
                    self.left[made.id] = made.amount
        self.seen = len(self.deployed.table.changes)
        for order in self.deployed.stripe.paid.values():
            self.left[order.withdrawal_id] = order.amount

    def live(self) -> None:
        faults, chosen = self.deployed.faults, self.chosen
        faults.quiet = False
        weights = {name: chosen.choice((0.01, 1.0, 1.0, 4.0)) for name in WAYS}
        for _ in range(chosen.choice(ROUNDS)):
            self._at_once([self._draw(weights) for _ in range(chosen.choice(simulator.LONG.at_once))])
            self._is_bounded()
        faults.quiet = True
        self.outcome.actions.append("all is quiet")
        self.deployed.table.behind = 0
        self.deployed.table.catch_up()
        for _ in range(2):
            rest(self.deployed)
            self.mallory.schedules()
        self.mallory.closes_again()
        rest(self.deployed)
        self.committed()
        self._is_bounded()
        self.outcome.commits = self.invariants.commits
        found = list(verify(self.deployed.world.books.context, Checked()))
        assert not found, found

    def _draw(self, weights: dict[str, float]) -> tuple[str, tuple[Any, ...]]:
        group = self.chosen.choice(GROUPS)
        name = self.chosen.choices(list(group), [weights[each] for each in group])[0]
        return name, group[name](self.chosen)

    def _at_once(self, happening: list[tuple[str, tuple[Any, ...]]]) -> None:
        self.outcome.actions.append(" | ".join(f"{name}{given}" for name, given in happening))
        workers = self.chosen.sample(range(WORKERS), len(happening))
        tasks = [
            Task(name, lambda name=name, given=given: self._does(name, given), worker)  # type: ignore[misc]
            for (name, given), worker in zip(happening, workers, strict=True)
        ]
        self.turns.begin()
        self.deployed.scheduler.run(tasks)
        for task in tasks:
            if task.dead:
                restarted(self.deployed, task.worker)

    def _does(self, name: str, given: tuple[Any, ...]) -> None:
        try:
            getattr(self.mallory, name)(*given)
        except (Busy, RetryableConflict):
            pass
        except Exception:
            task = self.deployed.scheduler.current
            if not (task and task.process.hurt):
                raise

    def _is_bounded(self) -> None:
        """Over all friends, ways and currencies, whatever was called failed or returned afterwards."""
        hours = (self.deployed.world.books.clock() - self.began_ms) // HOUR_MS
        days = 1 + (hours + 1) // 24
        left = sum(self.left.values())
        assert left <= days * OUT, f"{left} have left in {days} days"
        tokens, told = 2, len(self.mallory.partners)  # what a CRM tells is summed up for each partner alone
        # by the token of the shop's server, and by a key of hers
        sold = 2 * SOLD * (1 + (self.deployed.world.books.clock() + HOUR_MS) // DAY_MS - self.began_ms // DAY_MS)
        most = days * (LIMIT + (tokens + told) * TOLD) + sold
        assert self._made() <= most, f"{self._made()} were made in {days} days"

    def _made(self) -> int:
        """What they have or had, beside what customers brought."""
        table, total = self.deployed.world.books.table, sum(self.left.values())
        for each in self.mallory.partners.values():
            for currency in CURRENCIES:
                balance = ledger.find_balance(table, each.id, currency)
                total += balance.available + balance.reserved
        for reward in self.mallory.rewards():
            if reward.payment in self.mallory.honest and reward.status in IN_BALANCE:
                total -= reward.amount - reward.reversed
        return total
