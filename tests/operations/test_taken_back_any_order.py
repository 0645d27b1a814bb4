"""Whatever takes money back, in any order and any number of times, comes to what a model of a few lines says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count, permutations
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refledger.domain.payments import PaymentKind
from tests.support import dynamodb
from tests.support.books import Books

PAID = 10_000
CHARGES = {"ch_a": "pi_a", "ch_b": "pi_b"}
TIMES = st.integers(1, 6)


@dataclass(frozen=True)
class Fact:
    """What is told: of a refund or dispute its id, its charge, and whether it failed or was lost; at which time."""

    kind: str  # refund, sum, opened, closed, wire
    id: str
    amount: int
    ended: bool
    at: int

    @property
    def charge(self) -> str:
        """Ids say which: an id is of one charge, for ever."""
        return "ch_a" if sum(map(ord, self.id)) % 2 else "ch_b"


REFUNDS = {"r1": 700, "r2": 1_900, "r3": 2_300, "r4": 1_100}
DISPUTES = {"d1": 1_500, "d2": 2_600}
FACTS = st.one_of(
    st.builds(lambda id, ended, at: Fact("refund", id, REFUNDS[id], ended, at), st.sampled_from(sorted(REFUNDS)),
              st.booleans(), TIMES),
    st.builds(lambda id, amount, at: Fact("sum", id, amount, ended=False, at=at), st.sampled_from(["s1", "s2"]),
              st.sampled_from([0, 700, 2_600, 3_400]), TIMES),
    st.builds(lambda id: Fact("opened", id, DISPUTES[id], ended=False, at=0), st.sampled_from(sorted(DISPUTES))),
    st.builds(lambda id, ended, at: Fact("closed", id, DISPUTES[id], ended, at), st.sampled_from(sorted(DISPUTES)),
              st.booleans(), TIMES),
    st.builds(lambda id: Fact("wire", id, 400, ended=False, at=1), st.sampled_from(["w1", "w2"])),
)  # fmt: skip


def gone(facts: list[Fact]) -> int:
    """The model: of each charge the larger of sum and refunds; wires beside them; disputes by their latest ends."""
    state: dict[str, tuple[int, bool, Fact]] = {}
    for fact in facts:
        if fact.kind == "refund":  # of two at once it failed
            state[fact.id] = max(state.get(fact.id, (0, False, fact)), (fact.at, fact.ended, fact), key=lambda s: s[:2])
    failed_at = {f.id: max((g.at for g in facts if g.id == f.id and g.ended), default=0) for f in facts}
    total = 0
    for charge in CHARGES:
        sums = [(f.at, f.amount) for f in facts if f.kind == "sum" and f.charge == charge]
        of = [s for s in state.values() if s[2].charge == charge]
        made = sum(fact.amount for _, failed, fact in of if not failed)
        told_at, told = max(sums, default=(0, 0))
        since = sum(fact.amount for _, failed, fact in of if failed and failed_at[fact.id] >= told_at)
        total += max(made, told - since) if sums else made
    total += sum(400 for _ in {f.id for f in facts if f.kind == "wire"})
    for id, amount in DISPUTES.items():
        ends: dict[int, bool] = defaultdict(bool)
        for fact in facts:
            if fact.id == id and fact.kind == "closed":
                ends[fact.at] |= fact.ended
        opened = any(f.id == id and f.kind == "opened" for f in facts)
        total += amount if opened and (not ends or ends[max(ends)]) else 0
    return min(PAID, total)


def steps(books: Books, facts: list[Fact], name: str) -> list[Callable[[], object]]:
    """What is to be told: the payment, its two names, and the facts under them. `name`: of everything of this case."""
    begin = books.clock()

    def tell(fact: Fact) -> Callable[[], object]:
        pi, charge = CHARGES[fact.charge] + name, {"charge": fact.charge + name}
        at, id = begin + fact.at, fact.id + name
        more: dict[str, Any] = {"occurred_at_ms": at}
        match fact.kind:
            case "refund":
                more = {"told_at_ms": at, "failed": fact.ended, **charge}
                return lambda: books.refund(pi, fact.amount, id, **more)
            case "sum":
                return lambda: books.refund_total(pi, fact.amount, **more, **charge)
            case "opened":
                return lambda: books.dispute(pi, fact.amount, id)
            case "closed":
                return lambda: books.close(pi, "LOST" if fact.ended else "WON", id, **more)
            case _:
                return lambda: books.refund("in" + name, fact.amount, id, sender="bank")

    return [
        lambda: books.earn("carol", "in" + name, PAID),
        *(lambda pi=pi: books.alias(pi + name, "in" + name) for pi in CHARGES.values()),
        *map(tell, facts),
    ]


def test_any_order_comes_to_what_the_model_says(dynamodb_endpoint: str) -> None:
    """Refunds and what becomes of them, sums of two charges, disputes with changing ends, wires; names learned late."""
    books = Books(dynamodb.new_database(dynamodb_endpoint))
    books.program()
    books.chain("bob", "carol")
    names = map("-{}".format, count())  # each try has its own, those that fail and are tried again, too
    kept = [0]

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(FACTS, max_size=8), st.randoms(use_true_random=False))
    def one(facts: list[Fact], random: Any) -> None:
        name = next(names)
        told = steps(books, facts, name)
        told += random.sample(told, len(told) // 2)
        random.shuffle(told)
        for tell in told:
            tell()
        payment = books.payment("in" + name)
        assert payment.kind is PaymentKind.PAYMENT
        assert payment.back.of(PAID) == gone(facts)
        kept.append(2_000 * (PAID - gone(facts)) // PAID)
        books.mature("bob")

    one()
    assert books.faults() == []


def test_a_failure_told_at_two_times_is_the_later_one_in_any_order(books: Books) -> None:
    """A sum between both leaves the refund in, so the failure takes it off: whichever word comes first."""
    books.program()
    books.chain("bob", "carol")
    sum_between = Fact("sum", "s2", 2_600, ended=False, at=4)
    words = [Fact("refund", "r3", REFUNDS["r3"], ended=True, at=at) for at in (2, 6)]
    for number, facts in enumerate(permutations([sum_between, *words])):
        name = f"-{number}"
        for tell in steps(books, list(facts), name):
            tell()
        assert books.payment("in" + name).back.of(PAID) == gone(list(facts)) == 300
    assert books.faults() == []
