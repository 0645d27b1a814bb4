"""Checks the state machines of template.yaml: `python scripts/lint_asl.py [template.yaml]`.

The structure (fields and their types, a Next to a state that is not there, states that nothing leads to, no
way to an end) is judged by statelint, the port of AWS's own linter. What it does not know is checked here:

* every task names a resource and has a time limit, and so has the machine: the language has no default that saves
  anybody;
* a task that calls a function retries what passes by itself;
* a task that waits for a token catches both ways in which its time runs out;
* Retry and Catch name errors that can occur: Step Functions' and Lambda's own, or a class of refledger's
  errors, by which name Step Functions knows an exception of a function, or what a task is told with its token;
* no error is caught or retried after a rule that takes it already, and no rule takes everything;
* the template fills in every ${Name} of the definition, and none that is not there.

Prints one line for each fault; the exit code says whether there is any.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from statelint.linter import Linter

ROOT = Path(__file__).resolve().parent.parent
ERRORS = ROOT / "layers" / "core" / "python" / "refledger" / "domain" / "errors.py"
SERVICE_ERRORS = ("States.", "Lambda.", "Sandbox.", "Runtime.")
EVERYTHING = ("States.ALL", "States.TaskFailed")  # would take errors that nobody thought of, and hide them
SUBSTITUTION = re.compile(r"\$\{(\w+)\}")
CALLBACK = ".waitForTaskToken"
TOLD = ("Unfinished",)  # what a task that waits is told with its token (adapters/stepfunctions.py); no class of ours
# Lambda's own passing faults, which AWS's guide to error handling says to retry, and the one of ours.
PASSING = (
    "Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException", "Sandbox.Timedout", "Busy",
)  # fmt: skip

Definition = dict[str, Any]


def error_classes(source: str) -> frozenset[str]:
    """The names of the classes that a module defines."""
    return frozenset(node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef))


def lint(text: str, errors: frozenset[str], substitutions: Mapping[str, object]) -> list[str]:
    """The faults of one definition in YAML. `errors`: classes that functions may raise."""
    definition = yaml.safe_load(text)
    if not isinstance(definition, dict) or not isinstance(definition.get("States"), dict):
        return ["not a state machine: it has no States"]
    faults: list[str] = Linter.validate(definition)
    if "TimeoutSeconds" not in definition:
        faults.append("the machine as a whole has no time limit")
    for name, state in _states(definition):
        if state.get("Type") == "Task":
            faults += [f"{name}: {fault}" for fault in _task_faults(state)]
        faults += [f"{name}: {fault}" for fault in _error_faults(state, errors)]
    named = set(SUBSTITUTION.findall(_without_comments(definition)))
    faults += [f"${{{name}}} is not in DefinitionSubstitutions" for name in sorted(named - substitutions.keys())]
    faults += [f"DefinitionSubstitutions: there is no ${{{name}}}" for name in sorted(substitutions.keys() - named)]
    return faults


def _states(machine: Definition) -> Iterator[tuple[str, Definition]]:
    """All states, those of branches and maps as well."""
    for name, state in machine.get("States", {}).items():
        yield name, state
        inner = [
            *state.get("Branches", []),
            *(state[key] for key in ("Iterator", "ItemProcessor") if key in state),
        ]
        for part in inner:
            yield from _states(part)


def _task_faults(state: Definition) -> Iterator[str]:
    if "Resource" not in state:
        yield "a task without a Resource"
    if "TimeoutSeconds" not in state and "TimeoutSecondsPath" not in state:
        yield "a task without a time limit"
    resource = str(state.get("Resource", ""))
    if ":lambda:" in resource:
        yield from (f"does not retry {error}" for error in PASSING if error not in _named(state, "Retry"))
    if resource.endswith(CALLBACK):
        for error in ("States.Timeout", "States.HeartbeatTimeout"):
            if error not in _named(state, "Catch"):
                yield f"waits for a token and does not catch {error}"


def _named(state: Definition, field: str) -> set[str]:
    """The errors that a state's Retry or Catch names."""
    return {error for rule in state.get(field, []) for error in rule.get("ErrorEquals", [])}


def _error_faults(state: Definition, errors: frozenset[str]) -> Iterator[str]:
    for field in ("Retry", "Catch"):
        taken: set[str] = set()
        for rule in state.get(field, []):
            for error in rule.get("ErrorEquals", []):
                if error in EVERYTHING:
                    yield f"{field} of {error} would hide errors that nobody thought of"
                elif field == "Catch" and error in TOLD and str(state.get("Resource", "")).endswith(CALLBACK):
                    pass
                elif not error.startswith(SERVICE_ERRORS) and error not in errors:
                    yield f"{field} names {error}, which nothing raises"
                if error in taken:
                    yield f"{field} names {error} twice; the second is never reached"
                taken.add(error)


def _without_comments(definition: Definition) -> str:
    """The definition as text again, without the YAML's comments, which may name whatever they like."""
    return str(yaml.safe_dump(definition))


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as plain values: only their places matter here."""


def _plain(loader: _Loader, _: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _plain)


def machines(template: Path) -> Iterator[tuple[Path, dict[str, object]]]:
    """The file of each state machine of a template, and its substitutions."""
    resources = yaml.load(template.read_text(encoding="utf-8"), _Loader)["Resources"]
    for resource in resources.values():
        if resource["Type"] == "AWS::Serverless::StateMachine":
            properties = resource["Properties"]
            yield template.parent / properties["DefinitionUri"], properties.get("DefinitionSubstitutions", {})


def main(template: Path) -> int:
    errors = error_classes(ERRORS.read_text(encoding="utf-8"))
    found = list(machines(template))
    faults = [
        f"{path.name}: {fault}"
        for path, substitutions in found
        for fault in lint(path.read_text(encoding="utf-8"), errors, substitutions)
    ]
    print(*faults or [f"{len(found)} state machine(s) checked"], sep="\n")
    return 1 if faults or not found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "template.yaml"))
