"""`refledger admin`: the first admin of a deployment, and everybody after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from refledger import cli
from refledger.adapters.user_pool import SignInFailed, UserPool, first_password
from refledger.cli.target import Target

EMAIL = "ada@example.com"
STACK = ("--stack", "refledger", "--region", "eu-central-1")


class Pool:
    """A user pool as the template makes one, with its three groups."""

    def __init__(self) -> None:
        self.client: Any = boto3.client("cognito-idp", region_name="eu-central-1")
        made = self.client.create_user_pool(
            PoolName="users", UsernameAttributes=["email"], AutoVerifiedAttributes=["email"]
        )
        self.id = made["UserPool"]["Id"]
        app = self.client.create_user_pool_client(
            UserPoolId=self.id, ClientName="api", ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
        )
        self.app = app["UserPoolClient"]["ClientId"]
        for group in ("bosses", "finance", "support"):
            self.client.create_group(UserPoolId=self.id, GroupName=group)
        self.resources = {
            "UserPool": self.id, "UserPoolClient": self.app, "AdminGroup": "bosses", "FinanceGroup": "finance",
            "SupportGroup": "support",
        }  # fmt: skip
        self.parameters = {"RoleNames": "bosses,finance,support"}

    def groups(self, email: str) -> list[str]:
        told = self.client.admin_list_groups_for_user(UserPoolId=self.id, Username=email)
        return [group["GroupName"] for group in told["Groups"]]


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """What the stack says that it has."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        made = Pool()
        monkeypatch.setattr(Target, "resources", made.resources)
        monkeypatch.setattr(Target, "parameters", made.parameters)
        yield made


def test_the_first_admin(pool: Pool, capsys: pytest.CaptureFixture[str]) -> None:
    """Is made without a mail, is in the group by its name there, and can sign in with the password that is printed."""
    assert cli.main(["admin", "create", "--email", EMAIL, *STACK]) == 0
    said = capsys.readouterr().out
    assert f"{EMAIL} is in the group bosses" in said
    assert f"bin/refledger admin sign-in --stack refledger --email {EMAIL}" in said
    password = next(line for line in said.splitlines() if line.startswith("first password")).split(": ")[1]
    assert pool.groups(EMAIL) == ["bosses"]
    user = pool.client.admin_get_user(UserPoolId=pool.id, Username=EMAIL)
    assert {"Name": "email_verified", "Value": "true"} in user["UserAttributes"]
    told = pool.client.admin_initiate_auth(
        UserPoolId=pool.id, ClientId=pool.app, AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": EMAIL, "PASSWORD": password},
    )  # fmt: skip
    assert told["ChallengeName"] == "NEW_PASSWORD_REQUIRED"


def test_a_repeat_changes_nothing_but_the_group(pool: Pool, capsys: pytest.CaptureFixture[str]) -> None:
    """No second user, no new password; who was left without a group by what died in between gets it now."""
    cli.main(["admin", "create", "--email", EMAIL, *STACK])
    capsys.readouterr()
    assert cli.main(["admin", "create", "--email", EMAIL, "--group", "finance", *STACK]) == 0
    said = capsys.readouterr().out
    assert "was there, and is in the group finance" in said
    assert "password" not in said
    assert sorted(pool.groups(EMAIL)) == ["bosses", "finance"]


def test_an_invitation_prints_no_password(pool: Pool, capsys: pytest.CaptureFixture[str]) -> None:
    """Cognito makes it and mails it."""
    assert cli.main(["admin", "invite", "--email", EMAIL, "--group", "support", *STACK]) == 0
    said = capsys.readouterr().out
    assert "in the mail that Cognito sends" in said
    assert pool.groups(EMAIL) == ["support"]


def test_the_page_is_named_where_there_is_one(pool: Pool, capsys: pytest.CaptureFixture[str]) -> None:
    """By its prefix and the region."""
    pool.resources["SignInPageName"] = "our-partners"
    cli.main(["admin", "create", "--email", EMAIL, *STACK])
    assert "https://our-partners.auth.eu-central-1.amazoncognito.com/login" in capsys.readouterr().out


def test_a_stack_with_another_issuer_has_no_people(pool: Pool, capsys: pytest.CaptureFixture[str]) -> None:
    """It says where they are."""
    del pool.resources["UserPool"]
    assert cli.main(["admin", "create", "--email", EMAIL, *STACK]) == 2
    assert "JwtIssuer" in capsys.readouterr().err


def test_a_pool_that_was_taken_over_has_its_people(pool: Pool, capsys: pytest.CaptureFixture[str]) -> None:
    """The stack made neither pool nor groups: its parameters say which they are."""
    pool.resources.clear()
    pool.parameters |= {"ExistingUserPool": pool.id, "ExistingUserPoolClient": pool.app}
    assert cli.main(["admin", "create", "--email", EMAIL, *STACK]) == 0
    assert f"{EMAIL} is in the group bosses" in capsys.readouterr().out
    assert pool.groups(EMAIL) == ["bosses"]


@pytest.mark.parametrize("email", ["ada", "ada@", "a b@c.d", ""])
def test_what_is_no_address_is_refused(pool: Pool, email: str) -> None:
    """Before anything is asked of AWS."""
    with pytest.raises(SystemExit):
        cli.main(["admin", "create", "--email", email, *STACK])


def test_sign_in_prints_the_token_alone(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a new password at the first one; what belongs to people goes to standard error."""
    cli.main(["admin", "create", "--email", EMAIL, *STACK])
    first = next(line for line in capsys.readouterr().out.splitlines() if "password" in line).split(": ")[1]
    typed = iter([first, "A-new-password-1"])
    monkeypatch.setattr("getpass.getpass", lambda prompt="": next(typed))
    assert cli.main(["admin", "sign-in", "--email", EMAIL, *STACK]) == 0
    told = capsys.readouterr()
    assert told.out.count(".") == 2
    assert len(told.out.splitlines()) == 1
    assert "half an hour" in told.err


class Cognito:
    """Cognito's answers in a sign-in with a second factor, as its documentation has them.

    https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa-totp.html
    """

    def __init__(self, *challenges: str) -> None:
        self.challenges, self.answers = list(challenges), []  # type: tuple[list[str], list[dict[str, Any]]]

    def _next(self) -> dict[str, Any]:
        if not self.challenges:
            return {"AuthenticationResult": {"AccessToken": "a.b.c"}}
        return {"ChallengeName": self.challenges.pop(0), "Session": f"session-{len(self.challenges)}"}

    def admin_initiate_auth(self, **given: Any) -> dict[str, Any]:
        assert given["AuthFlow"] == "ADMIN_USER_PASSWORD_AUTH"
        return self._next()

    def associate_software_token(self, Session: str) -> dict[str, Any]:  # noqa: N803
        return {"SecretCode": "SECRET", "Session": Session + "-associated"}

    def verify_software_token(self, Session: str, UserCode: str) -> dict[str, Any]:  # noqa: N803
        return {"Status": "SUCCESS" if UserCode == "123456" else "ERROR", "Session": Session + "-verified"}

    def admin_respond_to_auth_challenge(self, **given: Any) -> dict[str, Any]:
        self.answers.append({"session": given["Session"], **given["ChallengeResponses"]})
        return self._next()


def sign_in(cognito: Cognito, **answers: str) -> str:
    return UserPool(cognito, "pool", "app").sign_in(EMAIL, "secret", lambda name, given: answers[name])


def test_a_second_factor_is_set_up_at_the_first_sign_in() -> None:
    """A new password, then the secret for the authenticator, then its code; each with the session of the one before."""
    cognito = Cognito("NEW_PASSWORD_REQUIRED", "MFA_SETUP")
    assert sign_in(cognito, NEW_PASSWORD_REQUIRED="new", MFA_SETUP="123456") == "a.b.c"
    assert cognito.answers == [
        {"session": "session-1", "USERNAME": EMAIL, "NEW_PASSWORD": "new"},
        {"session": "session-0-associated-verified", "USERNAME": EMAIL},
    ]


def test_and_is_asked_for_at_every_other() -> None:
    """Its code alone."""
    cognito = Cognito("SOFTWARE_TOKEN_MFA")
    assert sign_in(cognito, SOFTWARE_TOKEN_MFA="654321") == "a.b.c"
    assert cognito.answers[0]["SOFTWARE_TOKEN_MFA_CODE"] == "654321"


def test_what_cannot_be_answered_here_is_said() -> None:
    """A wrong code, another challenge, one after the other for ever."""
    with pytest.raises(SignInFailed, match="does not belong"):
        sign_in(Cognito("MFA_SETUP"), MFA_SETUP="000000")
    with pytest.raises(SignInFailed, match="SMS_MFA"):
        sign_in(Cognito("SMS_MFA"))
    with pytest.raises(SignInFailed, match="on and on"):
        sign_in(Cognito(*["SOFTWARE_TOKEN_MFA"] * 9), SOFTWARE_TOKEN_MFA="1")


def test_a_first_password_has_what_the_pool_asks_for() -> None:
    """Upper case, lower case, a digit, and no two are the same."""
    made = {first_password() for _ in range(200)}
    assert len(made) == 200
    assert all(any(map(check, each)) for each in made for check in (str.islower, str.isupper, str.isdigit))
