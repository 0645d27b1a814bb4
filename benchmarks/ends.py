"""What payments, reads and withdrawals take in all, and what a million of them cost: against what was promised.

Where a target is not met, the budget is today's figure, and the table says so: nothing is green that misses one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from decimal import Decimal

from benchmarks import lives
from benchmarks.dollars import NOTHING, Around, dollars, transitions
from benchmarks.pipeline import Pipeline, Taken, deployed
from benchmarks.tables import table
from scripts import cost
from tests.template.resolved import Resolved

IDLE = 6  # dollars a month: decision 79
RUNS = 2  # of the processor's time: the least counts


@dataclass(frozen=True)
class Promise:
    """`target`: what it is to take one day. `most`: what it may take today; the target where that is met."""

    most: Decimal
    target: Decimal | None = None

    @property
    def is_missed(self) -> bool:
        return self.target is not None and self.most > self.target


@dataclass
class End:
    """One life. `taken`: by `of` of them."""

    name: str
    taken: Taken
    of: int
    around: Around = NOTHING
    wru: Promise | None = None
    dollars: Promise | None = None
    cpu_ms: float | None = None

    @property
    def units(self) -> Decimal:
        return self.taken.wru / self.of

    @property
    def costs(self) -> dict[str, float]:
        return dollars(self.taken, self.of, self.around)

    @property
    def broken(self) -> list[str]:
        """Which budgets it does not keep. Dollars only where the processor's time is known."""
        figures = [("WRU", self.units, self.wru)]
        if self.cpu_ms is not None:
            figures.append(("$ a million", Decimal(str(round(sum(self.costs.values()), 2))), self.dollars))
        return [
            f"{self.name}: {figure:.2f} {what} instead of {promise.most}"
            for what, figure, promise in figures
            if promise and figure > promise.most
        ]


@dataclass
class Measured:
    ends: list[End] = field(default_factory=list)
    stages: dict[str, dict[str, Taken]] = field(default_factory=dict)

    @property
    def broken(self) -> list[str]:
        return [each for end in self.ends for each in end.broken]


def promise(most: str, target: str | None = None) -> Promise:
    return Promise(Decimal(most), None if target is None else Decimal(target))


def measure(endpoint: str, busy: int = lives.BUSY, sparse: int = lives.SPARSE, *, timed: bool = True) -> Measured:
    """`timed`: also the processor's time, which takes runs of their own."""

    def pipeline(hold_days: int, *, metered: bool) -> AbstractContextManager[Pipeline]:
        return deployed(endpoint, metered=metered, hold_days=hold_days)

    def run(life: Callable[[Pipeline], Mapping[str, Taken]], hold_days: int) -> dict[str, Taken]:
        """Units of a metered run, and the least processor time of some plain ones."""
        with pipeline(hold_days, metered=True) as pipe:
            taken = dict(life(pipe))
        least: dict[str, float] = {}
        for _ in range(RUNS if timed else 0):
            with pipeline(hold_days, metered=False) as pipe:
                for name, each in life(pipe).items():
                    least[name] = min(each.cpu_ms, least.get(name, each.cpu_ms))
        for name, each in taken.items():
            each.cpu_ms = least.get(name, 0)
        return taken

    measured = Measured()
    for name, number, is_busy in (("busy", busy, True), ("sparse", sparse, False)):
        stages = run(lambda pipe, n=number, b=is_busy: lives.payments(pipe, n, busy=b), lives.HOLD_DAYS)  # type: ignore[misc]
        measured.stages[f"payment, {name}"] = {stage: each.shared(number) for stage, each in stages.items()}
        _add_payment(measured, name, stages, number, timed=timed)
    for name, by_hand in (("by hand", True), ("by rule", False)):
        withdrawn = run(lambda pipe, b=by_hand: lives.withdrawal(pipe, by_hand=b), 0)  # type: ignore[misc]
        measured.stages[f"withdrawal {name}"] = withdrawn
        around = Around(requests=3 if by_hand else 2, transitions=transitions())
        _add(measured, f"withdrawal to a bank, {name}", withdrawn, 1, around, timed=timed)
    for route in lives.READS:
        taken = run(lambda pipe, route=route: {route: lives.read(pipe, route)}, 0)  # type: ignore[misc]
        _add(measured, route.replace("/api/v1/", ""), taken, 1, Around(requests=1), timed=timed)
    return measured


def _add_payment(measured: Measured, name: str, stages: dict[str, Taken], of: int, *, timed: bool) -> None:
    booked = {stage: stages[stage] for stage in lives.BOOKED}
    _add(measured, f"payment until booked, {name}", booked, of, Around(events=1), timed=timed)
    _add(measured, f"payment until paid out, {name}", stages, of, Around(events=1), timed=timed)


def _add(
    measured: Measured, name: str, stages: Mapping[str, Taken], of: int, around: Around, *, timed: bool
) -> None:  # fmt: skip
    total = Taken()
    for each in stages.values():
        total.add(each)
    wru, money = PROMISES.get(name, (None, None))
    measured.ends.append(End(name, total, of, around, wru, money, total.cpu_ms / of if timed else None))


# What is promised: WRU, and dollars a million. The second figure is the target, where there is one: decision 99.
PROMISES: dict[str, tuple[Promise | None, Promise | None]] = {
    "payment until booked, busy": (promise("10.5"), promise("9", "7")),
    "payment until booked, sparse": (promise("20"), promise("25")),
    "payment until paid out, busy": (promise("20", "12"), promise("16", "11")),
    "payment until paid out, sparse": (promise("48", "16"), promise("50")),
    "withdrawal to a bank, by hand": (promise("63"), promise("150", "150")),
    "withdrawal to a bank, by rule": (promise("60"), promise("150", "150")),
    "GET referrals/stats": (None, promise("2", "2")),
    "GET ledger/balances": (None, promise("2", "2")),
}


WRITTEN = {
    "payment": {"busy": "payment, busy", "sparse": "payment, sparse"},
    "withdrawal": {"by hand": "withdrawal by hand", "by rule": "withdrawal by rule"},
}


def report(measured: Measured) -> str:
    """Tables of the lives, of what their dollars are for, of their stages, and of what each stage writes."""
    head = ["in all", "CPU ms", "reads + writes", "RRU", "WRU", "≤", "target", "$ a million", "≤", "target", ""]
    kinds = sorted({kind for end in measured.ends for kind in end.costs})
    bills = [
        [end.name, *(f"{end.costs[kind]:.2f}" if kind in end.costs else "" for kind in kinds)] for end in measured.ends
    ]
    parts = [
        [f"{life}: {stage}", _figure(each.wru), _figure(each.rru), f"{each.invocations:.2f}", f"{each.cpu_ms:.2f}"]
        for life, stages in measured.stages.items()
        for stage, each in stages.items()
    ]
    idle = cost.total(cost.bill({id: (kind, each) for id, kind, each in Resolved("refledger", {}).resources()}))
    return "\n\n".join([
        table(head, map(cells, measured.ends)),
        table(["a stack that nobody calls", "$ a month", "≤"], [["idle, see `make cost`", f"{idle:.2f}", f"{IDLE}"]]),
        table(["$ a million", *kinds], bills),
        table(["each stage, of one", "WRU", "RRU", "invocations", "CPU ms"], parts),
        *(table([f"WRU of a {what}", *names], _parts(measured, [*names.values()])) for what, names in WRITTEN.items()),
    ])  # fmt: skip


def _parts(measured: Measured, names: Sequence[str]) -> Iterator[list[str]]:
    """What each unit of these lives is written for, in the order of the life."""
    written = [
        {
            f"{stage}: {what}{f' ({by})' if by else ''}": units
            for stage, taken in measured.stages[name].items()
            for (by, what), units in taken.written.items()
        }
        for name in names
    ]
    for part in dict.fromkeys(part for each in written for part in each):
        yield [part, *(_figure(each[part]) if part in each else "" for each in written)]


def cells(end: End) -> list[str]:
    money = sum(end.costs.values())
    missed = [each for each in (end.wru, end.dollars) if each and each.is_missed]
    return [
        end.name, "" if end.cpu_ms is None else f"{end.cpu_ms:.1f}",
        f"{end.taken.reads / end.of:.2f} + {end.taken.writes / end.of:.2f}", _figure(end.taken.rru / end.of),
        _figure(end.units), *_promised(end.wru), f"{money:.2f}", *_promised(end.dollars),
        "OVER" if end.broken else "misses its target" if missed else "",
    ]  # fmt: skip


def _promised(promise: Promise | None) -> list[str]:
    if promise is None:
        return ["", ""]
    return [_figure(promise.most), "" if promise.target is None else _figure(promise.target)]


def _figure(units: Decimal | float) -> str:
    return f"{units:.2f}".rstrip("0").rstrip(".")
