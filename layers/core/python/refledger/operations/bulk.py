"""The same for many, each by itself: one that is refused keeps no other one from being done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from refledger.domain.errors import Busy, Refledger
from refledger.domain.times import SECOND_MS
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.idempotency import DAY_SECONDS, Once, check_same, noting_replays
from refledger.store import requests
from refledger.store.transaction import ConditionFailed

# Fifty take some three seconds, and the function has fifteen. Where others keep changing the same money a single one
# may take five: what is not begun by then is said to be not done.
TIME_MS = 8 * SECOND_MS

T = TypeVar("T")
BulkResult = dict[str, Any]  # what the answer says of one


@dataclass(frozen=True)
class BulkOutcome(Generic[T]):
    """What became of one: what was made or changed, or why nothing was done about it."""

    id: str
    result: T | None = None
    refused: Refledger | None = None


def each(context: Context, ids: Sequence[str], act: Callable[[str], T]) -> list[BulkOutcome[T]]:
    """`act` on every id, in their order; a result for each.

    As idempotent as `act`: the repeat does what is left.

    Where what is made has no id yet, `ids` are their places: "0", "1", …
    """
    until_ms = context.now_ms() + TIME_MS
    done: list[BulkOutcome[T]] = []
    for id in ids:
        try:
            if context.now_ms() > until_ms:
                raise Busy("there was no time left for this one; please send the same request again")
            done.append(BulkOutcome(id, act(id)))
        except Refledger as refused:
            done.append(BulkOutcome(id, refused=refused))
    return done


def remembered(context: Context, once: Once, do: Callable[[], list[BulkResult]]) -> list[BulkResult]:
    """Answer a bulk call once for each Idempotency-Key.

    What `do` answers is kept for a day: the repeat gets the same, and does nothing.

    Each of what `do` answers is plain: text, whole numbers, true, false, None, lists and maps of them. `do` must
    be idempotent for each of what it does: the repeat of a call that died before its answer was kept does what is left,
    and so does that of an answer with a `code` BUSY, which is told and not kept. Without a key nothing is kept, because
    nobody can ask for it. Raises KeyReused where another request had the key.
    """
    if once.expires_at is not None:
        return do()
    kept = _begun(context, once)
    if kept is not None:
        return kept
    with noting_replays():  # of the parts: the call itself was never answered
        results = do()
    if any(answer.get("code") == Busy.code for answer in results):
        return results
    return _kept(context, once, results)


@retry_on_conflict
def _begun(context: Context, once: Once) -> list[BulkResult] | None:
    """The answer that is kept. The key is taken before anything is done, so that another request cannot have it."""
    expires_at = context.now_ms() // SECOND_MS + DAY_SECONDS
    try:
        context.table.commit(requests.begin_answer(once.key, once.body, expires_at))
    except ConditionFailed as failed:
        begun = requests.answer_there(failed)
        if begun.results is None:
            with noting_replays():  # it died before it was answered
                check_same(begun, once.body)
        else:
            check_same(begun, once.body)
        return begun.results
    return None


@retry_on_conflict
def _kept(context: Context, once: Once, results: list[BulkResult]) -> list[BulkResult]:
    """The answer; of two calls at the same time both get that of the first."""
    try:
        context.table.commit(requests.keep_answer(once.key, results))
    except ConditionFailed as failed:
        return requests.answer_there(failed).results or []
    return results
