"""Payout methods over HTTP. Accounts come in whole and go out masked, but for the one that staff reads to pay it."""

from __future__ import annotations

from typing import Annotated, Self, assert_never

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from refledger.domain.methods import Account, BankAccount, MethodType, PayoutMethod, StripeAccount
from refledger.domain.times import iso
from refledger.entry.models import accounts
from refledger.entry.models.common import Body, Capitals, Holder, View

GIVEN_FOR = {
    MethodType.BANK_TRANSFER: (
        "accountHolder, and either iban or accountNumber and bankCode with the country, if you like; bic, if you like;"
        " no stripeAccountId"
    ),
    MethodType.STRIPE: "stripeAccountId, and no bank account",
}


class PayoutMethodBody(Body):
    """BANK_TRANSFER: `accountHolder`, and `iban` or `accountNumber` and `bankCode`. STRIPE: `stripeAccountId`.

    `country`: of the bank (ISO 3166, two letters). With it number and bank code are checked, of US, GB, AU, CA, IN and
    NZ: routing number, sort code, BSB, institution and transit, IFSC, bank and branch. `bic`: of the bank (ISO 9362).
    """

    type: Annotated[MethodType, Capitals]
    account_holder: Holder | None = None
    iban: Annotated[str, Field(max_length=50), AfterValidator(accounts.iban)] | None = None
    bic: Annotated[str, Field(max_length=20, examples=["COBADEFFXXX"]), AfterValidator(accounts.bic)] | None = None
    country: Annotated[str, Capitals, Field(pattern=r"^[A-Z]{2}$", examples=["US"])] | None = None
    account_number: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 -]{0,33}$")] | None = None
    bank_code: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 -]{0,19}$")] | None = None
    stripe_account_id: Annotated[str, Field(pattern=r"^acct_[A-Za-z0-9]{6,64}$")] | None = None

    @field_validator("account_number")
    @classmethod
    def _number(cls, text: str | None, info: ValidationInfo) -> str | None:
        return text and accounts.number(info.data.get("country") or "", text)

    @field_validator("bank_code")
    @classmethod
    def _bank_code(cls, text: str | None, info: ValidationInfo) -> str | None:
        country, number = info.data.get("country") or "", info.data.get("account_number") or ""
        return text and accounts.bank_code(country, text, number)

    @model_validator(mode="after")
    def _one_account(self) -> Self:
        given = {name for name, value in self if value is not None} - {"type"}
        fitting: tuple[set[str], ...]
        match self.type:
            case MethodType.BANK_TRANSFER:
                given -= {"bic"} | ({"country"} if "account_number" in given else set())
                fitting = {"account_holder", "iban"}, {"account_holder", "account_number", "bank_code"}
            case MethodType.STRIPE:
                fitting = {"stripe_account_id"}, {"stripe_account_id", "account_holder"}
            case _:
                assert_never(self.type)
        if given not in fitting:
            raise ValueError(GIVEN_FOR[self.type])
        return self

    def to_account(self) -> Account:
        holder = self.account_holder or ""
        match self.type:
            case MethodType.BANK_TRANSFER:
                number, code = self.account_number or "", self.bank_code or ""
                return BankAccount(holder, self.iban or "", number, code, self.bic or "", self.country or "")
            case MethodType.STRIPE:
                return StripeAccount(holder, self.stripe_account_id or "")
            case _:
                assert_never(self.type)


class StaffMethodView(View):
    """Each version of it that ever was. `verifiedBy`: keyed hash of who vouched for it."""

    people = ("verified_by",)

    id: str
    version: int
    type: MethodType
    account_holder: str
    account: str
    created_at: str
    verified_at: str | None
    verified_by: str | None
    verified_by_name: str | None = None
    disabled_at: str | None
    usable: bool

    @classmethod
    def of(cls, method: PayoutMethod) -> Self:
        return cls(
            id=method.id,
            version=method.version,
            type=method.type,
            account_holder=method.holder,
            account=method.masked,
            created_at=iso(method.created_at_ms),
            verified_at=iso(method.verified_at_ms) if method.verified_at_ms else None,
            verified_by=method.verified_by or None,
            disabled_at=iso(method.disabled_at_ms) if method.disabled_at_ms else None,
            usable=method.is_payable,
        )


class StaffMethods(View):
    data: list[StaffMethodView]
