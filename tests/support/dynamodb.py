"""DynamoDB Local for tests: one JVM in memory for all, a database of its own for each test."""

from __future__ import annotations

import gc
import os
import secrets
import socket
import subprocess
import tempfile
import time
import weakref
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from local.java import find_java

ROOT = Path(__file__).parents[2]
JAR_DIR = Path(os.environ.get("DYNAMODB_LOCAL_DIR", ROOT / ".local" / "dynamodb-local"))
REGION = "eu-central-1"
START_LIMIT_SECONDS = 30
LIVE_AT_MOST = 12  # databases in use, before somebody looks whether they are

_used: set[str] = set()
_free: dict[str, list[str]] = defaultdict(list)  # by endpoint


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as what they stand on: enough to read a table's shape."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: str(node.value))


@cache  # reading the template takes longer than making the table
def table_properties() -> dict[str, Any]:
    """The table as template.yaml declares it, so that tests and deployment cannot drift."""
    template = yaml.load((ROOT / "template.yaml").read_text(), _Loader)
    declared = template["Resources"]["Table"]["Properties"]
    names = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    stream = {"StreamEnabled": True, "StreamViewType": declared["StreamSpecification"]["StreamViewType"]}
    return {name: declared[name] for name in names} | {"StreamSpecification": stream}


@contextmanager
def running() -> Iterator[str]:
    """The endpoint of a JVM that ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [find_java(os.environ), "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
         f"-Djava.library.path={JAR_DIR / 'DynamoDBLocal_lib'}", "-jar", str(JAR_DIR / "DynamoDBLocal.jar"),
         "-port", str(port), "-disableTelemetry", "-inMemory"],
        cwd=tempfile.gettempdir(),  # it drops a metadata file where it runs
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    endpoint = f"http://127.0.0.1:{port}"
    try:
        probe_client = client(endpoint, "dynamodb", "probe")
        give_up = time.monotonic() + START_LIMIT_SECONDS
        while True:
            try:
                probe_client.list_tables()
                break
            except BotoCoreError:
                assert process.poll() is None, "DynamoDB Local ended"
                assert time.monotonic() < give_up, "DynamoDB Local did not start"
                time.sleep(0.05)
        yield endpoint
    finally:
        process.kill()
        process.wait()


def client(endpoint: str, service: str = "dynamodb", access_key: str = "local") -> Any:
    return boto3.client(
        service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id=access_key,
        aws_secret_access_key="local", config=Config(max_pool_connections=40, retries={"max_attempts": 2}),
    )  # fmt: skip


def new_database(endpoint: str, table: str = "refledger") -> Any:
    """A client of an empty database with the project's table in it: each access key is a database of its own.

    A database costs a dozen threads that never sleep for long, as long as the JVM lives: with hundreds of them it is
    busy with nothing. So one whose client is gone is emptied and used again.
    """
    if len(_used) - len(_free[endpoint]) >= LIVE_AT_MOST:
        gc.collect()  # clients are in circles
    key = _free[endpoint].pop() if _free[endpoint] else f"k{secrets.token_hex(8)}"
    made = client(endpoint, access_key=key)
    for left in made.list_tables()["TableNames"] if key in _used else ():
        made.delete_table(TableName=left)
    _used.add(key)
    made.create_table(TableName=table, **table_properties())
    weakref.finalize(made, _free[endpoint].append, key)
    return made
