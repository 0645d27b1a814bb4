"""`refledger admin`: people of the stack's user pool who run the program, the first of them above all."""

from __future__ import annotations

import argparse
import getpass
import re
from typing import Any

from refledger.adapters.user_pool import SignInFailed, UserPool
from refledger.cli.output import say, warn
from refledger.cli.target import Target, Usage, add_target
from refledger.domain import texts
from refledger.domain.people import PersonKind
from refledger.operations import people

GROUPS = {"admin": "AdminGroup", "finance": "FinanceGroup", "support": "SupportGroup"}
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
ISSUER = "people of this stack come from its own issuer (parameter JwtIssuer): put them into a group there"


def add_to(commands: Any) -> None:
    parser = commands.add_parser("admin", help="people who run the program: admins, finance, support")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    create = verbs.add_parser("create", help="make somebody, and print their first password here")
    create.set_defaults(run=make, by_mail=False)
    invite = verbs.add_parser("invite", help="make somebody, to whom Cognito mails their first password")
    invite.set_defaults(run=make, by_mail=True)
    sign_in = verbs.add_parser("sign-in", help="ask for password and second factor, and print an access token")
    sign_in.set_defaults(run=token)
    for verb in (create, invite):
        verb.add_argument("--group", choices=sorted(GROUPS), default="admin", help="default: admin")
        verb.add_argument(
            "--name",
            type=_name,
            metavar="NAME",
            help="by which answers call them: Cognito's tokens have no name in them",
        )
    for verb in (create, invite, sign_in):
        verb.add_argument("--email", required=True, type=_address, metavar="ADDRESS")
        add_target(verb)


def make(options: argparse.Namespace) -> int:
    """Make somebody a member of a group of the user pool, and say how they sign in.

    Returns 0: they are there and in the group, whether or not they were before.
    """
    target = Target(options)
    pool, group = _pool(target), _group(target, options.group)
    made = pool.make(options.email, by_mail=options.by_mail)
    pool.join(options.email, group)
    if options.name:
        context = target.keyed_context
        people.remember(context, context.ids.user(pool.sub(options.email)), options.name, PersonKind.PERSON)
        say(f"answers call them {options.name}")
    where = "--local" if options.local else f"--stack {options.stack}"
    say(f"{options.email} {'was there, and is' if made.was_there else 'is'} in the group {group}")
    if made.password:
        say(f"first password, good for one sign-in within a week: {made.password}")
    elif not made.was_there:
        say("the first password is in the mail that Cognito sends; it is good for a week")
    say(f"sign in:  bin/refledger admin sign-in {where} --email {options.email}")
    if domain := target.resources.get("SignInPageName"):
        region = target.client("cognito-idp").meta.region_name
        say(f"or on the page of your client:  https://{domain}.auth.{region}.amazoncognito.com/login")
    return 0


def token(options: argparse.Namespace) -> int:
    """Sign somebody in, and print their access token.

    The token alone goes to standard output, so that it can be put into a variable.
    """
    pool = _pool(Target(options))
    try:
        found = pool.sign_in(options.email, getpass.getpass("Password: "), _answer)
    except SignInFailed as error:
        raise Usage(str(error)) from None
    warn("an access token, good for half an hour:")
    say(found)
    return 0


def _answer(challenge: str, given: str) -> str:
    if challenge == "NEW_PASSWORD_REQUIRED":
        return getpass.getpass("New password (12 characters or more): ")
    if challenge == "MFA_SETUP":
        warn(f"Put this secret into your authenticator: {given}")
    return getpass.getpass("Code of your authenticator: ").strip()


def _pool(target: Target) -> UserPool:
    if "UserPool" in target.resources:
        return UserPool(target.client("cognito-idp"), target.resource("UserPool"), target.resource("UserPoolClient"))
    if not (existing := target.parameters.get("ExistingUserPool")):
        raise Usage(ISSUER)
    return UserPool(target.client("cognito-idp"), existing, target.parameters["ExistingUserPoolClient"])


def _group(target: Target, role: str) -> str:
    """What the group is called; in a pool that the stack has taken over it is none of the stack's."""
    if GROUPS[role] in target.resources:
        return target.resource(GROUPS[role])
    return target.parameters["RoleNames"].split(",")[list(GROUPS).index(role)]


def _name(text: str) -> str:
    try:
        return texts.name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _address(text: str) -> str:
    if not ADDRESS.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no address")
    return text
