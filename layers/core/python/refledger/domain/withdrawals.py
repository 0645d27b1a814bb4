"""A partner's request to be paid: its states, who may move it, and what money moves with it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from refledger.domain.errors import AlreadyDecided, NotPayable, SecondPersonNeeded
from refledger.domain.journal import EntryKind
from refledger.domain.methods import MethodType
from refledger.domain.people import SYSTEM as SYSTEM


class WithdrawalStatus(StrEnum):
    """How far a withdrawal is."""

    REQUESTED = "REQUESTED"  # reserved, and waits for a decision
    APPROVED = "APPROVED"  # may be paid, and is not on its way yet
    PAYING = "PAYING"  # with the provider or in a bank's file
    PAID = "PAID"  # the money has left
    REJECTED = "REJECTED"  # refused: the money is available again
    CANCELLED = "CANCELLED"  # taken back by the partner: the money is available again
    EXPIRED = "EXPIRED"  # nobody decided in time: the money is available again
    FAILED = "FAILED"  # was not paid: the money is available again
    RETURNED = "RETURNED"  # it was paid, and came back


OPEN = (WithdrawalStatus.REQUESTED, WithdrawalStatus.APPROVED, WithdrawalStatus.PAYING)  # their money is reserved

# (from, to) → the movement that goes with it, in the same transaction. What is not here cannot happen.
TRANSITIONS: dict[tuple[WithdrawalStatus, WithdrawalStatus], EntryKind | None] = {
    (WithdrawalStatus.REQUESTED, WithdrawalStatus.APPROVED): None,
    (WithdrawalStatus.REQUESTED, WithdrawalStatus.REJECTED): EntryKind.RELEASE,
    (WithdrawalStatus.REQUESTED, WithdrawalStatus.CANCELLED): EntryKind.RELEASE,
    (WithdrawalStatus.REQUESTED, WithdrawalStatus.EXPIRED): EntryKind.RELEASE,
    # asked about once more, and the provider says that an earlier payout was paid
    (WithdrawalStatus.REQUESTED, WithdrawalStatus.PAID): EntryKind.SETTLE,
    # something stands against it since then that only people can take on them
    (WithdrawalStatus.APPROVED, WithdrawalStatus.REQUESTED): None,
    (WithdrawalStatus.APPROVED, WithdrawalStatus.PAYING): None,
    # the admin confirmed the transfer before the workflow had moved on
    (WithdrawalStatus.APPROVED, WithdrawalStatus.PAID): EntryKind.SETTLE,
    (WithdrawalStatus.APPROVED, WithdrawalStatus.FAILED): EntryKind.RELEASE,
    # the provider declined for certain, and a person wants another try
    (WithdrawalStatus.PAYING, WithdrawalStatus.APPROVED): None,
    (WithdrawalStatus.PAYING, WithdrawalStatus.PAID): EntryKind.SETTLE,
    (WithdrawalStatus.PAYING, WithdrawalStatus.FAILED): EntryKind.RELEASE,
    (WithdrawalStatus.PAID, WithdrawalStatus.RETURNED): EntryKind.RETURN,
    (WithdrawalStatus.FAILED, WithdrawalStatus.PAID): EntryKind.PAY,  # a person found out that the provider did pay
}


class PayoutProblem(StrEnum):
    """What keeps a withdrawal from going on by itself: a person looks at it, and acts."""

    UNKNOWN = "UNKNOWN"  # the provider may have paid or not, and its idempotency has run out: never sent again
    DECLINED = "DECLINED"  # for certain not paid, for a reason of the owner's (no funds at the provider)
    PAID_AFTER_FAILED = "PAID_AFTER_FAILED"  # the provider says paid, after the money was put back
    FAILED_AFTER_PAID = "FAILED_AFTER_PAID"  # the other way round
    PAID_TWICE = "PAID_TWICE"  # two of its payouts were paid
    PARTLY_RETURNED = "PARTLY_RETURNED"  # a part of the payout came back


# Problems that are over when the money was put right by other means: an adjustment, or a word with the partner. The
# other two end only with what is true of the payout: retried, paid or failed.
CAN_BE_SETTLED_ELSEWHERE = (
    PayoutProblem.PAID_AFTER_FAILED,
    PayoutProblem.FAILED_AFTER_PAID,
    PayoutProblem.PAID_TWICE,
    PayoutProblem.PARTLY_RETURNED,
)


class Risk(StrEnum):
    """Why a person should look before money leaves."""

    NEW_PAYOUT_METHOD = "NEW_PAYOUT_METHOD"  # the account was added within the last 7 days
    UNVERIFIED_PAYOUT_METHOD = "UNVERIFIED_PAYOUT_METHOD"  # nobody has verified the account
    UNUSUAL_AMOUNT = "UNUSUAL_AMOUNT"  # more than three times the mean of the last 25 payouts
    FIRST_WITHDRAWAL = "FIRST_WITHDRAWAL"  # the partner was never paid before
    YOUNG_ACCOUNT = "YOUNG_ACCOUNT"  # the partner has been one for less than 30 days
    HELD_REWARDS = "HELD_REWARDS"  # rewards of the partner are held
    DEBT = "DEBT"  # in any currency
    NOT_ACTIVE = "NOT_ACTIVE"  # the partner's status
    SHARED_ACCOUNT = "SHARED_ACCOUNT"  # another partner is paid to the same account
    SELF_REFERRAL = "SELF_REFERRAL"  # the partner earns from somebody who may be themselves
    TWIN = "TWIN"  # another partner has the same e-mail address, or name and phone, folded
    METHOD_DISABLED = "METHOD_DISABLED"  # the partner took it out of use since
    COOLING = "COOLING"  # who signs in as the partner, or an account, is new
    PROGRAM_CLOSED = "PROGRAM_CLOSED"  # paused or archived: what was earned is paid out, and somebody looks
    CUSTOMER_REJECTED = "CUSTOMER_REJECTED"  # money of a referral that was rejected or closed is not paid out yet
    MADE_BY_STAFF = "MADE_BY_STAFF"  # one of the staff did for the partner what bars them from paying it out


@dataclass(frozen=True)
class MethodUsed:
    """Which payout method, in which version, and what of it may be shown. The account itself is encrypted elsewhere."""

    id: str
    version: int
    type: MethodType
    holder: str
    masked: str  # "DE…3000": the last four characters of the number, no more than may be printed anywhere

    @property
    def is_known(self) -> bool:
        """Whether it is one of the partner's methods.

        A reward that staff paid by itself says only how, in `masked`.
        """
        return bool(self.id)

    @property
    def in_words(self) -> tuple[str, str, str]:
        """Type, holder and masked account; of what staff paid themselves their word for how, alone."""
        return (self.type.value, self.holder, self.masked) if self.is_known else (self.masked, "", "")


PAYOUT = "payout-"  # so begins the request of a step that begins a payout; its number follows
RESTORED = "restored-"  # so begins the request of a step that was entered after a restore


@dataclass(frozen=True)
class WithdrawalStep:
    """One change of status: what it became, who did it and when, and with which request.

    Where the status is that of the step before, it is a word about a problem: that there is one, or none any more.
    """

    status: WithdrawalStatus
    by: str  # keyed hash of the actor's `sub`, or "system"
    at_ms: int
    note: str = ""
    request: str = ""  # hash of the request that did it, so that its repeat is recognised


@dataclass(frozen=True)
class Approval:
    """One person's yes where two are needed. `to`: what the withdrawal becomes when another one says the same.

    `saw`: what stood against it then, by name and amount: of what came later it says nothing.
    """

    by: str
    at_ms: int
    note: str = ""
    request: str = ""
    to: WithdrawalStatus = WithdrawalStatus.APPROVED
    saw: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Withdrawal:
    """`amount` in minor units. `attempt` counts the workflow's executions; `steps` is its history."""

    id: str
    partner_id: str
    program_id: str
    amount: int
    currency: str
    status: WithdrawalStatus
    method: MethodUsed
    requester: str  # keyed hash of the user's `sub`
    created_at_ms: int
    expires_at_ms: int
    body: str  # hash of the request's body
    attempt: int = 0
    resumed_at_ms: int = 0
    transaction_id: str = ""  # the bank's or the provider's id of the payout
    steps: tuple[WithdrawalStep, ...] = field(default=())
    approvals: tuple[Approval, ...] = ()  # first ones, where one was not enough
    risks: tuple[Risk, ...] = ()
    payout: int = 0  # how often a payout was begun; each has an idempotency key of its own at the provider
    sent_at_ms: int = 0  # when this payout was first handed to the provider, written down before it is
    problem: PayoutProblem | None = None
    batch_id: str = ""  # the bank transfer batch that it was exported with
    program_version: int = 0  # whose terms held when it was asked for; 0 where that was not written down yet
    assessed_at_ms: int = 0  # when the risks were worked out last; 0: they have not been looked for
    blocked: tuple[str, ...] = ()  # what stood against paying it when the workflow, or whoever decided, last looked
    accepted: tuple[tuple[str, int], ...] = ()  # what people took on them, and how much it was (see domain/payout_gate)

    @property
    def changed_at_ms(self) -> int:
        """When it last moved, or was last set going again."""
        return max([self.created_at_ms, self.resumed_at_ms, *(step.at_ms for step in self.steps)])

    @property
    def entered_at_ms(self) -> int:
        """When it came into the state that it is in."""
        return self.steps[-1].at_ms if self.steps else self.created_at_ms

    @property
    def needs_account(self) -> bool:
        """Whether somebody may have to see the whole account now: it is decided, and not paid yet."""
        return self.method.is_known and self.status in (WithdrawalStatus.APPROVED, WithdrawalStatus.PAYING)

    @property
    def is_open(self) -> bool:
        """Whether its money is reserved."""
        return self.status in OPEN

    @property
    def are_risks_known(self) -> bool:
        """Whether somebody has looked for risks: none found is not the same as not looked."""
        return bool(self.assessed_at_ms or self.risks)

    @property
    def is_sent(self) -> bool:
        """Whether the payout is handed to a provider; a bank transfer is made by a person."""
        return not self.method.type.is_paid_by_person

    @property
    def was_approved_by_rule(self) -> bool:
        """Whether a rule, and no person, stands behind its last approval."""
        last = self._approval
        return last is not None and last.by == SYSTEM and not last.request.startswith(RESTORED)

    @property
    def was_approved_by_nobody(self) -> bool:
        """Whether a restore entered its last approval: neither a person nor a rule stands behind it."""
        last = self._approval
        return last is not None and last.by == SYSTEM and last.request.startswith(RESTORED)

    @property
    def _approval(self) -> WithdrawalStep | None:
        return next((step for step in reversed(self.steps) if step.status is WithdrawalStatus.APPROVED), None)

    @property
    def provider_key(self) -> str:
        """The idempotency key at the provider: the same for every try of one payout."""
        return f"{self.id}-{self.payout}"


def payouts_begun(withdrawal: Withdrawal) -> int | None:
    """Return how often its history says that a payout was begun.

    None where a restore entered it, and nobody knows.
    """
    if any(step.request.startswith(RESTORED) for step in withdrawal.steps):
        return None
    begun = [step.request.removeprefix(PAYOUT) for step in withdrawal.steps if step.request.startswith(PAYOUT)]
    return int(begun[-1]) if begun and begun[-1].isdecimal() else 0


def movement(old: WithdrawalStatus, new: WithdrawalStatus) -> EntryKind | None:
    """Return the movement of money that goes with a change of status; None where none does.

    Raises AlreadyDecided where there is no such change.
    """
    try:
        return TRANSITIONS[old, new]
    except KeyError:
        raise AlreadyDecided(f"the withdrawal is {old}; it cannot become {new}") from None


def check_decider(withdrawal: Withdrawal, actor: str, partner_user: str = "") -> None:
    """Raise OwnWithdrawal for who asked for the money, and for the partner's user.

    Neither decides about it.
    """
    from refledger.domain.duties import Act, check_stranger  # whoever only shows withdrawals has no use for them

    check_stranger(Act.REJECT_WITHDRAWAL, actor, partner_user, requester=withdrawal.requester)


def check_waiting(withdrawal: Withdrawal) -> None:
    """Raise AlreadyDecided unless it waits to be approved.

    PAYING may become APPROVED, too, but not by an approval.
    """
    if withdrawal.status is not WithdrawalStatus.REQUESTED:
        raise AlreadyDecided(f"the withdrawal is {withdrawal.status}; it cannot be approved any more")


def check_can_be_paid(withdrawal: Withdrawal) -> None:
    """Raise NotPayable or AlreadyDecided unless somebody can say that its transfer was made."""
    if withdrawal.status is WithdrawalStatus.REQUESTED:
        raise NotPayable("nobody approved the withdrawal yet")
    movement(withdrawal.status, WithdrawalStatus.PAID)
    if withdrawal.status is WithdrawalStatus.APPROVED and withdrawal.is_sent:
        raise NotPayable("the provider makes this payout, and it has not begun")
    if withdrawal.status is WithdrawalStatus.FAILED and withdrawal.problem is not PayoutProblem.PAID_AFTER_FAILED:
        raise AlreadyDecided("the withdrawal is FAILED, and nobody says that it was paid after all")


def after_approval(withdrawal: Withdrawal, approval: Approval, *, enough: bool) -> Withdrawal:
    """Add the approval of one person.

    Where that is not enough it is kept, and another person's makes it APPROVED.

    Raises SecondPersonNeeded where the same yes of the same person is kept already.
    """
    if not enough:
        if any(
            (known.by, known.to, known.saw) == (approval.by, approval.to, approval.saw)
            for known in withdrawal.approvals
        ):
            raise SecondPersonNeeded("a second person must approve this withdrawal")
        return replace(withdrawal, approvals=(*withdrawal.approvals, approval))
    step = WithdrawalStep(WithdrawalStatus.APPROVED, approval.by, approval.at_ms, approval.note, approval.request)
    return replace(withdrawal, status=WithdrawalStatus.APPROVED, steps=(*withdrawal.steps, step))
