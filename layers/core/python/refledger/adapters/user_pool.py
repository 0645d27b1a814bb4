"""People of the stack's own user pool: made, put into a group, signed in. Asked with credentials of the owner's."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PASSWORD_LENGTH = 24
ALPHABET = string.ascii_letters + string.digits
SESSION_STEPS = 6  # of one sign-in: a password, a new one, a second factor, its code; more is a loop


@dataclass(frozen=True)
class Made:
    """Who was made. `password` is the first one, None where Cognito mails it, or where they were there before."""

    password: str | None
    was_there: bool


class SignInFailed(Exception):
    """Cognito asks for something that cannot be answered here; the text says what."""


class UserPool:
    """One user pool and its client. Raises ClientError."""

    def __init__(self, client: Any, pool_id: str, client_id: str) -> None:
        self._client, self._pool, self._app = client, pool_id, client_id

    def make(self, email: str, *, by_mail: bool) -> Made:
        """Make somebody who signs in with an address; who is there already is left as they are."""
        password = None if by_mail else first_password()
        given = {"DesiredDeliveryMediums": ["EMAIL"]} if by_mail else {
            "MessageAction": "SUPPRESS", "TemporaryPassword": password,
        }  # fmt: skip
        attributes = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
        try:
            self._client.admin_create_user(UserPoolId=self._pool, Username=email, UserAttributes=attributes, **given)
        except self._client.exceptions.UsernameExistsException:
            return Made(None, was_there=True)
        return Made(password, was_there=False)

    def join(self, email: str, group: str) -> None:
        """Put somebody into a group; harmless where they are in it."""
        self._client.admin_add_user_to_group(UserPoolId=self._pool, Username=email, GroupName=group)

    def sub(self, email: str) -> str:
        """Return the `sub` of their tokens."""
        told = self._client.admin_get_user(UserPoolId=self._pool, Username=email)
        return next(str(each["Value"]) for each in told["UserAttributes"] if each["Name"] == "sub")

    def sign_in(self, email: str, password: str, answer: Callable[[str, str], str]) -> str:
        """Return the access token of somebody who signs in.

        `answer` gets a challenge's name and what belongs to it.

        Raises SignInFailed for a challenge that is none of: a new password, a second factor to set up, its code.
        """
        told = self._client.admin_initiate_auth(
            UserPoolId=self._pool, ClientId=self._app, AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": password},
        )  # fmt: skip
        for _ in range(SESSION_STEPS):
            if "AuthenticationResult" in told:
                return str(told["AuthenticationResult"]["AccessToken"])
            told = self._respond(told, email, answer)
        raise SignInFailed("Cognito asks on and on")

    def _respond(self, told: dict[str, Any], email: str, answer: Callable[[str, str], str]) -> dict[str, Any]:
        challenge, session = str(told["ChallengeName"]), told["Session"]
        responses = {"USERNAME": email}
        match challenge:
            case "NEW_PASSWORD_REQUIRED":
                responses["NEW_PASSWORD"] = answer(challenge, "")
            case "SOFTWARE_TOKEN_MFA":
                responses["SOFTWARE_TOKEN_MFA_CODE"] = answer(challenge, "")
            case "MFA_SETUP":
                secret = self._client.associate_software_token(Session=session)
                code = answer(challenge, str(secret["SecretCode"]))
                verified = self._client.verify_software_token(Session=secret["Session"], UserCode=code)
                if verified["Status"] != "SUCCESS":
                    raise SignInFailed("that code does not belong to the secret")
                session = verified["Session"]
            case _:
                raise SignInFailed(f"Cognito asks for {challenge}: sign in on a page")
        found: dict[str, Any] = self._client.admin_respond_to_auth_challenge(
            UserPoolId=self._pool, ClientId=self._app, ChallengeName=challenge, Session=session,
            ChallengeResponses=responses,
        )  # fmt: skip
        return found


def first_password() -> str:
    """Make a password that is good for one sign-in.

    It has all kinds of characters that the pool asks for.
    """
    while True:
        made = "".join(secrets.choice(ALPHABET) for _ in range(PASSWORD_LENGTH))
        if any(map(str.islower, made)) and any(map(str.isupper, made)) and any(map(str.isdigit, made)):
            return made
