"""Functions as the template declares them, what they see, and what comes of an invocation."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from undocked.errors import StartError
from undocked.secrets import Secrets
from undocked.template import Template


@dataclass(frozen=True)
class FunctionSpec:
    """What the template says about one function, with every reference resolved."""

    name: str
    arn: str
    handler: str
    code_dir: Path
    layer_dirs: tuple[Path, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    timeout_seconds: float = 3
    memory_mb: int = 128
    max_workers: int = 3
    async_config: dict[str, Any] = field(default_factory=dict)
    dead_letters: str | None = None  # ARN of the queue or topic of DeadLetterConfig


@dataclass(frozen=True)
class Outcome:
    """What an invocation came to; `error` is the X-Amz-Function-Error header."""

    payload: bytes
    error: str | None = None

    @classmethod
    def failure(cls, error_type: str, message: str) -> Outcome:
        """An error that the service reports, not the handler."""
        return cls(json.dumps({"errorType": error_type, "errorMessage": message}).encode(), "Unhandled")


def function_name(name_or_arn: str) -> str:
    """The bare name in a name, an ARN, or either of them with a version or an alias."""
    return name_or_arn.split(":function:")[-1].split(":")[0]


def provide_functions(template: Template) -> dict[str, Path]:
    """Let references to functions, layers, versions and aliases resolve.

    Returns the directory of each layer by its ARN.
    """
    layers: dict[str, Path] = {}
    for resource in template.of_type("AWS::Lambda::LayerVersion"):
        arn = template.arn("lambda", f"layer:{resource.logical_id}:1")
        directory = _code_dir(template, resource.logical_id, resource.properties["Content"])
        layers[arn] = directory / "python" if (directory / "python").is_dir() else directory
        template.provide(resource.logical_id, arn, Arn=arn, LayerVersionArn=arn)
    for resource in template.of_type("AWS::Lambda::Function"):
        name = template.name(resource, "FunctionName")
        template.provide(resource.logical_id, name, Arn=template.arn("lambda", f"function:{name}"))
    for resource in template.of_type("AWS::Lambda::Version"):
        arn = f"{_arn(template, resource.properties, resource.logical_id)}:1"
        template.provide(resource.logical_id, arn, Version="1", FunctionArn=arn)
    for resource in template.of_type("AWS::Lambda::Alias"):
        alias = template.resolve(resource.properties["Name"], resource.logical_id)
        arn = f"{_arn(template, resource.properties, resource.logical_id)}:{alias}"
        template.provide(resource.logical_id, arn, AliasArn=arn)
    return layers


def read_functions(
    template: Template, layers: Mapping[str, Path], secrets: Secrets, max_workers: int
) -> list[FunctionSpec]:
    """Every function with its environment resolved; all that it may refer to must exist by now."""
    configs = [template.properties(resource) for resource in template.of_type("AWS::Lambda::EventInvokeConfig")]
    async_configs = {function_name(str(config["FunctionName"])): config for config in configs}
    specs = []
    for resource in template.of_type("AWS::Lambda::Function"):
        given, where = template.properties(resource), resource.logical_id
        name = template.name(resource, "FunctionName")
        unknown = [arn for arn in given.get("Layers", []) if arn not in layers]
        if unknown:
            raise StartError(
                f"{where}: Layers: {unknown[0]} is not of this template; published layers cannot be fetched"
            )
        variables = given.get("Environment", {}).get("Variables", {})
        reserved = int(given.get("ReservedConcurrentExecutions", max_workers))
        specs.append(
            FunctionSpec(
                name=name,
                arn=template.arn("lambda", f"function:{name}"),
                handler=given["Handler"],
                code_dir=_code_dir(template, where, given["Code"]),
                layer_dirs=tuple(layers[arn] for arn in given.get("Layers", [])),
                environment={key: _as_text(value) for key, value in secrets.fill_in(variables, where).items()},
                timeout_seconds=float(given.get("Timeout", 3)),
                memory_mb=int(given.get("MemorySize", 128)),
                max_workers=max(1, min(max_workers, reserved)),
                async_config=async_configs.get(name, {}),
                dead_letters=given.get("DeadLetterConfig", {}).get("TargetArn"),
            )
        )
    return specs


def in_release(specs: Iterable[FunctionSpec], here: Path, other: Path) -> dict[str, FunctionSpec]:
    """By name, the same functions with the code of another checkout, those that it has; all else as it is here.

    `here`: the directory of the template. Raises StartError where it has none of them.
    """

    def there(directory: Path) -> Path:
        return other.absolute() / directory.relative_to(here.absolute())

    found = {
        spec.name: replace(spec, code_dir=there(spec.code_dir), layer_dirs=tuple(map(there, spec.layer_dirs)))
        for spec in specs
        if there(spec.code_dir).is_dir()
    }
    if not found:
        raise StartError(f"--beside: {other} has none of this template's functions")
    return found


def base_environment() -> dict[str, str]:
    """What an interpreter of workers is started with: nothing of the developer's shell but PATH."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONUNBUFFERED": "1",
    }


def worker_environment(spec: FunctionSpec, endpoints: Mapping[str, str]) -> dict[str, str]:
    """The function's own variables and what Lambda itself sets; nothing of the developer's shell but PATH."""
    region = spec.arn.split(":")[3]
    return {
        **base_environment(),
        "PYTHONPATH": os.pathsep.join(map(str, (spec.code_dir, *spec.layer_dirs))),
        "LAMBDA_TASK_ROOT": str(spec.code_dir),
        "_HANDLER": spec.handler,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{spec.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        **endpoints,
        **spec.environment,
    }


def _code_dir(template: Template, where: str, code: dict[str, Any]) -> Path:
    """The directory behind the S3 address that the translator was given."""
    if code.get("S3Bucket") != "local" or "S3Key" not in code:
        raise StartError(f"{where}: Code: only a directory next to the template runs here (CodeUri, ContentUri)")
    directory: Path = template.base / code["S3Key"]
    if not directory.is_dir():
        raise StartError(f"{where}: {directory} is not a directory")
    return directory


def _arn(template: Template, properties: dict[str, Any], where: str) -> str:
    name = function_name(str(template.resolve(properties["FunctionName"], where)))
    return template.arn("lambda", f"function:{name}")


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
