"""Buckets of a template: object lock holds, nothing is overwritten that must not be, and objects outlive a crash."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from undocked.testing import Stack


def physical_ids(restarted: Stack) -> dict[str, str]:
    """What the resources are called, as CloudFormation lists them."""
    pages = restarted.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=restarted.name)
    return {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for page in pages
        for each in page["StackResourceSummaries"]
    }


def versions(s3: Any, bucket: str) -> dict[str, list[str]]:
    """Version ids by key and kind, newest first."""
    told = s3.list_object_versions(Bucket=bucket)
    return {
        kind: [f"{each['Key']} {each['VersionId']}" for each in told.get(kind, [])]
        for kind in ("Versions", "DeleteMarkers")
    }


def test_a_locked_object_stays(restarted: Stack) -> None:
    """The template's default retention holds for every version; a marker may hide it, and takes nothing away."""
    s3, bucket = restarted.client("s3"), physical_ids(restarted)["Records"]
    version = s3.put_object(Bucket=bucket, Key="a/1", Body=b"one", Metadata={"who": "me"})["VersionId"]
    held = s3.head_object(Bucket=bucket, Key="a/1")
    assert held["ObjectLockMode"] == "COMPLIANCE"
    assert (held["ObjectLockRetainUntilDate"] - held["LastModified"]).days in (2, 3)
    for bypass in (False, True):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.delete_object(Bucket=bucket, Key="a/1", VersionId=version, BypassGovernanceRetention=bypass)
    s3.delete_object(Bucket=bucket, Key="a/1")
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="a/1")
    assert s3.get_object(Bucket=bucket, Key="a/1", VersionId=version)["Body"].read() == b"one"


def test_what_is_there_is_not_put_again(restarted: Stack) -> None:
    """`If-None-Match: *` is refused where there is an object."""
    s3, bucket = restarted.client("s3"), physical_ids(restarted)["Records"]
    s3.put_object(Bucket=bucket, Key="a/2", Body=b"one", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="a/2", Body=b"two", IfNoneMatch="*")
    assert s3.get_object(Bucket=bucket, Key="a/2")["Body"].read() == b"one"


def test_objects_outlive_a_crash(restarted: Stack) -> None:
    """All versions, markers, locks and metadata are as they were; what was deleted stays deleted."""
    s3, ids = restarted.client("s3"), physical_ids(restarted)
    records, files = ids["Records"], ids["Files"]
    for body in (b"one", b"two"):
        s3.put_object(Bucket=records, Key="b/1", Body=body, Metadata={"who": "me"}, ContentType="text/plain")
    s3.delete_object(Bucket=records, Key="b/1")
    for key in ("stays", "goes", "goes too"):
        s3.put_object(Bucket=files, Key=key, Body=key.encode())
    s3.delete_object(Bucket=files, Key="goes")
    s3.delete_objects(Bucket=files, Delete={"Objects": [{"Key": "goes too"}]})
    before = {bucket: versions(s3, bucket) for bucket in (records, files)}
    restarted.kill9()
    restarted.start()
    s3 = restarted.client("s3")
    assert {bucket: versions(s3, bucket) for bucket in (records, files)} == before
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=files)["Contents"]] == ["stays"]
    name, version = before[records]["Versions"][-1].rsplit(" ", 1)
    found = s3.get_object(Bucket=records, Key=name, VersionId=version)
    assert (found["Metadata"], found["ObjectLockMode"]) == ({"who": "me"}, "COMPLIANCE")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=records, Key=name, VersionId=version)


def test_the_stack_is_listed(restarted: Stack) -> None:
    """Physical ids are those that the services know, whichever engine runs the resource."""
    ids = physical_ids(restarted)
    assert restarted.client("sqs").get_queue_url(QueueName=ids["PaymentsQueue"].rsplit("/", 1)[1])
    assert restarted.client("dynamodb").describe_table(TableName=ids["Table"])
    assert "ProdOnly" not in ids, "its condition does not hold"
    with pytest.raises(ClientError, match="does not exist"):
        restarted.client("cloudformation").list_stack_resources(StackName="another")


def test_a_digest_is_signed_as_it_is(restarted: Stack) -> None:
    """The signature of a text's SHA-256 is the text's own, for whoever has the public key."""
    kms, key = restarted.client("kms"), physical_ids(restarted)["CurveKey"]
    text = b"text" * 2000
    how = {"KeyId": key, "SigningAlgorithm": "ECDSA_SHA_256"}
    digest = {"Message": hashlib.sha256(text).digest(), "MessageType": "DIGEST"}
    signature = kms.sign(**how, **digest)["Signature"]
    public = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(signature, text, ec.ECDSA(hashes.SHA256()))
    assert kms.verify(**how, **digest, Signature=signature)["SignatureValid"]
    short = kms.sign(**how, Message=b"short")["Signature"]
    public.verify(short, b"short", ec.ECDSA(hashes.SHA256()))
