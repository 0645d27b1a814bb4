"""moto, in this process and on one port for everybody else, with the user pools of a template.

In-process clients and the server on the port share one state. The port answers for *every* service: requests
signed for DynamoDB or a Lambda invoke are passed on to the engine that runs them, so one --endpoint-url
serves the AWS CLI.
"""

from __future__ import annotations

import functools
import http.client
import logging
import os
import re
import socket
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import boto3
from moto import mock_aws
from moto.moto_api._internal import mock_random
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from undocked import kms_fixes, sfn_fixes, sqs_fixes
from undocked.lambdas import Lambdas
from undocked.queue_store import QueueStore
from undocked.template import Template

SIGNED_FOR = re.compile(r"Credential=[^/]+/\d+/[^/]+/([\w-]+)/")
DYNAMODB = "dynamodb"  # streams are signed for it too
POOL_PROPERTIES = ("AliasAttributes", "AutoVerifiedAttributes", "Policies", "UsernameAttributes")
CLIENT_PROPERTIES = ("ExplicitAuthFlows", "GenerateSecret", "UserPoolId")


class Aws:
    """The mocked services of one account and region."""

    def __init__(
        self, region: str, port: int, dynamodb_port: int, lambdas: Lambdas, data_dir: Path, clock_scale: float
    ) -> None:
        self._region, self._port, self._dynamodb_port, self._lambdas = region, port, dynamodb_port, lambdas
        dynamodb_url, lambda_url = f"http://127.0.0.1:{dynamodb_port}", f"http://127.0.0.1:{lambdas.port}"
        # for the tasks of state machines, whose clients moto makes
        os.environ.update(AWS_ENDPOINT_URL_LAMBDA=lambda_url, AWS_ENDPOINT_URL_DYNAMODB=dynamodb_url)
        mock_aws(config={"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}).start()
        kms_fixes.apply()
        sfn_fixes.apply()
        sfn_fixes.set_clock_scale(clock_scale)
        sqs_fixes.keep_messages_in(QueueStore(data_dir / "queues.sqlite"))
        self.client: Callable[[str], Any] = functools.cache(lambda service: boto3.client(service, region_name=region))
        self.endpoints = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_url,
            "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": dynamodb_url,
            "AWS_ENDPOINT_URL_LAMBDA": lambda_url,
        }

    def serve(self, listeners: Iterable[socket.socket]) -> None:
        """Answer on sockets that listen already; returns at once."""
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        app = self._one_endpoint(DomainDispatcherApplication(create_backend_app))
        for listener in listeners:
            host = listener.getsockname()[0]
            server = make_server(
                host, self._port, app, threaded=True, request_handler=MotoRequestHandler, fd=listener.fileno()
            )
            threading.Thread(target=server.serve_forever, name="aws", daemon=True).start()

    def create_user_pools(self, template: Template) -> None:
        """User pools by API (moto's CloudFormation has none), with ids that are the same in every run."""
        idp = self.client("cognito-idp")
        mock_random.seed(template.stack)
        for resource in template.of_type("AWS::Cognito::UserPool"):
            given = template.properties(resource)
            known = {key: given[key] for key in POOL_PROPERTIES if key in given}
            pool = idp.create_user_pool(PoolName=template.name(resource, "UserPoolName"), **known)["UserPool"]
            issuer = f"cognito-idp.{self._region}.amazonaws.com/{pool['Id']}"
            template.provide(
                resource.logical_id,
                pool["Id"],
                Arn=pool["Arn"],
                UserPoolId=pool["Id"],
                ProviderName=issuer,
                ProviderURL=f"https://{issuer}",
            )
        for resource in template.of_type("AWS::Cognito::UserPoolClient"):
            given = template.properties(resource)
            known = {key: given[key] for key in CLIENT_PROPERTIES if key in given}
            made = idp.create_user_pool_client(ClientName=template.name(resource, "ClientName"), **known)
            client_id = made["UserPoolClient"]["ClientId"]
            template.provide(resource.logical_id, client_id, ClientId=client_id)
        for resource in template.of_type("AWS::Cognito::UserPoolGroup"):
            given = template.properties(resource)
            name = str(given.get("GroupName", resource.logical_id))
            idp.create_group(UserPoolId=given["UserPoolId"], GroupName=name)
            template.provide(resource.logical_id, name)
        mock_random.seed(os.urandom(16))  # message and event ids must never repeat: stored data outlives a run

    def _one_endpoint(self, moto_app: Any) -> Callable[..., Iterable[bytes]]:
        """WSGI: DynamoDB to DynamoDB Local, invokes to the workers, all else to moto."""

        def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            signed = SIGNED_FOR.search(environ.get("HTTP_AUTHORIZATION", ""))
            service = signed[1] if signed else ""
            invoke = service == "lambda" and environ["PATH_INFO"].endswith("/invocations")
            mapping = service == "lambda" and "/event-source-mappings/" in environ["PATH_INFO"]
            if service != DYNAMODB and not invoke and not mapping:
                answer: Iterable[bytes] = moto_app(environ, start_response)
                return answer
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            headers = {k[5:].replace("_", "-").lower(): v for k, v in environ.items() if k.startswith("HTTP_")}
            if invoke:
                status, reply_headers, payload = self._lambdas.handle(environ["PATH_INFO"], headers, body)
            elif mapping:
                switch = self._lambdas.switches.handle
                status, reply_headers, payload = switch(environ["REQUEST_METHOD"], environ["PATH_INFO"], body)
            else:
                headers["content-type"] = environ.get("CONTENT_TYPE", "")
                status, reply_headers, payload = self._to_dynamodb(headers, body)
            line = f"{status} {http.client.responses[status]}"
            start_response(line, [*reply_headers.items(), ("Content-Length", str(len(payload)))])
            return [payload]

        return app

    def _to_dynamodb(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._dynamodb_port)
        try:
            connection.request("POST", "/", body, headers)
            reply = connection.getresponse()
            kept = {name: reply.headers[name] or "" for name in ("x-amzn-RequestId", "Content-Type")}
            return reply.status, kept, reply.read()
        finally:
            connection.close()
