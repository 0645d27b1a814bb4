"""Which manifest to hold the books against, where it lies, and whose signature it must have."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

from refledger.adapters.archive import PREFIX, ArchivedDay, Folder, ManifestArchive, ManifestSource
from refledger.adapters.signing import Checker, KmsKey, PublicKey
from refledger.cli.output import warn
from refledger.cli.target import Target, Usage
from refledger.domain.manifest import INDEX, SIGNATURE
from refledger.domain.times import DAY_MS
from refledger.operations.proof.manifests import day_of

BUCKET, KEY = "ManifestBucket", "ManifestKey"  # in the template
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
FRESH_MS = 2 * DAY_MS


@dataclass(frozen=True)
class Signed:
    """`day`: which one it must be, None where a folder was named; `label`: for people."""

    source: ManifestSource
    checker: Checker
    day: str | None
    label: str


def add_manifest(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--manifest", metavar="WHICH",
        help="hold the books against a signed manifest too: latest, a day (2026-11-21), s3://bucket/…/day, or a folder",
    )  # fmt: skip
    parser.add_argument("--bucket", metavar="NAME", help=f"where manifests are (default: the stack's {BUCKET})")
    parser.add_argument("--key", metavar="ARN", help=f"the KMS key that signs them (default: the stack's {KEY})")
    parser.add_argument("--public-key", metavar="FILE", type=Path, help="its public part instead, PEM or DER")


def opened(target: Target, options: argparse.Namespace) -> Signed:
    """Open the manifest that the options name.

    Raises Usage where there is none. Who signed it is never taken from the manifest itself.
    """
    checker = _checker(target, options)
    which: str = options.manifest
    if which.startswith("s3://"):
        bucket, _, path = which.removeprefix("s3://").removesuffix(f"/{INDEX}").rstrip("/").partition("/")
        prefix, _, day = path.rpartition("/")
        if not DAY.fullmatch(day) or not prefix:
            raise Usage(f"{which}: name a day's manifest, s3://bucket/{PREFIX}/2026-11-21")
        return Signed(ArchivedDay(ManifestArchive(target.client("s3"), bucket, prefix), day), checker, day, day)
    if which == "latest" or DAY.fullmatch(which):
        archive = ManifestArchive(target.client("s3"), options.bucket or target.resource(BUCKET))
        day = _latest(target, archive) if which == "latest" else which
        return Signed(ArchivedDay(archive, day), checker, day, day)
    folder = Path(which).parent if which.endswith(INDEX) else Path(which)
    return Signed(Folder(folder), checker, None, str(folder))


def _latest(target: Target, archive: ManifestArchive) -> str:
    """The newest day with a signature."""
    day = next((day for day in archive.days() if archive.has(day, SIGNATURE)), None)
    if day is None:
        raise Usage("there is no manifest yet")
    if day < day_of(target.context.now_ms() - FRESH_MS):
        warn(f"refledger: the latest manifest is of {day}: what happened since is held together by its chain alone")
    return day


def _checker(target: Target, options: argparse.Namespace) -> Checker:
    if not options.public_key:
        return KmsKey(target.client("kms"), options.key or target.resource(KEY))
    try:
        return PublicKey(options.public_key.read_bytes())
    except ImportError as error:
        raise Usage("--public-key needs the Python package cryptography") from error
    except (OSError, ValueError) as error:
        raise Usage(f"{options.public_key}: {error}") from error
