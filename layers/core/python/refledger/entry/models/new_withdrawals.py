"""What a partner says who asks for a withdrawal."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from refledger.domain.methods import Account
from refledger.entry.models.common import Amount, Body, Currency
from refledger.entry.models.payout_methods import PayoutMethodBody


class NewWithdrawal(Body):
    """Either an account or a method. `payoutMethod`: an account, kept as a method from now on; either this or
    `payoutMethodId`. `payoutMethodId`: a method that is known.
    """

    amount: Amount
    currency: Currency
    payout_method: PayoutMethodBody | None = None
    payout_method_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,64}$")] | None = None

    @model_validator(mode="after")
    def _one_method(self) -> Self:
        if (self.payout_method is None) == (self.payout_method_id is None):
            raise ValueError("either payoutMethod or payoutMethodId")
        return self

    @property
    def payee(self) -> Account | str:
        """The account, or the id of a method."""
        return self.payout_method.to_account() if self.payout_method else str(self.payout_method_id)
