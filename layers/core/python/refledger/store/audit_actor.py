"""Who is at work: written with everything that people may want to know the author of.

A write by somebody carries `who`; a write by the system itself leaves the one that is there. The reader of the stream
tells them apart: each writing has a number of its own, so an unchanged `who` means that nobody was at it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count

from refledger.store import keys
from refledger.store.transaction import Item, Write


@dataclass(frozen=True)
class Actor:
    """See `acting`."""

    by: str
    kind: str
    origin: str
    request: str
    what: str


_now: ContextVar[Item | None] = ContextVar("acting", default=None)
_numbers = count(1)


@contextmanager
def acting(by: str, kind: str, origin: str, request: str, what: str) -> Iterator[None]:
    """Everything that is written inside is this actor's.

    `by`: keyed hash of the user, "" for the system. `kind`: their role. `origin`: the address they called from.
    `request`: the id of the call, unique. `what`: the route, or what else was asked for.
    """
    token = _now.set({"by": by, "kind": kind, "from": origin, "request": request, "what": what})
    try:
        yield
    finally:
        _now.reset(token)


def current() -> Actor | None:
    """Return who is at work now; None for the system, and for an operator's command."""
    who = _now.get()
    return Actor(*_told(who)) if who else None


def acting_again(who: Mapping[str, str]) -> AbstractContextManager[None]:
    """Act for whoever is kept with what is done now, such as who asked for a job; nobody for {}."""
    return acting(*_told(who)) if who else nullcontext()


def _told(who: Mapping[str, str]) -> tuple[str, str, str, str, str]:
    return who["by"], who["kind"], who["from"], who["request"], who["what"]


def signed(write: Write) -> Write:
    """The write with who makes it, where somebody does and the item is one that is audited."""
    who = _now.get()
    if who is None or write.kind not in ("Put", "Update") or not keys.is_audited(write.target):
        return write
    who = {**who, "n": next(_numbers)}
    if write.kind == "Put":
        return Write(write.name, write.kind, {**write.target, "who": who}, "", write.condition, write.values)
    head, found, tail = write.change.partition("SET ")
    change = f"{head}SET #who = :who, {tail}" if found else f"SET #who = :who {write.change}"
    return Write(write.name, write.kind, write.target, change, write.condition, {**write.values, "who": who})


def actor_of(old: Item, new: Item) -> Actor | None:
    """Return who changed an item from `old` to `new`; None where the system did."""
    who = new.get("who")
    if not who or who == old.get("who"):
        return None
    return Actor(*_told(who))
