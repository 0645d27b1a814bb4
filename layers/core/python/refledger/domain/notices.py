"""What partners can be told of, if they want to be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from refledger.domain.times import iso


class NoticeKind(StrEnum):
    """By these names partners choose."""

    REWARD_APPROVED = "REWARD_APPROVED"  # a reward is in the balance
    WITHDRAWAL_PAID = "WITHDRAWAL_PAID"  # a payout left
    WITHDRAWAL_REJECTED = "WITHDRAWAL_REJECTED"  # a payout was refused, and the money is available again
    REFERRAL_CONVERTED = "REFERRAL_CONVERTED"  # a referral brought its first money

    @property
    def words(self) -> str:
        """As the event's detail-type says it: "Reward Approved"."""
        return self.value.replace("_", " ").title()


@dataclass(frozen=True)
class Notice:
    """`about`: the id of the reward, withdrawal or referral. `amount`: in minor units, None where there is none."""

    kind: NoticeKind
    about: str
    partner_id: str
    program_id: str
    at_ms: int
    referral_id: str = ""
    amount: int | None = None
    currency: str = ""

    def detail(self, *, chosen: bool) -> dict[str, Any]:
        """Return the event's detail, without anybody's name.

        `id` is the same whenever the same thing is told again.
        """
        thing = self.kind.value.split("_")[0].lower()
        told: dict[str, Any] = {
            "id": f"{self.kind.value}-{self.about}", "partnerId": self.partner_id, "programId": self.program_id,
            "occurredAt": iso(self.at_ms), "chosen": chosen, f"{thing}Id": self.about,
        }  # fmt: skip
        if self.referral_id:
            told["referralId"] = self.referral_id
        if self.amount is not None:
            told |= {"amount": self.amount, "currency": self.currency}
        return told
