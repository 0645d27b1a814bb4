"""AWS's own DynamoDB Local as a child process, with the tables that the template declares."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
import time
from typing import Any, Literal

import boto3
import psutil
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from undocked.children import Children
from undocked.errors import StartError
from undocked.options import Options
from undocked.tables import create_arguments, differences

READY_LIMIT_SECONDS = 120.0
RESTARTS = 5
SPACE_BYTES = 64 * 1024 * 1024  # an empty database and what it unpacks take a quarter of it
CANNOT_WRITE = (
    "no sqlite4java in java.library.path",
    "disk is full",
    "No space left",
    "SQLITE_FULL",
    "SQLITE_READONLY",
)


class DynamoDB:
    """One JVM on one port, its data in one directory; it survives `kill -9` with what was written.

    DynamoDB Local listens on every network interface and has no option against it.
    """

    def __init__(self, children: Children, java: str, options: Options) -> None:
        """Start it; it is ready about a second later. Raises StartError when it is not installed or has no room."""
        self.url, self._region = f"http://127.0.0.1:{options.dynamodb_port}", options.region
        self._options, self._children = options, children
        jar_dir = options.dynamodb_dir.resolve()
        if not (jar_dir / "DynamoDBLocal.jar").is_file():
            raise StartError(
                f"{options.dynamodb_dir} has no DynamoDBLocal.jar: install DynamoDB Local there, "
                "or set DYNAMODB_LOCAL_DIR"
            )
        self.data_dir = (options.data / "dynamodb").resolve()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if (free := shutil.disk_usage(self.data_dir).free) < SPACE_BYTES:
            left, needed = free // 1024**2, SPACE_BYTES // 1024**2
            raise StartError(
                f"{options.data} has {left} MB left on its disk, and {needed} MB are needed: make room, or set "
                "LOCAL_DATA to another directory"
            )
        scratch = self.data_dir / "tmp"  # it unpacks a library at every start, and leaves it there when it is killed
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        self._log = self.data_dir / "dynamodb-local.log"
        self._command = [
            java,
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            f"-Djava.io.tmpdir={scratch}",
            f"-Djava.library.path={jar_dir / 'DynamoDBLocal_lib'}",
            "-jar",
            str(jar_dir / "DynamoDBLocal.jar"),
            "-port",
            str(options.dynamodb_port),
            "-disableTelemetry",
            "-sharedDb",
            "-dbPath",
            str(self.data_dir),
        ]
        self._answered = False
        self.process = self._start("wb")
        threading.Thread(target=self._watch, name="dynamodb", daemon=True).start()

    def _start(self, mode: Literal["wb", "ab"]) -> subprocess.Popen[bytes]:
        with self._log.open(mode) as log:
            # it drops a metadata file where it runs
            return self._children.start(self._command, cwd=self.data_dir, stdout=log, stderr=subprocess.STDOUT)

    def _watch(self) -> None:
        """Start it again when it ends by itself: nothing works without it, and its data are whole."""
        restarts = 0
        while True:
            code = self.process.wait()
            self._children.forget(self.process)
            if self._children.stopping or not self._answered:
                return
            print(f"undocked: DynamoDB Local has ended (exit code {code}); its log: {self._log}", flush=True)
            if not self._options.restart_dynamodb:
                return
            if restarts == RESTARTS:
                print(f"undocked: ended {RESTARTS} times: it is not started again; stop with Ctrl-C", flush=True)
                return
            restarts += 1
            with contextlib.suppress(RuntimeError):  # the stack is stopping
                self.process = self._start("ab")
                print("undocked: DynamoDB Local is started again", flush=True)

    def client(self, service: str = "dynamodb") -> Any:
        """A client of this process, never of moto: moto lets through endpoints it does not know."""
        quick = Config(retries={"max_attempts": 0}, connect_timeout=2)
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=self._region,
            config=quick,
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def wait_until_ready(self) -> None:
        """Return when it answers. Raises StartError when it exits or does not answer in time."""
        client, give_up = self.client(), time.monotonic() + READY_LIMIT_SECONDS
        while self.process.poll() is None and time.monotonic() < give_up:
            try:
                client.list_tables(Limit=1)
                if self._listens():
                    self._answered = True
                    return
            except (BotoCoreError, ClientError):
                pass
            if any(sign in self._log.read_text(errors="replace") for sign in CANNOT_WRITE):
                break  # it says so in its first second, and stays as it is
            time.sleep(0.03)
        said = self._log.read_text(errors="replace").strip().splitlines()[-3:]
        raise StartError(f"DynamoDB Local does not answer (exit code {self.process.poll()}): {' | '.join(said)}")

    def _listens(self) -> bool:
        """Whether it is our process that answers: another stack's may have come by the port in the meantime."""
        try:
            mine = psutil.Process(self.process.pid).net_connections("inet")
        except psutil.Error:
            return False
        return any(each.laddr.port == self._options.dynamodb_port and each.status == "LISTEN" for each in mine)

    def ensure_table(self, name: str, properties: dict[str, Any], where: str) -> tuple[dict[str, Any], bool]:
        """Create the table unless it is there; returns its description and whether it is new.

        Raises StartError when the one that is there has other keys or indexes.
        """
        table = self.find_table(name)
        if table is None:
            return self._create(self.client(), name, properties, where), True
        if different := differences(table, properties):
            raise StartError(
                f"{where}: the table {name} kept in {self._options.data} is not the template's: "
                f"{'; '.join(different)}. Move its data to a new table, or begin anew without "
                f"{self._options.data}"
            )
        return table, False

    def find_table(self, name: str) -> dict[str, Any] | None:
        """A table's description; None where there is none of that name."""
        client = self.client()
        try:
            table: dict[str, Any] = client.describe_table(TableName=name)["Table"]
        except client.exceptions.ResourceNotFoundException:
            return None
        return table

    def _create(self, client: Any, name: str, properties: dict[str, Any], where: str) -> dict[str, Any]:
        try:
            table: dict[str, Any] = client.create_table(TableName=name, **create_arguments(properties))[
                "TableDescription"
            ]
            if ttl := properties.get("TimeToLiveSpecification"):
                client.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
        except (BotoCoreError, ClientError) as error:
            raise StartError(f"{where}: DynamoDB refuses the table: {error}") from None
        return table
