"""State machines of the template, handed to moto's interpreter by its API.

By API, because CloudFormation in moto reaches a backend that does not execute, and ignores
DefinitionSubstitutions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import ClientError

from undocked.errors import StartError
from undocked.template import Resource, Template

SUBSTITUTION = re.compile(r"\$\{(\w+)\}")


def provide_machines(template: Template) -> None:
    """Let references to state machines resolve; before anything that may refer to one is created."""
    for resource in template.of_type("AWS::StepFunctions::StateMachine"):
        name = template.name(resource, "StateMachineName")
        arn = template.arn("states", f"stateMachine:{name}")
        template.provide(resource.logical_id, arn, Arn=arn, Name=name)


def create_machines(template: Template, client: Any, beside: Path | None = None) -> None:
    """Make the state machines. Raises StartError for a definition that does not parse.

    `beside`: a checkout of another release, which answers beside this one. While it does, its definitions are in force,
    if it has them: a state machine that calls functions by an alias is updated once all calls go to the new code.
    """
    for resource in template.of_type("AWS::StepFunctions::StateMachine"):
        definition = read_definition(template, resource, beside)
        try:
            client.create_state_machine(
                name=template.name(resource, "StateMachineName"),
                definition=json.dumps(definition),
                roleArn=f"arn:aws:iam::{template.account}:role/local",
                type="STANDARD",
            )
        except ClientError as error:
            raise StartError(f"{resource.logical_id}: {error.response['Error']['Message']}") from None


def read_definition(template: Template, resource: Resource, beside: Path | None = None) -> dict[str, Any]:
    """A state machine's definition, substitutions made. `beside`: see `create_machines`.

    Raises StartError for what moto would only trip over later.
    """
    where, given = resource.logical_id, resource.properties
    if "DefinitionS3Location" in given:
        path = template.base / (key := str(given["DefinitionS3Location"]["Key"]))
        if beside and (other := beside / key).is_file():
            path = other
        if not path.is_file():
            raise StartError(f"{where}: {path} is not a file")
        text = path.read_text(encoding="utf-8")
    else:
        text = template.resolve(given.get("DefinitionString", "{}"), where)
    values = template.resolve(given.get("DefinitionSubstitutions", {}), where)
    try:
        definition = _substitute(yaml.safe_load(text), values)  # JSON is YAML
    except (KeyError, yaml.YAMLError) as error:
        raise StartError(f"{where}: definition: {error}") from None
    if not isinstance(definition, dict):
        raise StartError(f"{where}: the definition is not an object")
    _check_states(where, definition)
    return definition


def _substitute(value: Any, values: Mapping[str, Any]) -> Any:
    """Fill in ${Name}. Done on the parsed value, so that a substituted text may hold quotes."""
    if isinstance(value, dict):
        return {key: _substitute(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_substitute(item, values) for item in value]
    if not isinstance(value, str):
        return value
    missing = [name for name in SUBSTITUTION.findall(value) if name not in values]
    if missing:
        raise KeyError(f"${{{missing[0]}}} is not in DefinitionSubstitutions")
    whole = SUBSTITUTION.fullmatch(value)
    if whole and not isinstance(values[whole[1]], str):
        return values[whole[1]]  # a number stays one
    return SUBSTITUTION.sub(lambda found: str(values[found[1]]), value)


def _check_states(where: str, machine: dict[str, Any]) -> None:
    """Every state that is named must exist (moto finds out when it gets there), in a language that runs."""
    if machine.get("QueryLanguage", "JSONPath") != "JSONPath":
        raise StartError(f"{where}: QueryLanguage {machine['QueryLanguage']} does not run here, only JSONPath")
    states = machine.get("States", {})
    named = [("StartAt", machine.get("StartAt"))]
    for name, state in states.items():
        if state.get("QueryLanguage", "JSONPath") != "JSONPath":
            raise StartError(
                f"{where}: {name}: QueryLanguage {state['QueryLanguage']} does not run here, only JSONPath"
            )
        named += [(f"{name}.{key}", state[key]) for key in ("Next", "Default") if key in state]
        named += [(f"{name}.Catch", catcher.get("Next")) for catcher in state.get("Catch", [])]
        named += [(f"{name}.Choices", choice.get("Next")) for choice in state.get("Choices", [])]
        inner = [
            *state.get("Branches", []),
            *(state[key] for key in ("Iterator", "ItemProcessor") if key in state),
        ]
        for part in inner:
            _check_states(f"{where}: {name}", part)
    for field, target in named:
        if target not in states:
            raise StartError(f"{where}: {field}: there is no state {target}")
