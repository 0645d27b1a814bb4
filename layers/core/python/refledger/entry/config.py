"""What a function is told by its environment, read once and never at import; and what is made of it.

Each factory imports what it makes: at a cold start a function loads what it asks for, and nothing else.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from refledger.adapters import aws
from refledger.adapters.ids import Ids
from refledger.operations.context import Context
from refledger.store.table import Table

if TYPE_CHECKING:
    from refledger.adapters.queues import DeadLetters, MaturityQueue
    from refledger.adapters.stepfunctions import Waker, Workflow
    from refledger.operations.limits import Limits


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
        return int(self[name])


@cache
def environment() -> Environment:
    return Environment.from_env()


@cache
def context() -> Context:
    return Context(Table(aws.client("dynamodb"), environment()["TABLE_NAME"]), Ids(environment()["HASH_KEY"]))


@cache
def limits() -> Limits:
    from refledger.operations.limits import LimitKind, Limits

    env = environment()
    return Limits({
        LimitKind.REQUESTS: env.number("REQUESTS_PER_MINUTE"),
        LimitKind.WITHDRAWALS: env.number("WITHDRAWALS_PER_MINUTE"),
        LimitKind.UNKNOWN_CODES: env.number("UNKNOWN_CODES_PER_MINUTE"),
    })  # fmt: skip


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
def dead_letters() -> DeadLetters:
    from refledger.adapters.queues import DeadLetters

    return DeadLetters(aws.client("sqs"), environment()["PAYMENTS_DLQ_URL"])


def reset() -> None:
    """Forget everything that was made of the environment. Tests change it."""
    for made in (environment, context, limits, workflow, waker, maturity_queue, dead_letters):
        made.cache_clear()
