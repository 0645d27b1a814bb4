"""AWS's own DynamoDB Local as a child process, with the tables that the template declares."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from typing import Any

import boto3
import psutil
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.children import Children
from local.errors import StartError
from local.options import Options
from local.tables import create_arguments, differences

READY_LIMIT_SECONDS = 120.0


class DynamoDB:
    """One JVM on one port, its data in one directory; it survives `kill -9` with what was written.

    DynamoDB Local listens on every network interface and has no option against it.
    """

    def __init__(self, children: Children, java: str, options: Options) -> None:
        """Start it; it is ready about a second later. Raises StartError when it is not installed."""
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
        scratch = self.data_dir / "tmp"  # it unpacks a library at every start, and leaves it there when it is killed
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        self._log = self.data_dir / "dynamodb-local.log"
        with self._log.open("wb") as log:
            self.process = children.start(
                [
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
                ],
                cwd=self.data_dir,  # it drops a metadata file where it runs
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        threading.Thread(target=self._watch, name="dynamodb", daemon=True).start()

    def _watch(self) -> None:
        """Say so when it ends by itself: nothing works without it."""
        code = self.process.wait()
        if not self._children.stopping:
            print(f"local: DynamoDB Local has ended (exit code {code}); its log: {self._log}", flush=True)

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
                    return
            except (BotoCoreError, ClientError):
                pass
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
