"""Withdrawals over HTTP. Account numbers are shown whole only to staff, and only one withdrawal at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from refledger.domain.journal import LEGS
from refledger.domain.methods import Account
from refledger.domain.payout_gate import Blocker, BlockerCode
from refledger.domain.timelines import Happening, HappeningKind
from refledger.domain.times import iso
from refledger.domain.withdrawal_actions import WithdrawalAction
from refledger.domain.withdrawals import PayoutProblem, Risk, Withdrawal, WithdrawalStatus
from refledger.entry.models.common import Body, Capitals, Exact, Note, PeriodQuery, Query, View, in_major
from refledger.entry.models.ids import PartnerId, ProgramId
from refledger.entry.models.payout_method_views import BankAccountView, PayoutMethodView
from refledger.entry.models.withdrawal_views import WithdrawalStepView, common_fields
from refledger.operations.bulk import BulkOutcome

WAITS = "a second person must approve it"
BULK = 50  # withdrawals in one request: a function has 15 seconds
Id = Annotated[str, Field(min_length=1, max_length=64)]  # what could be none is not found, as others that are not there

TransactionId = Annotated[Exact, Field(min_length=1, max_length=140)]  # a bank's may have so many


class TransactionBody(Body):
    """`transactionId`: the bank's, so that the transfer can be found again. `note`: needed where something stands
    against paying it that a person can take on them; see `blockers`.
    """

    transaction_id: TransactionId
    note: Note = ""


class ReturnBody(Body):
    """Both are needed of money that was paid, or that is in a file for the bank. `transactionId`: the bank's, of what
    came back.
    """

    note: Note = ""
    transaction_id: TransactionId | None = None


class ReasonBody(Body):
    note: Annotated[Note, Field(min_length=1)]


class PaidItem(Body):
    withdrawal_id: Id
    transaction_id: TransactionId


def _ids_once(ids: list[str]) -> list[str]:
    if len(set(ids)) < len(ids):
        raise ValueError("a withdrawal is named twice")
    return ids


def _items_once(items: list[PaidItem]) -> list[PaidItem]:
    _ids_once([item.withdrawal_id for item in items])
    return items


class BulkApproval(Body):
    withdrawal_ids: Annotated[list[Id], Field(min_length=1, max_length=BULK), AfterValidator(_ids_once)]
    note: Note = ""


class BulkReject(Body):
    """`note`: why; the partner's money is available again."""

    withdrawal_ids: Annotated[list[Id], Field(min_length=1, max_length=BULK), AfterValidator(_ids_once)]
    note: Annotated[Note, Field(min_length=1)]


class BulkPaid(Body):
    """`note`: of all of them, where something stands against paying one; see `blockers`."""

    note: Note = ""
    items: Annotated[list[PaidItem], Field(min_length=1, max_length=BULK), AfterValidator(_items_once)]


class WithdrawalQuery(Query):
    """`account`: false to leave out the whole account, which then nobody was shown."""

    account: bool = True


class StatusQuery(PeriodQuery):
    """`status`: one, or ALL; without it REQUESTED, or all of the partner whom `partnerId` names. `problem`: true for
    those that a person must look at; these may have any status, and are in no list of one.

    `from`, `to`: days in UTC, both included, on which it came into the status that it has; of a partner's, on which it
    was asked for. `cursor`: the `nextCursor` of the page before. Where `programId` fits few of many, a page may be
    short and has one nevertheless.
    """

    status: Annotated[WithdrawalStatus | Literal["ALL"], Capitals] | None = None
    problem: bool = False
    partner_id: PartnerId | None = None
    program_id: ProgramId | None = None

    @model_validator(mode="after")
    def _one_list(self) -> Self:
        if self.problem and self.status is not None:
            raise ValueError("either status or problem")
        return self

    @property
    def one_status(self) -> WithdrawalStatus | None:
        """None for all, and for those with a problem."""
        if self.problem or self.status == "ALL":
            return None
        if self.status is None:
            return None if self.partner_id else WithdrawalStatus.REQUESTED
        return WithdrawalStatus(self.status)

    def takes(self, withdrawal: Withdrawal) -> bool:
        """Return whether it is one of those that are asked for; the index may be a moment behind."""
        status = self.one_status
        if self.problem and not withdrawal.problem:
            return False
        if status and (withdrawal.status is not status or (withdrawal.problem and not self.partner_id)):
            return False
        return self.partner_id in (None, withdrawal.partner_id) and self.program_id in (None, withdrawal.program_id)


class HappeningView(View):
    """`what`: ASKED, APPROVAL (the first of two), STATUS, WORD (of somebody, the status stays), HANDED_OVER to the
    provider, RESUMED. `movement`: how the amount moved with it, `debit` → `credit`; null where no money did.
    `byName`: of one of the staff, or of the partner where they did it themselves.
    """

    people = ("by",)

    what: HappeningKind
    at: str
    status: WithdrawalStatus
    by: str | None
    by_name: str | None = None
    note: str | None
    movement: str | None
    debit: str | None
    credit: str | None

    @classmethod
    def of(cls, happening: Happening) -> Self:
        debit, credit = LEGS[happening.moved] if happening.moved else (None, None)
        return cls(
            what=happening.what,
            at=iso(happening.at_ms),
            status=happening.status,
            by=happening.by or None,
            note=happening.note or None,
            movement=happening.moved,
            debit=debit,
            credit=credit,
        )


class TimelineView(View):
    """All that happened to a withdrawal, oldest first. Each movement is of the whole amount."""

    of_partner = True

    withdrawal_id: str
    partner_id: str
    partner_name: str | None = None
    partner_company: str | None = None
    amount: int
    currency: str
    amount_decimal = in_major("amount")
    events: list[HappeningView]


class WithdrawalBulkResult(View):
    """`status`: how it stands now, null where nothing is known of it; `code`, `detail`: why nothing was done.

    Approved by one of two, it is REQUESTED still, and `detail` says that a second person is needed.
    """

    id: str
    status: WithdrawalStatus | None
    code: str | None
    detail: str | None

    @classmethod
    def of(cls, done: BulkOutcome[Withdrawal]) -> Self:
        found, refused = done.result, done.refused
        return cls(
            id=done.id,
            status=found.status if found else None,
            code=refused.code if refused else None,
            detail=refused.detail
            if refused
            else WAITS
            if found and found.status is WithdrawalStatus.REQUESTED
            else None,
        )


class BulkResults(View):
    """One for every id, in the order in which they were given."""

    results: list[WithdrawalBulkResult]


class StaffStepView(WithdrawalStepView):
    people = ("by",)

    by: str
    by_name: str | None = None
    note: str


class ApprovalView(View):
    """A first yes. `to`: what the withdrawal becomes when another person says the same."""

    people = ("by",)

    at: str
    by: str
    by_name: str | None = None
    note: str
    to: str


class BlockerView(View):
    """What stands against paying it now. `weight`: STOPS (nobody can), NEEDS_SECOND (two who knew of it,
    with a note), NEEDS_NOTE. `amount`: of a debt, or of what `referralId` brought, in minor units of `currency`;
    null otherwise.
    """

    code: BlockerCode
    weight: str
    text: str
    amount: int | None
    currency: str | None
    amount_decimal = in_major("amount", told=str | None)
    referral_id: str | None

    @classmethod
    def of(cls, blocker: Blocker) -> Self:
        return cls(
            code=blocker.code,
            weight=blocker.weight.value,
            text=blocker.text,
            amount=blocker.amount or None,
            currency=blocker.currency or None,
            referral_id=blocker.referral_id or None,
        )


class StaffWithdrawalView(View):
    """What staff see of it. `attempt`: how often the workflow was set going again. `account`: the whole account, only
    where admins or finance read a single withdrawal that is APPROVED or PAYING; each look is in the audit. In lists,
    notes are left out as well.

    `riskState`: ASSESSING until somebody has looked for risks, and then `risks` is null. `blocked`: codes of what stood
    against paying it when it was last looked at; `blockers`: what does now, only where a single withdrawal is read.
    `actions`: what you can do about it, only where a single withdrawal is read; what your day has seen is looked at
    when you do. `approvals`: first ones, where a second is needed. `payout`: how often a payout was begun;
    `providerKey`: by which the provider knows the last one. `problem`: what a person has to look at.
    """

    of_partner = True

    id: str
    partner_id: str
    partner_name: str | None = None
    partner_company: str | None = None
    program_id: str
    status: WithdrawalStatus
    amount: int
    currency: str
    amount_decimal = in_major("amount")
    created_at: str
    expires_at: str
    payout_method: PayoutMethodView
    account: BankAccountView | None
    transaction_id: str | None
    attempt: int
    risk_state: Literal["ASSESSING", "ASSESSED"]
    risks: list[Risk] | None
    blocked: list[BlockerCode]
    blockers: list[BlockerView] | None
    actions: list[WithdrawalAction] | None = None
    approvals: list[ApprovalView]
    payout: int
    provider_key: str | None
    problem: PayoutProblem | None
    batch_id: str | None
    history: list[StaffStepView]

    @classmethod
    def of(
        cls,
        withdrawal: Withdrawal,
        account: Account | None = None,
        blockers: Sequence[Blocker] | None = None,
        actions: Sequence[WithdrawalAction] | None = None,
    ) -> Self:
        known = withdrawal.are_risks_known or not withdrawal.is_open
        steps = [StaffStepView(status=s.status, at=iso(s.at_ms), by=s.by, note=s.note) for s in withdrawal.steps]
        return cls(
            **common_fields(withdrawal),
            account=BankAccountView.of(account) if account else None,
            partner_id=withdrawal.partner_id,
            program_id=withdrawal.program_id,
            attempt=withdrawal.attempt,
            risk_state="ASSESSED" if known else "ASSESSING",
            risks=list(withdrawal.risks) if known else None,
            blocked=[BlockerCode(each) for each in withdrawal.blocked],
            blockers=None if blockers is None else [BlockerView.of(each) for each in blockers],
            actions=None if actions is None else list(actions),
            approvals=[ApprovalView(at=iso(a.at_ms), by=a.by, note=a.note, to=a.to) for a in withdrawal.approvals],
            payout=withdrawal.payout,
            provider_key=withdrawal.provider_key if withdrawal.payout and withdrawal.is_sent else None,
            problem=withdrawal.problem,
            batch_id=withdrawal.batch_id or None,
            history=steps,
        )
