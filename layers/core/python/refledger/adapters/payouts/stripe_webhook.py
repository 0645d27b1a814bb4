"""Stripe's signed events about transfers: whose they are for certain, and what they say about a payout.

A transfer has no state but being there and having been reversed, so three kinds of events say all there is:
`transfer.created`, `transfer.reversed`, and `transfer.updated` where it shows a reversal. They carry the transfer as it
was when they were made, may come twice and in any order.

Sources (Stripe documentation, read in November 2026): https://docs.stripe.com/webhooks/signature,
https://docs.stripe.com/api/events/types, https://docs.stripe.com/api/transfers/object
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from refledger.adapters.payouts.transfers import NotATransfer, Transfer
from refledger.domain.errors import BadSignature, Unreadable
from refledger.domain.methods import StripeAccount, masked
from refledger.domain.provider_events import Delivered, Said

SECONDS: Final = re.compile(r"[0-9]{1,12}")
KINDS: Final = ("transfer.created", "transfer.reversed", "transfer.updated")
TOLERANCE_SECONDS: Final = 300  # Stripe's own; it signs each delivery anew, repeats too


@dataclass(frozen=True)
class Told:
    """What Stripe says about the payout of a withdrawal. `returned`: how much of it had come back, in Stripe's units.

    `event_id`: "" where no event said it, but the transfer itself.
    """

    withdrawal_id: str
    said: Said
    transaction_id: str
    key: str
    event_id: str
    delivered: Delivered
    returned: int = 0


@dataclass(frozen=True)
class Ignored:
    """Signed by Stripe, and nothing that concerns a payout of ours. `reason` is a word for the log."""

    reason: str


def read(body: bytes, signature: str, secrets: Sequence[str], *, livemode: bool | None) -> Told | Ignored:
    """Read what an event says that one of the secrets signed a moment ago.

    Raises BadSignature unless one signed these very bytes; Unreadable. Without a secret nothing is believed.
    `livemode`: the mode that counts in this deployment, None for both.
    """
    _check(body, signature, secrets)
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable("the event is not JSON") from None
    if not isinstance(event, Mapping) or event.get("object") != "event":
        raise Unreadable("not a Stripe event")
    return meaning(event, livemode=livemode)


def _check(body: bytes, signature: str, secrets: Sequence[str]) -> None:
    from stripe import SignatureVerificationError, WebhookSignature

    times = [part.strip().removeprefix("t=") for part in signature.split(",") if part.strip().startswith("t=")]
    latest = int(time.time()) + TOLERANCE_SECONDS  # Stripe's library looks at the past alone
    if any(not SECONDS.fullmatch(each) or int(each) > latest for each in times):
        raise BadSignature("signed in the future, or at no time")
    for secret in secrets:
        try:
            WebhookSignature.verify_header(body, signature, secret, TOLERANCE_SECONDS)
        except (SignatureVerificationError, UnicodeDecodeError, TypeError):
            continue  # TypeError: a signature beyond ASCII cannot be compared
        return
    raise BadSignature("not signed with this endpoint's secret, or too long ago")


def meaning(event: Mapping[str, Any], *, livemode: bool | None) -> Told | Ignored:
    """Read what a Stripe Event object says, once it is certain that it is Stripe's.

    Raises Unreadable.
    """
    kind, id, live = event.get("type"), event.get("id"), event.get("livemode")
    if not isinstance(kind, str) or not isinstance(id, str) or not isinstance(live, bool):
        raise Unreadable("type, id or livemode: missing")
    if livemode not in (None, live):
        return Ignored("TEST_MODE" if livemode else "LIVE_MODE")
    if event.get("account") is not None:
        return Ignored("CONNECTED_ACCOUNT")  # a transfer of somebody else's platform
    if kind not in KINDS:
        return Ignored("OTHER_KIND")
    transfer = _transfer(event)
    if not transfer.withdrawal_id:
        return Ignored("NOT_A_PAYOUT")  # the owner makes transfers of their own
    said = _said(kind, transfer)
    if said is None:
        return Ignored("NOTHING_NEW")
    return _told(transfer, said, id)


def standing(found: Mapping[str, Any], *, livemode: bool | None) -> Told | Ignored:
    """Read what a transfer says of itself, as Stripe lists it: it was paid, and came back or did not.

    Raises Unreadable.
    """
    try:
        transfer = Transfer.read(found)
    except NotATransfer as error:
        raise Unreadable(f"transfer.{error}") from None
    if livemode not in (None, transfer.livemode):
        return Ignored("TEST_MODE" if livemode else "LIVE_MODE")
    if not transfer.withdrawal_id:
        return Ignored("NOT_A_PAYOUT")
    return _told(transfer, _came_back(transfer) or Said.PAID, "")


def _told(transfer: Transfer, said: Said, event_id: str) -> Told:
    account = masked(StripeAccount("", transfer.destination))
    delivered = Delivered(transfer.iso_amount, transfer.currency, account)
    returned = transfer.amount_reversed if said is Said.PARTLY_RETURNED else 0
    return Told(transfer.withdrawal_id, said, transfer.id, transfer.key, event_id, delivered, returned)


def _transfer(event: Mapping[str, Any]) -> Transfer:
    data = event.get("data")
    subject = data.get("object") if isinstance(data, Mapping) else None
    try:
        return Transfer.read(subject if isinstance(subject, Mapping) else {})
    except NotATransfer as error:
        raise Unreadable(f"data.object.{error}") from None


def _said(kind: str, transfer: Transfer) -> Said | None:
    return Said.PAID if kind == "transfer.created" else _came_back(transfer)


def _came_back(transfer: Transfer) -> Said | None:
    if transfer.reversed:
        return Said.RETURNED
    return Said.PARTLY_RETURNED if transfer.amount_reversed else None
