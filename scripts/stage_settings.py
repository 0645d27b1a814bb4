"""Which value each of the template's parameters gets in a deployment, and who said so.

CloudFormation keeps a parameter's previous value where none is sent, whatever the template's default has become since,
and the SAM CLI's --parameter-overrides replaces the file's list instead of adding to it. Here every parameter gets a
value. From the weakest to the strongest:

1. the template's default;
2. what the running stack has, where somebody once said so: it is not the default of the template that runs;
3. samconfig.toml;
4. SET on the command line.
"""

from __future__ import annotations

import hashlib
import re
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

BUILT_FOR = ("PythonRuntime", "Architecture")  # said by what was built, and by nothing else
RELEASE = "Release"  # a digest of what is deployed


class DeployError(Exception):
    """What a person has to mend; the message says how."""


@dataclass(frozen=True)
class Parameter:
    """What the template says of a parameter."""

    name: str
    default: str | None
    allowed: tuple[str, ...]
    pattern: str | None
    least: float | None
    most: float | None

    def fault(self, value: str) -> str | None:
        """Why CloudFormation would refuse the value; None where it would not."""
        if self.allowed and value not in self.allowed:
            return f"{self.name}={value}: not one of {', '.join(self.allowed)}"
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            return f"{self.name}={value}: does not match {self.pattern}"
        if self.least is not None or self.most is not None:
            if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
                return f"{self.name}={value}: not a number"
            if not (self.least is None or self.least <= float(value)) or not (
                self.most is None or float(value) <= self.most
            ):
                return f"{self.name}={value}: out of range"
        return None


@dataclass(frozen=True)
class Running:
    """The stack that is to be changed: its parameters, and the defaults of the template that it runs."""

    values: Mapping[str, str]
    defaults: Mapping[str, str]
    outputs: Mapping[str, str]


@dataclass(frozen=True)
class Sent:
    """One parameter of a deployment, and where its value comes from."""

    name: str
    value: str
    origin: str  # "default", "stack", "samconfig.toml", "SET", "build"


def read_parameters(template: Path) -> dict[str, Parameter]:
    """The parameters that a template declares."""
    text = template.read_text(encoding="utf-8")
    section = re.search(r"(?ms)^Parameters:.*?(?=^\S|\Z)", text)  # alone: the whole takes seconds
    declared: Mapping[str, Mapping[str, Any]] = yaml_parse(section[0])["Parameters"] if section else {}
    return {
        name: Parameter(
            name=name,
            default=str(given["Default"]) if "Default" in given else None,
            allowed=tuple(map(str, given.get("AllowedValues", ()))),
            pattern=given.get("AllowedPattern"),
            least=given.get("MinValue"),
            most=given.get("MaxValue"),
        )
        for name, given in declared.items()
    }


def read_stage(config: Path, stage: str) -> dict[str, Any]:
    """What samconfig.toml has for `sam deploy` in a stage. Raises DeployError where there is none of that name."""
    sections: dict[str, Any] = tomllib.loads(config.read_text(encoding="utf-8"))
    known = sorted(name for name, given in sections.items() if isinstance(given, dict) and "deploy" in given)
    if stage not in known:
        raise DeployError(f"STAGE={stage}: {config.name} has {', '.join(known)}")
    found: dict[str, Any] = sections[stage]["deploy"]["parameters"]
    return found


def pairs(given: str | Sequence[str], origin: str) -> dict[str, str]:
    """`Name=value` in a list, or in one text with quotes as a shell has them. Raises DeployError for anything else."""
    try:
        words = shlex.split(given) if isinstance(given, str) else [word for each in given for word in _one(each)]
    except ValueError as error:
        raise DeployError(f"{origin}: {error}: {given}") from None
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not re.fullmatch("[A-Za-z0-9]+", name):
            raise DeployError(f"{origin}: {word}: not Name=value")
        if name in found:
            raise DeployError(f"{origin}: {name} is there twice")
        found[name] = value
    return found


def _one(text: str) -> list[str]:
    """An entry of the file's list: one pair, its value in quotes or not, blanks included."""
    name, equals, value = text.partition("=")
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return [f"{name}{equals}{value[1:-1] if quoted else value}"]


def merge(
    parameters: Mapping[str, Parameter],
    running: Running | None,
    file: Mapping[str, str],
    given: Mapping[str, str],
) -> list[Sent]:
    """A value for every parameter of the template. Raises DeployError with all that is wrong, one a line."""
    faults = [
        f"{origin}: the template has no parameter {name}"
        for origin, said in (("samconfig.toml", file), ("SET", given))
        for name in sorted(said.keys() - parameters.keys())
    ]
    faults += [
        f"{name} is what was built for: make deploy RUNTIME=… ARCHITECTURE=… instead"
        for name in BUILT_FOR
        if name in file or name in given
    ]
    faults += [f"{RELEASE} is worked out, and not said" for said in (file, given) if RELEASE in said]
    sent = []
    for parameter in parameters.values():
        value, origin = _value(parameter, running, file, given)
        if value is None:
            faults.append(f"{parameter.name} has no default: say it in samconfig.toml or by SET")
            continue
        if fault := parameter.fault(value):
            faults.append(f"{origin}: {fault}")
        sent.append(Sent(parameter.name, value, origin))
    if faults:
        raise DeployError("\n".join(faults))
    return sent


def _value(
    parameter: Parameter, running: Running | None, file: Mapping[str, str], given: Mapping[str, str]
) -> tuple[str | None, str]:
    name = parameter.name
    if name in BUILT_FOR or name == RELEASE:
        return parameter.default, "build"
    if name in given:
        return given[name], "SET"
    if name in file:
        return file[name], "samconfig.toml"
    if running and name in running.values and running.values[name] != running.defaults.get(name):
        return running.values[name], "stack"
    return parameter.default, "default"


def with_release(sent: Sequence[Sent], build: Path) -> list[Sent]:
    """The parameters with the digest of them all and of what was built: another one makes new versions of functions.

    Byte code is left out: it follows from the sources.
    """
    digest = hashlib.sha256()
    for each in sent:
        digest.update(f"{each.name}={each.value}\0".encode())
    for path in sorted(build.rglob("*")):
        if path.is_file() and path.parent.name != "__pycache__":
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.relative_to(build).as_posix()} {content}\0".encode())
    return [replace(each, value=digest.hexdigest()) if each.name == RELEASE else each for each in sent]


def changes(sent: Sequence[Sent], running: Running | None) -> list[str]:
    """What becomes different in a running stack, a line each; and what only the stack remembers."""
    if running is None:
        return [f"{each.name} = {each.value!r} ({each.origin})" for each in sent if each.origin != "default"]
    lines = [
        f"{each.name}: {running.values[each.name]!r} becomes {each.value!r} ({each.origin})"
        if each.name in running.values
        else f"{each.name} is new: {each.value!r} ({each.origin})"
        for each in sent
        if running.values.get(each.name) != each.value
    ]
    gone = sorted(running.values.keys() - {each.name for each in sent})
    lines += [f"{name} is gone; it was {running.values[name]!r}" for name in gone]
    kept = [f"{each.name} stays {each.value!r}: only the stack says so" for each in sent if each.origin == "stack"]
    return lines + kept


def as_arguments(sent: Sequence[Sent]) -> list[str]:
    """As --parameter-overrides of the SAM CLI wants them: every value in quotes, an empty one too.

    Raises DeployError for a backslash, which it reads in ways of its own.
    """
    for each in sent:
        if "\\" in each.value:
            raise DeployError(f"{each.name}={each.value}: the SAM CLI cannot pass a backslash on")
    return [f'{each.name}="{each.value.replace(chr(34), chr(92) + chr(34))}"' for each in sent]
