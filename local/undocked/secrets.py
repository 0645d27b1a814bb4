"""Secrets of the template, and the dynamic references to them.

Each has the same ARN in every run, so that a parameter can name it: its name, and `-Local0` where AWS puts six other
characters. A secret with GenerateSecretString gets its value once; it is kept in the data directory, readable by its
owner alone, because what was hashed or signed with it is kept too. The value is never printed. Syntax:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-secretsmanager.html
"""

from __future__ import annotations

import json
import re
import secrets
import string
from pathlib import Path
from typing import Any

from undocked.data_dir import write_whole
from undocked.errors import StartError
from undocked.template import Template

REFERENCE = re.compile(r"\{\{resolve:([^}]*)\}\}")
ARN_PARTS = 7  # arn:aws:secretsmanager:region:account:secret:name


class Secrets:
    """The secrets of one template, made and kept; resolves references to them."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "secrets.json"
        self._kept: dict[str, str] = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else {}
        self._values: dict[str, str] = {}  # by name and by ARN

    def bring(self, file: Path, client: Any) -> None:
        """Make the secrets that are the owner's own and no stack's. Raises StartError, without a value in it."""
        try:
            given = json.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise StartError(f"--secrets {file}: {error.strerror}") from None
        except ValueError:
            raise StartError(f"--secrets {file}: not JSON") from None
        if not isinstance(given, dict) or not all(isinstance(value, str | dict) for value in given.values()):
            raise StartError(f"--secrets {file}: must be an object of names with texts or objects")
        for name, wanted in given.items():
            value = wanted if isinstance(wanted, str) else json.dumps(wanted)
            self._make(client, name, value)

    def create(self, template: Template, client: Any) -> None:
        """Make each secret of the template, with the kept value where there is one; in moto too."""
        for resource in template.of_type("AWS::SecretsManager::Secret"):
            name, given = template.name(resource, "Name"), template.properties(resource)
            wish = given.get("GenerateSecretString", {})
            value = (
                str(given["SecretString"]) if "SecretString" in given else self.keep(name, wish, resource.logical_id)
            )
            arn = self._make(client, name, value)
            template.provide(resource.logical_id, arn, Id=arn)

    def _make(self, client: Any, name: str, value: str) -> str:
        """In moto, which takes the end of the ARN from this tag. Returns the ARN."""
        tags = [{"Key": "_custom_id_", "Value": "Local0"}]
        arn = str(client.create_secret(Name=name, SecretString=value, Tags=tags)["ARN"])
        self._values[name] = self._values[arn] = value
        return arn

    def fill_in(self, value: Any, where: str) -> Any:
        """`value` with every dynamic reference in its strings replaced.

        Raises StartError for one that cannot be.
        """
        if isinstance(value, dict):
            return {key: self.fill_in(item, f"{where}.{key}") for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill_in(item, where) for item in value]
        if isinstance(value, str):
            return REFERENCE.sub(lambda found: self._resolve(found[1], where), value)
        return value

    def _resolve(self, reference: str, where: str) -> str:
        """`secretsmanager:ID[:SecretString[:JSON-KEY[:STAGE[:VERSION]]]]`; ID may be an ARN, with its colons."""
        service, _, rest = reference.partition(":")
        if service != "secretsmanager":
            raise StartError(f"{where}: references to {service} are not resolved here, only secretsmanager")
        parts = rest.split(":")
        length = ARN_PARTS if parts[0] == "arn" else 1
        secret, options = ":".join(parts[:length]), [*parts[length:], "", ""]
        if secret not in self._values:
            raise StartError(
                f"{where}: {{{{resolve:{reference}}}}} names a secret that the template does not declare, "
                "and --secrets does not give"
            )
        if options[0] not in ("", "SecretString") or any(options[2:]):
            raise StartError(
                f"{where}: only SecretString and a JSON key of it are resolved here, not {{{{resolve:{reference}}}}}"
            )
        if not options[1]:
            return self._values[secret]
        try:
            return str(json.loads(self._values[secret])[options[1]])
        except (ValueError, KeyError, TypeError):
            raise StartError(f"{where}: the secret has no JSON key {options[1]}") from None

    def keep(self, name: str, wish: dict[str, Any], where: str) -> str:
        """The value kept under a name; generated as GenerateSecretString wishes when there is none yet."""
        if name not in self._kept:
            self._kept[name] = generate(wish, where)
            self._save()
        return self._kept[name]

    def _save(self) -> None:
        write_whole(self._path, json.dumps(self._kept).encode())


def generate(wish: dict[str, Any], logical_id: str) -> str:
    """A random password as GenerateSecretString describes it, within its JSON template if one is given."""
    groups = {
        "ExcludeLowercase": string.ascii_lowercase,
        "ExcludeUppercase": string.ascii_uppercase,
        "ExcludeNumbers": string.digits,
        "ExcludePunctuation": string.punctuation,
    }
    unwanted = set(wish.get("ExcludeCharacters", ""))
    kinds = [
        "".join(c for c in letters if c not in unwanted) for key, letters in groups.items() if not _true(wish, key)
    ]
    kinds = [letters for letters in kinds if letters]
    length = int(wish.get("PasswordLength", 32))
    every = "".join(kinds) + (" " if _true(wish, "IncludeSpace") else "")
    if not every or length < len(kinds):
        raise StartError(f"{logical_id}: GenerateSecretString leaves no password to generate")
    password = [secrets.choice(letters) for letters in kinds] if _true(wish, "RequireEachIncludedType", "true") else []
    password += [secrets.choice(every) for _ in range(length - len(password))]
    secrets.SystemRandom().shuffle(password)
    if "GenerateStringKey" not in wish:
        return "".join(password)
    return json.dumps(
        {**json.loads(wish.get("SecretStringTemplate", "{}")), wish["GenerateStringKey"]: "".join(password)}
    )


def _true(wish: dict[str, Any], key: str, otherwise: str = "false") -> bool:
    return str(wish.get(key, otherwise)).lower() == "true"
