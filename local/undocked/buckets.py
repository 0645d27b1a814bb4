"""Buckets of the template, with versions and object lock, which moto's CloudFormation leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from moto.s3.models import s3_backends
from moto.utilities.utils import get_partition

from undocked.object_store import ObjectStore, keep_objects_in
from undocked.template import Resource, Template


def create_buckets(template: Template, client: Any, data_dir: Path) -> None:
    """Make each bucket by API, with the objects that were in it in the run before, which stay locked as they were."""
    store, names = ObjectStore(data_dir / "objects.sqlite"), set()
    backend = s3_backends[template.account][get_partition(template.region)]
    for resource in template.of_type("AWS::S3::Bucket"):
        name = template.name(resource, "BucketName")
        name = name if "BucketName" in resource.properties else name.lower()  # S3 knows no capitals
        _create(template, resource, client, name)
        store.restore(backend, backend.get_bucket(name))
        names.add(name)
        domain = f"{name}.s3.amazonaws.com"
        regional = f"{name}.s3.{template.region}.amazonaws.com"
        attributes = {"Arn": f"arn:aws:s3:::{name}", "DomainName": domain, "RegionalDomainName": regional}
        template.provide(resource.logical_id, name, **attributes)
    keep_objects_in(store, names.__contains__)


def _create(template: Template, resource: Resource, client: Any, name: str) -> None:
    given = template.properties(resource)
    locked = given.get("ObjectLockEnabled") in (True, "true")
    place = {} if template.region == "us-east-1" else {"LocationConstraint": template.region}
    configured = {"CreateBucketConfiguration": place} if place else {}
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=locked, **configured)
    if versioning := given.get("VersioningConfiguration"):
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": versioning["Status"]})
    if "EventBridgeConfiguration" in given.get("NotificationConfiguration", {}):
        client.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
    rule = given.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention")
    if rule:
        retention = {"Mode": rule["Mode"]} | {unit: int(rule[unit]) for unit in ("Days", "Years") if unit in rule}
        configuration = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}
        client.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=configuration)
