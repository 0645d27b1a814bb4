"""Tables: what CloudFormation describes, as the API wants it, and whether a table on disk is still that.

A table that exists is never altered: its data may be worth keeping, and guessing is not for a start command.
"""

from __future__ import annotations

from typing import Any

WANTED = (
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "ProvisionedThroughput",
    "LocalSecondaryIndexes",
)
INDEX_WANTED = ("IndexName", "KeySchema", "Projection", "ProvisionedThroughput")


def create_arguments(properties: dict[str, Any]) -> dict[str, Any]:
    """What CreateTable wants: CloudFormation's own names, but for the stream, without what is unknown locally."""
    arguments = {key: properties[key] for key in WANTED if key in properties}
    for key in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes"):
        if indexes := properties.get(key):
            arguments[key] = [{k: v for k, v in index.items() if k in INDEX_WANTED} for index in indexes]
    if stream := properties.get("StreamSpecification"):
        arguments["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": stream["StreamViewType"]}
    if "BillingMode" not in arguments:
        arguments["BillingMode"] = "PROVISIONED"
    return arguments


def differences(table: dict[str, Any], properties: dict[str, Any]) -> list[str]:
    """How a described table differs from the properties, in words; empty when it is the same."""
    found = []
    if _keys(table) != _keys(properties):
        found.append(f"keys {_keys(table)} instead of {_keys(properties)}")
    for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        have, want = _indexes(table, kind), _indexes(properties, kind)
        for name in sorted(have.keys() | want.keys()):
            if name not in have:
                found.append(f"index {name} is missing")
            elif name not in want:
                found.append(f"index {name} is not in the template")
            elif have[name] != want[name]:
                found.append(f"index {name} is {have[name]} instead of {want[name]}")
    types, wanted_types = _types(table), _types(properties)
    if types != wanted_types:
        found.append(f"attributes {types} instead of {wanted_types}")
    have_stream = table.get("StreamSpecification", {}).get("StreamViewType")
    want_stream = properties.get("StreamSpecification", {}).get("StreamViewType")
    if have_stream != want_stream:
        found.append(f"stream {have_stream} instead of {want_stream}")
    return found


def _keys(described: dict[str, Any]) -> str:
    order = sorted(described["KeySchema"], key=lambda key: str(key["KeyType"]))  # HASH before RANGE
    return " ".join(f"{key['AttributeName']}" for key in order)


def _types(described: dict[str, Any]) -> str:
    return " ".join(sorted(f"{a['AttributeName']}:{a['AttributeType']}" for a in described["AttributeDefinitions"]))


def _indexes(described: dict[str, Any], kind: str) -> dict[str, str]:
    """Each index as text: its keys and its projection."""
    return {
        index["IndexName"]: " ".join(
            [
                _keys(index),
                index["Projection"]["ProjectionType"],
                *sorted(index["Projection"].get("NonKeyAttributes", [])),
            ]
        )
        for index in described.get(kind, [])
    }
