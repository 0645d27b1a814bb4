"""A DynamoDB for tests: a table in memory in this process (tests/support/memory), or DynamoDB Local, one JVM for all.

Either way each test has a database of its own. TABLE=local in the environment means DynamoDB Local for every test.
"""

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
from functools import cache, partial
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from refledger.adapters.aws import Boto3Client
from refledger.adapters.aws_json import SERVICES, JsonClient
from refledger.adapters.keep_alive import Connections
from refledger.adapters.sigv4 import Credentials
from tests.support.memory.client import Client, Database, Streams
from undocked.java import find_java

ROOT = Path(__file__).parents[2]
JAR_DIR = Path(os.environ.get("DYNAMODB_LOCAL_DIR", ROOT / ".local" / "dynamodb-local"))
REGION = "eu-central-1"
MEMORY = "memory:"  # the endpoint of a table in this process
EVERYWHERE = os.environ.get("TABLE", "memory") == "local"
START_LIMIT_SECONDS = 180
READ_SECONDS = 60  # the JVM is busy with others
COLLECTED_EVERY = 12  # databases, so that those are found that nobody uses any more

EMPTIED_AT_MOST = 300  # items: with more of them it is quicker to make a database

_made = 0  # since garbage was collected
_free: dict[str, list[str]] = defaultdict(list)  # by endpoint
_starts: dict[str, dict[str, str]] = {}  # by access key, of those that are used again
_arns: dict[tuple[str, str], str] = {}  # of streams, by access key and table


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
    """A client like the one that functions have. `access_key`: which database it is of."""
    theirs = Boto3Client(partial(boto3_client, endpoint, service, access_key))
    if service not in SERVICES:
        return theirs
    connections = Connections.to(endpoint)
    connections.read_seconds = READ_SECONDS
    return JsonClient(SERVICES[service], REGION, connections, lambda: Credentials(access_key, "local"), theirs)


def boto3_client(endpoint: str, service: str, access_key: str) -> Any:
    return boto3.client(
        service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id=access_key,
        aws_secret_access_key="local",
        config=Config(max_pool_connections=40, retries={"max_attempts": 2}, user_agent="tests"),  # composing is slow
    )  # fmt: skip


def new_database(endpoint: str, table: str = "refledger") -> Any:
    """A client of an empty database with the project's table in it: each access key is a database of its own.

    A database costs threads that never sleep for long, as long as the JVM lives, and so does the stream of a table
    that was deleted: with hundreds of either the JVM is busy with nothing. So a database whose client is gone is used
    again with the table that it has, once that is empty; its stream then begins where `stream_start` says.
    """
    global _made
    if endpoint == MEMORY:
        return in_memory(table)
    _made += 1
    if not _free[endpoint] and _made >= COLLECTED_EVERY:
        gc.collect()  # clients are in circles
        _made = 0
    made = None
    while _free[endpoint] and not made:
        made = _again(endpoint, _free[endpoint].pop(), table)
    if not made:
        key = f"k{secrets.token_hex(8)}"
        made = client(endpoint, access_key=key)
        made.create_table(TableName=table, **table_properties())
    weakref.finalize(made, _free[endpoint].append, access_key(made))
    return made


def in_memory(table: str = "refledger") -> Client:
    """The same without a process: a client of a database in memory."""
    made = Client(Database())
    made.create_table(TableName=table, **table_properties())
    return made


def _again(endpoint: str, key: str, table: str) -> Any:
    """A client of a database that was used before, None if it is less work to make another."""
    made = client(endpoint, access_key=key)
    if made.list_tables()["TableNames"] != [table]:
        return None
    page = made.scan(TableName=table, ProjectionExpression="pk, sk", Limit=EMPTIED_AT_MOST)
    if "LastEvaluatedKey" in page:
        return None
    keys = page["Items"]
    for start in range(0, len(keys), 25):
        deletes = [{"DeleteRequest": {"Key": each}} for each in keys[start : start + 25]]
        made.batch_write_item(RequestItems={table: deletes})
    _starts[key] = stream_iterators(made, table, "LATEST")
    return made


def stream_start(made: Any, table: str = "refledger") -> dict[str, str]:
    """Where the stream of a database from `new_database` begins: iterators by shard."""
    if hasattr(made, "database"):
        return stream_iterators(made, table, "TRIM_HORIZON")
    return _starts.get(access_key(made)) or stream_iterators(made, table, "TRIM_HORIZON")


def stream_iterators(made: Any, table: str, kind: str) -> dict[str, str]:
    streams, arn = stream(made, table)
    shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    return {
        each["ShardId"]: streams.get_shard_iterator(StreamArn=arn, ShardId=each["ShardId"], ShardIteratorType=kind)[
            "ShardIterator"
        ]
        for each in shards
    }


def stream(made: Any, table: str = "refledger") -> tuple[Any, str]:
    """A client of the streams of the same database, and the name of the table's."""
    if database := getattr(made, "database", None):  # its own, or that of whose place it takes
        return Streams(database), str(made.describe_table(TableName=table)["Table"]["LatestStreamArn"])
    streams, key = _streams(made.meta.endpoint_url, access_key(made)), (access_key(made), table)
    if key not in _arns:
        _arns[key] = made.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    return streams, _arns[key]


@cache
def _streams(endpoint: str, key: str) -> Any:
    return client(endpoint, "dynamodbstreams", key)


def access_key(made: Any) -> str:
    signer = getattr(made, "_request_signer", None)  # boto3's, which some tests make for themselves
    return str((signer._credentials if signer else made._credentials()).access_key)
