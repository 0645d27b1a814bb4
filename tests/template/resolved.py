"""The transformed template with every intrinsic carried out, as far as a name or a value depends on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.template.deployed import transformed

ACCOUNT, REGION = "111122223333", "eu-central-1"


class Resolved:
    """A stack of some name with some parameters. What only AWS knows (generated names, ARNs) is `<stack/Id.Attr>`."""

    def __init__(self, stack: str, parameters: Mapping[str, str] | None = None) -> None:
        self.template = transformed()
        given = {name: str(each.get("Default", "")) for name, each in self.template["Parameters"].items()}
        self.stack, self.parameters = stack, {**given, **(parameters or {})}
        self.pseudo = {
            "AWS::StackName": stack,
            "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack}/id-of-{stack}",
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
        }

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template is true for these parameters."""
        return bool(self._test(self.template["Conditions"][condition]))

    def resources(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Logical id, type and resolved properties of what is made with these parameters."""
        for id, resource in self.template["Resources"].items():
            if "Condition" not in resource or self.holds(resource["Condition"]):
                yield id, resource["Type"], self.value(resource.get("Properties", {}))

    def refused(self) -> list[str]:
        """What the template's Rules say against these parameters."""
        said = []
        for rule in self.template.get("Rules", {}).values():
            if self._test(rule.get("RuleCondition", True)):
                said += [each["AssertDescription"] for each in rule["Assertions"] if not self._test(each["Assert"])]
        return said

    def value(self, given: Any) -> Any:
        """A value of the template, its intrinsics carried out; AWS::NoValue is left out."""
        if isinstance(given, list):
            return [found for found in map(self.value, given) if found is not None]
        if not isinstance(given, dict):
            return given
        if len(given) == 1:
            ((name, argument),) = given.items()
            if name == "Ref":
                return self._ref(argument)
            if name.startswith("Fn::"):
                return self._call(name.removeprefix("Fn::"), argument)
        found = {key: self.value(each) for key, each in given.items()}
        return {key: each for key, each in found.items() if each is not None}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return None
        return self.pseudo.get(name, self.parameters.get(name, f"<{self.stack}/{name}>"))

    def _call(self, name: str, argument: Any) -> Any:
        match name:
            case "If":
                return self.value(argument[1] if self.holds(argument[0]) else argument[2])
            case "GetAtt":
                return f"<{self.stack}/{argument if isinstance(argument, str) else '.'.join(argument)}>"
            case "Split":
                return self.value(argument[1]).split(argument[0])
            case "Select":
                return self.value(argument[1])[int(argument[0])]
            case "Join":
                return argument[0].join(map(str, self.value(argument[1])))
            case "Sub":
                text, own = (argument, {}) if isinstance(argument, str) else argument
                names = {key: self.value(each) for key, each in own.items()}
                return re.sub(r"\$\{([^!}]+)\}", lambda m: str(names.get(m[1]) or self._named(m[1])), text)
        raise AssertionError(f"Fn::{name} is not known here")

    def _named(self, name: str) -> Any:
        return self._ref(name) if "." not in name else f"<{self.stack}/{name}>"

    def _test(self, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        ((name, argument),) = given.items()
        match name:
            case "Condition":
                return self.holds(argument)
            case "Fn::Equals":
                return self.value(argument[0]) == self.value(argument[1])
            case "Fn::Not":
                return not self._test(argument[0])
            case "Fn::And":
                return all(map(self._test, argument))
            case "Fn::Or":
                return any(map(self._test, argument))
        raise AssertionError(f"{name} is not known here")
