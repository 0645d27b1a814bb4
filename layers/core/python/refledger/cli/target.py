"""Which deployment a command is for, and what its resources are called there."""

from __future__ import annotations

import argparse
import functools
import os
from collections.abc import Callable
from functools import cached_property
from typing import Any

from refledger.adapters import aws
from refledger.adapters.ids import Ids
from refledger.domain.times import iso
from refledger.operations.context import Context
from refledger.operations.recovery import renaming
from refledger.store import stops
from refledger.store.table import Table

LOCAL_STACK, LOCAL_REGION, LOCAL_PORT = "refledger", "eu-central-1", "4566"
LIMIT = 100_000  # of numbers that a person gives
# What a stack may have taken over instead of making it, by the parameter of the store that says which is in use
KEYS_OF_BEFORE = (
    "{table} has keys of before, under which this command looks for nothing: take the command of the release that "
    "runs, or copy the table (rename-keys; docs/operations.md)"
)
IN_USE = {"Table": "TableArn", "HashKey": "HashKeyArn", "AccountsKey": "AccountsKeyArn"}


class Usage(Exception):
    """What was asked for cannot be done as it was asked. The text says what to do instead."""


def positive(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= LIMIT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {LIMIT}")
    return int(text)


def add_target(parser: argparse.ArgumentParser) -> None:
    where = parser.add_argument_group("which deployment")
    where.add_argument(
        "--stack", metavar="NAME", help="its CloudFormation stack, which says what its resources are called"
    )
    where.add_argument("--local", action="store_true", help="the stack of `make run` (its port: AWS_PORT)")
    where.add_argument("--table", metavar="NAME", help="its table alone (default: TABLE_NAME)")
    where.add_argument("--region", help="default: that of the AWS configuration")
    where.add_argument("--profile", help="of the AWS configuration")


class Target:
    """Reads nothing before it is asked. Raises Usage where the options do not say enough."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._stack: str | None = options.stack or (LOCAL_STACK if options.local else None)
        self._table: str | None = options.table or (None if self._stack else os.environ.get("TABLE_NAME"))
        if not self._stack and not self._table:
            raise Usage("say which deployment: --stack NAME, --local, or --table NAME")
        endpoint = region = None
        if options.local:
            endpoint, region = f"http://127.0.0.1:{os.environ.get('AWS_PORT', LOCAL_PORT)}", LOCAL_REGION
        # boto3 reads AWS_DEFAULT_REGION alone; the AWS CLI and all other SDKs read AWS_REGION
        region = options.region or region or os.environ.get("AWS_REGION") or None
        self.client: Callable[[str], Any] = aws.patient_clients(endpoint, region, options.profile)

    @cached_property
    def resources(self) -> dict[str, str]:
        """What the stack's resources are called, by the names that the template gives them."""
        if not self._stack:
            raise Usage("this needs more than a table: give --stack NAME, or --local")
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self._stack)
        return {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for page in pages
            for each in page["StackResourceSummaries"]
            if each.get("PhysicalResourceId") and not str(each.get("ResourceStatus", "")).startswith("DELETE_")
        }

    @cached_property
    def parameters(self) -> dict[str, str]:
        """What the stack was deployed with."""
        (found,) = self.client("cloudformation").describe_stacks(StackName=self._stack)["Stacks"]
        return {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])}

    @functools.cache  # noqa: B019  one target, for one command
    def _in_use(self, parameter: str) -> str:
        found = self.client("ssm").get_parameter(Name=self.resources[parameter])
        return str(found["Parameter"]["Value"]).rpartition(":table/")[2]

    def resource(self, name: str) -> str:
        """Return what a resource of the stack is called.

        Of the table and the keys those in use, whoever made them. Raises Usage where the stack has none.
        """
        if IN_USE.get(name) in self.resources:
            return self._in_use(IN_USE[name])
        if name not in self.resources:
            raise Usage(f"the stack {self._stack} has no {name}")
        return self.resources[name]

    def check_runs(self) -> None:
        """Raise Usage while the deployment is stopped.

        What a command would write into the books is done after.
        """
        if stop := stops.read(self.context.table):
            raise Usage(f"stopped since {iso(stop.since_ms)} by {stop.by}: {stop.reason}; it waits for `go`")

    @cached_property
    def context(self) -> Context:
        """For operations that make no ids: the secret that keys them stays where it is."""
        return self._keyed("")

    @cached_property
    def keyed_context(self) -> Context:
        """The context for operations that look for somebody by what they are called.

        The secret is the stack's; of a table that is named by itself HASH_KEY, if it is there: another stack's would
        find nobody, and write rows that nobody finds.
        """
        key = (self._table and os.environ.get("HASH_KEY")) or self.client("secretsmanager").get_secret_value(
            SecretId=self.resource("HashKey")
        )["SecretString"]  # fmt: skip
        return self._keyed(key)

    @cached_property
    def table(self) -> Table:
        """The table, whatever its keys are."""
        return Table(self.client("dynamodb"), self._table or self.resource("Table"))

    def _keyed(self, key: str) -> Context:
        """Raise Usage for a table with keys of before.

        Nothing would be found in it, which reads like good news; and a stop would stop nobody.
        """
        if renaming.is_of_before(self.table):
            raise Usage(KEYS_OF_BEFORE.format(table=self.table.name))
        return Context(self.table, Ids(key))
