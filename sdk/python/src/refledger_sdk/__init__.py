"""refledger's API for Python."""

from __future__ import annotations

from typing import Any

from refledger_sdk._api import Calls
from refledger_sdk._client import ApiError, ClientCredentials, Sender, Token
from refledger_sdk.came import Came, from_cookie, from_query, set_cookie
from refledger_sdk.webhooks import NotSigned, sign, verify

__all__ = [
    "ApiError", "Came", "ClientCredentials", "NotSigned", "Refledger", "from_cookie", "from_query", "set_cookie",
    "sign", "verify",
]  # fmt: skip


class Refledger(Calls):
    """A stack's API. `token`: an API key or an access token, or what returns one, such as `ClientCredentials`."""

    def __init__(self, url: str, token: Token, **options: Any) -> None:
        super().__init__(Sender(url, token, **options))
