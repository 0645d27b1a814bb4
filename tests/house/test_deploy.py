"""`make deploy`: what it runs, refuses and says. The SAM CLI is a stub that writes down what it was told."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from scripts import compile_build, deploy
from scripts.stage_settings import Running, read_parameters

ROOT = Path(__file__).parents[2]
MAIL = "AlarmEmail=ops@example.com"


class CloudFormation:
    """As much of it as is asked, for one stack at most."""

    def __init__(self, status: str = "", parameters: dict[str, str] | None = None, table: str = "") -> None:
        self.status, self.parameters, self.table = status, parameters or {}, table
        self.protected: list[str] = []

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        if not self.status:
            error = {"Error": {"Code": "ValidationError", "Message": f"Stack with id {StackName} does not exist"}}
            raise ClientError(error, "DescribeStacks")
        given = [{"ParameterKey": name, "ParameterValue": value} for name, value in self.parameters.items()]
        outputs = [{"OutputKey": "ApiUrl", "OutputValue": "https://x.example"}]
        outputs += [{"OutputKey": "TableName", "OutputValue": self.table}] if self.table else []
        return {"Stacks": [{"StackStatus": self.status, "Parameters": given, "Outputs": outputs}]}

    def get_template_summary(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        defaults = {name: each.default for name, each in read_parameters(ROOT / "template.yaml").items()}
        return {"Parameters": [{"ParameterKey": n, "DefaultValue": v} for n, v in defaults.items()]}

    def update_termination_protection(self, StackName: str, EnableTerminationProtection: bool) -> None:  # noqa: N803
        assert EnableTerminationProtection
        self.protected.append(StackName)


class Tables:
    """DynamoDB, for who may only describe a table. `indexes`: of each table."""

    def __init__(self, **indexes: tuple[str, ...]) -> None:
        self.indexes = indexes

    def describe_table(self, TableName: str) -> dict[str, Any]:  # noqa: N803
        named = self.indexes.get(TableName, ("listed", "waiting"))
        return {"Table": {"GlobalSecondaryIndexes": [{"IndexName": each} for each in named]}}


class Desk:
    """Where a deployment is started from: a built template, a stub for sam, answers of a person."""

    def __init__(self, folder: Path) -> None:
        self.told = folder / "told.json"
        self.sam = folder / "sam"
        self.sam.write_text(
            f"#!{sys.executable}\nimport json, sys\n"
            f"open({str(self.told)!r}, 'w').write(json.dumps(sys.argv[1:]))\n"
            f"sys.exit(int(open({str(folder / 'status')!r}).read()))\n"
        )
        self.sam.chmod(0o755)
        self.status = folder / "status"
        self.status.write_text("0")
        text = (ROOT / "template.yaml").read_text(encoding="utf-8")
        text = compile_build.pin(text, "PythonRuntime", "python3.12")
        self.template = folder / "build" / "template.yaml"
        self.template.parent.mkdir()
        self.template.write_text(compile_build.pin(text, "Architecture", "x86_64"))
        self.asked: list[str] = []

    def deploy(self, stage: str, *more: str, client: Any = None, answer: str = "", tables: Any = None) -> int:
        """The exit code."""

        def ask(question: str) -> str:
            self.asked.append(question)
            return answer

        given = [stage, "--template", str(self.template), "--sam", str(self.sam), *more]
        return deploy.main(given, client or CloudFormation(), ask, tables or Tables())

    def sent(self) -> dict[str, str]:
        """The parameters that sam was given."""
        arguments: list[str] = json.loads(self.told.read_text())
        begin = arguments.index("--parameter-overrides") + 1
        pairs = [each.partition("=") for each in arguments[begin:] if not each.startswith("--")]
        return {name: value.removeprefix('"').removesuffix('"') for name, _, value in pairs}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Nothing of the shell that runs the tests."""
    for name in ("SET", "CONFIRM"):
        monkeypatch.delenv(name, raising=False)
    return Desk(tmp_path)


def test_dev_is_deployed_with_every_parameter(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """The file's, SET's beside them, the platform as built, and all the rest by the template's defaults."""
    assert desk.deploy("dev", "--set", "StripeEventSource=aws.partner/stripe.com/ed_1 ReadsPerMinute=7") == 0
    sent = desk.sent()
    assert set(sent) == set(read_parameters(ROOT / "template.yaml"))
    assert (sent["StripeMode"], sent["SelfSignUp"], sent["LogLevel"]) == ("test", "true", "DEBUG"), "as in the file"
    assert (sent["StripeEventSource"], sent["ReadsPerMinute"]) == ("aws.partner/stripe.com/ed_1", "7")
    assert (sent["PythonRuntime"], sent["Architecture"]) == ("python3.12", "x86_64")
    assert desk.asked == []
    arguments = json.loads(desk.told.read_text())
    assert arguments[:5] == ["deploy", "--config-file", str(ROOT / "samconfig.toml"), "--config-env", "dev"]
    assert "--no-confirm-changeset" not in arguments
    said = capsys.readouterr().out
    assert "StripeMode = 'test' (samconfig.toml)" in said


def test_a_release_is_its_code_and_its_parameters(desk: Desk) -> None:
    """Whatever changes of either makes new versions of the functions that have an alias; nothing else does."""
    seen = []
    for given in ("", "", "LogLevel=WARN"):
        assert desk.deploy("dev", "--set", given) == 0
        seen.append(desk.sent()["Release"])
    (desk.template.parent / "app.py").write_text("x = 1")
    assert desk.deploy("dev") == 0
    seen.append(desk.sent()["Release"])
    assert [len(each) for each in seen] == [64] * 4
    assert seen[0] == seen[1]
    assert len(set(seen)) == 3


def test_prod_asks(desk: Desk) -> None:
    """The stack's name, typed; anything else ends it before anything is done."""
    assert desk.deploy("prod", "--set", MAIL, answer="yes") == 1
    assert len(desk.asked) == 1
    assert not desk.told.exists()
    client = CloudFormation("UPDATE_COMPLETE")
    assert desk.deploy("prod", "--set", MAIL, answer="refledger\n", client=client) == 0
    assert desk.sent()["AlarmEmail"] == "ops@example.com"
    assert client.protected == ["refledger"], "against being deleted"


def test_a_pipeline_confirms_by_name(desk: Desk) -> None:
    """CONFIRM says which stack is meant; another one's name is no answer."""
    assert desk.deploy("prod", "--set", MAIL, "--confirm", "refledger-dev") == 1
    assert desk.deploy("prod", "--set", MAIL, "--confirm", "refledger") == 0
    assert len(desk.asked) == 1
    assert json.loads(desk.told.read_text())[-1] == "--no-confirm-changeset"


@pytest.mark.parametrize("more", [[], ["--check"]])
def test_prod_without_anybody_who_hears_alarms_is_refused(
    desk: Desk, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """At once, and before anything is built."""
    assert desk.deploy("prod", *more) == 1
    assert "AlarmEmail is needed in prod" in capsys.readouterr().err
    assert not desk.told.exists()
    assert desk.deploy("prod", "--check", "--set", MAIL) == 0
    assert not desk.told.exists(), "a check deploys nothing"


def test_what_a_stack_was_told_once_stays(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """An address that was set by hand is not lost by the next deployment, and is told of."""
    client = CloudFormation("UPDATE_COMPLETE", {"AlarmEmail": "ops@example.com", "PythonRuntime": "python3.13"})
    assert desk.deploy("prod", client=client, answer="refledger") == 0
    assert desk.sent()["AlarmEmail"] == "ops@example.com"
    said = capsys.readouterr().out
    assert "AlarmEmail stays 'ops@example.com': only the stack says so" in said
    assert "PythonRuntime: 'python3.13' becomes 'python3.12' (build)" in said


TAKEN_OVER = {
    "ExistingTable": "restored",
    "ExistingTableStreamArn": "arn:aws:dynamodb:eu-central-1:123456789012:table/restored/stream/2026",
    "ExistingHashKeyArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:hash-AbCdEf",
    "ExistingAccountsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/1", "ExistingUserPool": "eu-central-1_AbCd",
    "ExistingUserPoolClient": "client",
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in read_parameters(ROOT / "template.yaml") if "Existing" in name])
def test_what_was_taken_over_is_not_let_go(desk: Desk, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Emptied, CloudFormation would make a new table, key or user pool: a program without a single partner in it."""
    running = CloudFormation("UPDATE_COMPLETE", {"Stage": "dev", **TAKEN_OVER})
    for more in ((), ("--check",)):
        assert desk.deploy("dev", "--set", f"{MAIL} {name}=", *more, client=running) == 1
        assert f"{name} is {TAKEN_OVER[name]} in the stack that runs: emptied" in capsys.readouterr().err
    assert not desk.told.exists()
    assert desk.deploy("dev", "--set", f"{MAIL} {name}={TAKEN_OVER[name]}2", client=running) == 0
    assert desk.sent()[name] == f"{TAKEN_OVER[name]}2"
    assert desk.deploy("dev", "--set", MAIL, client=running) == 0
    assert desk.sent()[name] == TAKEN_OVER[name]


@pytest.mark.parametrize("check", [(), ("--check",)])
def test_a_table_with_keys_of_before_is_refused(
    desk: Desk, check: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the running stack, or given to it: before anything is built, with what to do. Its copy is taken."""
    tables = Tables(former=("list", "work"))
    running = CloudFormation("UPDATE_COMPLETE", {"Stage": "dev"}, "former")
    given = f"{MAIL} ExistingTableStreamArn={TAKEN_OVER['ExistingTableStreamArn']}"
    assert desk.deploy("dev", "--set", MAIL, *check, client=running, tables=tables) == 1
    assert "bin/refledger rename-keys --table former --into" in capsys.readouterr().err
    assert desk.deploy("dev", "--set", f"{given} ExistingTable=former", *check, tables=tables) == 1
    assert "former has the indexes, and so the keys, of before" in capsys.readouterr().err
    assert not desk.told.exists()
    assert desk.deploy("dev", "--set", f"{given} ExistingTable=copy", *check, client=running, tables=tables) == 0
    assert desk.deploy("dev", "--set", MAIL, *check, tables=tables) == 0, "a new stack makes its own"


def test_what_comes_next_is_said(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Outputs, and the first admin's command with this stack's name."""
    assert desk.deploy("dev", client=CloudFormation("UPDATE_COMPLETE")) == 0
    said = capsys.readouterr().out
    assert "ApiUrl" in said
    assert "https://x.example" in said
    assert "bin/refledger admin create --stack refledger-dev" in said


def test_the_region_is_what_the_shell_says(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """boto3 and sam read AWS_DEFAULT_REGION alone; docs and messages say AWS_REGION, as the AWS CLI does."""
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert deploy._client("cloudformation").meta.region_name == "eu-north-1"
    assert deploy._environment()["AWS_DEFAULT_REGION"] == "eu-north-1"
    monkeypatch.delenv("AWS_REGION")
    assert deploy._environment()["AWS_DEFAULT_REGION"] == "us-east-1"
    assert deploy.main(["nowhere"]) == 1
    assert "samconfig.toml has dev, prod" in capsys.readouterr().err, "before anything is asked of AWS"


def test_without_credentials_it_says_what_is_missing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, with nothing built or sent."""

    def nobody(_: str) -> Any:
        raise NoCredentialsError

    monkeypatch.setattr(deploy, "_client", nobody)
    assert deploy.main(["dev", "--check"]) == 1
    assert capsys.readouterr().err == deploy.NO_CREDENTIALS + "\n"


def test_a_deployment_that_fails_is_a_failure(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is said that would be next."""
    desk.status.write_text("2")
    assert desk.deploy("dev") == 1
    said = capsys.readouterr()
    assert "ended with 2" in said.err
    assert "Next:" not in said.out


@pytest.mark.parametrize("status", sorted(deploy.NEVER_MADE))
def test_a_stack_that_never_was_is_cleaned_up_first(
    desk: Desk, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says how, instead of letting CloudFormation refuse in words of its own."""
    assert desk.deploy("dev", client=CloudFormation(status)) == 1
    assert "aws cloudformation delete-stack --stack-name refledger-dev" in capsys.readouterr().err
    assert not desk.told.exists()


def test_a_change_set_that_was_never_carried_out_is_no_stack() -> None:
    """The SAM CLI makes the stack then."""
    assert deploy.find_stack(CloudFormation("REVIEW_IN_PROGRESS"), "s") is None
    assert isinstance(deploy.find_stack(CloudFormation("CREATE_COMPLETE"), "s"), Running)


def test_a_template_that_was_not_completed_is_refused(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """`sam build` alone leaves the choice of a runtime to whatever the stack had before."""
    desk.template.write_text((ROOT / "template.yaml").read_text(encoding="utf-8"))
    assert desk.deploy("dev") == 1
    assert "PythonRuntime may be python3.11, python3.12" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("stage", "given", "fault"),
    [
        ("", "", "STAGE="),
        ("staging", "", "dev, prod"),
        ("dev", "Nothing=1", "no parameter Nothing"),
        ("dev", "Release=" + "a" * 64, "worked out"),
    ],
)
def test_mistakes_are_told(desk: Desk, stage: str, given: str, fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback."""
    assert desk.deploy(stage, "--set", given) == 1
    assert fault in capsys.readouterr().err
