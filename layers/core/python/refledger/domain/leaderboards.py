"""The message that says whose figures have changed, and when."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from refledger.domain.errors import Unreadable

_MONTH = re.compile(r"[0-9]{6}")


@dataclass(frozen=True, order=True)
class ChangedMonth:
    """A partner whose figures of a month (`202612`) have changed."""

    partner_id: str
    month: str


def written(changed: Iterable[ChangedMonth]) -> str:
    return json.dumps({"changed": [[each.partner_id, each.month] for each in changed]}, separators=(",", ":"))


def read(body: str) -> list[ChangedMonth]:
    """Parse a message about months whose figures changed.

    Raises Unreadable.
    """
    try:
        found = [ChangedMonth(partner_id, month) for partner_id, month in json.loads(body)["changed"]]
        if all(isinstance(each.partner_id, str) and _MONTH.fullmatch(each.month) for each in found):
            return found
    except (ValueError, KeyError, TypeError):
        pass
    raise Unreadable("not a message about figures")
