"""KMS keys of the template: moto does what they are asked, and their material outlives it.

moto makes another key at every start, and nothing that the last one encrypted could be read again. So id and material
are kept in the data directory, readable by its owner alone, and given back to moto's key. Tested against: moto 5.2.5
(private names).
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from moto.kms.models import Key, kms_backends

from undocked.data_dir import write_whole
from undocked.template import Template

SYMMETRIC = "SYMMETRIC_DEFAULT"


class KmsKeys:
    """The keys of one template, made and kept."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "kms.json"
        self._kept: dict[str, dict[str, str]] = {}
        if self._path.exists():
            self._kept = json.loads(self._path.read_text(encoding="utf-8"))

    def create(self, template: Template, client: Any) -> None:
        """Make each key of the template in moto, as the one that it was in the run before."""
        for resource in template.of_type("AWS::KMS::Key"):
            # not the policy: it may name roles, which refer to what there is not yet
            known = {key: value for key, value in resource.properties.items() if key != "KeyPolicy"}
            given = template.resolve(known, resource.logical_id)
            spec = str(given.get("KeySpec", SYMMETRIC))
            made = client.create_key(
                KeySpec=spec,
                KeyUsage=str(given.get("KeyUsage", "ENCRYPT_DECRYPT")),
                Description=str(given.get("Description", "")),
            )["KeyMetadata"]
            backend = kms_backends[template.account][template.region]
            key = backend.keys[made["KeyId"]]
            name = f"{template.stack}-{resource.logical_id}-{spec}"  # another kind of key is another key
            if name in self._kept:
                del backend.keys[key.id]
                _restore(key, self._kept[name])
                backend.keys[key.id] = key
            else:
                self._kept[name] = _kept(key)
                self._save()
            key.key_rotation_status = given.get("EnableKeyRotation") in (True, "true")
            template.provide(resource.logical_id, key.id, Arn=key.arn, KeyId=key.id)

    def _save(self) -> None:
        write_whole(self._path, json.dumps(self._kept).encode())


def _kept(key: Key) -> dict[str, str]:
    if not key.key_spec.startswith(("RSA", "ECC")):
        return {"id": key.id, "material": base64.b64encode(key.key_material).decode()}
    private: Any = key.private_key
    pem = private.private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"id": key.id, "private": pem.decode()}


def _restore(key: Key, kept: dict[str, str]) -> None:
    key.arn = key.arn.replace(key.id, kept["id"])
    key.id = kept["id"]
    if "material" in kept:
        key.key_material = base64.b64decode(kept["material"])
    else:
        private: Any = key.private_key
        private.private_key = serialization.load_pem_private_key(kept["private"].encode(), None)
