"""Tasks of which one runs at a time. At each of its calls it hands over to whom the run's chance chooses.

Greenlets give each task a stack of its own, and no two of them ever run at once, so what happens depends on nothing but
the choices, which are numbers and can be replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]

from tests.support.faults import Death

MOST_CALLS = 20_000  # of one run: whoever makes more never comes to an end
Given = TypeVar("Given")
Result = TypeVar("Result")
Choose = Callable[[int], int]


class Wrong(BaseException):
    """What may never be. No Exception: a handler that answers for what fails must not answer for this."""


@dataclass(eq=False)
class Task:
    """`worker`: whose memory and clock it has. `parent`: what waits for it, in the same process."""

    name: str
    work: Callable[[], object]
    worker: int = 0
    parent: Task | None = None
    result: object = None
    error: BaseException | None = None
    ended: bool = False
    waits_for: set[Task] = field(default_factory=set)
    dead: bool = False  # of a process
    hurt: bool = False  # of a process: a fault struck in it
    stack: Any = None

    @property
    def process(self) -> Task:
        return self.parent.process if self.parent else self

    @property
    def is_ready(self) -> bool:
        return not self.ended and not self.waits_for


class Scheduler:
    """`choose`: a number below the one it is given, of those that are ready in the order in which they began."""

    def __init__(self, choose: Choose) -> None:
        self._choose = choose
        self._tasks: list[Task] = []
        self._first: BaseException | None = None  # what was raised first
        self.current: Task | None = None  # the task that calls; None for the test itself
        self.choices: list[int] = []
        self.calls = 0

    def run(self, tasks: Sequence[Task]) -> None:
        """Run all of them to their ends. Raises what the first of them raises that is no death."""
        assert self.current is None, "a task waits for others by `side_by_side`"
        self._first, self._tasks, self._home = None, [], getcurrent()
        for task in tasks:
            self._begin(task)
        while self._tasks:  # who ends comes back here
            self._go(self._pick())
        self.current = None
        if self._first is not None:
            raise self._first

    def switch(self) -> None:
        """A call of the current task: others may go on before it is made."""
        task = self.current
        if task is None:
            return
        self.calls += 1
        if self.calls > MOST_CALLS:
            raise Wrong(f"{MOST_CALLS} calls, and no end")
        chosen = self._pick()
        if chosen is not task:
            self._go(chosen)
        if task.process.dead:
            raise Death

    def side_by_side(self, work: Callable[[Given], Result], given: Sequence[Given], most: int) -> list[Result]:
        """What `refledger.threads.side_by_side` does, as tasks of the same process."""
        parent = self.current
        if parent is None or len(given) <= 1 or most == 1:
            return [work(each) for each in given]
        children = [Task(parent.name, lambda one=each: work(one), parent.worker, parent) for each in given]  # type: ignore[misc]
        results = []
        for start in range(0, len(children), most):
            some = children[start : start + most]
            parent.waits_for.update(some)
            for child in some:
                self._begin(child)
            self._go(self._pick())
            for child in some:
                if child.error is not None:
                    raise child.error
                results.append(child.result)
        return results  # type: ignore[return-value]

    def _begin(self, task: Task) -> None:
        self._tasks.append(task)
        task.stack = greenlet(lambda: self._body(task), self._home)

    def _go(self, task: Task) -> None:
        """Until somebody comes back to whoever calls this."""
        self.current = task
        task.stack.switch()

    def _body(self, task: Task) -> None:
        try:
            task.result = task.work()
        except BaseException as error:
            task.error = error
            if isinstance(error, Death):
                task.process.dead = True
            elif self._first is None and (task.parent is None or isinstance(error, Wrong)):
                self._first = error
        task.ended = True
        if task.parent:
            task.parent.waits_for.discard(task)
        self._tasks.remove(task)

    def _pick(self) -> Task:
        ready = [task for task in self._tasks if task.is_ready]
        at = self._choose(len(ready)) if len(ready) > 1 else 0
        if len(ready) > 1:
            self.choices.append(at)
        return ready[at]
