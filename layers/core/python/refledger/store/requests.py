"""What requests with an Idempotency-Key have made, and what bulk calls were answered, for those that come again."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import ConditionFailed, Item, Write, put, update

KEY_IS_NEW = "the idempotency key is new"
IS_NOT_ANSWERED = "the request has no answer yet"


@dataclass(frozen=True)
class RequestMade:
    """What a request has made: the ids of it, and "" for what it is none of. `body`: hash of what was asked."""

    body: str
    partner: str = ""
    code: str = ""
    note: str = ""
    at: str = ""  # epoch milliseconds of the note
    referral: str = ""
    invitation: str = ""
    program: str = ""
    change: str = ""
    api_key: str = ""


@dataclass(frozen=True)
class BulkAnswer:
    """What a bulk call was answered; None while there is no answer."""

    body: str
    results: list[dict[str, Any]] | None


def create(key: str, made: RequestMade, expires_at: int | None) -> Write:
    """`expires_at`: epoch seconds; None: never."""
    told = {name: text for name, text in asdict(made).items() if text or name == "body"}
    return put(KEY_IS_NEW, {**keys.request(key), **told, **({"ttl": expires_at} if expires_at else {})})


def find(table: Table, key: str) -> RequestMade | None:
    """Return what the request with this key has made; None where there was none."""
    return _from_item(table.get(keys.request(key)))


def known(failed: ConditionFailed) -> RequestMade | None:
    """Return what the request made that was there first; None where the key was new."""
    return _from_item(failed.items.get(KEY_IS_NEW))


def _from_item(item: Item | None) -> RequestMade | None:
    return (
        RequestMade(**{each.name: item[each.name] for each in fields(RequestMade) if each.name in item})
        if item
        else None
    )


def begin_answer(key: str, body: str, expires_at: int) -> Write:
    """Take the key before anything is done, so that no other request does."""
    return put(KEY_IS_NEW, {**keys.answer(key), "body": body, "ttl": expires_at})


def keep_answer(key: str, results: list[dict[str, Any]]) -> Write:
    return update(
        IS_NOT_ANSWERED, keys.answer(key), "SET #results = :results", "attribute_not_exists(#results)", results=results
    )


def answer_there(failed: ConditionFailed) -> BulkAnswer:
    """Return what was there when the key was taken, or the answer kept, by another call."""
    (item,) = failed.items.values()
    return BulkAnswer(item["body"], list(item["results"]) if "results" in item else None)
