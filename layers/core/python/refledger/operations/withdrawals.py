"""A partner asks to be paid; people decide. Status and money always move in the same transaction."""

from __future__ import annotations

from collections.abc import Callable

from refledger.domain.errors import (
    BelowMinimum,
    InsufficientFunds,
    KeyReused,
    NotPayable,
    PartnerNotFound,
    PartnerSuspended,
    WithdrawalNotFound,
)
from refledger.domain.journal import Kind, post
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.payments import DEFAULT_PROGRAM
from refledger.domain.programs import Program
from refledger.domain.times import SECOND_MS
from refledger.domain.withdrawals import (
    PayoutMethod,
    Step,
    Withdrawal,
    WithdrawalStatus,
    check_decider,
    movement,
)
from refledger.operations.context import Context
from refledger.operations.rewards import mature_all
from refledger.store import keys, ledger, partners, programs, withdrawals
from refledger.store.transaction import Item

S = WithdrawalStatus
MATURE_BATCHES = 5  # on demand; what is due beyond that is left to the schedule


def request(
    context: Context, user: str, key: str | None, amount: int, currency: str, method: PayoutMethod, body: str
) -> tuple[Withdrawal, bool]:
    """Reserve the money and write down the request, in one transaction; says whether the withdrawal is new.

    Idempotent by the Idempotency-Key, of which the id is made; without one every call is a request of its own.
    Raises PartnerNotFound, PartnerSuspended, InsufficientFunds, BelowMinimum, KeyReused, Busy.
    """
    key = key or context.ids.new()

    def once() -> tuple[Withdrawal, bool]:
        partner, program, balance_item, earlier = _read(context, user, key, currency)
        id = context.ids.withdrawal(partner.id, key)
        if earlier:
            if earlier["body"] != body:
                raise KeyReused("this Idempotency-Key came with another request before")
            return withdrawals.from_item(earlier), False
        if partner.status is PartnerStatus.SUSPENDED:
            raise PartnerSuspended("withdrawals are stopped while a partner is suspended")
        balance = ledger.balance_from(balance_item, partner.id, currency)
        if balance.available < amount:
            batches = iter(range(MATURE_BATCHES - 1))
            mature_all(context, partner.id, currency, go_on=lambda: next(batches, None) is not None)
            balance = ledger.find_balance(context.table, partner.id, currency)
        if balance.available < amount:
            raise InsufficientFunds("the amount is more than what is available")
        if currency == program.currency and amount < program.payout_minimum:
            raise BelowMinimum(f"the program pays out {program.payout_minimum} or more")
        now_ms = context.now_ms()
        withdrawal = Withdrawal(
            id=id,
            partner_id=partner.id,
            program_id=program.id,
            amount=amount,
            currency=currency,
            status=S.REQUESTED,
            method=method,
            requester=user,
            created_at_ms=now_ms,
            expires_at_ms=now_ms + program.approval_timeout_seconds * SECOND_MS,
            body=body,
        )
        after, entry = post(balance, Kind.RESERVE, amount, id, now_ms)
        context.table.commit(withdrawals.create(withdrawal), *ledger.post(balance, after, entry))
        return withdrawal, True

    return context.repeat(once)


def _read(context: Context, user: str, key: str, currency: str) -> tuple[Partner, Program, Item | None, Item | None]:
    """Everything a request looks at: one call for a member of the default program, one more for others."""
    guess = context.ids.partner(user)
    guard, partner, balance, earlier, program = context.table.get_many([
        keys.user(user), keys.partner(guess), keys.balance(guess, currency),
        keys.withdrawal(context.ids.withdrawal(guess, key)), keys.program(DEFAULT_PROGRAM),
    ])  # fmt: skip
    if guard is None:
        raise PartnerNotFound("only a partner can withdraw; ask for a referral code first")
    if guard["partner"] != guess:
        id = guard["partner"]
        partner, balance, earlier = context.table.get_many(
            [keys.partner(id), keys.balance(id, currency), keys.withdrawal(context.ids.withdrawal(id, key))]
        )
    if partner is None:
        raise PartnerNotFound("only a partner can withdraw; ask for a referral code first")
    who = partners.from_item(partner)
    known = programs.from_item(program) if program and program["sk"] == who.program_id else None
    return who, known or programs.find(context.table, who.program_id), balance, earlier


def own(context: Context, user: str, withdrawal_id: str) -> Withdrawal:
    """A withdrawal of the caller. Another's does not exist for them: raises WithdrawalNotFound."""
    withdrawal = withdrawals.find(context.table, withdrawal_id)
    if withdrawal.partner_id != partners.id_of_user(context.table, user):
        raise WithdrawalNotFound("there is no such withdrawal")
    return withdrawal


# ---------------------------------------------------------------- steps


def step(
    context: Context,
    withdrawal_id: str,
    status: WithdrawalStatus,
    by: str,
    *,
    request: str = "",
    note: str = "",
    transaction_id: str = "",
    check: Callable[[Withdrawal], None] = lambda _: None,
) -> Withdrawal:
    """One change of status, with the money that goes with it, under the status that was read.

    Idempotent by `request`: the same actor's same request finds its own step and changes nothing.
    Raises WithdrawalNotFound, AlreadyDecided, and what `check` raises.
    """

    def once() -> Withdrawal:
        old = withdrawals.find(context.table, withdrawal_id)
        if request and any((s.status, s.by, s.request) == (status, by, request) for s in old.steps):
            return old
        check(old)
        kind = movement(old.status, status)
        now_ms = context.now_ms()
        new, write = withdrawals.move(old, Step(status, by, now_ms, note, request), transaction_id)
        if kind is None:
            context.table.commit(write)
        else:
            balance = ledger.find_balance(context.table, old.partner_id, old.currency)
            after, entry = post(balance, kind, old.amount, old.id, now_ms)
            context.table.commit(write, *ledger.post(balance, after, entry))
        return new

    return context.repeat(once)


def decide(
    context: Context, withdrawal_id: str, status: WithdrawalStatus, actor: str, request: str, note: str
) -> Withdrawal:
    """An admin approves or rejects. Raises OwnWithdrawal, AlreadyDecided, WithdrawalNotFound."""
    return step(
        context,
        withdrawal_id,
        status,
        actor,
        request=request,
        note=note,
        check=lambda w: check_decider(w, actor),
    )


def conclude(
    context: Context,
    withdrawal_id: str,
    status: WithdrawalStatus,
    actor: str,
    request: str,
    note: str = "",
    transaction_id: str = "",
) -> Withdrawal:
    """An admin says how the transfer of an approved withdrawal ended: PAID with its transaction id, or FAILED.

    Raises OwnWithdrawal, NotPayable before it is approved, AlreadyDecided, WithdrawalNotFound.
    """

    def check(withdrawal: Withdrawal) -> None:
        check_decider(withdrawal, actor)
        if withdrawal.status is S.REQUESTED:
            raise NotPayable("nobody approved the withdrawal yet")

    return step(
        context,
        withdrawal_id,
        status,
        actor,
        request=request,
        note=note,
        transaction_id=transaction_id,
        check=check,
    )


def cancel(context: Context, withdrawal: Withdrawal, user: str, request: str) -> Withdrawal:
    """The partner takes an undecided request back. Raises AlreadyDecided."""
    return step(context, withdrawal.id, S.CANCELLED, user, request=request)
