"""The linter of state machines finds what moto, and Step Functions itself, accept and trip over later."""

from __future__ import annotations

import pytest

from refledger.adapters.stepfunctions import UNFINISHED
from refledger.domain import errors
from scripts.lint_asl import ERRORS, ROOT, TOLD, error_classes, lint, machines

TEXT = (ROOT / "statemachines" / "withdrawal_approval.asl.yaml").read_text()
CLASSES = error_classes(ERRORS.read_text())
SUBSTITUTIONS = {"WorkflowFunctionArn": "arn"}


def test_the_deployed_machines_are_without_fault() -> None:
    """What the template deploys passes, with the substitutions that the template makes."""
    found = list(machines(ROOT / "template.yaml"))
    assert [path.name for path, _ in found] == ["withdrawal_approval.asl.yaml"]
    for path, substitutions in found:
        assert lint(path.read_text(), CLASSES, substitutions) == []


def test_error_classes_are_those_of_the_module() -> None:
    """The names that the linter accepts are classes that exist, Step Functions' three among them."""
    assert {"Busy", "PayoutDeclined", "PayoutUnavailable"} <= CLASSES
    assert all(issubclass(getattr(errors, name), Exception) for name in CLASSES)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("Next: PayOut", "Next: PayOt", "PayOt"),
        ("    Next: PayOut", "    Next: Settle", "PayOut"),
        ("StartAt: Decide", "StartAt: Assess", "Assess"),
        ("    TimeoutSeconds: 2592000", "    # no limit", "Decide: a task without a time limit"),
        ("[States.Timeout, States.HeartbeatTimeout]", "[States.Timeout]", "catch States.HeartbeatTimeout"),
        ("[PayoutUnavailable]", "[PayoutUnavailible]", "Retry names PayoutUnavailible, which nothing raises"),
        ("          - Sandbox.Timedout\n", "", "Decide: does not retry Sandbox.Timedout"),
        ("          - Busy\n", "", "Settle: does not retry Busy"),
        ("[Unfinished]", "[States.ALL]", "Catch of States.ALL would hide"),
        ("[Unfinished]", "[Unfinishd]", "Catch names Unfinishd, which nothing raises"),
        ("[PayoutUnavailable]", "[Unfinished]", "Retry names Unfinished, which nothing raises"),
        ("TimeoutSeconds: 31536000 # a year", "# a year", "the machine as a whole has no time limit"),
        ("[PayoutUnavailable]", "[Busy]", "Retry names Busy twice"),
        ("withdrawalId.$: $.withdrawalId", "withdrawalId.$: withdrawalId", "withdrawalId"),
        ('"${WorkflowFunctionArn}"', '"${WorkflowArn}"', "${WorkflowArn} is not in DefinitionSubstitutions"),
        ("    Resource: arn:aws:states:::lambda:invoke.waitForTaskToken\n", "", "a task without a Resource"),
        ("    End: true\n", "", "Settle"),
    ],
)  # fmt: skip
def test_planted_faults_are_found(old: str, new: str, fault: str) -> None:
    """A fault like those that people make is named."""
    assert old in TEXT
    found = lint(TEXT.replace(old, new), CLASSES, SUBSTITUTIONS)
    assert any(fault in each for each in found), found


def test_what_is_told_with_a_token_is_what_is_caught() -> None:
    """The name is no class's, so it is compared with the one that is sent."""
    assert (UNFINISHED,) == TOLD


def test_substitutions_that_nothing_uses_are_found() -> None:
    """The template fills in nothing that is not in the definition: it may be a misspelt name."""
    found = lint(TEXT, CLASSES, {**SUBSTITUTIONS, "TableName": "table"})
    assert found == ["DefinitionSubstitutions: there is no ${TableName}"]


def test_what_is_no_state_machine() -> None:
    """A file with something else in it is a fault, not a crash."""
    assert lint("[]", CLASSES, {}) == ["not a state machine: it has no States"]
