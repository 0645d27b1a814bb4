"""The stack as CloudFormation lists it, for commands that ask it what the resources of a deployment are called."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.cloudformation.models import cloudformation_backends

from undocked.errors import StartError
from undocked.mappings import uuid_of
from undocked.resources import RUN
from undocked.template import Template

MAPPING = "AWS::Lambda::EventSourceMapping"


@dataclass(frozen=True)
class _Listed:
    logical_resource_id: str
    physical_resource_id: str
    cf_resource_type: str

    @property
    def type(self) -> str:
        return self.cf_resource_type


@dataclass(frozen=True)
class _Stack:
    """As much of a stack as DescribeStacks, DescribeStackResources and ListStackResources tell."""

    stack_id: str
    name: str
    stack_resources: list[_Listed]
    creation_time: datetime
    parameters: list[dict[str, str]]
    tags: dict[str, str] = field(default_factory=dict)
    status: str = "CREATE_COMPLETE"
    outputs: list[Any] = field(default_factory=list)

    @property
    def stack_name(self) -> str:
        return self.name

    @property
    def stack_status(self) -> str:
        return self.status


def list_stack(template: Template) -> None:
    """Tell moto's CloudFormation of the stack. Everything in it must have been made."""
    stack_id = f"arn:aws:cloudformation:{template.region}:{template.account}:stack/{template.stack}/local"
    found = [_Listed(resource.logical_id, _id(template, resource.logical_id), resource.type)
             for resource in template.of_type(*RUN) if resource.type != MAPPING]  # fmt: skip
    found += [_Listed(each.logical_id, uuid_of(each.logical_id), MAPPING) for each in template.of_type(MAPPING)]
    stacks: Any = cloudformation_backends[template.account][template.region].stacks
    stacks[stack_id] = _Stack(stack_id, template.stack, found, datetime.now(UTC), template.parameters)


def _id(template: Template, logical_id: str) -> str:
    """What `Ref` gives; the logical id for the few resources that nothing can refer to here."""
    try:
        return str(template.resolve({"Ref": logical_id}, logical_id))
    except StartError:
        return logical_id
