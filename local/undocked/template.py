"""The SAM template, translated as AWS does it, with references resolved to what stands for them here.

`translation` makes CloudFormation of it; moto's
CloudFormation resolves intrinsics and creates what moto serves. What runs on another engine here (functions,
tables, state machines, user pools, secrets, APIs) is *provided*: a physical id and attributes, which
references to it then resolve to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moto.cloudformation import parsing

from undocked.errors import StartError
from undocked.resources import MADE_BY_MOTO
from undocked.translation import translate


@dataclass(frozen=True)
class Resource:
    """One resource of the translated template whose condition holds.

    Properties with references still in them.
    """

    logical_id: str
    type: str
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Provided:
    """A resource that moto did not make, in the shape that moto's resolver asks for."""

    physical_resource_id: str
    attributes: dict[str, str]

    def get_cfn_attribute(self, name: str) -> str:
        """The value of Fn::GetAtt."""
        if name not in self.attributes:
            raise ValueError(f"nothing here stands for the attribute {name}")
        return self.attributes[name]


class _ResourceMap(parsing.ResourceMap):
    """moto's map from names to what they stand for.

    One that moto cannot make is an error here, not an empty value.
    """

    def __getitem__(self, key: str) -> Any:
        found: Any = super().__getitem__(key)
        if found is None and key in self._resource_json_map:
            raise ValueError(f"a reference to {key} cannot be resolved: nothing here stands for it")
        return found


class Template:
    """A deployed template: what it declares, resolved.

    Constructing it raises StartError for an unreadable one.
    """

    def __init__(
        self,
        path: Path,
        stack: str,
        account: str,
        region: str,
        parameters: dict[str, str],
        cache: Path | None = None,
    ) -> None:
        self.base, self.stack, self.account, self.region = path.resolve().parent, stack, account, region
        self._body = translate(path, parameters, cache)
        self._name_steadily()
        stack_id = f"arn:aws:cloudformation:{region}:{account}:stack/{stack}/local"
        without_outputs = {**self._body, "Outputs": {}}
        self._map = _ResourceMap(stack_id, stack, dict(parameters), {}, region, account, without_outputs, {})
        self._map.load()

    def of_type(self, *types: str) -> Iterator[Resource]:
        """The resources of these types (of all types when none is given) whose condition holds."""
        for logical_id, body in self._body["Resources"].items():
            wanted = "Condition" not in body or self._map.lazy_condition_map[body["Condition"]]
            if wanted and (not types or body["Type"] in types):
                yield Resource(logical_id, body["Type"], body.get("Properties", {}))

    @property
    def parameters(self) -> list[dict[str, str]]:
        """What it was deployed with, as DescribeStacks lists it; lists are one text, as they were given."""
        return [{"ParameterKey": name, "ParameterValue": ",".join(value) if isinstance(value, list) else str(value)}
                for name, value in self._map.resolved_parameters.items()]  # fmt: skip

    def resolve(self, expression: Any, where: str = "the template") -> Any:
        """Evaluate Ref, GetAtt, Sub, If, …; a moto resource that is referred to is created on the way.

        Raises StartError, beginning with `where`, for a reference that stands for nothing.
        """
        try:
            return parsing.clean_json(expression, self._map)
        except StartError:
            raise
        except KeyError as error:
            raise StartError(f"{where}: a reference to {error}, which is not in the template") from error
        except Exception as error:  # moto's own errors have no common class
            raise StartError(f"{where}: {error}") from error

    def properties(self, resource: Resource) -> dict[str, Any]:
        """A resource's properties, resolved."""
        resolved: dict[str, Any] = self.resolve(resource.properties, resource.logical_id)
        return resolved

    def provide(self, logical_id: str, physical_id: str, **attributes: str) -> None:
        """Say what stands for a resource that another engine runs."""
        self._map._parsed_resources[logical_id] = Provided(physical_id, attributes)

    def name(self, resource: Resource, key: str) -> str:
        """The given name, or one that stays the same from run to run (AWS would add a random suffix)."""
        given = resource.properties.get(key)
        name = self.resolve(given, resource.logical_id) if given is not None else None
        return f"{self.stack}-{resource.logical_id}" if name is None else str(name)

    def arn(self, service: str, rest: str) -> str:
        """An ARN of this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"

    def create_in_moto(self) -> None:
        """Make buses, rules, queues, topics, buckets, …: what nothing refers to as well.

        Raises StartError.
        """
        for resource in self.of_type(*MADE_BY_MOTO):
            self.resolve({"Ref": resource.logical_id}, resource.logical_id)

    def _name_steadily(self) -> None:
        """Nameless resources get a name without a random suffix, so that commands can be written down."""
        for logical_id, body in self._body["Resources"].items():
            key = parsing.resource_name_property_from_type(body["Type"]) if body["Type"] in MADE_BY_MOTO else None
            if key:
                properties = body.setdefault("Properties", {})
                name = f"{self.stack}-{logical_id}" + (".fifo" if properties.get("FifoQueue") else "")
                properties.setdefault(key, name)
