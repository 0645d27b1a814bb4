"""STRIPE: a transfer from the owner's Stripe balance to the partner's connected account, by Stripe's own SDK.

A transfer that exists is paid: its money is in the partner's Stripe balance at once, and when their bank gets it is
between them and Stripe. So `send` never answers AWAITING.

Sources (Stripe documentation, read in November 2026): https://docs.stripe.com/api/transfers/create and /list,
https://docs.stripe.com/api/idempotent_requests, https://docs.stripe.com/connect/account-capabilities
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Final

from refledger.adapters import stripe_client, stripe_units
from refledger.adapters.payouts.stripe_errors import Meaning, is_no_account, meaning, words
from refledger.adapters.payouts.transfers import NotATransfer, Transfer
from refledger.domain.errors import PayoutDeclined, PayoutUnavailable
from refledger.domain.methods import Account, StripeAccount
from refledger.domain.payouts import PayoutFault, PayoutOrder, PayoutResult, PayoutState
from refledger.domain.times import MINUTE_MS

if TYPE_CHECKING:
    from stripe import StripeClient, StripeError
    from stripe import Transfer as StripeTransfer

PAGE: Final = 100  # Stripe's largest
GROUP_LIMIT: Final = 1000  # transfers of one withdrawal; one is normal, and each try under a new key may add one


class StripeTransfers:
    """`api_key` reads the key, anew for each question: a secret one, or one that is restricted to transfers (write) and
    connected accounts (read); empty where there is none.

    `livemode`: the one of Stripe's modes that this deployment pays in, None for either. `api_base`: another address
    than Stripe's, for a server on this machine. Nothing is imported or asked before it is used.
    """

    # Stripe keeps a key for 24 hours at least, and executes it anew after that; an hour is left for clocks and queues
    idempotent_ms = 23 * 60 * MINUTE_MS

    def __init__(self, api_key: Callable[[], str], *, livemode: bool | None, api_base: str = "") -> None:
        self._api_key, self._livemode, self._base = api_key, livemode, stripe_client.checked_base(api_base)

    def send(self, order: PayoutOrder) -> PayoutResult:
        """Transfer the money: PAID with the transfer's id.

        Idempotent by the key, at Stripe.

        It looks first. A transfer that the withdrawal has already, under whichever key, is its payout: so not even a
        try under a new key after a "declined" that was none pays twice.
        """
        destination, amount = _account_id(order.account), _stripe_amount(order)
        if self._not_usable:
            raise PayoutDeclined(self._not_usable, retryable=True)
        from stripe import StripeError

        try:
            transfers = self._of_withdrawal(order)
            if found := self._standing(order, transfers):
                return found
            if any(transfer.key == order.key for transfer in transfers):
                # sent again, Stripe would repeat its answer of that time, which says that it was paid
                raise PayoutDeclined("the transfer was made, and all of it taken back", retryable=True)
            made = self._client.v1.transfers.create(
                {
                    "amount": amount,
                    "currency": order.currency.lower(),
                    "destination": destination,
                    "transfer_group": order.withdrawal_id,
                    "metadata": {"withdrawalId": order.withdrawal_id, "key": order.key},
                },
                {"idempotency_key": order.key},
            )
        except StripeError as error:
            raise _refusal(error, order) from None  # its text and body quote accounts and parts of the key
        return self._paid_by(order, _read(made))

    def find(self, order: PayoutOrder) -> PayoutResult | None:
        """Return PAID where a transfer of the withdrawal stands, of this order's key or of another one."""
        if self._not_usable:
            raise PayoutUnavailable(self._not_usable)
        from stripe import StripeError

        try:
            return self._standing(order, self._of_withdrawal(order))
        except StripeError as error:
            raise _not_known(error) from None

    def accepts(self, account: Account) -> bool:
        """Ask whether Stripe lets the owner transfer to the account, and its money go on to a bank.

        A transfer does without the second; but who cannot get money out of the account has not been paid.

        Raises PayoutUnavailable.
        """
        account_id = _account_id(account)
        if self._not_usable:
            raise PayoutUnavailable(self._not_usable)
        from stripe import StripeError

        try:
            found = self._client.v1.accounts.retrieve(account_id).to_dict()
        except StripeError as error:
            if is_no_account(error.http_status, _code(error)):
                return False
            raise _not_known(error) from None
        capabilities = found.get("capabilities") or {}
        return capabilities.get("transfers") == "active" and found.get("payouts_enabled") is True

    # ---------------------------------------------------------------- what Stripe has

    def _of_withdrawal(self, order: PayoutOrder) -> list[Transfer]:
        """All transfers that were made for the withdrawal, newest first."""
        pages = self._client.v1.transfers.list({"transfer_group": order.withdrawal_id, "limit": PAGE})
        listed = list(islice(pages.auto_paging_iter(), GROUP_LIMIT + 1))
        if len(listed) > GROUP_LIMIT:
            raise PayoutFault(f"{order.withdrawal_id} has more than {GROUP_LIMIT} transfers")
        # a group is a label that anybody with the key may use: ours are those that say so themselves
        return [found for found in map(_read, listed) if found.withdrawal_id == order.withdrawal_id]

    def _standing(self, order: PayoutOrder, transfers: list[Transfer]) -> PayoutResult | None:
        standing = [transfer for transfer in transfers if not transfer.reversed]
        if len(standing) > 1:
            raise PayoutFault(f"{order.withdrawal_id} was paid by {', '.join(t.id for t in standing)}")
        return self._paid_by(order, standing[0]) if standing else None

    def _paid_by(self, order: PayoutOrder, transfer: Transfer) -> PayoutResult:
        """What the withdrawal's transfer must be, here and where Stripe tells of it (`provider_events.fits`)."""
        wanted = (order.amount, order.currency, _account_id(order.account), order.withdrawal_id)
        found = (transfer.iso_amount, transfer.currency, transfer.destination, transfer.withdrawal_id)
        if found != wanted or self._livemode not in (None, transfer.livemode):
            raise PayoutFault(f"{transfer.id} is not what was ordered for {order.withdrawal_id}")
        return PayoutResult(PayoutState.PAID, transfer.id)

    # ---------------------------------------------------------------- how it is asked

    @property
    def _key(self) -> str:
        try:
            return self._api_key()
        except Exception as error:  # whatever keeps it from being read: nothing was sent, and what was is not known
            raise PayoutUnavailable("the key for Stripe cannot be read") from error

    @property
    def _not_usable(self) -> str:
        return stripe_client.not_usable(self._key, self._livemode)

    @property
    def _client(self) -> StripeClient:
        """The client of the key as it is now: a new one where the key is another."""
        return stripe_client.make(self._key, self._base)


def _account_id(account: Account) -> str:
    if not isinstance(account, StripeAccount):
        raise TypeError("Stripe transfers go to Stripe accounts")
    return account.account_id


def _stripe_amount(order: PayoutOrder) -> int:
    amount = stripe_units.from_iso(order.amount, order.currency)
    if amount is None:
        raise PayoutDeclined(f"Stripe takes no such amount of {order.currency}")
    return amount


def _read(transfer: StripeTransfer) -> Transfer:
    try:
        return Transfer.read(transfer.to_dict())
    except NotATransfer as error:
        raise PayoutUnavailable(f"Stripe's answer cannot be read: {error}") from None


def _code(error: StripeError) -> str:
    return str((error.error and error.error.to_dict().get("code")) or "")


def _not_known(error: StripeError) -> PayoutUnavailable:
    return PayoutUnavailable(f"Stripe: {words(error.http_status, _code(error), error.request_id or '')}")


def _refusal(error: StripeError, order: PayoutOrder) -> Exception:
    kind = str((error.error and error.error.to_dict().get("type")) or "")
    said = words(error.http_status, _code(error), error.request_id or "")
    match meaning(error.http_status, kind, _code(error)):
        case Meaning.NOT_KNOWN:
            return PayoutUnavailable(f"Stripe: {said}")
        case Meaning.REFUSED:
            return PayoutDeclined(f"Stripe declined it: {said}")
        case Meaning.REFUSED_FOR_OWNER:
            return PayoutDeclined(f"Stripe declined it: {said}", retryable=True)
        case Meaning.OTHER_ORDER:
            return PayoutFault(f"the key of {order.withdrawal_id} was used for another order: {said}")
