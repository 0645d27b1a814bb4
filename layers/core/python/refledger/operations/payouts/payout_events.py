"""What Stripe says of the payout of a withdrawal, by an event or when it is asked: booked, and told the workflow."""

from __future__ import annotations

import re

from refledger.adapters.payouts.stripe_webhook import Told
from refledger.adapters.stepfunctions import Waker
from refledger.domain.errors import WithdrawalNotFound
from refledger.operations.context import Context
from refledger.operations.payouts import withdrawals, workflow_callbacks
from refledger.operations.payouts.withdrawals import Heard
from refledger.store.read_only import WouldWrite

IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")  # other text never enters a key


def is_id(text: str) -> bool:
    """Return whether it can be a withdrawal's: what a label of Stripe's says is any text."""
    return IDENTIFIER.fullmatch(text) is not None


def take(context: Context, waker: Waker, told: Told) -> Heard:
    """Take what a provider tells of a payout. Idempotent, as `provider_says` is.

    The withdrawal is written first and the workflow told after: if it ends in between, the repeat changes nothing, and
    the sweeper tells the workflow.

    Raises WithdrawalNotFound (of another deployment with the same Stripe account), Busy.
    """
    heard = _say(context, told)
    workflow_callbacks.tell(context, waker, heard.withdrawal)
    return heard


def is_news(context: Context, told: Told) -> bool:
    """Return whether `take` would book something.

    Reads only.
    """
    try:
        return _say(context.looking(), told).is_new
    except WithdrawalNotFound:
        return False
    except WouldWrite:
        return True


def _say(context: Context, told: Told) -> Heard:
    if not is_id(told.withdrawal_id):
        raise WithdrawalNotFound("there is no such withdrawal")
    return withdrawals.provider_says(
        context, told.withdrawal_id, told.said, told.transaction_id,
        key=told.key, event_id=told.event_id, delivered=told.delivered, returned=told.returned,
    )  # fmt: skip
