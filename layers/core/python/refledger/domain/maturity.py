"""What is said to whoever makes due rewards their partner's money."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class MaturityMessage:
    """Look for due rewards of one partner and currency from the sort key `since` on.

    `exact`: from there, and no earlier, because the sender has just made them; else also what lies before it.
    """

    partner_id: str
    currency: str
    since: str
    exact: bool
    deduplication: str = ""

    def body(self) -> str:
        told = {"partnerId": self.partner_id, "currency": self.currency, "since": self.since, "exact": self.exact}
        return json.dumps(told)

    @classmethod
    def read(cls, body: str) -> MaturityMessage:
        told = json.loads(body)
        return cls(told["partnerId"], told["currency"], told["since"], told["exact"])
