"""The SAM transform, done as AWS does it, and kept: for a template of 160 routes it takes longer than all the rest.

Importing aws-sam-translator (the code behind AWS::Serverless) takes a while, too: only where nothing is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from undocked.data_dir import write_whole
from undocked.errors import StartError
from undocked.replacing import TRANSLATOR, replaced

LOCAL_BUCKET = "s3://local/"  # the translator wants S3 addresses; the key after this is the path next to the template
CODE_PROPERTIES = ("CodeUri", "ContentUri", "DefinitionUri")
KEPT_AT_MOST = 50


def translate(path: Path, parameters: Mapping[str, str], cache: Path | None) -> dict[str, Any]:
    """The CloudFormation template that a SAM template becomes, its code still lying next to it.

    `cache`: a directory of earlier answers, by all that goes into one. Raises StartError for one that is unreadable.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise StartError(f"{path}: {error}") from None
    kept = cache / f"{_digest(text, parameters)}.json" if cache else None
    if kept:
        with suppress(OSError, ValueError):  # not there, or torn: it is made anew
            found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
            return found
    made = json.dumps(_transform(path, text, parameters), default=str)  # CloudFormation is JSON: dates are text
    if kept:
        _keep(kept, made)
    translated: dict[str, Any] = json.loads(made)
    return translated


def _transform(path: Path, text: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.open_api import open_api
    from samtranslator.translator.transform import transform
    from samtranslator.yaml_helper import yaml_parse

    try:
        source = yaml_parse(text)
    except yaml.YAMLError as error:
        raise StartError(f"{path}: {error}") from None
    if not isinstance(source, dict) or not isinstance(source.get("Resources"), dict):
        raise StartError(f"{path}: not a template, it has no Resources")
    _check_parameters(source.get("Parameters", {}), parameters)
    sections = [source.get("Globals", {}).get("Function", {})]
    sections += [body.setdefault("Properties", {}) for body in source["Resources"].values()]
    for section in sections:
        for key in CODE_PROPERTIES:
            if isinstance(section.get(key), str) and not section[key].startswith("s3://"):
                section[key] = LOCAL_BUCKET + section[key]
    try:
        # it copies the whole OpenAPI document twice for every route, and puts the copy in the document's place
        with replaced(open_api, "_deepcopy", lambda document: document, TRANSLATOR):
            translated: dict[str, Any] = transform(source, dict(parameters), SimpleNamespace(load=dict))
    except InvalidDocumentException as error:
        raise StartError(f"{path}: " + "; ".join(cause.message for cause in error.causes)) from None
    return translated


def _check_parameters(declared: dict[str, Any], given: Mapping[str, str]) -> None:
    unknown = sorted(given.keys() - declared.keys())
    missing = sorted(name for name, body in declared.items() if "Default" not in body and name not in given)
    if unknown:
        raise StartError(f"--parameter {unknown[0]}: the template has no such parameter")
    if missing:
        raise StartError(f"parameter {missing[0]} has no default: give it with --parameter {missing[0]}=…")
    for name, value in given.items():
        allowed, pattern = declared[name].get("AllowedValues"), declared[name].get("AllowedPattern")
        if allowed is not None and value not in map(str, allowed):
            raise StartError(f"--parameter {name}={value}: not one of {', '.join(map(str, allowed))}")
        if pattern is not None and not re.fullmatch(pattern, value):
            raise StartError(f"--parameter {name}={value}: does not match {pattern}")


def _digest(text: str, parameters: Mapping[str, str]) -> str:
    """Of all that an answer depends on: the translator asks the environment for the region."""
    region = [os.environ.get(name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION")]
    own = Path(__file__).read_text(encoding="utf-8")
    parts = [text, sorted(parameters.items()), region, version("aws-sam-translator"), own]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _keep(kept: Path, made: str) -> None:
    """And no more than the latest; a cache that cannot be written, or that another stack writes now, is none."""
    with suppress(OSError):
        write_whole(kept, made.encode())
        oldest_first = sorted(kept.parent.iterdir(), key=lambda file: file.stat().st_mtime)
        for file in oldest_first[:-KEPT_AT_MOST]:
            file.unlink(missing_ok=True)
