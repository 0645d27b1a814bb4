"""Which value a parameter gets in a deployment: nothing is left to what CloudFormation remembers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from scripts.stage_settings import (
    DeployError,
    Running,
    Sent,
    as_arguments,
    changes,
    merge,
    pairs,
    read_parameters,
    read_stage,
)

ROOT = Path(__file__).parents[2]
TEMPLATE = """
Parameters:
  PythonRuntime: {Type: String, Default: python3.11, AllowedValues: [python3.11]}
  Mode: {Type: String, Default: live, AllowedValues: [live, test]}
  Mail: {Type: String, Default: ""}
  Most: {Type: Number, Default: 10, MinValue: 1, MaxValue: 99}
  Mapping: {Type: String, Default: "a=b;c=d", AllowedPattern: "a=.*"}
Resources: {}
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A built template of five parameters."""
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE)
    return path


def values(template: Path, running: Running | None = None, file: str = "", given: str = "") -> dict[str, str]:
    sent = merge(read_parameters(template), running, pairs(file, "file"), pairs(given, "SET"))
    return {each.name: each.value for each in sent}


def test_every_parameter_is_sent(template: Path) -> None:
    """Those that nobody speaks of with the template's own default, the platform as it was built."""
    found = values(template, file="Mode=test", given="Most=5")
    assert found == {"PythonRuntime": "python3.11", "Mode": "test", "Mail": "", "Most": "5", "Mapping": "a=b;c=d"}


def test_what_is_set_once_adds_to_the_file(template: Path) -> None:
    """It replaces what it names, and nothing else of the list."""
    found = values(template, file="Mode=test Most=7", given="Mode=live Mail='a b@c'")
    assert (found["Mode"], found["Most"], found["Mail"]) == ("live", "7", "a b@c")


def test_a_platform_of_before_does_not_come_through(template: Path) -> None:
    """A stack that was deployed from another machine gets the runtime that the layer is built for."""
    before = Running({"PythonRuntime": "python3.13", "Mode": "live"}, {"PythonRuntime": "python3.13"}, {})
    assert values(template, before)["PythonRuntime"] == "python3.11"
    for given in ("PythonRuntime=python3.13", "Architecture=arm64"):
        with pytest.raises(DeployError, match="RUNTIME="):
            values(template, before, given=given)


def test_a_new_default_reaches_a_running_stack(template: Path) -> None:
    """Where the stack only had the old one; what somebody said once stays, and is told of."""
    running = Running({"Most": "20", "Mail": "a@b", "Mode": "live"}, {"Most": "20", "Mail": "", "Mode": "live"}, {})
    found = values(template, running)
    assert (found["Most"], found["Mail"]) == ("10", "a@b")
    told = changes(merge(read_parameters(template), running, {}, {}), running)
    assert "Most: '20' becomes '10' (default)" in told
    assert "Mail stays 'a@b': only the stack says so" in told
    assert any(line.startswith("Mapping is new") for line in told)


def test_the_file_is_stronger_than_the_stack(template: Path) -> None:
    """What was set by hand and then written down otherwise is as it is written."""
    running = Running({"Mode": "test"}, {"Mode": "live"}, {})
    assert values(template, running, file="Mode=live")["Mode"] == "live"


def test_what_is_gone_is_told(template: Path) -> None:
    """A parameter that the template no longer has."""
    assert "Old is gone; it was 'x'" in changes([], Running({"Old": "x"}, {}, {}))


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("Mood=live", "SET: the template has no parameter Mood"),
        ("Mode=Live", "SET: Mode=Live: not one of live, test"),
        ("Most=100", "SET: Most=100: out of range"),
        ("Most=0", "SET: Most=0: out of range"),
        ("Most=many", "SET: Most=many: not a number"),
        ("Mapping=b", "SET: Mapping=b: does not match"),
        ("Mode", "SET: Mode: not Name=value"),
        ("Mode=live Mode=test", "SET: Mode is there twice"),
        ("Mail='x", "SET: No closing quotation"),
    ],
)
def test_what_cloudformation_would_refuse_is_refused_here(template: Path, given: str, fault: str) -> None:
    """Before anything is built, and by name."""
    with pytest.raises(DeployError) as refused:
        values(template, given=given)
    assert fault in str(refused.value)


def test_all_faults_are_named_at_once(template: Path) -> None:
    """One run tells of every one."""
    with pytest.raises(DeployError) as refused:
        values(template, file="Mode=Live", given="Mood=x Most=0")
    assert len(str(refused.value).splitlines()) == 3


def test_a_parameter_without_a_default_must_be_said(tmp_path: Path) -> None:
    """It is not sent empty."""
    path = tmp_path / "template.yaml"
    path.write_text("Parameters: {Who: {Type: String}}\nResources: {}")
    with pytest.raises(DeployError, match="Who has no default"):
        values(path)
    assert values(path, given="Who=me") == {"Who": "me"}


def test_stages_are_those_of_the_file() -> None:
    """And the product's own file names only parameters that its template has, with values that it takes."""
    config = ROOT / "samconfig.toml"
    parameters = read_parameters(ROOT / "template.yaml")
    for stage in ("dev", "prod"):
        given = pairs(read_stage(config, stage)["parameter_overrides"], "samconfig.toml")
        sent = {each.name: each.value for each in merge(parameters, None, given, {})}
        assert sent["Stage"] == stage
        assert set(sent) == set(parameters)
    for unknown in ("", "default", "staging"):
        with pytest.raises(DeployError, match="dev, prod"):
            read_stage(config, unknown)


def test_an_entry_of_the_file_may_have_blanks_and_quotes() -> None:
    """As the SAM CLI takes them."""
    assert pairs(["A=x y", 'B="x y"', "C='z'", "D="], "file") == {"A": "x y", "B": "x y", "C": "z", "D": ""}


AWKWARD = {"Empty": "", "Blanks": "Status:Closed - Won|IsWon:true", "Quotes": 'a "b" c', "Equals": "a=b;c=d"}


def test_the_sam_cli_reads_what_is_sent() -> None:
    """Its own parser gives back every value as it is, the empty one as well."""
    python = ROOT / ".venv-sam" / "bin" / "python"
    if not python.exists():
        pytest.skip("needs .venv-sam, which `make check` makes")
    code = (
        "import sys, json; from samcli.cli.types import CfnParameterOverridesType as T; "
        "print(json.dumps(T().convert(tuple(sys.argv[1:]), None, None)))"
    )
    sent = [Sent(name, value, "SET") for name, value in AWKWARD.items()]
    command = [str(python), "-c", code, *as_arguments(sent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(done.stdout) == AWKWARD
    with pytest.raises(DeployError, match="backslash"):
        as_arguments([Sent("A", "a\\", "SET")])
