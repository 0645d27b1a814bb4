"""Payout accounts, encrypted by KMS itself: they are small, so no data key ever exists outside of it.

The encryption context (partner, method) is authenticated with the cipher text: what was sealed for one method cannot be
opened as another's, and CloudTrail says of whom every account was that somebody opened.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from refledger.domain.errors import Busy
from refledger.domain.methods import ACCOUNTS, Account

FORMAT = 1
ADDED = ("bic", "country")  # left out where they are empty: workers from before open such an account, too
# Codes after which the same may be asked again. Anything else is a fault of the deployment, and is raised.
PASSING = {"ThrottlingException", "KMSInternalException", "DependencyTimeoutException", "KeyUnavailableException"}


class NotOpened(Exception):
    """The cipher text is damaged, or is another partner's or method's: a fault, never a caller's mistake."""


class Vault:
    """One KMS key. An account that was opened is the caller's to forget: nothing is kept here."""

    def __init__(self, client: Any, key_id: str) -> None:
        self._client, self._key_id = client, key_id

    def seal(self, account: Account, partner_id: str, method_id: str) -> bytes:
        """Encrypt the account: cipher text, another one each time.

        Raises Busy where KMS cannot do it now.
        """
        fields = {name: text for name, text in asdict(account).items() if text or name not in ADDED}
        text = json.dumps({"format": FORMAT, "type": account.type.value, **fields})
        answer = self._ask("encrypt", partner_id, method_id, Plaintext=text.encode())
        return bytes(answer["CiphertextBlob"])

    def open(self, cipher: bytes, partner_id: str, method_id: str) -> Account:
        """Decrypt the account.

        Raises NotOpened, and Busy where KMS cannot do it now.
        """
        answer = self._ask("decrypt", partner_id, method_id, CiphertextBlob=cipher)
        fields = json.loads(answer["Plaintext"])
        if fields.pop("format", None) != FORMAT:
            raise NotOpened("sealed by another version of this code")
        kind = ACCOUNTS.get(fields.pop("type"))
        if kind is None:
            raise NotOpened("of a type that this code does not know")
        return kind(**fields)

    def _ask(self, method: str, partner_id: str, method_id: str, **given: bytes) -> Any:
        context = {"partner": partner_id, "method": method_id}
        try:
            return getattr(self._client, method)(KeyId=self._key_id, EncryptionContext=context, **given)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in PASSING:
                raise Busy("accounts cannot be read or written at this moment, please try again") from error
            if code == "InvalidCiphertextException":
                raise NotOpened("not what was sealed for this partner and method") from None
            raise
        except BotoCoreError as error:
            raise Busy("accounts cannot be read or written at this moment, please try again") from error
