"""What happens in a run, drawn by its chance: what people do (actors.py), and what happens by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from refledger.domain.withdrawals import OPEN
from tests.support.actors import CURRENCIES, CUSTOMERS, DISPUTES, PARTNERS, PAYMENTS, REFUNDS, STAFF, Actors
from tests.support.simulator.deployment import Simulated, restarted

DECISIONS = ("approve", "approve", "reject")


@dataclass(frozen=True)
class Chance:
    """What chance decides in a run. Most runs are about few: there they meet."""

    random: Random
    numbers: tuple[int, ...]
    names: tuple[str, ...]
    currencies: tuple[str, ...]

    @classmethod
    def drawn(cls, r: Random) -> Chance:
        if r.random() < 0.3:
            return cls(r, tuple(range(PAYMENTS)), PARTNERS, CURRENCIES)
        first = r.randrange(len(CUSTOMERS) - 1)  # the last one was referred by nobody
        return cls(r, (first, first + len(CUSTOMERS)), ("cat",), ("USD",))


Draw = Callable[[Chance], tuple[Any, ...]]


def number(c: Chance) -> int:
    return c.random.choice(c.numbers)


def place(c: Chance) -> int:
    return c.random.randrange(12)


def who(c: Chance) -> str:
    return c.random.choice(STAFF)


def name(c: Chance) -> str:
    return c.random.choice(c.names)


def currency(c: Chance) -> str:
    return c.random.choice(c.currencies)


EVENTS: dict[str, Draw] = {
    "pay": lambda c: (number(c), 0),
    "refund": lambda c: (number(c), c.random.randrange(REFUNDS)),
    "dispute": lambda c: (number(c), c.random.randrange(DISPUTES)),
    "close": lambda c: (number(c), c.random.randrange(DISPUTES)),
}
BY_ITSELF: dict[str, Draw] = {
    "deliver": lambda c: (place(c), c.random.randint(1, 10)),
    "redeliver": lambda c: (place(c), c.random.randint(1, 4)),
    "mature": lambda c: (),
    "find_due": lambda c: (),
    "work": lambda c: (c.random.randint(1, 6),),
    "sweep": lambda c: (),
    "expire": lambda c: (),
    "rollups": lambda c: (c.random.randint(1, 40),),
    "projections": lambda c: (c.random.randint(1, 40),),
    "boards": lambda c: (),
    "time_passes": lambda c: (c.random.choice((0, 1, 13, 24, 24, 200)),),
    "restart": lambda c: (),
}
PEOPLE: dict[str, Draw] = {
    "withdraw": lambda c: (
        name(c), currency(c), c.random.choice((1, 10, 50, 100, 101)), c.random.randrange(20), c.random.random() < 0.5,
    ),
    "take_back": lambda c: (place(c),),
    "decide": lambda c: (place(c), c.random.choice(DECISIONS), who(c)),
    "settle": lambda c: (place(c), c.random.random() < 0.5, who(c)),
    "mend": lambda c: (place(c), c.random.choice(("retry", "resolve")), who(c)),
    "come_back": lambda c: (place(c), who(c)),
    "provider_tells": lambda c: (place(c),),
    "provider_takes_back": lambda c: (place(c),),
    "by_hand": lambda c: (name(c), place(c), c.random.choice(("hold", "release", "approve", "cancel")), who(c)),
    "give": lambda c: (name(c), currency(c), c.random.choice((1, 4_999, 5_001)), who(c)),
    "pay_reward": lambda c: (name(c), place(c), who(c)),
    "many": lambda c: (name(c), place(c), c.random.choice(("approve", "cancel", "pay")), who(c)),
    "refer": lambda c: (name(c), c.random.randrange(3)),
    "convert": lambda c: (name(c), place(c), c.random.choice((100, 9_999, 10_000)), who(c)),
    "program_becomes": lambda c: (c.random.choice(("pause", "resume", "resume")),),
    "adjust": lambda c: (
        name(c), currency(c), c.random.choice((-9_000, -500, 1, 700, 5_001, 9_000)), c.random.random() < 0.3, who(c),
    ),
    "decide_adjustment": lambda c: (name(c), place(c), c.random.choice(DECISIONS), who(c)),
    "parked": lambda c: (place(c), c.random.choice(("accept", "dismiss")), who(c)),
    "partner_becomes": lambda c: (name(c), c.random.choice(("activate", "activate", "deactivate", "suspend"))),
    "move": lambda c: (name(c), place(c), c.random.choice(("accept", "accept", "reject", "expire")), who(c)),
    "change_program": lambda c: (c.random.randrange(21),),
}  # fmt: skip
ABOUT: dict[str, Draw] = {  # one payment and who earned from it
    "about": lambda c: (
        number(c),
        *c.random.choice((
            ("refund", 0), ("refund", 1), ("refund", 3), ("dispute", 0), ("dispute", 1), ("close", 0), ("close", 1),
            ("hold", 0), ("release", 0), ("approve", 0), ("cancel", 0), ("mature", 0), ("withdraw", 0),
        )),
    ),
}  # fmt: skip
STORIES: dict[str, Draw] = {  # several steps, so that there is something to be disturbed
    "all_matures": lambda c: (c.random.choice((0, 1, 25)),),
    "is_paid_out": lambda c: (
        name(c), currency(c), c.random.random() < 0.7, c.random.choice((5, 20, 100)), c.random.choice((1, 3, 4, 4)),
    ),
    "long_dispute": lambda c: (number(c), c.random.randrange(DISPUTES), c.random.choice((1, 30, 300))),
}  # fmt: skip
MONEY = {  # what moves a balance
    name: PEOPLE[name]
    for name in ("withdraw", "take_back", "decide", "settle", "by_hand", "give", "pay_reward", "many", "adjust",
                 "decide_adjustment", "provider_takes_back")
}  # fmt: skip
COMES: dict[str, Draw] = {  # an event that is delivered alone and at once
    "comes": lambda c: c.random.choice((
        ("pay", number(c), 0), ("pay", number(c), 0), ("refund", number(c), c.random.randrange(REFUNDS)),
        ("dispute", number(c), c.random.randrange(DISPUTES)), ("close", number(c), c.random.randrange(DISPUTES)),
    )),
}  # fmt: skip
GROUPS = (EVENTS, BY_ITSELF, BY_ITSELF, PEOPLE, MONEY, MONEY, MONEY, ABOUT, ABOUT, STORIES, STORIES)
STEPS = (COMES, COMES, BY_ITSELF, PEOPLE, MONEY, MONEY, ABOUT, ABOUT)  # one thing each
ALL = EVENTS | BY_ITSELF | PEOPLE | ABOUT | STORIES


@dataclass(frozen=True)
class Action:
    name: str
    given: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(repr, self.given))})"


def draw(chance: Chance, weights: dict[str, float], groups: tuple[dict[str, Draw], ...]) -> Action:
    """One of a group of chance; what this run does not do, it does not do."""
    group = chance.random.choice(groups)
    names = list(group)
    act = chance.random.choices(names, [weights[each] for each in names])[0]
    return Action(act, group[act](chance))


def act(action: Action, actors: Actors, deployed: Simulated) -> None:
    match action.name:
        case "rollups":
            deployed.follow("stream_rollups", *action.given)
        case "projections":
            deployed.follow("stream_projections", *action.given)
        case "boards":
            deployed.take(deployed.boards, "leaderboards")
            deployed.take(deployed.payments, "payment_events")
        case "comes":
            kind, *given = action.given
            getattr(actors, kind)(*given)
            deployed.deliver(deployed.queue[-1:])
        case "restart":
            task = deployed.scheduler.current
            restarted(deployed, task.worker if task else 0)
        case "all_matures":
            _all_matures(actors, deployed, *action.given)
        case "is_paid_out":
            _is_paid_out(actors, deployed, *action.given)
        case "long_dispute":
            _long_dispute(actors, deployed, *action.given)
        case other:
            getattr(actors, other)(*action.given)


def _all_matures(actors: Actors, deployed: Simulated, hours: int) -> None:
    """A day on which everything works: what was sent is delivered, what is due becomes money."""
    for _ in range(3):
        if deployed.queue:
            actors.deliver(0, 10)
    actors.time_passes(hours)
    actors.find_due()
    for _ in range(3):
        actors.mature()


def _is_paid_out(
    actors: Actors, deployed: Simulated, name: str, currency: str, stripe: bool, percent: int, far: int
) -> None:
    """A withdrawal from its beginning to its end, or so far."""
    actors.partner_becomes(name, "activate")
    actors.requests += 1
    actors.withdraw(name, currency, percent, 100 + actors.requests, stripe)
    mine = actors.id_of(name)
    for place, made in enumerate(actors.withdrawals()):
        if made.status in OPEN and made.partner_id == mine:
            for who in ("admin", "boss")[: far - 1]:
                actors.work(10)
                actors.decide(place, "approve", who)
            if far == 4:
                actors.work(10)
                actors.time_passes(1)  # the workflow's own retries come first
                actors.work(10)
                actors.settle(place, True, "boss")
    actors.work(10)


def _long_dispute(actors: Actors, deployed: Simulated, number: int, dispute: int, hours: int) -> None:
    """A payment that is in dispute when its time comes, and the end of it, maybe long after."""
    actors.pay(number, 0)
    actors.dispute(number, dispute)
    _all_matures(actors, deployed, hours)
    actors.close(number, dispute)
    _all_matures(actors, deployed, hours)
