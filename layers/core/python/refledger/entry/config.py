"""What a function is told by its environment, read once and never at import; and what is made of it.

Each factory imports what it makes: at a cold start a function loads what it asks for, and nothing else.
"""

from __future__ import annotations

import gc
import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from refledger.adapters import aws
from refledger.adapters.ids import Ids
from refledger.operations.context import Context
from refledger.store.table import Table

if TYPE_CHECKING:
    from refledger.adapters.archive import DayWriter, SignedDays
    from refledger.adapters.bus import Bus
    from refledger.adapters.crm_mapping import Mapping
    from refledger.adapters.files import Files
    from refledger.adapters.functions import Functions
    from refledger.adapters.queues import (
        DeadLetters,
        JobQueue,
        LeaderboardQueue,
        LeadsQueue,
        MaturityQueue,
        PaymentsQueue,
    )
    from refledger.adapters.secrets import Secrets
    from refledger.adapters.signing import KmsKey
    from refledger.adapters.stepfunctions import Waker, Workflow
    from refledger.adapters.stripe_source import StripeSource
    from refledger.adapters.vault import Vault
    from refledger.domain.methods import MethodType
    from refledger.domain.payouts import Payouts
    from refledger.entry.tokens import Reading
    from refledger.operations.rate_limits import Limits


LIVEMODE = {"live": True, "test": False, "any": None}  # which of Stripe's modes counts in this deployment


class Misconfigured(Exception):
    """A variable that this function needs is not there: a fault of the deployment, not of a caller."""


@dataclass(frozen=True)
class Environment:
    """The variables of one function. Those it has no use for are empty; asking for one is an error."""

    variables: dict[str, str]

    @classmethod
    def from_env(cls) -> Environment:
        return cls(dict(os.environ))

    def __getitem__(self, name: str) -> str:
        try:
            return self.variables[name]
        except KeyError:
            raise Misconfigured(f"{name} is not set") from None

    def number(self, name: str) -> int:
        """Return a whole number; 0 where it is not set.

        Raises Misconfigured for what is none.
        """
        text = self.variables.get(name, "0")
        if not (text.isascii() and text.isdigit()):
            raise Misconfigured(f"{name} must be a whole number, not {text!r}")
        return int(text)

    def is_on(self, name: str) -> bool:
        """Return whether it says `true`; not where it is not set."""
        return self.variables.get(name) == "true"


@cache
def environment() -> Environment:
    """Read the environment, which all that follows asks for.

    The first event is here, and all that was imported for it stays.
    """
    gc.freeze()
    return Environment.from_env()


@cache
def context() -> Context:
    table, key = environment()["TABLE_NAME"], environment()["HASH_KEY_ARN"]  # first: it sets aside what was imported
    ids, sealed = Ids(lambda: secrets().text(key)), environment().is_on("SEAL_CUSTOMER_IDS")
    return Context(Table(aws.client("dynamodb"), table), ids, seals_customers=sealed)


@cache
def secrets() -> Secrets:
    """Return the reader of secrets, from where they are kept.

    The variables of a function only name them: whoever may look at it learns nothing.
    """
    from refledger.adapters.secrets import Secrets

    return Secrets(aws.client("secretsmanager"))


def reading() -> Reading:
    """Return how tokens are read."""
    from refledger.entry.tokens import Reading

    env = environment()
    return Reading.of(env["GROUPS_CLAIM"], env["ROLE_NAMES"], env["SCOPE_PREFIX"])


def cdn_secret() -> str:
    """Return what the CDN in front of the API says, by which it is known; "" where there is none."""
    return secrets().text(environment()["CDN_SECRET_ARN"])


def stripe_webhook_secrets() -> str:
    """Return what Stripe signs with, one or several; "" where there is none."""
    return secrets().member(environment()["STRIPE_SECRET_ARN"], "webhookSecrets")


def lead_secrets(sender: str) -> str:
    """Return what a sender of leads signs with, one or several; "" where there is none.

    `sender`: `referrals` or `hubspot`.
    """
    return secrets().member(environment()["LEADS_SECRET_ARN"], sender)


def stripe_payments_secrets() -> str:
    """Return what Stripe signs events of payments with, one or several; "" where there is none."""
    return secrets().member(environment()["STRIPE_PAYMENTS_SECRET_ARN"], "webhookSecrets")


def sign_in_minutes() -> int:
    """Return how long ago a person may have signed in to move money, in minutes.

    0 for as long as they like.
    """
    return environment().number("FRESH_SIGN_IN_MINUTES")


@cache
def limits() -> Limits:
    from refledger.operations.rate_limits import Limits, parse

    return Limits(parse(environment()["LIMITS"]))


@cache
def workflow() -> Workflow:
    from refledger.adapters.stepfunctions import Workflow

    return Workflow(aws.client("stepfunctions"), environment()["WORKFLOW_ARN"])


@cache
def waker() -> Waker:
    from refledger.adapters.stepfunctions import Waker

    return Waker(aws.client("stepfunctions"))


@cache
def maturity_queue() -> MaturityQueue:
    from refledger.adapters.queues import MaturityQueue

    return MaturityQueue(aws.client("sqs"), environment()["MATURITY_QUEUE_URL"])


@cache
def job_queue() -> JobQueue:
    from refledger.adapters.queues import JobQueue

    return JobQueue(aws.client("sqs"), environment()["JOBS_QUEUE_URL"])


@cache
def files() -> Files:
    from refledger.adapters.files import Files

    return Files(aws.client("s3"), environment()["FILES_BUCKET"])


@cache
def functions() -> Functions:
    from refledger.adapters.functions import Functions

    names = dict(each.split("=") for each in environment()["FUNCTIONS"].split(","))
    return Functions(aws.waiting_client("lambda"), names)


@cache
def bus() -> Bus:
    from refledger.adapters.bus import Bus

    return Bus(aws.client("events"), environment()["BUS_NAME"])


@cache
def leaderboard_queue() -> LeaderboardQueue:
    from refledger.adapters.queues import LeaderboardQueue

    return LeaderboardQueue(aws.client("sqs"), environment()["LEADERBOARDS_QUEUE_URL"])


@cache
def dead_letters() -> DeadLetters:
    from refledger.adapters.queues import DeadLetters

    return DeadLetters(aws.client("sqs"), environment()["PAYMENTS_DLQ_URL"])


@cache
def leads_queue() -> LeadsQueue:
    from refledger.adapters.queues import LeadsQueue

    return LeadsQueue(aws.client("sqs"), environment()["LEADS_QUEUE_URL"])


@cache
def payments_queue() -> PaymentsQueue:
    from refledger.adapters.queues import PaymentsQueue

    return PaymentsQueue(aws.client("sqs"), environment()["PAYMENTS_QUEUE_URL"])


@cache
def lead_dead_letters() -> DeadLetters:
    from refledger.adapters.queues import DeadLetters

    return DeadLetters(aws.client("sqs"), environment()["LEADS_DLQ_URL"])


@cache
def lead_mappings() -> dict[str, Mapping]:
    """Return what the properties of a CRM mean, by the name of the CRM."""
    from refledger.adapters.crm_mapping import Mapping

    env = environment()
    return {"hubspot": Mapping.parse(env["HUBSPOT_MAPPING"]), "salesforce": Mapping.parse(env["SALESFORCE_MAPPING"])}


@cache
def vault() -> Vault:
    from refledger.adapters.vault import Vault

    return Vault(aws.client("kms"), environment()["ACCOUNTS_KEY_ARN"])


def signed_days() -> SignedDays:
    """Return the reader of which days' manifests were signed."""
    from refledger.adapters.archive import SignedDays

    return SignedDays(aws.client("s3"), environment()["MANIFEST_BUCKET"])


def manifest_writer(day: str) -> DayWriter:
    """Return the writer of the manifest of a day (`2026-11-21`), to where it is put."""
    from refledger.adapters.archive import DayWriter

    return DayWriter(aws.client("s3"), environment()["MANIFEST_BUCKET"], day)


@cache
def manifest_key() -> KmsKey:
    from refledger.adapters.signing import KmsKey

    return KmsKey(aws.client("kms"), environment()["MANIFEST_KEY_ARN"])


def link_base(host: str) -> str:
    """Return what share links begin with.

    What the owner has said, or the name by which the API was called.
    """
    return environment()["LINK_BASE"] or f"https://{host}"


def stripe_livemode() -> bool | None:
    """Return the mode that counts in this deployment, None for either."""
    return LIVEMODE[environment()["STRIPE_MODE"]]


def is_live() -> bool:
    """Return whether Stripe's live mode alone counts here, and API keys are `rl_live_…`."""
    return LIVEMODE[environment()["STRIPE_MODE"]] is True


@cache
def payouts() -> dict[MethodType, Payouts]:
    """Return every kind of payout method with the provider that pays to it.

    Another provider is another line.
    """
    from refledger.adapters.payouts.bank import BankTransfers
    from refledger.adapters.payouts.stripe_connect import StripeTransfers
    from refledger.domain.methods import MethodType

    env = environment()
    arn, mode = env["STRIPE_SECRET_ARN"], LIVEMODE[env["STRIPE_MODE"]]
    return {
        MethodType.BANK_TRANSFER: BankTransfers(),
        MethodType.STRIPE: StripeTransfers(
            lambda: secrets().member(arn, "apiKey"), livemode=mode, api_base=env["STRIPE_API_BASE"]
        ),
    }


@cache
def stripe_source() -> StripeSource:
    """Return the reader of what Stripe says that it sent, by a key that may only read."""
    from refledger.adapters.stripe_source import StripeSource

    arn, base = environment()["STRIPE_READ_SECRET_ARN"], environment()["STRIPE_API_BASE"]
    return StripeSource(lambda: secrets().member(arn, "apiKey"), livemode=stripe_livemode(), api_base=base)


def reset() -> None:
    """Forget everything that was made of the environment. Tests change it."""
    for made in (
        environment, context, secrets, limits, workflow, waker, maturity_queue, dead_letters, vault, payouts,
        manifest_key, job_queue, files, bus, leaderboard_queue, leads_queue, lead_dead_letters, lead_mappings,
        payments_queue, stripe_source,
    ):  # fmt: skip
        made.cache_clear()
