"""A partner asks to be paid; people decide. Status and money always move in the same transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from refledger.adapters.ids import Ids
from refledger.adapters.vault import Vault
from refledger.domain.currencies import money
from refledger.domain.errors import (
    BelowMinimum,
    InsufficientFunds,
    PartnerNotFound,
    PartnerSuspended,
    TooManyWithdrawals,
    WithdrawalNotFound,
)
from refledger.domain.journal import Balance, EntryKind, post
from refledger.domain.methods import Account, PayoutMethod
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.programs import DEFAULT_PROGRAM, Program
from refledger.domain.provider_events import Delivered, News, Said, answer, fits, is_old, request_of
from refledger.domain.times import SECOND_MS
from refledger.domain.withdrawals import (
    SYSTEM,
    Withdrawal,
    WithdrawalStatus,
)
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.idempotency import check_same
from refledger.operations.payouts import methods
from refledger.operations.payouts.transitions import book, by_person, is_repeat, step
from refledger.store import keys, ledger, partners, programs, withdrawals
from refledger.store import methods as stored_methods
from refledger.store.transaction import Item

log = logging.getLogger(__name__)
MATURE_BATCHES = 5  # on demand; what is due beyond that is left to the schedule


@dataclass(frozen=True)
class Bounds:
    """Of a partner's withdrawals in one currency: open at once, and asked for on one day (UTC)."""

    open: int
    a_day: int

    def check(self, balance: Balance, now_ms: int) -> None:
        """Refuse one withdrawal more than may be open. Raises TooManyWithdrawals."""
        if balance.open >= self.open:
            raise TooManyWithdrawals(f"{self.open} withdrawals are open, the most at a time: wait, or cancel one")
        if balance.asked_on(now_ms) >= self.a_day:
            raise TooManyWithdrawals(f"{self.a_day} withdrawals were asked for today, the most in a day (UTC)")


BOUNDS = Bounds(open=5, a_day=20)


def request(
    context: Context,
    user: str,
    key: str | None,
    amount: int,
    currency: str,
    payee: Account | str,
    body: str,
    vault: Callable[[], Vault],
    bounds: Bounds | None = None,
) -> tuple[Withdrawal, bool]:
    """Reserve the money and write down the request, in one transaction.

    Says whether the withdrawal is new.

    `payee`: an account, or the id of a payout method. An account that is not known yet becomes a method first, by
    itself: if all ends there, a method without a withdrawal does no harm, and the repeat finds it.

    Idempotent by the Idempotency-Key, of which the id is made; without one every call is a request of its own.
    `bounds`: each open one is an execution of a workflow and a line in somebody's list; None: `BOUNDS`.
    Raises PartnerNotFound, PartnerSuspended, InsufficientFunds, BelowMinimum, MethodNotFound, MethodNotUsable,
    TooManyMethods, TooManyWithdrawals, KeyReused, Busy.
    """
    return _request(context, user, key or context.ids.new(), amount, currency, payee, body, vault, bounds)


@retry_on_conflict
def _request(
    context: Context,
    user: str,
    key: str,
    amount: int,
    currency: str,
    payee: Account | str,
    body: str,
    vault: Callable[[], Vault],
    bounds: Bounds | None,
) -> tuple[Withdrawal, bool]:
    partner, program, balance_item, earlier, method_item = _read(context, user, key, currency, payee)
    id = context.ids.withdrawal(partner.id, key)
    if earlier:
        check_same(earlier, body)
        return earlier, False
    if partner.status is PartnerStatus.SUSPENDED:
        raise PartnerSuspended("withdrawals are stopped while a partner is suspended")
    balance = ledger.balance_from(balance_item, partner.id, currency)
    if balance.available < amount:
        from refledger.operations.earning.maturity import mature_all  # mostly the schedule was here before

        batches = iter(range(MATURE_BATCHES - 1))
        mature_all(context, partner.id, currency, go_on=lambda: next(batches, None) is not None, rates=False)
        balance = ledger.find_balance(context.table, partner.id, currency)
    if balance.available < amount:
        raise InsufficientFunds(_short_of(balance))
    if amount < (minimum := program.terms(currency).payout_minimum):
        raise BelowMinimum(f"the program pays out {money(minimum, currency)} or more")
    (bounds or BOUNDS).check(balance, context.now_ms())
    method = _method(context, partner.id, payee, method_item, vault)
    now_ms = context.now_ms()
    withdrawal = Withdrawal(
        id=id,
        partner_id=partner.id,
        program_id=program.id,
        amount=amount,
        currency=currency,
        status=WithdrawalStatus.REQUESTED,
        method=methods.used(method),
        requester=user,
        created_at_ms=now_ms,
        expires_at_ms=now_ms + program.approval_timeout_seconds * SECOND_MS,
        body=body,
        program_version=program.version,
    )
    after, entry = post(balance, EntryKind.RESERVE, amount, id, now_ms)
    context.table.commit(withdrawals.create(withdrawal), *ledger.post(balance, after, entry))
    return withdrawal, True


def _short_of(balance: Balance) -> str:
    if balance.available < 0:
        return f"there is a debt of {money(-balance.available, balance.currency)}, which has to be earned back first"
    return "the amount is more than what is available"


def _method(
    context: Context, partner_id: str, payee: Account | str, item: Item | None, vault: Callable[[], Vault]
) -> PayoutMethod:
    """The method in use that is meant. `item`: its first version, where there is one."""
    method = stored_methods.from_item(item) if item else None
    if method is None or not method.is_active:  # not known, or a later version of it may be in use
        if isinstance(payee, str):
            method = stored_methods.current(context.table, partner_id, payee)
        else:
            method = methods.add(context, vault, partner_id, payee)
    methods.check_payable(method)
    return method


Found = tuple[Partner, Program, Item | None, Withdrawal | None, Item | None]


def _read(context: Context, user: str, key: str, currency: str, payee: Account | str) -> Found:
    """Everything a request looks at: one call for a member of the default program, one more for others."""
    guess = context.ids.partner(user)
    guard, program, *items = context.table.get_many(
        [keys.user(user), keys.program(DEFAULT_PROGRAM), *_keys(context.ids, guess, key, currency, payee)]
    )
    if guard is None:
        raise PartnerNotFound("only a partner can withdraw; ask for a referral code first")
    if (partner_id := partners.guard_from(guard).partner_id) != guess:
        items = context.table.get_many(_keys(context.ids, partner_id, key, currency, payee))
    partner, balance, earlier, method = items
    if partner is None:
        raise PartnerNotFound("only a partner can withdraw; ask for a referral code first")
    who = partners.from_item(partner)
    default = programs.from_item(program) if program else None
    home = default if default and default.id == who.program_id else programs.find(context.table, who.program_id)
    return who, home, balance, withdrawals.from_item(earlier) if earlier else None, method


def _keys(ids: Ids, partner_id: str, key: str, currency: str, payee: Account | str) -> list[keys.Key]:
    method_id = payee if isinstance(payee, str) else methods.id_of(ids, partner_id, payee)
    return [
        keys.partner(partner_id), keys.balance(partner_id, currency),
        keys.withdrawal(ids.withdrawal(partner_id, key)), keys.method(partner_id, method_id, 1),
    ]  # fmt: skip


def own(context: Context, user: str, withdrawal_id: str) -> Withdrawal:
    """Return a withdrawal of the caller. Another's does not exist for them: raises WithdrawalNotFound."""
    withdrawal = withdrawals.find(context.table, withdrawal_id)
    if withdrawal.partner_id != partners.id_of_user(context.table, user):
        raise WithdrawalNotFound("there is no such withdrawal")
    return withdrawal


def cancel(context: Context, withdrawal: Withdrawal, user: str, request: str) -> Withdrawal:
    """The partner takes an undecided request back. Raises AlreadyDecided."""
    return step(context, withdrawal.id, WithdrawalStatus.CANCELLED, user, request=request)


# ---------------------------------------------------------------- people decide


def decide(
    context: Context, withdrawal_id: str, status: WithdrawalStatus, actor: str, request: str, note: str
) -> Withdrawal:
    """Approve a withdrawal as one of the staff, or reject it. Idempotent by the request.

    See `decisions.approve`.

    Raises OwnWithdrawal, AlreadyDecided, WithdrawalNotFound, Busy; of an approval also PartnerSuspended, NotPayable,
    NoteNeeded, SecondPersonNeeded.
    """
    if status is WithdrawalStatus.APPROVED:
        from refledger.operations.payouts import decisions  # of staff; partners ask

        return decisions.approve(context, withdrawal_id, actor, request, note)
    return by_person(context, withdrawal_id, status, actor, request, note, lambda _: None)


def conclude(
    context: Context,
    withdrawal_id: str,
    status: WithdrawalStatus,
    actor: str,
    request: str,
    note: str = "",
    transaction_id: str = "",
) -> Withdrawal:
    """Book how the transfer ended, as one of the staff says: PAID with its transaction id, or FAILED.

    See `decisions.py`.

    What a provider makes can be called PAID only when it was begun, and FAILED only with a note: nobody but the person
    knows that no money has left. PAID after FAILED needs the provider's word (PAID_AFTER_FAILED).
    Raises OwnWithdrawal, PartnerSuspended, NotPayable, NoteNeeded, SecondPersonNeeded, AlreadyDecided,
    WithdrawalNotFound, Busy.
    """
    from refledger.operations.payouts import decisions

    if status is WithdrawalStatus.PAID:
        return decisions.mark_paid(context, withdrawal_id, actor, request, note, transaction_id)
    return decisions.mark_failed(context, withdrawal_id, actor, request, note, transaction_id)


# ---------------------------------------------------------------- a provider tells


@dataclass(frozen=True)
class Heard:
    """The withdrawal as it is now. `reported`: something does not fit, and a person has to look. `is_new`: this call
    booked it.
    """

    withdrawal: Withdrawal
    reported: bool = False
    is_new: bool = False


@retry_on_conflict
def provider_says(
    context: Context,
    withdrawal_id: str,
    said: str,
    transaction_id: str,
    *,
    key: str = "",
    event_id: str = "",
    delivered: Delivered | None = None,
    returned: int = 0,
) -> Heard:
    """Apply what a provider tells of a payout, whenever and however often.

    `said`: one of `Said`.

    `key`: the payout's key at the provider, `event_id`: the message's id, each where known; `transaction_id` is that
    of the payout, whatever became of it. `delivered`: what moved, unless the caller has held it against the order.
    `returned`: how much of it had come back by then, in the provider's units, where that is told.
    Believed where it fits, else the withdrawal gets a problem, or nothing but a report, and no money moves; see
    `provider_events.answer`. The caller wakes the workflow and counts what was reported.
    Idempotent by the payout, or by the event. Raises WithdrawalNotFound, Busy.
    """
    news = News(Said(said), transaction_id, key, event_id, delivered, returned)

    old = withdrawals.find(context.table, withdrawal_id)
    request, it_fits = request_of(old, news), fits(old, news)
    if is_repeat(old, SYSTEM, request) or (it_fits and is_old(old, news)):
        return Heard(old)
    means = answer(old, news)
    note = f"the provider says {news.said}" + (f" of {transaction_id}" if transaction_id else "")
    note += "" if it_fits else ", which is not what was to be paid"
    new, is_its_own = old, bool(transaction_id) and it_fits and not _is_known(old)
    changes: dict[str, Any] = {"transaction_id": transaction_id} if is_its_own else {}
    for status in means.moves:  # should it end in between, the repeat goes on from there
        problem = means.problem if status is means.moves[-1] else None
        told = request if status is means.moves[-1] else f"{Said.PAID}:{key or transaction_id}"
        new = book(context, new, status, SYSTEM, told, note, problem=problem, **changes)
    if not means.moves and (means.problem or means.solved):
        new = book(context, old, None, SYSTEM, request, note, problem=means.problem, **changes)
    if means.kept:
        new = book(context, old, None, SYSTEM, request, note, problem=old.problem)
    if means.reported:
        log.error("withdrawal %s is %s, and %s", old.id, old.status, note)
    return Heard(new, means.reported, new is not old)


def _is_known(withdrawal: Withdrawal) -> bool:
    """Whether it is settled, with the id of what settled it."""
    return withdrawal.status in (WithdrawalStatus.PAID, WithdrawalStatus.RETURNED) and bool(withdrawal.transaction_id)
