"""Composition: template and engines, wired in the order in which they depend on each other."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from undocked.aws import Aws
from undocked.buckets import create_buckets
from undocked.checks import check
from undocked.children import Children
from undocked.dynamodb import DynamoDB
from undocked.errors import StartError
from undocked.eventbridge import EventBridge, check_targets, create_archives
from undocked.functions import FunctionSpec, in_release, provide_functions, read_functions
from undocked.gateway import Gateway
from undocked.kms_keys import KmsKeys
from undocked.lambdas import Lambdas, UnknownFunctionError
from undocked.machines import create_machines, provide_machines
from undocked.mappings import read_mappings
from undocked.options import Options
from undocked.queue_poller import QueuePoller
from undocked.routes import HttpApi, read_api
from undocked.schedules import Scheduler, find_schedules
from undocked.secrets import Secrets
from undocked.sign_in import read_people
from undocked.stack_listing import list_stack
from undocked.streams import StreamPoller, TableStream
from undocked.template import Template
from undocked.tokens import BadWishError, Keys, TokenWish
from undocked.warm import CAN_FORK

ACCOUNT = "123456789012"
PYTHON_CHECK_SECONDS = 120


class Stack:
    """Everything that runs, started and stopped as one."""

    def __init__(
        self, options: Options, children: Children, dynamodb: DynamoDB, aws_listeners: list[socket.socket]
    ) -> None:
        self._options, self._dynamodb, self._aws_listeners = options, dynamodb, aws_listeners
        # absolute, not resolved: the interpreter of a virtual environment is a link that must stay one
        self._python = str(options.python.absolute()) if options.python else sys.executable
        self.lambdas = Lambdas(children, self._python, options.preload, options.verbose)
        self._pollers: list[QueuePoller | StreamPoller | Scheduler] = []
        self._schedules: list[str] = []
        self._api = HttpApi()
        self._people: tuple[TokenWish, ...] = ()

    def start(self) -> Gateway:
        """Start all but the HTTP server; returns what that is to serve. Raises StartError."""
        o = self._options
        _forget_aws_environment(o.region)
        template = Template(o.template, o.stack, ACCOUNT, o.region, o.parameters, o.cache)
        check(template)
        try:
            self._people = read_people(o.people)
        except (OSError, ValueError, TypeError) as error:
            raise StartError(f"--people {o.people}: {error}") from None
        self.aws = Aws(o.region, o.aws_port, o.dynamodb_port, self.lambdas, o.data, o.clock_scale)
        self._bridge = EventBridge(self.aws.client, self.lambdas.invoke_async)
        self.lambdas.deliver = self._bridge.deliver
        layers = provide_functions(template)
        _provide_apis(template)
        provide_machines(template)
        self.aws.create_user_pools(template)
        secrets = Secrets(o.data)
        if o.secrets:
            secrets.bring(o.secrets, self.aws.client("secretsmanager"))
        secrets.create(template, self.aws.client("secretsmanager"))
        KmsKeys(o.data).create(template, self.aws.client("kms"))
        create_buckets(template, self.aws.client("s3"), o.data)
        self._dynamodb.wait_until_ready()
        streams = self._create_tables(template)
        self._create_parameters(template)
        template.create_in_moto()
        create_machines(template, self.aws.client("stepfunctions"), o.beside)
        create_archives(template, self.aws.client("events"))
        check_targets(template)
        functions = read_functions(template, layers, secrets, o.max_workers)
        can_run = self._begin_python_check(functions)
        others = in_release(functions, o.template.parent, o.beside) if o.beside else {}
        self.lambdas.add(functions, self.aws.endpoints, others)
        self._api, self._keys = read_api(template), Keys(o.data)
        self._check_routes()
        self._make_pollers(template, streams)
        list_stack(template)
        if not can_run():
            raise StartError(
                f"{self._python} cannot run functions: install awslambdaric there (or give another one with --python)"
            )
        self.aws.serve(self._aws_listeners)
        for poller in self._pollers:
            poller.start()
        return Gateway(self._api, self.lambdas.invoke, self._keys, ACCOUNT, o.region, self.about, self._people)

    def _begin_python_check(self, functions: list[FunctionSpec]) -> Callable[[], bool]:
        """Ask the workers' interpreter, in the background, whether it can be one: their parent, where they fork."""
        try:
            if functions and CAN_FORK:
                return self.lambdas.warm.of(functions[0].layer_dirs).can_run_functions
            command = [self._python, "-I", "-c", "import awslambdaric"]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except OSError as error:
            raise StartError(f"--python {self._python}: {error.strerror}") from None
        return lambda: process.wait(PYTHON_CHECK_SECONDS) == 0

    def _create_tables(self, template: Template) -> dict[str, TableStream]:
        """Make or find each table; returns the streams by the ARN under which the template knows them."""
        streams = {}
        for resource in template.of_type("AWS::DynamoDB::Table"):
            name = template.name(resource, "TableName")
            table, created = self._dynamodb.ensure_table(name, template.properties(resource), resource.logical_id)
            attributes = {"Arn": template.arn("dynamodb", f"table/{name}")}
            if stream := table.get("LatestStreamArn"):
                label = table["LatestStreamLabel"]
                arn = attributes["StreamArn"] = template.arn("dynamodb", f"table/{name}/stream/{label}")
                streams[arn] = TableStream(stream, created)
            template.provide(resource.logical_id, name, **attributes)
        return streams

    def _create_parameters(self, template: Template) -> None:
        """Parameters of the store, whose values are often what other resources are called."""
        for resource in template.of_type("AWS::SSM::Parameter"):
            name, given = template.name(resource, "Name"), template.properties(resource)
            self.aws.client("ssm").put_parameter(Name=name, Type=given["Type"], Value=given["Value"])
            template.provide(resource.logical_id, name, Type=given["Type"], Value=given["Value"])

    def _find_stream(self, arn: str) -> TableStream | None:
        """A stream of a table that is there and not of the template; None where there is no such one."""
        named = re.fullmatch(r".*:table/([^/]+)/stream/(.+)", arn)
        table = self._dynamodb.find_table(named[1]) if named else None
        if named is None or table is None or table.get("LatestStreamLabel") != named[2]:
            return None
        return TableStream(table["LatestStreamArn"], table_is_new=False)

    def _make_pollers(self, template: Template, streams: dict[str, TableStream]) -> None:
        for mapping in read_mappings(template):
            function = self._function(mapping.function, mapping.id)
            if mapping.service == "sqs":
                reader: QueuePoller | StreamPoller = QueuePoller(
                    self.aws.client("sqs"), self.lambdas.invoke, mapping, function.timeout_seconds, function.max_workers
                )
            elif stream := streams.get(mapping.source_arn) or self._find_stream(mapping.source_arn):
                client, state = self._dynamodb.client("dynamodbstreams"), self._options.data / "streams"
                reader = StreamPoller(
                    client, self.lambdas.invoke, self._bridge.deliver, mapping, state, self._dynamodb.data_dir,
                    stream,
                )  # fmt: skip
            else:
                raise StartError(f"{mapping.id}: EventSourceArn: {mapping.source_arn} is not a stream of a table here")
            self._pollers.append(reader)
            self.lambdas.switches.add(mapping, reader.off)
        scheduler = Scheduler(self._bridge.deliver_with_retries, find_schedules(template))
        self._schedules = [schedule.name for schedule in scheduler.schedules]
        self._pollers.append(scheduler)

    def _check_routes(self) -> None:
        for route in self._api.routes:
            self._function(route.function_arn, f"route {route.key}")

    def _function(self, name_or_arn: str, where: str) -> FunctionSpec:
        try:
            return self.lambdas.spec(name_or_arn)
        except UnknownFunctionError:
            raise StartError(f"{where}: {name_or_arn} is not a function of this template") from None

    def token(self, wish: dict[str, Any]) -> str | None:
        """A token of the development issuer for the template's first authorizer.

        None where there is no authorizer.
        """
        try:
            parsed = TokenWish.parse(wish)
        except BadWishError as error:
            raise StartError(f"--welcome-token: {error}") from None
        authorizer = next(iter(self._api.authorizers.values()), None)
        return self._keys.issue(authorizer, parsed) if authorizer else None

    def about(self) -> dict[str, Any]:
        """What runs, for people and for tests."""
        mappings = [poller.name for poller in self._pollers if not isinstance(poller, Scheduler)]
        return {
            "stack": self._options.stack,
            "region": self._options.region,
            "workers": self.lambdas.describe(),
            "dynamodb": self._dynamodb.process.pid,
            "invoke": f"http://127.0.0.1:{self.lambdas.port}",
            "routes": [route.key for route in self._api.routes],
            "mappings": mappings,
            "schedules": self._schedules,
        }

    def stop(self) -> None:
        """Let no poller begin anything new; the processes are ended by whoever owns the children."""
        self.lambdas.stopping.set()
        for poller in self._pollers:
            poller.stopping.set()


def _forget_aws_environment(region: str) -> None:
    """Real credentials, profiles and endpoints of the developer's shell have no business here."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_DEFAULT_REGION"] = region  # for the translator, and for clients that moto makes


def _provide_apis(template: Template) -> None:
    for resource in template.of_type("AWS::ApiGatewayV2::Api"):
        endpoint = f"https://local.execute-api.{template.region}.amazonaws.com"
        template.provide(resource.logical_id, "local", ApiId="local", ApiEndpoint=endpoint)
