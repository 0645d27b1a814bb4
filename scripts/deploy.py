"""Deploy what `make build` has built: `make deploy STAGE=dev|prod [SET="Name=value …"] [CONFIRM=<stack>]`.

Every parameter is sent (scripts/stage_settings.py says which value each gets), what changes is shown, prod is asked
about, and what comes next is printed. With --check nothing is deployed: it finds faults before anything is built.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.stage_settings import (  # noqa: E402
    BUILT_FOR,
    DeployError,
    Parameter,
    Running,
    Sent,
    as_arguments,
    changes,
    merge,
    pairs,
    read_parameters,
    read_stage,
    with_release,
)

BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
NEVER_MADE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
TAKEN_OVER = "Existing"  # so begin the parameters that name what the stack did not make, and what people have is in
INDEXES_OF_BEFORE = {"list", "work"}  # docs/decisions/0115-keys-that-can-be-read.md
NOT_YET = "REVIEW_IN_PROGRESS"  # a change set was made and never carried out

LEFT_BEHIND = """{stack} is {status}: its first deployment failed, and CloudFormation takes no other. Delete it first:
  aws cloudformation delete-stack --stack-name {stack}
Table and user pool are protected against deletion and stay; nothing is in them. docs/first-deploy.md says more."""

KEYS_OF_BEFORE = """{table} has the indexes, and so the keys, of before: this code finds nothing in it. Copy it first:
  bin/refledger rename-keys --table {table} --into …
docs/operations.md, "A table with keys of before", says how."""

NO_CREDENTIALS = (
    "no AWS credentials: set AWS_PROFILE, or sign in (aws sso login); docs/first-deploy.md says what has to be there"
)

NEXT = """
Next:
  1. The first admin:  bin/refledger admin create --stack {stack} --email you@example.com
  2. Confirm the subscription in the mail that AWS sent to AlarmEmail, or no alarm reaches anybody:
     bin/refledger status --stack {stack}  says whether somebody has.
  3. docs/first-deploy.md: the first program, a second admin, mail, a domain, Stripe.
Whether the books are right, at any time:  bin/refledger verify --stack {stack}"""


def main(
    arguments: Sequence[str] | None = None, client: Any = None, ask: Callable[[str], str] = input, tables: Any = None
) -> int:
    """Check, ask, deploy, say what next. `client` is CloudFormation's, `tables` DynamoDB's. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="make deploy", description="Deploy a stage.")
    parser.add_argument("stage", nargs="?", default="")
    parser.add_argument("--set", default=os.environ.get("SET", ""), help="Name=value …, stronger than samconfig.toml")
    parser.add_argument("--confirm", default=os.environ.get("CONFIRM", ""), help="the stack's name: nothing is asked")
    parser.add_argument("--check", action="store_true", help="only look for what is wrong, in what is not built yet")
    parser.add_argument("--config", type=Path, default=ROOT / "samconfig.toml")
    parser.add_argument("--template", type=Path)
    parser.add_argument("--sam", default=str(ROOT / ".venv-sam" / "bin" / "sam"))
    options = parser.parse_args(arguments)
    try:
        return _deploy(options, client, tables, ask)
    except DeployError as error:
        print(error, file=sys.stderr)
    except NoCredentialsError:
        print(NO_CREDENTIALS, file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(f"AWS: {error}", file=sys.stderr)
    return 1


def _deploy(options: argparse.Namespace, client: Any, tables: Any, ask: Callable[[str], str]) -> int:
    stage = read_stage(options.config, options.stage)
    stack = str(stage["stack_name"])
    client = client or _client("cloudformation")
    template = options.template or (ROOT / "template.yaml" if options.check else BUILT)
    if not template.is_file():
        raise DeployError(f"{template} is not there: run `make build`")
    parameters = read_parameters(template)
    running = find_stack(client, stack)
    sent = merge(
        parameters, running, pairs(stage.get("parameter_overrides", []), options.config.name), pairs(options.set, "SET")
    )
    _refuse(sent, running)
    _refuse_keys_of_before(sent, running, tables)
    if options.check:
        return 0
    _one_platform(parameters)
    sent = with_release(sent, template.parent)
    print(f"{stack}: {'changes' if running else 'is made'}")
    print(*[f"  {line}" for line in changes(sent, running)] or ["  no parameter"], sep="\n")
    production = {each.name: each.value for each in sent}["Stage"] == "prod"
    if production and options.confirm != stack:
        _ask(stack, ask)
    command = [options.sam, "deploy", "--config-file", str(options.config), "--config-env", options.stage]
    command += ["--template-file", str(template), "--parameter-overrides", *as_arguments(sent)]
    if options.confirm == stack:
        command.append("--no-confirm-changeset")
    status = subprocess.run(command, cwd=ROOT, env=_environment()).returncode
    if status:
        raise DeployError(f"sam deploy ended with {status}; {stack} is as its events say")
    _after(client, stack, production)
    return 0


def _refuse(sent: Sequence[Sent], running: Running | None) -> None:
    values = {each.name: each.value for each in sent}
    for name, existing in running.values.items() if running else ():
        if name.startswith(TAKEN_OVER) and existing and not values.get(name):
            raise DeployError(
                f"{name} is {existing} in the stack that runs: emptied, a new one with nothing in it would take its "
                "place. Leave it out and it stays, or say which one instead (docs/disaster.md)"
            )
    if values.get("Stage") == "prod" and not values.get("AlarmEmail"):
        raise DeployError(
            "AlarmEmail is needed in prod, or nobody hears of a payment that got lost: "
            'say it in samconfig.toml, or SET="AlarmEmail=you@example.com"'
        )


def _refuse_keys_of_before(sent: Sequence[Sent], running: Running | None, tables: Any) -> None:
    """Indexes and keys got their names at once, and who deploys may describe a table, but read nothing in it."""
    given = {each.name: each.value for each in sent}.get("ExistingTable")
    table = given or (running.outputs.get("TableName") if running else None)
    if not table:
        return
    described = (tables or _client("dynamodb")).describe_table(TableName=table)["Table"]
    if {each["IndexName"] for each in described.get("GlobalSecondaryIndexes", [])} & INDEXES_OF_BEFORE:
        raise DeployError(KEYS_OF_BEFORE.format(table=table))


def _one_platform(parameters: Mapping[str, Parameter]) -> None:
    """The built template allows what it was built for and nothing else: a previous value cannot come through."""
    for name in BUILT_FOR:
        allowed = parameters[name].allowed
        if len(allowed) != 1:
            raise DeployError(f"{name} may be {', '.join(allowed)} in the built template: run `make build`")


def _ask(stack: str, ask: Callable[[str], str]) -> None:
    try:
        said = ask(f"This is production. Type the stack's name, {stack}, to go on: ")
    except EOFError:
        said = ""
    if said.strip() != stack:
        raise DeployError(f"nothing was deployed; where nobody can be asked: CONFIRM={stack}")


def find_stack(client: Any, stack: str) -> Running | None:
    """The stack as it runs; None where there is none. Raises DeployError for one that was never made whole."""
    try:
        (found,) = client.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # which is how it says that there is none
            return None
        raise
    status = str(found["StackStatus"])
    if status == NOT_YET:
        return None
    if status in NEVER_MADE:
        raise DeployError(LEFT_BEHIND.format(stack=stack, status=status))
    summary = client.get_template_summary(StackName=stack)
    return Running(
        values={each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])},
        defaults={each["ParameterKey"]: each.get("DefaultValue", "") for each in summary.get("Parameters", [])},
        outputs={each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])},
    )


def _after(client: Any, stack: str, production: bool) -> None:
    if production:
        client.update_termination_protection(StackName=stack, EnableTerminationProtection=True)
        print(f"{stack} is protected against being deleted")
    done = find_stack(client, stack)
    for name, value in sorted(done.outputs.items()) if done else ():
        print(f"  {name:<22} {value}")
    print(NEXT.format(stack=stack))


def _environment() -> dict[str, str]:
    """sam's: it and boto3 know a region by AWS_DEFAULT_REGION alone, everything else of AWS's by AWS_REGION."""
    region = {"AWS_DEFAULT_REGION": os.environ["AWS_REGION"]} if os.environ.get("AWS_REGION") else {}
    return {**os.environ, **region, "SAM_CLI_TELEMETRY": "0"}


def _client(service: str) -> Any:
    session = boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
    if session.region_name is None:
        raise DeployError("no region: set AWS_REGION, or a profile that has one (AWS_PROFILE)")
    return session.client(service)


if __name__ == "__main__":
    sys.exit(main())
