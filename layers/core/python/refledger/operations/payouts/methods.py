"""Where partners are paid: taken in, vouched for, taken out of use, and opened for whoever makes the payout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from refledger.adapters.ids import Ids
from refledger.adapters.vault import Vault
from refledger.domain.errors import (
    MethodNotFound,
    MethodNotUsable,
    PartnerNotFound,
    PartnerSuspended,
    TooManyMethods,
)
from refledger.domain.methods import MAX_ACTIVE, Account, MethodType, PayoutMethod, identity, masked
from refledger.domain.partners import PartnerStatus
from refledger.domain.payouts import Payouts
from refledger.domain.withdrawals import MethodUsed, Withdrawal
from refledger.operations.context import Context, commit, retry_on_conflict
from refledger.store import methods, partners, withdrawals
from refledger.store.transaction import ConditionFailed

Providers = Callable[[], Mapping[MethodType, Payouts]]


def id_of(ids: Ids, partner_id: str, account: Account) -> str:
    """Return the id of an account of a partner: the same for the same one, so none is opened to compare."""
    return ids.hash("method", partner_id, *identity(account))


def used(method: PayoutMethod) -> MethodUsed:
    """Return what a withdrawal keeps of it."""
    return MethodUsed(method.id, method.version, method.type, method.holder, method.masked)


def partner_of(context: Context, user: str) -> str:
    """Return the id of the partner who this user is.

    Raises PartnerNotFound for somebody who is no partner yet.
    """
    partner_id = partners.id_of_user(context.table, user)
    if partner_id is None:
        raise PartnerNotFound("only a partner has payout methods; ask for a referral code first")
    return partner_id


@retry_on_conflict
def add(context: Context, vault: Callable[[], Vault], partner_id: str, account: Account) -> PayoutMethod:
    """Take an account in, or find the method that it already is.

    Idempotent by the account itself. KMS is asked, and `vault` called, only for one that is new or was disabled.
    Raises PartnerSuspended, TooManyMethods, Busy.
    """
    from refledger.operations import likeness  # few who use methods add one

    method_id = id_of(context.ids, partner_id, account)
    known = current_or_none(context, partner_id, method_id)
    if known and known.is_active:
        likeness.catch_up(context, known, account)
        return known
    partner = partners.find(context.table, partner_id)
    if partner.status is PartnerStatus.SUSPENDED:
        raise PartnerSuspended("a suspended partner adds no payout methods")
    method = PayoutMethod(
        id=method_id,
        partner_id=partner_id,
        version=known.version + 1 if known else 1,
        type=account.type,
        holder=account.holder,
        masked=masked(account),
        cipher=vault().seal(account, partner_id, method_id),
        created_at_ms=context.now_ms(),
        account_hash=likeness.account_hash(context, account),
    )
    try:
        context.table.commit(
            *methods.create(method), likeness.has_account(context, method),
            partners.still_not_suspended(partner_id),
        )  # fmt: skip
    except ConditionFailed as failed:
        if set(failed.items) == {methods.HAS_ROOM}:
            raise TooManyMethods(f"at most {MAX_ACTIVE} payout methods; take one out of use first") from None
        raise
    return method


def current_or_none(context: Context, partner_id: str, method_id: str) -> PayoutMethod | None:
    try:
        return methods.current(context.table, partner_id, method_id)
    except MethodNotFound:
        return None


@retry_on_conflict
def disable(context: Context, partner_id: str, method_id: str) -> PayoutMethod:
    """Take a method out of use; again changes nothing.

    Withdrawals that name it go on. Raises MethodNotFound, Busy.
    """
    method = methods.current(context.table, partner_id, method_id)
    if not method.is_active:
        return method
    now_ms = context.now_ms()
    context.table.commit(*methods.disable(method, now_ms))
    return replace(method, disabled_at_ms=now_ms)


def verify(
    context: Context, vault: Callable[[], Vault], payouts: Providers, partner_id: str, method_id: str, by: str
) -> PayoutMethod:
    """Vouch for a payout method, as one of the staff. Idempotent.

    Who did first stays written down.

    Its provider is asked as well whether the account can be paid to. Whose a bank account is only people can tell.
    Raises MethodNotFound, MethodNotUsable (disabled, or the provider says no), Forbidden for the partner's own user,
    PayoutUnavailable, Busy.
    """
    from refledger.domain.duties import Act  # staff verify; most who use methods know nothing of duties
    from refledger.operations import duties

    duties.check_stranger(Act.VERIFY_ACCOUNT, by, partners.find(context.table, partner_id).customer)
    return _verify(context, vault, payouts, partner_id, method_id, by)


@retry_on_conflict
def _verify(
    context: Context, vault: Callable[[], Vault], payouts: Providers, partner_id: str, method_id: str, by: str
) -> PayoutMethod:
    from refledger.domain.duties import Act
    from refledger.operations import duties

    method = methods.current(context.table, partner_id, method_id)
    if method.disabled_at_ms:
        raise MethodNotUsable("the payout method is out of use")
    if method.verified_at_ms:
        return method
    if not method.type.is_paid_by_person:
        account = vault().open(method.cipher, partner_id, method_id)
        if not payouts()[method.type].accepts(account):
            raise MethodNotUsable("the provider cannot pay to this account")
    now_ms = context.now_ms()
    marks = duties.marks(context, Act.VERIFY_ACCOUNT, by, partner_id)
    context.table.commit(methods.verify(method, by, now_ms), *marks)
    return replace(method, verified_at_ms=now_ms, verified_by=by)


def check_payable(method: PayoutMethod) -> None:
    """Refuse a method that cannot be paid to. Raises MethodNotUsable."""
    if not method.is_payable:
        why = "must be verified first" if method.is_active else "is out of use"
        raise MethodNotUsable(f"the payout method {why}")


def show_account(context: Context, vault: Callable[[], Vault], withdrawal: Withdrawal, by: str) -> Account:
    """Return the account that a withdrawal is paid to, in clear, for a person.

    Who looks is written down first, each time: if all ends after that, somebody is named who saw nothing, and never the
    other way round. Raises MethodNotFound, NotOpened, Busy.
    """
    from refledger.operations import likeness

    shown = withdrawals.account_shown(withdrawal.id, by, context.now_ms(), context.ids.new())
    commit(context, shown)
    method = _method_of(context, withdrawal)
    account = vault().open(method.cipher, method.partner_id, method.id)
    retry_on_conflict(likeness.catch_up)(context, method, account)
    return account


def account_of(context: Context, vault: Vault, withdrawal: Withdrawal) -> Account:
    """Return the account a withdrawal is to be paid to, in clear, for whoever pays or shows it alone.

    Raises MethodNotFound, NotOpened, Busy.
    """
    method = _method_of(context, withdrawal)
    return vault.open(method.cipher, method.partner_id, method.id)


def _method_of(context: Context, withdrawal: Withdrawal) -> PayoutMethod:
    named = withdrawal.method
    return methods.find(context.table, withdrawal.partner_id, named.id, named.version)
