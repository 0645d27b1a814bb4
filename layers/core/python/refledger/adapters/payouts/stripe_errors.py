"""What an error of Stripe's says about a transfer that was asked for: nothing happened for certain, or nobody knows.

Sources (Stripe documentation, read in November 2026): https://docs.stripe.com/error-low-level, /error-codes,
/api/errors, /api/idempotent_requests. What follows from them, and what was rejected: docs/decisions/0011.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

_CONTENT_ERRORS: Final = (400, 401, 402, 403, 404)  # "an error that failed given the information provided"
_NOT_ALLOWED: Final = (401, 403)  # by the key, which is the owner's

# Codes that come with a content error's status, and say nothing for certain all the same.
_BUSY: Final = frozenset({"rate_limit", "lock_timeout", "idempotency_key_in_use"})

# The partner's account is in order; the owner's is not, or this code is not. A person mends it and tries again.
_OWNERS: Final = frozenset({
    "api_key_expired", "balance_insufficient", "livemode_mismatch", "platform_account_required",
    "platform_api_key_expired", "secret_key_required", "testmode_charges_only", "tls_version_unsupported",
    "transfers_not_allowed",
})  # fmt: skip
_OURS: Final = "parameter_"


class Meaning(Enum):
    NOT_KNOWN = "not known"
    REFUSED = "refused"  # because of the partner's account, or of the amount
    REFUSED_FOR_OWNER = "refused, and the owner can do something about it"
    OTHER_ORDER = "the key was used for another order"


def meaning(status: int | None, type: str, code: str) -> Meaning:
    """Judge what an error of Stripe's means for the payout.

    `status`: None where there was no answer. `type` and `code`: of the error object, empty where there was none.

    Only what Stripe itself says with a status for content errors is certain. An answer without its error object is that
    of something on the way.
    """
    if type == "idempotency_error":
        return Meaning.OTHER_ORDER
    if status not in _CONTENT_ERRORS or type in ("", "api_error") or code in _BUSY:
        return Meaning.NOT_KNOWN
    if status in _NOT_ALLOWED or code in _OWNERS or code.startswith(_OURS):
        return Meaning.REFUSED_FOR_OWNER
    return Meaning.REFUSED


def is_no_account(status: int | None, code: str) -> bool:
    """Return whether there is no such account, or none that is connected to the owner's platform."""
    return (status, code) in ((403, "account_invalid"), (404, "resource_missing"), (404, "account_invalid"))


def words(status: int | None, code: str, request_id: str) -> str:
    """Return what may be shown and logged of an error.

    Never Stripe's message, which quotes accounts and parts of keys.
    """
    said = [str(status) if status else "no answer"]
    said += [code] if re.fullmatch(r"[a-z0-9_]{1,64}", code) else []
    said += [request_id] if re.fullmatch(r"req_[A-Za-z0-9]{1,64}", request_id) else []
    return ", ".join(said)
