"""What Stripe says that it sent: its list of events, and of transfers as they are now. Reads only.

Stripe lists events of the last 30 days, newest first, each as it was rendered when it was made, by the account's API
version and not by that of an event destination; `adapters/stripe` reads both shapes.

Sources (Stripe documentation, read in November 2026): https://docs.stripe.com/api/events/list (up to 20 `types`),
https://docs.stripe.com/api/transfers/list, https://docs.stripe.com/keys#limit-access
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from refledger.adapters import stripe_client
from refledger.adapters.payouts.stripe_errors import words

PAGE: Final = 100  # Stripe's largest
KEPT_SECONDS: Final = 30 * 24 * 60 * 60  # of events


class SourceUnavailable(Exception):
    """Stripe did not answer, or not with a list. The text may be logged."""


@dataclass(frozen=True)
class StripePage:
    """`after`: the id to go on after; "" where there is no more."""

    found: list[dict[str, Any]]
    after: str


class StripeSource:
    """`api_key`: restricted to reading events and what is in them, and transfers. `livemode`, `api_base`: as of
    `StripeTransfers`. Nothing is imported or asked before it is used.
    """

    def __init__(self, api_key: Callable[[], str], *, livemode: bool | None, api_base: str = "") -> None:
        self._api_key, self._livemode, self._base = api_key, livemode, stripe_client.checked_base(api_base)

    def events(self, types: Sequence[str], since: int, until: int, after: str) -> StripePage:
        """List events of these types made from `since` to before `until`, newest first, behind `after`.

        Both are epoch seconds.
        """
        return self._list("/v1/events", after, types=list(types), created={"gte": since, "lt": until})

    def transfers(self, since: int, after: str) -> StripePage:
        """List transfers that were made since then (epoch seconds), as they are now, newest first."""
        return self._list("/v1/transfers", after, created={"gte": since})

    def _list(self, path: str, after: str, **asked: Any) -> StripePage:
        try:
            key = self._api_key()
        except Exception as error:
            raise SourceUnavailable("the key for Stripe cannot be read") from error
        if unusable := stripe_client.not_usable(key, self._livemode):
            raise SourceUnavailable(unusable)
        from stripe import StripeError

        behind = {"starting_after": after} if after else {}
        try:
            answer = stripe_client.make(key, self._base).raw_request("get", path, limit=PAGE, **behind, **asked)
        except StripeError as error:
            code = str((error.error and error.error.to_dict().get("code")) or "")
            raise SourceUnavailable(f"Stripe: {words(error.http_status, code, error.request_id or '')}") from None
        return _page(answer.body)


def _page(text: str) -> StripePage:
    try:
        told = json.loads(text)
        found = [each for each in told["data"] if isinstance(each["id"], str)]
        return StripePage(found, found[-1]["id"] if told["has_more"] and found else "")
    except (ValueError, KeyError, TypeError):
        raise SourceUnavailable("Stripe's answer is no list") from None
