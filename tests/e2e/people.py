"""People of a test: each test has its own, so that tests share a stack and nothing else."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scripts.demo import IBAN, Client, eventually

Json = dict[str, Any]
PROGRAM = {
    "id": "default",
    "name": "Friends",
    "currency": "USD",
    "tierRatesBps": [2000, 1000],
    "holdDays": 0,
    "coolingHours": 0,
}


@dataclass
class People:
    """Alice referred Bob, Bob referred Carol."""

    client: Client

    def __post_init__(self) -> None:
        self.run = secrets.token_hex(4)
        self.alice, self.bob, self.carol = (f"{name}-{self.run}" for name in ("alice", "bob", "carol"))
        self.admin = f"admin-{self.run}"
        self.client.post(self.bob, f"/referrals/apply/{self.code(self.alice)}")
        self.client.post(self.carol, f"/referrals/apply/{self.code(self.bob)}")

    def code(self, who: str) -> str:
        return str(self.client.get(who, "/referrals/code")["code"])

    def payment(self, amount: int, payment_id: str = "", customer: str = "", **more: Any) -> Json:
        return {
            "paymentId": payment_id or f"p-{secrets.token_hex(6)}", "customerId": customer or self.carol,
            "amount": amount, "currency": "USD", "occurredAt": datetime.now(UTC).isoformat(), **more,
        }  # fmt: skip

    def pay(self, amount: int, **more: Any) -> Json:
        detail = self.payment(amount, **more)
        self.client.put_event(detail)
        return detail

    def balance(self, who: str, currency: str = "USD") -> tuple[int, int, int]:
        """(available, reserved, paid)."""
        for balance in self.client.get(who, "/referrals/stats")["balances"]:
            if balance["currency"] == currency:
                return balance["available"], balance["reserved"], balance["paid"]
        return 0, 0, 0

    def eventually_has(self, who: str, available: int, currency: str = "USD", seconds: int = 120) -> None:
        eventually(lambda: self.balance(who, currency)[0], available, f"available to {who}", seconds)

    def rich_bob(self, amount: int = 2_000) -> None:
        """Bob has this much available: Carol paid five times as much."""
        self.pay(amount * 5)
        self.eventually_has(self.bob, amount)

    def wish(self, amount: object, currency: str = "USD", **more: Any) -> Json:
        method = {"type": "BANK_TRANSFER", "accountHolder": "Bob Example", "iban": IBAN}
        return {"amount": amount, "currency": currency, "payoutMethod": method, **more}

    def withdraw(self, who: str, amount: int, key: str | None = None) -> Json:
        return self.client.post(who, "/referrals/withdraw", self.wish(amount), key=key)

    def status(self, withdrawal_id: str) -> str:
        """Of the timeline, which may be asked as often as one likes: it shows no account."""
        return str(self.client.get(self.admin, f"/withdrawals/{withdrawal_id}/timeline")["events"][-1]["status"])

    def eventually_is(self, withdrawal_id: str, status: str, seconds: int = 120) -> None:
        eventually(lambda: self.status(withdrawal_id), status, withdrawal_id, seconds)
